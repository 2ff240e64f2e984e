//! Converts a doc comment to the text that forms and agents show.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Returns the text of an item's doc comment: lines joined, paragraphs kept, the common indent removed.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let mut paragraphs: Vec<String> = vec![String::new()];
    for line in attributes.iter().filter_map(line) {
        // `lines` gives nothing for an empty comment line, which ends a paragraph.
        for line in if line.is_empty() { "\n" } else { &line }.lines() {
            let line = line.trim();
            if line.is_empty() {
                paragraphs.push(String::new());
            } else if let Some(paragraph) = paragraphs.last_mut() {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(line);
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

/// Returns whether an attribute is a doc comment.
pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
