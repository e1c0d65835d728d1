//! `toolhold approvals`: what people are asked about calls, and what they say.

mod decide;
mod editor;
mod prompter;
mod shown;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use toolhold_core::approval::{Approval, ApprovalScope, ApprovalState};
use toolhold_core::escape;
use toolhold_core::id::ApprovalId;

use self::decide::decide;
pub(super) use self::editor::Editor;
pub(super) use self::prompter::Prompter;
use super::effects;
use super::failure::{CommandResult, Failure, WithCode as _};
use super::named;
use super::project::Project;
use super::ui::Ui;
use crate::approvals::wish::Said;
use crate::approvals::{ApprovalFilter, ApprovalRecord};
use crate::clock;
use crate::exit_code::ExitCode;
use crate::journal::{Error, Reader};

/// See what people are asked about calls, and decide.
///
/// A call that a rule asks about is not made before a person approved it: exactly this call of exactly this tool under exactly
/// this manifest. What nobody decides in time is denied.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold approvals                              what waits
  toolhold approvals show ID                      the call, what it would change, who asks
  toolhold approvals approve ID                   this call, once
  toolhold approvals approve ID --for run         the same call as often as its run makes it
  toolhold approvals approve ID --for 15m         the same call for a quarter of an hour
  toolhold approvals reject ID --reason \"…\"       the model hears the reason
  toolhold approvals modify ID --arguments @new.json   make it with other arguments

docs/approvals.md")]
pub(super) struct Approvals {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What waits, newest first.
    List(List),
    /// One approval, with what its call would do.
    Show {
        /// Which.
        approval: ApprovalId,
    },
    /// Let the call be made.
    Approve {
        /// Which.
        approval: ApprovalId,
        /// How far: `once`, `run`, or a time such as `15m`.
        #[arg(long = "for", value_name = "SCOPE", default_value = "once")]
        scope: ApprovalScope,
    },
    /// Do not let the call be made.
    Reject {
        /// Which.
        approval: ApprovalId,
        /// Why not. The model hears it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Let the call be made with other arguments. They are checked by schema and rules like those of any call.
    Modify(Modify),
    /// Take a question or an answer back: the call is asked about anew when it is made again.
    Withdraw {
        /// Which.
        approval: ApprovalId,
    },
}

/// What waits.
#[derive(Debug, Args, Default)]
pub(super) struct List {
    /// Decided and expired ones too.
    #[arg(long)]
    all: bool,
}

/// Other arguments.
#[derive(Debug, Args)]
pub(super) struct Modify {
    /// Which.
    approval: ApprovalId,
    /// The arguments, as JSON or `@FILE`; without it, your editor opens with those that were asked for.
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    /// How far: `once`, `run`, or a time such as `15m`.
    #[arg(long = "for", value_name = "SCOPE", default_value = "once")]
    scope: ApprovalScope,
    #[command(flatten)]
    editor: Editor,
}

impl Approvals {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let whole = |approval: ApprovalId| named::whole(approval, project, ui);
        match self.command.unwrap_or_else(|| Command::List(List::default())) {
            Command::List(list) => list.run(project, ui),
            Command::Show { approval } => show(&whole(approval)?, project, ui),
            Command::Approve { approval, scope } => {
                decide(&whole(approval)?, Said::Approve { scope }, project, ui).await
            }
            Command::Reject { approval, reason } => {
                decide(&whole(approval)?, Said::Reject { reason }, project, ui).await
            }
            Command::Modify(modify) => modify.run(project, ui).await,
            Command::Withdraw { approval } => decide(&whole(approval)?, Said::Withdraw, project, ui).await,
        }
    }
}

impl List {
    fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let mut known = match Reader::open_if_any(&project.state()).code(ExitCode::Host)? {
            Some(reader) => {
                reader.approvals(&ApprovalFilter { limit: u32::MAX, ..Default::default() }).code(ExitCode::Host)?
            }
            None => Vec::new(),
        };
        known.iter_mut().for_each(let_expire);
        if !self.all {
            known.retain(|approval| approval.state == ApprovalState::Waiting);
        }
        ui.result(&known, |known| table(known))?;
        Ok(ExitCode::Success)
    }
}

impl Modify {
    async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let Self { approval, arguments, scope, editor } = self;
        let approval = named::whole(approval, project, ui)?;
        let arguments = match arguments {
            Some(text) => match text.strip_prefix('@') {
                Some(path) => {
                    let read = std::fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"));
                    read.code(ExitCode::Usage)?
                }
                None => text,
            },
            None => editor.edit(&record(&approval, project)?.approval.arguments)?,
        };
        decide(&approval, Said::Modify { arguments, scope }, project, ui).await
    }
}

fn show(id: &ApprovalId, project: &Project, ui: Ui) -> CommandResult {
    let record = record(id, project)?;
    ui.result(&record, shown::whole)?;
    Ok(ExitCode::Success)
}

/// An approval as it is on record. Works beside a host that runs.
fn record(id: &ApprovalId, project: &Project) -> Result<ApprovalRecord, Failure> {
    let unknown = || Failure::new(ExitCode::BadInput, Error::NoApproval(id.clone()));
    let reader = Reader::open_if_any(&project.state()).code(ExitCode::Host)?.ok_or_else(unknown)?;
    let (mut approval, foreseen) = reader.approval(id).code(ExitCode::Host)?.ok_or_else(unknown)?;
    let_expire(&mut approval);
    // Who waits is known to whoever holds the journal only.
    Ok(ApprovalRecord { approval, foreseen, callers: 0 })
}

/// What the next host will find: time is over whether or not anybody wrote it down.
fn let_expire(approval: &mut Approval) {
    if approval.is_over(clock::micros())
        && let Ok(after) = approval.after(toolhold_core::approval::ApprovalStep::Expire)
    {
        *approval = after;
    }
}

/// In microseconds: a table shows no more of a time.
const SECOND: u64 = 1_000_000;

fn table(known: &[Approval]) -> String {
    if known.is_empty() {
        return "nothing waits for a person".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["asked", "approval", "state", "tool", "risk", "rule", "who asks"]);
    for approval in known {
        let who = approval.agent.as_ref().unwrap_or(&approval.client);
        table.add_row([
            effects::time(approval.asked_at - approval.asked_at % SECOND).as_str(),
            approval.id.as_str(),
            approval.state.as_str(),
            approval.tool.as_str(),
            approval.risk.as_str(),
            &escape::line(&approval.rule),
            &escape::line(who),
        ]);
    }
    table.to_string()
}
