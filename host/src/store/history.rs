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

/// Which of them is the present one, after somebody went back.
const POSITION: &str = "position";

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

    /// Keeps `lock` after the one that is there, `present`. What came after that one, because somebody went back, is forgotten.
    ///
    /// No component is let go yet: those of the next one may be in the store already.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn record(&self, present: Option<&Lock>, lock: &Lock) -> Result<(), StoreError> {
        let position = match present {
            Some(present) => Some(self.keep(present)?),
            None => self.numbers()?.last().copied(),
        };
        let newer = |known: &u64| position.is_some_and(|position| *known > position);
        self.numbers()?.into_iter().filter(newer).try_for_each(|newer| self.forget(newer))?;
        let last = self.locks()?.pop();
        if last.is_some_and(|(_, last)| last.released() == lock.released()) {
            return Ok(());
        }
        self.append(lock)?;
        self.stay()
    }

    /// Keeps `lock`, which is there, and with it the components that it names.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn know(&self, lock: &Lock) -> Result<(), StoreError> {
        self.keep(lock).map(drop)
    }

    /// The nearest lock file before `present` that `differs`, and its number. Never one that came after it. `present` is kept. Where it is
    /// gone or cannot be read, the last one that was there.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn before(
        &self,
        present: Option<&Lock>,
        differs: impl Fn(&Lock) -> bool,
    ) -> Result<Option<(u64, Lock)>, StoreError> {
        let first_newer = match present {
            Some(present) => Some(self.keep(present)?),
            None => self.noted()?.map(|(number, _)| number.saturating_add(1)),
        };
        let older = |number: u64| first_newer.is_none_or(|newer| number < newer);
        let mut older = self.locks()?.into_iter().rev().filter(|(number, _)| older(*number));
        Ok(older.find(|(_, lock)| differs(lock)))
    }

    /// Notes that `lock` is the present one, and comes from `number`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn went_to(&self, number: u64, lock: &Lock) -> Result<(), StoreError> {
        self.write(self.folder.join(POSITION), &format!("{number} {}\n", fingerprint(lock)))
    }

    /// The number of `lock`: where somebody went back to, the newest that is the same, or a new one. What somebody went back from does
    /// not come before a new one: it is forgotten.
    fn keep(&self, lock: &Lock) -> Result<u64, StoreError> {
        if let Some(number) = self.position(lock)? {
            return Ok(number);
        }
        let same = lock.released();
        if let Some((number, _)) = self.locks()?.into_iter().rev().find(|(_, known)| known.released() == same) {
            return Ok(number);
        }
        if let Some((position, _)) = self.noted()?.filter(|(number, _)| self.path(*number).exists()) {
            self.numbers()?.into_iter().filter(|known| *known > position).try_for_each(|newer| self.forget(newer))?;
            self.stay()?;
        }
        self.append(lock)
    }

    fn append(&self, lock: &Lock) -> Result<u64, StoreError> {
        let number = self.numbers()?.last().map_or(1, |newest| newest.saturating_add(1));
        let path = self.path(number);
        let text =
            lock.render().map_err(|error| StoreError::Io { path: path.clone(), source: io::Error::other(error) })?;
        self.write(path, &text)?;
        Ok(number)
    }

    /// Where somebody went back to, if `lock` is still what was there then.
    fn position(&self, lock: &Lock) -> Result<Option<u64>, StoreError> {
        let noted = self.noted()?.filter(|(_, noted)| *noted == fingerprint(lock));
        Ok(noted.map(|(number, _)| number).filter(|number| self.path(*number).exists()))
    }

    /// Where somebody went back to, and what was there then.
    fn noted(&self) -> Result<Option<(u64, String)>, StoreError> {
        let path = self.folder.join(POSITION);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let noted = text.trim().split_once(' ');
        Ok(noted.and_then(|(number, noted)| Some((number.parse().ok()?, noted.to_owned()))))
    }

    /// The newest is the present one.
    fn stay(&self) -> Result<(), StoreError> {
        let path = self.folder.join(POSITION);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::Io { path, source: error }),
            _ => Ok(()),
        }
    }

    fn write(&self, path: PathBuf, text: &str) -> Result<(), StoreError> {
        let written = private_folder(&self.folder).and_then(|()| replace_file::replace(&path, text.as_bytes()));
        written.map_err(|source| StoreError::Io { path, source })
    }

    /// Those that can be read, oldest first.
    fn locks(&self) -> Result<Vec<(u64, Lock)>, StoreError> {
        let mut locks = Vec::new();
        for number in self.numbers()? {
            locks.extend(Lock::parse(&self.text(number)?).ok().map(|lock| (number, lock)));
        }
        Ok(locks)
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
            for path in list(&project)?.into_iter().filter(|path| number(path).is_some()) {
                let text = std::fs::read_to_string(&path).map_err(|source| StoreError::Io { path, source })?;
                let Ok(lock) = Lock::parse(&text) else { return Ok(None) };
                wanted.extend(lock.components().values().map(|pin| pin.digest));
            }
        }
        Ok(Some(wanted))
    }

    fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let mut numbers: Vec<u64> = list(&self.folder)?.iter().filter_map(|path| number(path)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// What is no text is no lock file either, whatever stands for its bytes.
    fn text(&self, number: u64) -> Result<String, StoreError> {
        let path = self.path(number);
        let bytes = std::fs::read(&path).map_err(|source| StoreError::Io { path, source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn forget(&self, number: u64) -> Result<(), StoreError> {
        let path = self.path(number);
        std::fs::remove_file(&path).map_err(|source| StoreError::Io { path, source })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.lock"))
    }
}

/// The number of a lock file that is kept: `NUMBER.lock`, and written like that.
fn number(path: &Path) -> Option<u64> {
    let number = path.file_name()?.to_str()?.strip_suffix(".lock")?.parse::<u64>().ok()?;
    path.ends_with(format!("{number}.lock")).then_some(number)
}

/// What tells lock files apart, wherever their bytes are taken from.
fn fingerprint(lock: &Lock) -> String {
    let pins = lock.released();
    // What cannot be rendered was never written, and is like no other.
    Digest::of(pins.render().unwrap_or_default().as_bytes()).to_string()
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
    use toolhold_core::lock::Pin;

    use super::*;

    fn lock(bytes: &[u8]) -> Lock {
        let digest = Digest::of(bytes);
        let text =
            format!("version = 1\n[components.a]\nsource = \"a\"\ndigest = \"{digest}\"\nsize = 1\nworld = \"w\"\n");
        Lock::parse(&text).unwrap()
    }

    #[test]
    fn one_goes_back_step_by_step_and_never_forward() {
        let state = tempfile::tempdir().unwrap();
        let history = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let [one, two, three, hand] = [b"1", b"2", b"3", b"4"].map(|bytes| lock(bytes));
        let before = |present: &Lock| history.before(Some(present), |_| true).unwrap();
        assert!(before(&one).is_none());
        assert_eq!(history.before(None, |_| true).unwrap().unwrap().1, one, "what is gone comes back");
        // The first set comes again: going back from it must not lead in circles.
        for (present, next) in [(&one, &two), (&two, &two), (&two, &three), (&three, &one)] {
            history.record(Some(present), next).unwrap();
        }
        let mut present = one.clone();
        for expected in [&three, &two, &one] {
            let (number, found) = before(&present).unwrap();
            assert_eq!(found, *expected);
            history.went_to(number, &found).unwrap();
            present = found;
        }
        assert!(before(&present).is_none());
        assert_eq!(history.before(None, |_| true).unwrap().unwrap(), (1, one.clone()), "not what was gone back from");
        // What was written by hand comes after all that is known, and is kept.
        assert_eq!(before(&hand).unwrap().1, one);
        assert_eq!(history.locks().unwrap().last().unwrap().1, hand);
    }

    #[test]
    fn what_was_gone_back_from_is_forgotten_once_something_else_is_accepted() {
        let state = tempfile::tempdir().unwrap();
        let history = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let [one, two, three] = [b"1", b"2", b"3"].map(|bytes| lock(bytes));
        history.record(Some(&one), &two).unwrap();
        let (number, found) = history.before(Some(&two), |_| true).unwrap().unwrap();
        history.went_to(number, &found).unwrap();
        history.record(Some(&one), &three).unwrap();
        assert_eq!(history.before(Some(&three), |lock| *lock != three).unwrap().unwrap().1, one);
        assert!(history.locks().unwrap().iter().all(|(_, known)| *known != two));
    }

    /// A colleague's lock file comes with a pull after somebody went back.
    #[test]
    fn what_was_gone_back_from_does_not_come_before_what_comes_from_elsewhere() {
        let state = tempfile::tempdir().unwrap();
        let history = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let [one, two, bad, theirs] = [b"1", b"2", b"3", b"4"].map(|bytes| lock(bytes));
        history.record(Some(&one), &two).unwrap();
        history.record(Some(&two), &bad).unwrap();
        history.went_to(1, &one).unwrap();
        history.know(&theirs).unwrap();
        assert_eq!(history.before(Some(&theirs), |_| true).unwrap().unwrap(), (1, one));
    }

    #[test]
    fn the_same_components_from_elsewhere_are_the_same_lock_file() {
        let state = tempfile::tempdir().unwrap();
        let history = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let (one, two) = (lock(b"1"), lock(b"2"));
        history.record(Some(&one), &two).unwrap();
        let held = |lock: &Lock| {
            let pins = lock.components().iter().map(|(name, pin)| (name.clone(), Pin { held: true, ..pin.clone() }));
            Lock::new(pins.collect())
        };
        assert_eq!(history.before(Some(&held(&two)), |_| true).unwrap().unwrap().1, one);
        history.went_to(1, &held(&one)).unwrap();
        assert!(history.before(Some(&one), |_| true).unwrap().is_none());
        assert_eq!(history.numbers().unwrap(), [1, 2]);
    }

    #[test]
    fn components_stay_as_long_as_a_lock_file_of_any_project_names_them() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::of(state.path());
        let mine = History::of(state.path(), Path::new("/p/toolhold.lock")).unwrap();
        let theirs = History::of(state.path(), Path::new("/q/toolhold.lock")).unwrap();
        let digest = store.put(b"theirs").unwrap();
        theirs.record(None, &lock(b"theirs")).unwrap();
        let first = store.put(b"first").unwrap();
        mine.record(None, &lock(b"first")).unwrap();
        for number in 0..MOST {
            assert!(store.get(first).unwrap().is_some(), "{number}");
            mine.record(None, &lock(number.to_string().as_bytes())).unwrap();
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
        history.record(None, &lock(b"other")).unwrap();
        std::fs::write(history.path(7), "version = 9\n").unwrap();
        history.shorten().unwrap();
        assert!(store.get(digest).unwrap().is_some());
        std::fs::rename(history.path(7), history.folder.join("007.lock")).unwrap();
        history.shorten().unwrap();
        assert!(store.get(digest).unwrap().is_none(), "what was cut off while it was written is no lock file");
    }
}
