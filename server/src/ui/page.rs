//! The pages. Each reads its request, calls use cases and shows their views; no rule is here.

pub(super) mod about;
pub(super) mod agents;
pub(super) mod change;
pub(super) mod checked;
pub(super) mod command;
pub(super) mod conflict;
pub(super) mod connection;
pub(super) mod connector;
pub(super) mod connectors;
pub(super) mod execution;
pub(super) mod executions;
pub(super) mod import;
pub(super) mod live;
pub(super) mod login;
pub(super) mod mock;
pub(super) mod new;
pub(super) mod problem;
pub(super) mod reimport;
pub(super) mod run;
pub(super) mod run_start;
pub(super) mod runs;
pub(super) mod search;
pub(super) mod settings;
pub(super) mod tokens;
pub(super) mod trial;
pub(super) mod types;
