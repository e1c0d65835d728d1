//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.
//! The clock is not read: `now` is tested at a given instant.

use jiff::Timestamp;
use toolhold_sdk::Error;
use toolhold_sdk::serde_json::{Value, json, to_value};
use toolhold_sdk::testing::{call, tools};

use crate::COMPONENT;

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> String {
    match call(&COMPONENT, tool, arguments).error() {
        Error::InvalidArgs(message) => message,
        other => panic!("not invalid-args: {other:?}"),
    }
}

fn parsed(text: &str) -> (String, String) {
    let parsed = ok("parse", json!({"text": text, "zone": "Europe/Berlin"}));
    (parsed["moment"]["time"].as_str().unwrap().to_owned(), parsed["format"].as_str().unwrap().to_owned())
}

#[test]
fn nothing_is_needed_and_nothing_is_changed() {
    for tool in tools(&COMPONENT) {
        assert!(tool.needs.is_empty() && tool.hints.read_only, "{}", tool.name);
    }
}

#[test]
fn a_moment_has_every_form() {
    let instant: Timestamp = "2026-07-14T10:00:00.123456789Z".parse().unwrap();
    let expected = json!({
        "time": "2026-07-14T12:00:00+02:00", "zone": "Europe/Berlin", "utc": "2026-07-14T10:00:00Z", "unix": 1_784_023_200,
        "weekday": "Tuesday", "iso_week": "2026-W29", "day_of_year": 195, "dst": true,
    });
    assert_eq!(to_value(crate::now::at(instant, Some("europe/berlin")).unwrap()).unwrap(), expected);
    assert_eq!(to_value(crate::now::at(instant, None).unwrap()).unwrap()["time"], json!("2026-07-14T10:00:00Z"));
}

#[test]
fn many_formats_are_read() {
    for (text, time, format) in [
        ("2026-11-22T05:30:00Z", "2026-11-22T05:30:00Z", "RFC 3339"),
        ("2026-11-22T05:30:00-08:00", "2026-11-22T05:30:00-08:00", "RFC 3339"),
        ("2026-11-22T05:30[America/New_York]", "2026-11-22T05:30:00-05:00", "RFC 9557"),
        ("2026-11-22T05:30", "2026-11-22T05:30:00+01:00", "ISO 8601"),
        ("2026-11-22 05:30:10", "2026-11-22T05:30:10+01:00", "ISO 8601"),
        ("2026-11-22", "2026-11-22T00:00:00+01:00", "ISO 8601"),
        ("20261122", "2026-11-22T00:00:00+01:00", "ISO 8601"),
        ("Sun, 22 Nov 2026 05:30:00 +0100", "2026-11-22T05:30:00+01:00", "RFC 2822"),
        ("22 Nov 2026", "2026-11-22T00:00:00+01:00", "%d %b %Y"),
        ("Nov 22, 2026 05:30", "2026-11-22T05:30:00+01:00", "%b %d, %Y %H:%M"),
        ("22.11.2026 05:30", "2026-11-22T05:30:00+01:00", "%d.%m.%Y %H:%M"),
        ("2026/11/22", "2026-11-22T00:00:00+01:00", "%Y/%m/%d"),
        ("Sun Nov 22 05:30:00 2026", "2026-11-22T05:30:00+01:00", "%a %b %d %H:%M:%S %Y"),
        ("1795321800", "2026-11-22T05:30:00+01:00", "Unix seconds"),
        ("1795321800000", "2026-11-22T05:30:00+01:00", "Unix milliseconds"),
    ] {
        assert_eq!(parsed(text), (time.to_owned(), format.to_owned()), "{text}");
    }
}

#[test]
fn an_http_date_is_utc() {
    assert_eq!(parsed("Sun, 22 Nov 2026 05:30:00 GMT").0, "2026-11-22T05:30:00Z");
}

