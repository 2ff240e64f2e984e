//! Connectors and their types: what may be written, and how it is shown. REST, the command line and
//! later the pages call these functions; no rule about a connector stands anywhere else.

mod config;
mod create;
mod read;
mod types;
mod update;
mod view;

pub use config::{ConfigChange, split_config};
pub use create::{NewConnector, create};
pub use read::{get, list};
pub use types::{TypeView, capabilities, delete_type, get_type, json_schema, json_schemas, list_types, type_schema};
pub use update::{ConnectorPatch, update};
pub use view::{ConnectorView, SecretState};
