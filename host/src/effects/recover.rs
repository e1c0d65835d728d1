//! After a crash: plans that were begun are finished, undos too, and files that belong to no plan are removed.

use std::collections::HashSet;
use std::path::Path;

use toolhold_core::event;
use toolhold_core::id::CallId;
use toolhold_core::limit::Usage;
use toolhold_sandbox::capability::fs::commit::{After, CommitError, Durable, Plan, sweep};

use crate::clock;
use crate::host::Host;
use crate::journal::{self, PlanRecord, PlanState, Settlement, State};

impl Host {
    /// Finishes what a stop of the host left half done. What cannot be finished is parked with the reason.
    pub(crate) async fn recover(&self) -> Result<(), journal::Error> {
        // Each reader is given back before the next is asked for: another connection would read the form of the database again.
        let ready = self.0.journal.reader()?.plans(&[PlanState::Ready])?;
        for record in ready {
            self.finish(&record).await?;
        }
        let undoing = self.0.journal.reader()?.plans(&[PlanState::Undoing])?;
        for record in undoing {
            self.finish_undo(&record).await?;
        }
        self.expire().await?;
        let reader = self.0.journal.reader()?;
        self.sweep(&reader)
    }

    async fn finish(&self, record: &PlanRecord) -> Result<(), journal::Error> {
        let (staging, durable, at) = (&self.0.effects.staging, self.0.effects.durable, clock::micros());
        let landed = serde_json::from_str::<Plan>(&record.plan)
            .map_err(|error| error.to_string())
            .and_then(|plan| plan.roll_forward(staging, durable).map_err(|error| error.to_string()));
        let after = match landed {
            Ok(after) => serde_json::to_string(&after).unwrap_or_default(),
            Err(why) => {
                tracing::error!(call = %record.call, %why, "changes of a call that was cut off could not be finished");
                return match self.0.journal.park(&record.call, why, at).await {
                    // Parked by an earlier open: it waits for a person, and the host for nobody.
                    Err(journal::Error::NotOpen(_)) => Ok(()),
                    parked => parked,
                };
            }
        };
        let settlement =
            Settlement::success(record.outcome.as_str(), Usage::default(), event::Effects::Possible, at).landed(after);
        match self.0.journal.settle(&record.call, settlement).await {
            // Parked by an earlier attempt, and a person has settled it since.
            Err(journal::Error::NotOpen(_)) => Ok(()),
            settled => settled,
        }
    }

    /// Settles a parked call as one that did nothing, by a person's word. What it had begun to change is taken back first, and nothing of it
    /// lands from then on.
    pub(crate) async fn did_nothing(&self, call: &CallId) -> Result<(), journal::Error> {
        let parked = self.parked(call)?;
        if let Some(record) = &parked {
            self.take_back(record).await?;
        }
        self.0.journal.resolve(call, None, clock::micros()).await?;
        if let Some(record) = parked
            && let Err(error) = self.let_go(&record)
        {
            // It is settled. What stays is swept when the host is opened next.
            tracing::warn!(%error, %call, "the files of a plan could not be removed");
        }
        Ok(())
    }

    /// The plan of a parked call that waits to be finished. A call that runs finishes its own.
    fn parked(&self, call: &CallId) -> Result<Option<PlanRecord>, journal::Error> {
        let reader = self.0.journal.reader()?;
        match reader.get(call)? {
            Some(record) if record.state == State::Unknown => {
                Ok(reader.plan(call)?.filter(|plan| plan.state == PlanState::Ready))
            }
            _ => Ok(None),
        }
    }

    async fn take_back(&self, record: &PlanRecord) -> Result<(), journal::Error> {
        let (staging, durable, plan) = (self.0.effects.staging.clone(), self.0.effects.durable, record.plan.clone());
        let taken_back = tokio::task::spawn_blocking(move || taken_back(&plan, &staging, durable)).await;
        let stuck = |why| journal::Error::HalfLanded { call: record.call.clone(), why };
        taken_back.unwrap_or_else(|_| Err("the host failed meanwhile".to_owned())).map_err(stuck)
    }

