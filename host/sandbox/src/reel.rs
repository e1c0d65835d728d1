//! Takes down what a guest is given from outside, or gives a guest what was taken down before: time, randomness, answers.
//!
//! Whoever records changes nothing of what a guest sees but one thing: its randomness is drawn from a seed of the operating
//! system's instead of from the operating system each time. INVARIANT: a guest that is played to sends nothing. What it asks
//! for is answered from the tape or refused here, and never reaches the [`Egress`](crate::capability::http::Egress).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use toolhold_core::id::Digest;
use toolhold_core::tape::{Answer, Bytes, Exchange, MOST_READINGS, Response, Tape};

/// Requests that are kept of one attempt.
const MOST_EXCHANGES: usize = 1_000;

/// What stands between a guest and what is outside of it.
#[derive(Debug, Clone)]
pub enum Reel {
    /// It is taken down.
    Recorded(Recorder),
    /// It comes from a tape.
    Played(Player),
}

/// Takes down. All clones write the same tape.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Recording>>);

#[derive(Debug)]
struct Recording {
    tape: Tape,
    /// Bytes of answers that are still taken.
    room: u64,
    /// Of each exchange, what came of the body so far.
    bodies: Vec<Vec<u8>>,
}

impl Recorder {
    /// Takes down time and randomness, and at most so many bytes of answers. Answers that do not fit are left out as a whole.
    #[must_use]
    pub fn new(room: u64) -> Self {
        Self(Arc::new(Mutex::new(Recording { tape: Tape::default(), room, bodies: Vec::new() })))
    }

    /// Everything so far. What comes later is lost.
    #[must_use]
    pub fn take(&self) -> Tape {
        let mut recording = self.lock();
        let bodies = std::mem::take(&mut recording.bodies);
        let mut tape = std::mem::take(&mut recording.tape);
        for (exchange, body) in tape.exchanges.iter_mut().zip(bodies) {
            if let Answer::Came(response) = &mut exchange.answer {
                response.body = Bytes::of(body);
            }
        }
        tape
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        // Every change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seed(&self, seed: Digest) {
        self.lock().tape.seed = Some(seed);
    }

    pub(crate) fn wall(&self, nanos: u64) {
        let Tape { wall, readings_left_out, .. } = &mut self.lock().tape;
        note(wall, readings_left_out, nanos);
    }

    pub(crate) fn monotonic(&self, nanos: u64) {
        let Tape { monotonic, readings_left_out, .. } = &mut self.lock().tape;
        note(monotonic, readings_left_out, nanos);
    }

    /// A request is made. `None`: there are too many.
    pub(crate) fn asked(&self, method: &str, url: String) -> Option<usize> {
        let mut recording = self.lock();
        let index = recording.tape.exchanges.len();
        if index >= MOST_EXCHANGES {
            recording.tape.exchanges_left_out = recording.tape.exchanges_left_out.saturating_add(1);
            return None;
        }
        let exchange = Exchange { method: method.to_owned(), url, body: None, answer: Answer::Nothing };
        recording.tape.exchanges.push(exchange);
        recording.bodies.push(Vec::new());
        Some(index)
    }

    /// Its body was sent to its end.
    pub(crate) fn sent(&self, index: usize, body: Digest) {
        if let Some(exchange) = self.lock().tape.exchanges.get_mut(index) {
            exchange.body = Some(body);
        }
    }

    /// There is no answer.
    pub(crate) fn failed(&self, index: usize, error: &str, why: String) {
        self.answer(index, Answer::Failed { error: error.to_owned(), why });
    }

    /// The head of an answer came.
    pub(crate) fn came(&self, index: usize, status: u16, headers: Vec<(String, String)>) {
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let response = Response { status, headers, body: Bytes::default(), is_whole: false, broke_off: false };
        let answer = match self.takes(bytes) {
            true => Answer::Came(Box::new(response)),
            false => Answer::NotKept,
        };
        self.answer(index, answer);
    }

    /// A piece of its body came.
    pub(crate) fn more(&self, index: usize, piece: &[u8]) {
        let is_kept = self.takes(piece.len());
        let mut recording = self.lock();
        let Recording { tape, bodies, .. } = &mut *recording;
        let (Some(exchange), Some(body)) = (tape.exchanges.get_mut(index), bodies.get_mut(index)) else { return };
        match (&exchange.answer, is_kept) {
            (Answer::Came(_), true) => body.extend_from_slice(piece),
            (Answer::Came(_), false) => {
                exchange.answer = Answer::NotKept;
                *body = Vec::new();
            }
            _ => {}
        }
    }

