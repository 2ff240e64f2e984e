//! The step of an external connector: its name, and what serves it.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::connection::{take_secret, withheld};
use super::type_choice::{check_name, describing};
use super::{Step, Wizard};
use crate::api::Problem;
use crate::catalog;
use crate::ui::form::{self, FormView, Kind, Mistakes, Spec, Typed, choice, summary};
use crate::ui::page::connection::signing_field;

/// The input that says what serves the connector.
pub(super) const SERVED_BY: &str = "/servedBy";
/// The place of the secret with which calls are signed.
pub(super) const SIGNING: &str = "/signingSecret";
/// The input with the schema that the service has answered with.
pub(super) const SCHEMA: &str = "schema";

/// The fields of this step.
pub(super) fn fields() -> Vec<Spec> {
    let mut specs = describing();
    let mut kind = Spec::text("type", "Type");
    kind.help = Some("The name of its new type, under which more connectors can be made; the connector's own name if it is left out.".to_owned());
    let mut served = Spec::text("servedBy", "Served by");
    served.required = true;
    let options = [("service", "An HTTP service"), ("agent", "An agent")];
    let options = options.map(|(value, label)| {
        let mut option = choice(value);
        option.label = Some(label.to_owned());
        option
    });
    served.kind = Kind::Choice { options: options.to_vec(), is_open: false };
    let mut url = Spec::text("endpointUrl", "Endpoint URL");
    url.kind = Kind::Text { is_url: true, is_long: false };
    url.help = Some(
        "Required for a service: its address. It speaks the protocol 2.0, and its /schema is read now. Not for an agent."
            .to_owned(),
    );
    url.placeholder = Some("for example https://hr.example.com/connector".to_owned());
    let mut version = Spec::text("version", "Version");
    version.help = Some("Of the type, such as 1.0.0. A service that publishes its schema names its own.".to_owned());
    specs.insert(1, kind);
    specs.insert(2, served);
    specs.insert(3, url);
    specs.insert(4, signing_field());
    specs.insert(5, version);
    specs
}

pub(super) fn show(wizard: &Wizard<'_>) -> Response {
    page(wizard, StatusCode::OK, &Mistakes::default())
}

fn page(wizard: &Wizard<'_>, status: StatusCode, mistakes: &Mistakes) -> Response {
    let specs = fields();
    let mut typed = wizard.typed().clone();
    let held = withheld("", &[signing_field()], &mut typed);
    if typed.text(SERVED_BY).is_empty() {
        typed.set(SERVED_BY, "\"service\"");
    }
    let lines = mistakes.lines(&[("", &specs)], &typed);
    let placed = mistakes.placed("", &specs, &typed);
    let view = FormView { typed: &typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &held };
    let content = html! {
        form.stack.narrow method="post" action=(wizard.address(Step::Endpoint)) novalidate data-guard {
            button.sr tabindex="-1" aria-hidden="true" {}
            (summary(&lines))
            section.card aria-label="Endpoint" {
                div.body { div.fields { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } } }
                footer { button.btn.main { "Next" } a.btn.bare href="/new" { "Back" } }
            }
        }
    };
    wizard.page(Step::Endpoint, status, &content)
}

pub(super) async fn take(wizard: Wizard<'_>, mut typed: Typed) -> Result<Response, Problem> {
    let edit = typed.take(form::EDIT);
    let mut mistakes = edit.as_deref().map(|button| form::edit(button, "", &fields(), &mut typed)).unwrap_or_default();
    let mut next = wizard.typed().clone();
    for spec in fields() {
        let place = format!("/{}", spec.name);
        if spec.secret {
            take_secret(wizard.typed(), &typed, &mut next, &place);
        } else {
            next.forget(&place);
            next.adopt(&typed, &place);
        }
    }
    if edit.is_some() {
        let wizard = wizard.save(next).await?;
        return Ok(page(&wizard, StatusCode::OK, &mistakes));
    }
    next.take(SCHEMA);
    check_name(&wizard.ctx, wizard.services, &next, &mut mistakes).await?;
    let is_service = next.text(SERVED_BY) != "\"agent\"";
    let url = next.text("/endpointUrl").trim().to_owned();
    if is_service && url.is_empty() {
        mistakes.add("/endpointUrl", "enter the address of the service, or choose “An agent”");
    } else if is_service {
        match catalog::probe(&wizard.ctx, wizard.services, &url).await {
            Ok(probed) => {
                if let Some(version) = probed.version.filter(|_| next.text("/version").is_empty()) {
                    next.set("/version", version);
                }
                if let Some(schema) = probed.schema {
                    next.set(SCHEMA, schema);
                }
            }
            Err(error) if !error.mistakes().is_empty() => {
                for mistake in error.mistakes() {
                    mistakes.add("/endpointUrl", &*mistake.message);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    if next.text("/version").trim().is_empty() && mistakes.is_empty() {
        mistakes.add("/version", "required: nothing names a version, and every type has one, such as 1.0.0");
    }
    let wizard = wizard.save(next).await?;
    if mistakes.is_empty() {
        return Ok(wizard.go(Step::Connection));
    }
    Ok(page(&wizard, StatusCode::UNPROCESSABLE_ENTITY, &mistakes))
}
