//! The function below `#[tool]`: which of the two forms it has, and what cannot be a tool.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, Ident, ItemFn, Pat, PatType, ReturnType, Type};

/// How the arguments are written.
pub(crate) enum Arguments {
    /// One parameter named `args`: a type of the author's own.
    Struct(Box<Type>),
    /// Each parameter is an argument; the struct is derived from them.
    Plain(Vec<Field>),
}

/// One parameter of the plain form.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) kind: Type,
    /// Doc comment, `#[serde(…)]` and `#[schemars(…)]`, moved from the parameter to the field.
    pub(crate) attributes: Vec<Attribute>,
}

/// What the function returns.
pub(crate) enum Returns {
    /// A `Result`.
    Fallible(Box<Type>),
    /// Any other type: the tool cannot fail.
    Infallible(Box<Type>),
}

/// Reads the arguments, and takes the attributes that rustc does not know off the parameters.
pub(crate) fn arguments(function: &mut ItemFn) -> syn::Result<Arguments> {
    refuse_unsuitable(function)?;
    if let Some(kind) = struct_form(function) {
        return Ok(Arguments::Struct(kind));
    }
    function.sig.inputs.iter_mut().map(field).collect::<syn::Result<Vec<Field>>>().map(Arguments::Plain)
}

/// Reads the return type. A type called `Result`, whatever its module, is one.
pub(crate) fn returns(function: &ItemFn) -> Returns {
    let ReturnType::Type(_, kind) = &function.sig.output else {
        return Returns::Infallible(Box::new(syn::parse_quote!(())));
    };
    match kind.as_ref() {
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result") => {
            Returns::Fallible(kind.clone())
        }
        _ => Returns::Infallible(kind.clone()),
    }
}

fn refuse_unsuitable(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(token.span(), "a tool is synchronous; remove `async`"));
    }
    if let Some(token) = &signature.unsafety {
        return Err(Error::new(token.span(), "a tool is called by the host; remove `unsafe`"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a tool has one schema; replace the generic parameters by types",
        ));
    }
    Ok(())
}

fn struct_form(function: &ItemFn) -> Option<Box<Type>> {
    let mut inputs = function.sig.inputs.iter();
    let (Some(FnArg::Typed(PatType { pat, ty, .. })), None) = (inputs.next(), inputs.next()) else { return None };
    let named_args = matches!(pat.as_ref(), Pat::Ident(pattern) if pattern.ident == "args");
    let destructured = matches!(pat.as_ref(), Pat::Struct(_));
    (named_args || destructured).then(|| ty.clone())
}

fn field(input: &mut FnArg) -> syn::Result<Field> {
    let typed = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(Error::new(receiver.span(), "a tool is a free function; remove `self`"));
        }
    };
    if let Type::Reference(reference) = typed.ty.as_ref() {
        let owned = match reference.elem.to_token_stream().to_string().as_str() {
            "str" => "String".to_owned(),
            other => other.to_owned(),
        };
        return Err(Error::new(reference.span(), format!("arguments are owned; write `{owned}`")));
    }
    let Pat::Ident(pattern) = typed.pat.as_ref() else {
        return Err(Error::new(typed.pat.span(), "give the parameter a name: it is the name of the argument"));
    };
    let (attributes, rest) = typed.attrs.drain(..).partition(belongs_to_field);
    typed.attrs = rest;
    Ok(Field { name: pattern.ident.clone(), kind: typed.ty.as_ref().clone(), attributes })
}

fn belongs_to_field(attribute: &Attribute) -> bool {
    ["doc", "serde", "schemars"].iter().any(|name| attribute.path().is_ident(name))
}
