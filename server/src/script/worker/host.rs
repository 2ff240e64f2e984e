//! The functions behind `floh`: each reads what the script gave it, asks the server, and answers.
//!
//! Whatever a script passes may be a proxy, a getter or a number instead of a text. It is read once, here; if reading
//! throws, the error counts as the script's own.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::rc::Rc;
use std::time::Duration;

use connector_runtime::log::{LOG_LINE_BYTES, LogLevel, MAX_LOG_LINES};
use connector_runtime::schema::{nearest_name, shown_name};
use rquickjs::function::Rest;
use rquickjs::{Array, Coerced, Ctx, Error, Exception, Function, Object, Result, String as JsString, Value};
use script_ffi::MemoryAccount;
use serde::Serialize;

use super::channel::Channel;
use super::clock::Clock;
use super::engine::Lazy;
use super::from_json;
use super::host_answer::told;
use super::realm::Realm;
use super::text;
use super::to_json::{self, Most, Unwritable};
use super::util;
use crate::script::frame::{Kind, Malformed};
use crate::script::limits::{Limits, MAX_SLEEPS, TEXT};
use crate::script::message::{Reply, level_byte};
use crate::script::sandbox::{HttpBody, HttpFault};
use crate::script::tokens::TokenCall;

/// The maximum number of pairs of headers, query or form that are read.
pub(super) const MAX_PAIRS: u32 = 1000;
/// How much of an object a log line shows.
const SHOWN: Most = Most { bytes: TEXT, depth: 8, nodes: 500 };

/// The limits of a run's host calls, and their use so far.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) channel: Rc<Channel>,
    pub(super) clock: Rc<Clock>,
    pub(super) account: MemoryAccount,
    pub(super) limits: Limits,
    pub(super) level: LogLevel,
    /// Whether calls are refused: while a source is checked, and after the result.
    pub(super) closed: Cell<Option<&'static str>>,
    pub(super) calls: Cell<u32>,
    pub(super) bodies: Cell<usize>,
    sleeps: Cell<u32>,
    /// The bytes that the log lines have cost.
    logged: Cell<usize>,
    /// The log lines so far.
    lines: Cell<usize>,
}

/// The functions that the prelude builds `floh` from. They are made once, and serve the run that is going on.
#[derive(Debug)]
pub(super) struct HostFunctions {
    lazy: Lazy,
    run: RefCell<Option<Rc<Host>>>,
    /// The state of `Math.random`.
    random: Cell<u64>,
}

impl HostFunctions {
    pub(super) fn new(lazy: Lazy) -> Rc<Self> {
        Rc::new(Self { lazy, run: RefCell::default(), random: Cell::new(1) })
    }

    /// Serves a run from now on.
    pub(super) fn serve(&self, host: Rc<Host>) {
        self.random.set(RandomState::new().build_hasher().finish() | 1);
        self.run.replace(Some(host));
    }

    /// Serves no run until the next one begins.
    pub(super) fn rest(&self) {
        self.run.replace(None);
    }

    /// Returns whether the run's time is over.
    pub(super) fn is_interrupted(&self) -> bool {
        self.run.borrow().as_ref().is_some_and(|host| host.clock.is_over())
    }

    /// Returns what the run that is going on has.
    fn host(&self) -> Result<Rc<Host>> {
        self.run.borrow().clone().ok_or(Error::Unknown)
    }

    /// Returns a number from 0 to below 1, as the engine makes them (xorshift64*).
    fn random(&self) -> f64 {
        let mut state = self.random.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.random.set(state);
        let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 12;
        f64::from_bits((1023 << 52) | bits) - 1.0
    }

