//! The tools through the dispatch that the host uses, on archives that other programs would make, and on such that nobody should.

mod attacks;

use std::io::Write as _;

use granted::testing::Fixture;
use toolhold_sdk::Effect;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use zip::write::SimpleFileOptions;

use crate::COMPONENT;

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> String {
    call(&COMPONENT, tool, arguments).error().message().to_owned()
}

/// A zip with these entries, with whatever names.
fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A tar with these entries, with whatever names, types and targets of links.
fn tarred(entries: &[(&str, tar::EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, link, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn only_list_writes_nothing() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect == Effect::Write);
        assert_eq!((writes, tool.hints.read_only), (tool.name != "list", !writes), "{}", tool.name);
    }
}

#[test]
fn every_format_comes_back_as_it_was() {
    for name in ["a.zip", "a.tar", "a.tar.gz", "a.tgz"] {
        let fixture = Fixture::new(&[("in/one.txt", "1"), ("in/sub/grün.txt", "zwei"), ("in/empty", "")]);
        let made = ok("create", json!({"path": fixture.path(name), "from": [fixture.path("in")]}));
        assert_eq!((&made["files"], &made["directories"], &made["bytes"]), (&json!(3), &json!(2), &json!(5)), "{name}");
        let listed = ok("list", json!({"path": fixture.path(name)}));
        assert_eq!(
            (&listed["total"], &listed["total_bytes"], &listed["problems"]),
            (&json!(5), &json!(5), &json!(0)),
            "{name}"
        );
        let extracted = ok("extract", json!({"path": fixture.path(name), "to": fixture.path("out/deep")}));
        assert_eq!(extracted, json!({"files": 3, "directories": 2, "bytes": 5, "skipped": 0}), "{name}");
        assert_eq!(fixture.text("out/deep/in/sub/grün.txt"), "zwei", "{name}");
        assert!(fixture.at("out/deep/in/empty").is_file(), "{name}");
    }
}

#[test]
fn one_file_is_compressed_alone() {
    let fixture = Fixture::new(&[("log", "line\n"), ("b", "")]);
    ok("create", json!({"path": fixture.path("log.gz"), "from": [fixture.path("log")]}));
    ok("extract", json!({"path": fixture.path("log.gz"), "to": fixture.path("out")}));
    assert_eq!(fixture.text("out/log"), "line\n");
    assert_eq!(
        ok("list", json!({"path": fixture.path("log.gz")}))["entries"],
        json!([{"path": "log", "kind": "file", "bytes": 5}])
    );
    let both = json!({"path": fixture.path("x.gz"), "from": [fixture.path("log"), fixture.path("b")]});
    assert!(fails("create", both).contains("use `tar_gz`"));
}

#[test]
fn the_same_files_make_the_same_archive() {
    for name in ["a.zip", "a.tar.gz"] {
        let archive = |files: &[(&str, &str)]| {
            let fixture = Fixture::new(files);
            ok("create", json!({"path": fixture.path(name), "from": [fixture.path("in")]}));
            std::fs::read(fixture.at(name)).unwrap()
        };
        assert_eq!(archive(&[("in/a", "1"), ("in/b", "2")]), archive(&[("in/b", "2"), ("in/a", "1")]), "{name}");
    }
}

#[test]
fn some_entries_are_extracted_alone() {
    let fixture = Fixture::new(&[("in/a/1", ""), ("in/a/2", ""), ("in/ab", ""), ("in/c", "")]);
    ok("create", json!({"path": fixture.path("a.zip"), "from": [fixture.path("in")]}));
    let some = json!({"path": fixture.path("a.zip"), "to": fixture.path("out"), "entries": ["in/a/", "in/c"]});
    assert_eq!(ok("extract", some)["files"], json!(3));
    assert!(!fixture.at("out/in/ab").exists());
    let none = json!({"path": fixture.path("a.zip"), "to": fixture.path("out"), "entries": ["nothing"]});
    assert!(fails("extract", none).contains("no entry `nothing`"));
}

#[test]
fn what_is_there_is_not_replaced_unasked() {
    let fixture = Fixture::new(&[("out/b", "mine"), ("out/c/d", "")]);
    fixture.put("a.zip", &zipped(&[("a", b"new"), ("b", b"new")]));
    fixture.put("c.zip", &zipped(&[("c", b"a file")]));
    let arguments = json!({"path": fixture.path("a.zip"), "to": fixture.path("out")});
    assert!(fails("extract", arguments.clone()).contains("exists already; set `overwrite`"));
    assert!(!fixture.at("out/a").exists(), "nothing was extracted, what comes before included");
    let mut over = arguments;
    over["overwrite"] = json!(true);
    ok("extract", over);
    assert_eq!(fixture.text("out/b"), "new");
    let way = json!({"path": fixture.path("c.zip"), "to": fixture.path("out"), "overwrite": true});
    assert!(fails("extract", way).contains("is in the way"));
    let create = json!({"path": fixture.path("a.zip"), "from": [fixture.path("out")]});
    assert!(fails("create", create).contains("exists already"));
}

#[test]
fn an_archive_does_not_contain_itself_nor_links() {
    let fixture = Fixture::new(&[("in/a", "1")]);
    std::os::unix::fs::symlink("/etc/passwd", fixture.at("in/link")).unwrap();
    let made = ok("create", json!({"path": fixture.path("in/all.zip"), "from": [fixture.path("in")]}));
    assert_eq!((&made["files"], &made["skipped_links"]), (&json!(1), &json!(1)));
    let again =
        ok("create", json!({"path": fixture.path("in/all.zip"), "from": [fixture.path("in")], "overwrite": true}));
    assert_eq!(again["files"], json!(1));
}

#[test]
fn what_goes_in_is_not_what_is_written() {
    let fixture = Fixture::new(&[("in/a", "text"), ("other/b", "b")]);
    std::fs::hard_link(fixture.at("in/a"), fixture.at("hard.zip")).unwrap();
    for (path, from) in [("hard.zip", "in"), ("hard.zip", "in/a"), ("in/../hard.zip", "in"), ("in/a", "in/a")] {
        for format in ["zip", "gz"] {
            let path = fixture.path(path);
            let create = json!({"path": path, "from": [fixture.path(from)], "format": format, "overwrite": true});
            let message = fails("create", create);
            assert!(message.contains("put into itself") || message.contains("exactly one file"), "{message}");
            assert_eq!(fixture.text("in/a"), "text", "{path}");
        }
    }
    ok("create", json!({"path": fixture.path("hard.zip"), "from": [fixture.path("other")], "overwrite": true}));
}

#[test]
fn mistakes_name_the_fix() {
    let fixture = Fixture::new(&[("a.zip", "no archive"), ("in/a", ""), ("other/in/a", "")]);
    assert!(fails("list", json!({"path": fixture.path("a.zip")})).contains("no archive of a known format"));
    assert!(
        fails("create", json!({"path": fixture.path("x"), "from": [fixture.path("in")]})).contains("give `format`")
    );
    let twice = json!({"path": fixture.path("x.zip"), "from": [fixture.path("in"), fixture.path("other/in")]});
    assert!(fails("create", twice).contains("are called `in`"));
    assert!(fails("list", json!({"path": fixture.path("in")})).contains("is a directory"));
}
