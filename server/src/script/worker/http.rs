//! `floh.http`: reads a request as a script gives it, and sends it to the server.

use base64::Engine;
use rquickjs::atom::Atom;
use rquickjs::function::Rest;
use rquickjs::object::Filter;
use rquickjs::{Array, Ctx, Error, Exception, Object, Result, Value};

use super::bytes::{self, BASE64, Reader};
use super::host::{Host, MAX_PAIRS, items_of, plain, unknown_option};
use super::host_answer::{response, told};
use super::realm::Realm;
use super::text;
use super::to_json::{self, Most, Unwritable};
use crate::script::frame::Kind;
use crate::script::limits::Limits;
use crate::script::message::Reply;
use crate::script::sandbox::{
    BodyPart, FormPart, HttpAnswer, HttpBody, HttpCall, HttpFault, Left, Repeats, only_reads,
};

impl Host {
    /// `http(tools, method, url, headers, kind, body, query, timeoutMs, retry)`; answers the parts of a response, or
    /// `code` and `message`.
    pub(super) fn http<'js>(
        &self,
        ctx: &Ctx<'js>,
        realm: &Realm<'js>,
        Rest(mut args): Rest<Value<'js>>,
    ) -> Result<Object<'js>> {
        args.resize(8, Value::new_undefined(ctx.clone()));
        let [method, url, headers, kind, body, query, timeout, retry] = args.as_slice() else {
            return Err(Error::Unknown);
        };
        let method = plain(realm, method)?.to_ascii_uppercase();
        let url = plain(realm, url)?;
        let headers = pairs(ctx, realm, &self.limits, headers)?;
        let query = pairs(ctx, realm, &self.limits, query)?;
        let body = self.body(ctx, realm, plain(realm, kind)?.as_str(), body)?;
        let timeout_ms = timeout.as_number().filter(|ms| *ms > 0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, which is what is wanted"
        )]
        let timeout_ms = timeout_ms.map(|ms| ms as u64);
        match self.ask(&HttpCall { method, url, query, headers, body, timeout_ms, retry: repeats(retry)? }) {
            Ok(answer) => response(ctx, realm, answer),
            Err(fault) => told(ctx, &fault),
        }
    }

    /// Sends an HTTP call to the server and waits.
    fn ask(&self, call: &HttpCall) -> std::result::Result<HttpAnswer, HttpFault> {
        if body_length(&call.body) > self.limits.body {
            return Err(HttpFault::too_large(&self.limits));
        }
        let Reply::Answer { answer, memory } = self.exchange(Kind::Call, call)? else { std::process::exit(1) };
        self.account.grant(memory);
        let bytes = answer.size();
        self.bodies.set(self.bodies.get() + bytes);
        if bytes > self.limits.body || self.bodies.get() > self.limits.bodies {
            // It was answered, and the script does not see with what.
            let left = (!only_reads(&call.method)).then_some(Left { status: Some(answer.status) });
            return Err(HttpFault { left, ..HttpFault::too_large(&self.limits) });
        }
        Ok(answer)
    }

    pub(super) fn body<'js>(
        &self,
        ctx: &Ctx<'js>,
        realm: &Realm<'js>,
        kind: &str,
        body: &Value<'js>,
    ) -> Result<HttpBody> {
        match kind {
            "any" if body.is_undefined() || body.is_null() => Ok(HttpBody::None),
            "any" if body.is_string() => plain(realm, body).map(HttpBody::Text),
            "form" => pairs(ctx, realm, &self.limits, body).map(HttpBody::Form),
            "parts" => parts(ctx, realm, &self.limits, body).map(HttpBody::Parts),
            "multipart" => multipart(ctx, realm, &self.limits, body).map(HttpBody::Multipart),
            "none" => Ok(HttpBody::None),
            _ => {
                if kind == "any"
                    && let Some(bytes) = bytes::of_value(ctx, body)?
                {
                    return Ok(HttpBody::Parts(vec![BodyPart::Base64(BASE64.encode(bytes))]));
                }
                match to_json::write(realm, body, most(&self.limits)) {
                    Ok(text) => Ok(HttpBody::Json(text.unwrap_or_else(|| "null".to_owned()))),
                    Err(Unwritable::Thrown(error)) => Err(error),
                    Err(Unwritable::Refused(why)) => {
                        Err(Exception::throw_type(ctx, &format!("the body cannot be sent as JSON: {why}")))
                    }
                }
            }
        }
    }
}

fn body_length(body: &HttpBody) -> usize {
    match body {
        HttpBody::None => 0,
        HttpBody::Text(text) | HttpBody::Json(text) => text.len(),
        HttpBody::Parts(parts) => parts.iter().map(part_length).sum(),
        HttpBody::Multipart(parts) => parts.iter().map(form_part_length).sum(),
        HttpBody::Form(pairs) => pairs.iter().map(|(name, value)| name.len() + value.len() + 2).sum(),
    }
}

