//! Dialogs: opened by a button of the page, without a script. What destroys something focuses Cancel first.

use maud::{Markup, html};

use super::icon::icon;

/// The button that opens a dialog.
pub(in crate::ui) fn opener(id: &str, class: &str, content: &Markup) -> Markup {
    html! { button class={ "btn " (class) } type="button" commandfor=(id) command="show-modal" { (content) } }
}

/// A dialog with a form that is sent to `action`.
pub(in crate::ui) fn form(id: &str, title: &str, action: &str, body: &Markup, button: &str, is_danger: bool) -> Markup {
    let heading = format!("{id}-title");
    html! {
        dialog id=(id) aria-labelledby=(heading) closedby="closerequest" {
            form method="post" action=(action) {
                header {
                    h2 id=(heading) { (title) }
                    button.btn.bare.small.icon type="button" commandfor=(id) command="close" aria-label="Close" { (icon("cross")) }
                }
                div.body { (body) }
                footer {
                    button.btn type="button" commandfor=(id) command="close" autofocus[is_danger] { "Cancel" }
                    button.btn.main.danger[is_danger] { (button) }
                }
            }
        }
    }
}
