//! MCP (docs/mcp.md): a door like REST. Every command that a token may call is a tool; a few tools beside them find commands, write
//! and change connectors. The protocol is spoken by `rmcp`, without sessions; what a tool does is done by the use cases.

mod annotations;
mod answer;
mod base_tools;
mod command_tools;
mod completion;
mod confirmation;
mod cursor;
mod gate;
mod handler;
mod limits;
mod listen;
mod message;
mod part;
mod prompts;
mod resources;
mod run_answer;
#[cfg(test)]
mod tests;
mod tool_name;
mod tool_schema;
mod tools;

pub use self::gate::router;

/// The path of the door.
pub const PATH: &str = "/mcp";