#[test]
fn what_cannot_be_read_names_a_form_that_can() {
    assert!(fails("parse", json!({"text": "03/04/2026"})).contains("may mean day/month or month/day"));
    assert!(fails("parse", json!({"text": "tomorrow"})).contains("write `2026-11-22T05:30:00+01:00`"));
    let own = ok("parse", json!({"text": "03/04/2026", "format": "%m/%d/%Y"}));
    assert_eq!(own["moment"]["time"], json!("2026-03-04T00:00:00Z"));
    assert!(fails("parse", json!({"text": "x", "format": "%Y"})).contains("does not have the format `%Y`"));
}

#[test]
fn daylight_saving_is_said_where_it_matters() {
    let gap = ok("parse", json!({"text": "2026-03-29T02:30", "zone": "Europe/Berlin"}));
    assert_eq!(gap["moment"]["time"], json!("2026-03-29T03:30:00+02:00"));
    assert!(gap["moment"]["note"].as_str().unwrap().contains("does not exist"));
    let fold = ok("parse", json!({"text": "2026-10-25T02:30", "zone": "Europe/Berlin"}));
    assert_eq!(fold["moment"]["time"], json!("2026-10-25T02:30:00+02:00"));
    assert!(fold["moment"]["note"].as_str().unwrap().contains("happens twice"));
}

#[test]
fn one_time_in_several_zones() {
    let converted =
        ok("convert", json!({"time": "2026-11-22 09:00", "zone": "America/New_York", "to": ["Asia/Tokyo", "+05:30"]}));
    let times: Vec<&Value> = converted["moments"].as_array().unwrap().iter().map(|moment| &moment["time"]).collect();
    assert_eq!(times, ["2026-11-22T23:00:00+09:00", "2026-11-22T19:30:00+05:30"]);
    assert!(fails("convert", json!({"time": "2026-11-22", "to": []})).contains("give 1 to 50"));
}

#[test]
fn calendars_are_added_and_subtracted() {
    let add = |time: &str, span: &str, zone: &str| {
        ok("add", json!({"time": time, "span": span, "zone": zone}))["time"].clone()
    };
    assert_eq!(add("2026-01-31", "1 month", "UTC"), json!("2026-02-28T00:00:00Z"));
    assert_eq!(add("2024-02-29", "P1Y", "UTC"), json!("2025-02-28T00:00:00Z"));
    assert_eq!(add("2026-03-28T12:00", "1 day", "Europe/Berlin"), json!("2026-03-29T12:00:00+02:00"));
    assert_eq!(add("2026-03-28T12:00", "24h", "Europe/Berlin"), json!("2026-03-29T13:00:00+02:00"));
    assert_eq!(add("2026-01-01T00:30:00Z", "-90 minutes", "UTC"), json!("2025-12-31T23:00:00Z"));
    assert!(fails("add", json!({"time": "2026-01-01", "span": "soon"})).contains("is no span of time"));
    assert!(fails("add", json!({"time": "9999-01-01", "span": "5 years"})).contains("out of range"));
}

#[test]
fn differences_in_calendar_and_seconds() {
    let between = |from: &str, to: &str, largest: &str| {
        ok("diff", json!({"from": from, "to": to, "zone": "Europe/Berlin", "largest": largest}))
    };
    let days = between("2026-03-28T12:00", "2026-03-29T12:00", "days");
    assert_eq!(days, json!({"iso": "P1D", "text": "1d", "seconds": 82_800.0, "days": 1}));
    assert_eq!(between("2026-01-31", "2025-12-25", "years")["iso"], json!("-P1M6D"));
    assert_eq!(between("2026-01-01", "2026-01-02T01:00", "hours")["text"], json!("25h"));
}

#[test]
fn unknown_zones_get_the_nearest_name() {
    let message = |zone: &str| fails("now", json!({"zone": zone}));
    assert!(message("Europe/Berln").contains("did you mean `Europe/Berlin`"));
    assert!(message("new york").contains("`America/New_York`"));
    assert!(message("Atlantis/Nowhere").contains("look it up with `zones`"));
    let found = ok("zones", json!({"query": "los angeles"}));
    assert_eq!(found, json!({"zones": ["America/Los_Angeles"], "truncated": false}));
    assert_eq!(ok("zones", json!({"query": "america"}))["truncated"], json!(true));
}
