//! TLS: rustls with the ring provider, which is named here so that no author has to install one.
//!
//! Certificates are verified against the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured).

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use rustls_platform_verifier::Verifier;

/// Reads the system's roots and builds the client's configuration; fails with a text.
pub(super) async fn load(more: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, String> {
    let loading = tokio::task::spawn_blocking(move || config(more)).await;
    let config = loading.map_err(|_| "the system's roots cannot be read".to_owned())?;
    config.map(Arc::new).map_err(|error| explain_tls(&error))
}

/// System roots and `more`, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
fn config(more: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // rustls's word for any verifier that is not its own
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Explains a failed handshake.
pub(super) fn explain(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    inner.map_or_else(
        || format!("the connection broke during the handshake ({}); check the port", error.kind()),
        explain_tls,
    )
}

/// Returns what TLS said in the causes of an error, if it said anything. A server that wants a certificate of its client
/// says so after the handshake (TLS 1.3).
pub(super) fn said(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = io.and_then(|inner| inner.downcast_ref::<TlsError>()).or_else(|| error.downcast_ref()) {
            return Some(explain_tls(tls));
        }
        cause = error.source();
    }
    None
}

/// Explains a TLS error.
fn explain_tls(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(certificate) => explain_certificate(certificate).to_owned(),
        TlsError::PeerIncompatible(_) | TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the server speaks neither TLS 1.2 nor TLS 1.3 with a cipher known here; it has to be updated".to_owned()
        }
        TlsError::InvalidMessage(_) => {
            "the server does not speak TLS on this port; check the port, or use http://".to_owned()
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants a certificate of its client (CertificateRequired)".to_owned()
        }
        TlsError::AlertReceived(alert) => {
            format!("the server refused the handshake ({alert:?}); check its TLS settings")
        }
        TlsError::General(text) => format!("{text}; install the system's CA certificates or set SSL_CERT_FILE"),
        other => format!("{other}; check the server's TLS settings"),
    }
}

fn explain_certificate(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "its certificate has expired; the service has to renew it",
        E::NotValidYet | E::NotValidYetContext { .. } => "its certificate is not valid yet; check this machine's clock",
        E::Revoked => "its certificate has been revoked; the service has to renew it",
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "its certificate is for another host; check the host name"
        }
        E::UnknownIssuer | E::BadSignature => {
            "its certificate is self-signed or from an authority that this machine does not trust; \
             add that authority to the system's roots or to SSL_CERT_FILE"
        }
        _ => "its certificate is not acceptable; the service has to replace it",
    }
}
