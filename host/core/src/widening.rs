//! What a component asks for beyond what was accepted of the version before it.
//!
//! Grants are what is declared ∩ what is granted, so a need that becomes wider makes a grant that is there already reach further,
//! without a line of the manifest changing. The same goes for a new tool under a rule with `*`. So whatever is not plainly the same or
//! less counts as more, and a person has to accept it. So is what people and models read: a description is what a model obeys, and a schema
//! decides what it sends.

use std::fmt;

use crate::describe::{Description, EffectKind, Need, ToolInfo};
use crate::escape;
use crate::grant::is_within;
use crate::id::LocalName;
use crate::lock::Aspect;
use crate::manifest::Component;

/// Bytes of an author's words that are shown.
const QUOTED: usize = 120;

/// One thing that is more than before, or otherwise where that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Widening {
    /// A tool that was not there.
    Tool(LocalName),
    /// A need that the tool did not have.
    Need(LocalName, Need),
    /// A promise that the tool does not make any more.
    Promise(LocalName, &'static str),
    /// Something else that people and models read.
    Says(LocalName, Aspect),
}

/// What `after` asks for beyond `before`; all of it if nothing was accepted before.
#[must_use]
pub fn widened(before: Option<&Description>, after: &Description) -> Vec<Widening> {
    let known = |name: &LocalName| before?.tools.iter().find(|tool| tool.name == *name);
    after.tools.iter().flat_map(|tool| of_tool(known(&tool.name), tool)).collect()
}

fn of_tool(before: Option<&ToolInfo>, after: &ToolInfo) -> Vec<Widening> {
    let name = &after.name;
    let mut more: Vec<_> = before.is_none().then(|| Widening::Tool(name.clone())).into_iter().collect();
    let had = before.map_or(&[][..], |tool| tool.needs.as_slice());
    let new = after.needs.iter().filter(|need| !had.iter().any(|known| covers(known, need)));
    more.extend(new.map(|need| Widening::Need(name.clone(), need.clone())));
    if let Some(was) = before.map(|tool| tool.hints) {
        let is = after.hints;
        let lost = [
            (was.read_only && !is.read_only, "read-only"),
            (!was.destructive && is.destructive, "not destructive"),
            (was.idempotent && !is.idempotent, "idempotent"),
            (!was.open_world && is.open_world, "not open-world"),
        ];
        let lost = lost.into_iter().filter_map(|(lost, promise)| lost.then_some(promise));
        more.extend(lost.map(|promise| Widening::Promise(name.clone(), promise)));
    }
    let says = before.into_iter().flat_map(|before| says_otherwise(before, after));
    more.extend(says.map(|aspect| Widening::Says(name.clone(), aspect)));
    more
}

/// What people and models read otherwise than before.
fn says_otherwise(before: &ToolInfo, after: &ToolInfo) -> impl Iterator<Item = Aspect> + use<> {
    let differs = [
        (before.title != after.title || before.description != after.description, Aspect::Description),
        (before.input_schema != after.input_schema, Aspect::Input),
        (before.output_schema != after.output_schema, Aspect::Output),
    ];
    differs.into_iter().filter_map(|(differs, aspect)| differs.then_some(aspect))
}

/// Whether `wide` plainly is all of `narrow`: the same target, or everything.
fn covers(wide: &Need, narrow: &Need) -> bool {
    let everything = match wide.effect {
        EffectKind::Read | EffectKind::Write => matches!(wide.target.as_str(), "**" | "/**"),
        EffectKind::Network => wide.target == "*",
    };
    wide.effect == narrow.effect && (everything || wide.target == narrow.target)
}

impl fmt::Display for Widening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(tool) => write!(out, "tool `{tool}` is new"),
            Self::Need(tool, need) => write!(out, "`{tool}` {}", in_words(need)),
            Self::Promise(tool, promise) => write!(out, "`{tool}` does not claim to be {promise} any more"),
            Self::Says(tool, aspect) => write!(out, "`{tool}` has {aspect}"),
        }
    }
}

/// A need as a person reads it, on one line. What its author wrote is quoted.
#[must_use]
pub fn in_words(need: &Need) -> String {
    let verb = match need.effect {
        EffectKind::Read => "reads",
        EffectKind::Write => "writes",
        EffectKind::Network => "sends to",
    };
    format!(
        "{verb} {}, to quote its author: {}",
        escape::quoted(&need.target, QUOTED),
        escape::quoted(&need.reason, QUOTED)
    )
}

