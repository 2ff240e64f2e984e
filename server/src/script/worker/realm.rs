//! The context of one run: the engine's parts that a script may have, `floh`, and the functions that the
//! worker took from it before the script ran.

use std::rc::Rc;

use rquickjs::context::intrinsic;
use rquickjs::{Context, Ctx, FromJs, Function, Object, Result, Runtime, String as JsString, Value};
use script_ffi::{Bytecode, Memory, MemoryAccount};

use super::clock::Clock;
use super::from_json;
use crate::script::limits::Limits;

/// The parts of the engine that a script may have. Left out: clocks finer than a millisecond, weak references, DOM
/// exceptions. The prelude deletes what base objects and typed arrays define beyond that.
type Parts = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

/// Garbage is collected above this many bytes; most runs end before.
const COLLECT_FROM: usize = 4 << 20;

/// A runtime, a context in it, and the counter that knows whether its memory ran out.
pub(super) struct World {
    pub(super) context: Context,
    pub(super) account: MemoryAccount,
}

/// Creates a runtime with limits, and a context in it.
pub(super) fn open(limits: &Limits, clock: &Rc<Clock>) -> Result<World> {
    let (memory, account) = Memory::new(limits.memory);
    let runtime = Runtime::new_with_alloc(memory)?;
    runtime.set_max_stack_size(limits.stack);
    runtime.set_gc_threshold(COLLECT_FROM.min(limits.memory / 4));
    let clock = Rc::clone(clock);
    runtime.set_interrupt_handler(Some(Box::new(move || clock.is_over())));
    Ok(World { context: Context::custom::<Parts>(&runtime)?, account })
}

/// The worker's own functions in the context of a run.
pub(super) struct Realm<'js> {
    /// Describes a thrown value: name, message, code, stack.
    pub(super) describe: Function<'js>,
    /// Writes a date; null if it is not valid.
    pub(super) date: Function<'js>,
    /// Repairs a string with halves of surrogate pairs.
    pub(super) well_formed: Function<'js>,
    /// Writes a BigInt.
    pub(super) digits: Function<'js>,
    /// Parses a JSON text with marked numbers, see `from_json`.
    pub(super) exact: Function<'js>,
    /// Waits for the next timer and calls its function; false if there is none.
    pub(super) fire: Function<'js>,
}

impl<'js> Realm<'js> {
    /// Sets up a context: deletes what a script must not have, and defines `floh`.
    pub(super) fn furnish(
        ctx: &Ctx<'js>,
        prelude: &Bytecode,
        host: Object<'js>,
        data: &str,
        idempotency_key: &str,
    ) -> Result<Self> {
        let (data, mark, is_marked) = match from_json::marked(data) {
            None => (ctx.json_parse(data)?, from_json::random_mark(), false),
            Some((data, mark)) => (JsString::from_str(ctx.clone(), &data)?.into_value(), mark, true),
        };
        let key = match idempotency_key {
            "" => Value::new_undefined(ctx.clone()),
            key => JsString::from_str(ctx.clone(), key)?.into_value(),
        };
        let prelude: Function<'js> = prelude.run(ctx)?.get()?;
        prelude.call((host, data, key, mark, is_marked))
    }
}

/// The prelude returns them as a list, to the worker and with every host call.
impl<'js> FromJs<'js> for Realm<'js> {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let functions = Vec::<Function<'js>>::from_js(ctx, value)?;
        let [describe, date, well_formed, digits, exact, fire] =
            functions.try_into().map_err(|_| rquickjs::Error::Unknown)?;
        Ok(Self { describe, date, well_formed, digits, exact, fire })
    }
}
