//! Whom a change touches: connectors with what they used, and the secrets that it clears.

use std::collections::BTreeMap;

use floh_client::answers::ClearedSecrets;
use maud::{Markup, html};

use super::view::is_breaking;
use crate::auth::Scope;
use crate::catalog::{AffectedUse, MAX_RECENT_CALLS, TypePlan};
use crate::ui::door::Frame;
use crate::ui::part::badge::count;
use crate::ui::part::icon::icon;
use crate::ui::part::time;

/// The maximum number of connectors that are listed.
const MAX_CONNECTORS: usize = 50;

/// The connectors that the change touches, with what they used.
pub(super) fn touched(frame: &Frame, plan: &TypePlan) -> Markup {
    let mut connectors: BTreeMap<&str, Vec<&AffectedUse>> = BTreeMap::new();
    for used in &plan.uses {
        connectors.entry(&used.affected.connector).or_default().push(used);
    }
    let more = connectors.len().saturating_sub(MAX_CONNECTORS);
    let may_read = frame.allows(Scope::ConnectorsRead);
    html! {
        @if connectors.is_empty() {
            @if is_breaking(plan) { p.notice { (icon("info")) span { "No connector has used what is removed in the last 30 days." } } }
        } @else {
            div.touched {
                h3 { "Touched by it" }
                p.help { "Connectors that have or used what changes, by their newest " (MAX_RECENT_CALLS) " calls of the last 30 days." }
                ul {
                    @for (name, uses) in connectors.iter().take(MAX_CONNECTORS) {
                        li {
                            @if may_read { a href={ "/connectors/" (name) } { (name) } } @else { b { (name) } }
                            @for used in uses.iter().take(4) { span.help { (thing(&used.affected.pointer)) (calls(used)) } }
                            @if uses.len() > 4 { span.help { "and " (uses.len() - 4) " more" } }
                        }
                    }
                }
                @if more > 0 || plan.diff.change.affected_total.is_some() { p.muted { "And " @if more > 0 { (more) " more." } @else { "others." } } }
            }
        }
    }
}

fn calls(used: &AffectedUse) -> Markup {
    html! { @if let Some(calls) = used.calls { ", " (count(usize::try_from(calls.calls).unwrap_or(usize::MAX), "call", "calls")) ", last " (time::ago(calls.last)) } }
}

/// What a pointer into a schema names, in words.
fn thing(pointer: &str) -> String {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    match steps.as_slice() {
        ["connectionConfig", field, ..] => format!("{field} of the connection"),
        ["commands", command, "paramSchema" | "params", param, ..] => format!("{param} of {command}"),
        ["commands", command, ..] => (*command).to_owned(),
        ["defaultCommand", ..] => "the default command".to_owned(),
        _ => pointer.to_owned(),
    }
}

/// The secrets that the change clears.
pub(super) fn cleared(secrets: &[ClearedSecrets]) -> Markup {
    let more = secrets.len().saturating_sub(MAX_CONNECTORS);
    html! {
        @if !secrets.is_empty() {
            div.notice.warn {
                (icon("key"))
                div {
                    b { "Secrets that are cleared" }
                    p { "They would go somewhere else than where they went when they were set, so they are typed again." }
                    ul { @for of in secrets.iter().take(MAX_CONNECTORS) { li { (of.connector) ": " (of.fields.join(", ")) } } }
                    @if more > 0 { p { "And those of " (count(more, "more connector", "more connectors")) "." } }
                }
            }
        }
    }
}
