//! `toolhold manifest`: checks a manifest, and describes its form to editors.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;
use toolhold_core::policy::Policy;

use super::failure::{CommandResult, render};
use super::project::{Project, Spinner, failure};
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::{Components, open};

/// Check a manifest, or print the schema of its form.
#[derive(Debug, Subcommand)]
pub(super) enum Manifest {
    /// Report everything that is wrong: form, paths, components, rules that can never match.
    Check,
    /// Print the JSON Schema of the manifest, for editors.
    Schema,
    /// Print every key with its unit, default and meaning.
    Reference,
}

impl Manifest {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        match self {
            Self::Check => check(project, ui).await,
            Self::Schema => {
                ui.print(&format!("{:#}", toolhold_core::manifest::json_schema()))?;
                Ok(ExitCode::Success)
            }
            Self::Reference => {
                ui.print(&toolhold_core::manifest::reference())?;
                Ok(ExitCode::Success)
            }
        }
    }
}

async fn check(project: &Project, ui: Ui) -> CommandResult {
    let config = project.host();
    let manifest = Arc::new(open::manifest(&config.manifest).map_err(failure)?);
    let spinner = Spinner::new(ui);
    let components = Components::load(&manifest, &config, &|step| spinner.show(&step)).await;
    spinner.done();
    let (_, catalog) = components.map_err(failure)?.into_parts();
    let policy = Policy::resolve(Arc::clone(&manifest), &catalog).map_err(|errors| failure(errors.into()))?;
    let warnings = policy.warnings_report();
    if let Some(warnings) = &warnings {
        ui.say(&render(warnings));
    }
    let count = warnings.map_or(0, |warnings| warnings.problems().len());
    let (tools, rules) = (policy.tools().count(), manifest.rules().len());
    let summary = json!({"manifest": config.manifest, "digest": manifest.digest(), "tools": tools, "rules": rules, "warnings": count});
    ui.result(&summary, |_| {
        format!("{} is fine: {tools} tools, {rules} rules, {count} warnings", config.manifest.display())
    })?;
    Ok(ExitCode::Success)
}
