//! Repositories that were made to do harm: nothing of theirs runs, nothing leads out, and damage is an error.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use granted::testing::Fixture;
use toolhold_sdk::Error;
use toolhold_sdk::serde_json::json;

use super::{fails, ok, repository};

/// Puts an object into the repository, whatever it says.
fn put(fixture: &Fixture, name: &str, bytes: &[u8]) {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    let (folder, rest) = name.split_at(2);
    fixture.put(&format!("repo/.git/objects/{folder}/{rest}"), &encoder.finish().unwrap());
}

const NAME: &str = "1234567890123456789012345678901234567890";

#[test]
fn names_do_not_lead_out_of_the_repository() {
    let fixture = repository();
    let head = ok(&fixture, "refs", json!({}))["head"].as_str().unwrap().to_owned();
    fixture.put("OUTSIDE", head.as_bytes());
    for revision in
        ["../../OUTSIDE", "refs/../../../OUTSIDE", "/etc/passwd", "refs/heads/../../../../OUTSIDE", "refs//heads/main"]
    {
        let error = fails(&fixture, "show", json!({"revision": revision}));
        assert!(matches!(&error, Error::NotFound(_) | Error::InvalidArgs(_)), "{revision}: {error:?}");
    }
    fixture.put("repo/.git/HEAD", b"ref: ../../OUTSIDE\n");
    assert!(matches!(fails(&fixture, "log", json!({})), Error::NotFound(_)));
    fixture.put("repo/.git/refs/heads/loop", b"ref: refs/heads/loop\n");
    assert!(matches!(fails(&fixture, "log", json!({"revision": "loop"})), Error::NotFound(_)));
    assert!(
        fails(&fixture, "read", json!({"revision": "main", "path": "../../OUTSIDE"})).message().contains("there is no")
    );
}

#[test]
fn configuration_hooks_and_filters_do_not_run() {
    let fixture = repository();
    let config = format!(
        "[core]\n\tfsmonitor = touch {0}\n\tpager = touch {0}\n[diff]\n\texternal = touch {0}\n",
        fixture.path("RAN")
    );
    let before = fs::read_to_string(fixture.at("repo/.git/config")).unwrap();
    fixture.put("repo/.git/config", (before + &config).as_bytes());
    for (tool, arguments) in
        [("log", json!({})), ("show", json!({})), ("diff", json!({"old": "v1"})), ("blame", json!({"path": "a.txt"}))]
    {
        ok(&fixture, tool, arguments);
    }
    assert!(!fixture.at("RAN").exists());
}

#[test]
fn objects_that_lie_are_refused() {
    let fixture = repository();
    let tree_of_itself = {
        let mut bytes = b"40000 a\0".to_vec();
        bytes.extend((0..20).map(|index| u8::from_str_radix(&NAME[index * 2..index * 2 + 2], 16).unwrap()));
        [format!("tree {}\0", bytes.len()).as_bytes(), &bytes].concat()
    };
    let commit = format!("tree {NAME}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nx");
    let commit = format!("commit {}\0{commit}", commit.len());
    let root = "abcdefabcdefabcdefabcdefabcdefabcdefabcd";
    put(&fixture, root, commit.as_bytes());
    for (bytes, what) in [
        (&b"blob 3\0abcd"[..], "another size"),
        (b"blob 99999999999\0a", "a size that is not there"),
        (b"nothing 1\0a", "no kind"),
        (b"blob", "no head"),
        (b"tree 5\x0040000", "half an entry"),
        (tree_of_itself.as_slice(), "a tree within itself"),
    ] {
        put(&fixture, NAME, bytes);
        let error = fails(&fixture, "show", json!({"revision": root}));
        assert!(matches!(error, Error::Failed(_)), "{what}: {error:?}");
    }
    let bomb = [&b"blob 40000000\0"[..], &vec![0; 40_000_000]].concat();
    put(&fixture, NAME, &bomb);
    assert!(fails(&fixture, "show", json!({"revision": root})).message().contains("has more than"));
    let own_parent = format!("tree {NAME}\nparent {root}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nx");
    put(&fixture, root, format!("commit {}\0{own_parent}", own_parent.len()).as_bytes());
    assert_eq!(
        ok(&fixture, "log", json!({"revision": root}))["commits"].as_array().unwrap().len(),
        1,
        "a commit that is its own parent"
    );
}

#[test]
fn packs_that_are_damaged_are_refused() {
    let fixture = repository();
    super::git(&fixture.at("repo"), &["gc", "--quiet"]);
    let of = |ending: &str| {
        fixture
            .names()
            .into_iter()
            .find(|name| name.starts_with("repo/.git/objects/pack/") && name.ends_with(ending))
            .unwrap()
    };
    let (pack, index) = (of(".pack"), of(".idx"));
    for (name, start) in [(&pack, 12), (&index, 8 + 256 * 4 + 200)] {
        let path = fixture.at(name);
        let whole = fs::read(&path).unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a file of the test")]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).unwrap();
        let mut broken = whole.clone();
        for byte in broken.iter_mut().skip(start) {
            *byte ^= 0x5A;
        }
        for bytes in [broken.as_slice(), &whole[..start + 10], b""] {
            fs::write(&path, bytes).unwrap();
            let error = fails(&fixture, "show", json!({"revision": "main"}));
            assert!(matches!(error, Error::Failed(_) | Error::NotFound(_)), "{name}: {error:?}");
        }
        fs::write(&path, whole).unwrap();
        ok(&fixture, "show", json!({"revision": "main"}));
    }
}
