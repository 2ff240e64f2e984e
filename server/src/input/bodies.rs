//! Reads each body, and checks the rules between its fields that can be seen without the store.

use connector_runtime::mock::MockSettings;
use floh_client::bodies::{Call, ConnectorPatch, DRAFT_KEYS, Import, NewConnector, NewToken, TypeChange, TypeRefresh};
use floh_client::body::Source as _;
use serde_json::{Map, Value};

use super::Form;
use crate::error::Error;
use crate::store::ExecutionModel;

/// Where what belongs to the type is changed, for messages.
const OF_THE_TYPE: &str = "belongs to the type; use PUT /api/connector-types/{id}";

/// Reads the body of `POST /api/connectors`. A draft of an import may be sent as it is. A key that is written twice in
/// the config schema is a mistake: the first of two params of one name would be lost without a word.
///
/// # Errors
/// Invalid with every mistake that can be seen without the type.
pub fn new_connector(text: &[u8]) -> Result<NewConnector, Error> {
    let mut form = Form::parse_with_schema(text)?;
    form.ignore(&DRAFT_KEYS);
    let new: NewConnector = form.read();
    if new.signing_secret.is_some() && new.execution_model != ExecutionModel::External {
        let model = new.execution_model;
        form.mistake("signingSecret", format!("only for external connectors; this one is {model}"));
    }
    check_mock(&mut form, new.mock.as_ref());
    form.finish()?;
    Ok(new)
}

/// Reads the body of `PUT /api/connectors/{id}`.
///
/// # Errors
/// Invalid with every mistake that can be seen without the connector.
pub fn connector_patch(text: &[u8]) -> Result<ConnectorPatch, Error> {
    let mut form = Form::parse(text)?;
    for key in ["executionModel", "type"] {
        if form.json(key).is_some() {
            form.mistake(key, "cannot be changed; make another connector");
        }
    }
    for key in ["version", "configSchema", "scriptSource"] {
        if form.json(key).is_some() {
            form.mistake(key, OF_THE_TYPE);
        }
    }
    let patch = form.read();
    form.finish()?;
    Ok(patch)
}

/// Reads the body of `PUT /api/connector-types/{id}` and of its dry run.
///
/// # Errors
/// Invalid with every mistake that can be seen without the type.
pub fn type_change(text: &[u8]) -> Result<TypeChange, Error> {
    let mut form = Form::parse_with_schema(text)?;
    let change: TypeChange = form.read();
    check_auto_bump(&mut form, change.auto_bump, change.version.as_deref());
    if change.include.is_some() && change.spec.is_none() {
        form.mistake("include", "chooses operations of an OpenAPI document; send spec with it");
    }
    if change.spec.is_some() && (change.config_schema.is_some() || change.script_source.is_some()) {
        form.mistake("spec", "brings configSchema and scriptSource itself; send either the document or these");
    }
    form.finish()?;
    Ok(change)
}

/// Reads the body of `POST /api/connector-types/{id}/refresh`.
///
/// # Errors
/// Invalid with every mistake that can be seen without the type.
pub fn type_refresh(text: &[u8]) -> Result<TypeRefresh, Error> {
    let mut form = Form::parse(text)?;
    let refresh: TypeRefresh = form.read();
    check_auto_bump(&mut form, refresh.auto_bump, refresh.version.as_deref());
    form.finish()?;
    Ok(refresh)
}

/// Reads the body of `POST /api/connectors/{id}/execute` and `/test`.
///
/// # Errors
/// Invalid with every mistake that can be seen without the connector.
pub fn call(text: &[u8]) -> Result<Call, Error> {
    let mut form = Form::parse(text)?;
    let call: Call = form.read();
    if call.params.as_ref().is_some_and(|params| params.contains_key("command")) {
        form.mistake("params/command", "reserved: name the command at the top of the body");
    }
    form.finish()?;
    Ok(call)
}

/// Reads the body of `POST /api/connectors/parse-oas`.
///
/// # Errors
/// Invalid with every mistake.
pub fn import(text: &[u8]) -> Result<Import, Error> {
    let mut form = Form::parse(text)?;
    let import = form.read();
    form.finish()?;
    Ok(import)
}

/// Reads the body of `POST /api/tokens`.
///
/// # Errors
/// Invalid with every mistake that can be seen without the actor.
pub fn new_token(text: &[u8]) -> Result<NewToken, Error> {
    let mut form = Form::parse(text)?;
    let new = form.read();
    form.finish()?;
    Ok(new)
}

fn check_auto_bump(form: &mut Form, auto_bump: Option<bool>, version: Option<&str>) {
    if auto_bump == Some(true) && version.is_some() {
        form.mistake("autoBump", "send either a version or autoBump, not both");
    }
}

fn check_mock(form: &mut Form, mock: Option<&Map<String, Value>>) {
    let Some(mock) = mock else { return };
    if let Err(error) = serde_json::from_value::<MockSettings>(Value::Object(mock.clone())) {
        form.mistake("mock", error.to_string());
    }
}
