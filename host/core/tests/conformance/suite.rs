//! The JSON Schema test suite: every case of draft 2020-12 and draft 7, mandatory and optional.
//!
//! `skipped.tsv` lists the cases in which Toolhold differs on purpose, each with its reason. A case that is listed and
//! passes is as much a failure as one that is not listed and fails.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use toolhold_core::schema::CompiledSchema;

use crate::data;

/// File, group and case (`*` for all of a group) to reason.
type Skipped = BTreeMap<(String, String, String), String>;

fn skipped() -> Skipped {
    let lines = include_str!("skipped.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let [file, group, case, reason] = line.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
            assert!(reason.len() > 10, "a reason: {line}");
            ((file.to_owned(), group.to_owned(), case.to_owned()), reason.to_owned())
        })
        .collect()
}

/// Every case below `root`: file, group, case, whether the verdict is the suite's.
fn run(root: &Path, dialect: &str) -> Vec<(String, String, String, Result<(), String>)> {
    let mut cases = Vec::new();
    for entry in walk(&root.join("tests").join(dialect)) {
        let name = entry.strip_prefix(root.join("tests")).unwrap().to_string_lossy().into_owned();
        let groups: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&entry).unwrap()).unwrap();
        for group in groups {
            let mut schema = group["schema"].clone();
            if let Some(fields) = schema.as_object_mut().filter(|_| dialect == "draft7") {
                fields.entry("$schema").or_insert_with(|| "http://json-schema.org/draft-07/schema#".into());
            }
            let compiled = CompiledSchema::compile(&schema);
            for case in group["tests"].as_array().unwrap() {
                // `format` is an annotation: each of these is valid.
                let expected = name.contains("/format/") || case["valid"].as_bool().unwrap();
                let verdict = match &compiled {
                    Err(error) => Err(format!("refused: {error}")),
                    Ok(schema) => match schema.validate(&case["data"]) {
                        Ok(()) if expected => Ok(()),
                        Err(_) if !expected => Ok(()),
                        Ok(()) => Err("accepted".to_owned()),
                        Err(violations) => Err(violations.to_string()),
                    },
                };
                let text = |value: &Value| value["description"].as_str().unwrap().to_owned();
                cases.push((name.clone(), text(&group), text(case), verdict));
            }
        }
    }
    cases
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn check(dialect: &str, at_least: usize) {
    let Some(root) = data::folder("jsonschema") else { return };
    let skipped = skipped();
    let cases = run(&root, dialect);
    assert!(cases.len() >= at_least, "only {} cases", cases.len());
    let mut used = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, group, case, verdict) in cases {
        let keys = [&case, "*"].map(|last| (file.clone(), group.clone(), last.to_owned()));
        let listed = keys.into_iter().find(|key| skipped.contains_key(key));
        match (&verdict, &listed) {
            (Ok(()), Some(_)) => wrong.push(format!("is skipped and passes: {file}\t{group}\t{case}")),
            (Err(why), None) => wrong.push(format!("{file}\t{group}\t{case}\t{why}")),
            _ => {}
        }
        used.extend(listed);
    }
    let unused = skipped.keys().filter(|key| key.0.starts_with(dialect) && !used.contains(*key));
    wrong.extend(unused.map(|key| format!("is skipped and does not exist: {key:?}")));
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn draft_2020_12() {
    check("draft2020-12", 1900);
}

#[test]
fn draft_7() {
    check("draft7", 1400);
}
