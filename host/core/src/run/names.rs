//! Tool names as models may write them, and back.
//!
//! Model APIs allow `[a-zA-Z0-9_-]` only, so `files.read` is `files__read` towards a model: a double underscore cannot
//! occur in a name of ours. The way back is a table of the run's tools, never a guess: what is not in it is unknown.

use std::collections::HashMap;

use super::tool::ToolSpec;
use crate::id::{Digest, ToolName};

/// The longest function name that model APIs take.
const LONGEST: usize = 64;

/// A name with less likeness than this is no suggestion.
const LEAST_LIKENESS: f64 = 0.6;

/// Names longer than this are not compared: the comparison is quadratic.
const LONGEST_COMPARED: usize = 128;

/// The tools of a run by the names that the model knows.
#[derive(Debug, Clone)]
pub(crate) struct Names(HashMap<String, ToolName>);

impl Names {
    pub(crate) fn of(specs: &[ToolSpec]) -> Self {
        Self(specs.iter().map(|spec| (for_model(&spec.name), spec.name.clone())).collect())
    }

    /// The tool that the model means, in its own spelling or in ours.
    pub(crate) fn find(&self, spelled: &str) -> Option<&ToolName> {
        self.0.get(spelled).or_else(|| self.0.values().find(|name| name.as_str() == spelled))
    }

    /// The name that is most like `spelled`, as the model has to write it.
    pub(crate) fn nearest(&self, spelled: &str) -> Option<&str> {
        if spelled.len() > LONGEST_COMPARED {
            return None;
        }
        let likeness = |name: &str| strsim::jaro_winkler(name, spelled);
        let mut candidates: Vec<_> = self.0.keys().map(|name| (likeness(name), name.as_str())).collect();
        candidates.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
        candidates.first().filter(|(likeness, _)| *likeness >= LEAST_LIKENESS).map(|(_, name)| *name)
    }
}

/// The name of a tool towards a model.
#[must_use]
pub fn for_model(name: &ToolName) -> String {
    let spelled = format!("{}__{}", name.component(), name.local());
    if spelled.len() <= LONGEST {
        return spelled;
    }
    // Two long names must not become one, so the end is a digest of the whole.
    let digest: String = Digest::of(name.as_str().as_bytes()).hex().chars().take(12).collect();
    let start: String = spelled.chars().take(LONGEST - 13).collect();
    format!("{start}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Names {
        let specs: Vec<_> = of
            .iter()
            .map(|name| ToolSpec {
                name: name.parse().unwrap(),
                description: String::new(),
                input_schema: serde_json::json!({"type": "object"}),
                digest: None,
            })
            .collect();
        Names::of(&specs)
    }

    #[test]
    fn names_go_to_the_model_and_come_back() {
        let names = names(&["files.read", "files.read-many", "a_b.c_d"]);
        for (spelled, name) in [
            ("files__read", "files.read"),
            ("files.read", "files.read"),
            ("files__read-many", "files.read-many"),
            ("a_b__c_d", "a_b.c_d"),
        ] {
            assert_eq!(names.find(spelled).unwrap().as_str(), name);
        }
        for unknown in ["files_read", "read", "files__", "", "functions.files__read", "FILES__READ", "files__read "] {
            assert_eq!(names.find(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_and_nonsense_gets_none() {
        let names = names(&["files.read", "files.write", "text.diff"]);
        assert_eq!(names.nearest("file_read"), Some("files__read"));
        assert_eq!(names.nearest("files__wrte"), Some("files__write"));
        assert_eq!(names.nearest("zzz"), None);
        assert_eq!(names.nearest(&"files__read".repeat(100_000)), None);
    }

    #[test]
    fn long_names_stay_within_what_apis_take_and_apart_from_each_other() {
        let long = |end: char| format!("{}.{}{end}", "a".repeat(60), "b".repeat(60)).parse::<ToolName>().unwrap();
        let (one, other) = (for_model(&long('x')), for_model(&long('y')));
        assert_eq!((one.len(), other.len()), (64, 64));
        assert_ne!(one, other);
    }
}
