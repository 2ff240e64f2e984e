//! Tokens: the list, making one, revoking one.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::answers::TokenView;
use floh_client::bodies::NewToken;
use floh_client::words::TokenKind;
use maud::{Markup, html};
use uuid::Uuid;

use crate::api::{PathKey, Problem, Query, uuid};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::sessions;
use crate::store::PageRequest;
use crate::tokens;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{Line, Typed, capital, id, summary};
use crate::ui::part::badge::{self, badge};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::pager;
use crate::ui::part::{dialog, time};

/// The input with the id of the token that a form makes, so that a form that is sent twice makes one.
const ONCE: &str = "once";
/// The maximum number of connectors that a row names.
const MAX_NAMES: usize = 5;

/// Shows the tokens, newest first.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let ctx = frame.ctx()?;
    let found = tokens::list_tokens(ctx, &services, &page).await?;
    let ids: Vec<Uuid> = found.items.iter().map(|token| token.id).collect();
    let sessions = sessions::count_sessions(ctx, &services, &ids).await?;
    // A caller that is bound to connectors sees no token that reaches all, so it cannot tell which is the last one.
    let is_whole = page.cursor.is_none() && found.next_cursor.is_none() && ctx.bound().is_all();
    let mut admins = found.items.iter().filter(|token| {
        token.connector_names.is_none() && token.scopes.iter().any(|scope| scope == Scope::Admin.as_str())
    });
    let last_admin = admins.next().filter(|_| is_whole && admins.next().is_none()).map(|token| token.id);
    let may_write = frame.allows(Scope::TokensWrite);
    let content = html! {
        (head(&[], &html! { h1 { "Tokens" } }, "Each token is an identity: what it does is recorded under its name.", &html! {
            @if may_write { a.btn.main href="/settings/tokens/new" { (icon("plus")) "Create Token" } }
            @else { button.btn.main disabled title="Needs the scope tokens:write" { (icon("plus")) "Create Token" } }
        }))
        section.card aria-label="Tokens" {
            (table(&frame, &found.items, &sessions, last_admin, may_write))
            (pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &badge::count(found.items.len(), "token", "tokens")))
        }
    };
    Ok(frame.page("Tokens", &content))
}

fn table(
    frame: &Frame,
    items: &[TokenView],
    sessions: &BTreeMap<Uuid, u64>,
    last_admin: Option<Uuid>,
    may_write: bool,
) -> Markup {
    let own = frame.ctx.as_ref().and_then(|ctx| ctx.token_id());
    html! {
        div.table {
            table {
                caption.sr { "Tokens, newest first" }
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th scope="col" { "Rights" }
                        th.p3 scope="col" { "Created" }
                        th.p2 scope="col" { "Last used" }
                        th.p2 scope="col" { "Ends" }
                        th scope="col" { span.sr { "Revoke" } }
                    }
                }
                tbody {
                    @for token in items {
                        tr {
                            th scope="row" { (token.name) @if own == Some(token.id) { " " (badge("info", "", "this session")) } @if let Some(agent) = &token.agent_id { span.sub { "agent " (agent) } } span.sub { code { (short(token.id)) } } }
                            td {
                                @for scope in &token.scopes { code { (scope) } " " }
                                @if let Some(names) = &token.connector_names { (bound(token.kind, names)) }
                            }
                            td.p3 { (time::ago(token.created_at)) }
                            td.p2 { @match token.last_used_at { Some(at) => (time::ago(at)), None => span.muted { "never" } } }
                            td.p2 { @match token.expires_at { Some(at) => (time::exact(at)), None => span.muted { "when revoked" } } }
                            td.tight { @if may_write { (revoke(token, sessions.get(&token.id).copied().unwrap_or(0), own == Some(token.id), last_admin == Some(token.id))) } }
                        }
                    }
                }
            }
        }
    }
}

/// The connectors that a token is bound to.
fn bound(kind: TokenKind, names: &[String]) -> Markup {
    let shown = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MAX_NAMES);
    html! {
        span.sub title=[(more > 0).then(|| names.join(", "))] {
            @if kind == TokenKind::Agent { "serves " } @else { "only " }
            (shown) @if more > 0 { " and " (more) " more" }
        }
    }
}

/// The end of an id, by which tokens of one name are told apart.
fn short(id: Uuid) -> String {
    let text = id.simple().to_string();
    text[text.len() - 8..].to_owned()
}

