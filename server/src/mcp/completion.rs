//! Completion of names in prompts and in addresses of resources.

use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference};

use super::handler::failed;
use crate::app::App;
use crate::auth::{OpContext, Scope};
use crate::commands;

/// Completes the beginning of a name of a connector, a type or a command.
pub(super) async fn complete(
    ctx: &OpContext,
    app: &App,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let argument = request.argument.name.as_str();
    let is_type =
        matches!(&request.r#ref, Reference::Resource(resource) if resource.uri.starts_with("floh://connector-types/"));
    let names = match argument {
        "name" | "connector" if !is_type && ctx.allows(Scope::ConnectorsRead) => {
            commands::connector_names(ctx, app.services()).await.map_err(|error| failed(&error))?
        }
        "name" if is_type && ctx.allows(Scope::TypesRead) => {
            let page = crate::store::PageRequest { limit: crate::store::PageRequest::MAX, cursor: None };
            let filter = crate::store::TypeFilter::default();
            let types = crate::catalog::list_type_heads(ctx, app.services(), &filter, &page).await;
            types.map_err(|error| failed(&error))?.items.into_iter().map(|head| head.name).collect()
        }
        "command" if ctx.allows(Scope::ConnectorsExecuteRead) => {
            let list = commands::callable(ctx, app.services()).await.map_err(|error| failed(&error))?;
            let context = request.context.as_ref().and_then(|context| context.arguments.as_ref());
            let of = context.and_then(|known| known.get("connector"));
            let connectors = list.connectors.iter().filter(|connector| of.is_none_or(|name| *name == connector.name));
            let mut names: Vec<String> = connectors
                .flat_map(|connector| connector.of.commands.iter().map(move |command| (connector, command)))
                .filter(|(connector, command)| commands::may_call(ctx, connector, command))
                .map(|(_, command)| command.name.clone())
                .collect();
            names.sort_unstable();
            names.dedup();
            names
        }
        _ => Vec::new(),
    };
    Ok(CompleteResult::new(matching(names, &request.argument.value)?))
}

/// Returns the names that begin with a text, then those that contain it.
fn matching(names: Vec<String>, text: &str) -> Result<CompletionInfo, ErrorData> {
    let text = text.to_lowercase();
    let (begin, rest): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| name.to_lowercase().starts_with(&text));
    let contain = rest.into_iter().filter(|name| name.to_lowercase().contains(&text));
    let mut found: Vec<String> = begin.into_iter().chain(contain).collect();
    let total = u32::try_from(found.len()).ok();
    let has_more = found.len() > CompletionInfo::MAX_VALUES;
    found.truncate(CompletionInfo::MAX_VALUES);
    CompletionInfo::with_pagination(found, total, has_more).map_err(|error| ErrorData::internal_error(error, None))
}
