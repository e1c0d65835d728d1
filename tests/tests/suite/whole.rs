//! The whole host around a hostile guest: files, lock, journal, sandbox. What the rooms each promise, together.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold::{CallOptions, CallReport, Host, HostConfig, PreviewSession, ToolCall};
use toolhold_core::call::Mode;
use toolhold_core::outcome::{Class, Outcome};
use toolhold_sandbox::{Event, EventSink};
use toolhold_tests::{guests, test_host, wat_guest};

/// A directory with a manifest, a component and a granted directory.
struct Place {
    root: TempDir,
}

impl Place {
    /// `component` as `guest`, with `work` granted at `/work` and more text in the manifest.
    fn new(component: &[u8], more: &str) -> Self {
        let place = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.path("work")).unwrap();
        std::fs::write(place.path("guest.wasm"), component).unwrap();
        let manifest = format!(
            "version = 1\n{more}\n[tools.guest]\nsource = \"guest.wasm\"\n\
             directories = [{{ host = \"work\", guest = \"/work\", read = [\"**\"], write = [\"**\"] }}]\n\
             [[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"guest.*\"]\n"
        );
        std::fs::write(place.path("toolhold.toml"), manifest).unwrap();
        place
    }

    /// Adds `key` to the grant.
    fn grant(&self, key: &str) {
        let manifest = std::fs::read_to_string(self.path("toolhold.toml")).unwrap();
        let more = manifest.replace("write = [\"**\"]", &format!("write = [\"**\"], {key}"));
        std::fs::write(self.path("toolhold.toml"), more).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn config(&self) -> HostConfig {
        HostConfig { cache: test_host::config().cache, ..HostConfig::beside(&self.path("toolhold.toml")) }
    }

    async fn open(&self) -> Host {
        Host::open(&self.config(), &|_| ()).await.unwrap()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn call(host: &Host, tool: &str, arguments: Value, key: Option<&str>) -> CallReport {
    let key = key.map(|key| key.parse().unwrap());
    let call = ToolCall { key, ..ToolCall::new(format!("guest.{tool}"), arguments.to_string()) };
    host.call(call, CallOptions::default()).await
}

fn failed(report: &CallReport) -> Class {
    match &report.outcome {
        Outcome::Failure(failure) => failure.class,
        Outcome::Success(value) => panic!("succeeded: {value}"),
    }
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

#[test]
pub(crate) fn acts_then_grows() {
    for (atomic, left) in [(true, None), (false, Some(1))] {
        let place = Place::new(&guests::component("hostile").unwrap(), "[host]\nmax-memory = \"8MiB\"");
        place.grant(&format!("atomic = {atomic}"));
        runtime().block_on(async {
            toolhold::pin(&place.config()).await.unwrap();
            let host = place.open().await;
            let first = call(&host, "acts_then_grows", json!({"path": "/work/log"}), Some("once")).await;
            assert_eq!(failed(&first), Class::Busy, "{first:?}");
            let second = call(&host, "acts_then_grows", json!({"path": "/work/log"}), Some("once")).await;
            assert!(second.replayed, "a call that acted is not run again under the same key: {second:?}");
        });
        let log = place.path("work/log");
        assert_eq!(log.exists().then(|| lines(&log)), left, "what is staged does not outlive a call that failed");
    }
}

#[test]
fn a_component_that_changed_after_it_was_locked_is_not_called() {
    let place = Place::new(&wat_guest::from_text("(module)", "").unwrap(), "");
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        assert!(matches!(
            call(&place.open().await, "run", json!({}), None).await.outcome,
            Outcome::Success(Value::Null)
        ));
        std::fs::write(place.path("guest.wasm"), wat_guest::component("unreachable").unwrap()).unwrap();
        let error = Host::open(&place.config(), &|_| ()).await.unwrap_err().to_string();
        assert!(error.contains("not what the lock file pins"), "{error}");
    });
}

/// The sorts of the entries of the audit, in order.
fn audited(host: &Host) -> Vec<String> {
    host.journal().flush_blocking().unwrap();
    let reader = host.journal().reader().unwrap();
    let mut lines = Vec::new();
    let count = reader.export(0, &mut lines).unwrap();
    assert_eq!(reader.verify(None).unwrap().entries, count);
    let sort = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["body"]["event"]["type"].as_str().unwrap().to_owned()
    };
    String::from_utf8(lines).unwrap().lines().map(sort).collect()
}

