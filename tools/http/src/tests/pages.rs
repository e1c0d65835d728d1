//! What a model gets to read.

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use toolhold_sdk::serde_json::{Value, json};
use url::Url;

use super::{answer, fetched};
use crate::html::to_markdown;

fn markdown(html: &str) -> String {
    to_markdown(html, &Url::parse("https://example.com/a/page").unwrap()).markdown
}

#[test]
fn html_becomes_markdown() {
    let cases = [
        (
            "<h2>One</h2><p>two\n  <b>three</b>, <em>four</em> &amp; <code>five</code>.</p>six",
            "## One\n\ntwo **three**, *four* & `five`.\n\nsix",
        ),
        ("<p>a<p>b<br>c", "a\n\nb\nc"),
        (
            r##"<a href="../x?y=1">link</a> <a href="#here">here</a> <a href="javascript:1">no</a> <a href="/e"></a>end"##,
            "[link](https://example.com/x?y=1) here no end",
        ),
        (
            r#"<a href="/p"><img src="i.png" alt="A cat"></a><img src="spacer.gif">"#,
            "[[image: A cat]](https://example.com/p)",
        ),
        ("<ul><li>a<li>b<ul><li>c</ul></li></ul><p>d", "- a\n- b\n  - c\n\nd"),
        (r#"<ol start="3"><li><p>a</p><p>b</p></li><li>c</li></ol>"#, "3. a\n\n   b\n\n4. c"),
        (
            "<pre><code class=\"x language-rust\">fn a() {\n    1 &lt; 2\n}\n</code></pre>x",
            "```rust\nfn a() {\n    1 < 2\n}\n```\n\nx",
        ),
        ("<pre>a ``` b</pre>", "````\na ``` b\n````"),
        ("<blockquote><p>a</p><p>b</p></blockquote>c", "> a\n>\n> b\n\nc"),
        (
            "<table><tr><th>A</th><th>B|C</th></tr><tr><td>1<td><p>2</p><p>3</p></table>",
            "| A | B\\|C |\n| --- | --- |\n| 1 | 2 3 |",
        ),
        ("<table><tr><td><table><tr><td>x</td></tr></table></td><td>y</td></tr></table>", "| x |\n| --- |\n\ny"),
        ("<dl><dt>a</dt><dd>b</dd></dl><hr>c", "a\n: b\n\n---\n\nc"),
    ];
    for (html, expected) in cases {
        assert_eq!(markdown(html), expected, "{html}");
    }
}

#[test]
fn what_is_around_the_content_is_left_out() {
    let page = |content: &str| {
        format!(
            "<!doctype html><html><head><title> The \n title </title><style>p{{}}</style><script>if (a < b) '<p>'</script></head>\
             <body><header>top</header><nav><ul><li>menu</li></ul></nav>{content}<aside>ads</aside><footer>end</footer></body></html>"
        )
    };
    for content in [
        "<main><header><h1>Head</h1></header><p>text</p><nav>more</nav></main>",
        "<div role=main><h1>Head</h1><div>text</div></div>",
        "<article><h1>Head</h1>text</article>",
        "<div><h1>Head</h1><p>text</p><p hidden>no</p><div aria-hidden=true>no</div><svg><title>no</title></svg></div>",
    ] {
        let document = to_markdown(&page(content), &Url::parse("https://example.com/").unwrap());
        assert_eq!(document.markdown, "# Head\n\ntext", "{content}");
        assert_eq!(document.title.as_deref(), Some("The title"));
    }
    assert_eq!(markdown("<nav>only <a href=/x>this</a>"), "only [this](https://example.com/x)");
}

#[test]
fn a_page_of_any_depth_costs_no_more_than_its_length() {
    for (open, times) in [
        ("<div>", 200_000),
        ("<blockquote>x", 50_000),
        ("<ul><li>x", 50_000),
        ("<table><tr><td>x", 50_000),
        ("<b>x", 50_000),
    ] {
        let text = markdown(&open.repeat(times));
        assert!(text.len() < times * 60, "{open}: {}", text.len());
    }
    assert_eq!(markdown("</ul></li></table></blockquote></b></main>x"), "x");
}

#[test]
fn auto_shows_what_can_be_read() {
    let format_of = |kind: &str, body: &[u8]| {
        fetched(answer(200, &format!("content-type: {kind}"), body), json!({}))["format"].clone()
    };
    for (kind, body, format) in [
        ("text/html; charset=utf-8", "<p>x", "markdown"),
        ("application/json", "{}", "text"),
        ("application/problem+json", "{}", "text"),
        ("text/csv", "a,b", "text"),
        ("image/png", "x", "none"),
        ("application/octet-stream", "x", "none"),
    ] {
        assert_eq!(format_of(kind, body.as_bytes()), format, "{kind}");
    }
    assert_eq!(fetched(answer(200, "", "<html>x"), json!({}))["format"], "markdown");
    assert_eq!(fetched(answer(200, "", "\0\x01"), json!({}))["format"], "none");
}

#[test]
fn every_format_can_be_asked_for() {
    let text_as = |body: &str, format: &str| {
        fetched(answer(200, "content-type: text/html", body), json!({"format": format}))["text"].clone()
    };
    assert_eq!(text_as("<p>x</p>", "text"), "<p>x</p>");
    assert_eq!(text_as("<p>x</p>", "markdown"), "x");
    assert_eq!(text_as("{\"b\":1,\"a\":[]}", "json"), "{\n  \"b\": 1,\n  \"a\": []\n}");
    assert_eq!(text_as("x\0", "base64"), "eAA=");
}

#[test]
fn what_is_not_what_was_asked_for_is_shown_as_it_is() {
    let as_json = |kind: &str, body: &str| {
        fetched(answer(500, &format!("content-type: {kind}"), body), json!({"format": "json"}))
    };
    let page = as_json("text/html", "<h1>Down</h1>");
    assert_eq!((&page["status"], &page["format"], &page["text"]), (&json!(500), &json!("markdown"), &json!("# Down")));
    assert!(page["note"].as_str().unwrap().contains("no JSON"), "{page}");
    let page = as_json("application/json", "{\"a\":");
    assert_eq!((&page["format"], &page["text"]), (&json!("text"), &json!("{\"a\":")));
    assert_eq!(as_json("image/png", "\0")["format"], "none");
    assert_eq!(as_json("application/json", "1")["note"], Value::Null);
    let cut = fetched(answer(200, "", "[1, 2]"), json!({"format": "json", "max_bytes": 3}));
    assert!(cut["note"].as_str().unwrap().contains("`max_bytes`"), "{cut}");
}

#[test]
fn a_long_text_comes_in_parts_that_make_the_whole() {
    let whole: String = (0..1000).map(|number| format!("{number}ä ")).collect();
    let (mut start, mut parts) = (json!(0), String::new());
    loop {
        let page = fetched(answer(200, "content-type: text/plain", &whole), json!({"start": start, "max_chars": 700}));
        parts.push_str(page["text"].as_str().unwrap());
        assert_eq!(
            (page["total_chars"].as_u64(), &page["truncated"]),
            (Some(whole.chars().count() as u64), &json!(false))
        );
        match &page["next_start"] {
            Value::Null => break,
            next => start = next.clone(),
        }
    }
    assert_eq!(parts, whole);
    let beyond = fetched(answer(200, "content-type: text/plain", "abc"), json!({"start": 9}));
    assert_eq!((&beyond["text"], &beyond["next_start"]), (&json!(""), &Value::Null));
    let cut = fetched(answer(200, "content-type: text/plain", "abcdef"), json!({"max_bytes": 3}));
    assert_eq!((&cut["text"], &cut["truncated"], &cut["bytes"]), (&json!("abc"), &json!(true), &json!(3)));
}

#[test]
fn characters_are_read_as_they_were_meant() {
    let text = |kind: &str, body: &[u8]| {
        fetched(answer(200, &format!("content-type: {kind}"), body), json!({}))["text"].clone()
    };
    assert_eq!(text("text/plain; charset=ISO-8859-1", b"caf\xe9"), "café");
    assert_eq!(text("text/plain", b"caf\xe9 \x80"), "café €");
    assert_eq!(text("text/plain", "café".as_bytes()), "café");
    assert_eq!(text("text/plain; charset=\"utf-16le\"", b"a\0\xe9\0"), "aé");
    assert_eq!(text("text/html", b"<meta charset='shift_jis'><p>\x93\xfa\x96{"), "日本");
    assert_eq!(text("text/plain", b"\xef\xbb\xbfx"), "x");
    let word = "say charset=utf-16 é";
    assert_eq!(text("text/plain", word.as_bytes()), word);
    assert_eq!(text("", word.as_bytes()), word);
    assert_eq!(text("", b"<meta charset=shift_jis>\x93\xfa"), "日");
    assert_eq!(text("text/plain; charset=none-such", b"\xff\xfea\0"), "a");
}

#[test]
fn what_is_compressed_unasked_is_read_within_the_bound() {
    fn packed<W: std::io::Write>(mut encoder: W, finish: impl FnOnce(W) -> Vec<u8>, text: &[u8]) -> Vec<u8> {
        encoder.write_all(text).unwrap();
        finish(encoder)
    }
    let level = Compression::default();
    let text = b"hello hello hello";
    let gzip = |text: &[u8]| packed(GzEncoder::new(Vec::new(), level), |encoder| encoder.finish().unwrap(), text);
    let all = [
        ("gzip", gzip(text)),
        ("deflate", packed(ZlibEncoder::new(Vec::new(), level), |encoder| encoder.finish().unwrap(), text)),
        ("deflate", packed(DeflateEncoder::new(Vec::new(), level), |encoder| encoder.finish().unwrap(), text)),
    ];
    for (encoding, body) in all {
        let page =
            fetched(answer(200, &format!("content-type: text/plain\ncontent-encoding: {encoding}"), body), json!({}));
        assert_eq!(page["text"], "hello hello hello", "{encoding}");
    }
    let bomb = gzip(&vec![b'a'; 4 << 20]);
    let page =
        fetched(answer(200, "content-type: text/plain\ncontent-encoding: gzip", bomb), json!({"max_bytes": 1000}));
    assert_eq!((&page["bytes"], &page["truncated"]), (&json!(1000), &json!(true)));
    for (encoding, words) in [("br", "`br`"), ("gzip", "it is not")] {
        let broken = || answer(200, &format!("content-encoding: {encoding}\netag: 1"), "nonsense");
        let page = fetched(broken(), json!({}));
        assert!(page["note"].as_str().unwrap().contains(words), "{page}");
        assert_eq!((&page["format"], &page["text"], &page["bytes"]), (&json!("none"), &json!(""), &json!(8)));
        assert_eq!(page["headers"][0]["name"], "etag");
        assert_eq!(fetched(broken(), json!({"format": "base64"}))["text"], "bm9uc2Vuc2U=");
    }
}

#[test]
fn headers_that_tell_something_are_shown_and_others_are_not() {
    let headers =
        "content-type: text/plain\nset-cookie: session=1\nx-ratelimit-remaining: 3\nretry-after: 9\nx-trace: abc";
    let page = fetched(answer(429, headers, "slow down"), json!({}));
    let names: Vec<_> =
        page["headers"].as_array().unwrap().iter().map(|header| header["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["content-type", "x-ratelimit-remaining", "retry-after"]);
    assert_eq!((&page["status"], &page["text"]), (&json!(429), &json!("slow down")));
}
