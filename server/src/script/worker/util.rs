//! `floh.util`: what scripts need to sign requests and to name things.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use rquickjs::function::Rest;
use rquickjs::{Ctx, Error, Exception, Result, Value};
use sha2::{Digest, Sha256};

use super::host::plain;
use super::realm::Realm;

/// Padding is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `util(tools, what, text, encoding, key)`. Texts are UTF-8; digests are hex unless `encoding` is `base64`.
pub(super) fn call<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, Rest(args): Rest<Value<'js>>) -> Result<String> {
    let given = |at: usize| args.get(at).filter(|value| !value.is_undefined());
    let text_at = |at: usize| given(at).map_or_else(|| Ok(String::new()), |value| plain(realm, value));
    let what = text_at(0)?;
    let text = text_at(1)?;
    let no_text = |_| Exception::throw_type(ctx, "the decoded bytes are not UTF-8 text");
    match what.as_str() {
        "base64.encode" => Ok(BASE64.encode(text)),
        "base64.decode" => {
            let bytes = BASE64.decode(text.trim()).map_err(|_| Exception::throw_type(ctx, "the text is not base64"))?;
            String::from_utf8(bytes).map_err(no_text)
        }
        "hex.encode" => Ok(const_hex::encode(text.as_bytes())),
        "hex.decode" => {
            let text = text.trim();
            let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let bytes = const_hex::decode(text).ok().filter(|_| digits);
            let bytes = bytes.ok_or_else(|| Exception::throw_type(ctx, "the text is not hex"))?;
            String::from_utf8(bytes).map_err(no_text)
        }
        "sha256" => encoded(ctx, &text_at(2)?, &Sha256::digest(text)),
        "hmacSha256" => {
            let key = text_at(3)?;
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| Error::Unknown)?;
            mac.update(text.as_bytes());
            encoded(ctx, &text_at(2)?, &mac.finalize().into_bytes())
        }
        "uuid" => {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(|_| Exception::throw_message(ctx, "there are no random numbers"))?;
            Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
        }
        _ => Err(Error::Unknown),
    }
}

fn encoded(ctx: &Ctx<'_>, encoding: &str, bytes: &[u8]) -> Result<String> {
    match encoding {
        "" | "hex" => Ok(const_hex::encode(bytes)),
        "base64" => Ok(BASE64.encode(bytes)),
        _ => Err(Exception::throw_type(ctx, "the encoding is hex or base64")),
    }
}
