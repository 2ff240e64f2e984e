//! The keys, and the switch that turns those of one letter off.

use maud::{Markup, html};

use super::icon::icon;

/// The keys and what each does.
const KEYS: &[(&[&str], &str)] = &[
    (&["/"], "to the search box of the page"),
    (&["g", "c"], "Connectors"),
    (&["g", "t"], "Types"),
    (&["g", "e"], "Executions"),
    (&["g", "r"], "Runs"),
    (&["g", "n"], "New Connector"),
    (&["?"], "these keys"),
    (&["Ctrl", "Enter"], "sends the form: Run, Save, Next"),
    (&["Esc"], "closes a dialog or the menu"),
];

/// The list of keys.
pub(in crate::ui) fn list() -> Markup {
    html! {
        dl.facts {
            @for (keys, text) in KEYS {
                dt { @for (place, key) in keys.iter().enumerate() { @if place > 0 { " " } kbd { (key) } } }
                dd { (text) }
            }
            dt { "Arrows" } dd { "move in a tree of JSON: down, up, open, close" }
        }
    }
}

/// The switch.
pub(in crate::ui) fn switch() -> Markup {
    html! {
        label.choice { input type="checkbox" data-keys-switch checked; span { "Keys of one letter are on" small { "Kept in this browser. Needs JavaScript." } } }
    }
}

/// The dialog that `?` opens on every page.
pub(in crate::ui) fn dialog() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-heading" {
            div {
                header {
                    h2 #keys-heading { "Keys" }
                    button.btn.bare.small.icon type="button" commandfor="keys" command="close" aria-label="Close" { (icon("cross")) }
                }
                div.body { (list()) (switch()) }
            }
        }
    }
}
