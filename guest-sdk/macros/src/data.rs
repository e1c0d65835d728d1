//! `#[args]` and `#[output]`: the derives that a type at the border needs, with paths through the SDK, so that a tool
//! crate depends on the SDK alone. They add attributes only; the type stays as it was written.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields};

/// Which way the type crosses the border.
pub(crate) enum Direction {
    /// From the model to the tool.
    In,
    /// From the tool to the model.
    Out,
}

/// Adds the derives, or a compile error beside the untouched item so that later errors make sense.
pub(crate) fn expand(direction: &Direction, settings: TokenStream, item: TokenStream) -> TokenStream {
    let attempt = syn::parse2::<DeriveInput>(item.clone()).and_then(|input| attributes(direction, &settings, &input));
    match attempt {
        Ok(attributes) => quote!(#attributes #item),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#error #item)
        }
    }
}

fn attributes(direction: &Direction, settings: &TokenStream, input: &DeriveInput) -> syn::Result<TokenStream> {
    if !settings.is_empty() {
        return Err(Error::new_spanned(
            settings,
            "this attribute takes no settings; use `#[serde(…)]` and `#[schemars(…)]` below it",
        ));
    }
    let rename = match &input.data {
        Data::Enum(_) if !mentions(&input.attrs, "rename_all") => quote!(#[serde(rename_all = "snake_case")]),
        _ => TokenStream::new(),
    };
    let strict = match direction {
        Direction::In if refuses_unknown_fields(input)? => quote!(#[serde(deny_unknown_fields)]),
        _ => TokenStream::new(),
    };
    let derive = match direction {
        Direction::In => quote!(::toolhold_sdk::serde::Deserialize),
        Direction::Out => quote!(::toolhold_sdk::serde::Serialize),
    };
    Ok(quote! {
        #[derive(#derive, ::toolhold_sdk::schemars::JsonSchema)]
        #[serde(crate = "::toolhold_sdk::serde")]
        #[schemars(crate = "::toolhold_sdk::schemars")]
        #rename
        #strict
    })
}

/// Whether `deny_unknown_fields` is to be added: it is not where it stands already or where there are no named fields.
fn refuses_unknown_fields(input: &DeriveInput) -> syn::Result<bool> {
    if mentions(&input.attrs, "deny_unknown_fields") {
        return Ok(false);
    }
    match &input.data {
        Data::Struct(data) => Ok(matches!(data.fields, Fields::Named(_))),
        Data::Enum(data) => Ok(data.variants.iter().any(|variant| matches!(variant.fields, Fields::Named(_)))),
        Data::Union(data) => {
            Err(Error::new_spanned(data.union_token, "a union cannot cross the border; use a struct or an enum"))
        }
    }
}

fn mentions(attributes: &[Attribute], key: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("serde")).any(|attribute| {
        let mut found = false;
        // A malformed `#[serde(…)]` is reported by serde's own derive.
        let parsed = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident(key);
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
        parsed.is_ok() && found
    })
}
