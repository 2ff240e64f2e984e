//! The agents that are connected, or were so recently.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::AgentView;
use maud::{Markup, html};

use crate::api::{Problem, Query};
use crate::catalog;
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;
use crate::ui::part::badge;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{empty, pager};
use crate::ui::part::time;

/// Shows agents, the newest connection first.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let found = catalog::list_agents(frame.ctx()?, &services, &page)?;
    let content = html! {
        (head(&[], &html! { h1 { "Agents" } }, "", &html! {}))
        section.card aria-label="Agents" {
            @if found.items.is_empty() && page.cursor.is_none() {
                (empty("server", "No agents yet", "An agent runs commands in a network that this server cannot reach. It connects from there, with a token of its own.", &html! {}))
                div.body { (how_to()) }
            } @else {
                (table(&found.items))
                (pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &badge::count(found.items.len(), "agent", "agents")))
            }
        }
    };
    Ok(frame.page("Agents", &content))
}

fn how_to() -> Markup {
    html! {
        ol.stack {
            li { p { "Make a token for it, here under " a href="/settings/tokens" { "Tokens" } ", or on the machine that runs Floh:" } pre.code tabindex="0" role="region" aria-label="Command that makes a token" { "floh token create --kind agent --name site-1 --agent-id site-1 --connector sap-hr" } }
            li { p { "Start it in the other network:" } pre.code tabindex="0" role="region" aria-label="Command that starts an agent" { "floh agent --server wss://floh.example.com --token-file agent.token --config agent.toml" } }
        }
    }
}

fn table(agents: &[AgentView]) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Agents, the newest connection first" }
                thead {
                    tr {
                        th scope="col" { "Agent" }
                        th scope="col" { "State" }
                        th.p2 scope="col" { "Serves" }
                        th.p3 scope="col" { "Version" }
                        th.p3 scope="col" { "Address" }
                        th.num.p3 scope="col" { "Latency" }
                        th.num.p2 scope="col" { "In flight" }
                    }
                }
                tbody {
                    @for agent in agents {
                        tr {
                            th scope="row" { (agent.agent_id) @if agent.agent_name != agent.agent_id { span.sub { (agent.agent_name) } } }
                            td {
                                span.row.tight { (badge::agent(agent.state)) (time::ago(agent.lost_at.unwrap_or(agent.connected_at))) }
                                @if let Some(error) = &agent.last_error { span.sub { (error) } }
                                @if let Some(server) = &agent.server { span.sub { "at another server, " code { (server) } } }
                            }
                            td.p2 {
                                (agent.connector_names.join(", "))
                                @for (name, reason) in &agent.refused { p.error { (icon("alert")) span { (name) " is refused: " (reason) } } }
                            }
                            td.p3 { (agent.agent_version.as_deref().unwrap_or("not sent")) }
                            td.p3 { code { (agent.remote_address.as_deref().unwrap_or("")) } }
                            td.num.p3 { @if let Some(ms) = agent.latency_ms { (format!("{ms:.1} ms")) } }
                            td.num.p2 {
                                @if let Some(in_flight) = agent.in_flight { (in_flight) " of " }
                                (agent.max_concurrent)
                            }
                        }
                    }
                }
            }
        }
    }
}
