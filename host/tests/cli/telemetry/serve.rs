//! Metrics and probes, as a server answers who asks for them.

use crate::project::Project;
use crate::serve::Serving;

fn token(project: &Project, name: &str, role: &str) -> String {
    let made = project.run(&["tokens", "create", name, "--role", role]).printed();
    format!("Authorization: Bearer {}", made.trim())
}

#[test]
fn metrics_are_for_who_may_observe_and_probes_for_everybody() {
    let project = Project::locked();
    let serving = Serving::start(&project, &[]);
    let observer = token(&project, "prometheus", "observe");
    let answer = serving.ask("GET /metrics", &[&observer], "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("toolhold_build_info{version="), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4"), "{answer}");
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let answer = serving.ask("GET /metrics", &[&observer, accept], "");
    assert!(answer.contains("application/openmetrics-text") && answer.ends_with("# EOF\n"), "{answer}");
    for line in ["X-Nothing: 1", "Authorization: Bearer th_nonsense"] {
        let answer = serving.ask("GET /metrics", &[line], "");
        assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("toolhold_calls"), "{answer}");
    }
    assert!(serving.ask("GET /healthz", &[], "").contains("200 OK"));
    let ready = serving.ask("GET /readyz", &[], "");
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.contains("\"ready\":true"), "{ready}");
    // What was refused is counted, once the journal has it.
    let counted = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        serving.ask("GET /metrics", &[&observer], "").contains("toolhold_access_refused_total{code=\"unauthorized\"} 2")
    });
    assert!(counted);
}

#[test]
fn metrics_that_are_open_need_no_token() {
    let project = Project::locked();
    let serving = Serving::start(&project, &["--open-metrics"]);
    assert!(serving.ask("GET /metrics", &[], "").contains("toolhold_journal_failing 0"));
    let caller = serving.ask("GET /v1/caller", &[], "");
    assert!(caller.starts_with("HTTP/1.1 401 "), "nothing else is open: {caller}");
}