    /// Creates the object that the prelude builds `floh` from, and returns its functions as well: all that Rust made.
    #[expect(
        clippy::disallowed_methods,
        reason = "they are made before the first run, and returned for the image to hold"
    )]
    pub(super) fn object<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> Result<(Object<'js>, Vec<Value<'js>>)> {
        let all = Object::new_proto(ctx.clone(), None)?;
        let mut functions = Vec::new();
        let mut add = |name: &str, function: Result<Function<'js>>| {
            let function = function?.with_name(name)?;
            functions.push(function.clone().into_value());
            all.set(name, function)
        };
        let this = || Rc::clone(self);
        let all_of = this();
        let http = move |ctx: Ctx<'js>, realm: Realm<'js>, args| all_of.host()?.http(&ctx, &realm, args);
        add("http", Function::new(ctx.clone(), http))?;
        let all_of = this();
        let log = move |realm: Realm<'js>, level, parts: Array<'js>| all_of.host()?.log(&realm, level, &parts);
        add("log", Function::new(ctx.clone(), log))?;
        let all_of = this();
        let token = move |ctx: Ctx<'js>, realm: Realm<'js>, args| all_of.host()?.token(&ctx, &realm, args);
        add("token", Function::new(ctx.clone(), token))?;
        let all_of = this();
        let operation = move |ctx: Ctx<'js>, realm: Realm<'js>, args| all_of.host()?.operation(&ctx, &realm, args);
        add("operation", Function::new(ctx.clone(), operation))?;
        let all_of = this();
        let sleep = move |ctx: Ctx<'js>, _: Realm<'js>, ms| all_of.host()?.sleep(&ctx, ms);
        add("sleep", Function::new(ctx.clone(), sleep))?;
        let unknown = |ctx: Ctx<'js>, realm: Realm<'js>, what, name, known: Vec<String>| -> Result<()> {
            Err(unknown_option(&ctx, &realm, &what, &name, &known))
        };
        add("unknown", Function::new(ctx.clone(), unknown))?;
        let Lazy { web, paging, utilities } = &self.lazy;
        for (name, part) in [("web", web), ("paging", paging), ("utilities", utilities)] {
            let part = Rc::clone(part);
            add(name, Function::new(ctx.clone(), move |ctx: Ctx<'js>| part.run(&ctx)))?;
        }
        let all_of = this();
        let util =
            move |ctx: Ctx<'js>, realm: Realm<'js>, args| util::call(&ctx, &realm, all_of.host()?.limits.body, args);
        add("util", Function::new(ctx.clone(), util))?;
        let all_of = this();
        add("random", Function::new(ctx.clone(), move || all_of.random()))?;
        Ok((all, functions))
    }
}

impl Host {
    pub(super) fn new(
        channel: Rc<Channel>,
        clock: Rc<Clock>,
        account: MemoryAccount,
        limits: Limits,
        level: LogLevel,
    ) -> Self {
        Self {
            channel,
            clock,
            account,
            limits,
            level,
            closed: Cell::new(None),
            calls: Cell::new(0),
            bodies: Cell::new(0),
            sleeps: Cell::new(0),
            logged: Cell::new(0),
            lines: Cell::new(0),
        }
    }

