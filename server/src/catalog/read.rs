//! Reading connectors.

use std::sync::Arc;

use connector_runtime::mock::DEFAULT_SCENARIO;
use connector_runtime::protocol::Fingerprint;
use connector_runtime::schema::ConfigSchema;
use floh_client::answers::{AgentView, ConnectorView, RemoteState};
use serde_json::Value;
use url::Url;

use super::connection_fields::connections;
use super::view::{connector_view, is_served_by_agent, service_state, take_agent_config};
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorFilter, ExecutionModel, Only, Page, PageRequest};
use crate::type_schema::type_schema;

/// Returns a connector by id or name.
///
/// # Errors
/// 404 if there is none.
pub async fn get(ctx: &OpContext, services: &Services, key: &str) -> Result<ConnectorView, Error> {
    Ok(get_with_schema(ctx, services, key).await?.0)
}

/// Returns a connector by id or name, with what its type accepts: whoever may see a connector may see which fields and commands
/// it has. The schema is parsed once, and that of an imported type is large.
///
/// # Errors
/// Denied; not found.
pub async fn get_with_schema(
    ctx: &OpContext,
    services: &Services,
    key: &str,
) -> Result<(ConnectorView, Arc<ConfigSchema>), Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    let connector = services.store.connectors().get(key).await?;
    ctx.authorize_connector(key, &connector.fields.name)?;
    let row = services.store.types().get(&connector.type_id.to_string()).await?;
    let schema = type_schema(&services.registry, &row)?;
    let mut view = connector_view(connector, &schema.connection, row.available);
    let endpoint = view.endpoint_url.as_deref().and_then(|endpoint| Url::parse(endpoint).ok());
    let expected = (!schema.open).then(|| Fingerprint::of(&row.fields.version, &schema));
    view.state = endpoint.map(|endpoint| {
        let state = services.service_statuses.at(view.id, &endpoint).state(expected.as_ref());
        RemoteState::Service(service_state(state))
    });
    if is_served_by_agent(&view) {
        let agent = services.agents.serving_agent(&view.name);
        take_agent_config(&mut view, &agent);
        view.state = Some(RemoteState::Agent(agent.shown));
    }
    Ok((view, schema))
}

/// Returns a page of connectors, newest first.
///
/// # Errors
/// 422 if the cursor was not issued for this list.
pub async fn list(
    ctx: &OpContext,
    services: &Services,
    filter: &ConnectorFilter,
    page: &PageRequest,
) -> Result<Page<ConnectorView>, Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    let only = Only { bound: ctx.bound().clone(), ..Only::default() };
    let connectors = services.store.connectors().list_only(filter, &only, page).await?;
    let ids: Vec<_> = connectors.items.iter().map(|connector| connector.type_id).collect();
    let types = connections(services, &ids).await?;
    let items = connectors.items.into_iter().filter_map(|connector| {
        let of = types.get(&connector.type_id)?;
        let mut view = connector_view(connector, &of.schema.connection, of.available);
        if is_served_by_agent(&view) {
            let agent = services.agents.serving_agent(&view.name);
            take_agent_config(&mut view, &agent);
        }
        Some(view)
    });
    Ok(Page { items: items.collect(), next_cursor: connectors.next_cursor })
}

/// Returns a page of the agents that are connected or were so recently; the newest connection first.
///
/// # Errors
/// Invalid if the cursor was not issued for this list.
pub fn list_agents(ctx: &OpContext, services: &Services, page: &PageRequest) -> Result<Page<AgentView>, Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    Ok(services.agents.list(page)?)
}

/// Returns what a type accepts, for the form of a new connector.
///
/// # Errors
/// Denied; not found.
pub async fn schema_of_type(ctx: &OpContext, services: &Services, key: &str) -> Result<Arc<ConfigSchema>, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    type_schema(&services.registry, &row)
}

/// Returns the names of the mock scenarios that a command of a connector has: those of its settings, then those in code.
///
/// # Errors
/// Denied.
pub fn mock_scenarios(
    ctx: &OpContext,
    services: &Services,
    view: &ConnectorView,
    command: &str,
) -> Result<Vec<String>, Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    let data = view.mock.get("data").and_then(|data| data.get(command)).and_then(Value::as_object);
    let own = match data {
        // One result, or a result for each scenario.
        Some(data) if data.get("success").is_some_and(Value::is_boolean) => vec![DEFAULT_SCENARIO.to_owned()],
        Some(data) => data.keys().cloned().collect(),
        None => Vec::new(),
    };
    let compiled = services.registry.get(&view.type_name).filter(|_| view.execution_model == ExecutionModel::BuiltIn);
    let spec = compiled.and_then(|entry| entry.descriptor().command(command));
    let in_code = spec.map(|spec| spec.mocks.iter().map(|mock| mock.scenario.to_owned()).collect()).unwrap_or_default();
    let mut names = own;
    for name in Vec::<String>::into_iter(in_code) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
