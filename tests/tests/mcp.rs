//! `/mcp` and `floh mcp` as software that nobody here wrote sees them: the official conformance suite, the inspector, the
//! clients in Python and TypeScript.
//!
//! `.ci/mcp-clients/get` puts them under the target folder; they are never committed. Without them, one line says so. A
//! client is driven by a small script of ours (`mcp/clients`), a JSON line in for a JSON line out, so that what it finds
//! is judged here.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

#[path = "mcp/bridge.rs"]
mod bridge;
#[path = "mcp/calls.rs"]
mod calls;
#[path = "mcp/confirmation.rs"]
mod confirmation;
#[path = "mcp/conformance.rs"]
mod conformance;
#[path = "mcp/driver.rs"]
mod driver;
#[path = "mcp/guards.rs"]
mod guards;
#[path = "mcp/inspector.rs"]
mod inspector;
#[path = "mcp/python.rs"]
mod python;
#[path = "mcp/server.rs"]
mod server;
#[path = "mcp/stdio.rs"]
mod stdio;
#[path = "mcp/tools.rs"]
mod tools;
#[path = "mcp/typescript.rs"]
mod typescript;
#[path = "mcp/workflow.rs"]
mod workflow;
