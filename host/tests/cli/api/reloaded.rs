//! Runs of a server whose manifest is taken up anew.

use toolhold::Current;
use toolhold::agent::RunEvent;
use toolhold::runs::Past;
use toolhold::runs::service::NewRun;

use super::*;

/// A server with room for one run, and two models: one asks for what never ends, the other for what a person has to approve.
async fn full(project: &Project) -> (Served, Current) {
    project.write("endless.toml", ENDLESS);
    project.write("asking.toml", ASKING);
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
    let specs = ["endless.toml", "asking.toml"].map(|name| ModelSpec::Scripted(project.path().join(name)));
    let models = Described::read(&specs, &ModelOptions::default(), &|_| None, &clock).unwrap();
    let host = host(project).await;
    let current = Current::new(host.clone(), config(project), |_| ());
    let runs = Service::new(current.clone(), Settings { at_once: 1, waiting: 0, models });
    let api = Api::new(current.clone(), runs.clone());
    (Served { host, runs, api, seen: Mutex::default() }, current)
}

/// Begins a run with the model of this file as soon as there is room.
async fn begun(served: &Served, project: &Project, model: &str) -> String {
    loop {
        let models = vec![format!("scripted:{}", project.path().join(model).display())];
        match served.runs.begin(NewRun { task: "t".into(), models, ..NewRun::default() }).await {
            Ok(accepted) => return accepted.run.to_string(),
            Err(error) => assert!(error.to_string().contains("try again"), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_for_a_person_goes_on_although_another_one_has_its_place() {
    let wait = "[tools.wait]\nsource = \"wait.wasm\"\n[[rules]]\nname = \"wait\"\ndecision = \"allow\"\ntools = [\"wait.*\"]\n";
    let project = Project::new(&format!("{MANIFEST}\n{wait}[limits]\ntime = \"300s\"\n"));
    std::fs::write(project.path().join("wait.wasm"), guest("waiting")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    let (served, current) = full(&project).await;
    let asks = begun(&served, &project, "asking.toml").await;
    served.until(&asks, &["awaiting-approval"]).await;
    let works = begun(&served, &project, "endless.toml").await;
    served.until(&works, &["awaiting-tool"]).await;
    current.reload().await.unwrap();
    // With the end of the other run it has a place again.
    served.post(&format!("/v1/runs/{works}/cancel"), json!({})).await.is(202);
    served.until(&works, &["cancelled"]).await;
    let was_taken_up = || {
        served.host.journal().flush_blocking().unwrap();
        let past = Past::of(&served.host.journal().reader().unwrap(), &asks.parse().unwrap()).unwrap();
        past.history.iter().any(|happened| matches!(happened.event, RunEvent::RunResumed { .. }))
    };
    for _ in 0..600 {
        if tokio::task::block_in_place(was_taken_up) {
            served.post(&format!("/v1/runs/{asks}/cancel"), json!({})).await.is(202);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was left behind");
}
