//! A button that a token may not press.

use maud::{Markup, html};

use crate::auth::Scope;

/// Shows what the button is for, and the scope that it needs. `class` is that of the button.
pub(in crate::ui) fn withheld(scope: Scope, class: &str, content: &Markup) -> Markup {
    html! {
        span class=(format!("btn {class}").trim_end()) aria-disabled="true" title=(format!("Needs the scope {scope}")) {
            (content) span.sr { " (needs the scope " (scope) ")" }
        }
    }
}
