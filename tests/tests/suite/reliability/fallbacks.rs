//! What stands in for a tool: only where its dependencies fail, by the rules of what stands in, and labelled.

use serde_json::json;
use toolhold::journal::State;
use toolhold::{Asking, CallOptions, ToolCall};
use toolhold_core::outcome::{Class, ServedBy};

use super::support::{
    HANGS_UP, Place, SECOND, block_on, call, calls, events, failure, nowhere, post, server, value, with_key,
};

fn with(more: &str) -> Place {
    Place::new("", &format!("[retry]\nattempts = 1\n{more}"))
}

#[test]
fn another_tool_stands_in_with_the_same_arguments_and_says_so() {
    let place = with("[tools.bad.tool.panics]\nfallback = { tool = \"good.echo\" }");
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "bad.panics", json!({})).await;
        assert_eq!(*value(&report), json!({}));
        assert_eq!(report.served_by, Some(ServedBy::Tool { tool: "good.echo".parse().unwrap() }));
        assert_eq!(report.tool, "bad.panics", "it is the answer to what was asked");
        let served = &events(&host, "fallback-served")[0];
        assert_eq!(served["by"], report.call.as_str());
        assert_ne!(served["call"], report.call.as_str());
        assert!(report.served_by.unwrap().label().contains("this is the answer of the tool `good.echo`"));
    });
}

#[test]
fn a_fixed_value_stands_in_also_while_the_tool_is_left_alone() {
    let place = with("[breaker]\nfailures = 1\n[tools.bad.tool.panics]\nfallback = { value = 7 }");
    block_on(async {
        let host = place.open().await;
        for _ in 0..2 {
            let report = call(&host, "bad.panics", json!({})).await;
            assert_eq!((value(&report), &report.served_by), (&json!(7), &Some(ServedBy::Value)));
        }
        assert_eq!(events(&host, "call-turned-away").len(), 1);
        assert_eq!(events(&host, "fallback-served").len(), 2);
    });
}

#[test]
fn a_chain_is_followed_to_its_end() {
    let place = with(
        "[tools.bad.tool.panics]\nfallback = { tool = \"bad.aborts\" }\n[tools.bad.tool.aborts]\nfallback = { value = 3 }",
    );
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "bad.panics", json!({})).await;
        assert_eq!((value(&report), &report.served_by), (&json!(3), &Some(ServedBy::Value)));
        assert_eq!(calls(&host).len(), 2);
    });
}

#[test]
fn nothing_stands_in_for_a_denial_for_arguments_or_for_a_tool_that_says_no() {
    let place = with("[tools.web.tool.fetch]\nfallback = { tool = \"good.echo\" }");
    block_on(async {
        let host = place.open().await;
        for (url, class) in [(json!("http://10.0.0.1/"), Class::Denied), (json!(1), Class::InvalidArguments)] {
            let report = call(&host, "web.fetch", json!({"url": url})).await;
            assert_eq!((failure(&report).class, &report.served_by), (class, &None));
        }
        let dead = call(&host, "web.fetch", json!({"url": format!("http://{}/", nowhere())})).await;
        assert!(dead.served_by.is_some(), "{dead:?}");
    });
}

#[test]
fn what_stands_in_is_decided_by_its_own_rules() {
    let place = with(
        "[tools.bad.tool.panics]\nfallback = { tool = \"good.echo\" }\n[[rules]]\nname = \"no\"\ndecision = \"deny\"\ntools = [\"good.echo\"]",
    );
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "bad.panics", json!({})).await;
        assert_eq!(failure(&report).class, Class::Trap, "the caller is told what failed first");
        assert!(failure(&report).detail.as_deref().unwrap().contains("its fallback `good.echo`"));
        assert_eq!(events(&host, "call-denied").len(), 1);
        assert_eq!(events(&host, "fallback-served"), [] as [serde_json::Value; 0]);
    });
}

#[test]
fn nothing_stands_in_for_a_call_of_which_nobody_knows_what_it_did() {
    let place = with("[tools.web.tool.send]\nfallback = { tool = \"good.echo\" }");
    let server = server(&[HANGS_UP]);
    block_on(async {
        let host = place.open().await;
        let report = call(&host, "web.send", post(&server.authority())).await;
        assert_eq!((&*failure(&report).code, &report.served_by), ("outcome-unknown", &None));
    });
}

