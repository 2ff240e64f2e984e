//! `floh.util`: what scripts need to sign requests and to name things; and the encodings behind the web's names
//! (`TextEncoder`, `atob`).

use base64::Engine;
use base64::engine::general_purpose::GeneralPurpose;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use rquickjs::function::Rest;
use rquickjs::{Ctx, Error, Exception, Result, Value};

use super::bytes::{BASE64, BASE64_URL, Form, Reader};
use super::realm::Realm;
use super::{dates, signing, text, urls};

/// The maximum number of random bytes of one call.
const MAX_RANDOM_BYTES: usize = 64 << 10;

/// `util(tools, what, ...args)`. The order of the arguments is that of the functions below.
pub(super) fn call<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm<'js>,
    most: usize,
    Rest(args): Rest<Value<'js>>,
) -> Result<Value<'js>> {
    let Some(name) = args.first().and_then(Value::as_string) else { return Err(Error::Unknown) };
    let name = text::read(realm, name)?;
    let shown = match name.split_once('.') {
        Some(("web", function)) => function.to_owned(),
        _ => format!("floh.util.{name}"),
    };
    let reader = Reader { ctx, realm, what: &shown, most };
    let args = Args(args.get(1..).unwrap_or_default());
    match name.split_once('.') {
        Some(("url", what)) => urls::call(&reader, what, args),
        Some(("date", what)) => dates::call(&reader, what, args),
        Some(("web", what)) => web(&reader, what, args),
        Some((coder, way)) => coded(&reader, coder, way, args),
        None => plain(&reader, &name, args),
    }
}

/// The arguments of a function.
#[derive(Clone, Copy)]
pub(super) struct Args<'a, 'js>(&'a [Value<'js>]);

impl<'a, 'js> Args<'a, 'js> {
    /// Returns an argument; one that is undefined is left out.
    pub(super) fn get(self, at: usize) -> Option<&'a Value<'js>> {
        self.0.get(at).filter(|value| !value.is_undefined())
    }
}

fn plain<'js>(reader: &Reader<'_, 'js>, name: &str, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let Reader { ctx, realm, .. } = *reader;
    let digits = |at: usize| Form::read(ctx, realm, args.get(at), Form::Hex);
    if let Some(algorithm) = digest_named(name) {
        let hash = digest::digest(algorithm, &reader.bytes(args.get(0))?);
        return digits(1)?.write(ctx, reader.what, hash.as_ref().to_vec());
    }
    if let Some(algorithm) = name.strip_prefix("hmac").and_then(|hash| hmac_named(&hash.to_ascii_lowercase())) {
        let key = hmac::Key::new(algorithm, &reader.bytes(args.get(0))?);
        let tag = hmac::sign(&key, &reader.bytes(args.get(1))?);
        return digits(2)?.write(ctx, reader.what, tag.as_ref().to_vec());
    }
    match name {
        "randomBytes" => {
            let wanted = || format!("a whole number of bytes from 0 to {MAX_RANDOM_BYTES}");
            let count = args.get(0).and_then(Value::as_number).filter(|count| count.fract() == 0.0 && *count >= 0.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is checked")]
            let count = count.map(|count| count as usize).filter(|count| *count <= MAX_RANDOM_BYTES);
            let count = count.ok_or_else(|| reader.refused(&wanted(), args.get(0)))?;
            let form = Form::read(ctx, realm, args.get(1), Form::Hex);
            let form = if args.get(1).is_some() { form? } else { Form::Bytes };
            form.write(ctx, reader.what, random(ctx, count)?)
        }
        "uuid" => {
            let bytes: [u8; 16] = random(ctx, 16)?.try_into().map_err(|_| Error::Unknown)?;
            let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
            Form::Text.write(ctx, reader.what, uuid.into_bytes())
        }
        "sign" => signing::sign(reader, args),
        "verify" => signing::verify(reader, args),
        _ => Err(Error::Unknown),
    }
}

fn digest_named(name: &str) -> Option<&'static digest::Algorithm> {
    Some(match name {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return None,
    })
}

