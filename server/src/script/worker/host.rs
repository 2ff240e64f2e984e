//! The functions behind `floh`: each reads what the script gave it, asks the server, and answers.
//!
//! Whatever a script passes may be a proxy, a getter or a number instead of a text. It is read once, here; if reading
//! throws, the error counts as the script's own.

use std::cell::Cell;
use std::rc::Rc;

use connector_runtime::log::{LOG_LINE_BYTES, LogLevel, MAX_LOG_LINES};
use rquickjs::atom::Atom;
use rquickjs::function::Rest;
use rquickjs::object::Filter;
use rquickjs::{Array, Coerced, Ctx, Error, Exception, Function, Object, Result, String as JsString, Value};
use script_ffi::Refused;
use serde::Serialize;

use super::channel::Channel;
use super::clock::Clock;
use super::from_json;
use super::host_answer::{response, told};
use super::realm::Realm;
use super::text;
use super::to_json::{self, Most, Unwritable};
use super::util;
use crate::script::frame::{Kind, Malformed};
use crate::script::limits::{Limits, TEXT};
use crate::script::message::{Reply, level_byte};
use crate::script::sandbox::{BodyPart, HttpAnswer, HttpBody, HttpCall, HttpFault};
use crate::script::tokens::TokenCall;

/// The maximum number of pairs of headers, query or form that are read.
const MAX_PAIRS: usize = 1000;
/// How much of an object a log line shows.
const SHOWN: Most = Most { bytes: TEXT, depth: 8, nodes: 500 };

/// The limits of a run's host calls, and their use so far.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) channel: Rc<Channel>,
    pub(super) clock: Rc<Clock>,
    pub(super) refused: Refused,
    pub(super) limits: Limits,
    pub(super) level: LogLevel,
    /// Whether calls are refused: while a source is checked, and after the result.
    pub(super) closed: Cell<Option<&'static str>>,
    pub(super) calls: Cell<u32>,
    bodies: Cell<usize>,
    /// The bytes that the log lines have cost.
    logged: Cell<usize>,
    /// The log lines so far.
    lines: Cell<usize>,
}

impl Host {
    pub(super) fn new(
        channel: Rc<Channel>,
        clock: Rc<Clock>,
        refused: Refused,
        limits: Limits,
        level: LogLevel,
    ) -> Self {
        Self {
            channel,
            clock,
            refused,
            limits,
            level,
            closed: Cell::new(None),
            calls: Cell::new(0),
            bodies: Cell::new(0),
            logged: Cell::new(0),
            lines: Cell::new(0),
        }
    }

