//! Links that log in, and everybody who tries to use one that is not theirs.

use std::net::IpAddr;

use axum::http::{Method, StatusCode};

use super::support::{Answer, Served, request};
use crate::access::{Caller, Connection, INVITED, Peer, Role};
use crate::console::headers::HEADERS;

const OWN: [(&str, &str); 2] = [("origin", "http://localhost:8077"), ("sec-fetch-site", "same-origin")];

fn code(served: &Served, role: Role) -> String {
    let (url, invitation) = served.access.invite(Caller::new("local:7", role)).unwrap();
    assert_eq!(url, "http://127.0.0.1:8077");
    invitation.reveal().to_owned()
}

/// Presses the button, from `peer`.
async fn press(served: &Served, peer: &str, headers: &[(&str, &str)], code: &str) -> Answer {
    let mut request = request(Method::POST, INVITED, headers, &format!("code={code}"));
    let peer = Peer::Address(peer.parse::<IpAddr>().unwrap());
    request.extensions_mut().insert(Connection { peer, encrypted: false });
    served.ask(request).await
}

async fn served() -> Served {
    let served = Served::new().await;
    served.access.invites_to("http://127.0.0.1:8077".into());
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_logs_in_once_as_whom_it_was_asked_for() {
    let served = served().await;
    let code = code(&served, Role::Approve);
    let answer = press(&served, "127.0.0.1", &OWN, &code).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(&code), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let page = served.ask(request(Method::GET, "/audit", &[("cookie", cookie)], "")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<b>local:7</b> <span class=\"faint\">approve</span>"), "{}", page.body);
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let undo = [&[("cookie", cookie)], &OWN[..]].concat();
    let refused = served.post("/calls/c/undo", &undo, &format!("csrf={csrf}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "its role is not larger than was asked for");

    let again = press(&served, "127.0.0.1", &OWN, &code).await;
    assert_eq!((again.status, again.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(again.body.contains("used before"), "{}", again.body);
    let audit = served.audit();
    assert!(audit.contains(r#""caller":"local:7","method":"POST","path":"/login/once""#), "{audit}");
    assert!(!audit.contains(&code), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_uses_nothing_up_and_tells_nothing() {
    let served = served().await;
    let code = code(&served, Role::Observe);
    let at = |code: &str| format!("{INVITED}?code={code}");
    for method in [Method::HEAD, Method::GET, Method::GET] {
        let seen = served.ask(request(method, &at(&code), &[("purpose", "prefetch")], "")).await;
        assert_eq!((seen.status, seen.header("set-cookie")), (StatusCode::OK, ""));
        HEADERS.iter().for_each(|(name, value)| assert_eq!(seen.header(name.as_str()), *value));
    }
    let (good, wrong) = (served.get(&at(&code)).await, served.get(&at("wrong")).await);
    assert_eq!(good.body.replace(&code, "wrong"), wrong.body, "which one is good, it does not say");
    let markup = served.get(&at("%22%3E%3Cscript%3E")).await.body;
    assert!(!markup.contains("<script>"), "{markup}");
    assert_eq!(press(&served, "127.0.0.1", &OWN, &code).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_another_machine_and_another_name_press_nothing() {
    let served = served().await;
    let code = code(&served, Role::Admin);
    for headers in [
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", "http://localhost:8077"), ("sec-fetch-site", "cross-site")],
        [("origin", "http://localhost:9999"), ("sec-fetch-site", "same-site")],
        [("origin", "null"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = press(&served, "127.0.0.1", &headers, &code).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{headers:?}");
    }
    for peer in ["192.0.2.1", "10.0.0.1", "::2", "::ffff:192.0.2.1"] {
        assert_eq!(press(&served, peer, &OWN, &code).await.status, StatusCode::FORBIDDEN, "{peer}");
    }
    // By the name of a proxy on this machine: whoever is before that is elsewhere.
    for host in ["tools.example.com", "localhost.example.com", "127.0.0.1.example.com", "192.0.2.1:8077", ""] {
        let mut asked = request(Method::POST, INVITED, &[], &format!("code={code}"));
        asked.headers_mut().insert("host", host.parse().unwrap());
        asked.extensions_mut().insert(Connection { peer: Peer::Address([127, 0, 0, 1].into()), encrypted: false });
        assert_eq!(served.ask(asked).await.status, StatusCode::FORBIDDEN, "{host}");
    }
    // One of which nobody knows how it came.
    assert_eq!(served.post(INVITED, &OWN, &format!("code={code}")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(press(&served, "::1", &OWN, &code).await.status, StatusCode::SEE_OTHER, "none of them used it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_come_to_nothing_are_counted_and_lock_nobody_out() {
    let served = served().await;
    let good = code(&served, Role::Admin);
    let token = served.token("ops", Role::Admin);
    let mut told_to_wait = 0;
    for wrong in ["", "a", &good[1..], &good.to_lowercase(), &token].into_iter().cycle().take(60) {
        let answer = press(&served, "127.0.0.1", &OWN, wrong).await;
        assert_eq!(answer.header("set-cookie"), "", "{wrong}");
        told_to_wait += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(told_to_wait >= 30, "{told_to_wait}");
    let audit = served.audit();
    assert!(audit.contains(r#""code":"unauthorized""#) && !audit.contains(&good), "{audit}");
    // What a link brings along is no token, and a token no link.
    let as_token = served.post("/login", &OWN, &format!("token={good}&to=/")).await;
    assert_eq!(as_token.header("set-cookie"), "");
    assert_eq!(press(&served, "127.0.0.1", &OWN, &good).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_link_to_a_console_that_others_reach() {
    let served = Served::new().await;
    let refused = served.access.invite(Caller::local("7")).unwrap_err();
    assert!(refused.detail().contains("does not listen on loopback"), "{}", refused.detail());
}
