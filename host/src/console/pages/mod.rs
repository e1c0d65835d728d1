//! The pages: one file each, which reads what it shows, shows it, and does what its forms ask for.

pub(super) mod approval;
pub(super) mod approvals;
pub(super) mod audit;
pub(super) mod call;
pub(super) mod calls;
pub(super) mod dead;
mod happened;
pub(super) mod health;
pub(super) mod overview;
pub(super) mod run;
pub(super) mod runs;
mod timeline;
pub(super) mod tool;
pub(super) mod tools;

use std::str::FromStr;

use super::failure::Failure;
use super::link;

/// The name in an address.
fn named<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| Failure::not_found(error.to_string()))
}

/// A number in a query; nothing is the first.
fn number(text: &str) -> usize {
    text.parse().unwrap_or(0)
}

/// A way to the next page of a list, and back to the first.
#[derive(askama::Template)]
#[template(
    ext = "html",
    source = r#"{% if newer != "" || older != "" %}<nav class="pages" aria-label="More"><ul>{% if newer != "" %}<li><a href="{{ newer }}" rel="prev">← Newest</a></li>{% endif %}{% if older != "" %}<li><a href="{{ older }}" rel="next">Older →</a></li>{% endif %}</ul></nav>{% endif %}"#
)]
struct Pages {
    newer: String,
    older: String,
}

/// A choice of a filter.
struct Choice {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

/// The choices of a filter, the present one marked.
fn choices(all: &[(&'static str, &'static str)], chosen: &str) -> Vec<Choice> {
    all.iter().map(|(value, name)| Choice { value, name, chosen: *value == chosen }).collect()
}

/// `path?…` with these, and another page.
fn paged(path: &str, pairs: &[(&str, &str)], name: &str, value: &str) -> String {
    let mut pairs = pairs.to_vec();
    pairs.push((name, value));
    link::query(path, &pairs)
}
