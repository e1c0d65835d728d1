//! Who is logged in: sessions that live in this process, each behind a random name that only its browser has.
//!
//! A session is no authority of its own. It remembers whose token was shown, and that token is looked up again with every
//! request: one that was revoked or has expired opens nothing any more, at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use toolhold_core::id::Digest;

use crate::access::Caller;

/// Most sessions at once. One more ends the one that was used longest ago.
pub(super) const MOST: usize = 100;

/// How long a session lasts, in microseconds: a working day.
pub(super) const LIFETIME: u64 = 12 * 3_600 * 1_000_000;

/// How long one lasts in which nothing is asked for.
pub(super) const IDLE: u64 = 2 * 3_600 * 1_000_000;

/// Bytes of randomness in a name, and in what a form must bring along.
const ENTROPY: usize = 32;

/// What is kept of a session.
#[derive(Debug, Clone)]
struct Kept {
    caller: Caller,
    /// What a form of it must bring along.
    csrf: String,
    begun: u64,
    used: u64,
    /// What is said on the next page.
    said: Option<Said>,
}

/// What came of what was asked for last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// It was done.
    pub(super) good: bool,
    /// What.
    pub(super) text: String,
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Going {
    /// Whose it is, as the token said that it was begun with.
    pub(super) caller: Caller,
    /// What a form of it must bring along.
    pub(super) csrf: String,
}

/// All sessions. Not written anywhere: whoever restarts the server logs in again.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<Digest, Kept>>);

impl Sessions {
    /// Begins a session for who showed a token, and returns its name.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness.
    pub(super) fn begin(&self, caller: Caller, now: u64) -> Result<String, getrandom::Error> {
        let (name, csrf) = (random()?, random()?);
        let mut sessions = self.lock();
        sessions.retain(|_, kept| is_going(kept, now));
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key);
            oldest.iter().for_each(|oldest| drop(sessions.remove(oldest)));
        }
        sessions.insert(key(&name), Kept { caller, csrf, begun: now, used: now, said: None });
        Ok(name)
    }

    /// The session of that name, if it goes on; whether a person uses it now, `used` says.
    pub(super) fn find(&self, name: &str, now: u64, used: bool) -> Option<Going> {
        let mut sessions = self.lock();
        let key = key(name);
        let kept = sessions.get_mut(&key)?;
        if !is_going(kept, now) {
            sessions.remove(&key);
            return None;
        }
        if used {
            kept.used = now;
        }
        Some(Going { caller: kept.caller.clone(), csrf: kept.csrf.clone() })
    }

    /// Ends it.
    pub(super) fn end(&self, name: &str) {
        self.lock().remove(&key(name));
    }

    /// What is to be said on its next page.
    pub(super) fn say(&self, name: &str, said: Said) {
        if let Some(kept) = self.lock().get_mut(&key(name)) {
            kept.said = Some(said);
        }
    }

    /// What was to be said; once.
    pub(super) fn said(&self, name: &str) -> Option<Said> {
        self.lock().get_mut(&key(name))?.said.take()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a form brought along what it must. Takes as long whatever it brought.
pub(super) fn is_of(session: &Going, brought: &str) -> bool {
    session.csrf.as_bytes().ct_eq(brought.as_bytes()).into()
}

/// Names are looked up by their digest: how long that takes says nothing of any name.
fn key(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn is_going(kept: &Kept, now: u64) -> bool {
    now.saturating_sub(kept.begun) < LIFETIME && now.saturating_sub(kept.used) < IDLE
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; ENTROPY];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    fn caller() -> Caller {
        Caller::new("ops", Role::Observe)
    }

    #[test]
    fn no_two_sessions_share_anything_and_each_is_256_bits() {
        let sessions = Sessions::default();
        let (one, two) = (sessions.begin(caller(), 0).unwrap(), sessions.begin(caller(), 0).unwrap());
        let (first, second) = (sessions.find(&one, 1, true).unwrap(), sessions.find(&two, 1, true).unwrap());
        assert_ne!(one, two);
        assert_ne!(first.csrf, second.csrf);
        assert_ne!(first.csrf, one, "what stands in a page is not what opens it");
        assert_eq!((one.len(), first.csrf.len()), (43, 43));
        assert!(is_of(&first, &first.csrf) && !is_of(&first, &second.csrf) && !is_of(&first, ""));
    }

    #[test]
    fn a_session_ends_when_it_is_told_to_when_it_idles_and_after_a_day() {
        let sessions = Sessions::default();
        let name = sessions.begin(caller(), 0).unwrap();
        assert!(sessions.find(&name, IDLE - 1, true).is_some());
        assert!(sessions.find(&name, 2 * IDLE - 2, true).is_some(), "it was used meanwhile");
        assert!(sessions.find(&name, 3 * IDLE, true).is_none(), "it idled");
        let name = sessions.begin(caller(), 0).unwrap();
        assert!(sessions.find(&name, IDLE - 1, false).is_some());
        assert!(sessions.find(&name, IDLE, false).is_none(), "only a page has asked");
        let name = sessions.begin(caller(), 0).unwrap();
        (0..LIFETIME)
            .step_by(usize::try_from(IDLE / 2).unwrap())
            .for_each(|now| assert!(sessions.find(&name, now, true).is_some()));
        assert!(sessions.find(&name, LIFETIME, true).is_none(), "its day is over");
        let name = sessions.begin(caller(), 0).unwrap();
        sessions.end(&name);
        assert!(sessions.find(&name, 0, true).is_none());
        assert!(sessions.find("guess", 0, true).is_none());
    }

    #[test]
    fn there_is_an_end_of_sessions_and_the_one_that_is_used_least_gives_way() {
        let sessions = Sessions::default();
        let first = sessions.begin(caller(), 0).unwrap();
        let second = sessions.begin(caller(), 1).unwrap();
        for now in 2..MOST as u64 {
            sessions.begin(caller(), now).unwrap();
        }
        assert!(sessions.find(&first, 1000, true).is_some(), "used");
        let last = sessions.begin(caller(), 1001).unwrap();
        assert!(sessions.find(&second, 1001, true).is_none());
        assert!(sessions.find(&first, 1001, true).is_some() && sessions.find(&last, 1001, true).is_some());
        assert_eq!(sessions.lock().len(), MOST);
    }

    #[test]
    fn what_is_said_is_said_once() {
        let sessions = Sessions::default();
        let name = sessions.begin(caller(), 0).unwrap();
        let said = Said { good: true, text: "done".into() };
        sessions.say(&name, said.clone());
        assert_eq!((sessions.said(&name), sessions.said(&name)), (Some(said), None));
    }
}
