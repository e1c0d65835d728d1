//! What was written by earlier versions is read.

use super::*;

/// What was written once must be readable for ever: this text is never edited, only added to.
#[test]
fn entries_are_read_as_they_were_written_by_the_first_version() {
    let texts = [
        r#"{"version":1,"at":5,"event":{"type":"run-started","run":"r","front":"call","manifest":null}}"#,
        r#"{"version":1,"at":5,"event":{"type":"call-settled","call":"c","outcome":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","failure":"limit","code":"limit-crossed"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"call-admitted","call":"c","run":"r","tool":"files.read","digest":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","mode":"live","effects":"none","arguments":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","stored":null,"key":"k","scope":"local"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"call-denied","call":"c","run":"r","tool":"files.read","arguments":null,"code":"denied","rule":"rules[2]"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"call-unknown","call":"c","reason":"the host stopped"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"secret-redacted","call":"c","run":"r","secrets":["token"],"places":["result","log"]}}"#,
        r#"{"version":1,"at":5,"event":{"type":"manifest-loaded","manifest":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","path":"/work/toolhold.toml"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"tokens-loaded","tokens":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","path":"/s/tokens.toml","names":["ci run"]}}"#,
        r#"{"version":1,"at":5,"event":{"type":"access-refused","peer":"::1","caller":null,"code":"unauthorized","unrecorded":0}}"#,
        r#"{"version":1,"at":5,"event":{"type":"attempt-failed","call":"c","attempt":1,"failure":"tool","code":"failed","wait":200,"same_key":false}}"#,
        r#"{"version":1,"at":5,"event":{"type":"call-turned-away","call":"c","run":"r","tool":"web.get","code":"rate-limited"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"fallback-served","call":"c","by":null}}"#,
        r#"{"version":1,"at":5,"event":{"type":"unknown-resolved","call":"c","succeeded":true}}"#,
        r#"{"version":1,"at":5,"event":{"type":"breaker-turned","dependency":"tool:web.get","turned":"half-opened"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"breaker-reset","dependency":"tool:web.get"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"request-taken","caller":"ci","method":"POST","path":"/v1/calls/c/undo"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"journal-pruned","until":7,"hash":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","before":4,"by":"journal-age","calls":2,"runs":1,"told_calls":["c"],"told_runs":["r"]}}"#,
        r#"{"version":1,"at":5,"event":{"type":"journal-pruned","until":7,"hash":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","before":4,"by":"local:1000","calls":0,"runs":0}}"#,
        r#"{"version":1,"at":5,"event":{"type":"entry-kept","sequence":3,"entry":{"version":1,"at":2,"event":{"type":"run-dead-lettered","run":"r"}}}}"#,
        r#"{"version":1,"at":5,"event":{"type":"client-arrived","run":"r","front":"mcp","client":"mcp:editor","calls_itself":"cursor 1.2"}}"#,
        r#"{"version":1,"at":5,"event":{"type":"call-acted","call":"c","requests":[{"method":"POST","url":"https://a/","status":201},{"method":"GET","url":"https://a/b","status":null}],"written":["/work/log"],"left_out":3}}"#,
        r#"{"version":1,"at":5,"event":{"type":"tool-pinned","component":"files","digest":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}}"#,
    ];
    for text in texts {
        let entry: Entry = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), text);
    }
}

#[test]
fn a_free_text_is_cut_between_characters() {
    assert_eq!(bounded(&"ä".repeat(MAX_TEXT_BYTES)).len(), MAX_TEXT_BYTES);
    assert_eq!(bounded("short"), "short");
}
