//! What clients do: each of it so many times in a second, over a connection of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::acts::{One, text};
use super::client::{Client, Server};
use super::tally::Tally;

/// About how many calls all of them make together, in a second.
pub(super) const CALLS_PER_SECOND: u64 = 200;

/// What is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Read,
    Echo,
    EchoWithoutSession,
    Write,
    Apply,
    Denied,
    Invalid,
    Trap,
    GiveUp,
    Disconnect,
    Keyed,
    Later,
    Asked,
    Session,
    Run,
    Look,
}

/// How the table calls it, and how often in a second it is done.
const MIX: [(Act, &str, u32); 16] = [
    (Act::Read, "reads", 40),
    (Act::Echo, "echoes", 40),
    (Act::EchoWithoutSession, "echoes by MCP without a session", 60),
    (Act::Write, "staged writes, every fourth undone", 20),
    (Act::Apply, "dry runs that are applied", 3),
    (Act::Denied, "calls that are denied", 5),
    (Act::Invalid, "arguments that make no sense", 5),
    (Act::Trap, "calls that trap", 5),
    (Act::GiveUp, "calls whose client goes away while they run", 2),
    (Act::Disconnect, "requests whose client goes away in the middle of them", 2),
    (Act::Keyed, "calls with a key, and again", 2),
    (Act::Later, "calls that are not waited for", 2),
    (Act::Asked, "calls that a person decides about", 1),
    (Act::Session, "sessions of MCP with a call and a stream", 1),
    (Act::Run, "runs of agents whose events are followed", 1),
    (Act::Look, "looks at health, metrics, lists and the audit", 5),
];

/// Who they are: a client that may do everything, and a person who decides.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) server: Arc<Server>,
    pub(super) person: Arc<Server>,
    pub(super) tally: Arc<Tally>,
}

impl Clients {
    /// Lets all of them begin.
    pub(super) fn begin(&self, lanes: &mut JoinSet<()>, until: Instant) {
        for (act, name, per_second) in MIX {
            lanes.spawn(self.clone().lane(act, name, (per_second, until)));
        }
    }

    /// Does something so many times in a second until then, and counts what came of it.
    async fn lane(self, act: Act, name: &'static str, (per_second, until): (u32, Instant)) {
        let mut one = One {
            client: Client::of(&self.server),
            person: Client::of(&self.person),
            tally: Arc::clone(&self.tally),
            number: 0,
        };
        let mut due = tokio::time::interval(Duration::from_secs(1) / per_second);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            due.tick().await;
            let came = one.does(act).await;
            self.tally.came(name, came);
            one.number += 1;
        }
    }

    /// How many plans the server keeps.
    pub(super) async fn kept(&self) -> Result<u64> {
        let history = Client::of(&self.server).get("/v1/history?limit=1000").await?.json()?;
        let is_kept = |entry: &&Value| matches!(text(entry, "/state"), Ok("landed" | "preview"));
        Ok(history.as_array().context("no list")?.iter().filter(is_kept).count() as u64)
    }
}
