//! `wasi:random`: the operating system's randomness or, for replays, a seeded sequence. Never less than that for secrets.

use toolhold_core::grant::Random;
use toolhold_core::id::Digest;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::call::{Gate, HostFault};
use crate::reel::{Drawn, Reel};

/// Bytes that one call of `get-random-bytes` gets. A guest that asks for more is stopped: the bytes would be the host's to hold.
const MAX_BYTES: u64 = 1 << 20;

/// The randomness of one call.
#[derive(Debug)]
pub(crate) enum RandomCtx {
    /// The operating system's.
    Host,
    /// SplitMix64, by Steele, Lea and Flood: short, fast, and the same everywhere. Not for secrets.
    Seeded(u64),
    /// Drawn from a seed of the operating system's that is on record. Good enough for secrets.
    Drawn(Drawn),
    /// The same, and nothing was asked for yet.
    ToBeDrawn(Reel),
}

impl RandomCtx {
    pub(crate) fn new(random: Random, reel: Option<Reel>) -> Self {
        match (random, reel) {
            (Random::Host, None) => Self::Host,
            (Random::Host, Some(reel)) => Self::ToBeDrawn(reel),
            (Random::Seeded(seed), _) => Self::Seeded(seed),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        if let Self::ToBeDrawn(reel) = self {
            *self = Self::Drawn(Drawn::from(seed(reel)?));
        }
        match self {
            Self::Drawn(drawn) => {
                drawn.fill(bytes);
                Ok(())
            }
            Self::Host | Self::ToBeDrawn(_) => {
                getrandom::fill(bytes).map_err(|error| HostFault(format!("no randomness: {error}")).into())
            }
            Self::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let number = next(state).to_le_bytes();
                    chunk.iter_mut().zip(number).for_each(|(byte, random)| *byte = random);
                }
                Ok(())
            }
        }
    }

    fn bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let len = usize::try_from(len.min(MAX_BYTES + 1)).unwrap_or(usize::MAX);
        if len as u64 > MAX_BYTES {
            return Err(wasmtime::format_err!("more than {MAX_BYTES} random bytes asked for at once"));
        }
        let mut bytes = vec![0; len];
        self.fill(&mut bytes).map(|()| bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
}

/// The seed on record, or one that is put there.
fn seed(reel: &Reel) -> wasmtime::Result<Digest> {
    match reel {
        Reel::Played(player) => Ok(player.seed()),
        Reel::Recorded(recorder) => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|error| HostFault(format!("no randomness: {error}")))?;
            let seed = Digest::from_bytes(bytes);
            recorder.seed(seed);
            Ok(seed)
        }
    }
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl random::Host for Gate<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.enter()?.random.bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter()?.random.number()
    }
}

// What is called insecure is the same here: one source to record, and nothing to weigh.
impl insecure::Host for Gate<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.enter()?.random.bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter()?.random.number()
    }
}

impl insecure_seed::Host for Gate<'_> {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let state = self.enter()?;
        Ok((state.random.number()?, state.random.number()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_sequence() {
        // The first three numbers for seed 1234567, as published with the generator.
        let mut state = 1_234_567;
        let numbers = [next(&mut state), next(&mut state), next(&mut state)];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        let mut random = RandomCtx::new(Random::Seeded(1_234_567), None);
        assert_eq!(random.bytes(8).unwrap(), 6_457_827_717_110_365_317_u64.to_le_bytes());
    }

    #[test]
    fn nobody_makes_the_host_hold_more_than_a_mebibyte() {
        let mut random = RandomCtx::new(Random::Host, None);
        assert_eq!(random.bytes(MAX_BYTES).unwrap().len() as u64, MAX_BYTES);
        assert!(random.bytes(MAX_BYTES + 1).is_err());
        assert!(random.bytes(u64::MAX).is_err());
    }
}
