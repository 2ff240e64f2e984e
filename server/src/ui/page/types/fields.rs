//! The fields of a connection or of a command, as a table.

use connector_runtime::schema::{Field, FieldKind, Fields};
use maud::{Markup, html};
use serde_json::Value;

use crate::ui::part::badge::badge;
use crate::ui::part::prose::prose;

/// The maximum number of characters of a default that is shown.
const MAX_DEFAULT: usize = 60;
/// The maximum number of options that are named.
const MAX_OPTIONS: usize = 6;

/// Shows fields with their kind, whether they are required, and their default.
pub(super) fn table(fields: &Fields, caption: &str) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table {
                caption.sr { (caption) }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Kind" } th.p2 scope="col" { "Required" } th.p3 scope="col" { "Default" } } }
                tbody {
                    @for (name, field) in fields {
                        tr {
                            th scope="row" { code { (name) } @if let Some(text) = &field.description { span.sub { (prose(text)) } } }
                            td { span.row.tight { (kind(field)) @if field.secret { (badge("line", "lock", "secret")) } } }
                            td.p2 { @if field.required { "required" } @else { span.muted { "optional" } } }
                            td.p3 { @if let Some(value) = field.default.as_ref().filter(|value| !value.is_null()) { code { (short(value)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn kind(field: &Field) -> String {
    match field.kind {
        FieldKind::Number if field.integer => "whole number".to_owned(),
        FieldKind::Select => {
            let options: Vec<String> =
                field.options.iter().take(MAX_OPTIONS).map(|choice| short(&choice.value)).collect();
            let more = if field.options.len() > MAX_OPTIONS { ", …" } else { "" };
            format!("one of {}{more}", options.join(", "))
        }
        FieldKind::Raw => "any JSON".to_owned(),
        other => match &field.format {
            Some(format) => format!("{other}, {format}"),
            None => other.to_string(),
        },
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= MAX_DEFAULT {
        return text;
    }
    let mut cut: String = text.chars().take(MAX_DEFAULT).collect();
    cut.push('…');
    cut
}
