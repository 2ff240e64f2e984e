//! One run: the script, its command, the result, and the promises that are left.

use std::process::exit;
use std::rc::Rc;

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Function, Value};
use script_ffi::Run;

use super::channel::Channel;
use super::clock::Clock;
use super::engine::{Compiled, Engine};
use super::fault;
use super::host::Host;
use super::realm::{self, Realm};
use super::to_json::{self, Most, Unwritable};
use crate::script::frame::{Kind, Malformed};
use crate::script::message::{Done, Fault, Order};
use crate::script::sandbox::Figures;

/// The answer to a host call after the result.
const ENDED: &str = "the command has returned already; await what it starts";

/// Runs a command and sends its result. A run that hit a limit is the last one: the process ends, and the engine's
/// memory is not used again.
pub(super) fn run(engine: &mut Engine, order: &Order<'_>, channel: &Rc<Channel>) -> Result<(), Malformed> {
    let clock = Rc::new(Clock::start(order.budget));
    engine.keep_script();
    let Engine { image, compiled, host: functions, .. } = engine;
    let ran = image.run(realm::run_limits(&order.limits), |run| {
        let account = run.account.clone();
        let host = Host::new(Rc::clone(channel), Rc::clone(&clock), account, order.limits, order.level);
        let host = Rc::new(host);
        functions.serve(Rc::clone(&host));
        let result = execute(compiled, order, &run, &host);
        // A script may catch that its memory ran out.
        let spent = run.account.was_refused() || result.as_ref().is_err_and(Fault::spends);
        let answered = answer(channel, &result, spent, Figures { cpu: clock.spent(), calls: host.calls.get() });
        functions.rest();
        answered
    });
    ran.unwrap_or_else(|| answer(channel, &Err(Fault::Memory), true, Figures::default()))
}

fn answer(channel: &Channel, result: &Result<String, Fault>, spent: bool, figures: Figures) -> Result<(), Malformed> {
    match result {
        Ok(json) => {
            channel.add(|out| Done { spent, figures, json }.write(out))?;
        }
        Err(fault) => {
            channel.send(Kind::Failed, |writer| writer.byte(spent.into()).json(fault).map_err(|_| Malformed))?;
        }
    }
    channel.flush().map_err(|_| Malformed)?;
    if spent {
        exit(0);
    }
    Ok(())
}

fn execute(compiled: &mut Compiled, order: &Order<'_>, run: &Run<'_>, host: &Rc<Host>) -> Result<String, Fault> {
    let (ctx, clock) = (&run.ctx, &*host.clock);
    let realm = Realm::start(run, order.data, order.idempotency_key);
    let realm = realm.map_err(|error| fault::read(ctx, None, host, &error))?;
    let read = |error: rquickjs::Error| fault::read(ctx, Some(&realm), host, &error);
    // A function of the engine with the command's name is not a command.
    let before: Value<'_> = ctx.globals().get(order.command).map_err(read)?;
    let ran = compiled.run(run).map_err(|error| fault::syntax(ctx, &realm, host, &error))?;
    ran.map_err(read)?;
    let command = find(compiled, ctx, order.command, &before).ok_or(Fault::NoCommand);
    if clock.is_over() {
        return Err(Fault::Timeout);
    }
    let returned: Value<'_> = command?.call(()).map_err(read)?;
    let returned = settle(ctx, returned, host, &realm)?;
    let limits = &order.limits;
    let most = Most { bytes: limits.result, depth: limits.depth, nodes: limits.nodes };
    let json = match to_json::write(&realm, &returned, most) {
        Ok(Some(json)) => json,
        // An empty text stands for undefined, unlike null.
        Ok(None) if returned.is_undefined() => String::new(),
        Ok(None) => {
            let what = if returned.is_function() { "function" } else { "symbol" };
            return Err(Fault::Result(format!("it is a {what}")));
        }
        Err(Unwritable::Thrown(error)) => return Err(read(error)),
        Err(Unwritable::Refused(why)) => return Err(Fault::Result(why)),
    };
    if realm.fire.call((true,)).map_err(read)? {
        host.warn("timers were left when the function returned, and do not run; await what they do");
    }
    // Pending jobs may run until the deadline, but their host calls are refused.
    host.closed.set(Some(ENDED));
    while !clock.is_over() && ctx.execute_pending_job() {}
    if clock.is_over() { Err(Fault::Timeout) } else { Ok(json) }
}

/// Finds the function of a command: a global one, or one that `let` or `const` made. What was there before
/// the script does not count.
pub(super) fn find<'js>(
    compiled: &mut Compiled,
    ctx: &Ctx<'js>,
    name: &str,
    before: &Value<'js>,
) -> Option<Function<'js>> {
    let found: rquickjs::Result<Value<'js>> = match compiled.command(ctx, name) {
        Ok(lookup) => lookup.run(ctx),
        Err(_) => {
            // A name that only a property can have, such as `delete`.
            drop(ctx.catch());
            ctx.globals().get(name)
        }
    };
    let Ok(found) = found else {
        drop(ctx.catch());
        return None;
    };
    if found == *before { None } else { found.into_function() }
}

/// Waits for a promise by running pending jobs and timers.
fn settle<'js>(ctx: &Ctx<'js>, value: Value<'js>, host: &Host, realm: &Realm<'js>) -> Result<Value<'js>, Fault> {
    let Some(promise) = value.as_promise() else { return Ok(value) };
    while promise.state() == PromiseState::Pending {
        if host.clock.is_over() {
            return Err(Fault::Timeout);
        }
        if ctx.execute_pending_job() {
            continue;
        }
        // Nothing else is left to do, so the next timer is waited for.
        let fired: bool = realm.fire.call(()).map_err(|error| fault::read(ctx, Some(realm), host, &error))?;
        if !fired {
            return Err(Fault::Unsettled);
        }
    }
    let settled = promise.result().unwrap_or(Err(rquickjs::Error::Unknown));
    settled.map_err(|error| fault::read(ctx, Some(realm), host, &error))
}
