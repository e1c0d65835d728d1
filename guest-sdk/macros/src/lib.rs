//! The attributes of `toolhold-sdk`, re-exported there with their documentation.
//!
//! They translate what an author wrote into impls of the SDK's traits and nothing else: no file is read, no environment
//! is asked, so a build is reproducible. Every mistake that can be seen here is a compile error that names its fix.

mod data;
mod docs;
mod expand;
mod function;
mod hints;
mod name;
mod need;
mod settings;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes a tool of a function.
///
/// The doc comment is what the model reads; its first line is also the title. Parameters become the arguments:
///
/// * one parameter named `args` is a struct with named fields, marked with `#[args]`;
/// * otherwise each parameter is one argument, its doc comment the description, `Option` means "may be left out".
///
/// # Settings
///
/// ```text
/// #[tool(
///     name = "word-count",                    // default: the function's name
///     title = "Count words",                  // default: first line of the doc comment
///     hints(read_only, idempotent),           // read_only | additive | destructive, idempotent, open_world
///     needs(read("/**", "reads the file it is asked for"), network("https://api.example.com", "asks for rates")),
/// )]
/// ```
///
/// A tool that is neither `read_only` nor `additive` (writes, but never deletes or overwrites) counts as destructive.
#[proc_macro_attribute]
pub fn tool(settings: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    let settings = parse_macro_input!(settings as settings::Settings);
    expand::tool(settings, function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct or enum usable as arguments: `Deserialize` and `JsonSchema`, unknown fields refused.
///
/// Variants of an enum are spelled in `snake_case` unless `#[serde(rename_all = "…")]` says otherwise.
#[proc_macro_attribute]
pub fn args(settings: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(&data::Direction::In, settings.into(), item.into()).into()
}

/// Makes a struct or enum usable as a result: `Serialize` and `JsonSchema`.
///
/// Variants of an enum are spelled in `snake_case` unless `#[serde(rename_all = "…")]` says otherwise.
#[proc_macro_attribute]
pub fn output(settings: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(&data::Direction::Out, settings.into(), item.into()).into()
}
