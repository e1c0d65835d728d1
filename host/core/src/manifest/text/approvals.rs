//! The kinds of string in `[approvals]`.

use crate::manifest::approvals::webhook_url;
use crate::manifest::problem::Code;

use super::{Text, complain, shown};

pub(in crate::manifest) static URL: Text = Text {
    what: "the address of a webhook",
    pattern: "^https?://",
    check: |text| {
        webhook_url(text).map(drop).or_else(|why| {
            let help =
                "write `https://…`; `http://` is for addresses of this machine, and what is secret comes from `secret`";
            complain(Code::Approval, format!("this is not the address of a webhook: {why}"), help)
        })
    },
};

pub(in crate::manifest) static CLIENT: Text = Text {
    what: "the name of a client",
    pattern: "^[!-~]([ -~]{0,98}[!-~])?$",
    check: |text| match (1..=100).contains(&text.len())
        && text.trim() == text
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    {
        true => Ok(()),
        false => complain(
            Code::Approval,
            format!("{} is not the name of a client", shown(text)),
            "write the name that the client gives itself: at most 100 printable ASCII characters",
        ),
    },
};