    /// Its body ended, or broke off.
    pub(crate) fn ended(&self, index: usize, broke_off: bool) {
        if let Some(Exchange { answer: Answer::Came(response), .. }) = self.lock().tape.exchanges.get_mut(index) {
            (response.is_whole, response.broke_off) = (!broke_off, broke_off);
        }
    }

    fn takes(&self, bytes: usize) -> bool {
        let mut recording = self.lock();
        let left = recording.room.checked_sub(bytes as u64);
        recording.room = left.unwrap_or(0);
        left.is_some()
    }

    fn answer(&self, index: usize, answer: Answer) {
        if let Some(exchange) = self.lock().tape.exchanges.get_mut(index) {
            exchange.answer = answer;
        }
    }
}

fn note(readings: &mut Vec<u64>, left_out: &mut u64, nanos: u64) {
    if readings.len() < MOST_READINGS {
        readings.push(nanos);
    } else {
        *left_out = left_out.saturating_add(1);
    }
}

/// Plays a tape. All clones play the same one.
#[derive(Debug, Clone)]
pub struct Player(Arc<Playing>);

#[derive(Debug)]
struct Playing {
    tape: Tape,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    wall: usize,
    monotonic: usize,
    used: Vec<bool>,
    played: Played,
}

/// What was not on the tape, or is there and was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Played {
    /// Readings of a clock of which there is no record: it stood still, or said the beginning of time.
    pub readings: u64,
    /// It asked for randomness, and there is no record of any.
    pub randomness: bool,
    /// Requests that are not on record, as `GET https://…`: each was refused. Any text: escape before showing.
    pub missing: Vec<String>,
    /// Requests of whose answers it is on record that they were not kept: each was refused. Escape before showing.
    pub not_kept: Vec<String>,
    /// Requests with another body than the one on record. Escape before showing.
    pub other_bodies: Vec<String>,
    /// Requests that are on record and were not made. Escape before showing.
    pub not_asked: Vec<String>,
}

/// What is played for a request.
#[derive(Debug)]
pub(crate) enum Cue {
    /// This answer of the exchange with this number.
    Exchange(usize, Answer),
    /// Nothing of it is on record.
    Missing,
}

impl Player {
    /// Plays `tape` from its begin.
    #[must_use]
    pub fn new(tape: Tape) -> Self {
        let place = Place { used: vec![false; tape.exchanges.len()], ..Place::default() };
        Self(Arc::new(Playing { tape, place: Mutex::new(place) }))
    }

