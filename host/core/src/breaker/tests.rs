//! States, probes, results that come late.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

const SETTINGS: BreakerSettings =
    BreakerSettings { failures: 5, recovery: 60 * SECOND, error_rate: 50, window: 60 * SECOND, least_calls: 20 };

/// A call that is let through and ends as told.
fn call(breaker: &mut Breaker, verdict: Verdict, now: u64) -> Option<Turned> {
    let (pass, _) = breaker.admit(&SETTINGS, now).unwrap();
    breaker.record(&SETTINGS, pass, verdict, now)
}

fn opened_at(now: u64) -> Breaker {
    let mut breaker = Breaker::default();
    let turned: Vec<_> = (0..5).map(|_| call(&mut breaker, Verdict::Fault, now)).collect();
    assert_eq!(turned, [None, None, None, None, Some(Turned::Opened)]);
    breaker
}

#[test]
fn five_faults_in_a_row_open_it_and_it_says_for_how_long() {
    let mut breaker = opened_at(100 * SECOND);
    assert_eq!(breaker.admit(&SETTINGS, 100 * SECOND), Err(Refused { wait: 60 * SECOND }));
    assert_eq!(breaker.admit(&SETTINGS, 159 * SECOND), Err(Refused { wait: SECOND }));
}

#[test]
fn a_success_in_between_begins_the_count_anew_and_what_says_nothing_does_not() {
    let mut breaker = Breaker::default();
    (0..4).for_each(|_| assert_eq!(call(&mut breaker, Verdict::Fault, SECOND), None));
    call(&mut breaker, Verdict::Works, SECOND);
    (0..4).for_each(|_| assert_eq!(call(&mut breaker, Verdict::Fault, SECOND), None));
    call(&mut breaker, Verdict::Nothing, SECOND);
    assert_eq!(call(&mut breaker, Verdict::Fault, SECOND), Some(Turned::Opened));
}

#[test]
fn half_open_lets_exactly_one_call_through() {
    let (mut breaker, later) = (opened_at(100 * SECOND), 160 * SECOND);
    let (probe, turned) = breaker.admit(&SETTINGS, later).unwrap();
    assert_eq!(turned, Some(Turned::HalfOpened));
    assert!((0..100).all(|_| breaker.admit(&SETTINGS, later + SECOND).is_err()));
    assert_eq!(breaker.record(&SETTINGS, probe, Verdict::Works, later + SECOND), Some(Turned::Closed));
    assert_eq!(breaker.state(), State::Closed);
    assert!(breaker.is_spotless());
}

#[test]
fn a_probe_that_fails_opens_it_again_for_the_whole_time() {
    let mut breaker = opened_at(100 * SECOND);
    assert_eq!(call(&mut breaker, Verdict::Fault, 160 * SECOND), Some(Turned::Opened));
    assert_eq!(breaker.admit(&SETTINGS, 219 * SECOND), Err(Refused { wait: SECOND }));
}

#[test]
fn a_probe_that_says_nothing_or_never_comes_back_makes_way_for_another() {
    let mut breaker = opened_at(100 * SECOND);
    assert_eq!(call(&mut breaker, Verdict::Nothing, 160 * SECOND), None);
    let (_lost, _) = breaker.admit(&SETTINGS, 160 * SECOND).unwrap();
    assert!(breaker.admit(&SETTINGS, 219 * SECOND).is_err());
    assert_eq!(call(&mut breaker, Verdict::Works, 220 * SECOND), Some(Turned::Closed));
}

#[test]
fn what_was_on_its_way_when_it_opened_changes_nothing() {
    let mut breaker = Breaker::default();
    let (early, _) = breaker.admit(&SETTINGS, SECOND).unwrap();
    for _ in 0..5 {
        call(&mut breaker, Verdict::Fault, SECOND);
    }
    assert_eq!(breaker.record(&SETTINGS, early, Verdict::Works, 2 * SECOND), None);
    assert!(breaker.admit(&SETTINGS, 2 * SECOND).is_err());
    let (_probe, _) = breaker.admit(&SETTINGS, 61 * SECOND).unwrap();
    assert_eq!(breaker.record(&SETTINGS, early, Verdict::Works, 62 * SECOND), None);
    assert!(breaker.admit(&SETTINGS, 62 * SECOND).is_err(), "only the probe decides");
}

