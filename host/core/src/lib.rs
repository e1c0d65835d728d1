//! What may decide: the permission manifest, the policy, the schemas and the types of one call.
//!
//! Nothing here does I/O, reads a clock, draws randomness or runs a guest: all of that arrives as values. A decision is
//! thus a pure function that can be tested in microseconds and read in one sitting.
//!
//! Reading order: a call is made of [`id`]s and [`describe`]d tools; a [`manifest`] says what is granted ([`grant`],
//! [`limit`]); [`schema`] validates arguments; [`policy`] turns a validated [`call`] into an authorized one or a denial;
//! [`classify`], [`retry`], [`breaker`] and [`rate`] say whether it is made again, and when it is not made at all; [`outcome`] is
//! what came of it and [`event`] how the journal words it. [`origin`] is where a component comes from, [`lock`] pins its bytes,
//! [`signature`] says who vouches for them, [`widening`] what a newer version asks for beyond it. [`run`] is the life of an agent run and [`state`] where it can be.

pub mod approval;
pub mod base_url;
pub mod breaker;
pub mod call;
pub mod chain;
pub mod classify;
pub mod command;
pub mod content;
pub mod cost;
pub mod describe;
pub mod effect;
pub mod escape;
pub mod event;
pub mod explain;
pub mod grant;
pub mod health;
pub mod id;
pub mod limit;
pub mod lock;
pub mod manifest;
pub mod origin;
pub mod outcome;
pub mod policy;
pub mod quota;
pub mod rate;
pub mod redact;
pub mod replay;
pub mod retry;
pub mod run;
pub mod schema;
pub mod shape;
pub mod signature;
pub mod state;
pub mod tape;
pub mod tool;
pub mod widening;
