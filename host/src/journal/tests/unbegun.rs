//! Whoever asks for an admission may go away at any moment: a call that nobody makes leaves its key free.

use std::pin::pin;
use std::sync::MutexGuard;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use toolhold_core::event::Effects;

use super::support::{State as Directory, call_id, intent, key, success};
use crate::journal::{Admission, Engine, Intent, Journal, State};

fn with_key(call: &str, name: &str) -> Intent {
    intent(call, Effects::Possible).with_key(key("client", name))
}

/// Asks for an admission while nothing is written, does something, and goes away without an answer.
fn ask_and_leave<'a, R>(
    journal: &'a Journal,
    intent: Intent,
    meanwhile: impl FnOnce(MutexGuard<'a, Option<Engine>>) -> R,
) -> R {
    let held = journal.hold();
    let mut asked = pin!(journal.admit(intent));
    assert!(asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    meanwhile(held)
}

#[test]
fn one_that_is_not_written_when_its_caller_goes_away_never_is() {
    let state = Directory::new();
    let journal = state.open();
    let held = ask_and_leave(&journal, with_key("c1", "k"), |held| held);
    drop(held);
    journal.flush_blocking().unwrap();
    assert_eq!(journal.reader().unwrap().get(&call_id("c1")).unwrap(), None);
    assert_eq!(journal.admit_blocking(with_key("c2", "k")).unwrap(), Admission::Fresh);
}

#[test]
fn one_that_is_written_when_its_caller_goes_away_is_settled() {
    let state = Directory::new();
    let journal = state.open();
    ask_and_leave(&journal, with_key("c1", "k"), |held| written(&journal, held));
    assert_eq!(journal.admit_blocking(with_key("c2", "k")).unwrap(), Admission::Fresh);
    let reader = journal.reader().unwrap();
    assert_eq!(reader.get(&call_id("c1")).unwrap().unwrap().state, State::Abandoned);
    reader.verify(None).unwrap();
}

fn written(journal: &Journal, held: MutexGuard<'_, Option<Engine>>) {
    drop(held);
    journal.flush_blocking().unwrap();
}

#[test]
fn whenever_its_caller_goes_away_the_key_is_free() {
    let state = Directory::new();
    let journal = state.open();
    for number in 0..200_u32 {
        let name = format!("k{number}");
        // From before the writer has begun to after it has written.
        let pause = Duration::from_micros(u64::from(number) * 5);
        ask_and_leave(&journal, with_key(&format!("a{number}"), &name), |held| {
            drop(held);
            let began = Instant::now();
            while began.elapsed() < pause {
                std::hint::spin_loop();
            }
        });
        let again = journal.admit_blocking(with_key(&format!("b{number}"), &name)).unwrap();
        assert_eq!(again, Admission::Fresh, "after {pause:?}");
    }
    journal.reader().unwrap().verify(None).unwrap();
}

#[test]
fn one_that_was_refused_settles_no_other_call() {
    let state = Directory::new();
    let journal = state.open();
    journal.admit_blocking(with_key("c1", "k")).unwrap();
    // The name of a call that runs, and its key.
    ask_and_leave(&journal, with_key("c1", "other"), |held| written(&journal, held));
    ask_and_leave(&journal, with_key("c2", "k"), |held| written(&journal, held));
    journal.flush_blocking().unwrap();
    assert_eq!(journal.reader().unwrap().get(&call_id("c1")).unwrap().unwrap().state, State::Admitted);
    journal.settle_blocking(&call_id("c1"), success("1", Effects::Possible)).unwrap();
}
