//! The journal's rules, each with the test that fails without it.

mod approvals;
mod attack;
mod calls;
mod damage;
mod failure;
mod lookup;
mod parked;
mod plans;
mod pruning;
mod pruning_any;
mod reliability;
mod runs;
mod standing;
mod subscription;
mod support;
mod tamper;
mod unbegun;
mod words;
