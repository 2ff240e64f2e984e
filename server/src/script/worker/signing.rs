//! `floh.util.sign` and `floh.util.verify`: RS256 and ES256 (RFC 7518, sections 3.3 and 3.4), with ring.
//!
//! Keys come as services hand them out: PEM (PKCS#8, PKCS#1, SEC 1, SPKI) or a JWK. Errors say what is wrong with a key
//! and nothing of what is in it. ring limits the sizes, so no key costs more than one of 4,096 bits (8,192 to verify).

use base64::Engine;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use rquickjs::{Object, Result, Value};

use super::bytes::{BASE64, BASE64_URL, Form, Reader};
use super::util::Args;

/// The maximum number of bytes of a key.
const MAX_KEY_BYTES: usize = 32 << 10;
/// Bytes of an ES256 signature as tokens have it; other services write it as ASN.1.
const FIXED_BYTES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Es256,
}

/// A key as it came.
enum Key<'js> {
    /// The label of a PEM block, and what is in it.
    Pem(String, Vec<u8>),
    Jwk(Object<'js>),
}

/// `sign(algorithm, key, data, encoding?)`.
pub(super) fn sign<'js>(reader: &Reader<'_, 'js>, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let algorithm = algorithm(reader, args.get(0))?;
    let key = key(reader, args.get(1))?;
    let data = reader.bytes(args.get(2))?;
    let form = Form::read(reader.ctx, reader.realm, args.get(3), Form::Base64Url)?;
    let failed = |_| reader.wrong("the signature could not be made");
    let random = SystemRandom::new();
    let signature = match algorithm {
        Algorithm::Rs256 => {
            let pair = rsa(reader, key)?;
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, &data, &mut signature).map_err(failed)?;
            signature
        }
        Algorithm::Es256 => ecdsa(reader, key, &random)?.sign(&random, &data).map_err(failed)?.as_ref().to_vec(),
    };
    form.write(reader.ctx, reader.what, signature)
}

/// `verify(algorithm, key, data, signature, encoding?)`; answers whether the signature is that of the key.
pub(super) fn verify<'js>(reader: &Reader<'_, 'js>, args: Args<'_, 'js>) -> Result<Value<'js>> {
    let algorithm = algorithm(reader, args.get(0))?;
    let key = key(reader, args.get(1))?;
    let data = reader.bytes(args.get(2))?;
    let given = reader.bytes(args.get(3))?;
    let is_text = args.get(3).is_some_and(Value::is_string);
    let signature = match Form::read(reader.ctx, reader.realm, args.get(4), Form::Base64Url)? {
        _ if !is_text => Some(given),
        Form::Hex => const_hex::decode(&given).ok(),
        Form::Base64 => BASE64.decode(&given).ok(),
        Form::Base64Url => BASE64_URL.decode(&given).ok(),
        Form::Bytes | Form::Text => return Err(reader.wrong("a signature that is a text is hex, base64 or base64url")),
    };
    // What cannot be read is no signature of the key.
    let Some(signature) = signature else { return Ok(Value::new_bool(reader.ctx.clone(), false)) };
    let valid = match (algorithm, key) {
        (Algorithm::Rs256, Key::Jwk(jwk)) => {
            let part = |name| member(reader, &jwk, name);
            PublicKeyComponents { n: part("n")?, e: part("e")? }
                .verify(&RSA_PKCS1_2048_8192_SHA256, &data, &signature)
                .is_ok()
        }
        (Algorithm::Es256, Key::Jwk(jwk)) => es256(&point(reader, &jwk)?, &data, &signature),
        (algorithm, Key::Pem(label, der)) if label == "PUBLIC KEY" => {
            let key = public_key(&der).ok_or_else(|| reader.wrong("the public key cannot be read"))?;
            match algorithm {
                Algorithm::Rs256 => rs256(key, &data, &signature),
                Algorithm::Es256 => es256(key, &data, &signature),
            }
        }
        (Algorithm::Rs256, Key::Pem(label, der)) if label == "RSA PUBLIC KEY" => rs256(&der, &data, &signature),
        (_, Key::Pem(..)) => {
            return Err(reader.wrong(
                "it takes a public key: PEM with BEGIN PUBLIC KEY, or a JWK; not a private one or a certificate",
            ));
        }
    };
    Ok(Value::new_bool(reader.ctx.clone(), valid))
}

fn rs256(key: &[u8], data: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(data, signature).is_ok()
}

fn es256(point: &[u8], data: &[u8], signature: &[u8]) -> bool {
    let form: &'static dyn ring::signature::VerificationAlgorithm =
        if signature.len() == FIXED_BYTES { &ECDSA_P256_SHA256_FIXED } else { &ECDSA_P256_SHA256_ASN1 };
    UnparsedPublicKey::new(form, point).verify(data, signature).is_ok()
}

fn algorithm<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>) -> Result<Algorithm> {
    match reader.text(value)?.as_str() {
        "RS256" => Ok(Algorithm::Rs256),
        "ES256" => Ok(Algorithm::Es256),
        _ => Err(reader.wrong("the algorithm is RS256 or ES256; for HS256 there is floh.util.hmacSha256")),
    }
}

