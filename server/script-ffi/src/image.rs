//! A context that is set up once and used for many runs, each of which finds it as it was set up.
//!
//! To create a context and set it up takes longer than most runs. So that is done once, before any script: the memory of
//! the runtime is copied then, and put back byte for byte before the next run, and what the run allocated beyond it is
//! freed. No value, function, prototype, pending job or setting of a run can last, because the engine has no other memory.
//!
//! What a run must not do is to keep a value of the engine beyond its end, which `rquickjs::Persistent`, user data of a
//! runtime and classes of Rust (whose prototypes the binding keeps) would allow, or to make functions and buffers that own
//! memory of Rust, which nothing would free: the project's lints forbid all of it. A panic of a function of Rust must end
//! the process: the binding keeps it outside of the region, for the next exception.

use std::fmt;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use rquickjs::{Context, Ctx, Error, Function, Result, Runtime, Value, qjs};

use crate::bytecode::{self, Bytecode};
use crate::memory::{Copied, Heap, Memory, MemoryAccount};

/// The limits of one run.
#[derive(Debug, Clone, Copy)]
pub struct RunLimits {
    /// Bytes of memory, including what the context itself takes.
    pub memory: usize,
    /// Bytes of stack.
    pub stack: usize,
    /// Garbage is collected above this many bytes.
    pub collect_from: usize,
}

/// A context and its memory as it was set up.
pub struct Image {
    /// Never dropped: to free it, the engine would go through memory that a run may have left in any state.
    context: ManuallyDrop<Context>,
    heap: Rc<Heap>,
    /// The function that starts a run.
    start: qjs::JSValue,
    /// The script, once it is kept.
    script: Option<qjs::JSValue>,
    /// The region when it was sealed last. It is copied by the first run: a worker that waits for one needs no copy.
    copied: Option<Copied>,
    /// Whether a run has begun since the memory was put back.
    is_used: bool,
}

/// What a run gets.
pub struct Run<'js> {
    /// The context.
    pub ctx: Ctx<'js>,
    /// What [`Image::new`] was told to start runs with.
    pub start: Function<'js>,
    /// The account of its memory.
    pub account: MemoryAccount,
    script: Option<qjs::JSValue>,
}

impl Image {
    /// Creates a runtime whose memory is at most `capacity` bytes until it is sealed, a context in it by `make`, and sets
    /// that up by `furnish`, which returns the function that starts a run, and all functions that are made by Rust: the
    /// engine never frees those. One that is left out would be freed by a run and be there again for the next.
    ///
    /// # Errors
    /// If memory runs out, or one of the two fails.
    pub fn new(
        capacity: usize,
        make: impl FnOnce(&Runtime) -> Result<Context>,
        furnish: impl for<'js> FnOnce(&Ctx<'js>) -> Result<(Function<'js>, Vec<Value<'js>>)>,
    ) -> Result<Self> {
        let heap = Heap::new(capacity).ok_or(Error::Allocation)?;
        heap.open();
        let runtime = Runtime::new_with_alloc(Memory(Rc::clone(&heap)))?;
        let context = ManuallyDrop::new(make(&runtime)?);
        drop(runtime);
        let start = context.with(|ctx| {
            let (start, rust) = furnish(&ctx)?;
            // One more reference to each, which nobody gives back: no run can make the engine free what Rust owns.
            rust.into_iter().for_each(std::mem::forget);
            let start = ManuallyDrop::new(start);
            Ok::<_, Error>(start.as_raw())
        })?;
        heap.seal();
        if heap.account().was_refused() {
            return Err(Error::Allocation);
        }
        Ok(Self { context, heap, start, script: None, copied: None, is_used: false })
    }

    /// Makes a run in the context as it was set up. `None` if the limit has no room even for that.
    pub fn run<T>(&mut self, limits: RunLimits, run: impl for<'js> FnOnce(Run<'js>) -> T) -> Option<T> {
        self.put_back();
        if !self.heap.open_account(limits.memory) {
            return None;
        }
        self.copied.get_or_insert_with(|| self.heap.copy());
        self.is_used = true;
        let runtime = self.context.runtime();
        runtime.set_max_stack_size(limits.stack);
        runtime.set_gc_threshold(limits.collect_from);
        // SAFETY: the runtime is live, and no script of it runs.
        unsafe { qjs::JS_UpdateStackTop(self.context.get_runtime_ptr()) };
        let (start, script, account) = (self.start, self.script, self.heap.account().clone());
        let done = self.context.with(|ctx| {
            // SAFETY: the image owns a reference to this value of this context; the new one is for the caller.
            let start = unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), start) };
            // SAFETY: as above.
            let start = unsafe { Value::from_raw(ctx.clone(), start) };
            start.into_function().map(|start| run(Run { ctx, start, account, script }))
        });
        self.put_back();
        done
    }

    /// Keeps a script among what each run finds, so that it is not read from its bytecode every time. Nothing of it runs.
    /// Returns whether there was room for it.
    pub fn keep(&mut self, bytecode: &Bytecode) -> bool {
        self.put_back();
        let copied = self.copied.take().unwrap_or_else(|| self.heap.copy());
        self.heap.open();
        // SAFETY: the runtime is live, and no script of it runs.
        unsafe { qjs::JS_UpdateStackTop(self.context.get_runtime_ptr()) };
        let script = self.context.with(|ctx| bytecode.read(&ctx));
        self.heap.seal();
        // The engine may go on without memory that it was refused.
        let Some(script) = script.ok().filter(|_| !self.heap.account().was_refused()) else {
            // SAFETY: nothing of what was read is left.
            unsafe { self.heap.restore(&copied) };
            self.copied = Some(copied);
            return false;
        };
        self.script = Some(script);
        true
    }

    /// Returns whether a script is kept.
    pub const fn has_script(&self) -> bool {
        self.script.is_some()
    }

    fn put_back(&mut self) {
        if let Some(copied) = self.copied.as_ref().filter(|_| self.is_used) {
            // SAFETY: the region was copied when it was sealed. No value of a run is left: `run` lends them for a lifetime
            // of its own, so they were dropped, and the lints forbid the ways to keep one all the same.
            unsafe { self.heap.restore(copied) };
            self.is_used = false;
        }
    }
}

impl<'js> Run<'js> {
    /// Runs the script that is kept; `None` if there is none.
    pub fn script(&self) -> Option<Result<Value<'js>>> {
        let raw = self.ctx.as_raw().as_ptr();
        // SAFETY: the image owns a reference to this value of this context; the new one is for the call.
        let script = unsafe { qjs::JS_DupValue(raw, self.script?) };
        // SAFETY: the context is live, and the value is the function of a script; the call takes over its reference.
        let value = unsafe { qjs::JS_EvalFunction(raw, script) };
        Some(bytecode::owned(&self.ctx, value))
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("account", &self.account).finish_non_exhaustive()
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image").field("heap", &self.heap).finish_non_exhaustive()
    }
}