fn hmac_named(hash: &str) -> Option<hmac::Algorithm> {
    Some(match hash {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return None,
    })
}

fn random(ctx: &Ctx<'_>, count: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Exception::throw_message(ctx, "the system has no random numbers"))?;
    Ok(bytes)
}

/// `base64`, `base64url` and `hex`, both ways.
fn coded<'js>(reader: &Reader<'_, 'js>, coder: &str, way: &str, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let Reader { ctx, realm, what, .. } = *reader;
    let given = args.get(0);
    if way == "encode" {
        let form = match coder {
            "base64" => Form::Base64,
            "base64url" => Form::Base64Url,
            _ => Form::Hex,
        };
        return form.write(ctx, what, reader.bytes(given)?);
    }
    let form = Form::read(ctx, realm, args.get(1), Form::Text)?;
    let text = reader.text(given)?;
    let text = text.trim();
    let decode = |engine: &GeneralPurpose| {
        engine.decode(text).map_err(|_| Exception::throw_type(ctx, &format!("the text is not {coder}")))
    };
    let bytes = match coder {
        "base64" => decode(&BASE64)?,
        "base64url" => decode(&BASE64_URL)?,
        _ => {
            // A prefix 0x is no hex.
            let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let bytes = const_hex::decode(text).ok().filter(|_| digits);
            bytes.ok_or_else(|| Exception::throw_type(ctx, "the text is not hex"))?
        }
    };
    form.write(ctx, what, bytes)
}

/// What the web platform's own names need: UTF-8, other encodings, and base64 of texts whose characters are bytes.
fn web<'js>(reader: &Reader<'_, 'js>, what: &str, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let Reader { ctx, .. } = *reader;
    let text = |text: String| Form::Text.write(ctx, what, text.into_bytes());
    match what {
        "TextEncoder.encode" => Form::Bytes.write(ctx, what, reader.text(args.get(0))?.into_bytes()),
        "TextDecoder.label" => {
            let label = reader.text(args.get(0))?;
            let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes());
            let encoding = encoding.ok_or_else(|| {
                Exception::throw_range(ctx, "the TextDecoder knows no encoding of this label; try utf-8")
            })?;
            text(encoding.name().to_ascii_lowercase())
        }
        "TextDecoder.decode" => {
            let label = reader.text(args.get(0))?;
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8);
            let bytes = reader.bytes(args.get(1))?;
            let is_set = |at: usize| args.get(at).and_then(Value::as_bool) == Some(true);
            let (fatal, keeps_mark) = (is_set(2), is_set(3));
            let (decoded, lost) = match keeps_mark {
                true => encoding.decode_without_bom_handling(&bytes),
                false => encoding.decode_with_bom_removal(&bytes),
            };
            if lost && fatal {
                let why = format!("the bytes are not valid {}", encoding.name().to_ascii_lowercase());
                return Err(Exception::throw_type(ctx, &why));
            }
            text(decoded.into_owned())
        }
        // One character is one byte (WHATWG HTML, "Base64 utility methods").
        "btoa" => {
            let given = reader.text(args.get(0))?;
            let bytes: Option<Vec<u8>> = given.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            let help = "btoa takes characters up to U+00FF; for other texts there is floh.util.base64";
            Form::Base64.write(ctx, what, bytes.ok_or_else(|| Exception::throw_message(ctx, help))?)
        }
        "atob" => {
            let given = reader.text(args.get(0))?;
            let plain: String = given.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            // Padding is complete or left out.
            let is_whole = !plain.contains('=') || plain.len().is_multiple_of(4);
            let bytes = FORGIVING.decode(&plain).ok().filter(|_| is_whole);
            let bytes = bytes.ok_or_else(|| Exception::throw_message(ctx, "the text of atob is not base64"))?;
            text(bytes.into_iter().map(char::from).collect())
        }
        _ => Err(Error::Unknown),
    }
}

/// The decoder of `atob`, which does not mind bits beyond the last byte.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
