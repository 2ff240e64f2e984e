//! Scripts that are compiled once and run often, each time in another runtime.
//!
//! The engine does not verify bytecode, so only [`compile`] can create a [`Bytecode`]: it cannot be read from a file, a
//! database or the network, and its bytes are not accessible.

use std::ffi::{CString, c_int};
use std::fmt;

use rquickjs::{Ctx, Error, Result, Value, qjs};

/// A script, compiled by the engine of this process.
pub struct Bytecode(Vec<u8>);

/// Compiles a sloppy global script; `name` is its name in stack traces. Nothing of it runs.
///
/// # Errors
/// If the script has a syntax error (the exception is pending in `ctx`), memory runs out, or the text contains a NUL
/// character.
pub fn compile(ctx: &Ctx<'_>, source: &str, name: &str) -> Result<Bytecode> {
    let length = source.len();
    // The engine requires a NUL after the text and none within.
    let (source, name) = (CString::new(source)?, CString::new(name)?);
    let flags = flags(qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY);
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: `raw` is a live context, locked by the holder of `ctx`. Both texts are NUL-terminated and outlive the
    // call, and `length` excludes the NUL, as the engine requires.
    let compiled = unsafe { qjs::JS_Eval(raw, source.as_ptr(), size(length), name.as_ptr(), flags) };
    let function = owned(ctx, compiled)?;
    let mut written = size(0);
    // SAFETY: the context is live, `function` is a value of it that stays alive over the call, and `written`
    // is where the length goes.
    let start = unsafe {
        qjs::JS_WriteObject(raw, &raw mut written, function.as_raw(), self::flags(qjs::JS_WRITE_OBJ_BYTECODE))
    };
    if start.is_null() {
        return Err(Error::Exception);
    }
    let count = usize::try_from(written).unwrap_or(0);
    // SAFETY: the engine wrote `count` bytes at `start`, which is ours until it is freed below.
    let bytes = unsafe { std::slice::from_raw_parts(start, count) }.to_vec();
    // SAFETY: `start` came from this context's allocator, is freed once, and no slice of it is left.
    unsafe { qjs::js_free(raw, start.cast()) };
    Ok(Bytecode(bytes))
}

impl Bytecode {
    /// Runs the script in a context and returns the value of its last expression.
    ///
    /// # Errors
    /// If the script throws; the exception is pending in `ctx`.
    pub fn run<'js>(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let function = self.read(ctx)?;
        // SAFETY: the context is live, and `function` is the owned function of a script that was just read; the
        // call takes over its one reference.
        let value = unsafe { qjs::JS_EvalFunction(ctx.as_raw().as_ptr(), function) };
        owned(ctx, value)
    }

    /// Reads the script's function, of which nothing runs. The caller owns its one reference.
    pub(crate) fn read(&self, ctx: &Ctx<'_>) -> Result<qjs::JSValue> {
        let (raw, flags) = (ctx.as_raw().as_ptr(), flags(qjs::JS_READ_OBJ_BYTECODE));
        // SAFETY: the context is live and locked. The bytes were written by this very engine ([`compile`] is the
        // only way to make a `Bytecode`), so they are what its unverifying reader expects; it copies them.
        let function = unsafe { qjs::JS_ReadObject(raw, self.0.as_ptr(), size(self.0.len()), flags) };
        // SAFETY: only the tag of the value is read.
        if unsafe { qjs::JS_IsException(function) } { Err(Error::Exception) } else { Ok(function) }
    }
}

impl fmt::Debug for Bytecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytecode").field("bytes", &self.0.len()).finish()
    }
}

/// Takes a value that the engine returned, or reports that it threw.
pub(crate) fn owned<'js>(ctx: &Ctx<'js>, value: qjs::JSValue) -> Result<Value<'js>> {
    // SAFETY: `value` comes from a call into this context that hands its one reference to the caller.
    let value = unsafe { Value::from_raw(ctx.clone(), value) };
    if value.is_exception() { Err(Error::Exception) } else { Ok(value) }
}

/// Flags are small constants.
fn flags(flags: u32) -> c_int {
    c_int::try_from(flags).unwrap_or_default()
}

/// The binding writes C's `size_t` as `u64`.
fn size(bytes: usize) -> qjs::size_t {
    bytes as qjs::size_t
}