    /// What was asked for beside the tape, so far.
    #[must_use]
    pub fn played(&self) -> Played {
        let place = self.lock();
        let exchanges = self.0.tape.exchanges.iter().zip(&place.used);
        let not_asked = exchanges.filter(|(_, used)| !**used).map(|(exchange, _)| named(exchange)).collect();
        Played { not_asked, ..place.played.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seed(&self) -> Digest {
        self.0.tape.seed.unwrap_or_else(|| {
            self.lock().played.randomness = true;
            Digest::of(b"")
        })
    }

    pub(crate) fn wall(&self) -> u64 {
        let mut place = self.lock();
        let Place { wall, played, .. } = &mut *place;
        reading(&self.0.tape.wall, wall, played).unwrap_or(0)
    }

    /// `None` where nothing is on record: the clock is at its begin.
    pub(crate) fn monotonic(&self) -> Option<u64> {
        let mut place = self.lock();
        let Place { monotonic, played, .. } = &mut *place;
        reading(&self.0.tape.monotonic, monotonic, played)
    }

    /// What the monotonic clock said last, without being asked.
    pub(crate) fn last_monotonic(&self) -> Option<u64> {
        let at = self.lock().monotonic.saturating_sub(1);
        self.0.tape.monotonic.get(at).or(self.0.tape.monotonic.last()).copied()
    }

    /// The next answer to such a request: the first on record that was not used.
    pub(crate) fn answer(&self, method: &str, url: &str) -> Cue {
        let mut place = self.lock();
        let fits = |(index, exchange): &(usize, &Exchange)| {
            exchange.method == method && exchange.url == url && place.used.get(*index) == Some(&false)
        };
        let found = self.0.tape.exchanges.iter().enumerate().find(fits);
        let Some((index, exchange)) = found else {
            place.played.missing.push(format!("{method} {url}"));
            return Cue::Missing;
        };
        if let Some(used) = place.used.get_mut(index) {
            *used = true;
        }
        if exchange.answer == Answer::NotKept {
            place.played.not_kept.push(named(exchange));
        }
        Cue::Exchange(index, exchange.answer.clone())
    }

    /// The body of the request was sent to its end.
    pub(crate) fn sent(&self, index: usize, body: Digest) {
        let Some(exchange) = self.0.tape.exchanges.get(index) else { return };
        if exchange.body.is_some_and(|before| before != body) {
            self.lock().played.other_bodies.push(named(exchange));
        }
    }
}

fn reading(readings: &[u64], place: &mut usize, played: &mut Played) -> Option<u64> {
    match readings.get(*place) {
        Some(reading) => {
            *place += 1;
            Some(*reading)
        }
        None => {
            played.readings = played.readings.saturating_add(1);
            readings.last().copied()
        }
    }
}

fn named(exchange: &Exchange) -> String {
    format!("{} {}", exchange.method, exchange.url)
}

/// Randomness that is made of a seed: SHA-256 in counter mode. As good as its seed, so it may be a guest's only source.
#[derive(Debug)]
pub(crate) struct Drawn {
    seed: Digest,
    block: [u8; 32],
    number: u64,
    at: usize,
}

impl Drawn {
    pub(crate) fn from(seed: Digest) -> Self {
        Self { seed, block: [0; 32], number: 0, at: 32 }
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.at >= self.block.len() {
                let hash = Sha256::new().chain_update(self.seed.as_bytes()).chain_update(self.number.to_be_bytes());
                (self.block, self.number, self.at) = (hash.finalize().into(), self.number.wrapping_add(1), 0);
            }
            *byte = self.block.get(self.at).copied().unwrap_or_default();
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(recorder: &Recorder, url: &str, body: &[u8]) {
        let index = recorder.asked("GET", url.into()).unwrap();
        recorder.came(index, 200, Vec::new());
        recorder.more(index, body);
        recorder.ended(index, false);
    }

    #[test]
    fn an_answer_that_does_not_fit_is_left_out_as_a_whole_and_said_to_be() {
        let recorder = Recorder::new(10);
        came(&recorder, "http://a/", b"12345");
        came(&recorder, "http://b/", b"1234567");
        came(&recorder, "http://c/", b"1");
        let tape = recorder.take();
        let kept: Vec<bool> =
            tape.exchanges.iter().map(|exchange| matches!(exchange.answer, Answer::Came(_))).collect();
        assert_eq!(kept, [true, false, false]);
        let player = Player::new(tape);
        assert!(matches!(player.answer("GET", "http://b/"), Cue::Exchange(1, Answer::NotKept)));
        assert_eq!(player.played().not_kept, ["GET http://b/"]);
    }

    #[test]
    fn each_answer_is_given_once_and_in_order_and_what_is_missing_is_listed() {
        let recorder = Recorder::new(100);
        came(&recorder, "http://a/", b"first");
        came(&recorder, "http://a/", b"second");
        let player = Player::new(recorder.take());
        let body = |cue| match cue {
            Cue::Exchange(_, Answer::Came(response)) => String::from_utf8(response.body.bytes().unwrap()).unwrap(),
            cue => panic!("{cue:?}"),
        };
        assert_eq!(player.played().not_asked.len(), 2);
        assert_eq!(body(player.answer("GET", "http://a/")), "first");
        assert_eq!(body(player.answer("GET", "http://a/")), "second");
        assert!(matches!(player.answer("GET", "http://a/"), Cue::Missing));
        assert!(matches!(player.answer("POST", "http://a/"), Cue::Missing));
        assert_eq!(player.played().missing, ["GET http://a/", "POST http://a/"]);
        assert_eq!(player.played().not_asked, [] as [&str; 0]);
    }

    #[test]
    fn clocks_say_what_they_said_and_then_stand_still() {
        let recorder = Recorder::new(0);
        (0..MOST_READINGS as u64 + 5).for_each(|nanos| recorder.wall(nanos));
        let tape = recorder.take();
        assert_eq!((tape.wall.len(), tape.readings_left_out), (MOST_READINGS, 5));
        let player = Player::new(tape);
        let readings: Vec<u64> = (0..MOST_READINGS + 2).map(|_| player.wall()).collect();
        assert_eq!((readings[1], readings[MOST_READINGS - 1], readings[MOST_READINGS + 1]), (1, 1023, 1023));
        assert_eq!((player.played().readings, player.monotonic()), (2, None));
    }

    #[test]
    fn a_seed_fixes_all_that_is_drawn_however_it_is_asked_for() {
        let drawn = |sizes: &[usize]| {
            let mut drawn = Drawn::from(Digest::of(b"seed"));
            let mut all = Vec::new();
            for size in sizes {
                let mut bytes = vec![0; *size];
                drawn.fill(&mut bytes);
                all.extend(bytes);
            }
            all
        };
        assert_eq!(drawn(&[100]), drawn(&[1, 31, 33, 35]));
        assert_ne!(drawn(&[32])[..], drawn(&[64])[32..]);
    }
}