/// Reads an object's own enumerable properties as pairs of texts. A list gives a pair for each item;
/// null and undefined give none.
fn pairs<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm<'js>,
    limits: &Limits,
    value: &Value<'js>,
) -> Result<Vec<(String, String)>> {
    if value.is_undefined() || value.is_null() {
        return Ok(Vec::new());
    }
    let Some(object) = value.as_object() else {
        return Err(Exception::throw_type(ctx, "headers, query and form are objects: { name: value }"));
    };
    let mut all = Vec::new();
    let mut total = Total::new(ctx, limits);
    let mut add = |name: String, value: &Value<'js>| {
        let value = plain(realm, value)?;
        total.add(name.len() + value.len())?;
        all.push((name, value));
        Ok::<(), Error>(())
    };
    // The order of names counts in what is signed, and an object has one of its own.
    if let Some(list) = value.as_array().filter(|_| !value.is_proxy()) {
        for pair in items_of(ctx, list)? {
            let wrong = || Exception::throw_type(ctx, "a list of headers, query or form holds pairs: [name, value]");
            let pair = pair?;
            let pair = pair.as_array().filter(|_| !pair.is_proxy()).ok_or_else(wrong)?;
            let (name, value): (Value<'js>, Value<'js>) = (pair.get(0)?, pair.get(1)?);
            add(plain(realm, &name)?, &value)?;
        }
        return Ok(all);
    }
    each_named(ctx, realm, object, &mut add)?;
    Ok(all)
}

/// Calls `add` with every value of an object, by its name. A list gives a value for each item; null and undefined give
/// none.
fn each_named<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm<'js>,
    object: &Object<'js>,
    add: &mut dyn FnMut(String, &Value<'js>) -> Result<()>,
) -> Result<()> {
    for key in object.own_keys::<Atom<'js>>(Filter::new().string().enum_only()) {
        let key = key?;
        let value: Value<'js> = object.get(key.clone())?;
        let name = text::read(realm, &key.to_js_string()?)?;
        match value.as_array().filter(|_| !value.is_proxy()) {
            Some(items) => {
                for item in items_of(ctx, items)? {
                    add(name.clone(), &item?)?;
                }
            }
            None if value.is_undefined() || value.is_null() => {}
            None => add(name, &value)?,
        }
    }
    Ok(())
}

/// Reads a list of texts, bytes and `{ base64 }`.
fn parts<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, limits: &Limits, value: &Value<'js>) -> Result<Vec<BodyPart>> {
    let wrong = || Exception::throw_type(ctx, "parts is a list of texts, bytes (Uint8Array) and { base64: text }");
    let list = value.as_array().filter(|_| !value.is_proxy()).ok_or_else(wrong)?;
    let mut all = Vec::new();
    let mut total = Total::new(ctx, limits);
    for part in items_of(ctx, list)? {
        let part = part?;
        let read = match (bytes::of_value(ctx, &part)?, part.as_object()) {
            (Some(bytes), _) => BodyPart::Base64(BASE64.encode(bytes)),
            (None, None) => plain(realm, &part).map(BodyPart::Text)?,
            (None, Some(object)) => {
                let base64: Value<'js> = object.get("base64")?;
                if !base64.is_string() {
                    return Err(wrong());
                }
                BodyPart::Base64(plain(realm, &base64)?)
            }
        };
        total.add(part_length(&read))?;
        all.push(read);
    }
    Ok(all)
}

/// Reads the parts of a form: an object of values by name, or a list of parts with names. What a part holds is a text, a
/// number, a boolean, bytes, or an object of [`PART_KEYS`].
fn multipart<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, limits: &Limits, value: &Value<'js>) -> Result<Vec<FormPart>> {
    let wrong = || Exception::throw_type(ctx, "multipart is an object { name: value }, or a list of { name, .. }");
    let Some(object) = value.as_object().filter(|_| !value.is_proxy()) else { return Err(wrong()) };
    let mut all = Vec::new();
    let mut total = Total::new(ctx, limits);
    let mut add = |part: FormPart| {
        total.add(form_part_length(&part))?;
        all.push(part);
        Ok::<(), Error>(())
    };
    if let Some(list) = value.as_array() {
        for part in items_of(ctx, list)? {
            let part = part?;
            let name: Value<'js> = part.as_object().ok_or_else(wrong)?.get("name")?;
            add(form_part(ctx, realm, limits, Reader::of(ctx, realm, limits).text(Some(&name))?, &part)?)?;
        }
        return Ok(all);
    }
    each_named(ctx, realm, object, &mut |name, value| add(form_part(ctx, realm, limits, name, value)?))?;
    Ok(all)
}

/// The maximum number of bytes of a file's name and of a media type.
const MAX_NAME_BYTES: usize = 1024;
/// The keys of a part of a form.
const PART_KEYS: [&str; 7] = ["name", "text", "json", "bytes", "base64", "fileName", "contentType"];

