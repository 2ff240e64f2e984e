//! What the prelude gets for a host call: the parts of an answer, or the reason why there is none.

use base64::Engine;
use rquickjs::object::Property;
use rquickjs::{Array, Ctx, Error, Object, Result, String as JsString, TypedArray, Value};

use super::bytes::BASE64;
use super::from_json;
use super::realm::Realm;
use crate::script::sandbox::{HttpAnswer, HttpFault};

/// Gives the prelude the reason why there is no answer.
pub(super) fn told<'js>(ctx: &Ctx<'js>, fault: &HttpFault) -> Result<Object<'js>> {
    let object = Object::new_proto(ctx.clone(), None)?;
    object.set("code", &*fault.code)?;
    object.set("message", fault.message.as_str())?;
    if let Some(left) = fault.left {
        object.set("outcome", "unknown")?;
        if let Some(status) = left.status {
            object.set("status", status)?;
        }
    }
    Ok(object)
}

/// Builds what the prelude reads. Properties are defined, not set: a setter on a prototype sees nothing.
pub(super) fn response<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, answer: HttpAnswer) -> Result<Object<'js>> {
    let headers = Object::new(ctx.clone())?;
    let (cookies, others): (Vec<_>, Vec<_>) = answer.headers.into_iter().partition(|(name, _)| name == "set-cookie");
    if !cookies.is_empty() {
        let list = Array::new(ctx.clone())?;
        for (index, (_, cookie)) in cookies.into_iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| Error::Unknown)?;
            list.as_object().prop(index, Property::from(cookie).writable().enumerable().configurable())?;
        }
        headers.prop("set-cookie", Property::from(list).writable().enumerable().configurable())?;
    }
    for (name, value) in others {
        headers.prop(name.as_str(), Property::from(value).writable().enumerable().configurable())?;
    }
    let text = JsString::from_str(ctx.clone(), &answer.text)?;
    let body = match answer.text.trim_start_matches('\u{feff}') {
        "" => Value::new_null(ctx.clone()),
        json => from_json::parse(ctx, json, &realm.exact).or_else(|error| match error {
            // If it is not JSON, it is a text; so is one with a NUL character.
            Error::Exception if is_syntax_error(&ctx.catch()) => Ok(text.clone().into_value()),
            Error::InvalidString(_) => Ok(text.clone().into_value()),
            other => Err(other),
        })?,
    };
    let object = Object::new_proto(ctx.clone(), None)?;
    object.set("status", answer.status)?;
    object.set("headers", headers)?;
    object.set("body", body)?;
    object.set("text", text)?;
    if let Some(bytes) = answer.bytes {
        if answer.is_binary {
            object.set("base64", BASE64.encode(&bytes))?;
        }
        object.set("raw", TypedArray::<u8>::new_copy(ctx.clone(), &bytes)?)?;
    }
    if let Some(next) = answer.next {
        object.set("next", next)?;
    }
    Ok(object)
}

/// An exception that is not a syntax error means lack of memory or time; it is rethrown.
fn is_syntax_error(thrown: &Value<'_>) -> bool {
    let Some(error) = thrown.as_object().filter(|_| thrown.is_error()) else {
        drop(thrown.ctx().throw(thrown.clone()));
        return false;
    };
    let name: Option<String> = error.get("name").ok();
    let syntax = name.as_deref() == Some("SyntaxError");
    if !syntax {
        drop(thrown.ctx().throw(thrown.clone()));
    }
    syntax
}
