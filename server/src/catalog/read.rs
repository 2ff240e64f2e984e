//! Reading connectors.

use std::collections::HashMap;

use connector_runtime::protocol::Fingerprint;
use url::Url;

use crate::api::Problem;
use crate::app::App;
use crate::catalog::{ConnectorView, RemoteState};
use crate::store::{ConnectorFilter, Page, PageRequest};

use super::types::type_schema;

/// Returns a connector by id or name.
///
/// # Errors
/// 404 where there is none.
pub async fn get(app: &App, key: &str) -> Result<ConnectorView, Problem> {
    let connector = app.store.connectors().get(key).await?;
    let row = app.store.types().get(&connector.type_id.to_string()).await?;
    let schema = type_schema(app, &row)?;
    let mut view = ConnectorView::new(connector, &schema.connection, row.available);
    let endpoint = view.endpoint_url.as_deref().and_then(|endpoint| Url::parse(endpoint).ok());
    let expected = (!schema.open).then(|| Fingerprint::of(&row.fields.version, &schema));
    view.state = endpoint
        .map(|endpoint| RemoteState::Service(app.service_statuses.at(view.id, &endpoint).state(expected.as_ref())));
    if view.is_served_by_agent() {
        let standing = app.agents.standing(&view.name);
        view.served_by(&standing);
        view.state = Some(RemoteState::Agent(standing));
    }
    Ok(view)
}

/// Returns a page of connectors, newest first.
///
/// # Errors
/// 422 for a cursor that is none of ours.
pub async fn list(app: &App, filter: &ConnectorFilter, page: &PageRequest) -> Result<Page<ConnectorView>, Problem> {
    let connectors = app.store.connectors().list(filter, page).await?;
    let ids: Vec<_> = connectors.items.iter().map(|connector| connector.type_id).collect();
    let rows = app.store.types().by_ids(&ids).await?;
    let mut schemas = HashMap::new();
    for (id, row) in &rows {
        schemas.insert(*id, (type_schema(app, row)?, row.available));
    }
    let items = connectors.items.into_iter().filter_map(|connector| {
        let (schema, available) = schemas.get(&connector.type_id)?;
        let mut view = ConnectorView::new(connector, &schema.connection, *available);
        if view.is_served_by_agent() {
            view.served_by(&app.agents.standing(&view.name));
        }
        Some(view)
    });
    Ok(Page { items: items.collect(), next_cursor: connectors.next_cursor })
}
