//! `toolhold explain`: which rule decides a call, and the line of the manifest that would change it.

use clap::{Args, ValueEnum};
use toolhold_core::call::Mode;
use toolhold_core::explain::Access;
use toolhold_core::id::Label;
use toolhold_core::manifest::Verdict;
use toolhold_core::policy::{Facts, RunScope};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::{Project, Spinner};
use super::ui::Ui;
use super::{arguments, project};
use crate::exit_code::ExitCode;
use crate::open;

/// Tell what would be decided about a call, by which rule, and what would change it. Nothing runs.
///
/// Exits with 0 if the call would run, be it as a preview, 4 if its arguments do not conform, 5 if it would be refused, 17 if a person would
/// be asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold explain files.delete path=/work/notes.md
  toolhold explain files.read --path /work/secret/key --access read
  toolhold explain http.send url=https://api.example.com/ --after private")]
pub(super) struct Explain {
    /// The tool: `component.tool`.
    tool: String,
    /// The arguments, as in `toolhold call`.
    arguments: Vec<String>,
    /// Ask about a guest path instead of a call: may this tool touch it?
    #[arg(long, value_name = "GUEST PATH", conflicts_with = "arguments")]
    path: Option<String>,
    /// What it would do with the path.
    #[arg(long, value_enum, default_value = "read", requires = "path")]
    access: AccessWord,
    /// As if the run had read data with this label before. May be given several times.
    #[arg(long = "after", value_name = "LABEL", conflicts_with = "path")]
    labels: Vec<Label>,
}

/// What a tool would do with a path.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum AccessWord {
    /// Read it.
    Read,
    /// Change it.
    Write,
}

impl Explain {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let spinner = Spinner::new(ui);
        let opened = open::policy(&project.host(), &|step| spinner.show(&step)).await;
        spinner.done();
        let (policy, catalog) = opened.map_err(project::failure)?;
        if let Some(why) = self.labels.iter().find_map(|label| policy.manifest().lacks_label(label)) {
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!("`--after`: {why}")));
        }
        let scope = RunScope::default();
        if let Some(path) = &self.path {
            let access = match self.access {
                AccessWord::Read => Access::Read,
                AccessWord::Write => Access::Write,
            };
            let explanation = policy.explain_path(&self.tool, path, access, &scope);
            ui.result(&explanation, ToString::to_string)?;
            return Ok(if explanation.allowed { ExitCode::Success } else { ExitCode::Denied });
        }
        let tool = catalog.get(&self.tool).code(ExitCode::InvalidArguments)?;
        let text = arguments::parse(&self.arguments, &tool.info().input_schema).code(ExitCode::Usage)?;
        let call = tool
            .validate(&text)
            .map_err(|violations| Failure::new(ExitCode::InvalidArguments, anyhow::anyhow!("{violations}")))?;
        let labels = self.labels.into_iter().collect();
        let explanation = policy.explain(&call, tool, &Facts::new(Mode::Live, &scope).after(&labels));
        ui.result(&explanation, ToString::to_string)?;
        Ok(match explanation.verdict {
            Verdict::Allow | Verdict::Preview => ExitCode::Success,
            Verdict::Ask => ExitCode::AwaitingApproval,
            Verdict::Deny => ExitCode::Denied,
        })
    }
}