#[test]
fn the_audit_says_once_which_manifest_and_components_apply_and_again_where_they_changed() {
    let place = Place::new(&wat_guest::from_text("(module)", "").unwrap(), "");
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        for _ in 0..3 {
            assert_eq!(audited(&place.open().await), ["manifest-loaded", "tool-pinned"]);
        }
        let manifest = std::fs::read_to_string(place.path("toolhold.toml")).unwrap();
        std::fs::write(place.path("toolhold.toml"), format!("{manifest}# changed\n")).unwrap();
        let after_manifest = ["manifest-loaded", "tool-pinned", "manifest-loaded"];
        assert_eq!(audited(&place.open().await), after_manifest);
        std::fs::write(place.path("guest.wasm"), wat_guest::component("unreachable").unwrap()).unwrap();
        toolhold::pin(&place.config()).await.unwrap();
        assert_eq!(audited(&place.open().await), [&after_manifest[..], &["tool-pinned"]].concat());
    });
}

#[test]
fn an_open_host_goes_on_with_the_bytes_that_it_checked() {
    let place = Place::new(&wat_guest::from_text("(module)", "").unwrap(), "");
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        let host = place.open().await;
        std::fs::write(place.path("guest.wasm"), wat_guest::component("unreachable").unwrap()).unwrap();
        let after = call(&host, "run", json!({}), None).await;
        assert!(matches!(after.outcome, Outcome::Success(Value::Null)), "{after:?}");
    });
}

#[test]
fn the_hosts_own_files_are_out_of_reach_although_their_directory_is_granted() {
    let place = Place::new(&guests::component("hostile").unwrap(), "");
    // Links with other names to what must not be reached, planted by somebody else.
    for own in ["toolhold.toml", "guest.wasm"] {
        std::fs::hard_link(place.path(own), place.path("work").join(own)).unwrap();
    }
    let manifest = std::fs::read_to_string(place.path("toolhold.toml")).unwrap();
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        let host = place.open().await;
        let paths = json!({"directory": "/work", "paths": ["toolhold.toml"]});
        let report = call(&host, "path_escapes", paths, None).await;
        let Outcome::Success(done) = &report.outcome else { panic!("{report:?}") };
        assert!(!done.to_string().contains("version = 1"), "{done}");
    });
    assert_eq!(std::fs::read_to_string(place.path("toolhold.toml")).unwrap(), manifest);
}

#[test]
fn every_hostile_call_leaves_a_record_and_the_chain_holds() {
    let place = Place::new(&guests::component("hostile").unwrap(), "[limits]\nfuel = 5_000_000\nmemory = \"8MiB\"");
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        let host = place.open().await;
        for tool in ["endless_loop", "memory_growth", "panics", "recursion", "hostile_text", "deep_result", "not_json"]
        {
            let report = call(&host, tool, json!({}), None).await;
            assert_ne!(failed(&report), Class::Host, "{report:?}");
        }
        let unknown = call(&host, "no-such-tool", json!({}), None).await;
        assert_eq!(failed(&unknown), Class::UnknownTool);
    });
}

