//! Checks a source before it is saved: it compiles, its top level ends, its commands are functions.

use std::rc::Rc;
use std::time::Duration;

use connector_runtime::log::LogLevel;
use rquickjs::Value;
use script_ffi::Run;

use super::channel::Channel;
use super::clock::Clock;
use super::engine::{Compiled, Engine};
use super::host::Host;
use super::realm::{self, Realm};
use super::{fault, run};
use crate::script::failure::{GuestError, ScriptProblem};
use crate::script::frame::{Kind, Malformed, Reader};
use crate::script::message::{Checking, Fault, read_limits};
use crate::script::process::TOO_LONG;

/// The answer to a host call of the top level.
const CLOSED: &str =
    "the script's top level may not call out: it runs when the script is saved, and before every command";

/// Checks a source and sends what is wrong with it. The worker cannot be used afterwards.
pub(super) fn check(engine: &mut Engine, body: &[u8], channel: &Rc<Channel>) -> Result<(), Malformed> {
    let mut reader = Reader(body);
    let budget = Duration::from_micros(reader.number()?);
    let limits = read_limits(&mut reader)?;
    let Checking { source, commands } = reader.json()?;
    let clock = Rc::new(Clock::start(budget));
    engine.bind(&source);
    let Engine { image, compiled, host: functions, .. } = engine;
    let checked = image.run(realm::run_limits(&limits), |run| {
        let account = run.account.clone();
        let host = Rc::new(Host::new(Rc::clone(channel), Rc::clone(&clock), account, limits, LogLevel::Error));
        host.closed.set(Some(CLOSED));
        functions.serve(Rc::clone(&host));
        let problems = look(compiled, &run, &host, &commands);
        channel.send(Kind::Checked, |writer| writer.json(&problems).map_err(|_| Malformed))?;
        channel.flush().map_err(|_| Malformed)?;
        // This is sent before the engine's memory is used again.
        std::process::exit(0)
    });
    checked.unwrap_or_else(|| {
        let problems = whole("the script does not fit into memory");
        channel.send(Kind::Checked, |writer| writer.json(&problems).map_err(|_| Malformed))
    })
}

fn look(compiled: &mut Compiled, run: &Run<'_>, host: &Rc<Host>, commands: &[String]) -> Vec<ScriptProblem> {
    match top_level(compiled, run, host, commands) {
        Ok(missing) => missing.into_iter().flat_map(|name| whole(&missing_text(name))).collect(),
        Err(fault) => problem(fault),
    }
}

fn missing_text(name: &str) -> String {
    format!("the schema has a command {name}, but the script has no function of that name: function {name}() {{ ... }}")
}

/// Runs the top level and returns the commands that are not functions.
fn top_level<'c>(
    compiled: &mut Compiled,
    run: &Run<'_>,
    host: &Rc<Host>,
    commands: &'c [String],
) -> Result<Vec<&'c String>, Fault> {
    let (ctx, clock) = (&run.ctx, &*host.clock);
    let realm = Realm::start(run, r#"{"config":{},"params":{},"variables":{}}"#, "");
    let realm = realm.map_err(|error| fault::read(ctx, None, host, &error))?;
    let read = |error: rquickjs::Error| fault::read(ctx, Some(&realm), host, &error);
    let before = commands.iter().map(|name| ctx.globals().get(name.as_str()));
    let before = before.collect::<rquickjs::Result<Vec<Value<'_>>>>().map_err(read)?;
    let ran = compiled.run(run).map_err(|error| fault::syntax(ctx, &realm, host, &error))?;
    ran.map_err(read)?;
    let named = commands.iter().zip(&before);
    let missing = named.filter(|(name, before)| run::find(compiled, ctx, name, before).is_none());
    let missing = missing.map(|(name, _)| name).collect();
    if clock.is_over() { Err(Fault::Timeout) } else { Ok(missing) }
}

fn problem(fault: Fault) -> Vec<ScriptProblem> {
    match fault {
        Fault::Syntax(problem) => vec![problem],
        Fault::Thrown(GuestError { name, message, line, column, .. })
        | Fault::Stack(GuestError { name, message, line, column, .. })
        | Fault::Calls(GuestError { name, message, line, column, .. }) => {
            let thrown = if name.is_empty() { message } else { format!("{name}: {message}") };
            let message = format!("the script's top level throws {thrown}");
            vec![ScriptProblem { message, line, column }]
        }
        Fault::Timeout => whole(TOO_LONG),
        Fault::Memory => whole("the script's top level needs more memory than a script may have"),
        Fault::Result(_) | Fault::Unsettled | Fault::NoCommand => Vec::new(),
    }
}

fn whole(message: &str) -> Vec<ScriptProblem> {
    vec![ScriptProblem { message: message.to_owned(), line: None, column: None }]
}
