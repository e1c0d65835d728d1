//! The command line: one file per command, `Args` and a function to an exit code.
//!
//! Commands know [`Host`](crate::Host) and what it is opened from; none of them decides, runs or records anything itself.

mod acceptance;
mod add;
mod apply;
mod approvals;
mod arguments;
mod asked;
mod audit;
mod breakers;
mod build;
mod call;
mod completions;
mod console;
mod dev;
mod doctor;
mod effects;
mod explain;
mod failure;
mod fetch;
mod health;
mod history;
mod inspect;
mod journal;
mod keys;
mod known;
mod lock;
mod logs;
mod manifest;
mod mcp;
mod named;
mod new;
mod oauth;
mod open_files;
mod openapi;
mod pack;
mod project;
mod publish;
mod reload;
mod report;
mod runs;
mod schema_lines;
mod serve;
mod servers;
mod snapshot;
mod sources;
mod test;
mod time;
mod tokens;
mod tools;
mod ui;
mod undo;
mod unknown;
mod update;

use clap::{Parser, Subcommand};

use self::failure::CommandResult;
use self::project::Project;
use self::ui::Ui;
use crate::exit_code::ExitCode;

/// The one gate between a model and the world: sandboxed tools under a permission manifest.
#[derive(Debug, Parser)]
#[command(name = "toolhold", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Examples:
  toolhold lock                                     pin the tools that ./toolhold.toml names
  toolhold add oci://ghcr.io/someone/weather:1.2    a tool from elsewhere: shown, then pinned
  toolhold call files.read path=/work/notes.md      one call
  toolhold call files.delete path=/work/x --dry-run  what it would change; nothing changes
  toolhold approvals                                what people are asked about, to approve or reject
  toolhold undo CALL                                take back what a call changed
  toolhold explain files.delete path=/work/x        why it would be denied, and what would allow it
  toolhold run \"Tidy the inbox\" --model openai:NAME  an agent
  toolhold new weather                              a tool of your own

Exit codes: docs/exit-codes.md")]
pub struct Cli {
    #[command(flatten)]
    project: Project,
    /// Print the result as JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// Print nothing but the result and errors.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more on standard error: -v for what the host does, -vv for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    logs: logs::Logs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Call(call::Call),
    Run(runs::Run),
    Runs(runs::Runs),
    Dlq(runs::Dlq),
    Apply(apply::Apply),
    Undo(undo::Undo),
    Approvals(approvals::Approvals),
    History(history::History),
    Health(health::Health),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Tools(tools::Tools),
    Mcp(mcp::Mcp),
    Serve(Box<serve::Serve>),
    Console(console::Console),
    Reload(reload::Reload),
    Lock(lock::Lock),
    Add(add::Add),
    Update(update::Update),
    Fetch(fetch::Fetch),
    #[command(subcommand)]
    Manifest(manifest::Manifest),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Journal(journal::Journal),
    #[command(subcommand)]
    Breakers(breakers::Breakers),
    #[command(subcommand)]
    Unknown(unknown::Unknown),
    New(new::New),
    Build(build::Build),
    Test(test::Test),
    Dev(dev::Dev),
    Pack(pack::Pack),
    Inspect(inspect::Inspect),
    Sign(keys::Sign),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    Tokens(tokens::Command),
    Publish(publish::Publish),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
    Completions(completions::Completions),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let logs = cli.logs.start(cli.verbose);
    let ui = Ui::new(cli.json, cli.quiet, cli.logs.is_for_a_program());
    open_files::raise();
    let code = match cli.dispatch(ui) {
        Ok(code) => code,
        Err(failure) if failure.is_unread() => ExitCode::Unread,
        Err(failure) => {
            ui.fail(&failure);
            failure.code()
        }
    };
    // No server of this process stays behind.
    crate::upstream::ended();
    logs.finish();
    code
}

impl Cli {
    fn dispatch(self, ui: Ui) -> CommandResult {
        let project = self.project;
        match self.command {
            Command::Call(command) => block_on(command.run(&project, ui)),
            Command::Run(command) => block_on(command.run(&project, ui)),
            Command::Runs(command) => block_on(command.run(&project, ui)),
            Command::Dlq(command) => block_on(command.run(&project, ui)),
            Command::Apply(command) => block_on(command.run(&project, ui)),
            Command::Approvals(command) => block_on(command.run(&project, ui)),
            Command::Undo(command) => block_on(command.run(&project, ui)),
            Command::History(command) => command.run(&project, ui),
            Command::Health(command) => command.run(&project, ui),
            Command::Doctor(command) => block_on(command.run(&project, ui)),
            Command::Explain(command) => block_on(command.run(&project, ui)),
            Command::Tools(command) => block_on(command.run(&project, ui)),
            Command::Mcp(command) => block_on_one(command.run(&project, ui)),
            Command::Serve(command) => block_on(command.run(&project, ui)),
            Command::Console(command) => block_on(command.run(&project, ui)),
            Command::Reload(command) => block_on(command.run(&project, ui)),
            Command::Lock(command) => block_on(command.run(&project, ui)),
            Command::Add(command) => block_on(command.run(&project, ui)),
            Command::Update(command) => block_on(command.run(&project, ui)),
            Command::Fetch(command) => block_on(command.run(&project, ui)),
            Command::Manifest(command) => block_on(command.run(&project, ui)),
            Command::Audit(command) => command.run(&project, ui),
            Command::Journal(command) => block_on(command.run(&project, ui)),
            Command::Breakers(command) => block_on(command.run(&project, ui)),
            Command::Unknown(command) => block_on(command.run(&project, ui)),
            Command::New(command) => command.run(ui),
            Command::Build(command) => block_on(command.run(&project, ui)),
            Command::Test(command) => block_on(command.run(&project, ui)),
            Command::Dev(command) => block_on(command.run(&project, ui)),
            Command::Pack(command) => block_on(command.run(&project, ui)),
            Command::Inspect(command) => block_on(command.run(&project, ui)),
            Command::Sign(command) => command.run(ui),
            Command::Keys(command) => command.run(ui),
            Command::Tokens(command) => command.run(&project, ui),
            Command::Publish(command) => block_on(command.run(&project, ui)),
            Command::OpenApi(command) => command.run(ui),
            Command::Completions(command) => command.run(),
        }
    }
}

/// How long what a command has left behind may take to end.
const LAST_WORK: std::time::Duration = std::time::Duration::from_secs(2);

fn block_on(command: impl Future<Output = CommandResult>) -> CommandResult {
    on(tokio::runtime::Builder::new_multi_thread().worker_threads(2), command)
}

/// On this thread alone. A client at two streams has short calls made where they are read: each hand-over to another thread
/// costs more than such a call. Long ones go on on the sandbox's own threads, so they hold up nobody.
fn block_on_one(command: impl Future<Output = CommandResult>) -> CommandResult {
    on(&mut tokio::runtime::Builder::new_current_thread(), command)
}

fn on(runtime: &mut tokio::runtime::Builder, command: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = runtime.enable_all().build()?;
    let done = runtime.block_on(command);
    // A read of standard input that waits cannot be called off: nobody waits for it.
    runtime.shutdown_timeout(LAST_WORK);
    done
}

/// A variable of the environment, for what is named by its owner on the command line, the key of a model, and for what has
/// standard names: where spans go.
fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one variable that `--model-key-env` names or the model's own default, and those of OpenTelemetry"
    )]
    std::env::var(name).ok()
}
