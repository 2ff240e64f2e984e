//! What is shown when somebody else has changed a connector meanwhile: both sides of every field.

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::pointer;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::connection::CONFIG;
use super::connector::Shown;
use crate::ui::door::Frame;
use crate::ui::form::{self, Spec, Typed};
use crate::ui::held::Held;
use crate::ui::part::time;

/// What follows the pointer of a field in the name of the input that says which side holds.
const PICK: &str = "~pick";

/// Puts what is saved in place of what was typed, where a person chose so.
pub(in crate::ui) fn resolve(shown: &Shown, specs: &[Spec], typed: &mut Typed) {
    for spec in specs {
        let here = pointer::join(CONFIG, &spec.name);
        if typed.take(&format!("{here}{PICK}")).as_deref() != Some("saved") {
            continue;
        }
        typed.forget(&here);
        if spec.secret {
            typed.set(format!("{here}~do"), "keep");
        } else {
            let value: Map<String, Value> =
                shown.view.config.get(&spec.name).map(|value| (spec.name.clone(), value.clone())).into_iter().collect();
            form::fill(CONFIG, std::slice::from_ref(spec), &value, typed);
        }
    }
}

/// Shows both sides. `now` is the connector as it is saved.
pub(in crate::ui) fn page(frame: &Frame, now: &Shown, specs: &[Spec], typed: &Typed, held: &Held) -> Response {
    let reading = form::read(CONFIG, specs, typed);
    let differing: Vec<&Spec> = specs.iter().filter(|spec| differs(spec, now, &reading, held)).collect();
    let revision = now.view.revision.map(|revision| revision.to_string());
    let content = html! {
        (now.head(frame, "connection"))
        div.summary #problems role="alert" tabindex="-1" data-focus {
            h2 { "Somebody changed this connector while you were typing" }
            p { "Saved " (time::ago(now.view.updated_at)) @if let Some(by) = &now.view.updated_by { " by " (by.name) } ". Nothing of yours is lost: choose what holds for each field." }
        }
        form.card #conflict method="post" action=(now.address("connection")) {
            input type="hidden" name="revision" value=[revision];
            @if let Some(id) = held.id() { input type="hidden" name="draft" value=(id); }
            @for (name, value) in typed.iter().filter(|(name, _)| !matches!(*name, "revision" | "draft" | "then")) {
                input type="hidden" name=(name) value=(value);
            }
            div.table {
                table {
                    caption.sr { "Fields that differ" }
                    thead { tr { th scope="col" { "Field" } th scope="col" { "Saved now" } th scope="col" { "Yours" } } }
                    tbody {
                        @for spec in &differing { (row(spec, now, &reading)) }
                        @if differing.is_empty() { tr { td colspan="3" { "Your values are the same as those that are saved." } } }
                    }
                }
            }
            footer {
                button.btn.main name="then" value="save" { "Save these" }
                a.btn.bare href=(now.address("connection")) { "Throw mine away" }
            }
        }
    };
    let title = format!("Error: Connection of {}", now.view.name);
    frame.page_with(StatusCode::PRECONDITION_FAILED, &title, &content)
}

fn differs(spec: &Spec, now: &Shown, reading: &form::Reading, held: &Held) -> bool {
    if spec.secret {
        let here = pointer::join(CONFIG, &spec.name);
        return held.pointers().contains(&here) || reading.cleared.contains(&spec.name);
    }
    reading.values.get(&spec.name) != now.view.config.get(&spec.name).filter(|value| !value.is_null())
}

fn row(spec: &Spec, now: &Shown, reading: &form::Reading) -> Markup {
    let name = format!("{}{PICK}", pointer::join(CONFIG, &spec.name));
    let (saved, yours) = if spec.secret {
        let state = now.view.secrets.get(&spec.name).filter(|state| state.set);
        let saved = match state.and_then(|state| state.updated_at) {
            Some(at) => html! { "changed " (time::ago(at)) },
            None => html! { "not set" },
        };
        let yours = if reading.cleared.contains(&spec.name) { "cleared" } else { "the one that you typed" };
        (saved, html! { (yours) })
    } else {
        (side(now.view.config.get(&spec.name)), side(reading.values.get(&spec.name)))
    };
    html! {
        tr {
            th scope="row" { (spec.label) }
            td { label.choice { input type="radio" name=(name) value="saved"; span { span.sr { (spec.label) ", saved now: " } (saved) } } }
            td { label.choice { input type="radio" name=(name) value="yours" checked; span { span.sr { (spec.label) ", yours: " } (yours) } } }
        }
    }
}

fn side(value: Option<&Value>) -> Markup {
    const MOST: usize = 300;
    match value {
        None | Some(Value::Null) => html! { span.muted { "not set" } },
        Some(Value::String(text)) => html! { code { (text.chars().take(MOST).collect::<String>()) } },
        Some(other) => html! { code { (other.to_string().chars().take(MOST).collect::<String>()) } },
    }
}
