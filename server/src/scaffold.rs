//! Writes script connectors from a few words of what they should do: script, config schema and mock data, to begin with.
//!
//! No model is asked. Everything comes from templates, so the same wish gives the same connector. What the wish says is data:
//! it becomes names, quoted texts and comments, and never code (`source`).

mod names;
mod params;
mod path;
mod schema;
mod source;
mod wish;

use serde::Serialize;
use serde_json::Value;

pub use self::wish::{AuthKind, Wish, WishedCommand};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog::{self, WrittenType};
use crate::error::Error;
use crate::services::Services;
use crate::store::ExecutionModel;

/// The maximum number of commands of a wish.
pub const MAX_WISHED_COMMANDS: usize = 50;
/// The maximum number of params, and of outputs, of a command of a wish.
pub const MAX_WISHED_PARAMS: usize = 50;
/// The maximum number of characters of a wish's description.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// The maximum number of characters of a command's description; what is longer is cut.
pub const MAX_COMMAND_DESCRIPTION_CHARS: usize = 500;
/// The maximum number of characters of a path.
pub const MAX_PATH_CHARS: usize = 1_000;
/// The maximum number of characters of a param's name on the wire.
pub const MAX_PARAM_CHARS: usize = 100;

/// How to write a script connector, as Markdown.
pub const GUIDE_SCRIPTS: &str = include_str!("scaffold/guide_scripts.md");
/// What to do with a scaffold, as Markdown; it comes with each.
const GUIDE_NEXT: &str = include_str!("scaffold/guide_next.md");
/// The version of a new type.
const VERSION: &str = "1.0.0";

/// A connector to begin with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scaffold {
    /// The connector, as `POST /api/connectors` accepts it.
    pub connector: ScaffoldConnector,
    /// What the check of a new connector says about it; usually nothing.
    pub checks: Vec<ScaffoldCheck>,
    /// What was assumed, how it goes on, and what scripts are, as Markdown.
    pub guide: String,
}

/// The connector of a scaffold: a body of `POST /api/connectors`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaffoldConnector {
    /// The connector's name.
    pub name: String,
    /// The name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Always `script`.
    pub execution_model: ExecutionModel,
    /// The version of its type.
    pub version: &'static str,
    /// What it is for, in one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its connection fields and commands.
    pub config_schema: Value,
    /// Its script.
    pub script_source: String,
    /// Mock settings, switched off, with a result for every command.
    pub mock: Value,
}

/// Something that the check of a new connector found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScaffoldCheck {
    /// The line of the script, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong, and how to fix it.
    pub message: String,
}

/// Writes a script connector from a wish, and checks it as its creation would. Nothing is stored.
///
/// # Errors
/// Denied; invalid with every mistake of the wish; unavailable if no worker can check the script.
pub async fn generate_script(ctx: &OpContext, services: &Services, wish: Wish) -> Result<Scaffold, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let limit = services.scripts.limits.source;
    let (connector, notes) = blocking::run(move || drawn(&wish, limit)).await?;
    let written = WrittenType {
        name: Some(&connector.type_name),
        version: Some(connector.version),
        model: connector.execution_model,
        schema: &connector.config_schema,
        source: &connector.script_source,
    };
    let checks = match catalog::check_written(ctx, services, written).await {
        Ok(_) => Vec::new(),
        Err(error) if !error.mistakes().is_empty() => {
            let check = |mistake: &crate::error::Mistake| ScaffoldCheck {
                line: mistake.line,
                message: mistake.message.clone(),
            };
            error.mistakes().iter().map(check).collect()
        }
        Err(error) => return Err(error),
    };
    Ok(Scaffold { connector, checks, guide: guide(&notes) })
}

/// Writes the connector of a wish, without a check of its script; `max_source` is the most bytes that the script may have.
///
/// # Errors
/// Invalid with every mistake of the wish.
pub fn draw(wish: &Wish, max_source: usize) -> Result<ScaffoldConnector, Error> {
    drawn(wish, max_source).map(|(connector, _)| connector)
}

fn drawn(wish: &Wish, max_source: usize) -> Result<(ScaffoldConnector, Vec<String>), Error> {
    let plan = wish::plan(wish)?;
    let script_source = source::write(&plan);
    if script_source.len() > max_source {
        let message = format!(
            "the script would have {} bytes, and a script has at most {max_source}; wish fewer commands or params",
            script_source.len()
        );
        return Err(Error::invalid_at("/commands", message));
    }
    let connector = ScaffoldConnector {
        type_name: plan.name.clone(),
        execution_model: ExecutionModel::Script,
        version: VERSION,
        config_schema: schema::config_schema(&plan),
        mock: schema::mock(&plan),
        script_source,
        name: plan.name,
        description: plan.description,
    };
    Ok((connector, plan.notes))
}

/// Writes the guide: what was assumed, then what to do.
fn guide(notes: &[String]) -> String {
    let mut text = String::new();
    if !notes.is_empty() {
        text.push_str("# What was assumed\n\n");
        for note in notes {
            text.push_str(&format!("* {note}\n"));
        }
        text.push('\n');
    }
    text + GUIDE_NEXT
}

#[cfg(test)]
mod tests;
