//! Hosts that look like others.

/// Why the host of an address deserves a second look, if it does. An address is compared by a person with one that they know, so
/// everything is named by which two of them look alike and are not.
pub(super) fn suspicion(url: &str) -> Option<&'static str> {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after.split(['/', '?', '#', '\\']).next().unwrap_or(after);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.len() != authority.len() {
        return Some("a name stands before the host");
    }
    if !host.is_ascii() {
        return Some("letters that are not ASCII in the host");
    }
    let is_encoded = |label: &str| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    host.split('.').any(is_encoded).then_some("an encoded international name in the host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_looks_like_another_is_marked() {
        let marked = [
            "https://аpple.com/",
            "https://xn--pple-43d.com/login",
            "https://shop.XN--pple-43d.com",
            "https://bank.example@evil.example/",
            "https://exa\u{200b}mple.com",
        ];
        marked.iter().for_each(|url| assert!(suspicion(url).is_some(), "{url}"));
        for plain in ["https://example.com/ä?q=@", "http://[::1]:8080/x", "not a url", "https://example.com/a@b"] {
            assert_eq!(suspicion(plain), None, "{plain}");
        }
    }
}
