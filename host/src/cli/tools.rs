//! `toolhold tools`: what a model would be told of.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::json;
use toolhold_core::escape;
use toolhold_core::manifest::Verdict;
use toolhold_core::policy::Reach;
use toolhold_core::tool::Tool;

use super::failure::CommandResult;
use super::project::{Project, Spinner, failure};
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::open;

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
        let tools: Vec<_> = policy.tools().map(|tool| (tool, policy.reach(tool.name().as_str()))).collect();
        let list: Vec<_> = tools.iter().map(|(tool, reach)| to_json(tool, *reach)).collect();
        ui.result(&list, |_| table(&tools))?;
        Ok(ExitCode::Success)
    }
}

fn to_json(tool: &Tool, reach: Reach) -> serde_json::Value {
    let info = tool.info();
    json!({
        "name": tool.name(), "title": info.title, "description": info.description, "digest": tool.digest(),
        "could_run": reach != Reach::Never, "rules": said(reach), "hints": info.hints, "needs": info.needs,
        "input_schema": info.input_schema, "output_schema": info.output_schema,
    })
}

fn table(tools: &[(&Tool, Reach)]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["tool", "rules", "title"]);
    for (tool, reach) in tools {
        table.add_row([tool.name().as_str(), said(*reach), &escape::line(&tool.info().title)]);
    }
    table.to_string()
}

/// What the rules say before there are arguments.
fn said(reach: Reach) -> &'static str {
    match reach {
        Reach::Never | Reach::Every(Verdict::Deny) => "never runs",
        Reach::Some => "some calls may run",
        Reach::Every(Verdict::Allow) => "every call runs",
        Reach::Every(Verdict::Preview) => "every call is a preview",
        Reach::Every(Verdict::Ask) => "a person decides each call",
    }
}
