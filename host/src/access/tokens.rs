//! The tokens of a server, as they are kept: names, roles, hashes. Pure: files and clocks are elsewhere.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use toolhold_core::id::Digest;

use super::role::Role;

/// The only version of the file.
const VERSION: u32 = 1;

/// More are not kept: each request is compared with all of them.
const MOST: usize = 256;

/// Longest name, in bytes.
const LONGEST_NAME: usize = 64;

/// What a token is called. It says who asks, in the audit and on the console.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = TokensError;

    fn from_str(text: &str) -> Result<Self, TokensError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        match (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(TokensError::Name),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A token, without what its holder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is called.
    pub name: Name,
    /// What its holder may do.
    pub role: Role,
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is worth nothing.
    pub expires: Option<Timestamp>,
}

impl Token {
    /// Whether it is worth anything at that time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// What can be wrong with tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// It is no name.
    #[error("a token's name is 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`")]
    Name,
    /// Another one has the name.
    #[error("there is a token `{0}` already: revoke it first, or use another name")]
    Taken(Name),
    /// None has the name.
    #[error("there is no token `{0}`: `toolhold tokens list` shows those that there are")]
    Missing(String),
    /// There are too many.
    #[error("there are {MOST} tokens already: revoke one that nobody needs")]
    TooMany,
    /// The text is not what the file has.
    #[error("{0}")]
    Malformed(String),
}

/// All tokens of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// It is not TOML, not of this version, or has a word, a name, a time or a role that there is not.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let written: Written = toml::from_str(text).map_err(|error| TokensError::Malformed(error.to_string()))?;
        if written.version != VERSION {
            let why = format!("version {} is not known; this toolhold reads version {VERSION}", written.version);
            return Err(TokensError::Malformed(why));
        }
        let mut tokens = Self::default();
        for token in written.tokens {
            tokens.add(token.read()?)?;
        }
        Ok(tokens)
    }

    /// The text of a file with these.
    ///
    /// # Errors
    ///
    /// Never, unless the form of the file cannot be written.
    pub fn render(&self) -> Result<String, TokensError> {
        let tokens = self.0.iter().map(WrittenToken::of).collect();
        let text = toml::to_string(&Written { version: VERSION, tokens });
        let text = text.map_err(|error| TokensError::Malformed(error.to_string()))?;
        Ok(format!("# Written by `toolhold tokens`. What is in here opens nothing: these are hashes.\n{text}"))
    }

    /// Adds one.
    ///
    /// # Errors
    ///
    /// Its name is taken, or there are too many.
    pub fn add(&mut self, token: Token) -> Result<(), TokensError> {
        if self.0.iter().any(|known| known.name == token.name) {
            return Err(TokensError::Taken(token.name));
        }
        if self.0.len() >= MOST {
            return Err(TokensError::TooMany);
        }
        self.0.push(token);
        Ok(())
    }

    /// Removes the one of that name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn remove(&mut self, name: &str) -> Result<Token, TokensError> {
        let place = self.0.iter().position(|token| token.name.as_str() == name);
        place.map(|place| self.0.remove(place)).ok_or_else(|| TokensError::Missing(name.to_owned()))
    }

    /// The valid one whose text has this digest.
    ///
    /// Every token is compared, in whole and without a branch: how long it takes says nothing of any of them.
    #[must_use]
    pub fn find(&self, digest: &Digest, now: Timestamp) -> Option<&Token> {
        let mut place = u32::MAX;
        for (index, token) in (0..).zip(&self.0) {
            let same: Choice = token.digest.as_bytes().as_slice().ct_eq(digest.as_bytes().as_slice());
            place.conditional_assign(&index, same);
        }
        let found = usize::try_from(place).ok().and_then(|place| self.0.get(place));
        found.filter(|token| token.is_valid(now))
    }

    /// Each of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    tokens: Vec<WrittenToken>,
}

