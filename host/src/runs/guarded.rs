//! Leaves a model alone that fails too often: a circuit breaker for each, shared by all runs of a host.

use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use toolhold_core::breaker::{BreakerSettings, Pass, Verdict};
use toolhold_core::cost::Prices;
use toolhold_core::rate::Rate;

use crate::agent::model::{Error, Identity, Kind, Model, Request, Turn};
use crate::agent::{Message, Models};
use crate::attempt::Dependencies;
use crate::secrets::KnownSecret;

/// A model, as far as its breaker lets it.
struct Guarded<'m> {
    model: &'m mut dyn Model,
    dependencies: Dependencies,
    settings: BreakerSettings,
    name: String,
    /// There is no other model to ask: it is waited for, where that is not too long.
    is_last: bool,
}

/// The chain, each model behind its breaker.
pub(super) fn chain<'m>(
    models: &'m mut Models<'_>,
    dependencies: &Dependencies,
    settings: &BreakerSettings,
) -> Vec<Box<dyn Model + 'm>> {
    let last = models.len().saturating_sub(1);
    let mut chain: Vec<Box<dyn Model + 'm>> = Vec::with_capacity(models.len());
    for (index, model) in models.iter_mut().enumerate() {
        chain.push(Box::new(Guarded::new(&mut **model, dependencies, settings, index == last)));
    }
    chain
}

impl<'m> Guarded<'m> {
    fn new(model: &'m mut dyn Model, dependencies: &Dependencies, settings: &BreakerSettings, is_last: bool) -> Self {
        let name = format!("model:{}", model.identity().name);
        Self { model, dependencies: dependencies.clone(), settings: settings.clone(), name, is_last }
    }
}

/// A request that was let through. If nobody waits for its answer any more, it says nothing of the model.
struct Open<'g> {
    dependencies: &'g Dependencies,
    settings: &'g BreakerSettings,
    name: &'g str,
    pass: Option<Pass>,
}

impl Open<'_> {
    fn tell(&mut self, verdict: Verdict) {
        if let Some(pass) = self.pass.take() {
            self.dependencies.tell(self.name, self.settings, pass, verdict);
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.tell(Verdict::Nothing);
    }
}

/// What a failure says of the model. What was wrong with the request, and an answer that was too long, are not its fault.
fn verdict(error: &Error) -> Verdict {
    match error {
        Error::Status { status: 500.. | 429 | 408, .. } => Verdict::Fault,
        Error::Status { .. }
        | Error::TooLarge(_)
        | Error::Missing(_)
        | Error::Script(_)
        | Error::Cassette(_)
        | Error::TooOften { .. }
        | Error::LeftAlone { .. } => Verdict::Nothing,
        _ => Verdict::Fault,
    }
}

