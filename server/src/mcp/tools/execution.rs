//! Calling commands, testing connectors, and reading what came of it.

use connector_runtime::schema::Effect;
use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use floh_client::bodies::{Call, MAX_TIMEOUT_MS, Test};
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Arguments, Outcome, ToolCall};
use crate::auth::OpContext;
use crate::blocking;
use crate::commands::{self, CalledCommand};
use crate::error::Error;
use crate::execute::{self, CallFingerprint, KeyedCall};
use crate::mcp::confirmation::{Decision, Subject};
use crate::mcp::{answer, part};
use crate::services::Services;

/// Calls the command of a tool: its arguments are the params.
pub(super) async fn call_command(command: CalledCommand, mut call: ToolCall<'_>) -> Result<Outcome, Error> {
    let params = std::mem::take(&mut call.arguments);
    let body = Call { command: Some(command.command.clone()), params: Some(params), ..Call::default() };
    run(&command.connector.clone(), Some(command), body, call).await
}

/// Calls a command by the names of connector and command.
pub(super) async fn execute(mut call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = std::mem::take(&mut call.arguments);
    let mut named = Arguments::new(JsonObject::new());
    for name in ["connector", "idempotencyKey"] {
        if let Some(value) = arguments.shift_remove(name) {
            named.map.insert(name.to_owned(), value);
        }
    }
    let (connector, key) = (named.required("connector"), named.text("idempotencyKey"));
    let named = named.finish("");
    for name in ["variables", "stepId", "runId"] {
        // Those of a run, which is not this.
        if arguments.contains_key(name) {
            let known = "connector, command, params, timeoutMs, mockScenario, idempotencyKey";
            return Err(Error::invalid_at(format!("/{name}"), format!("unknown argument; known are {known}")));
        }
    }
    let body = crate::input::call(&super::as_body(&arguments));
    let body = match (named, body) {
        (Ok(()), Ok(body)) => body,
        (Err(error), Ok(_)) | (Ok(()), Err(error)) => return Err(error),
        (Err(error), Err(other)) => {
            return Err(Error::invalid(error.mistakes().iter().chain(other.mistakes()).cloned().collect()));
        }
    };
    call.key = key.or(call.key);
    let command = match body.command.as_deref().filter(|name| !name.is_empty()) {
        Some(command) => commands::called_command(call.ctx, call.app.services(), &connector, command).await?,
        None => commands::default_command(call.ctx, call.app.services(), &connector).await?,
    };
    run(&connector, command, body, call).await
}

/// Calls a command once nobody has to be asked any more.
async fn run(
    connector: &str,
    command: Option<CalledCommand>,
    body: Call,
    call: ToolCall<'_>,
) -> Result<Outcome, Error> {
    let ToolCall { ctx, app, settings, key, consent, .. } = call;
    let params = body.params.clone().unwrap_or_default();
    let mut key = key;
    // Nobody is asked about a call that is refused anyway.
    let asked = command.as_ref().filter(|command| is_destructive(command, &body) && command.takes(&params));
    if let Some(command) = asked {
        if !ctx.allows(command.scope) {
            return Ok(Outcome::Answer(answer::lacks(command.scope)));
        }
        let subject = Subject {
            name: format!("{} of {}", command.command, command.connector),
            bound: [&command.connector, &command.command],
            arguments: &params,
            shown: command.masked(&params),
        };
        match consent.decide(ctx, app.services(), settings.confirm, &subject)? {
            Decision::Go => {}
            Decision::Agreed { once } => key = key.or(Some(once)),
            Decision::Refused(why) => return Ok(Outcome::Answer(answer::refusal(&why))),
            Decision::Ask(question) => return Ok(Outcome::Ask(question)),
        }
    }
    let key = key.map(|key| keyed(key, &body)).transpose()?;
    let shown = execute::execute_shown(ctx, app.services(), connector, body, key).await?;
    Ok(Outcome::Answer(answer::of_call(&shown, settings.result_limit)))
}

/// Returns whether somebody should agree to a call first. What a mock answers destroys nothing.
fn is_destructive(command: &CalledCommand, body: &Call) -> bool {
    command.effect == Some(Effect::Delete) && body.mock_scenario.is_none()
}

/// Reads a key, and binds it to the JSON of what it is for.
pub(super) fn bound_key(key: String, body: &[u8]) -> Result<KeyedCall, Error> {
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(Error::invalid_at("/idempotencyKey", "expected 1 to 255 printable ASCII characters"));
    }
    Ok(KeyedCall { key, fingerprint: CallFingerprint::of_json(body) })
}

/// Reads a key, and binds it to what is called.
fn keyed(key: String, body: &Call) -> Result<KeyedCall, Error> {
    // As over REST: the same call over either door is the same call.
    let mut text = Map::new();
    text.extend(body.command.clone().map(|command| ("command".to_owned(), Value::String(command))));
    text.extend(body.params.clone().map(|params| ("params".to_owned(), Value::Object(params))));
    text.extend(body.timeout_ms.map(|time| ("timeoutMs".to_owned(), Value::from(time))));
    text.extend(body.mock_scenario.clone().map(|name| ("mockScenario".to_owned(), Value::String(name))));
    bound_key(key, Value::Object(text).to_string().as_bytes())
}

/// Tests a connector.
pub(super) async fn test(call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = Arguments::new(call.arguments);
    let connector = arguments.required("connector");
    arguments.finish("connector")?;
    let shown = execute::test_shown(call.ctx, call.app.services(), &connector, Test::default()).await?;
    Ok(Outcome::Answer(answer::of_call(&shown, call.settings.result_limit)))
}

/// Reads the record of a call.
pub(super) async fn get(call: ToolCall<'_>) -> Result<Outcome, Error> {
    let mut arguments = Arguments::new(call.arguments);
    let id = arguments.required("executionId");
    let path = arguments.text("path").unwrap_or_default();
    let offset = arguments.number("offset", 0, u64::from(u32::MAX)).unwrap_or_default();
    let limit = arguments.number("limit", 1, u64::from(u32::MAX));
    arguments.finish("executionId, path, offset, limit")?;
    let value = record(call.ctx, call.app.services(), &id).await?;
    let text = value.result.as_ref().map_or("null", |text| text.get()).to_owned();
    // A tree takes several times the memory of its text.
    let held = call.app.work.memory.tree(text.as_bytes(), MAX_JSON_VALUES)?;
    let max = call.settings.result_limit;
    let part = blocking::run(move || {
        let result: Value = serde_json::from_str(&text).map_err(Error::internal)?;
        part::read(&result, &path, offset, limit, max)
    })
    .await?;
    drop(held);
    let mut shown = json!({
        "id": value.id,
        "status": value.status,
        "connector": value.connector,
        "command": value.command,
    });
    part.write(&mut shown);
    Ok(shown.into())
}

/// Returns the record of a call that the caller may read.
pub(in crate::mcp) async fn record(
    ctx: &OpContext,
    services: &Services,
    id: &str,
) -> Result<floh_client::answers::ExecutionView, Error> {
    let unknown = || Error::not_found(format!("there is no execution {id} that this token may read"));
    let id = Uuid::try_parse(id).map_err(|_| unknown())?;
    execute::get_execution(ctx, services, id).await
}

// The schema of the tool is written beside its texts, where it cannot name the constant.
const _: () = assert!(MAX_TIMEOUT_MS == 300_000, "the schema of execute_connector_command says so");
