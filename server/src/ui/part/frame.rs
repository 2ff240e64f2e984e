//! What is around every page: the head of the document, the menu, who is signed in.

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use connector_runtime::schema::Effect;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::icon::icon;
use super::prose::prose;
use crate::about::Counts;
use crate::auth::{OpContext, Scope, Session};
use crate::execute;
use crate::ui::assets;

/// The colours that a person has chosen; `None` follows the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Theme {
    Light,
    Dark,
}

impl Theme {
    /// Reads the word of the cookie.
    pub(in crate::ui) fn parse(word: &str) -> Option<Self> {
        match word {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// Returns the word of the cookie.
    pub(in crate::ui) fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What a page knows of the request that it answers.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Frame {
    /// The caller; `None` before the sign-in.
    pub(in crate::ui) ctx: Option<OpContext>,
    /// The session, if a cookie brought it.
    pub(in crate::ui) session: Option<Session>,
    /// The colours.
    pub(in crate::ui) theme: Option<Theme>,
    /// The path of the request.
    pub(in crate::ui) path: String,
    /// Its query, without the question mark.
    pub(in crate::ui) query: String,
    /// The id of the request, which the log names.
    pub(in crate::ui) request_id: String,
    /// The address that the request came from.
    pub(in crate::ui) peer: Option<SocketAddr>,
    /// The numbers in the menu.
    pub(in crate::ui) counts: Counts,
}

/// An entry of the menu: address, icon, word, and the scopes one of which the page needs; without any it needs none.
type Entry = (&'static str, &'static str, &'static str, &'static [Scope]);

const MAIN: &[Entry] = &[
    ("/connectors", "plug", "Connectors", &[Scope::ConnectorsRead]),
    ("/types", "layers", "Types", &[Scope::TypesRead]),
    ("/executions", "pulse", "Executions", &[Scope::AuditRead, Scope::ConnectorsExecuteRead]),
    ("/runs", "runs", "Runs", &[Scope::RunsRead]),
    ("/agents", "server", "Agents", &[Scope::ConnectorsRead]),
];
const SETTINGS: &[Entry] = &[
    ("/settings/tokens", "key", "Tokens", &[Scope::TokensRead]),
    ("/settings/status", "gauge", "Status", &[Scope::MetricsRead]),
    ("/settings/about", "info", "About", &[]),
];

impl Frame {
    /// Returns whether the caller has a scope.
    pub(in crate::ui) fn allows(&self, scope: Scope) -> bool {
        self.ctx.as_ref().is_some_and(|ctx| ctx.allows(scope))
    }

    /// Returns whether the caller may read executions, if only its own.
    pub(in crate::ui) fn reads_executions(&self) -> bool {
        self.ctx.as_ref().is_some_and(|ctx| ctx.authorize_executions().is_ok())
    }

    /// Returns why the caller may not run a command with a name and an effect; `None` if it may.
    pub(in crate::ui) fn hindrance(&self, command: &str, effect: Option<Effect>) -> Option<&'static str> {
        match &self.ctx {
            Some(ctx) if execute::may_run(ctx, command, effect) => None,
            Some(ctx) if ctx.allows(Scope::ConnectorsExecuteRead) => {
                Some("Needs the scope connectors:execute: this command is not declared to read only")
            }
            _ if execute::reads(command, effect) => {
                Some("Needs the scope connectors:execute:read or connectors:execute")
            }
            _ => Some("Needs the scope connectors:execute"),
        }
    }

    /// Returns whether the caller has one of some scopes, or needs none.
    fn allows_one_of(&self, scopes: &[Scope]) -> bool {
        scopes.is_empty() || scopes.iter().any(|scope| self.allows(*scope))
    }

    /// The name of a connector type, which leads to its page for those who may see types. A connector often has the name of its
    /// type, so the link says which of the two it is.
    pub(in crate::ui) fn type_link(&self, name: &str) -> Markup {
        html! { @if self.allows(Scope::TypesRead) { a href={ "/types/" (name) } aria-label={ "Type " (name) } { (name) } } @else { (name) } }
    }

    /// Returns the first page that the caller may see.
    pub(in crate::ui) fn home(&self) -> &'static str {
        let pages = MAIN.iter().chain(SETTINGS);
        let mut seen = pages.filter(|(.., scopes)| self.allows_one_of(scopes));
        seen.next().map_or("/settings/about", |(address, ..)| address)
    }

    /// Answers with a page.
    pub(in crate::ui) fn page(&self, title: &str, content: &Markup) -> Response {
        self.page_with(StatusCode::OK, title, content)
    }

    /// Answers with a page and a status.
    pub(in crate::ui) fn page_with(&self, status: StatusCode, title: &str, content: &Markup) -> Response {
        let body = html! {
            a.skip href="#main" { "Skip to content" }
            div.app {
                header.bar {
                    a.brand href="/" { (icon("flea")) "Floh" }
                    button.btn.icon.bare type="button" popovertarget="side" aria-label="Menu" { (icon("menu")) }
                }
                (self.side())
                main #main tabindex="-1" { div.wrap { (content) } }
            }
        };
        (status, Html(self.document(title, &body).into_string())).into_response()
    }

    /// Answers with a page that has no menu.
    pub(in crate::ui) fn bare_page(&self, status: StatusCode, title: &str, content: &Markup) -> Response {
        (status, Html(self.document(title, content).into_string())).into_response()
    }

    fn document(&self, title: &str, body: &Markup) -> Markup {
        let keys = self.ctx.is_some();
        html! {
            (DOCTYPE)
            html lang="en" data-theme=[self.theme.map(Theme::as_str)] {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · Floh" }
                    link rel="stylesheet" href=(assets::address("floh.css"));
                    link rel="icon" href=(assets::address("floh.svg")) type="image/svg+xml";
                    script type="module" src=(assets::address("floh.js")) {}
                }
                body data-keys[keys] { (body) @if keys { (super::keys::dialog()) } }
            }
        }
    }

