//! The kinds of string in tables of models.

use crate::base_url::BaseUrl;
use crate::cost::Price;
use crate::id::ModelName;
use crate::manifest::problem::Code;

use super::{Text, complain, shown};

/// The longest addition to a prompt, in bytes.
const PROMPT_BYTES: usize = 16 << 10;

pub(in crate::manifest) static NAME: Text = Text {
    what: "the name of a model",
    pattern: super::NAME,
    check: |text| {
        text.parse::<ModelName>()
            .map(drop)
            .or_else(|_| complain(Code::Name, format!("{} is not the name of a model", shown(text)), super::NAME_HELP))
    },
};

pub(in crate::manifest) static MODEL: Text = Text {
    what: "a provider's name for a model",
    pattern: "^[!-~]{1,200}$",
    check: |text| match (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => complain(
            Code::Model,
            format!("{} is not a provider's name for a model", shown(text)),
            "use 1 to 200 printable ASCII characters without spaces",
        ),
    },
};

pub(in crate::manifest) static BASE_URL: Text = Text {
    what: "a base URL",
    pattern: "^https?://",
    check: |text| match text.parse::<BaseUrl>() {
        Ok(_) => Ok(()),
        Err(error) => complain(
            Code::Model,
            format!("`{}` is no base URL: {}", error.url, error.reason),
            "write one such as `http://127.0.0.1:8080/v1`",
        ),
    },
};

pub(in crate::manifest) static PRICE: Text = Text {
    what: "a price",
    pattern: r"^[0-9]{1,7}(\.[0-9]{1,6})?$",
    check: |text| match text.parse::<Price>() {
        Ok(_) => Ok(()),
        Err(_) => complain(
            Code::Model,
            format!("{} is not a price", shown(text)),
            "write dollars per million tokens with up to six decimals, such as `2.50`",
        ),
    },
};

pub(in crate::manifest) static PROMPT: Text = Text {
    what: "instructions",
    pattern: "[^ ]",
    check: |text| {
        let is_odd = |char: char| char.is_control() && !matches!(char, '\n' | '\t');
        if text.trim().is_empty() {
            return complain(Code::Empty, "this text is empty", "say something or leave the key out");
        }
        if text.len() > PROMPT_BYTES || text.chars().any(is_odd) {
            return complain(
                Code::Model,
                format!("these instructions are longer than {PROMPT_BYTES} bytes or hold control characters"),
                "",
            );
        }
        Ok(())
    },
};
