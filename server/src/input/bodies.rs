//! Reads each body, and checks the rules between its fields that do not need the store.

use connector_runtime::mock::MockSettings;
use connector_runtime::schema::pointer;
use floh_client::bodies::{
    Call, ConnectorPatch, DRAFT_KEYS, Import, NewConnector, NewRun, NewRunDefinition, NewToken, ResumeRun,
    RunDefinitionChange, Test, TypeChange, TypeRefresh,
};
use floh_client::body::Source as _;
use floh_client::words::ExecutionModel;
use serde_json::{Map, Value};

use super::Form;
use crate::error::{Error, Mistake};

/// The message if a request changes a value that belongs to the type.
pub(crate) const OF_THE_TYPE: &str = "belongs to the type; use PUT /api/connector-types/{id}";

/// Reads the body of `POST /api/connectors`. The draft of an import may be sent unchanged. A duplicate key in the
/// config schema is a mistake, because the first of two params of one name would be lost silently.
///
/// # Errors
/// Invalid with every mistake that can be found without the type.
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
/// Invalid with every mistake that can be found without the connector.
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

/// A body that was read, and the mistakes found so far. The use case adds its own mistakes, so that one answer names
/// all of them.
#[derive(Debug)]
pub struct Unchecked<B> {
    /// The body; a missing or invalid value is empty.
    pub body: B,
    /// The mistakes found so far.
    pub mistakes: Vec<Mistake>,
}

/// Reads the body of `PUT /api/connector-types/{id}` and of its dry run.
///
/// # Errors
/// Invalid if it is not a JSON object.
pub fn type_change(text: &[u8]) -> Result<Unchecked<TypeChange>, Error> {
    let mut form = Form::parse_with_schema(text)?;
    let body = form.read();
    Ok(Unchecked { body, mistakes: form.into_mistakes() })
}

/// Reads the body of `POST /api/connector-types/{id}/refresh`.
///
/// # Errors
/// Invalid if it is not a JSON object.
pub fn type_refresh(text: &[u8]) -> Result<Unchecked<TypeRefresh>, Error> {
    let mut form = Form::parse(text)?;
    let body = form.read();
    Ok(Unchecked { body, mistakes: form.into_mistakes() })
}

/// Reads the body of `POST /api/connectors/{id}/execute`.
///
/// # Errors
/// Invalid with every mistake that can be found without the connector.
pub fn call(text: &[u8]) -> Result<Call, Error> {
    let mut form = Form::parse(text)?;
    let call: Call = form.read();
    check_params(&mut form, call.params.as_ref());
    form.finish()?;
    Ok(call)
}

/// Reads the body of `POST /api/connectors/{id}/test`.
///
/// # Errors
/// Invalid with every mistake, also if it names a command.
pub fn test(text: &[u8]) -> Result<Test, Error> {
    let mut form = Form::parse(text)?;
    if form.json("command").is_some() {
        form.mistake("command", "a test runs the command `test`; use /execute for another one");
    }
    let test: Test = form.read();
    check_params(&mut form, test.params.as_ref());
    form.finish()?;
    Ok(test)
}

/// Reads the body of `POST /api/connectors/parse-oas`.
///
/// # Errors
/// Invalid with every mistake.
pub fn import(text: &[u8]) -> Result<Import, Error> {
    let mut form = Form::parse(text)?;
    let import: Import = form.read();
    for (name, _) in import.names.iter().flatten().filter(|(_, value)| !value.is_string()) {
        form.mistake(&format!("names/{}", pointer::escape(name)), "expected a text: the name of a command");
    }
    form.finish()?;
    Ok(import)
}

/// Reads the body of `POST /api/runs` and of `POST /api/runs/check`.
///
/// # Errors
/// Invalid if it is not a JSON object.
pub fn new_run(text: &[u8]) -> Result<Unchecked<NewRun>, Error> {
    let mut form = Form::parse(text)?;
    let body = form.read();
    Ok(Unchecked { body, mistakes: form.into_mistakes() })
}

/// Reads the body of `POST /api/run-definitions`.
///
/// # Errors
/// Invalid if it is not a JSON object.
pub fn new_run_definition(text: &[u8]) -> Result<Unchecked<NewRunDefinition>, Error> {
    let mut form = Form::parse(text)?;
    let body = form.read();
    Ok(Unchecked { body, mistakes: form.into_mistakes() })
}

/// Reads the body of `PUT /api/run-definitions/{name}`.
///
/// # Errors
/// Invalid if it is not a JSON object.
pub fn run_definition_change(text: &[u8]) -> Result<Unchecked<RunDefinitionChange>, Error> {
    let mut form = Form::parse(text)?;
    let body = form.read();
    Ok(Unchecked { body, mistakes: form.into_mistakes() })
}

/// Reads the body of `POST /api/runs/{id}/resume`.
///
/// # Errors
/// Invalid, with every mistake.
pub fn resume_run(text: &[u8]) -> Result<ResumeRun, Error> {
    let mut form = Form::parse(text)?;
    let body = form.read();
    form.finish()?;
    Ok(body)
}

/// Reads the body of `POST /api/tokens`.
///
/// # Errors
/// Invalid with every mistake that can be found without the actor.
pub fn new_token(text: &[u8]) -> Result<NewToken, Error> {
    let mut form = Form::parse(text)?;
    let new = form.read();
    form.finish()?;
    Ok(new)
}

fn check_params(form: &mut Form, params: Option<&Map<String, Value>>) {
    if params.is_some_and(|params| params.contains_key("command")) {
        form.mistake("params/command", "reserved: name the command at the top of the body");
    }
}

fn check_mock(form: &mut Form, mock: Option<&Map<String, Value>>) {
    let Some(mock) = mock else { return };
    if let Err(error) = serde_json::from_value::<MockSettings>(Value::Object(mock.clone())) {
        form.mistake("mock", error.to_string());
    }
}
