//! Connectors and their types: what may be written, and how it is shown. REST, the command line and later the pages
//! call these functions; every rule about connectors is here.

mod affected;
mod affected_definitions;
mod client_certificate;
mod compare;
mod config;
mod config_migration;
mod connection_fields;
mod create;
mod declarations;
mod external;
mod import;
mod mock_settings;
mod named;
mod reach;
mod reached;
mod read;
mod script_source;
mod seal;
mod search;
mod secret_places;
mod secret_values;
mod status;
mod type_change;
mod type_head;
mod type_patch;
mod type_plan;
mod types;
mod update;
mod versions;
mod view;

pub use affected::{AffectedUse, MAX_RECENT_CALLS, RecentUse};
pub use compare::{Compared, compare_versions};
pub use config::{ConfigChange, split_config};
pub use config_migration::ConfigMigration;
pub use create::{create, create_using};
pub use declarations::{declarations, type_declarations};
pub use external::{Probed, Served, probe, served_schema};
pub use import::{
    Choice, FetchedDocument, MAX_DOCUMENT_BYTES, MappedScheme, ReadDocument, WEIGHT_OF_TEXT, fetch_document,
    fetch_spec, mapped_schemes, pack_document, parse_document, read_document, spec_of,
};
pub(crate) use named::{MAX_NAMED, NamedConnectors, named};
pub(crate) use reached::Reached;
pub use read::{get, get_with_schema, list, list_agents, mock_scenarios, schema_of_type};
pub use script_source::{WrittenType, check_written, sample_script, script_type_of};
pub use seal::{SealError, seal_stored};
pub use search::{MAX_FOUND, MAX_SEARCH_CHARS, MAX_SEARCHED_COMMANDS, SearchFound, search};
pub use secret_places::{Planned, would_clear};
pub use secret_values::secrets_in;
pub use status::{ConnectorStatus, ListedConnector, MAX_STATUS_SCAN, StatusPage, list_with_status};
pub use type_change::{
    ChangeBond, TypePlan, diff_type, plan_type, refresh_type, summary, update_type, update_type_with,
};
pub use type_head::{TypeHead, list_type_heads, type_head, type_instances};
pub use types::{
    CompiledType, capabilities, compiled_types, delete_type, get_type, json_schema, json_schemas, list_types,
};
pub use update::{cleared_by, delete, update};
pub use versions::{version, versions};
