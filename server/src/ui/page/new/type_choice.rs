//! The step that chooses a type that is there already, compiled in or not, and names the connector.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::is_connector_name;
use floh_client::words::ExecutionModel;
use maud::{Markup, html};

use super::{Step, Wizard, may_see_types};
use crate::api::{Problem, Query};
use crate::auth::OpContext;
use crate::catalog::{self, TypeHead};
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::store::{PageRequest, TypeFilter};
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Item, Kind, Mistakes, Spec, Typed, summary};
use crate::ui::part::badge;
use crate::ui::part::icon::icon;
use crate::ui::part::prose::prose;

/// The input that has the type.
pub(super) const TYPE: &str = "/type";
/// What the draft knows of the type that was chosen: how its commands are served.
pub(super) const TYPE_MODEL: &str = "/typeModel";
/// The input with the text that types are searched by.
const FIND: &str = "q";
/// The maximum number of types that are shown at once; others are searched for.
pub(in crate::ui) const MAX_TYPES: u32 = 100;
/// From so many types on they can be searched.
const FIND_FROM: usize = 8;

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

/// The types that can be chosen.
struct Offered {
    types: Vec<TypeHead>,
    /// Whether there are others, which a search finds.
    has_more: bool,
}

/// Reads the types that fit the search, and the one that is chosen. A type whose code is gone gets no new connectors.
async fn offered(wizard: &Wizard<'_>) -> Result<Offered, Error> {
    let typed = wizard.typed();
    let q = Some(typed.text(FIND).trim().to_owned()).filter(|q| !q.is_empty());
    let filter = TypeFilter { q, ..TypeFilter::default() };
    let page = PageRequest { limit: MAX_TYPES, cursor: None };
    let found = catalog::list_type_heads(&wizard.ctx, wizard.services, &filter, &page).await?;
    let mut types = found.items;
    let chosen = typed.text(TYPE);
    if !chosen.is_empty() && types.iter().all(|known| known.name != chosen) {
        types.splice(..0, chosen_type(wizard, chosen).await?);
    }
    types.retain(|known| known.available);
    Ok(Offered { types, has_more: found.next_cursor.is_some() })
}

/// Returns the type of a name, if connectors can be made of it.
async fn chosen_type(wizard: &Wizard<'_>, name: &str) -> Result<Option<TypeHead>, Error> {
    match catalog::type_head(&wizard.ctx, wizard.services, name).await {
        Ok(head) => Ok(Some(head).filter(|head| head.available && head.name == name)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn page(wizard: &Wizard<'_>, status: StatusCode, mistakes: &Mistakes) -> Result<Response, Problem> {
    if !may_see_types(wizard) {
        let missing = crate::auth::Scope::TypesRead.as_str();
        return Err(Error::denied(missing, format!("choosing a type needs the scope {missing}")).into());
    }
    let offered = offered(wizard).await?;
    let typed = wizard.typed();
    let specs = describing();
    let choice = vec![Spec::text("type", "Type")];
    let lines = mistakes.lines(&[("", &choice), ("", &specs)], typed);
    let placed = mistakes.placed("", &specs, typed);
    let view = FormView { typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &[] };
    let content = html! {
        form.stack.narrow method="post" action=(wizard.address(Step::Type)) novalidate data-guard {
            button.sr name="go" value="enter" tabindex="-1" aria-hidden="true" {}
            (summary(&lines))
            section.card aria-label="Type" {
                div.body.stack {
                    fieldset.field data-find-in id=(form::id(TYPE)) tabindex="-1" data-bad[placed.at(TYPE).is_some()] {
                        legend { "Type " span.req aria-hidden="true" { "required" } }
                        @if let Some(text) = placed.at(TYPE) { p.error { (icon("alert")) span { span.sr { "Error: " } (form::capital(&text)) } } }
                        (choices(typed, &offered))
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

/// The search and the types. With a script, the types that are shown are filtered while the text is typed.
fn choices(typed: &Typed, offered: &Offered) -> Markup {
    let Offered { types, has_more } = offered;
    let (chosen, q) = (typed.text(TYPE), typed.text(FIND));
    html! {
        @if types.len() > FIND_FROM || *has_more || !q.is_empty() {
            div.row.tight {
                div.search { (icon("search")) input type="search" name=(FIND) value=(q) aria-label="Find a type" placeholder="Find by name, description, category, tag" data-find-field; }
                button.btn name="go" value="find" { "Find" }
            }
        }
        @if types.is_empty() {
            p.muted { @if q.is_empty() { "There is no type yet." } @else { "No type has “" (q) "” in its name, description, category or tags." } }
        }
        div.types {
            @for known in types {
                label.choice {
                    input type="radio" name=(TYPE) value=(known.name) checked[chosen == known.name];
                    span {
                        b { (known.name) } " " span.muted {
                            (known.version)
                            @if known.execution_model != ExecutionModel::BuiltIn { " · " (badge::model(known.execution_model)) }
                            @if let Some(category) = &known.category { " · " (category) }
                        }
                        small { (prose(&known.description)) }
                    }
                }
            }
        }
        @if *has_more { p.help { "The first " (MAX_TYPES) " by name. Find shows the others." } }
    }
}

pub(super) async fn take(wizard: Wizard<'_>, mut typed: Typed) -> Result<Response, Problem> {
    let edit = typed.take(form::EDIT);
    let mut mistakes =
        edit.as_deref().map(|button| form::edit(button, "", &describing(), &mut typed)).unwrap_or_default();
    let mut next = wizard.typed().clone();
    let is_same_type = next.text(TYPE) == typed.text(TYPE);
    let is_same_search = typed.text(FIND).trim() == next.text(FIND).trim();
    for place in [TYPE, TYPE_MODEL, FIND, "/name", "/description", "/category", "/tags"] {
        next.forget(place);
        next.adopt(&typed, place);
    }
    next.take(TYPE_MODEL);
    // Enter in the box of the search searches; so does it elsewhere if a text was typed there and nothing chosen since.
    let is_find = match typed.text("go") {
        "find" => true,
        "enter" => !is_same_search && is_same_type,
        _ => false,
    };
    if edit.is_some() || is_find {
        let wizard = wizard.save(next).await?;
        return page(&wizard, StatusCode::OK, &mistakes).await;
    }
    let type_name = next.text(TYPE).to_owned();
    if type_name.is_empty() {
        mistakes.add(TYPE, "choose a type");
    } else if let Some(head) = chosen_type(&wizard, &type_name).await? {
        next.set(TYPE_MODEL, head.execution_model.as_str());
    } else {
        mistakes.add(TYPE, format!("there is no type {type_name} that connectors can be made of; choose another one"));
        next.take(TYPE);
    }
    if !type_name.is_empty() && next.text("/name").trim().is_empty() {
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
