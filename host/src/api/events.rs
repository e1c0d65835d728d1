//! The steps of a run: a page of them, or all as they come.
//!
//! A stream is read from the journal, a page at a time, and looked for anew a few times a second. So it has no gap and no double wherever it
//! begins, and nothing is kept for a client that reads slowly: the next page is read when there is room for it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use toolhold_core::id::RunId;
use toolhold_core::state::State as RunState;
use utoipa::{IntoParams, ToSchema};

use super::answer;
use super::extract::{Id, Query};
use super::state::Api;
use crate::problem::{Code, Problem};
use crate::runs;
use crate::shown::{RunStep, schema};

/// Steps of one page, and their bytes, about: what is kept for one client of a stream.
const PAGE: (u32, usize) = (64, 1 << 20);

/// Most steps of a page that is asked for, and their bytes, about.
const MOST_LISTED: u32 = 1000;
const MOST_BYTES: usize = 8 << 20;

/// How often something is said where nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a stream lasts. Whoever goes on after that is asked for a token again.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// How often the journal is looked at for the next step.
const PERIOD: Duration = Duration::from_millis(100);

/// Which steps.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those after the step with this number. `Last-Event-ID` of a stream comes before it.
    #[serde(default)]
    after: u64,
    /// At most this many in a page; 100 if left out, 1000 at most. Not for streams.
    limit: Option<u32>,
}

/// Steps of a run, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Steps {
    /// The steps.
    events: Vec<RunStep>,
    /// Where the run is now.
    #[schema(value_type = schema::RunState)]
    state: RunState,
    /// From where to go on, as `after`; null where there is nothing more for now.
    next: Option<u64>,
}

/// The steps of a run: a page as JSON, or with `Accept: text/event-stream` all of them as they come.
///
/// Each event of a stream has the number of the step as its `id`, what happened as its `event`, and the step as its `data`. It goes on after
/// `Last-Event-ID`. When the run is over it ends with the event `end`; asked again after that, the answer is 204. A stream lasts ten minutes
/// at most: clients go on where they were.
#[utoipa::path(
    get, path = "/v1/runs/{run}/events", tag = "runs",
    params(
        ("run" = String, Path, description = "Which run."), Which,
        ("Last-Event-ID" = Option<u64>, Header, description = "The last step that a stream had."),
    ),
    responses(
        (status = 200, description = "The steps.", content((Steps = "application/json"), (String = "text/event-stream"))),
        (status = 204, description = "The run is over, and there is no step after `Last-Event-ID`."),
    ),
)]
pub(super) async fn follow(
    State(api): State<Api>,
    Id(run): Id<RunId>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").map(|value| value.to_str().ok().and_then(|text| text.parse().ok()));
    let after = match last {
        None => which.after,
        Some(Some(last)) => last,
        Some(None) => return Err(answer::bad("`Last-Event-ID` is the number of a step")),
    };
    if wants_stream(&headers) {
        return stream_of(api, run, after).await;
    }
    let limit = (which.limit.unwrap_or(100).clamp(1, MOST_LISTED), MOST_BYTES);
    let (events, state, has_more) = page(&api, &run, after, limit).await?;
    let next = events.last().filter(|_| has_more).map(|last| last.step);
    Ok(Json(Steps { events, state, next }).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds = accepted.flat_map(|value| value.split(','));
    kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim()).any(|kind| kind == "text/event-stream")
}

/// Steps after one, where the run is, and whether there are more.
async fn page(
    api: &Api,
    run: &RunId,
    after: u64,
    limit: (u32, usize),
) -> Result<(Vec<RunStep>, RunState, bool), Problem> {
    let run = run.clone();
    let read = api.read(move |reader| {
        // The record first: its number of steps is no greater than what is read then.
        let record = reader.run(&run).map_err(answer::journal)?;
        let record = record.ok_or_else(|| answer::run(runs::Error::NoSuchRun(run.clone())))?;
        if record.expired {
            return Err(answer::run(runs::Error::Expired(run)));
        }
        let events = reader.run_events_after(&run, after, limit).map_err(answer::journal)?;
        let has_more = events.last().is_some_and(|last| last.step < record.steps);
        let events = events.iter().map(|event| RunStep::of(&run, event)).collect::<Result<_, _>>();
        Ok((events.map_err(answer::run)?, record.state, has_more))
    });
    read.await
}

async fn stream_of(api: Api, run: RunId, after: u64) -> Result<Response, Problem> {
    let permit = Arc::clone(api.streams()).try_acquire_owned();
    let permit = permit
        .map_err(|_| answer::full(Code::Overloaded, "as many streams are open as there may be; ask for pages"))?;
    let mut follower = Follower {
        api,
        run,
        last: after,
        waiting: VecDeque::new(),
        until: Instant::now() + LONGEST,
        is_over: false,
        _permit: permit,
    };
    // The first page is read before anything is answered, so that what is wrong has a status.
    follower.read().await?;
    if follower.is_over && follower.waiting.len() == 1 {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Sse::new(follower.events()).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// Who follows a run.
struct Follower {
    api: Api,
    run: RunId,
    /// The last step that was read.
    last: u64,
    /// What was read and not sent yet: one page.
    waiting: VecDeque<Event>,
    until: Instant,
    /// Nothing comes after what waits.
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.is_over || Instant::now() >= self.until {
                return None;
            }
            // The journal cannot be read now, or the run is too old by now: the client asks again and is told.
            self.read().await.ok()?;
            if self.waiting.is_empty() && !self.woken().await {
                return None;
            }
        }
    }

    /// Reads the next page.
    async fn read(&mut self) -> Result<(), Problem> {
        // Asked first: whoever works on it has written everything when it lets go.
        let at_work = self.api.runs().is_present(&self.run);
        let (steps, state, has_more) = page(&self.api, &self.run, self.last, PAGE).await?;
        for step in &steps {
            self.last = step.step;
            // What JSON cannot hold is not in the journal.
            let event = Event::default().id(step.step.to_string()).event(&step.event).json_data(step);
            self.waiting.extend(event.ok());
        }
        if state.is_end() && !at_work && !has_more {
            let end = json!({ "run": self.run, "state": state });
            self.waiting.push_back(Event::default().event("end").data(end.to_string()));
            self.is_over = true;
        }
        Ok(())
    }

    /// Waits until there may be more. `false` where nothing will be.
    async fn woken(&mut self) -> bool {
        tokio::select! {
            () = self.api.ending().cancelled() => false,
            () = tokio::time::sleep_until(self.until.min(Instant::now() + PERIOD)) => Instant::now() < self.until,
        }
    }
}
