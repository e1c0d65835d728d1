//! How often a tool, and a client, may be called.

use serde_json::json;
use toolhold::{CallOptions, CallReport, Host, ToolCall};
use toolhold_core::outcome::Class;

use super::support::{Place, SECOND, block_on, call, calls, events, failure, value};

async fn echo(host: &Host, client: &str) -> CallReport {
    let options = CallOptions { client: client.into(), ..CallOptions::default() };
    host.call(ToolCall::new("good.echo", "{}"), options).await
}

#[test]
fn a_tool_is_called_as_often_as_it_may_be_and_then_says_when_again() {
    let place = Place::new("", "[tools.good.tool.echo]\nrate = \"2/m\"");
    block_on(async {
        let host = place.open().await;
        for _ in 0..2 {
            value(&call(&host, "good.echo", json!({})).await);
        }
        let refused = call(&host, "good.echo", json!({})).await;
        assert_eq!((failure(&refused).class, &*failure(&refused).code), (Class::Unavailable, "rate-limited"));
        assert_eq!((failure(&refused).retry_after, refused.attempts), (Some(30), 0));
        assert!(!failure(&refused).dependency, "no fallback stands in for what was asked for too often");
        assert_eq!((calls(&host).len(), events(&host, "call-turned-away").len()), (2, 1), "nothing ran");
        // Another tool of the component has a bucket of its own, and here none.
        value(&call(&host, "good.sha256", json!({"bytes": 3})).await);
        place.time.pass(30 * SECOND);
        value(&call(&host, "good.echo", json!({})).await);
        assert_eq!(failure(&call(&host, "good.echo", json!({})).await).code, "rate-limited");
    });
}

#[test]
fn a_restart_does_not_fill_the_bucket() {
    let place = Place::new("", "[tools.good.tool.echo]\nrate = \"2/h\"");
    block_on(async {
        for _ in 0..2 {
            value(&call(&place.open().await, "good.echo", json!({})).await);
        }
        assert_eq!(failure(&call(&place.open().await, "good.echo", json!({})).await).code, "rate-limited");
    });
}

#[test]
fn each_client_has_a_quota_of_its_own_over_all_tools() {
    let place = Place::new("", "[clients]\nrate = \"2/h\"");
    block_on(async {
        let host = place.open().await;
        for _ in 0..2 {
            value(&echo(&host, "alice").await);
        }
        assert_eq!(failure(&echo(&host, "alice").await).code, "rate-limited");
        value(&echo(&host, "bob").await);
        place.time.pass(1_800 * SECOND);
        value(&echo(&host, "alice").await);
    });
}

#[test]
fn who_is_turned_away_by_a_tools_rate_pays_nothing_of_the_own_one() {
    let place = Place::new("", "[clients]\nrate = \"2/h\"\n[tools.good.tool.echo]\nrate = \"1/h\"");
    block_on(async {
        let host = place.open().await;
        value(&echo(&host, "alice").await);
        for _ in 0..5 {
            assert!(failure(&echo(&host, "alice").await).message.starts_with("this tool was called as often"));
        }
        value(&call(&host, "good.sha256", json!({"bytes": 3})).await);
    });
}

#[test]
fn a_denied_call_costs_nothing() {
    let place = Place::new(
        "",
        "[tools.good.tool.echo]\nrate = \"1/h\"\n[[rules]]\nname = \"no\"\ndecision = \"deny\"\ntools = [\"good.echo\"]\nwhen = { required = [\"bad\"] }",
    );
    block_on(async {
        let host = place.open().await;
        for _ in 0..3 {
            assert_eq!(failure(&call(&host, "good.echo", json!({"bad": 1})).await).class, Class::Denied);
        }
        value(&call(&host, "good.echo", json!({})).await);
    });
}
