//! The step with the connector's name and its connection, as the document's servers and security were mapped.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::is_connector_name;
use maud::html;
use serde_json::Map;

use super::{Step, Wizard, named};
use crate::api::Problem;
use crate::catalog::ReadDocument;
use crate::ui::form::{self, FormView, Mistakes, Spec, Typed, summary};
use crate::ui::page::connection::CONFIG;
use crate::ui::page::new::connection::{Taken, buttons, taken, withheld};
use crate::ui::page::new::type_choice::{check_name, describing};
use crate::ui::part::badge::count;

/// The fields that describe the connector, and its type.
pub(super) fn fields() -> Vec<Spec> {
    let mut kind = Spec::text("type", "Type");
    kind.help = Some("The name of its new type, under which more connectors can be made; the connector's own name if it is left out.".to_owned());
    let mut specs = describing();
    specs.insert(1, kind);
    specs
}

pub(super) async fn show(wizard: &Wizard<'_>) -> Result<Response, Problem> {
    let read = wizard.chosen().await?;
    let specs = form::fields(&read.draft.config_schema.connection);
    let mut typed = wizard.typed().clone();
    if !typed.has_within(CONFIG) {
        form::fill(CONFIG, &specs, &Map::new(), &mut typed);
    }
    Ok(page(wizard, &read, StatusCode::OK, typed, &Mistakes::default()))
}

fn page(
    wizard: &Wizard<'_>,
    read: &ReadDocument,
    status: StatusCode,
    mut typed: Typed,
    mistakes: &Mistakes,
) -> Response {
    let own = fields();
    let specs = form::fields(&read.draft.config_schema.connection);
    let held = withheld(CONFIG, &specs, &mut typed);
    let lines = mistakes.lines(&[("", &own), (CONFIG, &specs)], &typed);
    let placed = mistakes.placed(CONFIG, &specs, &typed);
    let view = FormView { typed: &typed, mistakes: &placed, stored: &BTreeMap::new(), held: &held };
    let content = html! {
        div.aside {
            form #connection.stack method="post" action=(wizard.address(Step::Connection)) novalidate data-guard data-swap="connection" {
                button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
                (summary(&lines))
                section.card aria-labelledby="connector-title" {
                    header { h2 #connector-title { "Connector" } }
                    div.body { div.fields { @for spec in &own { (view.field(spec, &format!("/{}", spec.name))) } } }
                }
                section.card aria-labelledby="connection-title" {
                    header { h2 #connection-title { "Connection" } span.end.muted { small { "Secrets are sealed before they are stored" } } }
                    div.body.stack {
                        @if specs.is_empty() { p.muted { "This type has no connection fields." } }
                        (view.fields(CONFIG, &specs, "field"))
                    }
                    (buttons(&specs, &wizard.address(Step::Commands)))
                }
            }
            aside.stack {
                section.card aria-label="Document" {
                    div.body {
                        dl.facts {
                            dt { "Document" } dd { (named(read)) }
                            dt { "Version" } dd { (read.draft.version) }
                            dt { "Commands" } dd { (count(read.draft.operations.len(), "command", "commands")) }
                        }
                    }
                }
                p.help { "Nothing is called until you try a command, or test the connector, on its page." }
            }
        }
    };
    wizard.page(Step::Connection, status, read, &content)
}

/// The name of the type, which may be left out.
pub(super) fn type_name(typed: &Typed) -> &str {
    let name = typed.text("/type").trim();
    if name.is_empty() { typed.text("/name").trim() } else { name }
}

pub(super) async fn take(wizard: Wizard<'_>, typed: Typed) -> Result<Response, Problem> {
    let read = wizard.chosen().await?;
    let Taken { mut next, is_edit, mut mistakes } = taken(&read.draft.config_schema, wizard.typed(), typed.clone());
    for spec in fields() {
        let place = format!("/{}", spec.name);
        next.forget(&place);
        next.adopt(&typed, &place);
    }
    if !is_edit {
        check_name(&wizard.ctx, wizard.services, &next, &mut mistakes).await?;
        if !next.text("/type").trim().is_empty() && !is_connector_name(type_name(&next)) {
            mistakes.add("/type", connector_runtime::schema::CONNECTOR_NAME_RULE);
        }
    }
    let wizard = wizard.save(next.clone()).await?;
    match () {
        () if is_edit => Ok(page(&wizard, &read, StatusCode::OK, next, &mistakes)),
        () if mistakes.is_empty() => Ok(wizard.go(Step::Review)),
        () => Ok(page(&wizard, &read, StatusCode::UNPROCESSABLE_ENTITY, next, &mistakes)),
    }
}