    /// Creates the object that the prelude builds `floh` from.
    pub(super) fn object<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> Result<Object<'js>> {
        let all = Object::new_proto(ctx.clone(), None)?;
        let host = Rc::clone(self);
        let http = move |ctx: Ctx<'js>, realm: Realm<'js>, args| host.http(&ctx, &realm, args);
        all.set("http", Function::new(ctx.clone(), http)?)?;
        let host = Rc::clone(self);
        let log = move |realm: Realm<'js>, level, parts: Array<'js>| host.log(&realm, level, &parts);
        all.set("log", Function::new(ctx.clone(), log)?)?;
        let host = Rc::clone(self);
        let token = move |ctx: Ctx<'js>, realm: Realm<'js>, args| host.token(&ctx, &realm, args);
        all.set("token", Function::new(ctx.clone(), token)?)?;
        let host = Rc::clone(self);
        let operation = move |ctx: Ctx<'js>, realm: Realm<'js>, args| host.operation(&ctx, &realm, args);
        all.set("operation", Function::new(ctx.clone(), operation)?)?;
        let util = |ctx: Ctx<'js>, realm: Realm<'js>, args| util::call(&ctx, &realm, args);
        all.set("util", Function::new(ctx.clone(), util)?)?;
        Ok(all)
    }

    /// `http(tools, method, url, headers, kind, body, query, timeoutMs)`; answers the parts of a response, or
    /// `code` and `message`.
    fn http<'js>(&self, ctx: &Ctx<'js>, realm: &Realm<'js>, Rest(mut args): Rest<Value<'js>>) -> Result<Object<'js>> {
        args.resize(7, Value::new_undefined(ctx.clone()));
        let [method, url, headers, kind, body, query, timeout] = args.as_slice() else { return Err(Error::Unknown) };
        let method = plain(realm, method)?.to_ascii_uppercase();
        let url = plain(realm, url)?;
        let headers = pairs(ctx, realm, headers)?;
        let query = pairs(ctx, realm, query)?;
        let body = self.body(ctx, realm, plain(realm, kind)?.as_str(), body)?;
        let timeout_ms = timeout.as_number().filter(|ms| *ms > 0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, which is what is wanted"
        )]
        let timeout_ms = timeout_ms.map(|ms| ms as u64);
        match self.ask(&HttpCall { method, url, query, headers, body, timeout_ms }) {
            Ok(answer) => response(ctx, realm, answer),
            Err(fault) => told(ctx, &fault),
        }
    }

    /// `token(tools, tokenUrl, openIdConnectUrl, clientId, clientSecret, scopes, audience, resource, style, renew)`;
    /// answers `token`, or `code` and `message`.
    fn token<'js>(&self, ctx: &Ctx<'js>, realm: &Realm<'js>, Rest(args): Rest<Value<'js>>) -> Result<Object<'js>> {
        let given = |at: usize| args.get(at).filter(|value| !value.is_undefined() && !value.is_null());
        let text = |at: usize| given(at).map_or_else(|| Ok(String::new()), |value| plain(realm, value));
        let scopes = match given(4).and_then(|scopes| scopes.as_array().filter(|_| !scopes.is_proxy())) {
            Some(list) => list.iter().take(MAX_PAIRS).map(|scope| plain(realm, &scope?)).collect::<Result<_>>()?,
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
            Ok(Reply::Result(json)) => {
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

    /// Sends an HTTP call to the server and waits.
    fn ask(&self, call: &HttpCall) -> std::result::Result<HttpAnswer, HttpFault> {
        if body_length(&call.body) > self.limits.body {
            return Err(HttpFault::too_large(&self.limits));
        }
        let Reply::Answer(answer) = self.exchange(Kind::Call, call)? else { std::process::exit(1) };
        let bytes = answer.base64.as_ref().map_or(answer.text.len(), |base64| base64.len() / 4 * 3);
        self.bodies.set(self.bodies.get() + bytes);
        if bytes > self.limits.body || self.bodies.get() > self.limits.bodies {
            return Err(HttpFault::too_large(&self.limits));
        }
        Ok(answer)
    }

    /// Sends a host call to the server and waits. The server replies with an answer or a token.
    fn exchange<T: Serialize>(&self, kind: Kind, asked: &T) -> std::result::Result<Reply, HttpFault> {
        let fault = |code: &'static str, message: &str| HttpFault { code: code.into(), message: message.to_owned() };
        if let Some(why) = self.closed.get() {
            return Err(fault("closed", why));
        }
        self.calls.set(self.calls.get() + 1);
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

    fn body<'js>(&self, ctx: &Ctx<'js>, realm: &Realm<'js>, kind: &str, body: &Value<'js>) -> Result<HttpBody> {
        match kind {
            "any" if body.is_undefined() || body.is_null() => Ok(HttpBody::None),
            "any" if body.is_string() => plain(realm, body).map(HttpBody::Text),
            "form" => pairs(ctx, realm, body).map(HttpBody::Form),
            "parts" => parts(ctx, realm, body).map(HttpBody::Parts),
            "none" => Ok(HttpBody::None),
            _ => {
                let most = Most { bytes: self.limits.body, depth: self.limits.depth, nodes: self.limits.nodes };
                match to_json::write(realm, body, most) {
                    Ok(text) => Ok(HttpBody::Json(text.unwrap_or_else(|| "null".to_owned()))),
                    Err(Unwritable::Thrown(error)) => Err(error),
                    Err(Unwritable::Refused(why)) => {
                        Err(Exception::throw_type(ctx, &format!("the body cannot be sent as JSON: {why}")))
                    }
                }
            }
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

fn body_length(body: &HttpBody) -> usize {
    match body {
        HttpBody::None => 0,
        HttpBody::Text(text) | HttpBody::Json(text) => text.len(),
        HttpBody::Parts(parts) => parts
            .iter()
            .map(|part| match part {
                BodyPart::Text(text) => text.len(),
                BodyPart::Base64(text) => text.len() / 4 * 3,
            })
            .sum(),
        HttpBody::Form(pairs) => pairs.iter().map(|(name, value)| name.len() + value.len() + 2).sum(),
    }
}

/// Reads an object's own enumerable properties as pairs of texts. A list gives a pair for each item;
/// null and undefined give none.
fn pairs<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, value: &Value<'js>) -> Result<Vec<(String, String)>> {
    if value.is_undefined() || value.is_null() {
        return Ok(Vec::new());
    }
    let Some(object) = value.as_object() else {
        return Err(Exception::throw_type(ctx, "headers, query and form are objects: { name: value }"));
    };
    let mut all = Vec::new();
    for key in object.own_keys::<Atom<'js>>(Filter::new().string().enum_only()) {
        let key = key?;
        let value: Value<'js> = object.get(key.clone())?;
        let name = text::read(realm, &key.to_js_string()?)?;
        match value.as_array().filter(|_| !value.is_proxy()) {
            Some(items) => {
                for item in items.iter::<Value<'js>>() {
                    all.push((name.clone(), plain(realm, &item?)?));
                }
            }
            None if value.is_undefined() || value.is_null() => {}
            None => all.push((name, plain(realm, &value)?)),
        }
        if all.len() > MAX_PAIRS {
            return Err(Exception::throw_range(ctx, "there are too many headers, query pairs or form fields"));
        }
    }
    Ok(all)
}

/// Reads a list of texts and of `{ base64 }`.
fn parts<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, value: &Value<'js>) -> Result<Vec<BodyPart>> {
    let wrong = || Exception::throw_type(ctx, "parts is a list of texts and of { base64: text }");
    let list = value.as_array().filter(|_| !value.is_proxy()).ok_or_else(wrong)?;
    if list.len() > MAX_PAIRS {
        return Err(Exception::throw_range(ctx, "there are too many parts"));
    }
    let part = |part: Result<Value<'js>>| {
        let part = part?;
        match part.as_object() {
            None => plain(realm, &part).map(BodyPart::Text),
            Some(object) => {
                let base64: Value<'js> = object.get("base64")?;
                if base64.is_string() { plain(realm, &base64).map(BodyPart::Base64) } else { Err(wrong()) }
            }
        }
    };
    list.iter::<Value<'js>>().map(part).collect()
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
