//! Doc comments as text. The model reads them, so they lose the layout of the source and nothing else.

use syn::{Attribute, Expr, Lit, Meta};

/// The text of all doc comments, one leading space per line removed, trimmed.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    let stripped: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split('\n'))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    stripped.join("\n").trim().to_owned()
}

/// The first line without the full stop: short enough for a list.
pub(crate) fn title(description: &str) -> String {
    let first = description.lines().next().unwrap_or_default();
    first.trim_end_matches(['.', ':']).to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    match &literal.lit {
        Lit::Str(text) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_title_is_the_first_line_of_the_description() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Counts words."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   - indented"]),
        ];
        let description = text(&attributes);
        assert_eq!(description, "Counts words.\n\n  - indented");
        assert_eq!(title(&description), "Counts words");
    }
}
