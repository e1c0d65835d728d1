//! `toolhold tools`: what a model would be told of.

use clap::Args;
use comfy_table::{Table, presets};
use toolhold_core::escape;
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
        let tools: Vec<_> = policy.tools().map(|tool| (tool, policy.could_run(tool.name().as_str()))).collect();
        let list: Vec<_> = policy.tools().map(|tool| ToolCard::of(tool, &policy)).collect();
        ui.result(&list, |_| table(&tools))?;
        Ok(ExitCode::Success)
    }
}

fn table(tools: &[(&Tool, bool)]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["tool", "rules", "title"]);
    for (tool, could_run) in tools {
        let rules = if *could_run { "some calls may run" } else { "never runs" };
        table.add_row([tool.name().as_str(), rules, &escape::line(&tool.info().title)]);
    }
    table.to_string()
}