impl Model for Guarded<'_> {
    fn identity(&self) -> &Identity {
        self.model.identity()
    }

    fn secrets(&self) -> Vec<KnownSecret> {
        self.model.secrets()
    }

    fn prices(&self) -> Option<Prices> {
        self.model.prices()
    }

    fn rate(&self) -> Option<Rate> {
        self.model.rate()
    }

    fn turn_time(&self) -> Option<Duration> {
        self.model.turn_time()
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        if self.model.identity().kind != Kind::Remote {
            return self.model.turn(request, on_text);
        }
        let pass = match self.dependencies.admit(&self.name, &self.settings) {
            Ok(pass) => pass,
            Err(refused) => {
                let wait = Duration::from_micros(refused.wait);
                return Box::pin(ready(Err(Error::LeftAlone { wait, is_last: self.is_last })));
            }
        };
        // Whoever is left alone costs nobody a place in the rate.
        let rate = self.model.rate();
        let taken = rate.map_or(Ok(()), |rate| self.dependencies.take(&self.name, rate).map_err(|wait| (wait, rate)));
        let Self { model, dependencies, settings, name, is_last } = self;
        let is_last = *is_last;
        let mut open = Open { dependencies, settings, name, pass: Some(pass) };
        if let Err((wait, rate)) = taken {
            // Dropped, it says nothing of the model.
            drop(open);
            // Rounded up: whoever waits that long is not too early.
            let wait = Duration::from_secs(wait.div_ceil(1_000_000));
            return Box::pin(ready(Err(Error::TooOften { wait, rate, is_last })));
        }
        Box::pin(async move {
            let turn = model.turn(request, on_text).await;
            open.tell(turn.as_ref().map_or_else(verdict, |_| Verdict::Works));
            turn
        })
    }

    fn skip(&mut self, messages: &[Message], turns: &[usize]) {
        self.model.skip(messages, turns);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::agent::model::{Retry, Tokens};
    use crate::attempt::Time;
    use crate::journal::{Journal, Options};

    #[derive(Debug, Default)]
    struct Manual(AtomicU64);

    impl Time for Manual {
        fn micros(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }

        fn sleep(&self, _micros: u64) -> BoxFuture<'static, ()> {
            Box::pin(ready(()))
        }

        fn random(&self) -> u64 {
            0
        }
    }

    struct Fake {
        identity: Identity,
        answer: Result<(), Error>,
        asked: usize,
        rate: Option<Rate>,
    }

    impl Model for Fake {
        fn identity(&self) -> &Identity {
            &self.identity
        }

        fn rate(&self) -> Option<Rate> {
            self.rate
        }

        fn turn<'a>(
            &'a mut self,
            _request: Request<'a>,
            _on_text: &'a mut (dyn FnMut(&str) + Send),
        ) -> BoxFuture<'a, Result<Turn, Error>> {
            self.asked += 1;
            let finish = crate::agent::model::Finish::Stop;
            let turn = Turn { text: "x".into(), calls: Vec::new(), finish, tokens: Tokens::default(), served_by: None };
            Box::pin(ready(self.answer.clone().map(|()| turn)))
        }
    }

    fn fake(kind: Kind, error: Error) -> Fake {
        Fake { identity: Identity { name: "openai:x".into(), kind }, answer: Err(error), asked: 0, rate: None }
    }

    async fn ask(model: &mut Fake, dependencies: &Dependencies, is_last: bool) -> Result<Turn, Error> {
        let mut guarded = Guarded::new(model, dependencies, &BreakerSettings::default(), is_last);
        let request = Request { messages: &[], tools: &[], last: false, tokens: 1, bytes: 1, ..Request::default() };
        guarded.turn(request, &mut |_| ()).await
    }

    #[tokio::test]
    async fn a_model_that_fails_again_and_again_is_left_alone_for_a_while_in_every_run() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        let time = Arc::new(Manual::default());
        let dependencies = Dependencies::open(&journal, Arc::clone(&time) as Arc<dyn Time>).unwrap();
        let mut model = fake(Kind::Remote, Error::Unreachable("m".into()));
        for _ in 0..8 {
            ask(&mut model, &dependencies, false).await.unwrap_err();
        }
        assert_eq!(model.asked, 5);
        let mut of_another_run = fake(Kind::Remote, Error::Unreachable("m".into()));
        let error = ask(&mut of_another_run, &dependencies, false).await.unwrap_err();
        assert_eq!((of_another_run.asked, error.code(), error.retry()), (0, "model-left-alone", Retry::Never));
        let error = ask(&mut of_another_run, &dependencies, true).await.unwrap_err();
        assert!(matches!(error.retry(), Retry::After(wait) if wait <= Duration::from_secs(60)), "{error}");
        assert_eq!(dependencies.breakers()[0].name, "model:openai:x");
        time.0.store(61_000_000, Ordering::SeqCst);
        model.answer = Ok(());
        ask(&mut model, &dependencies, false).await.unwrap();
        ask(&mut of_another_run, &dependencies, false).await.unwrap_err();
        assert_eq!(of_another_run.asked, 1, "it is asked again");
    }

    #[tokio::test]
    async fn a_model_over_its_rate_is_not_asked_by_any_run_until_there_is_room() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        let time = Arc::new(Manual::default());
        let dependencies = Dependencies::open(&journal, Arc::clone(&time) as Arc<dyn Time>).unwrap();
        let rated = || Fake {
            answer: Ok(()),
            rate: Some("2/m".parse().unwrap()),
            ..fake(Kind::Remote, Error::Script("m".into()))
        };
        let (mut one, mut other) = (rated(), rated());
        ask(&mut one, &dependencies, false).await.unwrap();
        ask(&mut other, &dependencies, false).await.unwrap();
        let error = ask(&mut one, &dependencies, false).await.unwrap_err();
        assert_eq!((one.asked, error.code(), error.retry()), (1, "model-rate-limited", Retry::Never));
        let error = ask(&mut other, &dependencies, true).await.unwrap_err();
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(30)), "there is no other one to ask");
        assert_eq!(dependencies.breakers(), [], "it is no fault of the model's");
        time.0.store(30_000_000, Ordering::SeqCst);
        ask(&mut other, &dependencies, true).await.unwrap();
    }

    #[tokio::test]
    async fn a_script_and_a_request_that_was_wrong_are_nobodys_fault() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        let dependencies = Dependencies::open(&journal, Arc::new(Manual::default())).unwrap();
        let refused = Error::Status { status: 401, message: String::new(), retry_after: None, passing: false };
        for mut model in [fake(Kind::Scripted, Error::Script("m".into())), fake(Kind::Remote, refused)] {
            for _ in 0..8 {
                ask(&mut model, &dependencies, false).await.unwrap_err();
            }
            assert_eq!(model.asked, 8);
        }
        assert_eq!(dependencies.breakers(), []);
    }
}
