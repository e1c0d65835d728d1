//! `diff`: differences of files and directories as patches, patches applied, changes of two hands merged.
//!
//! Two texts are compared by `text.diff`, and a known place in one file is changed by `files.edit`. What is here is for what
//! spans files, and for patches and versions that somebody else wrote. All of it is all or nothing.

mod apply;
mod compare;
mod merge;
mod side;
mod tree;

toolhold_sdk::component!(compare::compare, apply::apply, merge::merge, merge::merge_file);

#[cfg(test)]
mod tests;
