//! What stays in a worker between runs: the compiled prelude, the script and its bytecode.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Result, Value};
use script_ffi::{Bytecode, compile};

use super::clock::Clock;
use super::realm;
use crate::script::limits::Limits;

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

/// The engine of a worker.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) prelude: Bytecode,
    pub(super) lazy: Lazy,
    source: String,
    script: Option<Bytecode>,
    commands: Vec<(String, Bytecode)>,
}

impl Engine {
    /// Compiles the prelude and lets the engine and the system's library read what they read at first use
    /// (the time zone, the processor, random numbers): once confined, they no longer can.
    pub(super) fn new() -> Result<Self> {
        let clock = Rc::new(Clock::start(Duration::from_secs(3600)));
        let world = realm::open(&Limits::default(), &clock)?;
        let prelude = world.context.with(|ctx| {
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
        let (prelude, lazy) = prelude;
        drop(world);
        // All are seeded by now.
        getrandom::fill(&mut [0; 16]).ok();
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut [0; 16]).ok();
        Ok(Self { prelude, lazy, source: String::new(), script: None, commands: Vec::new() })
    }

    /// Takes the script that this worker serves. It is compiled by the first run, under that run's limits.
    pub(super) fn bind(&mut self, source: &str) {
        source.clone_into(&mut self.source);
    }

    /// Returns the script's bytecode.
    pub(super) fn script(&mut self, ctx: &Ctx<'_>) -> Result<&Bytecode> {
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