fn revoke(token: &TokenView, sessions: u64, is_own: bool, is_last_admin: bool) -> Markup {
    let (dialog_id, name) = (format!("revoke-{}", token.id.simple()), &token.name);
    let body = html! {
        p { "Whoever uses it is refused from then on. This cannot be taken back." }
        @if sessions > 0 { p.notice.warn { (icon("alert")) span { "It ends " (badge::count(usize::try_from(sessions).unwrap_or(usize::MAX), "session", "sessions")) " of the pages." } } }
        @if token.kind == TokenKind::Agent { p.notice.warn { (icon("alert")) span { "Its agent is disconnected." } } }
        @if is_last_admin { p.notice.bad { (icon("alert")) span { "No other token may do everything. A new one is then made on the machine itself, with " code { "floh token create --scope admin" } "." } } }
        @if is_own { p.notice.bad { (icon("alert")) span { "It is the token that you are signed in with: you are signed out." } } }
    };
    html! {
        (dialog::opener(&dialog_id, "small danger", &html! { "Revoke" span.sr { " " (name) } }))
        (dialog::form(&dialog_id, &format!("Revoke {name}?"), &format!("/settings/tokens/{}/revoke", token.id), &body, &format!("Revoke {name}"), true))
    }
}

/// Shows the form for a new token.
pub(in crate::ui) async fn new(frame: Frame) -> Response {
    let mut typed = Typed::default();
    typed.set("kind", "api");
    typed.set(ONCE, crate::store::new_id().to_string());
    new_page(&frame, StatusCode::OK, &typed, &[])
}

/// Makes a token and shows it, once.
pub(in crate::ui) async fn create(
    frame: Frame,
    State(services): State<Services>,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let kind = if typed.text("kind") == "agent" { TokenKind::Agent } else { TokenKind::Api };
    let ends = typed.text("expiresAt").trim();
    let expires_at = if ends.is_empty() {
        None
    } else {
        match format!("{ends}T00:00:00Z").parse() {
            Ok(at) => Some(at),
            Err(_) => {
                let line = line("expiresAt", "Ends", "expected a day such as 2027-01-31");
                return Ok(new_page(&frame, StatusCode::UNPROCESSABLE_ENTITY, &typed, &[line]));
            }
        }
    };
    let names = typed.text("connectorNames").split([',', ' ', '\n']);
    let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
    let new = NewToken {
        name: typed.text("name").trim().to_owned(),
        kind,
        scopes: typed.all("scopes").to_vec(),
        expires_at,
        agent_id: (kind == TokenKind::Agent).then(|| typed.text("agentId").trim().to_owned()),
        connector_names: Some(names.collect()).filter(|names: &Vec<String>| !names.is_empty()),
    };
    let id = typed.get(ONCE).map(|id| uuid(id, "token")).transpose()?;
    match tokens::create_token_as(&ctx, &services, id, new).await {
        Ok(token) => Ok(made_page(&frame, &token)),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(made_before(&frame)),
        Err(error) if error.kind() == ErrorKind::Invalid || matches!(error.kind(), ErrorKind::Denied(_)) => {
            Ok(new_page(&frame, StatusCode::UNPROCESSABLE_ENTITY, &typed, &lines(&error)))
        }
        Err(error) => Err(error.into()),
    }
}

fn line(name: &str, label: &str, message: &str) -> Line {
    let (target, label) = (Some(id(&format!("/{name}"))), Some(label.to_owned()));
    Line { target, label, message: capital(message) }
}

fn lines(error: &Error) -> Vec<Line> {
    let places = [
        ("name", "Name"),
        ("scopes", "Rights"),
        ("expiresAt", "Ends"),
        ("agentId", "Agent ID"),
        ("connectorNames", "Connectors"),
    ];
    if error.mistakes().is_empty() {
        return vec![Line { target: None, label: None, message: capital(error.detail()) }];
    }
    let found = error.mistakes().iter().map(|mistake| {
        let first = mistake.pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        match places.iter().find(|(name, _)| *name == first) {
            Some((name, label)) => line(name, label, &mistake.message),
            None => Line { target: None, label: None, message: capital(&mistake.message) },
        }
    });
    found.collect()
}

