//! The way of a call from what its client asked for to what it gets, whichever way the request came.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, CreateTaskResult, Task};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::outcome::{CallReport, Class, Outcome};

use super::answer;
use super::asked::Asked;
use super::asking::Person;
use super::client::{CALLS_AT_ONCE, Client};
use super::meta::Meta;
use super::offers::Offer;
use super::server::Server;
use super::tasks::{MOMENT, Made, Running};
use super::telling::{self, Told};
use super::tools::{Callable, Shape};
use crate::telemetry::Origin;
use crate::{Asking, CallOptions};

/// What came of a call, as its client takes it.
#[derive(Debug, Clone, Copy)]
struct Form {
    shape: Shape,
    any_shape: bool,
}

/// What came of a call within the time that its client waits for it.
enum Soon {
    Made(Made),
    /// It takes longer, and its client asks for it.
    Task(Task),
}

impl Server {
    /// Makes a call of this client, and asks a person about it where that is theirs to decide.
    pub(super) async fn called(&self, client: Arc<Client>, asked: Asked) -> Result<CallToolResponse, ErrorData> {
        // What is no tool goes through the gate too: that somebody asked for it is on record.
        let offer = self.shared.offers.now();
        let tool = offer.tools.find(&asked.params.name);
        let name = tool.map_or(&*asked.params.name, |tool| tool.name.as_str());
        let call = self.call_of(&client, asked.arguments(), name, &asked.meta())?;
        let Some(place) = client.place() else { return Ok(busy().into()) };
        let host = &offer.host;
        if let Err(error) = client.arrives(host, asked.itself.as_ref()).await {
            return Err(ErrorData::internal_error(format!("nothing is called without a record: {error}"), None));
        }
        let person = Person::behind(host, &client, &asked);
        if let Some(asks) = &self.shared.asks {
            let said = (asked.params.request_state.as_deref(), asked.params.input_responses.as_ref());
            asks.answered(host, (&client, person.as_ref()), said).await?;
        }
        let any_shape = asked.is_whole();
        let form = Form { shape: tool.map(Callable::shape).unwrap_or_default(), any_shape };
        // Made again only where somebody is asked meanwhile.
        let again = person.as_ref().filter(|_| !any_shape).map(|_| call.clone());
        let made = match self.soon((&client, &offer), call, (&asked, form), place).await? {
            Soon::Made(made) => made,
            Soon::Task(task) => return Ok(CreateTaskResult::new(task).into()),
        };
        let (Some(person), Some(id), Some(asks)) = (person, &made.waits, &self.shared.asks) else {
            return Ok(made.result.into());
        };
        if client.has_dismissed(id) {
            return Ok(made.result.into());
        }
        if any_shape {
            return asks.question(host, &client, id).await.map(CallToolResponse::from);
        }
        let Some(call) = again else { return Ok(made.result.into()) };
        person.ask(host, (&client, id), &asked).await?;
        self.again(client, call, (asked, form)).await
    }

    /// Makes a call that somebody was asked about.
    async fn again(
        &self,
        client: Arc<Client>,
        call: ToolCall,
        (asked, form): (Asked, Form),
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(place) = client.place() else { return Ok(busy().into()) };
        // By what is in force and on record now, from the start.
        let offer = self.shared.offers.now();
        let form = Form { shape: offer.tools.find(&call.tool).map(Callable::shape).unwrap_or_default(), ..form };
        match self.soon((&client, &offer), call, (&asked, form), place).await? {
            Soon::Made(made) => Ok(made.result.into()),
            Soon::Task(task) => Ok(CreateTaskResult::new(task).into()),
        }
    }

    fn call_of(&self, client: &Client, arguments: String, tool: &str, meta: &Meta<'_>) -> Result<ToolCall, ErrorData> {
        let mode = if self.shared.settings.preview || meta.wants_preview()? { Mode::Preview } else { Mode::Live };
        // A preview changes nothing, so there is nothing that must not happen twice.
        let key = if mode == Mode::Live { meta.key()? } else { None };
        Ok(ToolCall { run: client.run.clone(), tool: tool.to_owned(), arguments, key, mode })
    }

