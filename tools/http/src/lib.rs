//! `http`: requests for a model, and pages in a form that a model can read.
//!
//! What may be requested is the host's decision, for each hop of a redirect anew; nothing here tries to decide it. Every
//! answer is bounded in bytes and shown in parts. The tool never sees a secret: the host adds those where it sends.

mod arguments;
mod body;
mod charset;
mod follow;
mod html;
mod page;
mod target;
mod transport;

mod fetch;
mod send;

toolhold_sdk::component!(fetch::fetch, send::send);

#[cfg(test)]
mod tests;
