//! A certificate authority of a test, and the TLS settings of servers whose certificates it signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// Signs certificates; nobody trusts it unless a test says so.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    pem: String,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// It was valid until 2020.
    Expired,
    /// It is valid from 2999.
    NotYetValid,
    /// It is its own issuer.
    SelfSigned,
}

impl Authority {
    /// Makes an authority with a key of its own.
    ///
    /// # Panics
    /// When the system has no randomness.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let (der, pem) = (root.der().clone(), root.pem());
        Self { issuer: Issuer::new(params, key), root: der, pem }
    }

    /// Returns the authority's own certificate.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Returns the authority's own certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the authority's own certificate into a folder, as PEM, and returns the file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        path
    }

    /// Makes the TLS settings of a server that has these names or addresses.
    ///
    /// # Panics
    /// When a name is none.
    pub fn sign(&self, names: &[&str], flaw: Flaw) -> ServerConfig {
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
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }

    /// Makes the TLS settings of a server that wants its clients to show a certificate of this authority.
    ///
    /// # Panics
    /// When a name is none.
    pub fn sign_for_known_clients(&self, names: &[&str]) -> ServerConfig {
        self.sign_asking(names, |verifier| verifier)
    }

    /// Makes the TLS settings of a server that asks its clients for a certificate of this authority, and lets those in that
    /// show none.
    ///
    /// # Panics
    /// When a name is none.
    pub fn sign_for_all_clients(&self, names: &[&str]) -> ServerConfig {
        self.sign_asking(names, ClientCertVerifierBuilder::allow_unauthenticated)
    }

    fn sign_asking(
        &self,
        names: &[&str],
        asks: impl FnOnce(ClientCertVerifierBuilder) -> ClientCertVerifierBuilder,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let (certificate, key) = self.issue(names);
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(asks(verifier).build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap()
    }

    /// Signs a certificate of these names, and returns it and its key as PEM.
    ///
    /// # Panics
    /// When a name is none.
    pub fn client(&self, names: &[&str]) -> (String, String) {
        let (certificate, key) = self.issue(names);
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, names: &[&str]) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        (CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Returns what accepts TLS connections with a good certificate of these names or addresses.
    pub fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.sign(names, Flaw::None)))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
