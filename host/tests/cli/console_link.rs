//! `toolhold console`: a link for a person of this machine, and nobody else's.

use std::process::Stdio;

use serde_json::json;

use crate::project::Project;
use crate::serve::Serving;

/// What the link of a command brings along, and the rest of it.
fn link(project: &Project, words: &[&str]) -> (String, String) {
    let printed = project.run(&[&["console"], words].concat()).printed();
    let (place, code) = printed.trim().split_once("?code=").unwrap();
    (place.to_owned(), code.to_owned())
}

fn press(serving: &Serving, code: &str) -> String {
    let own = format!("Origin: http://{}", serving.address);
    let lines = [own.as_str(), "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"];
    serving.ask("POST /login/once", &lines, &format!("code={code}"))
}

#[test]
fn a_link_logs_in_once_and_is_worth_nothing_anywhere_else() {
    let project = Project::locked();
    let serving = Serving::start(&project, &[]);
    let (place, code) = link(&project, &["--role", "observe"]);
    assert_eq!(place, format!("http://{}/login/once", serving.address));
    let page = serving.ask(&format!("GET /login/once?code={code}"), &[], "");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("<button"), "{page}");
    // It is no token of the API, nor of MCP clients.
    let bearer = format!("Authorization: Bearer {code}");
    for first in ["GET /v1/caller", "POST /mcp"] {
        let answer = serving.ask(first, &[&bearer, "Content-Type: application/json"], "{}");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let let_in = press(&serving, &code);
    assert!(let_in.starts_with("HTTP/1.1 303 ") && let_in.contains("set-cookie: toolhold-session="), "{let_in}");
    let cookie = let_in.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let audit = serving.ask("GET /audit", &[&format!("Cookie: {cookie}")], "");
    assert!(audit.contains("<b>local:") && audit.contains(">observe<"), "{audit}");
    let again = press(&serving, &code);
    assert!(again.starts_with("HTTP/1.1 401 ") && !again.contains("set-cookie"), "{again}");
    assert!(!project.run(&["audit", "export"]).printed().contains(&code));
    serving.signal("-TERM");
    let (ended_well, said) = serving.ended();
    assert!(ended_well && !said.contains(&code), "{said}");
}

#[test]
fn nobody_gets_a_link_over_the_network_and_none_leads_to_a_console_that_others_reach() {
    let project = Project::locked();
    let serving = Serving::start(&project, &[]);
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let body = json!({ "role": "observe" }).to_string();
    let answer = serving.ask("POST /v1/console", &[&bearer, "Content-Type: application/json"], &body);
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    drop(serving);

    let mut everywhere = project.command(&["serve", "--listen", "0.0.0.0:0", "--insecure-http"]);
    let mut everywhere = everywhere.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    let mut printed = std::io::BufReader::new(everywhere.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut printed, &mut url).unwrap();
    let refused = project.run(&["console"]);
    everywhere.kill().unwrap();
    everywhere.wait().unwrap();
    assert_eq!(refused.code(), 1, "{}", refused.said());
    assert!(refused.said().contains("does not listen on loopback"), "{}", refused.said());
}

#[test]
fn without_a_server_there_is_no_link() {
    let project = Project::locked();
    let alone = project.run(&["console"]);
    assert_eq!(alone.code(), 1);
    assert!(alone.said().contains("no `toolhold serve` holds the state directory"), "{}", alone.said());
}