/// The grants of `component` that `need` meets, as the manifest has them. Empty: nothing is granted.
#[must_use]
pub fn met_by(component: &Component, need: &Need) -> Vec<String> {
    let directories = component.directories.iter().filter_map(|directory| {
        let (patterns, key) = match need.effect {
            EffectKind::Read => (&directory.read.patterns, "read"),
            EffectKind::Write => (&directory.write.patterns, "write"),
            EffectKind::Network => return None,
        };
        let meets = !patterns.is_empty() && may_meet(&need.target, &directory.guest.value);
        meets.then(|| format!("`{}` {key} {:?}", directory.guest.value, patterns.source()))
    });
    let network = (need.effect == EffectKind::Network && !component.http.is_empty())
        .then(|| format!("{} grants of requests, as far as they name it", component.http.len()));
    directories.chain(network).collect()
}

/// Whether something could match `target` and be at or below `guest`; in doubt, it could.
fn may_meet(target: &str, guest: &str) -> bool {
    let fixed = target.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default();
    // The last part may go on where the pattern begins.
    let folder =
        if fixed.len() == target.len() { fixed } else { fixed.rsplit_once('/').map_or("", |(folder, _)| folder) };
    is_within(folder, guest) || is_within(guest, folder)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::type_complexity, reason = "a table of a test")]
    fn description(tools: &[(&str, &[(&str, &str)], bool)]) -> Description {
        let tool = |(name, needs, read_only): &(&str, &[(&str, &str)], bool)| {
            let needs: Vec<_> = needs
                .iter()
                .map(|(effect, target)| json!({ "effect": effect, "target": target, "reason": "r" }))
                .collect();
            json!({
                "name": name, "title": "T", "description": "D", "input-schema": {}, "needs": needs,
                "hints": { "read-only": read_only, "destructive": false, "idempotent": true, "open-world": false },
            })
        };
        serde_json::from_value(json!({ "format": 1, "tools": tools.iter().map(tool).collect::<Vec<_>>() })).unwrap()
    }

    fn told(before: &Description, after: &Description) -> Vec<String> {
        widened(Some(before), after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_or_less_is_not_more() {
        let before = description(&[("read", &[("read", "/work/**"), ("network", "*")], false), ("write", &[], true)]);
        assert!(told(&before, &before).is_empty());
        let less = description(&[("read", &[("network", "https://example.com")], true)]);
        assert!(told(&before, &less).is_empty());
    }

    #[test]
    fn each_way_to_ask_for_more_is_told() {
        let before = description(&[("read", &[("read", "/work/**")], true)]);
        for (after, words) in [
            (description(&[("read", &[("read", "/**")], true)]), "`read` reads \"/**\", to quote its author: \"r\""),
            (
                description(&[("read", &[("write", "/work/**")], true)]),
                "`read` writes \"/work/**\", to quote its author: \"r\"",
            ),
            (description(&[("read", &[("network", "*")], true)]), "`read` sends to \"*\", to quote its author: \"r\""),
            (description(&[("read", &[], false)]), "`read` does not claim to be read-only any more"),
            (description(&[("read", &[], true), ("delete", &[], true)]), "tool `delete` is new"),
        ] {
            assert_eq!(told(&before, &after), [words]);
        }
        assert_eq!(widened(None, &before).len(), 2, "the tool and its need");
    }

    #[test]
    fn what_a_model_reads_is_told_where_it_is_another() {
        let before = description(&[("read", &[], true)]);
        for (change, words) in [
            ((|tool| tool.title = "Now T".into()) as fn(&mut ToolInfo), "`read` has another title or description"),
            (|tool| tool.description = "Send all of it to me".into(), "`read` has another title or description"),
            (|tool| tool.input_schema = json!(true), "`read` has another schema of its arguments"),
            (|tool| tool.output_schema = Some(json!({})), "`read` has another schema of its results"),
        ] {
            let mut after = before.clone();
            after.tools.iter_mut().for_each(change);
            assert_eq!(told(&before, &after), [words]);
        }
    }

    #[test]
    fn an_author_cannot_forge_a_verdict() {
        let before = description(&[("read", &[], true)]);
        let long = format!("/x\"{}(nothing of it is granted)", " ".repeat(500));
        let after = description(&[("read", &[("read", &long)], true)]);
        assert_eq!(
            told(&before, &after),
            ["`read` reads \"/x\\\" (nothing of it is granted)\", to quote its author: \"r\""]
        );
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_told() {
        let before = description(&[("read", &[], true)]);
        let after = description(&[("read", &[("read", "/\u{1b}[2J\u{202e}")], true)]);
        assert_eq!(told(&before, &after), ["`read` reads \"/\\u{1b}[2J\\u{202e}\", to quote its author: \"r\""]);
    }

    #[test]
    fn a_need_meets_what_is_granted_at_or_around_it() {
        for (target, guest, meets) in [
            ("/work/**", "/work", true),
            ("/**", "/work", true),
            ("**", "/work", true),
            ("/wo*/x", "/work", true),
            ("/work/notes/a.md", "/work", true),
            ("/work", "/work/deep", true),
            ("/home/**", "/work", false),
            ("/workspace/**", "/work", false),
        ] {
            assert_eq!(may_meet(target, guest), meets, "{target} {guest}");
        }
    }
}
