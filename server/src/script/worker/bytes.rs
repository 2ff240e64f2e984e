//! Texts and bytes that a script hands in, and the forms in which bytes go back to it.
//!
//! Whatever signs or encodes works on bytes: a text counts as its UTF-8, a `Uint8Array` or `ArrayBuffer` as what it
//! holds. Anything else is refused, because its usual text (`[object Object]`, `1,2,3`) is never what was meant.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rquickjs::{Array, Ctx, Exception, Result, String as JsString, TypedArray, Value};

use super::realm::Realm;
use super::text;
use crate::script::limits::Limits;

const fn engine(alphabet: &alphabet::Alphabet, padding: bool) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_encode_padding(padding);
    GeneralPurpose::new(alphabet, config.with_decode_padding_mode(DecodePaddingMode::Indifferent))
}

/// Base64 with padding, which is optional on the way in (RFC 4648, section 4).
pub(super) const BASE64: GeneralPurpose = engine(&alphabet::STANDARD, true);
/// Base64 for URLs and tokens, without padding (RFC 4648, section 5).
pub(super) const BASE64_URL: GeneralPurpose = engine(&alphabet::URL_SAFE, false);

/// The form in which bytes go back to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Hex,
    Base64,
    Base64Url,
    Bytes,
}

impl Form {
    /// Reads the name of a form.
    pub(super) fn read<'js>(
        ctx: &Ctx<'js>,
        realm: &Realm<'js>,
        value: Option<&Value<'js>>,
        usual: Self,
    ) -> Result<Self> {
        let Some(value) = value else { return Ok(usual) };
        let name = value.as_string().map(|name| text::read(realm, name)).transpose()?;
        match (name.as_deref(), usual) {
            (Some("bytes"), _) => Ok(Self::Bytes),
            (Some("text"), Self::Text) => Ok(Self::Text),
            (Some("hex"), _) if usual != Self::Text => Ok(Self::Hex),
            (Some("base64"), _) if usual != Self::Text => Ok(Self::Base64),
            (Some("base64url"), _) if usual != Self::Text => Ok(Self::Base64Url),
            (_, Self::Text) => Err(Exception::throw_type(ctx, "what is decoded is asked for as text or bytes")),
            _ => Err(Exception::throw_type(ctx, "the encoding is hex, base64, base64url or bytes")),
        }
    }

    /// Writes bytes in this form. `what` names the function, for the message about bytes that are not a text.
    pub(super) fn write<'js>(self, ctx: &Ctx<'js>, what: &str, bytes: Vec<u8>) -> Result<Value<'js>> {
        let written = match self {
            Self::Bytes => return Ok(TypedArray::<u8>::new_copy(ctx.clone(), bytes)?.into_value()),
            Self::Text => String::from_utf8(bytes).map_err(|_| {
                let help = format!("the decoded bytes are not UTF-8 text; ask for bytes: {what}(text, \"bytes\")");
                Exception::throw_type(ctx, &help)
            })?,
            Self::Hex => const_hex::encode(bytes),
            Self::Base64 => BASE64.encode(bytes),
            Self::Base64Url => BASE64_URL.encode(bytes),
        };
        Ok(JsString::from_str(ctx.clone(), &written)?.into_value())
    }
}

/// Reads what a function takes as input.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r, 'js> {
    pub(super) ctx: &'r Ctx<'js>,
    pub(super) realm: &'r Realm<'js>,
    /// The function that was called, for messages.
    pub(super) what: &'r str,
    /// The most bytes of one input.
    pub(super) most: usize,
}

impl<'r, 'js> Reader<'r, 'js> {
    /// Reads what a request holds.
    pub(super) fn of(ctx: &'r Ctx<'js>, realm: &'r Realm<'js>, limits: &Limits) -> Self {
        Self { ctx, realm, what: "a part of a request", most: limits.body.saturating_mul(2) }
    }

    /// Reads a text as UTF-8, or bytes.
    pub(super) fn bytes(&self, value: Option<&Value<'js>>) -> Result<Vec<u8>> {
        let read = match value {
            Some(value) if value.is_string() => self.text(Some(value))?.into_bytes(),
            Some(value) => match of_value(self.ctx, value)? {
                Some(bytes) => bytes,
                None => return Err(self.refused("a text or bytes (Uint8Array)", Some(value))),
            },
            None => return Err(self.refused("a text or bytes (Uint8Array)", value)),
        };
        self.fits(read.len())?;
        Ok(read)
    }

    /// Reads a text.
    pub(super) fn text(&self, value: Option<&Value<'js>>) -> Result<String> {
        let Some(string) = value.and_then(Value::as_string) else { return Err(self.refused("a text", value)) };
        let text = text::read(self.realm, string)?;
        self.fits(text.len())?;
        Ok(text)
    }

    /// Makes an error about a value.
    pub(super) fn refused(&self, wanted: &str, value: Option<&Value<'js>>) -> rquickjs::Error {
        let came = kind(value);
        Exception::throw_type(self.ctx, &format!("{} takes {wanted}, not {came}", self.what))
    }

    /// Makes an error that says what to do.
    pub(super) fn wrong(&self, why: &str) -> rquickjs::Error {
        Exception::throw_type(self.ctx, &format!("{}: {why}", self.what))
    }

    fn fits(&self, bytes: usize) -> Result<()> {
        if bytes <= self.most {
            return Ok(());
        }
        let text = format!("{} takes at most {} MiB at a time, not {bytes} bytes", self.what, self.most >> 20);
        Err(Exception::throw_range(self.ctx, &text))
    }
}

/// Names the kind of a value.
fn kind(value: Option<&Value<'_>>) -> &'static str {
    match value {
        None => "undefined",
        Some(value) if value.is_undefined() => "undefined",
        Some(value) if value.is_null() => "null",
        Some(value) if value.is_bool() => "a boolean",
        Some(value) if value.is_number() => "a number",
        Some(value) if value.is_string() => "a text",
        Some(value) if value.is_function() => "a function",
        Some(value) if value.is_array() => "an array",
        Some(value) if value.is_object() => "an object",
        Some(_) => "such a value",
    }
}

/// Returns the bytes of a `Uint8Array`, `Uint8ClampedArray` or `ArrayBuffer`, copied before any script runs again.
///
/// # Errors
/// If they were detached.
pub(super) fn of_value<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Option<Vec<u8>>> {
    match script_ffi::bytes(value) {
        script_ffi::Bytes::None => Ok(None),
        script_ffi::Bytes::Copied(bytes) => Ok(Some(bytes)),
        script_ffi::Bytes::Detached => Err(Exception::throw_type(ctx, "the bytes are detached: they were moved away")),
    }
}

/// Makes a list of texts.
pub(super) fn texts<'js>(ctx: &Ctx<'js>, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Value<'js>> {
    let list = Array::new(ctx.clone())?;
    for (index, text) in texts.into_iter().enumerate() {
        list.set(index, text.as_ref())?;
    }
    Ok(list.into_value())
}
