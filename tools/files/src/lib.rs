//! `files`: reading, writing, editing and searching files for a model.
//!
//! One tool per file. Shared pieces come first: what a path is and how a failure is explained, how text is decoded, how a
//! tree is walked. What a path reaches is the host's decision; nothing here resolves links or tries to contain anything.
//! Every result is bounded, sorted and says when it is not complete, because a model cannot ask how much is missing.

mod diff;
mod encoding;
mod ignore;
mod ignore_files;
mod lines;
mod rfc3339;
mod walk;

mod copy;
mod delete;
mod directories;
mod edit;
mod find;
mod list;
mod mkdir;
mod r#move;
mod read;
mod read_many;
mod search;
mod stat;
mod tree;
mod write;

use granted::path;

toolhold_sdk::component!(
    directories::directories,
    list::list,
    tree::tree,
    find::find,
    search::search,
    stat::stat,
    read::read,
    read_many::read_many,
    write::write,
    edit::edit,
    mkdir::mkdir,
    r#move::move_path,
    copy::copy,
    delete::delete,
);

#[cfg(test)]
mod tests;