    /// `token(tools, tokenUrl, openIdConnectUrl, clientId, clientSecret, scopes, audience, resource, style, renew)`;
    /// answers `token`, or `code` and `message`.
    fn token<'js>(&self, ctx: &Ctx<'js>, realm: &Realm<'js>, Rest(args): Rest<Value<'js>>) -> Result<Object<'js>> {
        let given = |at: usize| args.get(at).filter(|value| !value.is_undefined() && !value.is_null());
        let text = |at: usize| given(at).map_or_else(|| Ok(String::new()), |value| plain(realm, value));
        let scopes = match given(4).and_then(|scopes| scopes.as_array().filter(|_| !scopes.is_proxy())) {
            Some(list) => items_of(ctx, list)?.map(|scope| plain(realm, &scope?)).collect::<Result<_>>()?,
            None => text(4)?.split_ascii_whitespace().map(str::to_owned).collect(),
        };
        let call = TokenCall {
            token_url: text(0)?,
            open_id_connect_url: text(1)?,
            client_id: text(2)?,
            client_secret: text(3)?,
            scopes,
            audience: text(5)?,
            resource: text(6)?,
            style: text(7)?,
            renew: given(8).and_then(Value::as_bool).unwrap_or(false),
        };
        match self.exchange(Kind::Token, &call) {
            Ok(Reply::Token(token)) => {
                let object = Object::new_proto(ctx.clone(), None)?;
                object.set("token", token.expose())?;
                Ok(object)
            }
            Ok(_) => std::process::exit(1),
            Err(fault) => told(ctx, &fault),
        }
    }

    /// `operation(tools, name, params)`; answers `result`, or `code` and `message`.
    fn operation<'js>(&self, ctx: &Ctx<'js>, realm: &Realm<'js>, Rest(args): Rest<Value<'js>>) -> Result<Object<'js>> {
        let name = args.first().map(|name| plain(realm, name)).transpose()?.unwrap_or_default();
        let given = args.get(1).filter(|params| !params.is_undefined() && !params.is_null());
        let params = match given.map(|params| self.body(ctx, realm, "json", params)).transpose()? {
            Some(HttpBody::Json(text)) => match serde_json::value::RawValue::from_string(text) {
                Ok(params) if params.get().starts_with('{') => Some(params),
                _ => return Err(Exception::throw_type(ctx, "the params of floh.operation are an object")),
            },
            _ => None,
        };
        match self.exchange(Kind::Operation, &Asked { name, params }) {
            Ok(Reply::Result { json, memory }) => {
                self.account.grant(memory);
                self.bodies.set(self.bodies.get() + json.len());
                if json.len() > self.limits.body || self.bodies.get() > self.limits.bodies {
                    return told(ctx, &HttpFault::too_large(&self.limits));
                }
                let object = Object::new_proto(ctx.clone(), None)?;
                object.set("result", from_json::parse(ctx, &json, &realm.exact)?)?;
                Ok(object)
            }
            Ok(_) => std::process::exit(1),
            Err(fault) => told(ctx, &fault),
        }
    }

    /// `sleep(tools, ms)`; answers nothing, or `code` and `message`. The server waits, and gives the run's place to
    /// others meanwhile.
    fn sleep<'js>(&self, ctx: &Ctx<'js>, ms: f64) -> Result<Object<'js>> {
        let time = Duration::try_from_secs_f64(ms.max(1.0) / 1000.0).unwrap_or(Duration::MAX);
        let left = self.clock.left();
        if time >= left {
            let message = format!(
                "a wait of {} ms is longer than the {} ms that are left of the command's time; raise its timeoutMs, or \
                 wait for less",
                time.as_millis(),
                left.as_millis()
            );
            return told(ctx, &HttpFault::new("time", message));
        }
        self.sleeps.set(self.sleeps.get() + 1);
        if self.sleeps.get() > MAX_SLEEPS {
            return told(ctx, &HttpFault::too_many_sleeps());
        }
        match self.exchange(Kind::Sleep, &u64::try_from(time.as_micros()).unwrap_or(u64::MAX)) {
            Ok(Reply::Slept) => Object::new_proto(ctx.clone(), None),
            Ok(_) => std::process::exit(1),
            Err(fault) => told(ctx, &fault),
        }
    }

    /// Sends a host call to the server and waits. The server replies with an answer or a token.
    pub(super) fn exchange<T: Serialize>(&self, kind: Kind, asked: &T) -> std::result::Result<Reply, HttpFault> {
        let fault = |code: &'static str, message: &str| HttpFault::new(code, message);
        if let Some(why) = self.closed.get() {
            return Err(fault("closed", why));
        }
        if kind != Kind::Sleep {
            self.calls.set(self.calls.get() + 1);
        }
        if self.calls.get() > self.limits.calls {
            return Err(HttpFault::too_many_calls(self.limits.calls));
        }
        let sent = self.channel.send(kind, |writer| writer.json(asked).map_err(|_| Malformed));
        if sent.is_err() {
            return Err(HttpFault::too_large(&self.limits));
        }
        let reply = match self.channel.next() {
            Ok(Some((Kind::Reply, body))) => Reply::read(&body),
            _ => Err(Malformed),
        };
        match reply {
            Ok(Reply::Fault(fault)) => Err(fault),
            Ok(Reply::Late) => {
                self.clock.end();
                Err(fault("timeout", "the command's time is over"))
            }
            Ok(reply) => Ok(reply),
            // The server has ended, or sends malformed frames: no caller waits for this run.
            Err(Malformed) => std::process::exit(1),
        }
    }

    /// Writes a warning of the worker's own into the log.
    pub(super) fn warn(&self, line: &str) {
        let sent = LogLevel::Warn < self.level
            || self.channel.send(Kind::Log, |writer| Ok(writer.byte(level_byte(LogLevel::Warn)).text(line))).is_ok();
        if !sent {
            std::process::exit(1);
        }
    }

    /// `log(tools, level, parts)`.
    fn log<'js>(&self, realm: &Realm<'js>, level: u8, parts: &Array<'js>) -> Result<()> {
        let Ok(level) = crate::script::message::level_of(level) else { return Ok(()) };
        let full = || self.logged.get() > self.limits.log || self.lines.get() > MAX_LOG_LINES;
        if level < self.level || full() || self.closed.get().is_some() {
            return Ok(());
        }
        let mut line = String::new();
        for part in parts.iter::<Value<'js>>() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&shown(realm, &part?)?);
            if line.len() > 2 * TEXT {
                break;
            }
        }
        let line = text::cut(&line, 2 * TEXT);
        self.logged.set(self.logged.get() + line.len() + LOG_LINE_BYTES);
        self.lines.set(self.lines.get() + 1);
        let (level, line) = if full() {
            (LogLevel::Warn, "further lines were dropped: the script has filled its log")
        } else {
            (level, line)
        };
        let sent = self.channel.send(Kind::Log, |writer| Ok(writer.byte(level_byte(level)).text(line)));
        if sent.is_err() {
            std::process::exit(1);
        }
        Ok(())
    }
}

