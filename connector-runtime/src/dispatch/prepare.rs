//! The checks of a call before anything is sent: which command, with which values, until when.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::deadline::timed_out;
use super::deprecation::{deprecation, warn_of_deprecation};
use super::executor::{DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS, Target};
use super::{Call, FinishedCall, Prepared, mock_chain};
use crate::context::{CallScope, Context, Invocation};
use crate::outcome::Reply;
use crate::redact::{Redactor, secret_texts};
use crate::schema::{Command, ConfigSchema, FieldValues, Fields, Fuel, Invalid};

/// What came of the check of a call's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// They can be used, or the command is unknown, which is said without them.
    Fine,
    /// Some cannot.
    Invalid(Invalid),
    /// The time of the call was over before they were checked.
    Late,
}

/// Checks the values of a call, as long as there is fuel. Without any left the result says nothing.
pub fn check(target: &Target<'_>, invocation: &Invocation, fuel: &mut Fuel) -> Checked {
    let Ok((_, command)) = pick(target.schema, invocation.command.as_deref()) else { return Checked::Fine };
    let mocked = mock_chain::scenario(target, invocation).is_some();
    match validate(target, command, invocation, mocked, fuel) {
        Ok(()) => Checked::Fine,
        Err(invalid) => Checked::Invalid(invalid),
    }
}

/// Returns when a call has to be done.
pub fn deadline(target: &Target<'_>, invocation: &Invocation) -> Instant {
    let began = invocation.began.unwrap_or_else(Instant::now);
    match pick(target.schema, invocation.command.as_deref()) {
        Ok((name, command)) => began + timeout(target, invocation, &name, command),
        Err(_) => began + Duration::from_millis(DEFAULT_TIMEOUT_MS),
    }
}

