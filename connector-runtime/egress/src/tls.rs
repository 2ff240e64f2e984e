//! TLS: rustls with the ring provider, which is named here so that no author has to install one.
//!
//! Certificates are verified against the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured).

use std::io;
use std::sync::Arc;

use connector_schema::CLIENT_CERTIFICATE;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::EgressError;

/// How many sessions the connections with one certificate resume. They are not those of other connections: a session
/// carries the certificate that it began with.
const MAX_SESSIONS: usize = 32;

/// What TLS said of a failure.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// What happened, and how to mend it.
    pub(super) why: String,
    /// Whether it ended the handshake, as the server sees it: then no request was read.
    pub(super) in_handshake: bool,
    /// Whether the server wanted another certificate of its client, or one at all.
    pub(super) wants_certificate: bool,
}

impl Said {
    pub(super) fn plain(why: impl Into<String>) -> Self {
        Self { why: why.into(), in_handshake: true, wants_certificate: false }
    }

    /// Makes the error of a request to a URL.
    pub(super) fn about(self, target: String) -> EgressError {
        let Self { why, in_handshake, wants_certificate } = self;
        if in_handshake {
            EgressError::Tls { target, why, wants_certificate }
        } else {
            EgressError::Protocol { target, why, status: None }
        }
    }
}

/// Reads the system's roots and builds the client's configuration.
pub(super) async fn load(more: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Said> {
    let loading = tokio::task::spawn_blocking(move || config(more)).await;
    let config = loading.map_err(|_| Said::plain("the system's roots cannot be read"))?;
    config.map(Arc::new).map_err(|error| explain_tls(&error, false))
}

/// Returns a configuration that shows a certificate, and shares nothing with others but whom it trusts.
pub(super) fn showing(shared: &ClientConfig, key: &Arc<CertifiedKey>) -> Arc<ClientConfig> {
    let mut config = shared.clone();
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(Arc::clone(key)));
    config.resumption = Resumption::in_memory_sessions(MAX_SESSIONS);
    Arc::new(config)
}

/// Returns a configuration for what is not HTTP: the same trust, and no protocol to agree on.
pub(super) fn for_wires(shared: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = shared.clone();
    config.alpn_protocols.clear();
    config.resumption = Resumption::in_memory_sessions(MAX_SESSIONS);
    Arc::new(config)
}

/// Returns a configuration that trusts these authorities and no others. A server that shows one of them as its own
/// certificate is trusted too: many make one certificate for both.
pub(super) fn trusting(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in &authorities {
        roots.add(authority.clone())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let inner = inner.map_err(|error| TlsError::General(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config
        .dangerous() // rustls's word for any verifier that is not its own
        .with_custom_certificate_verifier(Arc::new(OwnAuthorities { inner, authorities }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Verifies certificates against authorities that a connection names.
#[derive(Debug)]
struct OwnAuthorities {
    inner: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for OwnAuthorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // An authority's certificate is none of a server by the rules; its dates are looked at before this one.
            Err(TlsError::InvalidCertificate(CertificateError::Other(_))) if self.authorities.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
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

/// Explains a failed handshake. `shows` says that the connection had a certificate of its own to show.
pub(super) fn explain(error: &io::Error, shows: bool) -> Said {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match inner {
        Some(tls) => Said { in_handshake: true, ..explain_tls(tls, shows) },
        None => Said::plain(format!("the connection broke during the handshake ({}); check the port", error.kind())),
    }
}

/// Explains a failed handshake on which another protocol than HTTP would be spoken. `is_own` says that the connection names
/// the authorities that it trusts.
pub(super) fn explain_wire(error: &io::Error, is_own: bool) -> Said {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match inner {
        Some(TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_),
        )) => Said::plain(if is_own {
            "its certificate is not from an authority that this connection trusts; set the connection's CA \
                 certificate to that of the authority that issued it"
        } else {
            "its certificate is self-signed or from an authority that this machine does not trust; set the \
                 connection's CA certificate, or add the authority to the system's roots"
        }),
        Some(TlsError::InvalidMessage(_)) => Said::plain(
            "the server does not speak TLS on this port; check the port, and whether TLS begins later there",
        ),
        _ => Said { in_handshake: true, ..explain(error, false) },
    }
}

/// Returns what TLS said on an open connection, if it said anything. A server that wants a certificate of its client says so
/// after the handshake (TLS 1.3).
pub(super) fn said(error: &io::Error, shows: bool) -> Option<Said> {
    Some(explain_tls(error.get_ref()?.downcast_ref::<TlsError>()?, shows))
}

/// Returns what TLS said in the causes of an error, as a text.
pub(super) fn said_below(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(said) = error.downcast_ref::<io::Error>().and_then(|error| said(error, false)) {
            return Some(said.why);
        }
        cause = error.source();
    }
    None
}

/// Explains a TLS error.
fn explain_tls(error: &TlsError, shows: bool) -> Said {
    match error {
        TlsError::InvalidCertificate(certificate) => Said::plain(explain_certificate(certificate)),
        TlsError::PeerIncompatible(_) | TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            Said::plain("the server speaks neither TLS 1.2 nor TLS 1.3 with a cipher known here; it has to be updated")
        }
        TlsError::InvalidMessage(_) => Said {
            in_handshake: false,
            ..Said::plain("the server does not speak TLS on this port; check the port, or use http://")
        },
        TlsError::AlertReceived(alert) => explain_alert(*alert, shows),
        TlsError::General(text) => {
            Said::plain(format!("{text}; install the system's CA certificates or set SSL_CERT_FILE"))
        }
        other => Said { in_handshake: false, ..Said::plain(format!("{other}; check the server's TLS settings")) },
    }
}

/// Explains an alert by its name.
fn explain_alert(alert: AlertDescription, shows: bool) -> Said {
    use AlertDescription as A;
    let why = match alert {
        A::CertificateRequired if shows => format!(
            "the server wants a certificate of its client ({alert:?}), and none with a key like that of \
             {CLIENT_CERTIFICATE}; get one for another kind of key"
        ),
        A::CertificateRequired => format!("the server wants a certificate of its client ({alert:?}); {SET_THEM}"),
        _ if is_about_a_certificate(alert) && shows => format!(
            "the server refused the certificate of this connection ({alert:?}); check that {CLIENT_CERTIFICATE} is one that \
             it takes, is still valid, and has the authorities between after it"
        ),
        _ if is_about_a_certificate(alert) || alert == A::HandshakeFailure && !shows => format!(
            "the server refused the handshake ({alert:?}); check its TLS settings; where it wants a certificate of its \
             client, {SET_THEM}"
        ),
        _ => format!("the server refused the handshake ({alert:?}); check its TLS settings"),
    };
    let wants_certificate = alert == A::CertificateRequired || is_about_a_certificate(alert);
    // Others may come later, as from a server that wants to begin anew when it has read the request.
    Said { why, in_handshake: wants_certificate, wants_certificate }
}

/// How a connection gets a certificate.
const SET_THEM: &str = "the connection fields clientCertificate and clientKey hold one";

/// Returns whether a server says with an alert what it thinks of a client's certificate. Only the handshake has such ones.
const fn is_about_a_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::NoCertificate
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError
    )
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
