//! `toolhold tools`: what a model would be told of.

use clap::Args;
use comfy_table::{Table, presets};
use toolhold_core::escape;
use toolhold_core::manifest::Verdict;
use toolhold_core::policy::Outlook;
use toolhold_core::tool::Tool;

use super::failure::CommandResult;
use super::project::{Project, Spinner, failure};
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::open;
use crate::shown::ToolCard;

/// List the tools of the manifest, and whether any rule could let them run. Nothing runs.
#[derive(Debug, Args)]
pub(super) struct Tools {}

impl Tools {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let spinner = Spinner::new(ui);
        let opened = open::policy(&project.host(), &|step| spinner.show(&step)).await;
        spinner.done();
        let (policy, _) = opened.map_err(failure)?;
        let tools: Vec<_> = policy.tools().map(|tool| (tool, policy.outlook(tool.name().as_str()))).collect();
        let list: Vec<_> = policy.tools().map(|tool| ToolCard::of(tool, &policy)).collect();
        ui.result(&list, |_| table(&tools))?;
        Ok(ExitCode::Success)
    }
}

fn table(tools: &[(&Tool, Outlook)]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["tool", "rules", "title"]);
    for (tool, outlook) in tools {
        table.add_row([tool.name().as_str(), said(*outlook), &escape::line(&tool.info().title)]);
    }
    table.to_string()
}

/// What the rules say before there are arguments.
fn said(outlook: Outlook) -> &'static str {
    match outlook {
        Outlook::Never | Outlook::Every(Verdict::Deny) => "never runs",
        Outlook::Some => "some calls may run",
        Outlook::Every(Verdict::Allow) => "every call runs",
        Outlook::Every(Verdict::Preview) => "every call is a preview",
        Outlook::Every(Verdict::Ask) => "a person decides each call",
    }
}
