//! What is shown when somebody else has changed the mock meanwhile: both sides of each of its parts.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::entries::{self, DATA};
use super::{ENABLED, SCRIPT};
use crate::ui::door::Frame;
use crate::ui::form::Typed;
use crate::ui::page::connector::Shown;
use crate::ui::part::time;

/// The parts: the place of each, its label, and the name of the input that says which side holds.
const PARTS: [(&str, &str, &str); 3] =
    [(ENABLED, "Mock", "pick:enabled"), (DATA, "Mock data", "pick:data"), (SCRIPT, "Mock script", "pick:script")];
/// The most characters of a side that are shown.
const MAX_SIDE: usize = 300;

/// Puts what is saved in place of what was typed, where a person chose so.
pub(super) fn resolve(shown: &Shown, typed: &mut Typed) {
    let saved = super::stored(&shown.view.mock);
    for (place, _, pick) in PARTS {
        if typed.take(pick).as_deref() == Some("saved") {
            typed.forget(place);
            typed.adopt(&saved, place);
        }
    }
}

/// Shows both sides. `now` is the connector as it is saved.
pub(super) fn page(frame: &Frame, now: &Shown, typed: &Typed) -> Response {
    let revision = now.view.revision.map(|revision| revision.to_string());
    let mine = mine(now, typed);
    let sides = |key: &str| (side(now.view.mock.get(key)), side(mine.get(key)));
    let keys = ["enabled", "data", "script"];
    let rows: Vec<_> = PARTS.iter().zip(keys).filter(|(_, key)| now.view.mock.get(*key) != mine.get(*key)).collect();
    let content = html! {
        (now.head(frame, "mock"))
        div.summary #problems role="alert" tabindex="-1" data-focus {
            h2 { "Somebody changed this connector while you were typing" }
            p { "Saved " (time::ago(now.view.updated_at)) @if let Some(by) = &now.view.updated_by { " by " (by.name) } ". Nothing of yours is lost: choose what holds." }
        }
        form.card #conflict method="post" action=(now.address("mock")) {
            input type="hidden" name="revision" value=[revision];
            @for (name, value) in typed.iter().filter(|(name, _)| *name != "revision") { input type="hidden" name=(name) value=(value); }
            div.table {
                table {
                    caption.sr { "Parts that differ" }
                    thead { tr { th scope="col" { "Part" } th scope="col" { "Saved now" } th scope="col" { "Yours" } } }
                    tbody {
                        @for ((_, label, pick), key) in &rows {
                            @let (saved, yours) = sides(key);
                            tr {
                                th scope="row" { (label) }
                                td { label.choice { input type="radio" name=(pick) value="saved"; span { span.sr { (label) ", saved now: " } (saved) } } }
                                td { label.choice { input type="radio" name=(pick) value="yours" checked; span { span.sr { (label) ", yours: " } (yours) } } }
                            }
                        }
                        @if rows.is_empty() { tr { td colspan="3" { "Your values are the same as those that are saved." } } }
                    }
                }
            }
            footer {
                button.btn.main { "Save these" }
                a.btn.bare href=(now.address("mock")) { "Throw mine away" }
            }
        }
    };
    frame.page_with(StatusCode::PRECONDITION_FAILED, &format!("Error: Mock of {}", now.view.name), &content)
}

/// The settings as they were typed.
fn mine(now: &Shown, typed: &Typed) -> Map<String, Value> {
    let mut mine = now.view.mock.clone();
    let mut set = |key: &str, value: Option<Value>| match value {
        Some(value) => mine.insert(key.to_owned(), value),
        None => mine.shift_remove(key),
    };
    let enabled = typed.text(ENABLED) == "true";
    let is_said = now.view.mock.contains_key("enabled");
    set("enabled", (enabled || is_said).then_some(Value::Bool(enabled)));
    set("script", Some(typed.text(SCRIPT)).filter(|text| !text.trim().is_empty()).map(Value::from));
    if let Some(data) = entries::read(typed, &now.view.mock).data {
        set("data", (!data.is_empty() || now.view.mock.contains_key("data")).then_some(Value::Object(data)));
    }
    mine
}

fn side(value: Option<&Value>) -> Markup {
    let cut = |text: &str| text.chars().take(MAX_SIDE).collect::<String>();
    match value {
        None | Some(Value::Null) => html! { span.muted { "none" } },
        Some(Value::Bool(true)) => html! { "on" },
        Some(Value::Bool(false)) => html! { "off" },
        Some(Value::String(text)) => html! { code { (cut(text)) } },
        Some(other) => html! { code { (cut(&other.to_string())) } },
    }
}
