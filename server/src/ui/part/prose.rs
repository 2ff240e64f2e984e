//! Texts of documentations and messages, in which names stand between backticks.

use maud::{Markup, html};

/// Shows a text; what stands between backticks is code. A backtick without its other one stays as it is.
pub(in crate::ui) fn prose(text: &str) -> Markup {
    let mut rest = text;
    let mut parts = Vec::new();
    while let Some((before, code, after)) = first(rest) {
        parts.push((before, code));
        rest = after;
    }
    html! { @for (before, code) in parts { (before) code { (code) } } (rest) }
}

/// Splits a text at its first code: what is before it, the code, and what is after it.
fn first(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('`')?;
    let ticks = text[start..].bytes().take_while(|byte| *byte == b'`').count();
    let (fence, body) = (&text[start..start + ticks], &text[start + ticks..]);
    let end = body.match_indices(fence).map(|(at, _)| at).find(|at| !body[at + ticks..].starts_with('`'))?;
    let code = body[..end].trim();
    (!code.is_empty()).then_some((&text[..start], code, &body[end + ticks..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_backticks_are_code() {
        for (text, shown) in [
            ("plain <text>", "plain &lt;text&gt;"),
            ("the field `baseUrl`, or `a<b`", "the field <code>baseUrl</code>, or <code>a&lt;b</code>"),
            ("``a`b`` and more", "<code>a`b</code> and more"),
            ("`odd", "`odd"),
            ("a ` b", "a ` b"),
            ("``", "``"),
            ("`é`", "<code>é</code>"),
            ("```\nlong\n```", "<code>long</code>"),
            ("", ""),
        ] {
            assert_eq!(prose(text).into_string(), shown, "{text}");
        }
    }
}
