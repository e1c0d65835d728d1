//! Parts of what is remembered, as results show them.

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::to_string;

use crate::record::{Entity, Note, Record, Relation};
use crate::store::Memory;

/// Bytes of a result.
const MAX_RESULT_BYTES: usize = 512 * 1024;

/// What is remembered, or a part of it.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Entities with what is known of them.
    pub(crate) entities: Vec<Entity>,
    /// Relations of these entities.
    pub(crate) relations: Vec<Relation>,
    /// Notes.
    pub(crate) notes: Vec<Note>,
    /// Entities and notes that fit, returned or not.
    pub(crate) total: usize,
    /// To go on, pass this as `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_skip: Option<usize>,
    /// Lines of the file that cannot be read. They are kept as they are; a person can repair them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(crate) damaged: Vec<String>,
}

impl Graph {
    /// Of these entities and notes, with the relations of these entities, as many as have room.
    ///
    /// # Errors
    /// They cannot be printed.
    pub(crate) fn of(memory: &Memory, found: &[&Record], skip: usize, limit: usize) -> Result<Self> {
        let mut graph = Self { total: found.len(), damaged: memory.damaged(), ..Self::default() };
        let (mut bytes, mut count) = (0, 0);
        for record in found.iter().skip(skip).take(limit) {
            bytes += to_string(record)?.len();
            if bytes > MAX_RESULT_BYTES && count > 0 {
                break;
            }
            count += 1;
            match record {
                Record::Entity(entity) => graph.entities.push(entity.clone()),
                Record::Note(note) => graph.notes.push(note.clone()),
                Record::Relation(_) => {}
            }
        }
        for record in memory.records() {
            if let Record::Relation(relation) = record
                && graph.entities.iter().any(|entity| relation.touches(&entity.name))
            {
                graph.relations.push(relation.clone());
            }
        }
        let next = skip + count;
        graph.next_skip = (count > 0 && next < found.len()).then_some(next);
        Ok(graph)
    }
}

/// What a call changed.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// What was not there before.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    pub(crate) created: usize,
    /// What was there and was changed.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    pub(crate) updated: usize,
    /// What is not there any more.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    pub(crate) deleted: usize,
    /// What was as it should be already.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    pub(crate) unchanged: usize,
    /// Lines of the file that cannot be read. They are kept as they are; a person can repair them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(crate) damaged: Vec<String>,
}

impl Changes {
    /// Writes what changed, and says it.
    ///
    /// # Errors
    /// As the host says.
    pub(crate) fn save(self, memory: &Memory) -> Result<Self> {
        memory.save()?;
        Ok(Self { damaged: memory.damaged(), ..self })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
