//! What a connector type says of itself, and where an external one is served, as a form. Its schema and its script have pages
//! of their own; all three lead to the page of the change.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use floh_client::words::ExecutionModel;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::head::TypeShown;
use crate::api::{PathKey, Problem, Query};
use crate::auth::Scope;
use crate::error::Error;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Item, Kind, Mistakes, Spec, Typed, summary};
use crate::ui::page::change::{self, Seen};

/// The place of the address of an external type.
const ENDPOINT: &str = "/endpointUrl";

/// The fields of the form. Where calls go is a matter of those who may write connectors.
fn fields(frame: &Frame, shown: &TypeShown) -> Vec<Spec> {
    let mut description = Spec::text("description", "Description");
    description.kind = Kind::Text { is_url: false, is_long: true };
    let mut tags = Spec::text("tags", "Tags");
    tags.kind = Kind::Lines(Item::Text);
    let mut specs = vec![description, Spec::text("category", "Category"), tags];
    if shown.head.execution_model == ExecutionModel::External && frame.allows(Scope::ConnectorsWrite) {
        let mut endpoint = Spec::text("endpointUrl", "Endpoint URL");
        endpoint.kind = Kind::Text { is_url: true, is_long: false };
        endpoint.help = Some("Where the service is. Calls of all its connectors go there; secrets that would go to another place are cleared, and the next page says which.".to_owned());
        specs.push(endpoint);
    }
    specs
}

/// What the type says now, as the body of REST.
fn stored(shown: &TypeShown) -> Map<String, Value> {
    let head = &shown.head;
    let all = [
        ("description", json!(head.description)),
        ("category", json!(head.category)),
        ("tags", json!(head.tags)),
        ("endpointUrl", json!(head.endpoint_url)),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Shows the form.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let draft = query.text("draft");
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let kept = match &draft {
        Some(draft) => change::body_of(ctx, &services, draft).await?.unwrap_or_default(),
        None => Map::new(),
    };
    let mut values = stored(&shown);
    values.extend(kept);
    // Nothing is an empty control.
    values.retain(|_, value| !matches!(value, Value::Null) && *value != json!("") && *value != json!([]));
    let mut typed = Typed::default();
    form::fill("", &fields(&frame, &shown), &values, &mut typed);
    let bond = Seen::inputs(&shown, draft.as_deref());
    Ok(page(&frame, &shown, StatusCode::OK, &typed, &Mistakes::default(), &bond))
}

fn page(
    frame: &Frame,
    shown: &TypeShown,
    status: StatusCode,
    typed: &Typed,
    mistakes: &Mistakes,
    bond: &Markup,
) -> Response {
    let specs = fields(frame, shown);
    let lines = mistakes.lines(&[("", &specs)], typed);
    let placed = mistakes.placed("", &specs, typed);
    let view = FormView { typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &[] };
    let content = html! {
        (shown.head("", &html! {}))
        form #details.stack.narrow method="post" action=(shown.address("details")) novalidate data-guard data-swap="details" {
            button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
            (bond)
            (summary(&lines))
            section.card aria-labelledby="details-title" {
                header { h2 #details-title { "Details" } }
                div.body { div.fields { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } } }
                footer {
                    button.btn.main name="go" value="next" { "Next" }
                    a.btn.bare href=(shown.address("")) { "Cancel" }
                }
            }
            p.help { "Nothing is saved before the next page." }
        }
    };
    let title = format!("Details of {}", shown.head.name);
    let title = if lines.is_empty() { title } else { format!("Error: {title}") };
    frame.page_with(status, &title, &content)
}

/// Takes what was typed, and leads to the change.
pub(in crate::ui) async fn take(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, mut typed) = body.parse(frame.ctx()?.clone())?;
    let shown = TypeShown::read(&ctx, &services, &key).await?;
    let (specs, seen) = (fields(&frame, &shown), Seen::of(&typed));
    let bond = seen.again();
    if let Some(button) = typed.take(form::EDIT) {
        let mistakes = form::edit(&button, "", &specs, &mut typed);
        return Ok(page(&frame, &shown, StatusCode::OK, &typed, &mistakes, &bond));
    }
    let reading = form::read("", &specs, &typed);
    let (changed, mut mistakes) = (changed(&shown, &specs, &reading.values), reading.mistakes);
    if shown.head.endpoint_url.is_some() && changed.get("endpointUrl") == Some(&Value::Null) {
        mistakes.add(ENDPOINT, "enter an address: it can be another one, but a service has one");
    }
    if mistakes.is_empty() && changed.is_empty() {
        mistakes.add("", "nothing differs from what is saved");
    }
    if mistakes.is_empty() {
        let body = serde_json::to_vec(&changed).map_err(Error::internal)?;
        match change::begin(&ctx, &services, &shown.head.name, &body, &seen).await {
            Ok(response) => return Ok(response),
            Err(error) if !error.mistakes().is_empty() => mistakes = Mistakes::of(&error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(page(&frame, &shown, StatusCode::UNPROCESSABLE_ENTITY, &typed, &mistakes, &bond))
}

/// The body of the change: only what differs from what is saved.
fn changed(shown: &TypeShown, specs: &[Spec], values: &Map<String, Value>) -> Map<String, Value> {
    let stored = stored(shown);
    let nothing = |name: &str| match name {
        "description" => json!(""),
        "tags" => json!([]),
        _ => Value::Null,
    };
    let typed = |spec: &Spec| values.get(&spec.name).cloned().unwrap_or_else(|| nothing(&spec.name));
    let all = specs.iter().map(|spec| (spec.name.clone(), typed(spec)));
    all.filter(|(name, value)| stored.get(name) != Some(value)).collect()
}
