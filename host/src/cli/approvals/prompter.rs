//! Asks whoever sits at the terminal, while a call or a run of this process waits for it.
//!
//! Questions of this process only, one after the other. Without a terminal nobody is asked here, and what is shown says how
//! to decide from elsewhere.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::{broadcast::error::RecvError, oneshot};
use tokio_util::sync::CancellationToken;
use toolhold_core::approval::{ApprovalScope, ApprovalState, Verdict};
use toolhold_core::escape;
use toolhold_core::id::{ApprovalId, RunId};

use super::decide::name;
use super::{Editor, shown};
use crate::Host;
use crate::approvals::{ApprovalFilter, ApprovalRecord, Approvals, Decider};
use crate::cli::ui::{Tone, Ui, paint};

/// Asks until it is dropped.
pub(in crate::cli) struct Prompter(Option<tokio::task::JoinHandle<()>>);

impl Prompter {
    /// Asks about calls of `run`, if there is a person at the terminal. Cancels `later` when they will not decide now.
    pub(in crate::cli) fn start(host: &Host, run: RunId, (editor, later): (Editor, CancellationToken), ui: Ui) -> Self {
        if ui.is_json() || !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Self(None);
        }
        let approvals = host.approvals();
        // Before anything can be asked.
        let changes = approvals.subscribe();
        let asking = Asking { approvals, run, editor, later, ui };
        Self(Some(tokio::spawn(asking.work(changes))))
    }

    /// Whether there is anybody to ask.
    pub(in crate::cli) fn has_person(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Prompter {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

struct Asking {
    approvals: Approvals,
    run: RunId,
    editor: Editor,
    later: CancellationToken,
    ui: Ui,
}

/// What a person typed.
enum Typed {
    Verdict(Verdict),
    Later,
    /// Nothing that is known: they are asked again.
    Nothing,
}

impl Asking {
    async fn work(
        self,
        mut changes: tokio::sync::broadcast::Receiver<std::sync::Arc<toolhold_core::approval::Approval>>,
    ) {
        // A run that goes on may wait for an answer to an old question.
        self.all().await;
        loop {
            match changes.recv().await {
                Ok(changed) if changed.state == ApprovalState::Waiting && changed.run == self.run => {
                    self.one(&changed.id).await;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.all().await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn all(&self) {
        let filter =
            ApprovalFilter { states: vec![ApprovalState::Waiting], run: Some(self.run.clone()), ..Default::default() };
        let Ok(waiting) = self.approvals.list(&filter).await else { return };
        for approval in waiting.iter().rev() {
            self.one(&approval.id).await;
        }
    }

    /// Asks until there is an answer that holds, or none is wanted.
    async fn one(&self, id: &ApprovalId) {
        let Ok(record) = self.approvals.get(id).await else { return };
        if record.approval.state != ApprovalState::Waiting {
            return;
        }
        self.ui.say_always(&format!("\n{}", shown::whole(&record)));
        loop {
            let typed = match answer(question(&record)).await {
                Some(line) => self.verdict(&record, line.trim()).await,
                None => Typed::Later,
            };
            let verdict = match typed {
                Typed::Verdict(verdict) => verdict,
                Typed::Nothing => {
                    self.ui.say_always("   type one of the letters in brackets, or the word");
                    continue;
                }
                Typed::Later => {
                    self.ui.say_always("   decide later, within its time, with `toolhold approvals`");
                    return self.later.cancel();
                }
            };
            match self.approvals.decide(id, &Decider::new("terminal", &name()), verdict).await {
                Ok(approval) => return self.ui.say_always(&format!("   {}", approval.state)),
                Err(error) => {
                    self.ui.say_always(&format!("   {} {}", paint(Tone::Bad, "✗"), escape::line(&error.to_string())));
                }
            }
            if self.approvals.get(id).await.is_ok_and(|record| record.approval.state != ApprovalState::Waiting) {
                return;
            }
        }
    }

    async fn verdict(&self, record: &ApprovalRecord, line: &str) -> Typed {
        match line {
            "a" | "approve" | "once" => Typed::Verdict(Verdict::Approve(ApprovalScope::Once)),
            "r" | "run" if !record.approval.every_time => Typed::Verdict(Verdict::Approve(ApprovalScope::Run)),
            "n" | "no" => match answer("why (the model hears it)? ".to_owned()).await {
                Some(reason) => Typed::Verdict(Verdict::Reject(reason)),
                None => Typed::Later,
            },
            "m" | "modify" => match self.editor.edit(&record.approval.arguments) {
                Ok(arguments) => Typed::Verdict(Verdict::Modify(arguments, ApprovalScope::Once)),
                Err(failure) => {
                    self.ui.say_always(&failure.to_string());
                    Typed::Nothing
                }
            },
            "l" | "later" => Typed::Later,
            _ => Typed::Nothing,
        }
    }
}

fn question(record: &ApprovalRecord) -> String {
    let for_run = if record.approval.every_time { "" } else { ", for this [r]un" };
    format!("\n{}: [a]pprove once{for_run}, [n]o, [m]odify, [l]ater? ", record.approval.tool)
}

/// What the person types; `None` at the end of input. On a thread of its own: nothing can take back a read from a terminal.
async fn answer(question: String) -> Option<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut out = std::io::stderr().lock();
        let shown = out.write_all(question.as_bytes()).and_then(|()| out.flush());
        drop(out);
        let mut line = String::new();
        let read = shown.and_then(|()| std::io::stdin().lock().read_line(&mut line));
        let _nobody_waits = sender.send(read.ok().filter(|bytes| *bytes > 0).map(|_| line)).is_err();
    });
    receiver.await.ok().flatten()
}
