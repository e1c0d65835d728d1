//! `needs(read("/glob", "why"), …)`: the ceiling of what an operator can grant. Targets are checked here, because a
//! pattern that matches nothing is otherwise found only by the first person who is denied.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Token, parenthesized};

/// The WIT enum `effect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
    Network,
}

/// One declared need.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) effect: Effect,
    pub(crate) target: String,
    pub(crate) reason: String,
    pub(crate) span: Span,
}

impl Parse for Need {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word: Ident = input.parse()?;
        let effect = effect(&word)?;
        if !input.peek(syn::token::Paren) {
            return Err(Error::new(
                word.span(),
                format!("say what and why: `{word}(\"…\", \"one line for the person who grants it\")`"),
            ));
        }
        let content;
        parenthesized!(content in input);
        let target: LitStr = content.parse()?;
        if content.is_empty() {
            return Err(Error::new(target.span(), "a need has a reason: add one line for the person who grants it"));
        }
        content.parse::<Token![,]>()?;
        let reason: LitStr = content.parse()?;
        content.parse::<Option<Token![,]>>()?;
        if !content.is_empty() {
            return Err(content.error("a need is a target and a reason, nothing else"));
        }
        check_target(effect, &target)?;
        check_reason(&reason)?;
        Ok(Need { effect, target: target.value(), reason: reason.value(), span: word.span() })
    }
}

impl Need {
    /// The need as a value of the SDK's static form.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (target, reason) = (&self.target, &self.reason);
        let effect = match self.effect {
            Effect::Read => quote!(Read),
            Effect::Write => quote!(Write),
            Effect::Network => quote!(Network),
        };
        quote!((::toolhold_sdk::Effect::#effect, #target, #reason))
    }
}

fn effect(word: &Ident) -> syn::Result<Effect> {
    match word.to_string().as_str() {
        "read" => Ok(Effect::Read),
        "write" => Ok(Effect::Write),
        "network" => Ok(Effect::Network),
        other => Err(Error::new(word.span(), format!("unknown need `{other}`; use `read`, `write` or `network`"))),
    }
}

fn check_target(effect: Effect, target: &LitStr) -> syn::Result<()> {
    let text = target.value();
    let problem = match effect {
        Effect::Network => origin_problem(&text),
        Effect::Read | Effect::Write => glob_problem(&text),
    };
    problem.map_or(Ok(()), |problem| Err(Error::new(target.span(), problem)))
}

fn glob_problem(glob: &str) -> Option<String> {
    if !glob.starts_with('/') {
        return Some(format!(
            "`{glob}` is not a guest path; start it with `/`, for example `/{}`",
            glob.trim_start_matches("./")
        ));
    }
    if glob.split('/').any(|part| part == "..") {
        return Some(format!("`{glob}` contains `..`; name the directory itself"));
    }
    None
}

fn origin_problem(origin: &str) -> Option<String> {
    if origin == "*" {
        return None;
    }
    let Some(host) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return Some(format!("`{origin}` is not an origin; write `https://{origin}`, or `*` for any"));
    };
    // A port of `*` is any port.
    let name = host.strip_suffix(":*").unwrap_or(host).trim_start_matches("*.");
    if name.is_empty() || name.contains(['/', '?', '#', '@', '*']) {
        return Some(format!(
            "`{origin}` is not an origin; write scheme and host only, such as `https://api.example.com` or `https://*.example.com`"
        ));
    }
    None
}

fn check_reason(reason: &LitStr) -> syn::Result<()> {
    let text = reason.value();
    if text.trim().is_empty() || text.contains('\n') {
        return Err(Error::new(reason.span(), "a reason is one line, for the person who grants the need"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        syn::parse_str::<Need>(source).unwrap_err().to_string()
    }

    #[test]
    fn a_need_is_an_effect_a_target_and_a_reason() {
        let need = syn::parse_str::<Need>(r#"read("/work/*.md", "reads notes")"#).unwrap();
        assert_eq!(
            (need.effect, need.target.as_str(), need.reason.as_str()),
            (Effect::Read, "/work/*.md", "reads notes")
        );
        for origin in
            ["*", "https://api.example.com", "http://localhost:8080", "http://localhost:*", "https://*.example.com"]
        {
            assert_eq!(origin_problem(origin), None, "{origin}");
        }
    }

    #[test]
    fn mistakes_name_the_fix() {
        assert!(error(r#"read("work/**", "why")"#).contains("for example `/work/**`"));
        assert!(error(r#"write("/a/../b", "why")"#).contains("contains `..`"));
        assert!(error(r#"read("/**")"#).contains("a need has a reason"));
        assert!(error(r#"read("/**", " ")"#).contains("a reason is one line"));
        assert!(error(r#"network("api.example.com", "why")"#).contains("write `https://api.example.com`"));
        assert!(error(r#"network("https://a.example/path", "why")"#).contains("scheme and host only"));
        assert!(error(r#"exec("/bin/sh", "why")"#).contains("use `read`, `write` or `network`"));
        assert!(error("read").contains("say what and why"));
    }
}
