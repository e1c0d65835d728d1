//! `memory`: what a model wants to know again next time: notes, and a graph of entities with observations and relations.
//!
//! All of it is in one file of JSON Lines ([`store`]), in the form that the memory server of the Model Context Protocol has, so
//! that either reads what the other wrote. Every tool leads to the same state however often it is called.

mod entities;
mod graph;
mod notes;
mod read;
mod record;
mod relations;
mod store;

toolhold_sdk::component!(
    read::search,
    read::open,
    read::read,
    entities::create_entities,
    entities::add_observations,
    entities::delete_observations,
    entities::delete_entities,
    relations::create_relations,
    relations::delete_relations,
    notes::save_note,
    notes::delete_notes,
);

#[cfg(test)]
mod tests;
