//! Import from OpenAPI: a document, the commands that are taken of it, the connection, and the review. The document and
//! what was chosen stand in a draft on the server.

pub(in crate::ui::page) mod commands;
mod connection;
pub(in crate::ui::page) mod document;
mod review;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use self::document::{Form, Given};
use crate::api::{PathKey, PathKeys, Problem};
use crate::auth::OpContext;
use crate::catalog::{Choice, ReadDocument};
use crate::error::Error;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::draft::{self, Draft, Found};
use crate::ui::form::{Mistakes, Typed};
use crate::ui::page::new::unfinished;
use crate::ui::parsed::Parsed;
use crate::ui::part::badge::badge;
use crate::ui::part::code;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pick::NAMES;

/// The kind of these drafts.
pub(in crate::ui::page) const KIND: &str = "import";
/// The name of the way.
const TITLE: &str = "Import from OpenAPI";
/// The input of the draft with the commands that are chosen.
pub(in crate::ui::page) const CHOSEN: &str = "chosen";

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Document,
    Commands,
    Connection,
    Review,
}

impl Step {
    const ALL: [Self; 4] = [Self::Document, Self::Commands, Self::Connection, Self::Review];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Commands => "commands",
            Self::Connection => "connection",
            Self::Review => "review",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Document => "Document",
            Self::Commands => "Commands",
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
    parsed: &'w Parsed,
    draft: Draft,
}

impl Wizard<'_> {
    fn typed(&self) -> &Typed {
        &self.draft.typed
    }

    fn address(&self, step: Step) -> String {
        format!("/import/{}/{}", self.draft.id, step.as_str())
    }

    fn go(&self, step: Step) -> Response {
        Redirect::to(&self.address(step)).into_response()
    }

    /// Writes what was typed at a step into the draft.
    async fn save(self, typed: Typed) -> Result<Self, Error> {
        let draft = draft::save(&self.ctx, self.services, self.draft, typed).await?;
        Ok(Self { draft, ..self })
    }

    /// Reads the whole document.
    async fn whole(&self) -> Result<Arc<ReadDocument>, Error> {
        self.parsed.read(&self.ctx, self.services, &self.draft, Choice::default()).await
    }

    /// Reads what was chosen of the document.
    async fn chosen(&self) -> Result<Arc<ReadDocument>, Error> {
        let whole = self.whole().await?;
        let chosen: HashSet<&str> = self.typed().all(CHOSEN).iter().map(String::as_str).collect();
        let operations = &whole.draft.operations;
        let include: Vec<String> =
            operations.iter().map(|one| &one.name).filter(|name| chosen.contains(name.as_str())).cloned().collect();
        let name = |one: &String| Some((one.clone(), self.typed().get(&format!("{NAMES}/{one}"))?.to_owned()));
        let names: Vec<(String, String)> = include.iter().filter_map(name).collect();
        if include.len() == operations.len() && names.is_empty() {
            return Ok(whole);
        }
        let choice = Choice { include: Some(include), names };
        self.parsed.read(&self.ctx, self.services, &self.draft, choice).await
    }

    /// A step as a page.
    fn page(&self, at: Step, status: StatusCode, read: &ReadDocument, content: &Markup) -> Response {
        let id = self.draft.id;
        page(self.frame, at, Some(&format!("/import/{id}")), status, Some(read), content)
    }
}

