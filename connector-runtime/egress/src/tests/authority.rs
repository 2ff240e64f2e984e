//! A certificate authority for tests, and servers that speak TLS with what it signs.

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::testing::{Received, Upstream, serve};

/// Signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) root: CertificateDer<'static>,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    Expired,
    NotYetValid,
    SelfSigned,
}

/// Whether a server insists on the certificate that it asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Always,
    Politely,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("test authority")
    }

    /// Makes an authority of another name: one of the same name with another key has forged what it signed.
    pub(super) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// Makes the TLS settings of a server.
    pub(super) fn sign(&self, names: &[&str], flaw: Flaw) -> ServerConfig {
        let (certificate, key) = self.issue(names, flaw);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }

    /// Makes the TLS settings of a server that asks its clients for a certificate of this authority.
    pub(super) fn sign_asking(
        &self,
        names: &[&str],
        asks: Asks,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = match asks {
            Asks::Always => verifier,
            Asks::Politely => verifier.allow_unauthenticated(),
        };
        let (certificate, key) = self.issue(names, Flaw::None);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }

    /// Signs a certificate, and returns it and its key as PEM.
    pub(super) fn client(&self, flaw: Flaw) -> (String, String) {
        let (certificate, key) = self.issue(&["client.test"], flaw);
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, names: &[&str], flaw: Flaw) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        match flaw {
            Flaw::None | Flaw::SelfSigned => {}
            Flaw::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Flaw::NotYetValid => params.not_before = date_time_ymd(2999, 1, 1),
        }
        let certificate = match flaw {
            Flaw::SelfSigned => params.self_signed(&key).unwrap(),
            _ => params.signed_by(&key, &self.issuer).unwrap(),
        };
        (certificate, key)
    }
}

/// Starts an HTTP/1.1 server over TLS.
pub(super) async fn secure(
    config: ServerConfig,
    answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static,
) -> Upstream {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let answer = Arc::new(answer);
    Upstream::raw(move |stream, received| {
        let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, &*answer, &received).await;
            }
        }
    })
    .await
}
