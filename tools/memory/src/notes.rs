//! Notes: texts with titles.

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Map;

use crate::graph::Changes;
use crate::record::{self, Note, Record};
use crate::store::Memory;

/// Remembers a text by its title. A note of this title that is there already is replaced.
#[tool(
    title = "Save a note",
    hints(destructive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn save_note(
    /// Its title, one line.
    title: String,
    /// Its text.
    text: String,
    /// Words to find it by.
    #[serde(default)]
    tags: Vec<String>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let title = record::name(&title, "the title of a note")?;
    let text = record::note(&text)?;
    let tags = tags.iter().map(|tag| record::name(tag, "a tag")).collect::<Result<Vec<String>>>()?;
    let is_it = |record: &Record| matches!(record, Record::Note(note) if note.title == title);
    let mut changes = Changes::default();
    if memory.records().any(is_it) {
        changes.updated = memory.update(|record| match record {
            Record::Note(note) if note.title == title && (note.text != text || note.tags != tags) => {
                (note.text, note.tags) = (text.clone(), tags.clone());
                true
            }
            _ => false,
        });
        changes.unchanged = 1 - changes.updated;
    } else {
        memory.add(Record::Note(Note { title, text, tags, other: Map::new() }));
        changes.created = 1;
    }
    changes.save(&memory)
}

/// Forgets notes by their titles. What is not there counts as forgotten.
#[tool(
    title = "Forget notes",
    hints(destructive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn delete_notes(
    /// Titles of the notes.
    #[schemars(length(min = 1))]
    titles: Vec<String>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let gone =
        |record: &Record| matches!(record, Record::Note(note) if titles.iter().any(|title| title.trim() == note.title));
    Changes { deleted: memory.remove(gone), ..Changes::default() }.save(&memory)
}