/// A step as a page; `way` is the address of the draft, if there is one.
fn page(
    frame: &Frame,
    at: Step,
    way: Option<&str>,
    status: StatusCode,
    read: Option<&ReadDocument>,
    content: &Markup,
) -> Response {
    let title = if status == StatusCode::OK { TITLE.to_owned() } else { format!("Error: {TITLE}") };
    let named = html! {
        h1 { (TITLE) }
        @if let Some(read) = read {
            (badge("line", "file", &format!("{} {}", named(read), read.draft.version)))
        }
    };
    let reached = Step::ALL.iter().position(|step| *step == at).unwrap_or(0);
    let whole = html! {
        (head(&[("/connectors", "Connectors")], &named, "", &html! {}))
        ol.steps aria-label="Steps" {
            @for (number, step) in Step::ALL.iter().enumerate() {
                li.done[number < reached] aria-current=[(number == reached).then_some("step")] {
                    span.dot aria-hidden="true" { @if number < reached { (icon("check")) } @else { (number + 1) } }
                    @match way.filter(|_| number < reached) {
                        Some(way) => a href={ (way) "/" (step.as_str()) } { (step.title()) },
                        None => (step.title()),
                    }
                }
            }
        }
        (content)
    };
    frame.page_with(status, &title, &whole)
}

/// What a document is called.
fn named(read: &ReadDocument) -> &str {
    if read.title.is_empty() { &read.draft.name } else { &read.title }
}

/// Asks for a document.
pub(in crate::ui) async fn start(frame: Frame, State(services): State<Services>) -> Result<Response, Problem> {
    let begun = draft::begun(frame.ctx()?, &services, KIND).await?;
    let form = Form { address: "/import", back: "/connectors", ..Form::default() };
    let content = html! { (form.show()) (unfinished("/import", &begun)) };
    Ok(page(&frame, Step::Document, None, StatusCode::OK, None, &content))
}

/// Reads the document that was given, and begins a draft.
pub(in crate::ui) async fn begin(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    request: Request,
) -> Result<Response, Problem> {
    let form = Form { address: "/import", back: "/connectors", ..Form::default() };
    take(&frame, &services, &parsed, form, None, request).await
}

/// Shows the document of a draft, and the form that takes another one.
pub(in crate::ui) async fn document(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    let wizard = match open(&frame, &services, &parsed, frame.ctx()?.clone(), &id).await? {
        Opened::Draft(wizard) => wizard,
        Opened::Made(response) => return Ok(response),
    };
    let read = wizard.whole().await?;
    let (address, back) = (wizard.address(Step::Document), wizard.address(Step::Commands));
    let typed = document::shown_again(&services, &wizard.draft).await?;
    let form = Form { address: &address, back: &back, typed, is_known: true, ..Form::default() };
    Ok(wizard.page(Step::Document, StatusCode::OK, &read, &form.show()))
}

/// Reads another document for a draft.
pub(in crate::ui) async fn replace(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKey(id): PathKey,
    request: Request,
) -> Result<Response, Problem> {
    let wizard = match open(&frame, &services, &parsed, frame.ctx()?.clone(), &id).await? {
        Opened::Draft(wizard) => wizard,
        Opened::Made(response) => return Ok(response),
    };
    let (address, back) = (wizard.address(Step::Document), wizard.address(Step::Commands));
    let form = Form { address: &address, back: &back, ..Form::default() };
    take(&frame, &services, &parsed, form, Some(wizard.draft), request).await
}

async fn take(
    frame: &Frame,
    services: &Services,
    parsed: &Parsed,
    form: Form<'_>,
    draft: Option<Draft>,
    request: Request,
) -> Result<Response, Problem> {
    let way = draft.as_ref().map(|draft| format!("/import/{}", draft.id));
    let given = match document::take(frame, services, request).await? {
        Ok(given) => given,
        Err(refused) => {
            let content = Form { typed: refused.typed, mistakes: refused.mistakes, excerpt: refused.excerpt, ..form };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(page(frame, Step::Document, way.as_deref(), status, None, &content.show()));
        }
    };
    let Given { ctx, mut typed, read, document } = given;
    let usable = read.draft.operations.iter().filter(|one| one.verdict != floh_client::answers::Verdict::Refused);
    typed.set_all(CHOSEN, usable.map(|one| one.name.clone()).collect());
    typed.set(draft::TITLE, named(&read));
    let draft = match draft {
        None => match draft::create_with(&ctx, services, KIND, typed.clone(), document).await {
            Ok(draft) => draft,
            Err(error) if error.code() == "too_many_drafts" => {
                let begun = draft::begun(&ctx, services, KIND).await?;
                let form = Form { typed, mistakes: Mistakes::of(&error), ..form };
                let content = html! { (form.show()) (unfinished("/import", &begun)) };
                return Ok(page(frame, Step::Document, None, StatusCode::UNPROCESSABLE_ENTITY, None, &content));
            }
            Err(error) => return Err(error.into()),
        },
        Some(draft) => {
            // What was typed at the later steps stays.
            let mut kept = draft.typed.clone();
            kept.forget(NAMES);
            for (name, _) in typed.iter() {
                kept.set_all(name, typed.all(name).to_vec());
            }
            draft::save_with(&ctx, services, draft, kept, Arc::new(document)).await?
        }
    };
    parsed.keep_whole(&draft, read);
    let wizard = Wizard { frame, ctx, services, parsed, draft };
    Ok(wizard.go(Step::Commands))
}

