//! What `#[tool]` turns a function into: the function itself, unchanged and callable, and an empty enum of the same name
//! that implements `Tool`. Types and functions live in different namespaces, so `component!(word_count)` finds the enum
//! where the function was imported from.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Error, ItemFn};

use crate::function::{self, Arguments, Field, Returns};
use crate::settings::Settings;
use crate::{docs, name};

/// Longest description that the host accepts, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 4096;

/// The whole expansion.
pub(crate) fn tool(settings: Settings, mut function: ItemFn) -> syn::Result<TokenStream> {
    let arguments = function::arguments(&mut function)?;
    let facts = facts(settings, &function)?;
    let (ident, visibility) = (&function.sig.ident, &function.vis);
    let (arguments_struct, arguments_type, call) = call(ident, arguments);
    let (answer_type, answer) = match function::returns(&function) {
        Returns::Fallible(kind) => (quote!(<#kind as ::toolhold_sdk::__private::ToolResult>::Answer), call),
        Returns::Infallible(kind) => {
            (quote!(#kind), quote!(::core::result::Result::<_, ::toolhold_sdk::Error>::Ok(#call)))
        }
    };
    let tool_name = &facts.name;
    let facts = facts.tokens();
    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility enum #ident {}

        const _: () = {
            #arguments_struct

            impl ::toolhold_sdk::Tool for #ident {
                const NAME: &'static str = #tool_name;

                fn info() -> ::toolhold_sdk::ToolInfo {
                    ::toolhold_sdk::__private::info::<#arguments_type, #answer_type>(&#facts)
                }

                fn invoke(arguments: ::std::string::String) -> ::toolhold_sdk::Result<::std::string::String> {
                    let args: #arguments_type = ::toolhold_sdk::__private::parse(&arguments)?;
                    ::toolhold_sdk::__private::answer(#answer)
                }
            }
        };
    })
}

/// The struct to define (if any), the type of the arguments, and the call with `args` in scope.
fn call(ident: &syn::Ident, arguments: Arguments) -> (TokenStream, TokenStream, TokenStream) {
    match arguments {
        Arguments::Struct(kind) => (TokenStream::new(), quote!(#kind), quote!(#ident(args))),
        Arguments::Plain(fields) => {
            let definitions = fields.iter().map(definition);
            let names = fields.iter().map(|field| &field.name);
            let definition = quote! {
                #[::toolhold_sdk::args]
                struct ToolholdArguments { #(#definitions),* }
            };
            (definition, quote!(ToolholdArguments), quote!(#ident(#(args.#names),*)))
        }
    }
}

fn definition(field: &Field) -> TokenStream {
    let Field { name, kind, attributes } = field;
    quote!(#(#attributes)* #name: #kind)
}

struct Facts {
    name: String,
    title: String,
    description: String,
    settings: Settings,
}

fn facts(mut settings: Settings, function: &ItemFn) -> syn::Result<Facts> {
    let ident = &function.sig.ident;
    let description = docs::text(&function.attrs);
    if description.is_empty() {
        return Err(Error::new(
            ident.span(),
            format!("the model reads a tool's doc comment; add one: `/// What {ident} does.`"),
        ));
    }
    if description.len() > MAX_DESCRIPTION_BYTES {
        let message = format!(
            "the description has {} bytes; shorten the doc comment to {MAX_DESCRIPTION_BYTES}",
            description.len()
        );
        return Err(Error::new(ident.span(), message));
    }
    let tool_name = settings.name.take().unwrap_or_else(|| ident.unraw().to_string());
    if !name::is_valid(&tool_name) {
        return Err(Error::new(
            ident.span(),
            format!("`{tool_name}` is no tool name; rename the function or set `#[tool(name = \"…\")]`"),
        ));
    }
    let title = settings.title.take().unwrap_or_else(|| docs::title(&description));
    Ok(Facts { name: tool_name, title, description, settings })
}

impl Facts {
    fn tokens(&self) -> TokenStream {
        let Facts { name, title, description, settings } = self;
        let hints = &settings.hints;
        let (read_only, destructive, idempotent, open_world) =
            (hints.read_only, hints.destructive, hints.idempotent, hints.open_world);
        let needs = settings.needs.iter().map(|need| need.tokens());
        quote! {
            ::toolhold_sdk::__private::Facts {
                name: #name,
                title: #title,
                description: #description,
                hints: ::toolhold_sdk::Hints {
                    read_only: #read_only,
                    destructive: #destructive,
                    idempotent: #idempotent,
                    open_world: #open_world,
                },
                needs: &[#(#needs),*],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn error(settings: &str, function: ItemFn) -> String {
        tool(syn::parse_str(settings).unwrap(), function).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_a_tool_names_the_fix() {
        let refused: [(ItemFn, &str); 8] = [
            (
                parse_quote!(
                    fn f(a: i64) -> i64 {
                        a
                    }
                ),
                "add one: `/// What f does.`",
            ),
            (
                parse_quote!(
                    /** x */
                    async fn f(a: i64) {}
                ),
                "remove `async`",
            ),
            (
                parse_quote!(
                    /** x */
                    unsafe fn f(a: i64) {}
                ),
                "remove `unsafe`",
            ),
            (
                parse_quote!(
                    /** x */
                    fn f<T>(a: T) {}
                ),
                "replace the generic parameters by types",
            ),
            (
                parse_quote!(
                    /** x */
                    fn f(&self, a: i64) {}
                ),
                "remove `self`",
            ),
            (
                parse_quote!(
                    /** x */
                    fn f(a: &str) {}
                ),
                "write `String`",
            ),
            (
                parse_quote!(
                    /** x */
                    fn f((a, b): (i64, i64)) {}
                ),
                "give the parameter a name",
            ),
            (
                parse_quote!(
                    /** x */
                    fn _private(a: i64) {}
                ),
                "rename the function or set `#[tool(name = \"…\")]`",
            ),
        ];
        for (function, fix) in refused {
            let message = error("", function);
            assert!(message.contains(fix), "{message}");
        }
    }

    #[test]
    fn a_description_has_a_longest_length() {
        let long = "x".repeat(MAX_DESCRIPTION_BYTES + 1);
        assert!(error("", parse_quote!(#[doc = #long] fn f() {})).contains("shorten the doc comment to 4096"));
    }

    #[test]
    fn attributes_of_parameters_move_to_the_arguments() {
        let function: ItemFn = parse_quote!(
            /** x */
            fn f(
                /** First. */
                #[serde(default)]
                a: i64,
            ) {
            }
        );
        let expanded = tool(Settings::default(), function).unwrap().to_string();
        let (function, rest) = expanded.split_once("enum f").unwrap();
        assert!(!function.contains("First"), "{function}");
        assert!(rest.contains("First") && rest.contains("serde (default)"), "{rest}");
    }
}
