//! Files that somebody else has changed meanwhile, and what was done all the same.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use toolhold_core::outcome::Class;
use toolhold_tests::guests;
use toolhold_tests::http_server::HttpServer;

use super::support::{OK, Place, block_on, call, events, failure, get, value};

/// A server that changes this file when it is asked for something.
fn meddling(file: Arc<OnceLock<PathBuf>>) -> HttpServer {
    HttpServer::start(move |_, stream: &mut TcpStream| {
        std::fs::write(file.get().unwrap(), "theirs").unwrap();
        let _gone = std::io::Write::write_all(stream, OK.as_bytes());
    })
    .unwrap()
}

/// The tool that writes and sends, and what it may.
fn manifest(server: &HttpServer) -> String {
    let authority = server.authority();
    let port = authority.rsplit(':').next().unwrap();
    format!(
        "[tools.slow]\nsource = \"slow.wasm\"\ndirectories = [{{ host = \"work\", guest = \"/work\", read = [\"**\"], write = [\"**\"] }}]\n\
         http = [{{ host = \"127.0.0.1\", schemes = [\"http\"], ports = [{port}], methods = [\"POST\"], addresses = [\"127.0.0.0/8\"] }}]\n\
         [[rules]]\nname = \"slow\"\ndecision = \"allow\"\ntools = [\"slow.*\"]\n"
    )
}

#[test]
pub(crate) fn writes_then_sends() {
    let file = Arc::new(OnceLock::new());
    let server = meddling(Arc::clone(&file));
    let place = Place::new("", &manifest(&server));
    std::fs::write(place.path("slow.wasm"), guests::component("waiting").unwrap()).unwrap();
    std::fs::write(place.path("work/log"), "before").unwrap();
    file.set(place.path("work/log")).unwrap();
    block_on(async {
        let host = place.open().await;
        let arguments = json!({ "path": "/work/log", "authority": server.authority() });
        let report = call(&host, "slow.writes_then_sends", arguments).await;
        let failed = failure(&report);
        assert_eq!((failed.class, &*failed.code, failed.acted), (Class::Conflict, "conflict", true), "{report:?}");
        assert!(failed.message.contains("by requests, or wrote in place, is done"), "{}", failed.message);
        assert_eq!((report.effects.requests.len(), report.effects.changes.len()), (1, 0), "{:?}", report.effects);
        let url = format!("http://{}/order", server.authority());
        let sent = json!([{ "method": "POST", "url": url, "status": 200 }]);
        let told = events(&host, "call-acted");
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["call"], &told[0]["requests"]), (&json!(report.call.as_str()), &sent));
    });
    assert_eq!(std::fs::read_to_string(place.path("work/log")).unwrap(), "theirs");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn every_request_that_left_is_in_the_audit_and_no_other() {
    let file = Arc::new(OnceLock::new());
    let server = meddling(Arc::clone(&file));
    let place = Place::new("", "");
    file.set(place.path("elsewhere")).unwrap();
    block_on(async {
        let host = place.open().await;
        assert_eq!(value(&get(&host, &server.authority()).await)["status"], 200);
        let told = events(&host, "call-acted");
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["requests"][0]["method"], "GET");
        // Refused, and so not sent.
        failure(&call(&host, "web.fetch", json!({ "url": "https://example.test/" })).await);
        call(&host, "good.echo", json!({})).await;
        assert_eq!(events(&host, "call-acted").len(), 1);
    });
}
