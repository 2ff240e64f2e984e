//! Assertions that a service signs of itself (RFC 7523, section 2.1), signed with RSA and SHA-256.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::TokenError;
use crate::Secret;

/// How long an assertion is valid; services accept an hour at most.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Asks for a token with an assertion (RFC 7523).
#[derive(Clone)]
pub struct JwtBearer {
    /// The URL where tokens are fetched.
    pub token_url: String,
    /// Who asserts: the `iss` claim.
    pub issuer: String,
    /// Whom the token stands for: the `sub` claim. Empty: it is left out.
    pub subject: String,
    /// The requested scopes, in the `scope` claim.
    pub scopes: Vec<String>,
    /// Whom the assertion is for: the `aud` claim. Empty: the token URL.
    pub audience: String,
    /// The id of the key: the `kid` of the header. Empty: it is left out.
    pub key_id: String,
    /// The private key: RSA, PKCS#8, as PEM.
    pub key: Secret,
}

impl fmt::Debug for JwtBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBearer").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

impl JwtBearer {
    /// Signs the assertion.
    ///
    /// # Errors
    /// If the key cannot be read. Nothing of it is in the error.
    pub(super) fn sign(&self, now: Timestamp) -> Result<Secret, TokenError> {
        let key = signing_key(&self.key)?;
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if !self.key_id.is_empty() {
            header["kid"] = self.key_id.as_str().into();
        }
        let began = now.as_second();
        let ends = began.saturating_add(LIFETIME.as_secs().cast_signed());
        let audience = if self.audience.is_empty() { &self.token_url } else { &self.audience };
        let mut claims = json!({ "iss": self.issuer, "aud": audience, "iat": began, "exp": ends });
        if !self.scopes.is_empty() {
            claims["scope"] = self.scopes.join(" ").into();
        }
        if !self.subject.is_empty() {
            claims["sub"] = self.subject.as_str().into();
        }
        let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| TokenError::Request("signing with the private key failed".to_owned()))?;
        Ok(Secret::new(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn signing_key(key: &Secret) -> Result<RsaKeyPair, TokenError> {
    let refuse = |why: &str| TokenError::Request(format!("the private key cannot be used: {why}"));
    let text = key.expose();
    if text.contains("BEGIN RSA PRIVATE KEY") {
        return Err(refuse("it is PKCS#1; convert it to PKCS#8 (openssl pkcs8 -topk8 -nocrypt)"));
    }
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| refuse("it is not PEM of PKCS#8; it begins with a line -----BEGIN PRIVATE KEY-----"))?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| refuse("it is no RSA key of 2048 bits or more"))
}
