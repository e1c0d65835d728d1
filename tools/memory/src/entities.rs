//! Entities and what is known of them.

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Map;

use crate::graph::Changes;
use crate::record::{self, Entity, Record};
use crate::store::Memory;

/// An entity to remember.
#[args]
#[derive(Debug)]
pub(crate) struct NewEntity {
    /// Its name: one line, the same whenever the same thing is meant.
    name: String,
    /// What kind of thing it is, such as `person` or `project`.
    entity_type: String,
    /// What is known of it, one fact each.
    #[serde(default)]
    observations: Vec<String>,
}

/// Observations of an entity.
#[args]
#[derive(Debug)]
pub(crate) struct Observations {
    /// Name of the entity.
    entity: String,
    /// The observations.
    observations: Vec<String>,
}

/// Remembers entities. One that is there already keeps its type and gets the observations that it did not have.
#[tool(
    title = "Remember entities",
    hints(additive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn create_entities(
    /// The entities.
    #[schemars(length(min = 1))]
    entities: Vec<NewEntity>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let mut changes = Changes::default();
    for entity in entities {
        let name = record::name(&entity.name, "the name of an entity")?;
        let entity_type = record::name(&entity.entity_type, "the type of an entity")?;
        let observations = checked(&entity.observations)?;
        if exists(&memory, &name) {
            let updated = observe(&mut memory, &name, &observations);
            changes.updated += updated;
            changes.unchanged += 1 - updated;
        } else {
            let mut new = Entity { name, entity_type, observations: Vec::new(), other: Map::new() };
            merge(&mut new, &observations);
            memory.add(Record::Entity(new));
            changes.created += 1;
        }
    }
    changes.save(&memory)
}

/// Adds observations to entities that are there.
#[tool(
    title = "Add observations",
    hints(additive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn add_observations(
    /// Observations by entity.
    #[schemars(length(min = 1))]
    observations: Vec<Observations>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let mut changes = Changes::default();
    for one in observations {
        let name = record::name(&one.entity, "the name of an entity")?;
        if !exists(&memory, &name) {
            return Err(Error::not_found(format!("there is no entity `{name}`; make it with `create_entities`")));
        }
        let updated = observe(&mut memory, &name, &checked(&one.observations)?);
        changes.updated += updated;
        changes.unchanged += 1 - updated;
    }
    changes.save(&memory)
}

/// Forgets observations of entities, given word by word. What is not there counts as forgotten.
#[tool(
    title = "Forget observations",
    hints(destructive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn delete_observations(
    /// Observations by entity.
    #[schemars(length(min = 1))]
    observations: Vec<Observations>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let mut changes = Changes::default();
    for one in &observations {
        memory.update(|record| match record {
            Record::Entity(entity) if entity.name == one.entity.trim() => {
                let before = entity.observations.len();
                entity.observations.retain(|known| !one.observations.iter().any(|gone| gone.trim() == known));
                changes.deleted += before - entity.observations.len();
                before != entity.observations.len()
            }
            _ => false,
        });
    }
    changes.save(&memory)
}

/// Forgets entities, with all their observations and relations. What is not there counts as forgotten.
#[tool(
    title = "Forget entities",
    hints(destructive, idempotent),
    needs(read("/**", "reads the file of the memory"), write("/**", "writes the file of the memory"))
)]
pub(crate) fn delete_entities(
    /// Names of the entities.
    #[schemars(length(min = 1))]
    names: Vec<String>,
    /// Absolute path of the file of the memory; `memory.jsonl` in the first granted directory if left out.
    path: Option<String>,
) -> Result<Changes> {
    let mut memory = Memory::load(path.as_deref())?;
    let gone = |name: &str| names.iter().any(|gone| gone.trim() == name);
    let deleted = memory.remove(|record| matches!(record, Record::Entity(entity) if gone(&entity.name)));
    memory.remove(|record| matches!(record, Record::Relation(relation) if gone(&relation.from) || gone(&relation.to)));
    Changes { deleted, ..Changes::default() }.save(&memory)
}

/// Whether there is an entity of this name.
pub(crate) fn exists(memory: &Memory, name: &str) -> bool {
    memory.records().any(|record| matches!(record, Record::Entity(entity) if entity.name == name))
}

fn observe(memory: &mut Memory, name: &str, observations: &[String]) -> usize {
    memory.update(|record| match record {
        Record::Entity(entity) if entity.name == name => merge(entity, observations),
        _ => false,
    })
}

fn merge(entity: &mut Entity, observations: &[String]) -> bool {
    let before = entity.observations.len();
    for observation in observations {
        if !entity.observations.contains(observation) {
            entity.observations.push(observation.clone());
        }
    }
    before != entity.observations.len()
}

fn checked(observations: &[String]) -> Result<Vec<String>> {
    observations.iter().map(|text| record::observation(text)).collect()
}
