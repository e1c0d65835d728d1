//! Other users of the machine, and links in the place of files.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::support::State;
use crate::journal::{Error, Journal, Options};

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_created_is_its_owners_alone() {
    let state = State::new();
    let _journal = state.open();
    assert_eq!(mode(&state.path()), 0o700);
    for entry in std::fs::read_dir(state.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_directory_that_others_may_write_is_refused_with_the_fix() {
    for bits in [0o720, 0o702, 0o777, 0o1777] {
        let state = State::new();
        std::fs::create_dir(state.path()).unwrap();
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(bits)).unwrap();
        let error = state.try_open().unwrap_err();
        assert!(matches!(error, Error::Exposed { .. }) && error.to_string().contains("chmod 700"), "{error}");
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    for name in ["journal.db", "journal.lock", "audit.head"] {
        let (state, elsewhere) = (State::new(), State::new());
        drop(elsewhere.open());
        drop(state.open());
        std::fs::remove_file(state.path().join(name)).unwrap();
        symlink(elsewhere.path().join(name), state.path().join(name)).unwrap();
        assert!(Journal::open(&state.path(), &Options::default()).is_err(), "{name}");
    }
}
