//! The context of the runs: the engine's parts that a script may have, `floh`, and the functions that the
//! worker took from it before any script ran. It is set up once; every run finds it as it was then.

use std::rc::Rc;

use rquickjs::context::intrinsic;
use rquickjs::{Context, Ctx, FromJs, Function, Result, Runtime, String as JsString, Value};
use script_ffi::{Bytecode, Image, Run, RunLimits};

use super::from_json;
use super::host::HostFunctions;
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

/// The most bytes of a context that is set up, with the script that is kept in it.
const MAX_IMAGE: usize = 2 << 20;

/// Sets up the context that every run finds. `interrupted` is asked now and then while a script runs.
pub(super) fn image(prelude: &Bytecode, host: &Rc<HostFunctions>) -> Result<Image> {
    let interrupted = Rc::clone(host);
    let make = |runtime: &Runtime| {
        runtime.set_interrupt_handler(Some(Box::new(move || interrupted.is_interrupted())));
        Context::custom::<Parts>(runtime)
    };
    Image::new(MAX_IMAGE, make, |ctx| {
        let (object, functions) = host.object(ctx)?;
        let prelude: Function<'_> = prelude.run(ctx)?.get()?;
        Ok((prelude.call((object,))?, functions))
    })
}

/// Creates a context without limits, to compile in.
pub(super) fn open() -> Result<Context> {
    Context::custom::<Parts>(&Runtime::new()?)
}

/// Returns what the engine keeps to in a run.
pub(super) fn run_limits(limits: &Limits) -> RunLimits {
    RunLimits { memory: limits.memory, stack: limits.stack, collect_from: COLLECT_FROM.min(limits.memory / 4) }
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
    /// Starts a run: defines `floh`.
    pub(super) fn start(run: &Run<'js>, data: &str, idempotency_key: &str) -> Result<Self> {
        let ctx = &run.ctx;
        let (data, mark, is_marked) = match from_json::marked(data) {
            None => (ctx.json_parse(data)?, from_json::random_mark(), false),
            Some((data, mark)) => (JsString::from_str(ctx.clone(), &data)?.into_value(), mark, true),
        };
        let key = match idempotency_key {
            "" => Value::new_undefined(ctx.clone()),
            key => JsString::from_str(ctx.clone(), key)?.into_value(),
        };
        run.start.call((data, key, mark, is_marked))
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
