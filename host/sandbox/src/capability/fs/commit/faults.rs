//! An operating system that fails when a test wants it to.

use std::cell::Cell;

use rustix::io::Errno;

/// How the operations of this thread fail.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Fault {
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

/// Asked before each operation.
pub(super) fn strike() -> Result<(), Errno> {
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
