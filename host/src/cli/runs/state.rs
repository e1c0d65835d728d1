//! What a run was after one of its steps.

use toolhold_core::cost::in_dollars;
use toolhold_core::escape;
use toolhold_core::run::{Machine, Message};

use super::{At, failure, reader};
use crate::cli::failure::CommandResult;
use crate::cli::project::Project;
use crate::cli::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::runs::Past;
use crate::shown::StateAt;

/// Prints it.
pub(super) fn run(at: &At, project: &Project, ui: Ui) -> CommandResult {
    let past = Past::of(&reader(project)?, &at.run).map_err(failure)?;
    let machine = at.step.map_or_else(|| past.machine(), |step| past.machine_at(step)).map_err(failure)?;
    let state = StateAt::of(&machine);
    ui.result(&state, |state| text(&machine, &state.next))?;
    Ok(ExitCode::Success)
}

fn text(machine: &Machine, next: &str) -> String {
    let report = machine.report();
    let head = |name: &str, value: &str| format!("{} {value}", paint(Tone::Strong, &format!("{name:<10}")));
    let spent = format!(
        "{} turns, {} tokens, {} calls, {:.1}s",
        report.turns,
        report.tokens.total(),
        report.calls.len(),
        report.elapsed.as_secs_f64()
    );
    let money = report.cost_micro_dollars.map(|cost| format!(", {} dollars", in_dollars(cost))).unwrap_or_default();
    let spent = format!("{spent}{money}");
    let mut lines = vec![
        head("step", &machine.steps().to_string()),
        head("state", report.state.as_str()),
        head("spent", &spent),
        head("next", &escape::line(next)),
        head("checkpoint", &format!("step {}: a fork can begin there", machine.checkpoint())),
    ];
    for message in machine.messages() {
        lines.push(String::new());
        lines.extend(shown(message));
    }
    if let Some(answer) = &report.answer {
        lines.push(format!("\n{} {}", paint(Tone::Strong, "answer:"), escape::block(answer)));
    }
    lines.join("\n")
}

fn shown(message: &Message) -> Vec<String> {
    let said = |who: &str, text: &str| format!("{} {}", paint(Tone::Strong, who), escape::block(text));
    match message {
        Message::System(text) => vec![said("host:", text)],
        Message::User(text) => vec![said("user:", text)],
        Message::Tool { content, .. } => vec![said("tool:", content)],
        Message::Assistant { text, calls } => {
            let call = |call: &toolhold_core::run::RequestedCall| {
                format!("  → {} {}", escape::line(&call.name), escape::line(&call.arguments))
            };
            std::iter::once(said("model:", text)).chain(calls.iter().map(call)).collect()
        }
    }
}
