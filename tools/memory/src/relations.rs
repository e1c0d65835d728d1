//! How entities are related.

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Map;

use crate::entities::exists;
use crate::graph::Changes;
use crate::record::{self, Record, Relation};
use crate::store::Memory;

/// A relation.
#[args]
#[derive(Debug)]
pub(crate) struct Related {
    /// Name of an entity.
    from: String,
    /// Name of another.
    to: String,
    /// What `from` does to `to`, in the active voice, such as `works at`.
    relation_type: String,
}

/// Remembers relations between entities that are there.
#[tool(
    title = "Remember relations",
    hints(additive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn create_relations(
    /// The relations.
    #[schemars(length(min = 1))]
    relations: Vec<Related>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let mut changes = Changes::default();
    for relation in relations {
        let relation = relation.checked()?;
        if let Some(missing) = [&relation.from, &relation.to].into_iter().find(|name| !exists(&memory, name)) {
            return Err(Error::not_found(format!(
                "nothing was changed: there is no entity `{missing}`; make it with `create_entities`"
            )));
        }
        if is_known(&memory, &relation) {
            changes.unchanged += 1;
        } else {
            memory.add(Record::Relation(relation));
            changes.created += 1;
        }
    }
    changes.save(&memory)
}

/// Forgets relations. What is not there counts as forgotten.
#[tool(
    title = "Forget relations",
    hints(destructive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn delete_relations(
    /// The relations.
    #[schemars(length(min = 1))]
    relations: Vec<Related>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let gone = relations.into_iter().map(Related::checked).collect::<Result<Vec<Relation>>>()?;
    let fits = |record: &Record| matches!(record, Record::Relation(one) if gone.iter().any(|gone| gone.is_same(one)));
    Changes { deleted: memory.remove(fits), ..Changes::default() }.save(&memory)
}

impl Related {
    fn checked(self) -> Result<Relation> {
        Ok(Relation {
            from: record::name(&self.from, "the name of an entity")?,
            to: record::name(&self.to, "the name of an entity")?,
            relation_type: record::name(&self.relation_type, "the type of a relation")?,
            other: Map::new(),
        })
    }
}

fn is_known(memory: &Memory, relation: &Relation) -> bool {
    memory.records().any(|record| matches!(record, Record::Relation(known) if known.is_same(relation)))
}
