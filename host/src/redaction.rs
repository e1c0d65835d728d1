//! What leaves the host of a call is free of known secrets: what is told while it runs, and all that is told in the end.

use toolhold_core::effect::EffectReport;
use toolhold_core::redact::{Pass, Redactor};
use toolhold_sandbox::{Event, EventSink, RunReport};

/// What a run said and touched beside its outcome.
pub(crate) fn aside(pass: &mut Pass<'_>, run: &mut RunReport) {
    pass.output(&mut run.output);
    pass.notes(&mut run.files);
    pass.returned(&run.returned);
    let requests = std::mem::take(&mut run.requests);
    let mut effects = EffectReport { requests, requests_left_out: run.requests_left_out, ..EffectReport::default() };
    pass.effects(&mut effects);
    (run.requests, run.requests_left_out) = (effects.requests, effects.requests_left_out);
}

/// A sink that is told everything without secrets. Each event is looked at alone: what is split over two of them is found
/// in the report, which has the whole.
pub(crate) fn sink(redactor: &Redactor, sink: EventSink) -> EventSink {
    if redactor.is_empty() {
        return sink;
    }
    let redactor = redactor.clone();
    EventSink::new(move |mut event| {
        let text = match &mut event {
            Event::Log(line) => &mut line.message,
            Event::Progress { message, .. } => message,
            Event::Emitted(text) => text,
        };
        *text = redactor.redact(text).into_owned();
        sink.tell(event);
    })
}
