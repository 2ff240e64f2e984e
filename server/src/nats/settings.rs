//! Where NATS is, and how this server shows who it is.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use async_nats::{ConnectOptions, ServerAddr};
use connector_runtime::Secret;

/// The first part of the subjects, unless the operator says another one.
pub const DEFAULT_PREFIX: &str = "floh";
/// The most characters of the first part of the subjects.
pub const MAX_PREFIX: usize = 64;
/// The most bytes of a file with credentials.
const MAX_CREDENTIALS: u64 = 64 * 1024;

/// Where NATS is, and how this server shows who it is.
#[derive(Clone)]
pub struct NatsSettings {
    pub(super) addresses: Vec<ServerAddr>,
    pub(super) prefix: String,
    ca: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
    credentials: Option<Credentials>,
}

/// An address may hold a password, so `Debug` shows where it leads alone.
impl std::fmt::Debug for NatsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsSettings")
            .field("addresses", &self.shown())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Credentials {
    /// A file as NATS's own tools write it: a signed identity and the key to it.
    Signed(Secret),
    /// The seed of a key.
    Key(Secret),
    /// A user and its password.
    User(String, Secret),
}

/// What is wrong with the settings of NATS. Each text says how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsSettingsError {
    /// An address is none.
    #[error("--nats-url: {0} is no address of NATS; write nats://HOST:PORT or tls://HOST:PORT, several with commas")]
    Address(String),
    /// Commands would go over the network as they are.
    #[error(
        "--nats-url: {0} is not on this machine and without TLS; commands of agents go by it, so write tls:// and give NATS a certificate"
    )]
    Open(String),
    /// The first part of the subjects is none.
    #[error("--nats-prefix: {0:?} is no first part of a subject; take 1 to {MAX_PREFIX} letters, digits, - or _")]
    Prefix(String),
    /// A file cannot be read.
    #[error("{what}: {} cannot be read: {source}", path.display())]
    File {
        /// The setting.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file with the credentials contains none.
    #[error("--nats-credentials: {} has neither the credentials that NATS's tools write, nor the seed of a key, nor USER:PASSWORD", .0.display())]
    Credentials(PathBuf),
    /// A certificate without its key, or a key without its certificate.
    #[error("--nats-certificate and --nats-key belong together: give both or neither")]
    HalfCertificate,
}

impl NatsSettings {
    /// Checks addresses and prefix.
    ///
    /// # Errors
    /// Names the wrong value, and how to mend it; a password in an address is not shown.
    pub fn new(urls: &[String], prefix: &str) -> Result<Self, NatsSettingsError> {
        let mut addresses = Vec::with_capacity(urls.len());
        for url in urls {
            let shown = url.rsplit_once('@').map_or(url.as_str(), |(_, host)| host);
            let address: ServerAddr = url.trim().parse().map_err(|_| NatsSettingsError::Address(shown.to_owned()))?;
            if !matches!(address.scheme(), "nats" | "tls") || address.host().is_empty() {
                return Err(NatsSettingsError::Address(shown.to_owned()));
            }
            if !address.tls_required() && !is_here(address.host()) {
                return Err(NatsSettingsError::Open(shown.to_owned()));
            }
            addresses.push(address);
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.chars().all(is_word) {
            return Err(NatsSettingsError::Prefix(prefix.to_owned()));
        }
        Ok(Self { addresses, prefix: prefix.to_owned(), ca: None, certificate: None, credentials: None })
    }

    /// Reads the credentials from a file.
    ///
    /// # Errors
    /// If it cannot be read or contains none.
    pub fn with_credentials(mut self, file: &Path) -> Result<Self, NatsSettingsError> {
        let failed = |source| NatsSettingsError::File { what: "--nats-credentials", path: file.to_owned(), source };
        let bytes = std::fs::metadata(file).map_err(failed)?.len();
        let none = || NatsSettingsError::Credentials(file.to_owned());
        if bytes > MAX_CREDENTIALS {
            return Err(none());
        }
        let text = std::fs::read_to_string(file).map_err(failed)?;
        let line = text.trim();
        self.credentials = Some(if text.contains("-----BEGIN NATS USER JWT-----") {
            Credentials::Signed(Secret::new(text))
        } else if line.contains(char::is_whitespace) || line.is_empty() {
            return Err(none());
        } else if let Some((user, password)) = line.split_once(':') {
            Credentials::User(user.to_owned(), Secret::new(password))
        } else if line.starts_with("SU") {
            Credentials::Key(Secret::new(line))
        } else {
            return Err(none());
        });
        Ok(self)
    }

    /// Trusts the authorities in a PEM file beside those of this machine.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn with_ca(mut self, file: &Path) -> Result<Self, NatsSettingsError> {
        self.ca = Some(readable("--nats-ca", file)?);
        Ok(self)
    }

    /// Shows a certificate to NATS.
    ///
    /// # Errors
    /// If one of the files cannot be read, or is missing.
    pub fn with_certificate(
        mut self,
        certificate: Option<&Path>,
        key: Option<&Path>,
    ) -> Result<Self, NatsSettingsError> {
        self.certificate = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some((readable("--nats-certificate", certificate)?, readable("--nats-key", key)?))
            }
            _ => return Err(NatsSettingsError::HalfCertificate),
        };
        Ok(self)
    }

    /// Returns the addresses without users and passwords.
    pub fn shown(&self) -> String {
        let shown = self.addresses.iter().map(|one| format!("{}://{}:{}", one.scheme(), one.host(), one.port()));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Returns the options of a connection.
    pub(super) fn options(&self) -> std::io::Result<ConnectOptions> {
        let mut options = ConnectOptions::new();
        options = match &self.credentials {
            None => options,
            Some(Credentials::Signed(text)) => options.credentials(text.expose())?,
            Some(Credentials::Key(seed)) => options.nkey(seed.expose().to_owned()),
            Some(Credentials::User(user, password)) => {
                options.user_and_password(user.clone(), password.expose().to_owned())
            }
        };
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options.require_tls(self.addresses.iter().any(ServerAddr::tls_required)))
    }
}

/// Returns whether a host is this machine.
fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn readable(what: &'static str, path: &Path) -> Result<PathBuf, NatsSettingsError> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(path.to_owned()),
        Err(source) => Err(NatsSettingsError::File { what, path: path.to_owned(), source }),
    }
}
