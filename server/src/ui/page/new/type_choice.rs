//! The step that chooses a built-in type and names the connector.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::is_connector_name;
use maud::html;

use super::{Step, Wizard, may_see_types};
use crate::api::{Problem, Query};
use crate::auth::OpContext;
use crate::catalog;
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Item, Kind, Mistakes, Spec, Typed, summary};

/// The input that has the type.
pub(super) const TYPE: &str = "/type";

/// The fields that describe a connector, whatever its model.
pub(in crate::ui::page) fn describing() -> Vec<Spec> {
    let mut name = Spec::text("name", "Name");
    name.required = true;
    name.help = Some("Callers know the connector by it.".to_owned());
    name.asked_at = Some("/new/name");
    name.rule = Some("Lower case letters, digits and dashes, at most 63 characters.".to_owned());
    let mut tags = Spec::text("tags", "Tags");
    tags.kind = Kind::Lines(Item::Text);
    vec![name, Spec::text("description", "Description"), Spec::text("category", "Category"), tags]
}

/// Checks the name: its form, and whether it is free.
pub(in crate::ui::page) async fn check_name(
    ctx: &OpContext,
    services: &Services,
    typed: &Typed,
    mistakes: &mut Mistakes,
) -> Result<(), Error> {
    if let Some(refusal) = name_refusal(ctx, services, typed.text("/name").trim()).await? {
        mistakes.add("/name", refusal);
    }
    Ok(())
}

/// Returns why a connector cannot be given a name.
async fn name_refusal(ctx: &OpContext, services: &Services, name: &str) -> Result<Option<String>, Error> {
    if name.is_empty() {
        return Ok(Some("enter a name".to_owned()));
    }
    if !is_connector_name(name) {
        return Ok(Some(connector_runtime::schema::CONNECTOR_NAME_RULE.to_owned()));
    }
    if let Err(error) = ctx.authorize_name(name, "/name") {
        return Ok(Some(error.detail().to_owned()));
    }
    match catalog::get(ctx, services, name).await {
        Ok(_) => Ok(Some(format!("the name {name} is taken; choose another one"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // Whoever may not read connectors is told when it is created.
        Err(error) if matches!(error.kind(), ErrorKind::Denied(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers a script that asks, while the form is filled in, whether a name may be had: with the reason why not, or with
/// nothing.
pub(in crate::ui) async fn ask_name(
    frame: Frame,
    State(services): State<Services>,
    mut query: Query,
) -> Result<String, Problem> {
    let name = query.text("value").unwrap_or_default();
    query.finish()?;
    let refusal = name_refusal(frame.ctx()?, &services, name.trim()).await?;
    Ok(refusal.map(|text| form::capital(&text)).unwrap_or_default())
}

/// The maximum number of names that are tried for a proposal.
const MAX_PROPOSALS: usize = 20;

/// Proposes a free name: that of the type, with a number if it is taken.
pub(in crate::ui::page) async fn proposed(ctx: &OpContext, services: &Services, type_name: &str) -> String {
    let numbered =
        (1..20).map(|number| if number == 1 { type_name.to_owned() } else { format!("{type_name}-{number}") });
    // Whoever is bound to connectors may make these alone.
    let names: Vec<String> = match ctx.bound().names() {
        Some(own) => own.iter().take(MAX_PROPOSALS).cloned().collect(),
        None => numbered.collect(),
    };
    for name in names {
        match catalog::get(ctx, services, &name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return name,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    String::new()
}

pub(super) async fn show(wizard: &Wizard<'_>) -> Result<Response, Problem> {
    page(wizard, StatusCode::OK, &Mistakes::default()).await
}

async fn page(wizard: &Wizard<'_>, status: StatusCode, mistakes: &Mistakes) -> Result<Response, Problem> {
    if !may_see_types(wizard) {
        let missing = crate::auth::Scope::TypesRead.as_str();
        return Err(Error::denied(missing, format!("choosing a type needs the scope {missing}")).into());
    }
    let types = catalog::compiled_types(wizard.services);
    let typed = wizard.typed();
    let chosen = typed.text(TYPE);
    let specs = describing();
    let choice = vec![Spec::text("type", "Type")];
    let lines = mistakes.lines(&[("", &choice), ("", &specs)], typed);
    let placed = mistakes.placed("", &specs, typed);
    let view = FormView { typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &[] };
    let content = html! {
        form.stack.narrow method="post" action=(wizard.address(Step::Type)) novalidate data-guard {
            button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
            (summary(&lines))
            section.card aria-label="Type" {
                div.body.stack data-find-in {
                    fieldset.field id=(form::id(TYPE)) tabindex="-1" data-bad[placed.at(TYPE).is_some()] {
                        legend { "Type " span.req aria-hidden="true" { "required" } }
                        @if let Some(text) = placed.at(TYPE) { p.error { (crate::ui::part::icon::icon("alert")) span { span.sr { "Error: " } (form::capital(&text)) } } }
                        @if types.len() > 8 { div.search { (crate::ui::part::icon::icon("search")) input type="search" aria-label="Find a type" placeholder="Find a type" data-find-field hidden; } }
                        div.types {
                            @for known in &types {
                                label.choice {
                                    input type="radio" name=(TYPE) value=(known.name) checked[chosen == known.name];
                                    span { b { (known.name) } " " span.muted { (known.version) } small { (known.description) } }
                                }
                            }
                        }
                    }
                    div.fields { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } }
                }
                footer {
                    button.btn.main name="go" value="next" { "Next" }
                    a.btn.bare href="/new" { "Back" }
                }
            }
        }
    };
    Ok(wizard.page(Step::Type, status, &content))
}

pub(super) async fn take(wizard: Wizard<'_>, mut typed: Typed) -> Result<Response, Problem> {
    let edit = typed.take(form::EDIT);
    let mut mistakes =
        edit.as_deref().map(|button| form::edit(button, "", &describing(), &mut typed)).unwrap_or_default();
    let mut next = wizard.typed().clone();
    for place in [TYPE, "/name", "/description", "/category", "/tags"] {
        next.forget(place);
        next.adopt(&typed, place);
    }
    if edit.is_some() {
        let wizard = wizard.save(next).await?;
        return page(&wizard, StatusCode::OK, &mistakes).await;
    }
    let type_name = next.text(TYPE).to_owned();
    if type_name.is_empty() {
        mistakes.add(TYPE, "choose a type");
    } else if next.text("/name").trim().is_empty() {
        let name = proposed(&wizard.ctx, wizard.services, &type_name).await;
        next.set("/name", name);
    }
    check_name(&wizard.ctx, wizard.services, &next, &mut mistakes).await?;
    let wizard = wizard.save(next).await?;
    if mistakes.is_empty() {
        return Ok(wizard.go(Step::Connection));
    }
    page(&wizard, StatusCode::UNPROCESSABLE_ENTITY, &mistakes).await
}