/// Picks the command and checks the values. Nothing has been sent when this returns.
pub fn prepare(target: Target<'_>, invocation: Invocation) -> Prepared<'_> {
    let checked = check(&target, &invocation, &mut Fuel::default());
    prepare_checked(target, invocation, checked)
}

/// Picks the command of a call whose values were checked. Nothing has been sent when this returns.
pub fn prepare_checked(target: Target<'_>, mut invocation: Invocation, checked: Checked) -> Prepared<'_> {
    let began = invocation.began.unwrap_or_else(Instant::now);
    let picked = pick(target.schema, invocation.command.as_deref());
    let params = picked.as_ref().ok().map(|(_, command)| &command.params);
    let redactor = redactor(&target, &mut invocation, params);
    let refuse = |command: Option<String>, picked: Option<&Command>, error: String, params: Map<String, Value>| {
        let error = redactor.text(&error).into_owned();
        Prepared::Finished(Box::new(FinishedCall {
            command,
            reply: Reply::failed(error),
            mocked: false,
            unavailable: false,
            deprecated: picked.and_then(deprecation),
            params,
            logs: Vec::new(),
            redactor: Arc::clone(&redactor),
            took: began.elapsed(),
        }))
    };
    let (name, command) = match picked {
        Ok((name, command)) => (name, command),
        Err(error) => return refuse(invocation.command, None, error, invocation.params),
    };
    let scenario = mock_chain::scenario(&target, &invocation);
    let timeout = timeout(&target, &invocation, &name, command);
    let error = match checked {
        Checked::Fine => None,
        Checked::Invalid(invalid) => Some(invalid.to_string()),
        Checked::Late => Some(timed_out(timeout)),
    };
    if let Some(error) = error {
        warn_of_deprecation(target.connector, &name, command, invocation.log_rate.as_deref());
        return refuse(Some(name.into_owned()), Some(command), error, invocation.params);
    }
    let scope = CallScope {
        connector: target.connector.to_owned(),
        log_level: invocation.log_level,
        log_rate: invocation.log_rate,
        redactor,
        log: OnceLock::new(),
        pool: invocation.http,
        timeout,
        http: OnceLock::new(),
    };
    let context = Box::new(Context {
        // Most callers name the command, and their text of it is used again.
        command: invocation.command.filter(|asked| *asked == name).unwrap_or_else(|| name.into_owned()),
        params: invocation.params,
        config: OnceLock::new(),
        connection: invocation.connection,
        variables: invocation.variables,
        step_id: invocation.step_id,
        run_id: invocation.run_id,
        idempotency_key: invocation.idempotency_key,
        call_id: invocation.call_id,
        scope,
        deadline: began + timeout,
        stop: invocation.stop,
        cancel: invocation.cancel,
        cancelled: OnceLock::new(),
    });
    Prepared::Call(Call { target, command, context, scenario, began })
}

/// Picks the command: the one named, else the default one.
fn pick<'a>(schema: &'a ConfigSchema, asked: Option<&str>) -> Result<(Cow<'a, str>, &'a Command), String> {
    let known = || match schema.commands.keys().map(String::as_str).collect::<Vec<_>>().join(", ") {
        _ if schema.open => "this type has no schema: any name of letters, digits and _ is a command".to_owned(),
        names if names.is_empty() => "this type has no commands".to_owned(),
        names => format!("known commands: {names}"),
    };
    let name = asked.filter(|name| !name.is_empty()).or(schema.default_command.as_deref());
    let Some(name) = name else { return Err(format!("No command given ({})", known())) };
    // In a short list a walk is quicker than a hash.
    let found = match schema.commands.len() {
        0..=8 => schema.commands.iter().find(|(known, _)| *known == name),
        _ => schema.commands.get_key_value(name),
    };
    let found = found.map(|(name, command)| (Cow::Borrowed(name.as_str()), command));
    found
        .or_else(|| schema.command(name).map(|command| (Cow::Owned(name.to_owned()), command)))
        .ok_or_else(|| format!("Unknown command: {name} ({})", known()))
}

/// Returns how long a call may take.
fn timeout(target: &Target<'_>, invocation: &Invocation, name: &str, command: &Command) -> Duration {
    let params = FieldValues::new(&command.params, &invocation.params);
    let timeout_ms = invocation
        .timeout_ms
        .or(target.timeout_ms)
        .or_else(|| target.executor.default_timeout(name, params))
        .unwrap_or(DEFAULT_TIMEOUT_MS)
        .clamp(1, MAX_TIMEOUT_MS);
    Duration::from_millis(timeout_ms)
}

/// Checks the params, and the connection config unless a mock answers or the config is kept elsewhere. All
/// missing fields of both are reported together.
fn validate(
    target: &Target<'_>,
    command: &Command,
    invocation: &Invocation,
    mocked: bool,
    fuel: &mut Fuel,
) -> Result<(), Invalid> {
    let mut invalid = Invalid::default();
    if !mocked && !target.executor.holds_connection_config() {
        let connection = FieldValues::new(&target.schema.connection, &invocation.connection);
        if invocation.connection.is_stored() {
            connection.check_stored(&mut invalid, fuel);
        } else {
            connection.check_connection_within(&mut invalid, fuel);
        }
    }
    FieldValues::new(&command.params, &invocation.params).check_within(&mut invalid, fuel);
    invalid.into_result()
}

/// Makes the call's own redactor: what the call learns while it runs is hidden in its log and record alone.
fn redactor(target: &Target<'_>, invocation: &mut Invocation, params: Option<&Fields>) -> Arc<Redactor> {
    // A call of an unknown command may still carry the secrets of the command that was meant.
    let texts = match params {
        Some(params) => secret_texts(params, &invocation.params),
        None => target.schema.commands.values().flat_map(|c| secret_texts(&c.params, &invocation.params)).collect(),
    };
    Arc::new(match invocation.redactor.take() {
        Some(base) => Redactor::over(base, texts),
        None => {
            let connection = secret_texts(&target.schema.connection, &invocation.connection);
            Redactor::new(connection.into_iter().chain(texts))
        }
    })
}
