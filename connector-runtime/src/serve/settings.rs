//! The settings of a service, read from environment variables, as the operator of a container sets them.

use std::net::SocketAddr;

use crate::Secret;
use crate::egress::{Policy, PolicyError};
use crate::process::{note_secret_variable, variable};
use crate::registry::DuplicateConnector;
use crate::schema::MAX_SECRET_BYTES;

/// Where a service listens unless it is told otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8090";

/// How a service is to run.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The secret with which calls must be signed.
    pub signing_secret: Option<Secret>,
    /// Whether signatures of version 1 are accepted too.
    pub accept_v1_signatures: bool,
    /// The destinations that handlers may call.
    pub policy: Policy,
}

/// Why a service did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is nothing to serve.
    #[error(
        "no connector is linked into this program; name an item of the crate that has them, or pass their \
         descriptors to serve::main_of"
    )]
    Empty,
    /// Two connectors have one name.
    #[error(transparent)]
    Duplicate(#[from] DuplicateConnector),
    /// The address cannot be read.
    #[error("FLOH_LISTEN is not an address: {0}; write it as 127.0.0.1:8090")]
    Address(String),
    /// The signing secret is too long.
    #[error("FLOH_SIGNING_SECRET has {0} bytes, and a secret has at most {MAX_SECRET_BYTES}; set a shorter one")]
    LongSecret(usize),
    /// A destination cannot be read.
    #[error("FLOH_EGRESS_ALLOW or FLOH_EGRESS_DENY: {0}")]
    Policy(#[from] PolicyError),
    /// A switch is neither on nor off.
    #[error("FLOH_ACCEPT_V1_SIGNATURES is {0:?}; write true or false")]
    Switch(String),
    /// The address is in use, or not an address of this machine.
    #[error("cannot listen on {address}: {error}; choose another address with FLOH_LISTEN")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system failed.
    #[error("the service cannot run: {0}")]
    System(#[from] std::io::Error),
}

impl Settings {
    /// Reads `FLOH_LISTEN` (127.0.0.1:8090), `FLOH_SIGNING_SECRET`, `FLOH_ACCEPT_V1_SIGNATURES` (true or false),
    /// `FLOH_EGRESS_ALLOW` and `FLOH_EGRESS_DENY` (destinations separated by commas). An empty variable counts as not set.
    ///
    /// # Errors
    /// Names the variable whose value cannot be used, and why.
    pub fn read() -> Result<Self, ServeError> {
        note_secret_variable("FLOH_SIGNING_SECRET");
        Self::from_variables(variable)
    }

    /// Reads the settings through a function that returns the value of a variable.
    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ServeError> {
        let listen = variable("FLOH_LISTEN").unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let listen = listen.parse().map_err(|_| ServeError::Address(listen))?;
        let list = |name| Vec::from_iter(variable(name));
        let policy = Policy::parse(&list("FLOH_EGRESS_ALLOW"), &list("FLOH_EGRESS_DENY"))?;
        let accept_v1 = variable("FLOH_ACCEPT_V1_SIGNATURES").unwrap_or_else(|| "false".to_owned());
        let accept_v1_signatures = accept_v1.parse().map_err(|_| ServeError::Switch(accept_v1))?;
        let signing_secret = variable("FLOH_SIGNING_SECRET").map(Secret::from);
        Ok(Self { listen, signing_secret, accept_v1_signatures, policy })
    }
}
