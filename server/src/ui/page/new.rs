//! New Connector: a few steps, each a page. What was typed stands in a draft on the server, so that going back, a reload
//! or a second tab lose nothing, and secrets never travel back.

pub(in crate::ui) mod code;
pub(in crate::ui::page) mod connection;
mod endpoint;
pub(in crate::ui::page) mod review;
pub(in crate::ui) mod type_choice;

pub(in crate::ui) use self::type_choice::ask_name;
use self::type_choice::{TYPE, TYPE_MODEL};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::words::ExecutionModel;
use maud::{Markup, html};

use crate::api::{PathKey, PathKeys, Problem};
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::draft::{self, Begun, Draft, Found};
use crate::ui::form::{Line, Typed, capital, summary};
use crate::ui::part::badge::count;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::time;

/// The kind of these drafts.
const KIND: &str = "connector";
/// The input that has the execution model.
const MODEL: &str = "model";

/// The input with which the page of a type begins a connector of it.
pub(in crate::ui::page) const OF_TYPE: &str = "type";

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Type,
    Endpoint,
    Code,
    Connection,
    Review,
}

impl Step {
    fn parse(word: &str) -> Option<Self> {
        let all = [Self::Type, Self::Endpoint, Self::Code, Self::Connection, Self::Review];
        all.into_iter().find(|step| step.as_str() == word)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Endpoint => "endpoint",
            Self::Code => "code",
            Self::Connection => "connection",
            Self::Review => "review",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Type => "Type",
            Self::Endpoint => "Endpoint",
            Self::Code => "Code",
            Self::Connection => "Connection",
            Self::Review => "Review",
        }
    }
}

/// What the steps share: the draft, and the request.
struct Wizard<'w> {
    frame: &'w Frame,
    ctx: OpContext,
    services: &'w Services,
    draft: Draft,
}

impl Wizard<'_> {
    fn typed(&self) -> &Typed {
        &self.draft.typed
    }

    fn is_external(&self) -> bool {
        self.typed().text(MODEL) == ExecutionModel::External.as_str()
    }

    fn is_script(&self) -> bool {
        self.typed().text(MODEL) == ExecutionModel::Script.as_str()
    }

    /// How the commands of the connector are served: as its type says, if there is one already.
    fn model(&self) -> ExecutionModel {
        match (self.is_external(), self.is_script()) {
            (true, _) => ExecutionModel::External,
            (_, true) => ExecutionModel::Script,
            _ => self.typed().text(TYPE_MODEL).parse().unwrap_or(ExecutionModel::BuiltIn),
        }
    }

    /// Returns whether calls may be signed, and the secret for it is asked for beside the connection: the step of a new external
    /// type asks for it itself.
    fn may_sign(&self) -> bool {
        self.first() == Step::Type && self.model() == ExecutionModel::External
    }

    fn first(&self) -> Step {
        match (self.is_external(), self.is_script()) {
            (true, _) => Step::Endpoint,
            (_, true) => Step::Code,
            _ => Step::Type,
        }
    }

    fn address(&self, step: Step) -> String {
        format!("/new/{}/{}", self.draft.id, step.as_str())
    }

    fn go(&self, step: Step) -> Response {
        Redirect::to(&self.address(step)).into_response()
    }

    /// Writes what was typed at a step into the draft.
    async fn save(self, typed: Typed) -> Result<Self, Error> {
        let draft = draft::save(&self.ctx, self.services, self.draft, typed).await?;
        Ok(Self { draft, ..self })
    }

    /// A step as a page.
    fn page(&self, at: Step, status: StatusCode, content: &Markup) -> Response {
        let whole = html! {
            (head(&[("/connectors", "Connectors")], &html! { h1 { "New Connector" } }, "", &html! {}))
            (self.steps(at))
            (content)
        };
        self.frame.page_with(status, title(status), &whole)
    }

    fn steps(&self, at: Step) -> Markup {
        let steps = [self.first(), Step::Connection, Step::Review];
        let reached = steps.iter().position(|step| *step == at).unwrap_or(0);
        html! {
            ol.steps aria-label="Steps" {
                li.done { span.dot aria-hidden="true" { (icon("check")) } a href="/new" { "Model" } }
                @for (number, step) in steps.iter().enumerate() {
                    li.done[number < reached] aria-current=[(number == reached).then_some("step")] {
                        span.dot aria-hidden="true" { @if number < reached { (icon("check")) } @else { (number + 2) } }
                        @if number < reached { a href=(self.address(*step)) { (step.title()) } } @else { (step.title()) }
                    }
                }
            }
        }
    }
}

