//! The kinds of string in a manifest and what each must look like.

pub(super) mod approvals;
pub(super) mod http;
pub(super) mod model;
pub(super) mod signing;

use crate::grant::{Clock, Patterns, Random};
use crate::id::{ComponentName, Label, LocalName, ToolName};
use crate::listing;
use crate::origin::Origin;
use crate::rate::Rate;

use super::problem::Code;
use super::tool_pattern::{self, ToolPattern};

/// A kind of string.
#[derive(Debug)]
pub struct Text {
    /// What it is, such as "a guest path".
    pub what: &'static str,
    /// What an editor can check: a regular expression that all good ones match.
    pub pattern: &'static str,
    /// The whole check.
    pub(super) check: fn(&str) -> Result<(), Complaint>,
}

/// Why a string is not of its kind. The checker adds the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

fn complain<T>(code: Code, message: impl Into<String>, help: &str) -> Result<T, Complaint> {
    Err(Complaint { code, message: message.into(), help: (!help.is_empty()).then(|| help.to_owned()) })
}

/// The text in backticks; an empty one would not be seen.
fn shown(text: &str) -> String {
    if text.is_empty() {
        "an empty text".to_owned()
    } else {
        format!("`{}`", text.chars().take(100).collect::<String>())
    }
}

const NAME: &str = "^[a-z][a-z0-9]*([-_][a-z0-9]+)*$";
const NAME_HELP: &str = "use lower-case letters, digits, and single `-` or `_` between them, beginning with a letter";

pub(super) static COMPONENT: Text = Text {
    what: "a component name",
    pattern: NAME,
    check: |text| {
        text.parse::<ComponentName>()
            .map(drop)
            .or_else(|_| complain(Code::Name, format!("{} is not a component name", shown(text)), NAME_HELP))
    },
};

pub(super) static LOCAL: Text = Text {
    what: "a tool name without its component",
    pattern: NAME,
    check: |text| {
        text.parse::<LocalName>().map(drop).or_else(|_| {
            complain(Code::Name, format!("{} is not the name of a tool within its component", shown(text)), NAME_HELP)
        })
    },
};

pub(super) static OF_SERVER: Text = Text {
    what: "a tool of the server, by the name that it has here",
    pattern: NAME,
    check: |text| {
        text.parse::<LocalName>().map(drop).or_else(|_| {
            let message = format!("{} is not the name of a tool here", shown(text));
            match listing::local(text) {
                Some(here) => {
                    complain(Code::Name, message, &format!("what the server calls so is `{here}` here: write that"))
                }
                None => {
                    complain(Code::Name, message, "write the name that `toolhold tools` shows, without the component")
                }
            }
        })
    },
};

pub(super) static LABEL: Text = Text {
    what: "a label",
    pattern: NAME,
    check: |text| {
        text.parse::<Label>()
            .map(drop)
            .or_else(|_| complain(Code::Name, format!("{} is not a label", shown(text)), NAME_HELP))
    },
};

pub(super) static RULE_NAME: Text = Text { what: "a rule name", pattern: "^.+$", check: |text| bounded(text, 100) };

pub(super) static SENTENCE: Text = Text { what: "a sentence", pattern: "^.+$", check: |text| bounded(text, 500) };

pub(super) static DESCRIPTION: Text = Text {
    what: "a description",
    pattern: "",
    check: |text| {
        let unwanted = |char: char| char.is_control() && !matches!(char, '\n' | '\t');
        if text.trim().is_empty() || text.len() > 4 << 10 || text.chars().any(unwanted) {
            return complain(
                Code::Name,
                "this description is empty, longer than 4 KiB or holds control characters",
                "say in a few lines what the tool does and when it is of use",
            );
        }
        Ok(())
    },
};

pub(super) static ENTRY: Text = Text {
    what: "a text for a program",
    pattern: "",
    check: |text| {
        if text.len() > 32 << 10 || text.contains('\0') {
            return complain(Code::Command, "this text is longer than 32 KiB or holds a NUL", "");
        }
        Ok(())
    },
};

fn bounded(text: &str, most: usize) -> Result<(), Complaint> {
    if text.trim().is_empty() {
        return complain(Code::Empty, "this text is empty", "say something or leave the key out");
    }
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return complain(
            Code::Name,
            "this text is too long or holds control characters",
            &format!("use one line of at most {most} characters"),
        );
    }
    Ok(())
}

pub(super) static SOURCE: Text = Text {
    what: "a component's source",
    pattern: "^[^~].*$",
    check: |text| match Origin::parse(text) {
        Ok(Origin::File(path)) => host_path(&path),
        Ok(_) => Ok(()),
        Err(error) => complain(
            Code::HostPath,
            error.to_string(),
            "give the path of a file relative to the manifest, `oci://HOST/REPOSITORY:TAG`, `https://…` or `mcp:…`",
        ),
    },
};

pub(super) static HOST_PATH: Text = Text { what: "a host directory", pattern: "^[^~].*$", check: host_path };

fn host_path(text: &str) -> Result<(), Complaint> {
    let fail = |message: &str, help: &str| complain(Code::HostPath, message, help);
    match text {
        "" => fail("this path is empty", "the directory of the manifest itself is `.`"),
        _ if text.starts_with('~') => {
            fail("`~` is not expanded", "give an absolute path or one relative to the manifest")
        }
        _ if text.contains("${") || text.starts_with('$') => {
            fail("variables are not expanded", "give an absolute path or one relative to the manifest")
        }
        _ if text.chars().any(char::is_control) => fail("this path holds a control character", ""),
        _ => Ok(()),
    }
}