/// One token in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToken {
    name: String,
    role: Role,
    digest: Digest,
    created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl WrittenToken {
    fn of(token: &Token) -> Self {
        Self {
            name: token.name.to_string(),
            role: token.role,
            digest: token.digest,
            created: token.created.to_string(),
            expires: token.expires.map(|expires| expires.to_string()),
        }
    }

    fn read(self) -> Result<Token, TokensError> {
        let time = |text: &str| {
            let wrong =
                |error| TokensError::Malformed(format!("`{text}` of token `{}` is no time: {error}", self.name));
            text.parse::<Timestamp>().map_err(wrong)
        };
        Ok(Token {
            name: self.name.parse()?,
            role: self.role,
            digest: self.digest,
            created: time(&self.created)?,
            expires: self.expires.as_deref().map(time).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn token(name: &str, text: &str) -> Token {
        let (name, digest) = (name.parse().unwrap(), Digest::of(text.as_bytes()));
        Token { name, role: Role::Run, digest, created: NOW, expires: None }
    }

    fn two() -> Tokens {
        let mut tokens = Tokens::default();
        tokens.add(token("one", "th_1")).unwrap();
        tokens.add(Token { expires: Some(Timestamp::from_second(60).unwrap()), ..token("two", "th_2") }).unwrap();
        tokens
    }

    #[test]
    fn a_token_is_found_by_the_whole_of_its_text_and_by_nothing_else() {
        let tokens = two();
        let find = |text: &str| tokens.find(&Digest::of(text.as_bytes()), NOW).map(|token| token.name.to_string());
        assert_eq!((find("th_1").as_deref(), find("th_2").as_deref()), (Some("one"), Some("two")));
        for wrong in ["th_", "th_11", "th_1 ", "TH_1", "", "one"] {
            assert_eq!(find(wrong), None, "{wrong}");
        }
        // One that differs in its first or in its last bit only.
        for bit in [0, 255] {
            let mut bytes = *Digest::of(b"th_1").as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tokens.find(&Digest::from_bytes(bytes), NOW), None);
        }
    }

    #[test]
    fn a_token_ends_at_the_second_that_was_said() {
        let (tokens, digest) = (two(), Digest::of(b"th_2"));
        assert!(tokens.find(&digest, Timestamp::from_second(59).unwrap()).is_some());
        assert!(tokens.find(&digest, Timestamp::from_second(60).unwrap()).is_none());
    }

    #[test]
    fn what_is_written_is_what_is_read_and_holds_no_secret() {
        let text = two().render().unwrap();
        assert_eq!(Tokens::parse(&text).unwrap(), two());
        assert!(!text.contains("th_1"), "{text}");
    }

    #[test]
    fn a_removed_token_is_found_no_more() {
        let mut tokens = two();
        assert_eq!(tokens.remove("one").unwrap().name.as_str(), "one");
        assert_eq!(tokens.find(&Digest::of(b"th_1"), NOW), None);
        assert_eq!(tokens.remove("one"), Err(TokensError::Missing("one".into())));
        assert_eq!(tokens.find(&Digest::of(b"th_2"), NOW).unwrap().name.as_str(), "two");
    }

    #[test]
    fn what_is_wrong_is_refused_as_a_whole() {
        let good = two().render().unwrap();
        let cases = [
            (good.replace("version = 1", "version = 2"), "version 2 is not known"),
            (good.replace("role = \"run\"", "role = \"root\""), "unknown variant `root`"),
            (good.replace("name = \"two\"", "name = \"one\""), "there is a token `one` already"),
            (good.replace("name = \"two\"", "name = \"a b\""), "a token's name is"),
            (good.replace("1970-01-01T00:01:00Z", "tomorrow"), "`tomorrow` of token `two` is no time"),
            (good.replace("created", "made"), "unknown field `made`"),
            (good.replace("sha256:", "sha1:"), "digest"),
            ("tokens = 3".to_owned(), "invalid type"),
        ];
        for (text, why) in cases {
            let error = Tokens::parse(&text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}\n{text}");
        }
    }

    #[test]
    fn there_is_an_end_of_tokens() {
        let mut tokens = Tokens::default();
        for number in 0..MOST {
            tokens.add(token(&number.to_string(), &format!("th_{number}"))).unwrap();
        }
        assert_eq!(tokens.add(token("more", "th_more")), Err(TokensError::TooMany));
    }
}
