//! The head of every page of a connector type: its name, its badges, and its tabs.

use axum::response::{IntoResponse, Redirect, Response};
use floh_client::words::{ExecutionModel, TypeSource};
use maud::{Markup, html};

use crate::auth::{OpContext, Scope};
use crate::catalog::{self, TypeHead};
use crate::error::Error;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::page::new::OF_TYPE;
use crate::ui::part::badge::{self, badge};
use crate::ui::part::frame;
use crate::ui::part::icon::icon;

/// A connector type as the head of its pages shows it.
#[derive(Debug)]
pub(in crate::ui) struct TypeShown {
    /// The type.
    pub(in crate::ui) head: TypeHead,
}

impl TypeShown {
    /// Reads a type by its name or id.
    pub(in crate::ui) async fn read(ctx: &OpContext, services: &Services, key: &str) -> Result<Self, Error> {
        Ok(Self { head: catalog::type_head(ctx, services, key).await? })
    }

    /// Returns the address of the type, or of a tab of it.
    pub(in crate::ui) fn address(&self, tab: &str) -> String {
        let name = &self.head.name;
        if tab.is_empty() { format!("/types/{name}") } else { format!("/types/{name}/{tab}") }
    }

    /// Returns whether the type runs a script.
    pub(in crate::ui) fn has_script(&self) -> bool {
        matches!(self.head.execution_model, ExecutionModel::Script | ExecutionModel::OasDerived)
    }

    /// Leads from the id of a type to its name; the query goes with it.
    pub(in crate::ui) fn to_name(&self, frame: &Frame, key: &str) -> Option<Response> {
        if key == self.head.name {
            return None;
        }
        let rest = frame.address();
        let rest = rest.strip_prefix("/types/").and_then(|rest| rest.find(['/', '?']).map(|end| &rest[end..]));
        Some(Redirect::permanent(&format!("/types/{}{}", self.head.name, rest.unwrap_or_default())).into_response())
    }

    /// Says that a version was saved, on the page that a save leads to; `what` says of it what is on the page.
    pub(in crate::ui) fn saved(&self, version: Option<&str>, what: &str) -> Markup {
        html! {
            @if let Some(version) = version.filter(|version| *version == self.head.version) {
                p.notice.good role="status" { (icon("check")) span { (self.head.name) " " (version) " is saved. " (what) a href=(self.address("versions")) { "What changed" } } }
            }
        }
    }

    /// Shows the head of a page of the type, with the tab that it is: `""` for the overview, `schema`, `script`,
    /// `versions`, `used-by`.
    pub(in crate::ui) fn head(&self, tab: &str, actions: &Markup) -> Markup {
        let head = &self.head;
        let title = html! {
            h1 { (head.name) }
            (badge("line", "", &head.version))
            (badge("line", badge::model_icon(head.execution_model), badge::model(head.execution_model)))
            @if head.source == TypeSource::Code { (badge("line", "", "Compiled in")) }
            @if !head.available { (badge("bad", "alert", "Not part of this server")) }
        };
        let commands = head.commands.map(|count| count.to_string()).unwrap_or_default();
        let instances = head.instances.to_string();
        let tabs = [
            ("", "Overview", commands.as_str(), true),
            ("schema", "Schema", "", true),
            ("script", "Script", "", self.has_script()),
            ("versions", "Versions", "", true),
            ("used-by", "Used by", instances.as_str(), true),
        ];
        html! {
            (frame::head(&[("/types", "Types")], &title, &head.description, actions))
            nav.tabs aria-label=(head.name) {
                @for (name, word, count, is_there) in tabs {
                    @if is_there {
                        a href=(self.address(name)) aria-current=[(tab == name).then_some("page")] { (word) @if !count.is_empty() { " " span.n { (count) } } }
                    }
                }
            }
        }
    }
}

/// A button that begins a connector of the type, for those who may make one.
pub(in crate::ui) fn new_connector(frame: &Frame, shown: &TypeShown) -> Markup {
    let scope = Scope::ConnectorsWrite;
    let why = (!frame.allows(scope)).then(|| format!("Needs the scope {}", scope.as_str()));
    html! {
        @if shown.head.available {
            form method="post" action="/new" {
                input type="hidden" name=(OF_TYPE) value=(shown.head.name);
                button.btn disabled[why.is_some()] title=[why.as_deref()] { (icon("plus")) "New Connector" @if let Some(why) = &why { span.sr { " (" (why) ")" } } }
            }
        }
    }
}

/// A button that leads on for those who may, and says what others lack.
pub(in crate::ui) fn action(frame: &Frame, scopes: &[Scope], class: &str, address: &str, content: &Markup) -> Markup {
    let lacking = scopes.iter().find(|scope| !frame.allows(**scope));
    match lacking {
        None => html! { a class={ "btn " (class) } href=(address) { (content) } },
        Some(scope) => {
            let why = format!("Needs the scope {}", scope.as_str());
            html! { button class={ "btn " (class) } type="button" disabled title=(why) { (content) span.sr { " (" (why) ")" } } }
        }
    }
}