pub(super) static GUEST_PATH: Text = Text { what: "a guest path", pattern: "^(/[^/]+)+$", check: guest_path };

fn guest_path(text: &str) -> Result<(), Complaint> {
    let fail = |message: String, help: &str| complain(Code::GuestPath, message, help);
    let Some(rest) = text.strip_prefix('/') else {
        return fail(format!("{} is not an absolute guest path", shown(text)), "begin it with `/`, as in `/work`");
    };
    match rest {
        "" => return fail("a directory cannot be the guest's root itself".into(), "give it a name, as in `/work`"),
        _ if text.len() > 1024 => return fail("this guest path is longer than 1,024 bytes".into(), ""),
        _ => {}
    }
    match rest.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some("") => {
            fail(format!("the guest path `{text}` has an empty part"), "write it without a trailing or double `/`")
        }
        Some(dots) => fail(format!("the guest path `{text}` has a part `{dots}`"), "write the path that it leads to"),
        None if text.chars().any(char::is_control) => fail("this guest path holds a control character".into(), ""),
        None => Ok(()),
    }
}

pub(super) static GLOB: Text = Text {
    what: "a path pattern",
    pattern: "^[^/].*$",
    check: |text| {
        let help = "patterns are relative to the directory: `**`, `notes/**`, `**/*.md`";
        Patterns::new([text]).map(drop).or_else(|(_, error)| {
            complain(Code::Glob, format!("{} is not a usable pattern: {error}", shown(text)), help)
        })
    },
};

pub(super) static ENV_NAME: Text = Text {
    what: "the name of an environment variable",
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    check: |text| {
        let known = |(index, byte): (usize, u8)| {
            byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
        };
        if (1..=128).contains(&text.len()) && text.bytes().enumerate().all(known) {
            return Ok(());
        }
        complain(
            Code::Env,
            format!("{} is not the name of an environment variable", shown(text)),
            "use letters, digits and `_`, not beginning with a digit",
        )
    },
};

pub(super) static ENV_VALUE: Text = Text {
    what: "the value of an environment variable",
    pattern: "",
    check: |text| {
        if text.len() > 32 * 1024 || text.contains('\0') {
            return complain(Code::Env, "this value is longer than 32 KiB or holds a NUL", "");
        }
        Ok(())
    },
};

pub(super) static CLOCK: Text = Text {
    what: "a clock",
    pattern: "^(host|fixed:.+)$",
    check: |text| {
        let help = "write `host`, or `fixed:` and an instant such as `fixed:2026-01-31T12:00:00Z`";
        clock(text)
            .map(drop)
            .map_or_else(|| complain(Code::Instant, format!("{} is not a clock", shown(text)), help), Ok)
    },
};

/// Reads a clock.
pub(super) fn clock(text: &str) -> Option<Clock> {
    if text == "host" {
        return Some(Clock::Host);
    }
    let instant = humantime::parse_rfc3339(text.strip_prefix("fixed:")?).ok()?;
    let since = instant.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Clock::Fixed(u64::try_from(since.as_nanos()).ok()?))
}

pub(super) static RANDOM: Text = Text {
    what: "a source of randomness",
    pattern: "^(host|seed:[0-9]+)$",
    check: |text| {
        let help = "write `host`, or `seed:` and a number such as `seed:42`";
        random(text)
            .map(drop)
            .map_or_else(|| complain(Code::Instant, format!("{} is not a source of randomness", shown(text)), help), Ok)
    },
};

/// Reads a source of randomness.
pub(super) fn random(text: &str) -> Option<Random> {
    match text {
        "host" => Some(Random::Host),
        _ => text
            .strip_prefix("seed:")
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?
            .parse()
            .ok()
            .map(Random::Seeded),
    }
}

pub(super) static TOOL_PATTERN: Text = Text {
    what: "a pattern over tool names",
    pattern: r"^(\*|[a-z0-9_*-]+\.[a-z0-9_*-]+)$",
    check: |text| {
        let help = match ToolPattern::parse(text) {
            Ok(_) => return Ok(()),
            Err(tool_pattern::Error::Character(_)) => {
                "names are of lower-case letters, digits, `-` and `_`; `*` stands for any of them".to_owned()
            }
            Err(tool_pattern::Error::Parts) if text.parse::<ComponentName>().is_ok() => {
                format!("write `{text}.*` for all tools of the component")
            }
            Err(tool_pattern::Error::Parts) => "write `component.tool`, `component.*` or `*`".to_owned(),
        };
        complain(Code::ToolPattern, format!("{} is not a pattern over tool names", shown(text)), &help)
    },
};

pub(super) static TOOL_NAME: Text = Text {
    what: "the name of a tool",
    pattern: r"^[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*$",
    check: |text| {
        text.parse::<ToolName>().map(drop).or_else(|_| {
            complain(Code::Name, format!("{} is not the name of a tool", shown(text)), "write `component.tool`")
        })
    },
};

pub(super) static RATE: Text = Text {
    what: "a rate of calls",
    pattern: "^[0-9]+/(s|m|min|h|d)$",
    check: |text| {
        text.parse::<Rate>().map(drop).or_else(|error| {
            let help = "write it like `30/m`: calls, and a second, minute, hour or day";
            complain(Code::Amount, format!("{} is not a rate: {error}", shown(text)), help)
        })
    },
};

/// Characters that are not seen, or that make what is seen differ from what is read.
pub(super) fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}' | '\u{061c}')
}
