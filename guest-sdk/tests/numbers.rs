//! Numbers on their way from the host to a tool. Only without features does this say something of what tools are built with:
//! `schema-check` brings a crate that reads numbers exactly.

use toolhold_sdk::prelude::*;
use toolhold_sdk::testing::call;

/// Says what it got, as text
#[tool(hints(read_only, idempotent))]
fn spell(number: f64, value: Value) -> String {
    format!("{number} {value}")
}

toolhold_sdk::component!(spell);

#[test]
fn a_number_arrives_to_its_last_digit() {
    for number in [94.958_862_831_581_03, 0.1, 1.797_693_134_862_315_7e308, 5e-324, 9_007_199_254_740_993.0] {
        let spelled = call(&COMPONENT, "spell", json!({"number": number, "value": [number]})).value();
        assert_eq!(spelled, json!(format!("{number} {}", json!([number]))));
    }
}
