//! Every guest and every limit has a test of its name: what is missing here does not compile.

use toolhold_core::limit::LIMITS;
use toolhold_tests::test_host::TestHost;

mod hostile {
    use crate::probes::*;
    use crate::reliability::acts_then_traps;
    use crate::secrets::repeats;
    use crate::whole::acts_then_grows;

    macro_rules! tested {
        ($name:ident) => {
            const _: fn() = $name;
        };
    }
    toolhold_tests::foreach_hostile!(tested);
}

mod waiting {
    macro_rules! tested {
        ($name:ident) => {
            const _: fn() = crate::waiting::$name;
        };
    }
    toolhold_tests::foreach_waiting!(tested);
}

mod texts {
    macro_rules! tested {
        ($name:ident) => {
            const _: fn() = crate::texts::$name;
        };
    }
    toolhold_tests::foreach_wat!(tested);
}

mod limits {
    macro_rules! tested {
        ($name:ident) => {
            const _: fn() = crate::limits::$name;
        };
    }
    toolhold_tests::foreach_limit!(tested);
}

#[test]
fn the_list_of_limits_is_the_table_of_limits() {
    let keys: Vec<_> = LIMITS.iter().map(|spec| spec.key).collect();
    assert_eq!(keys, toolhold_tests::LIMIT);
}

#[test]
fn every_probe_is_offered_by_its_component() {
    for (component, probes) in [("hostile", toolhold_tests::HOSTILE), ("waiting", toolhold_tests::WAITING)] {
        let host = TestHost::of(component, "").unwrap();
        let offered: Vec<_> = host.loaded().description.tools.iter().map(|tool| tool.name.as_str()).collect();
        for probe in probes {
            assert!(offered.contains(probe), "`{component}` does not offer `{probe}`: {offered:?}");
        }
    }
}