fn form_part<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm<'js>,
    limits: &Limits,
    name: String,
    value: &Value<'js>,
) -> Result<FormPart> {
    let whole = |content| FormPart { name: name.clone(), content, file_name: None, content_type: None };
    if let Some(bytes) = bytes::of_value(ctx, value)? {
        return Ok(whole(BodyPart::Base64(BASE64.encode(bytes))));
    }
    let Some(object) = value.as_object() else { return plain(realm, value).map(BodyPart::Text).map(whole) };
    for key in object.own_keys::<Atom<'js>>(Filter::new().string().enum_only()) {
        let key = key?.to_js_string()?;
        if !PART_KEYS.contains(&text::read(realm, &key)?.as_str()) {
            let what = rquickjs::String::from_str(ctx.clone(), "a part of multipart")?;
            return Err(unknown_option(ctx, realm, &what, &key, &PART_KEYS.map(str::to_owned)));
        }
    }
    let reader = Reader::of(ctx, realm, limits);
    let get =
        |key: &str| object.get::<_, Value<'js>>(key).map(|value| Some(value).filter(|value| !value.is_undefined()));
    let text = |key: &str| get(key)?.map(|value| reader.text(Some(&value))).transpose();
    let json = |value: Value<'js>| match to_json::write(realm, &value, most(limits)) {
        Ok(json) => Ok(json.unwrap_or_else(|| "null".to_owned())),
        Err(Unwritable::Thrown(error)) => Err(error),
        Err(Unwritable::Refused(why)) => {
            Err(Exception::throw_type(ctx, &format!("a part cannot be sent as JSON: {why}")))
        }
    };
    let short = |key: &str| match text(key)? {
        Some(text) if text.len() > MAX_NAME_BYTES => {
            Err(Exception::throw_range(ctx, &format!("{key} of a part has at most {MAX_NAME_BYTES} bytes")))
        }
        text => Ok(text),
    };
    let (file_name, mut content_type) = (short("fileName")?, short("contentType")?);
    let given = (get("text")?, get("json")?, get("bytes")?, get("base64")?);
    let content = match given {
        (Some(text), None, None, None) => BodyPart::Text(plain(realm, &text)?),
        (None, Some(value), None, None) => {
            content_type = content_type.or_else(|| Some("application/json".to_owned()));
            BodyPart::Text(json(value)?)
        }
        (None, None, Some(bytes), None) => BodyPart::Base64(BASE64.encode(reader.bytes(Some(&bytes))?)),
        (None, None, None, Some(base64)) => BodyPart::Base64(reader.text(Some(&base64))?),
        _ => return Err(Exception::throw_type(ctx, "a part of multipart has one of text, json, bytes and base64")),
    };
    Ok(FormPart { name, content, file_name, content_type })
}

/// Reads what the prelude made of `retry`: a list of five numbers.
fn repeats<'js>(retry: &Value<'js>) -> Result<Option<Repeats>> {
    let Some(list): Option<&Array<'js>> = retry.as_array() else { return Ok(None) };
    let number = |at: usize| list.get::<u32>(at);
    Ok(Some(Repeats {
        times: number(0)?,
        first_wait_ms: number(1)?,
        max_wait_ms: number(2)?,
        max_retry_after_ms: number(3)?,
        even_if_not_idempotent: number(4)? == 1,
    }))
}

/// Counts the bytes of a body's parts while they are read: a script may name the same large text a thousand times.
struct Total<'c, 'js> {
    ctx: &'c Ctx<'js>,
    limits: Limits,
    bytes: usize,
    parts: u32,
}

impl<'c, 'js> Total<'c, 'js> {
    const fn new(ctx: &'c Ctx<'js>, limits: &Limits) -> Self {
        Self { ctx, limits: *limits, bytes: 0, parts: 0 }
    }

    fn add(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes;
        self.parts += 1;
        if self.bytes > self.limits.body {
            return Err(Exception::throw_range(self.ctx, &HttpFault::too_large(&self.limits).message));
        }
        if self.parts > MAX_PAIRS {
            let text =
                format!("a request has at most {MAX_PAIRS} headers, query pairs, form fields or parts of each kind");
            return Err(Exception::throw_range(self.ctx, &text));
        }
        Ok(())
    }
}

fn form_part_length(part: &FormPart) -> usize {
    let named = [&part.file_name, &part.content_type].into_iter().flatten().map(String::len).sum::<usize>();
    part.name.len() + named + part_length(&part.content)
}

fn part_length(part: &BodyPart) -> usize {
    match part {
        BodyPart::Text(text) => text.len(),
        BodyPart::Base64(text) => {
            (text.len() / 4 * 3).saturating_sub(text.bytes().rev().take_while(|byte| *byte == b'=').count())
        }
    }
}

/// How much JSON a body may hold.
const fn most(limits: &Limits) -> Most {
    Most { bytes: limits.body, depth: limits.depth, nodes: limits.nodes }
}
