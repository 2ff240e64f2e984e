//! What this server is: its version, its types, its keys and rules, and how much of the disk it takes.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::about::{About, Surroundings, about};
use crate::api::Problem;
use crate::app::App;
use crate::ui::door::Frame;
use crate::ui::part::amount;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::keys;

/// Shows the facts.
pub(in crate::ui) async fn show(frame: Frame, State(app): State<App>) -> Result<Response, Problem> {
    let About { version, database, disk, key, connectors, types, surroundings } =
        about(frame.ctx()?, app.services()).await?;
    let is_plain = frame.is_plain_http_elsewhere(&app);
    let content = html! {
        (head(&[], &html! { h1 { "About" } }, "", &html! {}))
        @if is_plain {
            p.notice.warn { (icon("alert")) span { "These pages are served over plain http beyond this machine: tokens and sessions travel unprotected. Let a proxy end TLS, and name its address with " code { "--public-url" } "." } }
        }
        div.split {
            section.card aria-labelledby="server-title" {
                header { h2 #server-title { "Server" } }
                div.body {
                    dl.facts {
                        dt { "Version" } dd { (version) }
                        dt { "Database" } dd { (database) @if let Some(bytes) = disk { ", " (amount::bytes(bytes)) } }
                        dt { "Sealing key" } dd { (key) }
                        @if let Some(around) = &surroundings {
                            dt { "Data folder" } dd { code { (around.data_folder) } }
                            dt { "Egress" } dd { (egress(around)) }
                        }
                        dt { "Documents" } dd { a href="/api/openapi.json" { "REST, as an OpenAPI document" } }
                    }
                }
            }
            div.stack {
                section.card aria-labelledby="types-title" {
                    header { h2 #types-title { "Types of this program" } span.end.muted { (types.len()) } }
                    div.table { table {
                        caption.sr { "Connector types that are compiled in" }
                        thead { tr { th scope="col" { "Type" } th scope="col" { "Version" } th.num scope="col" { "Commands" } } }
                        tbody { @for known in &types { tr { th scope="row" { (known.name) } td { (known.version) } td.num { (known.commands) } } } }
                    } }
                    div.body { p.muted { "Connectors: " (connectors) } }
                }
                section.card aria-labelledby="keys-title" {
                    header { h2 #keys-title { "Keys" } }
                    div.body.stack {
                        (keys::list())
                        (keys::switch())
                    }
                }
            }
        }
    };
    Ok(frame.page("About", &content))
}

/// What the server may call.
fn egress(around: &Surroundings) -> Markup {
    html! {
        "Public addresses" @if around.egress_allow.is_empty() { ". Others with " code { "--egress-allow" } }
        @for (word, entries) in [("also allowed", &around.egress_allow), ("refused", &around.egress_deny)] {
            @if !entries.is_empty() { br; (word) ": " @for (number, entry) in entries.iter().enumerate() { @if number > 0 { ", " } code { (entry) } } }
        }
        @if let Some(proxy) = &around.egress_proxy { br; "through the proxy " code { (proxy) } }
    }
}
