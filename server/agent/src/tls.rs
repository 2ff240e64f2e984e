//! TLS to the server: trusts the system's roots, or only a private authority.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::secret_file::{self, SecretFileError};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the authority is invalid.
    #[error("the certificates in {}: {why}; it should be the PEM file of the authority that signed the server's", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The agent's own certificate or its key is invalid.
    #[error("the agent's certificate {}: {why}; --client-cert takes its PEM file with the authorities between, --client-key the PEM file of its key", path.display())]
    Own {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The key of the agent's certificate is readable by others, or cannot be read.
    #[error(transparent)]
    Key(#[from] SecretFileError),
    /// The system has no roots, or rustls refuses them.
    #[error("TLS cannot be set up: {0}; install the system's CA certificates, or pass --ca")]
    Setup(#[from] rustls::Error),
}

/// The agent's own certificate, which some servers and the proxies before them want to see.
#[derive(Debug, Clone)]
pub struct OwnCertificate {
    /// The PEM file of the certificate.
    pub certificate: PathBuf,
    /// The PEM file of its key, readable by its owner alone.
    pub key: PathBuf,
}

/// Builds the configuration. With `authority`, only servers that it signed are trusted; with `own`, the agent shows its
/// certificate to servers that ask for one.
///
/// # Errors
/// [`TlsError`].
pub fn tls_config(authority: Option<&Path>, own: Option<&OwnCertificate>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match authority {
        Some(path) => builder.with_root_certificates(roots(path)?),
        None => builder
            .dangerous() // rustls's word for any verifier that is not its own
            .with_custom_certificate_verifier(Arc::new(Verifier::new(provider)?)),
    };
    let config = match own {
        Some(own) => {
            let refuse = |why: String| TlsError::Own { path: own.certificate.clone(), why };
            let key = secret_file::read(&own.key)?;
            let key =
                PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|error| refuse(error.to_string()))?;
            let chain = certificates(&own.certificate).map_err(refuse)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| refuse(error.to_string()))?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Reads the certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    if read.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(read) }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let refuse = |why: String| TlsError::Authority { path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path).map_err(refuse)? {
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    Ok(roots)
}