fn new_page(frame: &Frame, status: StatusCode, typed: &Typed, wrong: &[Line]) -> Response {
    let is_agent = typed.text("kind") == "agent";
    let chosen = typed.all("scopes");
    let mistake = |name: &str| {
        wrong.iter().find(|line| line.target.as_deref() == Some(&id(&format!("/{name}")))).map(|line| &line.message)
    };
    let error = |name: &str| html! { @if let Some(text) = mistake(name) { p.error id={ (id(&format!("/{name}"))) ".error" } { (icon("alert")) span { span.sr { "Error: " } (text) } } } };
    let text = |name: &str, label: &str, help: &str| {
        let is_required = name == "name";
        let at = id(&format!("/{name}"));
        html! {
            div.field data-bad[mistake(name).is_some()] {
                label for=(at) { (label) @if is_required { " " span.req aria-hidden="true" { "required" } } }
                @if !help.is_empty() { p.help id={ (at) ".help" } { (help) } }
                (error(name))
                input id=(at) name=(name) type=(if name == "expiresAt" { "date" } else { "text" }) value=(typed.text(name)) autocomplete="off" spellcheck="false" required[is_required]
                    aria-invalid=[mistake(name).map(|_| "true")] aria-describedby=[(!help.is_empty()).then(|| format!("{at}.help"))];
            }
        }
    };
    let content = html! {
        (head(&[("/settings/tokens", "Tokens")], &html! { h1 { "Create Token" } }, "", &html! {}))
        form.stack.narrow method="post" action="/settings/tokens" novalidate data-guard {
            input type="hidden" name=(ONCE) value=(typed.text(ONCE));
            (summary(wrong))
            section.card {
                div.body.fields {
                    (text("name", "Name", "What it is for: its name stands beside everything that it does."))
                    fieldset.field {
                        legend { "Kind" }
                        div.segments {
                            label { input type="radio" name="kind" value="api" checked[!is_agent]; span { "Person or program" } }
                            label { input type="radio" name="kind" value="agent" checked[is_agent]; span { "Agent" } }
                        }
                    }
                    fieldset.field id=(id("/scopes")) tabindex="-1" data-bad[mistake("scopes").is_some()] {
                        legend { "Rights " span.req aria-hidden="true" { "required" } }
                        p.help { "No token can give what it does not have itself. An agent's token has its own right and needs none of these." }
                        (error("scopes"))
                        div.rights {
                            @for scope in Scope::ALL {
                                @if scope != Scope::AgentsConnect {
                                    @let what = format!("scope-{}", scope.as_str().replace(':', "-"));
                                    label.choice {
                                        input type="checkbox" aria-label=(scope.as_str()) aria-describedby=(what) name="scopes" value=(scope.as_str()) checked[chosen.iter().any(|name| name == scope.as_str())] disabled[!frame.allows(scope)];
                                        span { code { (scope.as_str()) } small id=(what) { (scope.what()) } }
                                    }
                                }
                            }
                        }
                    }
                    (text("expiresAt", "Ends", "The day on which it ends, at 00:00 UTC. Without one it lasts until it is revoked."))
                    (text("connectorNames", "Connectors", "Names separated by commas. The token reaches these alone, everywhere; an agent may serve them. Without names it reaches all that you reach."))
                    details.more open[is_agent] {
                        summary { "For an agent" }
                        div.in.fields { (text("agentId", "Agent ID", "The one agent that may use it.")) }
                    }
                }
                footer { button.btn.main { "Create Token" } a.btn.bare href="/settings/tokens" { "Cancel" } }
            }
        }
    };
    let title = if wrong.is_empty() { "Create Token" } else { "Error: Create Token" };
    frame.page_with(status, title, &content)
}

/// Shows the text of a token. No other answer does.
fn made_page(frame: &Frame, token: &TokenView) -> Response {
    let text = token.token.as_ref().map(connector_runtime::Secret::expose).unwrap_or_default();
    let content = html! {
        (head(&[("/settings/tokens", "Tokens")], &html! { h1 { "Token “" (token.name) "”" } }, "", &html! {}))
        section.card.narrow {
            div.body.stack {
                p.notice.warn { (icon("alert")) span { "It is shown this once. Copy it now; the server keeps only its hash." } }
                pre.code #token-text tabindex="0" role="region" aria-label="Token" { (text) }
                div.row { button.btn type="button" data-copy-from="token-text" { (icon("copy")) "Copy" } a.btn.main href="/settings/tokens" { "I have it" } }
            }
        }
    };
    crate::ui::door::uncompressed(frame.page("Token", &content))
}

/// Says that a form that was sent again, as by a reload, has made its token before.
fn made_before(frame: &Frame) -> Response {
    let content = html! {
        (head(&[("/settings/tokens", "Tokens")], &html! { h1 { "This token was made before" } }, "", &html! {}))
        section.card.narrow {
            div.body.stack {
                p { "The form was sent a second time, which made no second token. The text of the token was shown when it was made and is not kept. If you do not have it, revoke the token and make another one." }
                div.row { a.btn.main href="/settings/tokens" { "Tokens" } a.btn href="/settings/tokens/new" { "Create Token" } }
            }
        }
    };
    frame.page_with(StatusCode::CONFLICT, "This token was made before", &content)
}

/// Revokes a token.
pub(in crate::ui) async fn revoke_one(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
) -> Result<Response, Problem> {
    tokens::revoke_token(frame.ctx()?, &services, uuid(&id, "token")?).await?;
    Ok(Redirect::to("/settings/tokens").into_response())
}
