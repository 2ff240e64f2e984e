//! Imports OpenAPI 3.0, 3.1 and 3.2 documents as drafts of connectors.
//!
//! `read` parses the bytes, `resolve` follows local references, `operations` finds every operation, and `command` turns
//! each into a command: `params`, `body`, `outputs`, `servers` and `security` describe the request, `schema` its
//! values. `script` writes the functions and the table of operations. `bundle` makes one document of several files. Nothing
//! is ever fetched here, and no operation is left out: what cannot be imported exactly is reported with its place.

mod address;
mod body;
mod bundle;
mod command;
mod connector_draft;
mod effect;
mod error;
mod import;
mod limits;
mod names;
mod notes;
mod operations;
mod outputs;
mod pages;
mod params;
mod read;
mod resolve;
mod root;
mod schema;
mod script;
mod security;
mod servers;
mod swagger;
mod table;
#[cfg(test)]
mod tests;

pub use self::body::is_json;
pub use self::bundle::{Bundle, MAX_FILES, Space, is_archive};
pub use self::error::ImportError;
pub use self::import::{Options, Spec, Watch, import, import_value};
pub use self::names::{is_reserved as is_reserved_name, words as name_words};
pub use self::read::{MAX_BYTES, read_value, text};
pub use self::script::{
    Imported, changed as changed_by_hand, check as check_script, cut as cut_script, schemes as script_schemes,
    table as script_table,
};
pub use self::security::signing_name;
pub use self::table::{
    Answers, Body, BodyField, BodyKind, Entry, Form, Need, OutputHeader, Pages, Param, Scheme, Variable,
};
