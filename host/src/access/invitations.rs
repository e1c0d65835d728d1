//! Invitations: links that log a person of this machine in to the console, once, within minutes, without a token.
//!
//! Who may use the state directory may make any token, so an invitation gives them nothing that they do not have; it spares them
//! to keep one. Only the control socket makes them, and only for a console on loopback. What is in the link is no token: it opens
//! nothing but one session, and once that is begun, nothing at all. Pure: the time is passed in.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;
use toolhold_core::id::Digest;

use super::caller::Caller;

/// Where an invitation is taken up.
pub const INVITED: &str = "/login/once";

/// How long one may be taken up, in microseconds.
pub(super) const LIFETIME: u64 = 5 * 60 * 1_000_000;

/// Most that are open at once. One more ends the oldest.
const MOST: usize = 16;

/// Bytes of randomness in one.
const ENTROPY: usize = 32;

/// Longer, in bytes, is no invitation, and is not hashed.
const LONGEST: usize = 64;

/// What a link brings along. Shown once, never stored.
pub struct Invitation(Zeroizing<String>);

impl Invitation {
    fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; ENTROPY]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// The text, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Invitation(..)")
    }
}

/// Who is invited, and until when.
#[derive(Debug)]
struct Invited {
    caller: Caller,
    until: u64,
}

/// Those that are open, by what would be brought along. Not written anywhere: a restart of the server ends all.
#[derive(Debug, Default)]
pub(super) struct Invitations(HashMap<Digest, Invited>);

impl Invitations {
    /// Invites `caller`.
    pub(super) fn invite(&mut self, caller: Caller, now: u64) -> Result<Invitation, getrandom::Error> {
        let invitation = Invitation::new()?;
        self.0.retain(|_, invited| now < invited.until);
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, invited)| invited.until).map(|(key, _)| *key);
            oldest.iter().for_each(|oldest| drop(self.0.remove(oldest)));
        }
        let until = now.saturating_add(LIFETIME);
        self.0.insert(Digest::of(invitation.reveal().as_bytes()), Invited { caller, until });
        Ok(invitation)
    }

    /// Who was invited with this; once. It is looked up by its digest: how long that takes says nothing of any.
    pub(super) fn take_up(&mut self, presented: &str, now: u64) -> Option<Caller> {
        if presented.len() > LONGEST {
            return None;
        }
        let invited = self.0.remove(&Digest::of(presented.as_bytes()))?;
        (now < invited.until).then_some(invited.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::super::role::Role;
    use super::*;

    fn caller() -> Caller {
        Caller::new("local:1", Role::Approve)
    }

    #[test]
    fn an_invitation_is_taken_up_once_and_in_time() {
        let mut all = Invitations::default();
        let (one, two) = (all.invite(caller(), 0).unwrap(), all.invite(caller(), 0).unwrap());
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(one.reveal().len(), 43, "256 bits");
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert_eq!(all.take_up(one.reveal(), LIFETIME - 1), Some(caller()));
        assert_eq!(all.take_up(one.reveal(), LIFETIME - 1), None, "it was taken up");
        assert_eq!(all.take_up(two.reveal(), LIFETIME), None, "it is over");
        assert_eq!(all.take_up(two.reveal(), 0), None, "and stays so");
    }

    #[test]
    fn nothing_else_is_one() {
        let mut all = Invitations::default();
        let one = all.invite(caller(), 0).unwrap();
        let upper = one.reveal().to_uppercase();
        for wrong in ["", "a", &upper, &one.reveal()[1..], &format!("{} ", one.reveal()), &"a".repeat(LONGEST + 1)] {
            assert_eq!(all.take_up(wrong, 1), None, "{wrong}");
        }
        assert!(all.take_up(one.reveal(), 1).is_some(), "a wrong one ends none");
    }

    #[test]
    fn there_is_an_end_of_invitations_and_the_oldest_gives_way() {
        let mut all = Invitations::default();
        let first = all.invite(caller(), 0).unwrap();
        let second = all.invite(caller(), 1).unwrap();
        let last = (2..=MOST as u64).map(|now| all.invite(caller(), now).unwrap()).last().unwrap();
        assert_eq!(all.0.len(), MOST);
        assert_eq!(all.take_up(first.reveal(), 100), None);
        assert!(all.take_up(second.reveal(), 100).is_some() && all.take_up(last.reveal(), 100).is_some());
        all.invite(caller(), LIFETIME * 2).unwrap();
        assert_eq!(all.0.len(), 1, "what is over is not kept");
    }
}