    /// Makes a call, as long as its client waits for it.
    async fn soon(
        &self,
        (client, offer): (&Arc<Client>, &Arc<Offer>),
        call: ToolCall,
        (asked, form): (&Asked, Form),
        place: OwnedSemaphorePermit,
    ) -> Result<Soon, ErrorData> {
        let told = telling::events(asked, client);
        let cancel = self.shared.gone.child_token();
        let origin = asked.meta().origin(asked);
        let made = self.clone().make((Arc::clone(client), Arc::clone(offer)), call, (told, origin), cancel.clone());
        let mut made = Box::pin(made);
        let takes_tasks = form.any_shape && asked.can.as_ref().is_some_and(|can| can.supports_tasks());
        if takes_tasks && client.tasks.have_room() {
            let running = tokio::spawn(async move {
                let report = made.await;
                drop(place);
                form.answer(&report)
            });
            return task_of(client, running, &asked.given_up, cancel).await;
        }
        let report = tokio::select! {
            biased;
            report = &mut made => report,
            () = asked.given_up.cancelled() => {
                cancel.cancel();
                made.await
            }
        };
        drop(place);
        form.answer(&report).map(Soon::Made)
    }

    /// Makes a call of a client, and tells it what the tool says meanwhile.
    async fn make(
        self,
        (client, offer): (Arc<Client>, Arc<Offer>),
        call: ToolCall,
        (told, origin): (Told, Origin),
        cancel: CancellationToken,
    ) -> CallReport {
        let (events, telling) = told;
        let _running = self.shared.calls.token();
        let options = CallOptions {
            client: Arc::clone(&client.name),
            asking: Asking::Park,
            events,
            cancel,
            labels: Some(Arc::clone(&client.labels)),
            origin,
            ..CallOptions::default()
        };
        let turn = client.turn(offer.ordered).await;
        let report = offer.host.call(call, options).await;
        drop(turn);
        // What the tool said comes before what it came to.
        if let Some(telling) = telling {
            tokio::select! {
                ended = telling => drop(ended),
                () = self.shared.gone.cancelled() => {}
            }
        }
        report
    }
}

impl Form {
    fn answer(self, report: &CallReport) -> Result<Made, ErrorData> {
        let waits = match &report.outcome {
            // What is no tool has no result.
            Outcome::Failure(failure) if failure.class == Class::UnknownTool => {
                return Err(ErrorData::invalid_params(failure.message.clone(), None));
            }
            Outcome::Failure(failure) if failure.class == Class::AwaitingApproval => failure.approval.clone(),
            _ => None,
        };
        Ok(Made { result: answer::of(report, self.shape, self.any_shape), waits })
    }
}

/// Waits for a call, and makes it a task if it takes longer than a moment.
async fn task_of(
    client: &Client,
    mut running: Running,
    given_up: &CancellationToken,
    cancel: CancellationToken,
) -> Result<Soon, ErrorData> {
    let gone = |_| ErrorData::internal_error("the call was not made", None);
    tokio::select! {
        ended = &mut running => return ended.map_err(gone)?.map(Soon::Made),
        () = given_up.cancelled() => {
            cancel.cancel();
            return running.await.map_err(gone)?.map(Soon::Made);
        }
        () = tokio::time::sleep(MOMENT) => {}
    }
    Ok(Soon::Task(client.tasks.keep(running, cancel)))
}

/// The answer to a call that is one too many. Nothing ran, and nothing is on record: a flood must not fill the disk.
fn busy() -> CallToolResult {
    let why = format!("busy: {CALLS_AT_ONCE} calls of this client run already; call again when one of them has ended");
    CallToolResult::error(vec![ContentBlock::text(why)])
}
