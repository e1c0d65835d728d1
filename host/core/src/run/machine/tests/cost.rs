//! What a run may cost, and what it is charged for.

use super::*;
use crate::cost::Prices;

#[test]
fn a_turn_that_might_not_fit_into_the_budget_is_not_asked_for() {
    // Each turn of this world reads 10 tokens and writes 5, and might write a hundred.
    let prices =
        Prices { input: "1".parse().unwrap(), output: "10".parse().unwrap(), cached_input: "1".parse().unwrap() };
    let spent = |cost: u64, priced: bool| {
        let limits = RunLimits {
            cost,
            tokens_per_turn: 100,
            calls: 1000,
            iterations: 100,
            same_results: 1000,
            ..RunLimits::default()
        };
        let prices = vec![priced.then_some(prices)];
        let machine = Machine::begin(Start { limits, prices, ..start(1) });
        let mut lived = Lived { machine, history: Vec::new() };
        let call = World::Calls(vec![("files__read", "{}")], Finish::ToolCalls);
        lived.live(&[call, World::Result("1")], Duration::ZERO);
        let asks_for_an_answer = |event: &RunEvent| matches!(event, RunEvent::ModelAsked { with_tools: false, .. });
        let asked = lived.history.iter().filter(|happened| asks_for_an_answer(&happened.event)).count();
        (lived.machine.report(), asked)
    };
    for cost in [0, 500, 5_000, 6_000, 7_000] {
        let (report, last_answers) = spent(cost, true);
        assert!(report.cost_micro_dollars.unwrap() <= cost, "{report:?}");
        assert!(matches!(report.reason, Some(Reason::Limit { limit: RunLimit::Cost, .. })), "{report:?}");
        assert_eq!(last_answers, usize::from(cost >= 5_000), "there is room for a last answer: {cost}");
        assert!(cost < 5_000 || report.turns > 3, "{cost}: {}", report.turns);
    }
    let (report, _) = spent(0, false);
    assert_eq!((report.cost_micro_dollars, report.calls.len()), (None, 100));
}

#[test]
fn a_request_that_brought_nothing_may_have_cost_something() {
    let prices =
        Prices { input: "1".parse().unwrap(), output: "10".parse().unwrap(), cached_input: "1".parse().unwrap() };
    let machine = Machine::begin(Start { prices: vec![Some(prices)], ..start(1) });
    let mut lived = Lived { machine, history: Vec::new() };
    lived.live(&[World::ModelFails(Retry::Later), World::Text("done", Finish::Stop)], Duration::ZERO);
    assert!(lived.machine.report().cost_micro_dollars.unwrap() > 60);
}

#[test]
fn a_request_that_was_not_sent_or_was_refused_costs_nothing() {
    let prices =
        Prices { input: "1".parse().unwrap(), output: "10".parse().unwrap(), cached_input: "1".parse().unwrap() };
    let start = Start { prices: vec![Some(prices)], ..start(1) };
    let cost_of = |unpaid: bool| {
        let mut lived = Lived { machine: Machine::begin(start.clone()), history: Vec::new() };
        let ask = loop {
            match lived.machine.next(Duration::ZERO) {
                Next::Note(event) => lived.take(Duration::ZERO, event),
                Next::Ask(ask) => break ask,
                other => panic!("{other:?}"),
            }
        };
        let (code, message) = ("model-refused".to_owned(), "503".to_owned());
        lived.take(Duration::ZERO, ask.event());
        lived.take(Duration::ZERO, RunEvent::ModelFailed { code, message, retry: Retry::Later, unpaid });
        lived.machine.report().cost_micro_dollars.unwrap()
    };
    assert_eq!(cost_of(true), 0);
    assert!(cost_of(false) > 0);
}
