//! The certificate that a connection shows to a service that asks for one (mutual TLS), and its key, as they are read
//! from the connection's fields.
//!
//! Nothing of either text is repeated in an error: a text in the wrong field may be the key.

use std::fmt;
use std::sync::Arc;

use connector_schema::{CLIENT_CERTIFICATE, CLIENT_KEY};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error as TlsError, InconsistentKeys};

use crate::Secret;

/// The most bytes of the field of the certificate; those of the key have the limit of every secret.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;
/// The most certificates of a chain: the one that is shown, and the authorities between.
pub const MAX_CHAIN_CERTIFICATES: usize = 10;

/// A certificate and the key that belongs to it.
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

/// Why a certificate or its key cannot be used. It holds nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct ClientCertificateError {
    /// The connection field that has to be changed.
    pub field: &'static str,
    /// What is wrong, and how to mend it.
    pub why: String,
}

impl ClientCertificate {
    /// Reads a certificate (PEM, with the authorities between after it) and its key (PEM: PKCS#8, PKCS#1 or SEC1).
    ///
    /// # Errors
    /// If one of them cannot be read, or the key is not that of the first certificate.
    pub fn read(certificate: &str, key: &Secret) -> Result<Self, ClientCertificateError> {
        let (chain, key) = (chain(certificate)?, signing_key(key)?);
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Self(Arc::new(certified))),
            Err(TlsError::InconsistentKeys(_)) => Err(of_key(format!(
                "it is not the key of the certificate in {CLIENT_CERTIFICATE}; send the two that belong together"
            ))),
            Err(error) => Err(of_certificate(format!(
                "its first certificate cannot be read ({error}); it has to be X.509 of version 3"
            ))),
        }
    }

    /// Reads a certificate whose key is not known yet.
    ///
    /// # Errors
    /// If it is no PEM with certificates.
    pub fn read_certificate(certificate: &str) -> Result<(), ClientCertificateError> {
        chain(certificate).map(|_| ())
    }

    /// Reads a key whose certificate is not known yet.
    ///
    /// # Errors
    /// If it is no PEM with a key that can be used.
    pub fn read_key(key: &Secret) -> Result<(), ClientCertificateError> {
        signing_key(key).map(|_| ())
    }

    pub(super) fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.0
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("certificates", &self.0.cert.len()).finish_non_exhaustive()
    }
}

fn chain(text: &str) -> Result<Vec<CertificateDer<'static>>, ClientCertificateError> {
    if text.len() > MAX_CERTIFICATE_BYTES {
        return Err(of_certificate("it has more than 64 KiB; send the certificate and the authorities between alone"));
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(of_certificate(format!(
            "a private key is in it, and this field is shown to whoever may read the connector; the key belongs in {CLIENT_KEY}"
        )));
    }
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        if chain.len() == MAX_CHAIN_CERTIFICATES {
            return Err(of_certificate(format!(
                "it has more than {MAX_CHAIN_CERTIFICATES} certificates; send the one of the client and the authorities between"
            )));
        }
        chain.push(certificate.map_err(|error| of_certificate(not_pem(&error, text, "CERTIFICATE")))?);
    }
    if chain.is_empty() {
        return Err(of_certificate(not_pem(&PemError::NoItemsFound, text, "CERTIFICATE")));
    }
    Ok(chain)
}

fn signing_key(key: &Secret) -> Result<Arc<dyn SigningKey>, ClientCertificateError> {
    let read = default_provider().key_provider.load_private_key(private_key(key.expose())?);
    read.map_err(|_| {
        of_key("it is no key that TLS can use; it has to be RSA (2048 to 4096 bits), ECDSA (P-256, P-384) or Ed25519")
    })
}

fn private_key(text: &str) -> Result<PrivateKeyDer<'static>, ClientCertificateError> {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        let why = "it is encrypted with a passphrase; decrypt it first (openssl pkey -in key.pem -out plain.pem), it is \
                   sealed where it is stored";
        return Err(of_key(why));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| of_key(not_pem(&error, text, "PRIVATE KEY")))
}

/// Says why a text is not PEM, without a part of it.
fn not_pem(error: &PemError, text: &str, kind: &str) -> String {
    let begins = format!("it begins with a line -----BEGIN {kind}-----");
    if text.contains("\\n") {
        return format!(
            "its line breaks are the two characters \\ and n; send line breaks ({begins}, and each line stands alone)"
        );
    }
    match error {
        PemError::NoItemsFound if text.contains("-----BEGIN CERTIFICATE-----") => {
            format!("there is a certificate in it and no key; {begins}, PKCS#8, or RSA or EC before the word PRIVATE")
        }
        PemError::NoItemsFound if kind == "CERTIFICATE" => format!("there is no certificate in it; as PEM {begins}"),
        PemError::NoItemsFound => format!("there is no private key in it; as PEM {begins}"),
        PemError::MissingSectionEnd { .. } => {
            format!("it is not PEM: a line -----END …----- is missing, or its lines are joined; {begins}")
        }
        PemError::Base64Decode(_) => {
            format!("it is not PEM: what is between its first and last line is not base64; {begins}")
        }
        _ => format!("it is not PEM; {begins}"),
    }
}

fn of_certificate(why: impl Into<String>) -> ClientCertificateError {
    ClientCertificateError { field: CLIENT_CERTIFICATE, why: why.into() }
}

fn of_key(why: impl Into<String>) -> ClientCertificateError {
    ClientCertificateError { field: CLIENT_KEY, why: why.into() }
}