fn title(status: StatusCode) -> &'static str {
    if status == StatusCode::OK { "New Connector" } else { "Error: New Connector" }
}

/// Shows the choice of the execution model.
pub(in crate::ui) async fn model(frame: Frame, State(services): State<Services>) -> Result<Response, Problem> {
    model_page(&frame, &services, StatusCode::OK, &[]).await
}

async fn model_page(
    frame: &Frame,
    services: &Services,
    status: StatusCode,
    lines: &[Line],
) -> Result<Response, Problem> {
    let begun = draft::begun(frame.ctx()?, services, KIND).await?;
    let imports = draft::begun(frame.ctx()?, services, super::import::KIND).await?;
    let cards = [
        (
            ExecutionModel::BuiltIn,
            "plug",
            "Built-in or installed",
            "A type that this server has: compiled in, or made before of a script, a document or a service.",
        ),
        (
            ExecutionModel::Script,
            "code",
            "Script",
            "JavaScript of your own in a sandbox: a function for every command.",
        ),
        (
            ExecutionModel::OasDerived,
            "file",
            "OpenAPI",
            "From the document of an API: choose its operations, each becomes a command.",
        ),
        (
            ExecutionModel::External,
            "globe",
            "External",
            "A service of your own that speaks the protocol, or an agent in a private network.",
        ),
    ];
    let content = html! {
        (head(&[("/connectors", "Connectors")], &html! { h1 { "New Connector" } }, "", &html! {}))
        ol.steps aria-label="Steps" {
            @for (number, name) in ["Model", "Type", "Connection", "Review"].iter().enumerate() {
                li aria-current=[(number == 0).then_some("step")] { span.dot aria-hidden="true" { (number + 1) } (name) }
            }
        }
        (summary(lines))
        form.stack method="post" action="/new" {
            fieldset {
                legend.sr { "Execution model" }
                div.models {
                    @for (model, mark, title, text) in cards {
                        label {
                            input type="radio" name=(MODEL) value=(model) checked[model == ExecutionModel::BuiltIn];
                            (icon(mark))
                            b { (title) }
                            small { (text) }
                        }
                    }
                }
            }
            div.row { button.btn.main { "Next" } a.btn.bare href="/connectors" { "Cancel" } }
        }
        (unfinished("/new", &begun))
        @if !imports.is_empty() { p { a href="/import" { (count(imports.len(), "import", "imports")) } " begun and not finished." } }
    };
    Ok(frame.page_with(status, title(status), &content))
}

