//! Keeps what calls of runs were given from outside, and makes a call once more from what is kept.
//!
//! Such a call is decided by the manifest as it is now, sends nothing and leaves nothing but its record: it is a preview whose
//! plan is not kept either. Rates and breakers are not asked, as nothing that they protect is used.

use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::effect::{Change, EffectReport};
use toolhold_core::event;
use toolhold_core::id::{CallId, RunId};
use toolhold_core::outcome::{CallReport, Outcome};
use toolhold_core::redact::Place;
use toolhold_core::tape::Tape;
use toolhold_sandbox::{Caller, Player, Reel, RunOptions};

use crate::host::{CallOptions, Checked, Entry, Host, OpenCall, conclude, intent, repeated};
use crate::journal::{Admission, KeptTape};
use crate::{clock, effects, redaction, refusal, report};

impl Host {
    /// Keeps what each attempt at a call was given. What cannot be kept is missed by nobody but a replay.
    pub(crate) async fn keep_tapes(
        &self,
        (run, call): (&RunId, &CallId),
        tapes: Vec<Tape>,
        (effects, hashed): (&EffectReport, Option<Vec<Change>>),
    ) {
        let last = tapes.len();
        for (tape, attempt) in tapes.iter().zip(1_u32..) {
            let changes = hashed.as_ref().filter(|_| !effects.changes.is_empty());
            let changes = changes.unwrap_or(&effects.changes).clone();
            let whole = (attempt as usize == last).then(|| EffectReport { changes, ..effects.clone() });
            let text = serde_json::to_string(tape).and_then(|tape| {
                let effects = whole.as_ref().map(serde_json::to_string).transpose()?;
                Ok(KeptTape { run: run.clone(), call: call.clone(), attempt, tape, effects })
            });
            match text {
                Ok(kept) => {
                    if let Err(error) = self.0.journal.keep_tape(kept).await {
                        tracing::warn!(%error, %call, "what a call was given was not kept");
                    }
                }
                Err(error) => tracing::warn!(%error, %call, "what a call was given was not kept"),
            }
        }
    }

    /// Makes a call once more, with what `player` has. `None` of the second where it was not started.
    pub(crate) async fn play(
        &self,
        call: &ToolCall,
        options: &CallOptions,
        player: &Player,
    ) -> (CallReport, Option<Checked>) {
        let call = &ToolCall { mode: Mode::Preview, key: None, ..call.clone() };
        let id = clock::new_call();
        let checked = match self.check_in(call, options, &options.scope, None) {
            Ok(Entry::Checked(checked)) => *checked,
            // What is played changes and sends nothing, so there is nothing to ask a person about.
            Ok(Entry::Asks(question)) => match self.0.catalog.get(&call.tool) {
                Ok(tool) => Checked {
                    tool: tool.clone(),
                    call: question.rehearsal,
                    effects: event::Effects::None,
                    standing: None,
                },
                Err(error) => return (self.refuse(id, call, *refusal::Refusal::unknown(error)).await, None),
            },
            Err(refusal) => return (self.refuse(id, call, *refusal).await, None),
        };
        match self.0.journal.admit(intent(&id, call, &checked, options)).await {
            Ok(Admission::Fresh) => {}
            Ok(other) => return (self.not_again(id, call, &checked, options, other), None),
            Err(error) => return (refusal::unrecorded(id, call, &checked.call, &error), None),
        }
        let open = OpenCall { journal: &self.0.journal, id: &id, effects: event::Effects::None, settled: false };
        let mut pass = self.0.redactor.pass();
        pass.look(Place::Arguments, checked.call.call().text());
        let settings = RunOptions {
            caller: Caller::new(&options.client, call.run.as_str()),
            cancel: options.cancel.clone(),
            key: Some(repeated(&id, call, options)),
            name: Some(id.to_string()),
            reel: Some(Reel::Played(player.clone())),
            ..RunOptions::default()
        };
        let mut run = self.act(&checked.call, settings).await;
        let ((mut outcome, settlement), _) = conclude(&checked, &run, None, &mut pass);
        redaction::aside(&mut pass, &mut run);
        let mut effects = effects::observed(&checked.call, &run);
        drop(run.staged.take());
        pass.effects(&mut effects);
        if let Outcome::Failure(failure) = &mut outcome {
            pass.failure(failure);
        }
        let settled = match open.end(settlement, None).await {
            Ok(()) => self.tell_redactions(&id, call, pass.finish()).await,
            Err(error) => Err(error),
        };
        let outcome = match settled {
            Ok(()) => outcome,
            Err(error) => Outcome::Failure(refusal::outcome_unrecorded(&error)),
        };
        let report = CallReport { effects, attempts: 1, ..report::ran(id, call, &checked.call, run, outcome) };
        (report, Some(checked))
    }
}
