//! Reads what went wrong in a run, without trusting what was thrown.

use rquickjs::{Ctx, Error, Value};

use super::engine::{PRELUDE, SCRIPT};
use super::host::Host;
use super::realm::Realm;
use super::text;
use crate::script::failure::{GuestError, ScriptProblem};
use crate::script::limits::TEXT;
use crate::script::message::Fault;
use crate::script::sandbox::HttpFault;

/// Lines of a stack that are kept.
const FRAMES: usize = 10;

/// Returns what an error of the engine means. Takes the pending exception.
pub(super) fn read<'js>(ctx: &Ctx<'js>, realm: Option<&Realm<'js>>, host: &Host, error: &Error) -> Fault {
    let clock = &*host.clock;
    // An exception of another run must not be left.
    let thrown = ctx.catch();
    if clock.is_over() {
        return Fault::Timeout;
    }
    if matches!(error, Error::Allocation) {
        return Fault::Memory;
    }
    if !matches!(error, Error::Exception) {
        return Fault::Thrown(GuestError {
            message: text::cut(&error.to_string(), TEXT).to_owned(),
            ..Default::default()
        });
    }
    let Some(guest) = realm.map_or_else(|| plain(&thrown), |realm| described(realm, &thrown)) else {
        // Reading it throws again only if memory or time is used up.
        drop(ctx.catch());
        return if clock.is_over() { Fault::Timeout } else { Fault::Memory };
    };
    if clock.is_over() {
        return Fault::Timeout;
    }
    classify(&thrown, guest, host)
}

/// Returns what is wrong with a source that does not compile.
pub(super) fn syntax<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, host: &Host, error: &Error) -> Fault {
    if matches!(error, Error::InvalidString(_)) {
        let message = "the script holds a NUL character".to_owned();
        return Fault::Syntax(ScriptProblem { message, line: None, column: None });
    }
    match read(ctx, Some(realm), host, error) {
        Fault::Thrown(GuestError { message, line, column, .. }) => {
            Fault::Syntax(ScriptProblem { message, line, column })
        }
        other => other,
    }
}

fn classify(thrown: &Value<'_>, guest: GuestError, host: &Host) -> Fault {
    // If there is no memory even for an error, the engine throws null.
    if host.account.was_refused() && (thrown.is_null() || guest.message == "out of memory") {
        return Fault::Memory;
    }
    if thrown.is_error() {
        match (guest.name.as_str(), guest.message.as_str()) {
            ("InternalError" | "RangeError", "Maximum call stack size exceeded" | "stack overflow") => {
                return Fault::Stack(guest);
            }
            _ if guest.code == HttpFault::TOO_MANY_CALLS => return Fault::Calls(guest),
            _ => {}
        }
    }
    Fault::Thrown(guest)
}

/// `None` if even reading it fails.
fn described<'js>(realm: &Realm<'js>, thrown: &Value<'js>) -> Option<GuestError> {
    let parts: Vec<rquickjs::String<'js>> = realm.describe.call((thrown.clone(), TEXT)).ok()?;
    let mut texts = parts.iter().map(|part| text::read(realm, part).ok());
    let mut next = || texts.next().flatten();
    let (name, message, code, stack) = (next()?, next()?, next()?, next()?);
    let (line, column) = place(&stack);
    Some(GuestError { name, message, code, line, column, stack: shorten(&stack) })
}

/// For a run that failed before its context was set up.
fn plain(thrown: &Value<'_>) -> Option<GuestError> {
    let message: rquickjs::String<'_> = thrown.as_object()?.get("message").ok()?;
    Some(GuestError { message: message.to_string().ok()?, ..Default::default() })
}

/// Finds the first place in the script that a stack names.
fn place(stack: &str) -> (Option<u32>, Option<u32>) {
    for line in stack.lines() {
        let place = line.rsplit_once('(').map_or(line, |(_, place)| place).trim_end_matches(')');
        let mut parts = place.trim().rsplitn(3, ':');
        let (column, row, file) = (parts.next(), parts.next(), parts.next());
        if file.is_some_and(|file| file.trim_start_matches("at ") == SCRIPT) {
            return (row.and_then(|row| row.parse().ok()), column.and_then(|column| column.parse().ok()));
        }
    }
    (None, None)
}

/// Removes the worker's own calls from a stack.
fn shorten(stack: &str) -> String {
    let own = format!("({PRELUDE}:");
    let frames = stack.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains(&own));
    frames.take(FRAMES).collect::<Vec<_>>().join("\n")
}