/// Leads to the commands of a draft.
pub(in crate::ui) async fn resume(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    match open(&frame, &services, &parsed, frame.ctx()?.clone(), &id).await? {
        Opened::Draft(wizard) => Ok(wizard.go(Step::Commands)),
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
    Ok(Redirect::to("/import").into_response())
}

/// Sends the script of a draft as a file.
pub(in crate::ui) async fn script(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    let wizard = match open(&frame, &services, &parsed, frame.ctx()?.clone(), &id).await? {
        Opened::Draft(wizard) => wizard,
        Opened::Made(response) => return Ok(response),
    };
    let read = wizard.chosen().await?;
    let name = format!("{}.js", read.draft.name);
    Ok(code::file(&name, "text/javascript; charset=utf-8", read.draft.script_source.clone()))
}

/// Shows a step.
pub(in crate::ui) async fn step(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKeys(id, step): PathKeys,
) -> Result<Response, Problem> {
    let step = step_of(&step)?;
    let wizard = match open(&frame, &services, &parsed, frame.ctx()?.clone(), &id).await? {
        Opened::Draft(wizard) => wizard,
        Opened::Made(response) => return Ok(response),
    };
    match step {
        Step::Document => Ok(wizard.go(Step::Document)),
        Step::Commands => commands::show(&wizard).await,
        Step::Connection => connection::show(&wizard).await,
        Step::Review => review::show(&wizard).await,
    }
}

/// Takes what was typed at a step, and goes on.
pub(in crate::ui) async fn take_step(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKeys(id, step): PathKeys,
    body: FormBody,
) -> Result<Response, Problem> {
    let step = step_of(&step)?;
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let wizard = match open(&frame, &services, &parsed, ctx, &id).await? {
        Opened::Draft(wizard) => wizard,
        Opened::Made(response) => return Ok(response),
    };
    match step {
        Step::Document => Ok(wizard.go(Step::Document)),
        Step::Commands => commands::take(wizard, typed).await,
        Step::Connection => connection::take(wizard, typed).await,
        Step::Review => review::create(wizard).await,
    }
}

fn step_of(word: &str) -> Result<Step, Error> {
    Step::parse(word).ok_or_else(|| Error::not_found(format!("{TITLE} has no step {word}")))
}

enum Opened<'w> {
    Draft(Wizard<'w>),
    /// The connector was made from this draft already: that of a second press of the button.
    Made(Response),
}

async fn open<'w>(
    frame: &'w Frame,
    services: &'w Services,
    parsed: &'w Parsed,
    ctx: OpContext,
    id: &str,
) -> Result<Opened<'w>, Problem> {
    let draft = match draft::open(&ctx, services, id, KIND, TITLE).await? {
        Found::Draft(draft) => draft,
        Found::Used(made) => return Ok(Opened::Made(Redirect::to(&format!("/connectors/{made}")).into_response())),
    };
    Ok(Opened::Draft(Wizard { frame, ctx, services, parsed, draft }))
}