    /// Removes the files of a plan that is never done, unless they are those of a preview, which can be applied again.
    fn let_go(&self, record: &PlanRecord) -> Result<(), journal::Error> {
        let mut is_kept = false;
        self.0.journal.reader()?.each_plan(&[PlanState::Preview], |plan| is_kept |= plan == record.plan)?;
        if let Some(plan) = serde_json::from_str::<Plan>(&record.plan).ok().filter(|_| !is_kept) {
            self.discard(&plan);
        }
        Ok(())
    }

    async fn finish_undo(&self, record: &PlanRecord) -> Result<(), journal::Error> {
        let (staging, durable) = (&self.0.effects.staging, self.0.effects.durable);
        let after: Option<After> = record.after.as_deref().and_then(|after| serde_json::from_str(after).ok());
        let undone = serde_json::from_str::<Plan>(&record.plan)
            .map_err(|error| error.to_string())
            .map(|plan| (plan.finish_undo(staging, after.as_ref(), durable), plan));
        match undone {
            Ok((Ok(()), plan)) => {
                self.0.journal.end_undo(&record.call, None, clock::micros()).await?;
                self.discard(&plan);
                Ok(())
            }
            // Somebody has changed the files since: they are that person's, and what had been taken back is done again.
            Ok((Err(why @ CommitError::Conflict(_)), _)) => {
                self.0.journal.end_undo(&record.call, Some(why.to_string()), clock::micros()).await
            }
            Ok((Err(why), _)) => {
                tracing::error!(call = %record.call, %why, "an undo that was cut off could not be finished");
                Ok(())
            }
            Err(why) => {
                tracing::error!(call = %record.call, %why, "an undo that was cut off could not be finished");
                Ok(())
            }
        }
    }

    /// Removes staged files that no plan needs: of calls that were cut off before they had one.
    fn sweep(&self, reader: &journal::Reader) -> Result<(), journal::Error> {
        let staging = &self.0.effects.staging;
        if std::fs::read_dir(staging).is_ok_and(|mut entries| entries.next().is_none()) {
            return Ok(());
        }
        let kept = [PlanState::Preview, PlanState::Ready, PlanState::Landed, PlanState::Undoing];
        let (mut needed, mut is_known) = (HashSet::new(), true);
        reader.each_plan(&kept, |plan| match Plan::name_in(plan) {
            Some(name) => drop(needed.insert(name)),
            None => is_known = false,
        })?;
        // What a plan that cannot be read needs is not known, so nothing is removed.
        if !is_known {
            return Ok(());
        }
        let swept = match sweep(staging, |plan| needed.contains(plan)) {
            Ok(swept) => swept,
            Err(error) => {
                tracing::warn!(%error, path = %staging.display(), "staged files could not be looked at");
                return Ok(());
            }
        };
        for (path, error) in swept.into_iter().filter_map(|(path, removed)| Some((path, removed.err()?))) {
            tracing::warn!(%error, path = %path.display(), "staged files could not be removed");
        }
        Ok(())
    }
}

/// Takes back what changed places with something that is kept. What the plan put where nothing was stays: others may have put something into it.
fn taken_back(plan: &str, staging: &Path, durable: Durable) -> Result<(), String> {
    let plan: Plan = serde_json::from_str(plan).map_err(|error| error.to_string())?;
    let is_all_there = plan.clone().prepared(staging, durable).map(drop);
    match is_all_there.and_then(|()| plan.finish_undo(staging, None, durable)) {
        // Nobody can look at a directory that is not there: the person's word stands.
        Ok(()) | Err(CommitError::Moved(_)) => Ok(()),
        Err(CommitError::Gone(_)) => Err("not all of its new files wait to be put on the disk any more".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}
