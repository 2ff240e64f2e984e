//! Resources: connectors, types, executions, runs, guides. What they show is what REST shows.

use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::json;

use super::cursor::ListKey;
use super::handler::{TTL_MS, failed};
use super::tools::{execution_record, run_record};
use crate::app::App;
use crate::auth::{OpContext, Scope};
use crate::catalog;
use crate::error::{Error, ErrorKind};
use crate::plain_text::plain;
use crate::runs::GUIDE_RUNS;
use crate::scaffold::GUIDE_SCRIPTS;
use crate::store::{ConnectorFilter, PageRequest};

/// How many connectors a page of the list has.
const PAGE: u32 = 200;
/// The maximum number of characters of a description.
const MAX_DESCRIPTION: usize = 256;
/// The guides: address, name, title, text.
const GUIDES: [(&str, &str, &str, &str); 2] = [
    ("floh://guide/scripts", "guide/scripts", "How to write a script connector", GUIDE_SCRIPTS),
    ("floh://guide/runs", "guide/runs", "How to write a run", GUIDE_RUNS),
];
const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";

/// A kind of resource: its scheme up to its name, and the scope that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connector,
    Type,
    Execution,
    Run,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Connector, Self::Type, Self::Execution, Self::Run];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Connector => "floh://connectors/",
            Self::Type => "floh://connector-types/",
            Self::Execution => "floh://executions/",
            Self::Run => "floh://runs/",
        }
    }

    const fn template(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Connector => (
                "floh://connectors/{name}",
                "connector",
                "A connector: what it is, what it lacks, its state; no secrets",
            ),
            Self::Type => (
                "floh://connector-types/{name}",
                "connector type",
                "A connector type: its schema, its capabilities, where it is from",
            ),
            Self::Execution => ("floh://executions/{id}", "execution", "The record of a call, redacted"),
            Self::Run => ("floh://runs/{id}", "run", "A run: its status, steps, variables and tasks, redacted"),
        }
    }

    /// Returns whether a caller may read resources of this kind. The list and the read go by this.
    fn is_readable(self, ctx: &OpContext) -> bool {
        match self {
            Self::Connector => ctx.allows(Scope::ConnectorsRead),
            Self::Type => ctx.allows(Scope::TypesRead),
            Self::Execution => ctx.allows(Scope::AuditRead) || ctx.allows(Scope::ConnectorsExecuteRead),
            Self::Run => ctx.allows(Scope::RunsRead),
        }
    }
}

/// Returns the address of an execution.
pub(super) fn execution(id: &str) -> String {
    format!("{}{id}", Kind::Execution.prefix())
}

/// Returns the address of a run.
pub(super) fn run(id: &str) -> String {
    format!("{}{id}", Kind::Run.prefix())
}

/// Lists the guides, then the connectors.
pub(super) async fn list(ctx: &OpContext, app: &App, cursor: Option<&str>) -> Result<ListResourcesResult, ErrorData> {
    let key = ListKey::new(ctx.token_id(), &["resources"]);
    let after = key.place(cursor)?;
    let mut result = ListResourcesResult::with_all_items(Vec::new());
    let is_first = after.is_none();
    if is_first {
        let guide = |(uri, name, title, _): (&str, &str, &str, &str)| {
            Resource::new(uri, name).with_title(title).with_mime_type(MARKDOWN)
        };
        result.resources.extend(GUIDES.into_iter().map(guide));
    }
    if Kind::Connector.is_readable(ctx) {
        let page = PageRequest { limit: PAGE, cursor: after };
        let connectors = catalog::list(ctx, app.services(), &ConnectorFilter::default(), &page).await;
        let connectors = connectors.map_err(|error| failed(&error))?;
        result.next_cursor = connectors.next_cursor.as_deref().map(|place| key.cursor(place));
        result.resources.extend(connectors.items.into_iter().map(|connector| {
            let uri = format!("{}{}", Kind::Connector.prefix(), connector.name);
            let text = format!("{} (type {} {})", connector.description, connector.type_name, connector.version);
            Resource::new(uri, connector.name).with_description(plain(&text, MAX_DESCRIPTION)).with_mime_type(JSON)
        }));
    }
    Ok(result.with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Private))
}

/// Lists the forms of addresses.
pub(super) fn templates(ctx: &OpContext) -> ListResourceTemplatesResult {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_readable(ctx));
    let mut templates: Vec<ResourceTemplate> = kinds
        .map(|kind| {
            let (uri, name, description) = kind.template();
            ResourceTemplate::new(uri, name).with_description(description).with_mime_type(JSON)
        })
        .collect();
    let guides = ResourceTemplate::new("floh://guide/{name}", "guide").with_description("A guide: scripts, runs");
    templates.push(guides.with_mime_type(MARKDOWN));
    let result = ListResourceTemplatesResult::with_all_items(templates);
    result.with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Private)
}

/// Reads a resource.
pub(super) async fn read(ctx: &OpContext, app: &App, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let unknown = || {
        let uri = plain(uri, MAX_DESCRIPTION);
        ErrorData::resource_not_found(
            format!("There is no resource {uri} that this token may read"),
            Some(json!({ "uri": uri })),
        )
    };
    if let Some((.., text)) = GUIDES.into_iter().find(|guide| guide.0 == uri) {
        return Ok(contents(uri, MARKDOWN, text.to_owned()));
    }
    let found = Kind::ALL.into_iter().find_map(|kind| Some((kind, uri.strip_prefix(kind.prefix())?)));
    let Some((kind, name)) = found.filter(|(kind, name)| !name.is_empty() && kind.is_readable(ctx)) else {
        return Err(unknown());
    };
    let services = app.services();
    let text = match kind {
        Kind::Connector => catalog::get(ctx, services, name).await.map(|view| json!(view).to_string()),
        Kind::Type => match catalog::get_type(ctx, services, name).await {
            Ok(view) => catalog::capabilities(ctx, services, name).await.map(|capabilities| {
                let mut shown = json!(view);
                shown["capabilities"] = json!(capabilities.commands);
                shown.to_string()
            }),
            Err(error) => Err(error),
        },
        Kind::Execution => execution_record(ctx, services, name).await.map(|view| json!(view).to_string()),
        // Its text is not made a tree: a run may be large.
        Kind::Run => {
            run_record(ctx, services, name).await.and_then(|view| serde_json::to_string(&view).map_err(Error::internal))
        }
    };
    let text = text.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Denied(_) => unknown(),
        _ => failed(&error),
    })?;
    Ok(contents(uri, JSON, text))
}

fn contents(uri: &str, mime_type: &str, text: String) -> ReadResourceResult {
    let contents = vec![ResourceContents::text(text, uri).with_mime_type(mime_type)];
    ReadResourceResult::new(contents).with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Private)
}
