//! The search over commands.

use connector_runtime::schema::Effect;
use serde_json::{Value, json};

use super::{Arguments, Outcome, ToolCall};
use crate::commands::{self, CommandQuery, MAX_COMMANDS_FOUND};
use crate::error::Error;
use crate::mcp::cursor::ListKey;
use crate::mcp::tool_name::tool_name;

/// How many commands an answer has if nothing is asked.
const USUAL: usize = 10;
/// How many of them come with what they take.
const DESCRIBED: usize = 5;
/// The size of what they take in all, in bytes, beyond which it is left out.
const MAX_DESCRIBED: usize = 32 * 1024;

/// Finds commands.
pub(super) async fn search(call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = Arguments::new(call.arguments);
    let query = arguments.text("query").unwrap_or_default();
    let connector = arguments.text("connector");
    let effect: Option<Effect> = arguments.word("effect", "read, create, update, delete");
    let limit = arguments.number("limit", 1, MAX_COMMANDS_FOUND as u64).unwrap_or(USUAL);
    let cursor = arguments.text("cursor");
    arguments.finish("query, connector, effect, limit, cursor")?;
    let services = call.app.services();
    let parts = ["search", &query, connector.as_deref().unwrap_or_default(), effect.map_or("", Effect::as_str)];
    let key = ListKey::new(call.ctx.token_id(), &parts);
    let place =
        key.place(cursor.as_deref()).map_err(|error| Error::invalid_at("/cursor", error.message.into_owned()))?;
    let offset = place.and_then(|place| place.parse().ok()).unwrap_or_default();
    let asked = CommandQuery { query, connector, effect, offset, limit };
    let found = commands::search_commands(call.ctx, services, asked).await?;
    let mut items = Vec::new();
    let mut bytes = 0;
    for (number, (connector, command)) in found.iter().enumerate() {
        let mut item = json!({
            "tool": tool_name(&connector.name, &command.name, call.settings.name_length),
            "connector": connector.name,
            "command": command.name,
            "description": command.description,
            "effect": command.effect.map(Effect::as_str),
            "idempotent": command.idempotent,
            "deprecated": command.deprecated,
        });
        if number < DESCRIBED && commands::may_call(call.ctx, connector, command) {
            let input = call.commands.input(call.ctx, services, connector, command).await?;
            if let Some(input) = input.map(|input| Value::Object((*input).clone())) {
                bytes += input.to_string().len();
                if bytes <= MAX_DESCRIBED {
                    item["inputSchema"] = input;
                }
            }
        }
        items.push(item);
    }
    let end = offset + items.len();
    let mut answer = json!({ "items": items });
    if end < found.total {
        answer["nextCursor"] = Value::from(key.cursor(&end.to_string()));
    }
    Ok(answer.into())
}
