//! The lock files that a project had, newest last: `STATE/locks/PROJECT/NUMBER.lock`.
//!
//! A lock file that is accepted is kept here, and the bytes of all of its components with it, so that whoever finds that a newer set of
//! tools does worse goes back in one command and without a network.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use toolhold_core::id::{Digest, ToolDigest};
use toolhold_core::lock::Lock;

use super::{Store, StoreError, private_folder};
use crate::replace_file;

/// Lock files that are kept of one project.
const MOST: usize = 16;

/// Bytes of components that are kept for them; over it, the oldest go first. The current one always stays.
const MOST_BYTES: u64 = 2 << 30;

/// The lock files of one project.
#[derive(Debug)]
pub(crate) struct History {
    all: PathBuf,
    folder: PathBuf,
    store: Store,
}

impl History {
    /// Of the lock file at `lock`, in `state`. Two projects that share a state directory have histories of their own.
    ///
    /// # Errors
    ///
    /// If `lock` has no absolute path.
    pub(crate) fn of(state: &Path, lock: &Path) -> Result<Self, StoreError> {
        let absolute = std::path::absolute(lock).map_err(|source| StoreError::Io { path: lock.to_owned(), source })?;
        let project = Digest::of(absolute.as_os_str().as_encoded_bytes()).hex();
        let all = state.join("locks");
        Ok(Self { folder: all.join(project), all, store: Store::of(state) })
    }

    /// Keeps `text` as the newest. Nothing is let go yet: the components of the next one may be in the store already.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn record(&self, text: &str) -> Result<(), StoreError> {
        let numbers = self.numbers()?;
        let newest = numbers.last().copied();
        if newest.map(|number| self.text(number)).transpose()?.as_deref() != Some(text) {
            let path = self.path(newest.map_or(1, |number| number + 1));
            let written = private_folder(&self.folder).and_then(|()| replace_file::replace(&path, text.as_bytes()));
            written.map_err(|source| StoreError::Io { path, source })?;
        }
        Ok(())
    }

    /// The lock file before `current`, and its number. What is not the newest that is known comes after it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn before(&self, current: &str) -> Result<Option<(u64, String)>, StoreError> {
        let mut known = Vec::new();
        for number in self.numbers()? {
            known.push((number, self.text(number)?));
        }
        if known.last().is_some_and(|(_, text)| text == current) {
            known.pop();
        }
        Ok(known.pop())
    }

    /// Forgets everything newer than `number`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn go_back_to(&self, number: u64) -> Result<(), StoreError> {
        self.numbers()?.into_iter().filter(|known| *known > number).try_for_each(|newer| self.forget(newer))
    }

    /// Keeps `text` in place of the one of that number: the same components, told apart by where they are taken from.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn replace(&self, number: u64, text: &str) -> Result<(), StoreError> {
        let path = self.path(number);
        replace_file::replace(&path, text.as_bytes()).map_err(|source| StoreError::Io { path, source })?;
        self.shorten()
    }

    /// Lets go what is too old, with the components that nothing names any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn shorten(&self) -> Result<(), StoreError> {
        let mut numbers = self.numbers()?;
        while numbers.len() > 1 && (numbers.len() > MOST || self.bytes(&numbers)? > MOST_BYTES) {
            self.forget(numbers.remove(0))?;
        }
        // A lock file that cannot be read may name anything: then nothing goes.
        if let Some(wanted) = self.wanted()? {
            self.store.keep_only(&wanted)?;
        }
        Ok(())
    }

    fn bytes(&self, numbers: &[u64]) -> Result<u64, StoreError> {
        let mut sizes = std::collections::BTreeMap::new();
        for number in numbers {
            if let Ok(lock) = Lock::parse(&self.text(*number)?) {
                sizes.extend(lock.components().values().map(|pin| (pin.digest, pin.size)));
            }
        }
        Ok(sizes.values().fold(0, |sum: u64, size| sum.saturating_add(*size)))
    }

    /// What any lock file of any project in this state directory names.
    fn wanted(&self) -> Result<Option<BTreeSet<ToolDigest>>, StoreError> {
        let mut wanted = BTreeSet::new();
        for project in list(&self.all)? {
            // A write that was cut off leaves a file of another name.
            let locks = list(&project)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "lock"));
            for path in locks {
                let text = std::fs::read_to_string(&path).map_err(|source| StoreError::Io { path, source })?;
                let Ok(lock) = Lock::parse(&text) else { return Ok(None) };
                wanted.extend(lock.components().values().map(|pin| pin.digest));
            }
        }
        Ok(Some(wanted))
    }

    fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let number = |path: PathBuf| path.file_stem()?.to_str()?.parse().ok();
        let mut numbers: Vec<u64> = list(&self.folder)?.into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn text(&self, number: u64) -> Result<String, StoreError> {
        let path = self.path(number);
        std::fs::read_to_string(&path).map_err(|source| StoreError::Io { path, source })
    }

    fn forget(&self, number: u64) -> Result<(), StoreError> {
        let path = self.path(number);
        std::fs::remove_file(&path).map_err(|source| StoreError::Io { path, source })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.lock"))
    }
}

/// What is in a folder; nothing if it is not there.
fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let fail = |source| StoreError::Io { path: folder.to_owned(), source };
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(fail)).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(fail(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(bytes: &[u8]) -> String {
        let digest = Digest::of(bytes);
        format!("version = 1\n[components.a]\nsource = \"a\"\ndigest = \"{digest}\"\nsize = 1\nworld = \"w\"\n")
    }

    #[test]
    fn one_goes_back_step_by_step_and_what_was_undone_is_gone() {
        let state = tempfile::tempdir().unwrap();
        let history = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        assert!(history.before("x").unwrap().is_none());
        let [one, two, three] = [b"1", b"2", b"3"].map(|bytes| lock(bytes));
        [&one, &two, &two, &three].into_iter().for_each(|text| history.record(text).unwrap());
        let (number, text) = history.before(&three).unwrap().unwrap();
        assert_eq!(text, two);
        history.go_back_to(number).unwrap();
        assert_eq!(history.before(&two).unwrap().unwrap().1, one);
        assert_eq!(history.before("edited by hand").unwrap().unwrap().1, two);
    }

    #[test]
    fn components_stay_as_long_as_a_lock_file_of_any_project_names_them() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::of(state.path());
        let mine = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let theirs = History::of(state.path(), Path::new("/q/toolhold.lock")).unwrap();
        let digest = store.put(b"theirs").unwrap();
        theirs.record(&lock(b"theirs")).unwrap();
        let first = store.put(b"first").unwrap();
        mine.record(&lock(b"first")).unwrap();
        for number in 0..MOST {
            assert!(store.get(first).unwrap().is_some(), "{number}");
            mine.record(&lock(number.to_string().as_bytes())).unwrap();
            mine.shorten().unwrap();
        }
        assert!(store.get(first).unwrap().is_none(), "nothing names it any more");
        assert!(store.get(digest).unwrap().is_some());
        assert_eq!(mine.numbers().unwrap().len(), MOST);
    }

    #[test]
    fn while_a_lock_file_cannot_be_read_nothing_goes() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::of(state.path());
        let history = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let digest = store.put(b"component").unwrap();
        history.record("version = 9\n").unwrap();
        history.record(&lock(b"other")).unwrap();
        history.shorten().unwrap();
        assert!(store.get(digest).unwrap().is_some());
        std::fs::rename(history.path(1), history.folder.join(".toolhold-cut-off")).unwrap();
        history.shorten().unwrap();
        assert!(store.get(digest).unwrap().is_none(), "what was cut off while it was written is no lock file");
    }
}
