//! An operating system that fails when a test wants it to.

use std::cell::Cell;

use rustix::io::Errno;

/// Which operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Strikes {
    Any,
    /// Those that set times or a mode: what the owner of a file may do, and who may write it may not.
    Properties,
}

/// How the operations of this thread fail.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Fault {
    /// Which.
    pub(in super::super) strikes: Strikes,
    /// Operations that succeed before.
    pub(in super::super) after: usize,
    /// Whether the ones after the first failure fail, too.
    pub(in super::super) lasts: bool,
    /// How.
    pub(in super::super) errno: Errno,
}

thread_local! {
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    static STRUCK: Cell<bool> = const { Cell::new(false) };
}

/// Has operations of this thread fail while `act` runs, and tells whether one did.
pub(in super::super) fn failing<T>(fault: Fault, act: impl FnOnce() -> T) -> (T, bool) {
    FAULT.set(Some(fault));
    STRUCK.set(false);
    let done = act();
    FAULT.set(None);
    (done, STRUCK.get())
}

/// Asked before each operation that sets no property.
pub(super) fn strike() -> Result<(), Errno> {
    match FAULT.get() {
        Some(Fault { strikes: Strikes::Any, .. }) => strike_property(),
        _ => Ok(()),
    }
}

/// Asked before each operation that sets a time or a mode.
pub(super) fn strike_property() -> Result<(), Errno> {
    let Some(fault) = FAULT.get() else { return Ok(()) };
    if STRUCK.get() && !fault.lasts {
        return Ok(());
    }
    if fault.after > 0 {
        FAULT.set(Some(Fault { after: fault.after - 1, ..fault }));
        return Ok(());
    }
    STRUCK.set(true);
    Err(fault.errno)
}
