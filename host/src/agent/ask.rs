//! Asks the model for one turn: attempts, pauses between them, and what cuts both short.
//!
//! Only what can pass is tried again, a bounded number of times, with growing pauses that no two runs share. A pause that
//! a provider asks for is kept; one that does not fit into the run ends the attempts at once.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use toolhold_core::id::Digest;
use toolhold_core::state::State;

use super::event::{Occurrence, RunEvent};
use super::limits::RunLimit;
use super::model::{Error, Request, Retry, Turn};
use super::run::{Run, Stop};
use super::tools::Tools;

/// The first pause between attempts. The next ones double; each grows by up to its own length again, at random.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that is our own choice.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What an attempt came to besides a turn.
enum Miss {
    Failed(Error),
    Over(Stop),
}

impl<T: Tools> Run<'_, T> {
    /// The next turn of the model, which has until `deadline` on the run's clock.
    pub(super) async fn ask(&mut self, with_tools: bool, deadline: Duration) -> Result<Turn, Stop> {
        let mut pauses = pauses(self.task.run.as_str(), self.turns, self.agent.limits.attempts);
        self.turns = self.turns.saturating_add(1);
        for attempt in 1.. {
            self.record(RunEvent::ModelAsked { turn: self.turns, attempt, with_tools })?;
            match self.attempt(with_tools, deadline).await {
                Ok(turn) => return self.answered(turn),
                Err(Miss::Over(stop)) => return Err(stop),
                Err(Miss::Failed(error)) => {
                    let Some(wait) = self.wait(&error, pauses.next(), deadline) else {
                        return Err(Stop::Model { error, attempts: attempt });
                    };
                    let (code, message) = (error.code().to_owned(), error.to_string());
                    self.record(RunEvent::ModelRetryScheduled { code, message, wait })?;
                    self.pause(wait).await?;
                }
            }
        }
        Err(Stop::Defect("attempts never end".into()))
    }

    fn answered(&mut self, turn: Turn) -> Result<Turn, Stop> {
        self.tokens = self.tokens.plus(turn.tokens);
        self.served_by = turn.served_by.clone().or(self.served_by.take());
        self.record(RunEvent::ModelAnswered {
            turn: self.turns,
            text: turn.text.clone(),
            calls: turn.calls.len(),
            finish: turn.finish.clone(),
            tokens: turn.tokens,
        })?;
        Ok(turn)
    }

    async fn attempt(&mut self, with_tools: bool, deadline: Duration) -> Result<Turn, Miss> {
        let (agent, started) = (self.agent, self.started);
        let (limits, clock) = (&agent.limits, &agent.clock);
        let remaining = deadline.saturating_sub(clock.now());
        let request = Request {
            messages: &self.messages,
            tools: if with_tools { &self.specs } else { &[] },
            last: !with_tools,
            tokens: limits.tokens_per_turn,
            bytes: limits.answer_bytes,
            ..Request::default()
        };
        let observer = &mut self.observer;
        let mut on_text = |text: &str| {
            let elapsed = clock.now().saturating_sub(started);
            let event = RunEvent::TextArrived { text: text.to_owned() };
            observer(&Occurrence { elapsed, state: State::AwaitingModel, event });
        };
        tokio::select! {
            biased;
            () = agent.cancel.cancelled() => Err(Miss::Over(Stop::Cancelled)),
            turn = self.model.turn(request, &mut on_text) => turn.map_err(Miss::Failed),
            () = clock.sleep(remaining) => Err(Miss::Over(Stop::Limit(RunLimit::Time))),
            () = clock.sleep(limits.turn_time) => Err(Miss::Failed(Error::TooSlow(limits.turn_time))),
        }
    }

    /// How long to wait before the next attempt; `None` where there is none.
    fn wait(&self, error: &Error, pause: Option<Duration>, deadline: Duration) -> Option<Duration> {
        let wait = match error.retry() {
            Retry::Never => return None,
            Retry::Later => pause?,
            Retry::After(wanted) => pause?.max(wanted),
        };
        let fits = wait <= self.agent.limits.longest_wait && self.agent.clock.now() + wait < deadline;
        fits.then_some(wait)
    }

    async fn pause(&self, wait: Duration) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.agent.cancel.cancelled() => Err(Stop::Cancelled),
            () = self.agent.clock.sleep(wait) => Ok(()),
        }
    }
}

/// The pauses between `attempts`. Their randomness comes from the run and the turn, so that a run can be repeated.
fn pauses(run: &str, turn: u32, attempts: usize) -> impl Iterator<Item = Duration> + Send + use<> {
    let digest = Digest::of_parts(&[run.as_bytes(), &turn.to_be_bytes()]).hex();
    let seed = digest.get(..16).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or_default();
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(attempts.saturating_sub(1))
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_bounded_and_differ_between_runs() {
        let one: Vec<_> = pauses("run-1", 1, 9).collect();
        assert_eq!(one.len(), 8);
        for (index, pause) in one.iter().enumerate() {
            let least = (FIRST_PAUSE * (1 << index)).min(LONGEST_PAUSE);
            assert!(*pause >= least && *pause <= least * 2, "{index}: {pause:?}");
        }
        assert_eq!(one, pauses("run-1", 1, 9).collect::<Vec<_>>());
        assert_ne!(one, pauses("run-2", 1, 9).collect::<Vec<_>>());
        assert_eq!(pauses("run-1", 1, 0).count(), 0);
    }
}
