//! `hints(…)`: what the author says of a tool's behaviour. Without a word the tool counts as one that destroys, so
//! forgetting a hint costs an approval and never a file.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Token};

/// The four facts of the WIT record `hints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(crate) read_only: bool,
    pub(crate) destructive: bool,
    pub(crate) idempotent: bool,
    pub(crate) open_world: bool,
}

impl Default for Hints {
    fn default() -> Self {
        Hints { read_only: false, destructive: true, idempotent: false, open_world: false }
    }
}

impl Parse for Hints {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut hints = Hints::default();
        let mut behaviour: Option<Ident> = None;
        for word in Punctuated::<Ident, Token![,]>::parse_terminated(input)? {
            match word.to_string().as_str() {
                "read_only" => (hints.read_only, hints.destructive) = (true, false),
                "additive" => hints.destructive = false,
                "destructive" => hints.destructive = true,
                "idempotent" => hints.idempotent = true,
                "open_world" => hints.open_world = true,
                other => return Err(unknown(&word, other)),
            }
            let excludes_others = matches!(word.to_string().as_str(), "read_only" | "additive" | "destructive");
            if excludes_others && let Some(earlier) = behaviour.replace(word.clone()) {
                return Err(Error::new(word.span(), format!("`{word}` contradicts `{earlier}`; keep one of them")));
            }
        }
        Ok(hints)
    }
}

fn unknown(word: &Ident, other: &str) -> Error {
    let message =
        format!("unknown hint `{other}`; use `read_only`, `additive` or `destructive`, and `idempotent`, `open_world`");
    Error::new(word.span(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        syn::parse_str::<Hints>(source).unwrap_err().to_string()
    }

    #[test]
    fn a_tool_destroys_unless_it_says_otherwise() {
        assert!(syn::parse_str::<Hints>("").unwrap().destructive);
        assert!(syn::parse_str::<Hints>("idempotent").unwrap().destructive);
        assert!(!syn::parse_str::<Hints>("additive").unwrap().destructive);
        let read_only = syn::parse_str::<Hints>("read_only, idempotent").unwrap();
        assert_eq!(read_only, Hints { read_only: true, destructive: false, idempotent: true, open_world: false });
    }

    #[test]
    fn contradictions_and_typos_name_the_fix() {
        assert_eq!(error("read_only, destructive"), "`destructive` contradicts `read_only`; keep one of them");
        assert!(error("readonly").contains("use `read_only`"));
    }
}