#[test]
fn a_large_share_of_faults_opens_it_although_they_are_not_in_a_row() {
    let mut breaker = Breaker::default();
    let turned = (0..20).find_map(|nth| {
        let verdict = if nth % 2 == 0 { Verdict::Works } else { Verdict::Fault };
        call(&mut breaker, verdict, 100 * SECOND).map(|turned| (nth, turned))
    });
    assert_eq!(turned, Some((19, Turned::Opened)), "at the twentieth call, not before there are twenty");
}

#[test]
fn old_faults_are_forgotten() {
    let mut breaker = Breaker::default();
    for nth in 0..200_u64 {
        let verdict = if nth % 2 == 0 { Verdict::Works } else { Verdict::Fault };
        assert_eq!(call(&mut breaker, verdict, nth * 6 * SECOND), None, "never twenty in one window");
    }
}

#[test]
fn a_reset_lets_calls_through_at_once() {
    let mut breaker = opened_at(100 * SECOND);
    breaker.reset();
    assert_eq!(call(&mut breaker, Verdict::Works, 101 * SECOND), None);
    assert!(breaker.is_spotless());
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_the_recovery() {
    let mut breaker = opened_at(1_000_000 * SECOND);
    assert_eq!(breaker.admit(&SETTINGS, SECOND), Err(Refused { wait: 60 * SECOND }));
    assert_eq!(
        breaker.admit(&SETTINGS, 31 * SECOND),
        Err(Refused { wait: 30 * SECOND }),
        "asking does not make it longer"
    );
    let (_lost, turned) = breaker.admit(&SETTINGS, 61 * SECOND).unwrap();
    assert_eq!(turned, Some(Turned::HalfOpened));
    // So it is for the probe.
    assert_eq!(breaker.admit(&SETTINGS, SECOND), Err(Refused { wait: 60 * SECOND }));
    assert!(breaker.admit(&SETTINGS, 61 * SECOND).is_ok());
}

#[test]
fn what_is_kept_is_read_back() {
    let breaker = opened_at(100 * SECOND);
    let text = serde_json::to_string(&breaker).unwrap();
    assert_eq!(serde_json::from_str::<Breaker>(&text).unwrap(), breaker);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Admit,
    Tell(usize, Verdict),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop::sample::select(vec![Verdict::Works, Verdict::Fault, Verdict::Nothing]);
    prop_oneof![
        3 => Just(Step::Admit),
        3 => (any::<prop::sample::Index>(), verdict).prop_map(|(index, verdict)| Step::Tell(index.index(1000), verdict)),
        1 => (0..90_u64).prop_map(|seconds| Step::Wait(seconds * SECOND)),
    ]
}

proptest! {
    /// Whatever comes in whatever order: half-open means one probe, open means none, and no state lasts for ever.
    #[test]
    fn never_two_probes_and_never_shut_for_ever(steps in prop::collection::vec(step(), 0..200)) {
        let (mut breaker, mut now, mut passes) = (Breaker::default(), 1_000 * SECOND, Vec::new());
        for step in steps {
            match step {
                Step::Admit => {
                    let before = breaker.state();
                    match breaker.admit(&SETTINGS, now) {
                        Ok((pass, turned)) => {
                            passes.push(pass);
                            prop_assert_eq!(turned.is_some(), before != State::Closed);
                            if before != State::Closed {
                                prop_assert!(breaker.clone().admit(&SETTINGS, now).is_err());
                            }
                        }
                        Err(refused) => {
                            prop_assert!(before != State::Closed && refused.wait <= SETTINGS.recovery);
                            prop_assert!(breaker.clone().admit(&SETTINGS, now + refused.wait).is_ok());
                        }
                    }
                }
                Step::Tell(index, verdict) if !passes.is_empty() => {
                    let pass = passes.swap_remove(index % passes.len());
                    let _turned = breaker.record(&SETTINGS, pass, verdict, now);
                }
                Step::Tell(..) => {}
                Step::Wait(time) => now += time,
            }
        }
    }
}
