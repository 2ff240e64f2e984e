//! What stays in a worker between runs: the context as it is before a script runs, and what is compiled.

use std::rc::Rc;

use rquickjs::{Ctx, Result, Value};
use script_ffi::{Bytecode, Image, Run, compile};

use super::host::HostFunctions;
use super::realm;

/// The name of scripts in stack traces.
pub(super) const SCRIPT: &str = "script";
/// The name of the prelude in stack traces.
pub(super) const PRELUDE: &str = "floh";

/// Commands whose look-up is kept compiled.
const MAX_COMMANDS: usize = 256;

/// The parts of the prelude that run at first use.
#[derive(Debug, Clone)]
pub(super) struct Lazy {
    pub(super) web: Rc<Part>,
    pub(super) paging: Rc<Part>,
    pub(super) utilities: Rc<Part>,
}

/// A compiled part of the prelude.
#[derive(Debug)]
pub(super) struct Part(Bytecode);

impl Part {
    /// Returns the function that makes it.
    pub(super) fn run<'js>(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        self.0.run(ctx)
    }
}

/// The engine of a worker: the context that its runs find, and what is compiled beside it.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) image: Image,
    pub(super) compiled: Compiled,
    pub(super) host: Rc<HostFunctions>,
    /// Whether the script does not fit into the context of the runs.
    is_too_large: bool,
}

/// The script and its commands, compiled.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    source: String,
    script: Option<Bytecode>,
    commands: Vec<(String, Bytecode)>,
}

impl Engine {
    /// Compiles the prelude, sets up the context of the runs, and lets the engine and the system's library read what they
    /// read at first use (the time zone, the processor, random numbers): once confined, they no longer can.
    pub(super) fn new() -> Result<Self> {
        let (prelude, lazy) = realm::open()?.with(|ctx| {
            ctx.eval::<(), _>(
                "new Date().getTimezoneOffset(); new Date().toString(); Math.random(); (0.1).toString(); \
                 'a'.localeCompare('b'); 'A'.normalize('NFD'); /a+/.test('b'); [3, 1].sort(); 2n ** 70n;",
            )?;
            let lazy = |source| Ok::<_, rquickjs::Error>(Rc::new(Part(compile(&ctx, source, PRELUDE)?)));
            let lazy = Lazy {
                web: lazy(include_str!("web.js"))?,
                paging: lazy(include_str!("paging.js"))?,
                utilities: lazy(include_str!("utilities.js"))?,
            };
            Ok::<_, rquickjs::Error>((compile(&ctx, include_str!("prelude.js"), PRELUDE)?, lazy))
        })?;
        let host = HostFunctions::new(lazy);
        let image = realm::image(&prelude, &host)?;
        // All are seeded by now.
        getrandom::fill(&mut [0; 16]).ok();
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut [0; 16]).ok();
        Ok(Self { image, compiled: Compiled::default(), is_too_large: false, host })
    }

    /// Takes the script that this worker serves. It is compiled by the first run, under that run's limits.
    pub(super) fn bind(&mut self, source: &str) {
        source.clone_into(&mut self.compiled.source);
    }

    /// Keeps the script in the context of the runs, if it was compiled by one. Where it does not fit it is read every time.
    pub(super) fn keep_script(&mut self) {
        if self.is_too_large {
            return;
        }
        if let Some(script) = self.compiled.script.take_if(|_| !self.image.has_script())
            && !self.image.keep(&script)
        {
            self.compiled.script = Some(script);
            self.is_too_large = true;
        }
    }
}

impl Compiled {
    /// Runs the script: the one that the context holds already, or the bytecode.
    pub(super) fn run<'js>(&mut self, run: &Run<'js>) -> Result<Result<Value<'js>>> {
        match run.script() {
            Some(value) => Ok(value),
            None => Ok(self.script(&run.ctx)?.run(&run.ctx)),
        }
    }

    /// Returns the script's bytecode.
    fn script(&mut self, ctx: &Ctx<'_>) -> Result<&Bytecode> {
        if self.script.is_none() {
            self.script = Some(compile(ctx, &self.source, SCRIPT)?);
            // The text is no longer needed.
            self.source = String::new();
        }
        self.script.as_ref().ok_or(rquickjs::Error::Unknown)
    }

    /// Returns bytecode that evaluates to the function of a name, also of a `let` or `const`, or to undefined.
    pub(super) fn command(&mut self, ctx: &Ctx<'_>, name: &str) -> Result<&Bytecode> {
        let at = match self.commands.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                if self.commands.len() >= MAX_COMMANDS {
                    self.commands.clear();
                }
                let lookup = format!("typeof {name} === 'function' ? {name} : void 0");
                self.commands.push((name.to_owned(), compile(ctx, &lookup, PRELUDE)?));
                self.commands.len() - 1
            }
        };
        Ok(&self.commands[at].1)
    }
}