/// An operation and its params, which stay text on the way.
#[derive(Serialize)]
struct Asked {
    name: String,
    params: Option<Box<serde_json::value::RawValue>>,
}

/// Reads a value as JavaScript writes it into a text.
pub(super) fn plain<'js>(realm: &Realm<'js>, value: &Value<'js>) -> Result<String> {
    let Coerced(text): Coerced<JsString<'js>> = value.get()?;
    text::read(realm, &text)
}

/// Shows a part of a log line: texts as they are, errors by name and message, objects as JSON.
fn shown<'js>(realm: &Realm<'js>, part: &Value<'js>) -> Result<String> {
    if part.is_symbol() {
        return Ok("[symbol]".to_owned());
    }
    if !part.is_object() {
        return plain(realm, part);
    }
    if part.is_error() {
        let parts: Vec<JsString<'js>> = realm.describe.call((part.clone(), TEXT))?;
        let texts = parts.iter().take(2).map(|part| text::read(realm, part));
        return Ok(texts.collect::<Result<Vec<_>>>()?.join(": "));
    }
    match to_json::write(realm, part, SHOWN) {
        Ok(text) => Ok(text.unwrap_or_else(|| "[function]".to_owned())),
        Err(Unwritable::Refused(_)) => Ok("[object]".to_owned()),
        Err(Unwritable::Thrown(error)) => Err(error),
    }
}

/// Makes the error of an option that a function does not know.
pub(super) fn unknown_option<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm<'js>,
    what: &JsString<'js>,
    name: &JsString<'js>,
    known: &[String],
) -> Error {
    let read = |string| text::read(realm, string);
    let (what, name) = match (read(what), read(name)) {
        (Ok(what), Ok(name)) => (what, name),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    let help = match nearest_name(&name, known.iter().map(String::as_str)) {
        Some(like) => format!("did you mean {like}?"),
        None => format!("it takes {}", known.join(", ")),
    };
    Exception::throw_type(ctx, &format!("{what} has no option {}; {help}", shown_name(&name)))
}

/// Returns the items of a script's list. Its length may be any number, which is read before the engine relies on it.
pub(super) fn items_of<'a, 'js>(
    ctx: &Ctx<'js>,
    list: &'a Array<'js>,
) -> Result<impl Iterator<Item = Result<Value<'js>>> + use<'a, 'js>> {
    let length: f64 = list.as_object().get("length")?;
    if length > f64::from(MAX_PAIRS) {
        return Err(Exception::throw_range(ctx, &format!("a list has at most {MAX_PAIRS} items here")));
    }
    Ok((0..MAX_PAIRS).take_while(move |at| f64::from(*at) < length).map(move |at| list.get(at as usize)))
}
