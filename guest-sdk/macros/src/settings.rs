//! The settings in `#[tool(…)]`, and what they say about each other.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Token, parenthesized};

use crate::hints::Hints;
use crate::name;
use crate::need::{Effect, Need};

/// Everything that `#[tool(…)]` may say.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) hints: Hints,
    pub(crate) needs: Vec<Need>,
}

impl Parse for Settings {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut settings = Settings::default();
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if seen.contains(&key.to_string()) {
                return Err(Error::new(key.span(), format!("`{key}` is set twice; merge the two")));
            }
            seen.push(key.to_string());
            settings.parse_one(&key, input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        settings.check_consistent()
    }
}

impl Settings {
    fn parse_one(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "name" => self.name = Some(parse_name(input)?),
            "title" => self.title = Some(parse_text(input)?.value()),
            "hints" => self.hints = parse_group(key, input)?.parse2(Hints::parse)?,
            "needs" => {
                let needs = parse_group(key, input)?.parse2(Punctuated::<Need, Token![,]>::parse_terminated)?;
                self.needs = needs.into_iter().collect();
            }
            "read_only" | "additive" | "destructive" | "idempotent" | "open_world" => {
                return Err(Error::new(key.span(), format!("`{key}` is a hint; write `hints({key})`")));
            }
            "read" | "write" | "network" => {
                return Err(Error::new(key.span(), format!("`{key}` is a need; write `needs({key}(\"…\", \"why\"))`")));
            }
            other => {
                return Err(Error::new(
                    key.span(),
                    format!("unknown setting `{other}`; use `name`, `title`, `hints` or `needs`"),
                ));
            }
        }
        Ok(())
    }

    fn check_consistent(mut self) -> syn::Result<Self> {
        let first = |effect: Effect| self.needs.iter().find(|need| need.effect == effect);
        if let (true, Some(write)) = (self.hints.read_only, first(Effect::Write)) {
            return Err(Error::new(write.span, "a `read_only` tool cannot need `write`; remove the hint or the need"));
        }
        self.hints.open_world |= first(Effect::Network).is_some();
        Ok(self)
    }
}

struct Group(proc_macro2::TokenStream);

impl Group {
    fn parse2<P: syn::parse::Parser>(self, parser: P) -> syn::Result<P::Output> {
        parser.parse2(self.0)
    }
}

fn parse_group(key: &Ident, input: ParseStream<'_>) -> syn::Result<Group> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(key.span(), format!("`{key}` is a list; write `{key}(…)`")));
    }
    let content;
    parenthesized!(content in input);
    Ok(Group(content.parse()?))
}

fn parse_text(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn parse_name(input: ParseStream<'_>) -> syn::Result<String> {
    let text = parse_text(input)?;
    let name = text.value();
    if !name::is_valid(&name) {
        let message = format!(
            "`{name}` is no tool name; use lower-case words joined by `-` or `_`, at most {} bytes",
            name::MAX_BYTES
        );
        return Err(Error::new(text.span(), message));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        syn::parse_str::<Settings>(source).err().unwrap().to_string()
    }

    #[test]
    fn all_settings_at_once() {
        let source = r#"name = "a-b", title = "T", hints(additive), needs(write("/**", "w"), network("*", "n")),"#;
        let settings: Settings = syn::parse_str(source).unwrap();
        assert_eq!((settings.name.as_deref(), settings.title.as_deref()), (Some("a-b"), Some("T")));
        assert_eq!(settings.needs.len(), 2);
        assert!(settings.hints.open_world, "a network need implies open_world");
    }

    #[test]
    fn mistakes_name_the_fix() {
        assert!(error("read_only").contains("write `hints(read_only)`"));
        assert!(error(r#"read("/**", "r")"#).contains("write `needs(read("));
        assert!(error("hints = 1").contains("write `hints(…)`"));
        assert!(error(r#"nam = "x""#).contains("unknown setting `nam`"));
        assert!(error(r#"name = "Bad Name""#).contains("`Bad Name` is no tool name"));
        assert!(error(r#"title = "a", title = "b""#).contains("set twice"));
        assert!(error(r#"hints(read_only), needs(write("/**", "w"))"#).contains("remove the hint or the need"));
    }
}