    fn side(&self) -> Markup {
        let other = if self.theme == Some(Theme::Dark) { Theme::Light } else { Theme::Dark };
        html! {
            aside.side #side popover aria-label="Menu" {
                a.brand href="/" { (icon("flea")) "Floh" }
                @if self.ctx.is_some() { (self.search()) }
                nav.nav aria-label="Main" { (self.entries(MAIN)) }
                h2 #side-settings { "Settings" }
                nav.nav aria-labelledby="side-settings" { (self.entries(SETTINGS)) }
                footer {
                    @if let Some(ctx) = &self.ctx { (who(ctx)) }
                    form method="post" action="/theme" data-theme-switch {
                        input type="hidden" name="next" value=(self.address());
                        button.plain name="theme" value=(other.as_str()) {
                            (icon("moon")) @if other == Theme::Dark { "Dark theme" } @else { "Light theme" }
                        }
                    }
                    form method="post" action="/logout" { button.plain { (icon("exit")) "Sign out" } }
                }
            }
        }
    }

    /// The search over everything, on every page.
    #[allow(clippy::unused_self, reason = "reads as the other parts of the frame")]
    fn search(&self) -> Markup {
        html! {
            form.search role="search" method="get" action="/search" aria-label="Everything" {
                (icon("search"))
                input type="search" name="q" aria-label="Search connectors, types and commands" placeholder="Search" autocomplete="off";
            }
        }
    }

    fn entries(&self, entries: &[Entry]) -> Markup {
        html! {
            @for (address, mark, word, scopes) in entries {
                @if self.allows_one_of(scopes) {
                    a href=(address) aria-current=[self.is_below(address).then_some("page")] {
                        (icon(mark)) (word)
                        @if let Some(count) = self.count(address) { span.n aria-hidden="true" { (count) } }
                    }
                } @else {
                    span.off aria-disabled="true" title={ "Needs the scope " (one_of(scopes)) } {
                        (icon(mark)) (word) span.sr { " (needs the scope " (one_of(scopes)) ")" }
                    }
                }
            }
        }
    }

    fn count(&self, address: &str) -> Option<u64> {
        match address {
            "/connectors" => self.counts.connectors,
            "/types" => self.counts.types,
            _ => None,
        }
    }

    fn is_below(&self, address: &str) -> bool {
        self.path.strip_prefix(address).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            || (address == "/connectors" && (self.path.starts_with("/new") || self.path.starts_with("/import")))
    }

    /// The path and the query of the request.
    pub(in crate::ui) fn address(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

fn one_of(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" or ")
}

/// Who is signed in, what they may do, and until when.
fn who(ctx: &OpContext) -> Markup {
    let rights = match ctx.identity() {
        Some(identity) if identity.allows(Scope::Admin) => "admin".to_owned(),
        Some(identity) => {
            super::badge::count(Scope::ALL.iter().filter(|scope| identity.allows(**scope)).count(), "right", "rights")
        }
        None => "admin".to_owned(),
    };
    let until = ctx
        .identity()
        .and_then(|identity| identity.expires_at)
        .map_or("until revoked".to_owned(), |end| format!("until {}", day(end)));
    let bound = ctx.bound().names().map(|names| super::badge::count(names.len(), "connector", "connectors"));
    html! { div.who { b { (ctx.actor_name()) } (rights) @if let Some(bound) = bound { " · for " (bound) } " · " (until) } }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The heading of a page: where it is, what it is, what can be done.
pub(in crate::ui) fn head(crumbs: &[(&str, &str)], title: &Markup, text: &str, actions: &Markup) -> Markup {
    html! {
        div.head {
            div {
                @if !crumbs.is_empty() {
                    nav.crumbs aria-label="Breadcrumb" { ol { @for (address, word) in crumbs { li { a href=(address) { (word) } } } } }
                }
                div.title { (title) }
                @if !text.is_empty() { p { (prose(text)) } }
            }
            div.row { (actions) }
        }
    }
}
