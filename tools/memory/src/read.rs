//! `search`, `open`, `read`: what is remembered.

use toolhold_sdk::prelude::*;

use crate::graph::Graph;
use crate::record::Record;
use crate::store::Memory;

/// Entities and notes returned by `search` unless asked otherwise.
const DEFAULT_FOUND: usize = 20;
/// Entities and notes returned by `read` unless asked otherwise.
const DEFAULT_READ: usize = 200;
/// Entities and notes returned at most.
const MAX_LIMIT: usize = 2000;

/// Finds entities and notes that contain all words of the query, in names, types, observations, titles, texts or tags, the best
/// first, with the relations of what was found. The first call when something may be remembered.
#[tool(title = "Search the memory", hints(read_only, idempotent), needs(read("/**", "reads the file of the memory")))]
pub(crate) fn search(
    /// Words, in any order and case; parts of words count.
    query: String,
    /// Results to leave out at the beginning.
    #[serde(default)]
    skip: usize,
    /// Results to return, at most 2000; 20 if left out.
    limit: Option<usize>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Graph> {
    let memory = Memory::load(path.as_deref())?;
    let words: Vec<String> = query.to_lowercase().split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return Err(Error::invalid_args("`query` has no word; `read` returns everything"));
    }
    let mut found: Vec<(usize, &Record)> =
        memory.records().filter_map(|record| score(record, &words).map(|score| (score, record))).collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let found: Vec<&Record> = found.into_iter().map(|(_, record)| record).collect();
    Graph::of(&memory, &found, skip, limit.unwrap_or(DEFAULT_FOUND).clamp(1, MAX_LIMIT))
}

/// Returns entities and notes by their names and titles, with the relations of the entities.
#[tool(title = "Open by name", hints(read_only, idempotent), needs(read("/**", "reads the file of the memory")))]
pub(crate) fn open(
    /// Names of entities and titles of notes.
    #[schemars(length(min = 1))]
    names: Vec<String>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Graph> {
    let memory = Memory::load(path.as_deref())?;
    let found: Vec<&Record> =
        memory.records().filter(|record| names.iter().any(|name| called(record) == Some(name))).collect();
    Graph::of(&memory, &found, 0, MAX_LIMIT)
}

/// Returns everything that is remembered, in parts if it is much.
#[tool(title = "Read the memory", hints(read_only, idempotent), needs(read("/**", "reads the file of the memory")))]
pub(crate) fn read(
    /// Entities and notes to leave out at the beginning.
    #[serde(default)]
    skip: usize,
    /// Entities and notes to return, at most 2000; 200 if left out.
    limit: Option<usize>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Graph> {
    let memory = Memory::load(path.as_deref())?;
    let found: Vec<&Record> = memory.records().filter(|record| called(record).is_some()).collect();
    Graph::of(&memory, &found, skip, limit.unwrap_or(DEFAULT_READ).clamp(1, MAX_LIMIT))
}

fn called(record: &Record) -> Option<&String> {
    match record {
        Record::Entity(entity) => Some(&entity.name),
        Record::Note(note) => Some(&note.title),
        Record::Relation(_) => None,
    }
}

/// How well a record fits: a word in a name weighs most. `None` if a word is nowhere in it.
fn score(record: &Record, words: &[String]) -> Option<usize> {
    let (name, marks, body): (&str, Vec<&str>, Vec<&str>) = match record {
        Record::Entity(entity) => {
            (&entity.name, vec![&entity.entity_type], entity.observations.iter().map(String::as_str).collect())
        }
        Record::Note(note) => (&note.title, note.tags.iter().map(String::as_str).collect(), vec![&note.text]),
        Record::Relation(_) => return None,
    };
    let lower = |texts: &[&str]| texts.iter().map(|text| text.to_lowercase()).collect::<Vec<_>>();
    let (name, marks, body) = (name.to_lowercase(), lower(&marks), lower(&body));
    let mut total = 0;
    for word in words {
        let found = |texts: &[String]| texts.iter().filter(|text| text.contains(word.as_str())).count();
        let weight = match (name == *word, name.contains(word.as_str())) {
            (true, _) => 100,
            (false, true) => 20,
            (false, false) => 0,
        };
        let weight = weight + 5 * found(&marks) + found(&body).min(4);
        if weight == 0 {
            return None;
        }
        total += weight;
    }
    Some(total)
}
