//! Hints for clients: what a tool does to what it reaches.

use connector_runtime::schema::Effect;
use rmcp::model::ToolAnnotations;

/// Returns the hints of a tool with the effect of a command. `is_open` is whether it reaches beyond this server.
pub(super) fn of_effect(effect: Option<Effect>, idempotent: bool, is_open: bool) -> ToolAnnotations {
    let reads = effect == Some(Effect::Read);
    // Nobody says what an unknown one does.
    let destroys = matches!(effect, Some(Effect::Update | Effect::Delete) | None);
    ToolAnnotations::new().read_only(reads).destructive(destroys).idempotent(idempotent || reads).open_world(is_open)
}
