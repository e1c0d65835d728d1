//! Archives that were made to do harm. Whatever they try, nothing is written at all.

use granted::testing::Fixture;
use tar::EntryType::{Block, Char, Directory, Fifo, GNUSparse, Link, Regular, Symlink};
use toolhold_sdk::serde_json::json;

use super::{fails, gzipped, ok, tarred, zipped};

/// Extracts an archive that must be refused, and looks whether anything was written.
fn refused(name: &str, bytes: &[u8]) -> String {
    let fixture = Fixture::new(&[("victim", "as it was")]);
    fixture.put(name, bytes);
    let before = fixture.names();
    let arguments = json!({"path": fixture.path(name), "to": fixture.path("out"), "overwrite": true});
    let message = fails("extract", arguments);
    assert_eq!((fixture.names(), fixture.text("victim")), (before, "as it was".to_owned()), "{message}");
    message
}

#[test]
fn paths_that_lead_out_are_refused() {
    let names =
        ["../victim", "a/../../victim", "/tmp/victim", "..\\victim", "C:\\victim", "c:/victim", "a/\0b", "//victim"];
    for name in names {
        let zip = refused("a.zip", &zipped(&[("good", b"x"), (name, b"bad")]));
        assert!(zip.contains("nothing was extracted") || zip.contains("damaged"), "{name}: {zip}");
        if !name.contains('\0') {
            let tar = tarred(&[("good", Regular, "", b"x"), (name, Regular, "", b"bad")]);
            assert!(refused("a.tar", &tar).contains("its path"), "{name}");
            assert!(refused("a.tar.gz", &gzipped(&tar)).contains("its path"), "{name}");
        }
    }
}

#[test]
fn a_path_that_a_comment_of_the_entry_changes_is_the_path() {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", &b"../victim"[..])]).unwrap();
    let entry = tarred(&[("harmless", Regular, "", b"bad")]);
    let mut bytes = builder.get_ref().clone();
    bytes.extend_from_slice(&entry);
    assert!(refused("a.tar", &bytes).contains("its path contains `..`"));
    let mut long = tar::Header::new_gnu();
    long.set_entry_type(tar::EntryType::GNULongName);
    long.set_size(12);
    long.set_path("././@LongLink").unwrap();
    long.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&long, &b"/tmp/victim\0"[..]).unwrap();
    let mut bytes = builder.get_ref().clone();
    bytes.extend_from_slice(&entry);
    assert!(refused("a.tar", &bytes).contains("its path is absolute"));
}

#[test]
fn links_and_devices_are_refused_or_left_out() {
    for (kind, link) in
        [(Symlink, "/etc"), (Symlink, "../victim"), (Link, "victim"), (Block, ""), (Char, ""), (Fifo, "")]
    {
        let tar = tarred(&[("out", kind, link, b""), ("good", Regular, "", b"x")]);
        assert!(refused("a.tar", &tar).contains("set `skip_links`"), "{kind:?}");
        let fixture = Fixture::new(&[]);
        fixture.put("a.tar", &tar);
        let skipped =
            ok("extract", json!({"path": fixture.path("a.tar"), "to": fixture.path("x"), "skip_links": true}));
        assert_eq!((&skipped["files"], &skipped["skipped"]), (&json!(1), &json!(1)));
        assert_eq!(fixture.names(), ["a.tar", "x/", "x/good"]);
    }
    let through = tarred(&[("dir", Symlink, "/tmp", b""), ("dir/victim", Regular, "", b"bad")]);
    assert!(refused("a.tar", &through).contains("nothing was extracted"));
    let sparse = tarred(&[("s", GNUSparse, "", b"")]);
    assert!(refused("a.tar", &sparse).contains("s"));
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.add_symlink("link", "/etc/passwd", zip::write::SimpleFileOptions::default()).unwrap();
    assert!(refused("a.zip", writer.finish().unwrap().get_ref()).contains("set `skip_links`"));
}

#[test]
fn a_file_below_a_link_that_was_left_out_is_refused_too() {
    let fixture = Fixture::new(&[]);
    fixture.put("a.tar", &tarred(&[("dir", Symlink, "/tmp", b""), ("dir/victim", Regular, "", b"bad")]));
    let message = fails("extract", json!({"path": fixture.path("a.tar"), "to": fixture.path("x"), "skip_links": true}));
    assert!(message.contains("it lies below an entry that is no directory"), "{message}");
}

#[test]
fn a_link_that_is_there_is_not_written_through() {
    let fixture = Fixture::new(&[("victim", "as it was"), ("elsewhere/keep", ""), ("out/x", "")]);
    std::os::unix::fs::symlink(fixture.at("victim"), fixture.at("out/a")).unwrap();
    std::os::unix::fs::symlink(fixture.at("elsewhere"), fixture.at("out/dir")).unwrap();
    fixture.put("a.zip", &zipped(&[("a", b"bad")]));
    fixture.put("b.zip", &zipped(&[("dir/keep", b"bad")]));
    for name in ["a.zip", "b.zip"] {
        let arguments = json!({"path": fixture.path(name), "to": fixture.path("out"), "overwrite": true});
        assert!(fails("extract", arguments).contains("is a link; nothing is written through it"), "{name}");
    }
    assert_eq!((fixture.text("victim"), fixture.text("elsewhere/keep")), ("as it was".to_owned(), String::new()));
}

