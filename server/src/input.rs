//! What the doors hand to the use cases: values read from JSON into types, once, with every mistake at its JSON
//! pointer. No HTTP here: a tool call or a file uses the same readers as a request body.
//!
//! The types are declared in `floh_client::bodies`; their readers, and the rules between their fields, are here.

mod bodies;
mod duplicate_keys;
mod form;

pub(crate) use bodies::OF_THE_TYPE;
pub use bodies::{
    Unchecked, call, connector_patch, import, new_connector, new_run, new_run_definition, new_token, resume_run,
    run_definition_change, test, type_change, type_refresh,
};
pub use form::Form;
pub(crate) use form::config_schema;
