//! Who gets in, what a form needs, and what every answer forbids the browser.

use axum::http::{Method, StatusCode};

use super::support::{Served, over_tls, request};
use crate::access::Role;
use crate::console::headers::HEADERS;
use crate::console::{assets, now};

/// Every page.
pub(super) const PAGES: [&str; 12] = [
    "/",
    "/runs",
    "/runs?state=open&task=a&page=1",
    "/calls",
    "/calls?tool=files.write&state=settled",
    "/dead-letters",
    "/health",
    "/health?hours=1",
    "/tools",
    "/audit",
    "/audit?kind=call-denied&from=2026-01-01T00:00&until=2027-01-01T00:00&before=9",
    "/approvals",
];

/// Every form, and what it takes.
const FORMS: [(&str, Role); 10] = [
    ("/approvals/a/approve", Role::Approve),
    ("/approvals/a/reject", Role::Approve),
    ("/approvals/a/modify", Role::Approve),
    ("/runs/r/cancel", Role::Run),
    ("/calls/c/undo", Role::Admin),
    ("/calls/c/resolve", Role::Admin),
    ("/dead-letters/r/requeue", Role::Run),
    ("/dead-letters/r/discard", Role::Admin),
    ("/breakers/reset", Role::Admin),
    ("/audit/verify", Role::Observe),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_every_route_has_every_header() {
    let served = Served::new().await;
    let browser = served.log_in("ops", Role::Admin).await;
    let mut answers = Vec::new();
    for path in PAGES.into_iter().chain([
        "/login",
        assets::style(),
        assets::script(),
        assets::icon(),
        "/nowhere",
        "/runs/none",
        "/calls/none",
        "/tools/none",
        "/runs/a%20b",
        "/assets/none",
    ]) {
        answers.push((path, served.get(path).await));
        answers.push((path, browser.get(path).await));
    }
    for (path, _) in FORMS.into_iter().chain([("/login", Role::Observe), ("/logout", Role::Observe)]) {
        answers.push((path, served.post(path, &[], "a=b").await));
        answers.push((path, browser.post_from(path, &[], "a=b").await));
        answers.push((path, browser.get(path).await));
    }
    for (path, answer) in answers {
        for (name, value) in HEADERS {
            let found = answer.header(name.as_str());
            let is_asset = name == "cache-control" && path.starts_with("/assets/") && answer.status == StatusCode::OK;
            let expected = if is_asset { "public, max-age=31536000, immutable" } else { value };
            assert_eq!(found, expected, "{name} of {path} ({})", answer.status);
        }
    }
    let policy = HEADERS[0].1;
    assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_there_for_who_is_logged_in_and_for_nobody_else() {
    let served = Served::new().await;
    let browser = served.log_in("ops", Role::Observe).await;
    for path in PAGES {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        assert!(answer.body.contains("<main id=\"main\""), "{path}");
        let answer = served.get(path).await;
        assert_eq!(
            (answer.status, answer.header("location").starts_with("/login")),
            (StatusCode::SEE_OTHER, true),
            "{path}"
        );
        assert_eq!(answer.body, "", "{path}");
    }
    let answer = served.get("/runs?state=open").await;
    assert_eq!(answer.header("location"), "/login?to=%2Fruns%3Fstate%3Dopen");
    assert_eq!(served.stream(request(Method::GET, "/live?about=all", &[], "")).await.status(), StatusCode::SEE_OTHER);
    for cookie in ["toolhold-session=", "toolhold-session=guess", "__Host-toolhold-session=guess"] {
        let answer = served.ask(request(Method::GET, "/runs", &[("cookie", cookie)], "")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_takes_a_token_and_leads_where_somebody_wanted_to_go() {
    let served = Served::new().await;
    let token = served.token("ops", Role::Observe);
    let wrong = served.post("/login", &[], "token=th_wrong&to=/runs").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(wrong.body.contains("role=\"alert\"") && wrong.body.contains("value=\"/runs\""), "{}", wrong.body);
    assert!(!wrong.body.contains("th_wrong"), "what was typed is not shown again");
    for site in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
        let foreign = served.post("/login", &[site], &format!("token={token}")).await;
        assert_eq!((foreign.status, foreign.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{site:?}");
    }
    let right = served.post("/login", &[], &format!("token={token}&to=/runs")).await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/runs"));
    let cookie = right.header("set-cookie");
    assert!(cookie.starts_with("toolhold-session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");
    assert!(!cookie.contains("th_"), "the token is not in the browser: {cookie}");
    let elsewhere = served.post("/login", &[], &format!("token={token}&to=//evil.example")).await;
    assert_eq!(elsewhere.header("location"), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_the_cookie_is_for_this_host_and_for_tls_alone() {
    let served = Served::new().await;
    let token = served.token("ops", Role::Observe);
    let login = over_tls(request(Method::POST, "/login", &[], &format!("token={token}")));
    let answer = served.ask(login).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-toolhold-session=") && cookie.ends_with("; Secure"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(
        served.ask(over_tls(request(Method::GET, "/runs", &[("cookie", pair)], ""))).await.status,
        StatusCode::OK
    );
    // A cookie that somebody could have set over an unencrypted connection is none.
    let plain = pair.trim_start_matches("__Host-");
    let answer = served.ask(over_tls(request(Method::GET, "/runs", &[("cookie", plain)], ""))).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_a_word_and_with_its_token() {
    let served = Served::new().await;
    let (one, two) = (served.log_in("one", Role::Observe).await, served.log_in("two", Role::Observe).await);
    let answer = one.post("/logout", "").await;
    assert_eq!(answer.header("location"), "/login");
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{}", answer.header("set-cookie"));
    assert_eq!(one.get("/runs").await.status, StatusCode::SEE_OTHER, "the old cookie is worth nothing");
    assert_eq!(two.get("/runs").await.status, StatusCode::OK);
    served.file.change(|tokens| tokens.remove("two")).unwrap();
    assert_eq!(two.get("/runs").await.status, StatusCode::SEE_OTHER);
    assert_eq!(two.post("/audit/verify", "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_elsewhere_does_nothing_whatever_it_brings() {
    let served = Served::new().await;
    let (browser, other) = (served.log_in("one", Role::Admin).await, served.log_in("two", Role::Admin).await);
    let own = format!("csrf={}", browser.csrf);
    let foreign = format!("csrf={}", other.csrf);
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[("sec-fetch-site", "cross-site")], &own),
        (&[("sec-fetch-site", "same-site")], &own),
        (&[("sec-fetch-site", "none")], &own),
        (&[("origin", "https://evil.example")], &own),
        (&[("origin", "null")], &own),
        (&[("origin", "http://localhost:9999")], &own),
        (&[("origin", "http://localhost:8077"), ("sec-fetch-site", "same-origin")], &foreign),
        (&[("origin", "http://localhost:8077"), ("sec-fetch-site", "same-origin")], "csrf="),
    ];
    for (path, _) in FORMS {
        for (headers, form) in &cases {
            let answer = browser.post_from(path, headers, form).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?} {form}");
        }
        assert_eq!(browser.post_from(path, &[], "x=y").await.status, StatusCode::FORBIDDEN, "{path}: none at all");
        let json = [("cookie", browser.cookie.as_str()), ("content-type", "text/plain")];
        let answer = served.ask(request(Method::POST, path, &json, "")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: a body that a page elsewhere may send");
        assert_eq!(browser.get(path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}: a link does nothing");
    }
    let long = format!("{own}&result={}", "a".repeat(3 << 20));
    assert_eq!(browser.post_from("/calls/c/resolve", &[], &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_needs_its_role_and_no_smaller_one() {
    let served = Served::new().await;
    for role in Role::ALL {
        let browser = served.log_in(role.as_str(), role).await;
        for (path, needed) in FORMS {
            let answer = browser.post(path, "did=no&name=x&scope=once&arguments=%7B%7D").await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !role.has(needed), "{role} at {path}: {}", answer.status);
            assert!(!refused || answer.body.contains(&format!("this needs the role `{needed}`")), "{}", answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_under_the_name_of_their_content_and_need_no_session() {
    let served = Served::new().await;
    for (path, kind) in
        [(assets::style(), "text/css"), (assets::script(), "text/javascript"), (assets::icon(), "image/svg+xml")]
    {
        let answer = served.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(
            answer.header("content-type").starts_with(kind) && answer.header("cache-control").contains("immutable")
        );
        let stem = path.rsplit_once('-').unwrap().0;
        for other in [format!("{stem}-0000000000000000.css"), stem.to_owned(), "/assets/..%2fmod.rs".to_owned()] {
            assert_eq!(served.get(&other).await.status, StatusCode::NOT_FOUND, "{other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_told_that_something_changed_and_nothing_of_what() {
    use futures_util::StreamExt as _;
    use toolhold_core::event::Event;
    let served = Served::new().await;
    let browser = served.log_in("ops", Role::Observe).await;
    let cookie = [("cookie", browser.cookie.as_str())];
    let response = served.stream(request(Method::GET, "/live?about=run-1", &cookie, "")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let about = |run: &str| Event::RunResumed { run: run.parse().unwrap() };
    served.journal().record(now(), about("another")).await.unwrap();
    served.journal().record(now(), about("run-1")).await.unwrap();
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), stream.next()).await.unwrap().unwrap().unwrap();
    let told = String::from_utf8(told.to_vec()).unwrap();
    assert!(told.starts_with("event: changed\ndata:") && told.trim_end().ends_with("data:"), "{told}");
    // Who may not look any more is told nothing more.
    served.file.change(|tokens| tokens.remove("ops")).unwrap();
    served.journal().record(now(), about("run-1")).await.unwrap();
    let end = tokio::time::timeout(std::time::Duration::from_secs(20), stream.next()).await.unwrap();
    assert!(end.is_none(), "{end:?}");
}