/// The order in which calls of these clients and runs begin that come in this order and find the only place taken.
fn order(calls: &[(&str, &str)]) -> Vec<String> {
    let place = Place::new(&guests::component("hostile").unwrap(), "[host]\nmax-calls-in-flight = 1");
    let begun: Arc<Mutex<Vec<String>>> = Arc::default();
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        let host = place.open().await;
        // The first call of a component may wait until it is there: that is no waiting for a place.
        call(&host, "not_json", json!({}), None).await;
        let mut made = Vec::new();
        for (client, run) in [("first", "first")].iter().chain(calls) {
            let (options, begun, name) = (CallOptions::default(), Arc::clone(&begun), format!("{client} {run}"));
            let cancel = options.cancel.clone();
            // The first ends once all others wait; each of them says that it has begun, and is over.
            let ends = *client != "first";
            let events = EventSink::new(move |event| {
                if matches!(event, Event::Emitted(_)) && ends {
                    begun.lock().unwrap().push(name.clone());
                    cancel.cancel();
                }
            });
            let cancel = options.cancel.clone();
            let options = CallOptions { client: (*client).into(), events: Some(events), ..options };
            let call = ToolCall { run: run.parse().unwrap(), ..ToolCall::new("guest.polite_loop", "{}") };
            let host = host.clone();
            let mut making = Box::pin(async move { host.call(call, options).await });
            // Gets as far as it gets without waiting: the first runs, the others stand in the queue one after the other.
            let first_poll = poll_fn(|context| Poll::Ready(making.as_mut().poll(context))).await;
            assert!(first_poll.is_pending(), "{client} {run}");
            made.push((tokio::spawn(making), cancel));
        }
        made[0].1.cancel();
        for (making, _) in made {
            assert_eq!(failed(&making.await.unwrap()), Class::Cancelled);
        }
    });
    let begun = begun.lock().unwrap();
    begun.clone()
}

#[test]
fn clients_take_turns_for_places_and_within_one_its_runs_do() {
    let flood = [("a", "r"), ("a", "r"), ("a", "r"), ("b", "r"), ("a", "s")];
    assert_eq!(order(&flood), ["a r", "b r", "a s", "a r", "a r"]);
    // A client with many runs has no more turns than one with one.
    assert_eq!(order(&[("a", "r"), ("a", "s"), ("a", "t"), ("b", "r")]), ["a r", "b r", "a s", "a t"]);
}

/// What a dry run has staged stays until it ends, so there is an end to how much that may be.
#[test]
fn a_dry_run_that_has_staged_as_much_as_it_may_goes_no_further() {
    let place = Place::new(&guests::component("hostile").unwrap(), "");
    runtime().block_on(async {
        toolhold::pin(&place.config()).await.unwrap();
        let host = place.open().await;
        let preview = async |session: &Arc<PreviewSession>, name: &str| {
            let arguments = json!({ "path": format!("/work/{name}"), "bytes": 250 << 20 });
            let call = ToolCall::new("guest.sparse_growth", arguments.to_string());
            let options = CallOptions { session: Some(Arc::clone(session)), ..CallOptions::default() };
            host.call(ToolCall { mode: Mode::Preview, ..call }, options).await
        };
        let session = Arc::new(PreviewSession::new());
        for name in ["a", "b", "c", "d", "e"] {
            let report = preview(&session, name).await;
            assert!(matches!(report.outcome, Outcome::Success(_)), "{name}: {report:?}");
        }
        let report = preview(&session, "f").await;
        let Outcome::Failure(failure) = &report.outcome else { panic!("{report:?}") };
        assert_eq!((failure.class, &*failure.code), (Class::Limit, "dry-run-full"));
        assert!(failure.detail.as_deref().is_some_and(|detail| detail.contains("undo-bytes")), "{failure:?}");
        assert_eq!(session.effects().changes.len(), 5);
        let other = preview(&Arc::new(PreviewSession::new()), "f").await;
        assert!(matches!(other.outcome, Outcome::Success(_)), "{other:?}");
    });
    assert_eq!(std::fs::read_dir(place.path("work")).unwrap().count(), 0);
    assert_eq!(
        std::fs::read_dir(place.path(".toolhold/staging")).map_or(0, Iterator::count),
        0,
        "it is gone with the dry run"
    );
}
