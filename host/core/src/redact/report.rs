//! The parts of a call's report, redacted.

use super::{Pass, Place};
use crate::effect::{EffectReport, Notes, Touched};
use crate::outcome::{Failure, SideOutput};

impl Pass<'_> {
    /// Why a call failed.
    pub fn failure(&mut self, failure: &mut Failure) {
        self.text(Place::Failure, &mut failure.code);
        self.text(Place::Failure, &mut failure.message);
        if let Some(detail) = &mut failure.detail {
            self.text(Place::Failure, detail);
        }
        if let Some(violations) = &mut failure.violations {
            self.value(Place::Failure, violations);
        }
    }

    /// What a guest said on the side.
    pub fn output(&mut self, output: &mut SideOutput) {
        self.pieces(Place::Log, output.log.iter_mut().map(|line| &mut line.message));
        self.pieces(Place::Emitted, &mut output.emitted);
        self.text(Place::Stdout, &mut output.stdout);
        self.text(Place::Stderr, &mut output.stderr);
    }

    /// What a call touched: names of files may hold anything.
    pub fn notes(&mut self, notes: &mut Notes) {
        if self.is_idle() {
            return;
        }
        notes.refusals.iter_mut().for_each(|refusal| self.text(Place::Effects, &mut refusal.path));
        for touch in &mut notes.touches {
            self.text(Place::Effects, &mut touch.path);
            if let Touched::Renamed(path) = &mut touch.touched {
                self.text(Place::Effects, path);
            }
        }
    }

    /// What a call changed and requested.
    pub fn effects(&mut self, effects: &mut EffectReport) {
        if self.is_idle() {
            return;
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let left_out = EffectReport {
            basis: effects.basis,
            changes_left_out: effects.changes_left_out.saturating_add(count(effects.changes.len())),
            requests_left_out: effects.requests_left_out.saturating_add(count(effects.requests.len())),
            ..EffectReport::default()
        };
        let Ok(mut value) = serde_json::to_value(&*effects) else {
            *effects = left_out;
            return;
        };
        if self.value(Place::Effects, &mut value) {
            // What is no report any more without its secrets is not shown at all.
            *effects = serde_json::from_value(value).unwrap_or(left_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{REDACTED, Redactor};
    use super::*;
    use crate::effect::{Operation, Request, RequestState, Why};
    use crate::outcome::{Class, Level, LogLine};

    #[test]
    fn no_part_of_a_report_keeps_a_secret() {
        let redactor = Redactor::new([("token", "hunter22-long")]);
        let mut pass = redactor.pass();
        let mut failure = Failure::new(Class::Tool, "hunter22-long", "m hunter22-long").with_detail("d hunter22-long");
        failure.violations = Some(serde_json::json!([{"at": "hunter22-long"}]));
        let line = |text: &str| LogLine { level: Level::Info, message: text.into() };
        let mut output = SideOutput {
            log: vec![line("hunter2"), line("2-long")],
            emitted: vec!["aHVudGVyMjIt".into(), "bG9uZw==".into()],
            stdout: "hunter22%2dlong".into(),
            stderr: "68756e74657232322d6c6f6e67".into(),
        };
        let mut notes = Notes::default();
        notes.refused("/w", "a/hunter22-long", Operation::Open, Why::Denied);
        notes.touched("/w", "hunter22-long", Touched::Renamed("hunter22-long".into()));
        let mut effects = EffectReport {
            requests: vec![Request {
                method: "GET".into(),
                url: "https://example.com/?key=hunter22-long".into(),
                state: RequestState::Sent { why: "hunter22-long".into() },
                sent_bytes: 1,
                received_bytes: 2,
                secrets: vec!["token".into()],
                returned: Vec::new(),
            }],
            ..EffectReport::default()
        };
        pass.failure(&mut failure);
        pass.output(&mut output);
        pass.notes(&mut notes);
        pass.effects(&mut effects);
        let all = format!("{failure:?}{output:?}{notes:?}{effects:?}");
        assert!(!redactor.finds(&all) && !all.contains("hunter"), "{all}");
        assert_eq!(all.matches(REDACTED).count(), 4 + 6 + 3 + 2, "{all}");
        assert_eq!(effects.secrets(), ["token"], "a name is no secret");
        let places = [Place::Failure, Place::Log, Place::Emitted, Place::Stdout, Place::Stderr, Place::Effects];
        assert_eq!(pass.finish().places.into_iter().collect::<Vec<_>>(), places);
    }
}
