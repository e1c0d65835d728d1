//! The kinds of string in grants of requests and in secrets.

use http::HeaderName;
use ipnet::IpNet;

use crate::grant::http::{HostError, HostPattern, Method, PathPatterns, Scheme};
use crate::id::SecretName;
use crate::manifest::problem::{Code, suggest};

use super::{Complaint, NAME, NAME_HELP, Text, complain, shown};

/// Headers that belong to the connection or to the sender itself.
const NOT_GRANTED: [HeaderName; 9] = [
    http::header::CONNECTION,
    http::header::CONTENT_LENGTH,
    http::header::EXPECT,
    http::header::HOST,
    http::header::PROXY_AUTHORIZATION,
    http::header::TE,
    http::header::TRAILER,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
];

pub(in crate::manifest) static HOST: Text = Text {
    what: "a host",
    pattern: r"^(\*|(\*\.)?[a-z0-9._-]+|\[?[0-9a-f:.]+\]?)$",
    check: |text| {
        HostPattern::parse(text).map(drop).or_else(|error| {
            let help = match &error {
                HostError::Spelling(_) => String::new(),
                _ => "write `api.example.com`, or `*.example.com` for every host below it".to_owned(),
            };
            complain(Code::Http, format!("{} is not a usable host: {error}", shown(text)), &help)
        })
    },
};

pub(in crate::manifest) static SCHEME: Text = Text {
    what: "`https` or `http`",
    pattern: "^https?$",
    check: |text| match scheme(text) {
        Some(_) => Ok(()),
        None => complain(
            Code::Http,
            format!("{} is not a scheme that can be granted", shown(text)),
            "write `https`, or `http` for requests that everybody on the way can read",
        ),
    },
};

/// Reads a scheme.
pub(in crate::manifest) fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::Https, Scheme::Http].into_iter().find(|scheme| scheme.as_str() == text)
}

pub(in crate::manifest) static METHOD: Text = Text {
    what: "a method",
    pattern: "^(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE)$",
    check: |text| {
        text.parse::<Method>().map(drop).map_err(|_| {
            let upper = text.to_ascii_uppercase();
            let words = Method::ALL.map(Method::as_str);
            let help = match upper.parse::<Method>() {
                Ok(method) => Some(format!("methods are in capitals: `{}`", method.as_str())),
                Err(_) => suggest(&upper, words, "it is one of"),
            };
            let message = format!("{} is not a method that can be granted", shown(text));
            Complaint { code: Code::Http, message, help }
        })
    },
};

pub(in crate::manifest) static URL_PATH: Text = Text {
    what: "a pattern over URL paths",
    pattern: "^/",
    check: |text| {
        let help = "patterns are over decoded paths, without query: `/v1/**`, `/*.json`, `/` alone";
        PathPatterns::new([text]).map(drop).or_else(|(_, error)| {
            complain(Code::Glob, format!("{} is not a usable pattern: {error}", shown(text)), help)
        })
    },
};

pub(in crate::manifest) static ADDRESSES: Text = Text {
    what: "a range of addresses",
    pattern: "^[0-9a-f:.]+/[0-9]{1,3}$",
    check: |text| match text.parse::<IpNet>() {
        Ok(range) if range.trunc() == range => Ok(()),
        Ok(range) => complain(
            Code::Http,
            format!("{} names one address and means many", shown(text)),
            &format!(
                "write `{}` for the range, or `{}/{}` for the one",
                range.trunc(),
                range.addr(),
                range.max_prefix_len()
            ),
        ),
        Err(_) => complain(
            Code::Http,
            format!("{} is not a range of addresses", shown(text)),
            "write `10.0.0.0/8`, `127.0.0.1/32` or `fd00::/8`",
        ),
    },
};

pub(in crate::manifest) static HEADER: Text = Text {
    what: "the name of a header",
    pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    check: |text| match text.parse::<HeaderName>() {
        Ok(name) if NOT_GRANTED.contains(&name) => {
            complain(Code::Http, format!("the header {} is set by the sender itself", shown(text)), "use another one")
        }
        Ok(_) => Ok(()),
        Err(_) => complain(
            Code::Http,
            format!("{} is not the name of a header", shown(text)),
            "write a name such as `authorization`; what stands before the value goes into `prefix`",
        ),
    },
};

pub(in crate::manifest) static SECRET: Text = Text {
    what: "the name of a secret",
    pattern: NAME,
    check: |text| {
        text.parse::<SecretName>()
            .map(drop)
            .or_else(|_| complain(Code::Name, format!("{} is not the name of a secret", shown(text)), NAME_HELP))
    },
};

pub(in crate::manifest) static PREFIX: Text = Text {
    what: "a text of printable ASCII",
    pattern: "^[ -~]*$",
    check: |text| match text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.len() <= 100 {
        true => Ok(()),
        false => complain(Code::Secret, "no header can hold this prefix", "write something like `\"Bearer \"`"),
    },
};

pub(in crate::manifest) static QUERY: Text = Text {
    what: "the name of a query parameter",
    pattern: "^.+$",
    check: |text| match text.is_empty() || text.chars().any(char::is_control) || text.len() > 100 {
        false => Ok(()),
        true => complain(Code::Secret, format!("{} is not the name of a query parameter", shown(text)), ""),
    },
};

pub(in crate::manifest) static BASIC_USER: Text = Text {
    what: "a user for basic authentication",
    pattern: "^[^:]*$",
    check: |text| match text.contains(':') || text.chars().any(char::is_control) || text.len() > 200 {
        false => Ok(()),
        true => complain(
            Code::Secret,
            format!("{} is not a user: the secret is the password, and a user holds no `:`", shown(text)),
            "",
        ),
    },
};

pub(in crate::manifest) static SECRET_FILE: Text =
    Text { what: "a file", pattern: "^[^~].*$", check: super::host_path };

pub(in crate::manifest) static ARGUMENT: Text = Text {
    what: "a part of a command",
    pattern: "",
    check: |text| match text.contains('\0') {
        false => Ok(()),
        true => complain(Code::Secret, "a part of a command holds a NUL", ""),
    },
};

pub(in crate::manifest) static KEYRING: Text = Text {
    what: "a service and a user in the keyring",
    pattern: "^[^/]+/.+$",
    check: |text| match text.split_once('/') {
        Some((service, user)) if !service.is_empty() && !user.is_empty() && !text.chars().any(char::is_control) => {
            Ok(())
        }
        _ => complain(Code::Secret, format!("{} is not an entry of the keyring", shown(text)), "write `service/user`"),
    },
};