#[test]
fn entries_that_collide_are_refused() {
    let twice = tarred(&[("a", Regular, "", b"1"), ("./a", Regular, "", b"2")]);
    assert!(refused("a.tar", &twice).contains("another entry at its path"));
    let both = tarred(&[("a", Regular, "", b"1"), ("a/b", Regular, "", b"2")]);
    assert!(refused("a.tar", &both).contains("below an entry that is no directory"));
    let kinds = tarred(&[("a", Directory, "", b""), ("a", Regular, "", b"2")]);
    assert!(refused("a.tar", &kinds).contains("another entry at its path"));
    // A zip in which the list at the end says one name, and two entries have it.
    let mut zip = zipped(&[("aa", b"1"), ("bb", b"2")]);
    for place in 0..zip.len() - 1 {
        if zip[place..].starts_with(b"bb") {
            zip[place..place + 2].copy_from_slice(b"aa");
        }
    }
    assert!(refused("a.zip", &zip).contains("duplicate"));
}

#[test]
fn two_lists_of_contents_that_differ_are_refused() {
    let zip = zipped(&[("good.txt", b"1")]);
    let mut lying = zip.clone();
    lying[30..38].copy_from_slice(b"evil.txt");
    assert!(
        refused("a.zip", &lying).contains("damaged"),
        "the name before the contents is another than the one at the end"
    );
    let mut hidden = zipped(&[("hidden", b"1")]);
    let local_only = hidden.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    hidden.truncate(local_only);
    let shift = hidden.len();
    hidden.extend_from_slice(&zip);
    let shifted: Vec<u8> = hidden;
    let message = {
        let fixture = Fixture::new(&[]);
        fixture.put("a.zip", &shifted);
        let outcome = toolhold_sdk::testing::call(&crate::COMPONENT, "list", json!({"path": fixture.path("a.zip")}));
        // What stands before the archive is either refused or not seen; it is never extracted.
        outcome.result.map_or_else(|error| error.message().to_owned(), |value| value.to_string())
    };
    assert!(shift > 0 && !message.contains("hidden"), "{message}");
}

#[test]
fn bombs_are_refused_before_a_byte_is_written() {
    let zeros = vec![0; 40 * 1024 * 1024];
    assert!(refused("a.gz", &gzipped(&zeros)).contains("bomb"));
    assert!(refused("a.zip", &zipped(&[("zeros", &zeros)])).contains("bomb"));
    assert!(refused("a.tar.gz", &gzipped(&tarred(&[("zeros", Regular, "", &zeros)]))).contains("bomb"));
    // Many small ones.
    let part = vec![0; 1024 * 1024];
    let names: Vec<String> = (0..40).map(|number| format!("part{number}")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), part.as_slice())).collect();
    assert!(refused("a.zip", &zipped(&parts)).contains("bomb"));
    let fixture = Fixture::new(&[]);
    fixture.put("a.zip", &zipped(&[("a", b"0123456789")]));
    let small = json!({"path": fixture.path("a.zip"), "to": fixture.path("out"), "max_bytes": 9});
    assert!(fails("extract", small).contains("more than 9 bytes"));
    assert_eq!(fixture.names(), ["a.zip"]);
}

#[test]
fn a_zip_that_lies_about_sizes_is_refused() {
    let contents = vec![0; 100_000];
    let honest = zipped(&[("zeros", &contents)]);
    let mut lying = honest.clone();
    let size = 100_000_u32.to_le_bytes();
    for place in 0..lying.len() - 4 {
        if lying[place..].starts_with(&size) {
            lying[place..place + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
    }
    assert_ne!(honest, lying);
    let message = refused("a.zip", &lying);
    assert!(message.contains("`zeros`") || message.contains("damaged"), "{message}");
}

#[test]
fn too_many_entries_are_refused() {
    let names: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), Regular, "", &b""[..])).collect();
    assert!(refused("a.tar", &tarred(&entries)).contains("more than 10000 entries"));
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert!(refused("a.zip", &zipped(&entries)).contains("more than 10000 entries"));
}

#[test]
fn archives_that_are_cut_or_damaged_are_refused() {
    let zip = zipped(&[("a", &[b'x'; 5000])]);
    let tar = tarred(&[("a", Regular, "", &[b'x'; 5000])]);
    refused("a.zip", &zip[..zip.len() - 30]);
    refused("a.tar", &tar[..3000]);
    let packed = gzipped(&tar);
    refused("a.tar.gz", &packed[..packed.len() - 12]);
    let mut flipped = zipped(&[("a", b"some contents that are stored in this place")]);
    let place = flipped.len() / 3;
    flipped[place] ^= 0x55;
    refused("a.zip", &flipped);
    let mut flipped = gzipped(b"some contents");
    let place = flipped.len() - 6;
    flipped[place] ^= 1;
    refused("a.gz", &flipped);
}

#[test]
fn a_listing_shows_what_could_not_be_extracted() {
    let fixture = Fixture::new(&[]);
    fixture
        .put("a.tar", &tarred(&[("good", Regular, "", b"x"), ("../bad", Regular, "", b""), ("l", Symlink, "/", b"")]));
    let listed = ok("list", json!({"path": fixture.path("a.tar")}));
    assert_eq!(listed["problems"], json!(2));
    assert_eq!(listed["entries"][1]["problem"], json!("its path contains `..`"));
    assert_eq!(listed["entries"][2]["kind"], json!("link"));
}
