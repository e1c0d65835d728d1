//! One call of a run once more, and what is different.

use toolhold_core::escape;

use super::{At, failure};
use crate::cli::failure::{CommandResult, Failure};
use crate::cli::project::{Project, open};
use crate::cli::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::runs::{Replay, replay};

/// Makes it, and prints what is different.
pub(super) async fn run(at: &At, project: &Project, ui: Ui) -> CommandResult {
    let Some(step) = at.step else {
        let hint = format!("name a step, as in `{0}@4`; `toolhold runs show {0}` lists them", at.run);
        return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!(hint)));
    };
    let host = open(project, Vec::new(), ui).await?;
    let replayed = replay(&host, &at.run, step).await.map_err(failure)?;
    ui.result(&replayed, text)?;
    Ok(match &replayed {
        Replay { denied: true, .. } => ExitCode::Denied,
        Replay { same: true, .. } => ExitCode::Success,
        _ => ExitCode::Failure,
    })
}

fn text(replay: &Replay) -> String {
    let line = |text: &str| escape::line(text).into_owned();
    let verdict = match replay {
        Replay { denied: true, .. } => "the manifest does not let it run now",
        Replay { same: true, .. } => "the same",
        _ => "not the same",
    };
    let mut lines = vec![format!("{} {}", paint(Tone::Strong, replay.tool.as_str()), verdict)];
    for difference in &replay.differences {
        lines.push(format!("{} was {}", paint(Tone::Strong, &difference.of), line(&difference.before)));
        lines.push(format!("{} is  {}", " ".repeat(difference.of.len()), line(&difference.after)));
    }
    let missing = replay.requests_not_on_record.iter().map(|one| format!("not on record, and refused: {one}"));
    lines.extend(missing.chain(replay.notes.iter().cloned()).map(|note| format!("note: {}", line(&note))));
    lines.join("\n")
}