#[test]
fn that_nobody_knows_what_a_tool_did_which_stood_in_is_told() {
    let place = with("[tools.bad.tool.not_json]\nfallback = { tool = \"web.send\" }");
    let server = server(&[HANGS_UP]);
    block_on(async {
        let host = place.open().await;
        let first = with_key(&host, "bad.not_json", post(&server.authority()), "k").await;
        let again = with_key(&host, "bad.not_json", post(&server.authority()), "k").await;
        for report in [&first, &again] {
            assert_eq!((&*failure(report).code, &*report.tool), ("outcome-unknown", "bad.not_json"), "{report:?}");
            assert_eq!(report.served_by, Some(ServedBy::Tool { tool: "web.send".parse().unwrap() }));
            assert!(failure(report).detail.as_deref().unwrap().contains("it stood in for `bad.not_json`"));
        }
        let parked = calls(&host).into_iter().find(|call| call.state == State::Unknown).unwrap();
        assert_eq!(parked.call, first.call, "it is the call that a person has to look at");
        assert_eq!(events(&host, "fallback-served"), [] as [serde_json::Value; 0]);
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn that_a_person_is_asked_about_a_tool_which_stands_in_is_told() {
    let asks = "[[rules]]\nname = \"asks\"\ndecision = \"ask\"\ntools = [\"web.send\"]";
    let place = with(&format!("[tools.bad.tool.not_json]\nfallback = {{ tool = \"web.send\" }}\n{asks}"));
    let server = server(&[HANGS_UP]);
    block_on(async {
        let host = place.open().await;
        let options = CallOptions { asking: Asking::Park, ..CallOptions::default() };
        let report = host.call(ToolCall::new("bad.not_json", post(&server.authority()).to_string()), options).await;
        assert_eq!(failure(&report).class, Class::AwaitingApproval, "{report:?}");
        assert!(failure(&report).approval.is_some() && report.served_by.is_some());
    });
    assert_eq!(server.requests(), [] as [String; 0]);
}

#[test]
fn a_repeat_gets_what_stood_in_without_running_it_again() {
    let place = with("[tools.bad.tool.panics]\nfallback = { tool = \"good.echo\" }");
    block_on(async {
        let host = place.open().await;
        let first = with_key(&host, "bad.panics", json!({}), "k").await;
        let again = with_key(&host, "bad.panics", json!({}), "k").await;
        assert!(
            !first.replayed && again.replayed && again.served_by == first.served_by && again.outcome == first.outcome
        );
        assert_eq!(events(&host, "call-admitted").len(), 2, "the call and what stood in for it, once each");
    });
}

#[test]
fn a_repeat_gets_what_stood_in_also_after_the_tool_is_let_through_again() {
    let place = with("[breaker]\nfailures = 1\n[tools.bad.tool.panics]\nfallback = { tool = \"good.echo\" }");
    block_on(async {
        let host = place.open().await;
        call(&host, "bad.panics", json!({})).await;
        let first = with_key(&host, "bad.panics", json!({}), "k").await;
        assert_eq!(events(&host, "call-turned-away").len(), 1, "the tool is left alone");
        place.time.pass(60 * SECOND);
        let before = calls(&host).iter().filter(|call| call.state == State::Settled).count();
        let again = with_key(&host, "bad.panics", json!({}), "k").await;
        assert_eq!((&again.served_by, &again.outcome, again.replayed), (&first.served_by, &first.outcome, true));
        let after = calls(&host).iter().filter(|call| call.state == State::Settled).count();
        assert_eq!(after, before, "nothing ran");
        let other = with_key(&host, "bad.panics", json!({}), "k2").await;
        assert!(!other.replayed, "another key is another call");
    });
}

#[test]
fn a_repeat_finds_what_stood_in_at_the_end_of_a_chain() {
    let chain = "[tools.bad.tool.panics]\nfallback = { tool = \"bad.aborts\" }\n[tools.bad.tool.aborts]\nfallback = { tool = \"good.echo\" }";
    let place = with(&format!("[breaker]\nfailures = 1\n{chain}"));
    block_on(async {
        let host = place.open().await;
        call(&host, "bad.panics", json!({})).await;
        let first = with_key(&host, "bad.panics", json!({}), "k").await;
        assert_eq!(first.served_by, Some(ServedBy::Tool { tool: "good.echo".parse().unwrap() }));
        place.time.pass(60 * SECOND);
        let again = with_key(&host, "bad.panics", json!({}), "k").await;
        assert_eq!((again.served_by, again.replayed), (first.served_by, true), "neither of the two before it ran");
    });
}

/// The hostile guest may write.
const WRITES: &str =
    "[[tools.bad.directories]]\nhost = \"work\"\nguest = \"/work\"\nread = [\"**\"]\nwrite = [\"**\"]\n";

/// No other tool stands in for what was written in place, and not at a repeat either.
#[test]
pub(crate) fn acts_then_traps() {
    let fallback = "[tools.bad.tool.acts_then_traps]\nfallback = { tool = \"good.echo\" }";
    for (atomic, stands_in) in [(true, true), (false, false)] {
        let place = with(&format!("{WRITES}atomic = {atomic}\n{fallback}"));
        block_on(async {
            let host = place.open().await;
            let arguments = json!({"path": "/work/log"});
            for _ in 0..2 {
                let report = with_key(&host, "bad.acts_then_traps", arguments.clone(), "k").await;
                assert_eq!(report.served_by.is_some(), stands_in, "{report:?}");
                if !stands_in {
                    assert_eq!((failure(&report).class, failure(&report).acted), (Class::Trap, true));
                }
            }
            // What was staged is thrown away; what was written in place is told of, once.
            let written: Vec<_> = events(&host, "call-acted").iter().map(|event| event["written"].clone()).collect();
            assert_eq!(written, if stands_in { vec![] } else { vec![json!(["/work/log"])] });
        });
        assert_eq!(place.path("work/log").exists(), !stands_in);
    }
}