/// The drafts that were begun and not used; `way` is the address that they are below.
pub(in crate::ui::page) fn unfinished(way: &str, begun: &[Begun]) -> Markup {
    html! {
        @if !begun.is_empty() {
            section.card.narrow aria-labelledby="begun-title" {
                header { h2 #begun-title { "Begun and not finished" } span.end.muted { small { "kept for 24 hours" } } }
                div.table {
                    table {
                        caption.sr { "Drafts" }
                        thead { tr { th scope="col" { "Draft" } th scope="col" { "Last saved" } th scope="col" { span.sr { "Drop" } } } }
                        tbody {
                            @for Begun { head: draft, name } in begun {
                                tr {
                                    th scope="row" {
                                        a href={ (way) "/" (draft.id) } {
                                            @match name { Some(name) => { "Go on with " (name) }, None => { "Go on with the one of " (time::ago(draft.created_at)) } }
                                        }
                                        @if name.is_some() { span.sub { "begun " (time::ago(draft.created_at)) } }
                                    }
                                    td { (time::ago(draft.updated_at)) }
                                    td.tight {
                                        form method="post" action={ (way) "/" (draft.id) "/drop" } {
                                            button.btn.small aria-label={ "Drop " (name.as_deref().unwrap_or("this draft")) } { "Drop" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Leads to the first step of a draft.
pub(in crate::ui) async fn resume(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    match open(&frame, &services, frame.ctx()?.clone(), &id, Step::Review.as_str()).await? {
        Opened::Draft(wizard, _) => Ok(wizard.go(wizard.first())),
        Opened::Made(response) => Ok(response),
    }
}

/// Drops a draft.
pub(in crate::ui) async fn drop_draft(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    draft::delete(frame.ctx()?, &services, crate::api::uuid(&id, "draft")?).await?;
    Ok(Redirect::to("/new").into_response())
}

/// Begins a draft.
pub(in crate::ui) async fn begin(
    frame: Frame,
    State(services): State<Services>,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let mut kept = Typed::default();
    let models = [ExecutionModel::External, ExecutionModel::Script, ExecutionModel::OasDerived];
    let model = models.into_iter().find(|model| typed.text(MODEL) == model.as_str());
    if model == Some(ExecutionModel::OasDerived) {
        return Ok(Redirect::to("/import").into_response());
    }
    kept.set(MODEL, model.unwrap_or(ExecutionModel::BuiltIn).as_str());
    if let Some(type_name) = typed.get(OF_TYPE).filter(|_| model.is_none()) {
        kept.set(TYPE, type_name);
    }
    let draft = match draft::create(&ctx, &services, KIND, kept).await {
        Ok(draft) => draft,
        Err(error) if error.code() == "too_many_drafts" => {
            let line = Line { target: None, label: None, message: capital(error.detail()) };
            return model_page(&frame, &services, StatusCode::UNPROCESSABLE_ENTITY, &[line]).await;
        }
        Err(error) => return Err(error.into()),
    };
    let wizard = Wizard { frame: &frame, ctx, services: &services, draft };
    Ok(wizard.go(wizard.first()))
}

/// Shows a step.
pub(in crate::ui) async fn step(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(id, step): PathKeys,
) -> Result<Response, Problem> {
    let (wizard, step) = match open(&frame, &services, frame.ctx()?.clone(), &id, &step).await? {
        Opened::Draft(wizard, step) => (wizard, step),
        Opened::Made(response) => return Ok(response),
    };
    match step {
        Step::Type => type_choice::show(&wizard).await,
        Step::Endpoint => Ok(endpoint::show(&wizard)),
        Step::Code => Ok(code::show(&wizard)),
        Step::Connection => connection::show(&wizard).await,
        Step::Review => review::show(&wizard).await,
    }
}

/// Takes what was typed at a step, and goes on.
pub(in crate::ui) async fn take(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(id, step): PathKeys,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let (wizard, step) = match open(&frame, &services, ctx, &id, &step).await? {
        Opened::Draft(wizard, step) => (wizard, step),
        Opened::Made(response) => return Ok(response),
    };
    match step {
        Step::Type => type_choice::take(wizard, typed).await,
        Step::Endpoint => endpoint::take(wizard, typed).await,
        Step::Code => code::take(wizard, typed).await,
        Step::Connection => connection::take(wizard, typed).await,
        Step::Review => review::create(wizard).await,
    }
}

enum Opened<'w> {
    Draft(Wizard<'w>, Step),
    /// The connector was made from this draft already: that of a second press of the button.
    Made(Response),
}

async fn open<'w>(
    frame: &'w Frame,
    services: &'w Services,
    ctx: OpContext,
    id: &str,
    step: &str,
) -> Result<Opened<'w>, Problem> {
    let step = Step::parse(step).ok_or_else(|| Error::not_found(format!("New Connector has no step {step}")))?;
    let draft = match draft::open(&ctx, services, id, KIND, "New Connector").await? {
        Found::Draft(draft) => draft,
        Found::Used(made) => {
            return Ok(Opened::Made(Redirect::to(&format!("/connectors/{made}?made=1")).into_response()));
        }
    };
    Ok(Opened::Draft(Wizard { frame, ctx, services, draft }, step))
}

/// Returns whether the list of types may be shown.
fn may_see_types(wizard: &Wizard<'_>) -> bool {
    wizard.frame.allows(Scope::TypesRead)
}