fn key<'js>(reader: &Reader<'_, 'js>, value: Option<&Value<'js>>) -> Result<Key<'js>> {
    if let Some(object) = value.and_then(Value::as_object).filter(|object| !object.is_function()) {
        return Ok(Key::Jwk(object.clone()));
    }
    let text = reader.text(value)?;
    // A key that came through one line of a form has its line breaks as \n.
    let text = text.replace("\\n", "\n");
    let pem = if text.len() <= MAX_KEY_BYTES { pem(&text) } else { None };
    pem.map(|(label, der)| Key::Pem(label, der)).ok_or_else(|| {
        reader.wrong("the key is neither PEM (-----BEGIN PRIVATE KEY-----) nor a JWK object; paste the whole file")
    })
}

/// Reads the first block of a PEM text (RFC 7468).
fn pem(text: &str) -> Option<(String, Vec<u8>)> {
    // What stands beside the key, such as the parameters that openssl writes before it, is passed over.
    text.split("-----BEGIN ").skip(1).find_map(|block| {
        let (label, rest) = block.split_once("-----").filter(|(label, _)| label.ends_with("KEY"))?;
        let (body, _) = rest.split_once("-----END ")?;
        let plain: String = body.split_ascii_whitespace().collect();
        Some((label.to_owned(), BASE64.decode(plain).ok()?))
    })
}

fn rsa<'js>(reader: &Reader<'_, 'js>, key: Key<'js>) -> Result<RsaKeyPair> {
    let pair = match key {
        Key::Pem(label, der) => match label.as_str() {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
            other => return Err(private(reader, other)),
        },
        Key::Jwk(jwk) => {
            let part = |name| member(reader, &jwk, name);
            RsaKeyPair::from_components(&KeyPairComponents {
                public_key: PublicKeyComponents { n: part("n")?, e: part("e")? },
                d: part("d")?,
                p: part("p")?,
                q: part("q")?,
                dP: part("dp")?,
                dQ: part("dq")?,
                qInv: part("qi")?,
            })
        }
    };
    pair.map_err(|why| {
        reader.wrong(&format!("the key is not an RSA key of 2,048 to 4,096 bits that RS256 can use ({why})"))
    })
}

fn ecdsa<'js>(reader: &Reader<'_, 'js>, key: Key<'js>, random: &SystemRandom) -> Result<EcdsaKeyPair> {
    let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = match key {
        Key::Pem(label, der) => match label.as_str() {
            "PRIVATE KEY" => EcdsaKeyPair::from_pkcs8(curve, &der, random),
            "EC PRIVATE KEY" => EcdsaKeyPair::from_pkcs8(curve, &as_pkcs8(&der), random),
            other => return Err(private(reader, other)),
        },
        Key::Jwk(jwk) => {
            let (d, point) = (member(reader, &jwk, "d")?, point(reader, &jwk)?);
            EcdsaKeyPair::from_private_key_and_public_key(curve, &d, &point, random)
        }
    };
    pair.map_err(|why| {
        reader
            .wrong(&format!("the key is not an EC key of the curve P-256 with its public half, as ES256 needs ({why})"))
    })
}

fn private(reader: &Reader<'_, '_>, label: &str) -> rquickjs::Error {
    match label {
        "ENCRYPTED PRIVATE KEY" => {
            reader.wrong("the private key is encrypted; decrypt it first: openssl pkcs8 -in key.pem")
        }
        _ => reader.wrong("it takes the private key of this algorithm: PEM with BEGIN PRIVATE KEY, or a JWK"),
    }
}

/// Reads a member of a JWK: base64url.
fn member<'js>(reader: &Reader<'_, 'js>, jwk: &Object<'js>, name: &str) -> Result<Vec<u8>> {
    let value: Value<'js> = jwk.get(name)?;
    let text = if value.is_string() { reader.text(Some(&value))? } else { String::new() };
    let bytes = BASE64_URL.decode(&text).ok().filter(|bytes| !bytes.is_empty() && bytes.len() <= MAX_KEY_BYTES);
    bytes.ok_or_else(|| reader.wrong(&format!("the JWK lacks the member {name}, or it is not base64url")))
}

/// Returns the point of an EC key, not compressed (SEC 1, section 2.3.3).
fn point<'js>(reader: &Reader<'_, 'js>, jwk: &Object<'js>) -> Result<Vec<u8>> {
    Ok([vec![4], member(reader, jwk, "x")?, member(reader, jwk, "y")?].concat())
}

/// Takes the key out of a SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7): the bits after the algorithm.
fn public_key(der: &[u8]) -> Option<&[u8]> {
    let (whole, _) = element(0x30, der)?;
    let (_, rest) = element(0x30, whole)?;
    let (bits, _) = element(0x03, rest)?;
    bits.strip_prefix(&[0])
}

/// Splits an element of DER with a tag from what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Wraps an EC key (RFC 5915) as PKCS#8 (RFC 5208), as ring reads it.
fn as_pkcs8(sec1: &[u8]) -> Vec<u8> {
    const HEAD: [u8; 24] = [
        0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    wrapped(0x30, &[&HEAD[..], &wrapped(0x04, sec1)].concat())
}

/// Writes an element of DER. Its length takes as few bytes as it can.
fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    // A longer one is no key, and is refused as one.
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content.to_vec()].concat()
}
