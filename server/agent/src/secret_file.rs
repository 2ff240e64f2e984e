//! Secrets in files of their own, and the agent's token.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use connector_runtime::Secret;
use connector_runtime::schema::MAX_SECRET_BYTES;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The environment variable of the token.
pub(super) const TOKEN_VARIABLE: &str = "FLOH_AGENT_TOKEN";
/// The most bytes of the file that are read: one more than a secret has, and white space around it.
const LARGEST: u64 = MAX_SECRET_BYTES as u64 + 1024;

/// Why a secret cannot be read from its file.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Others than its owner may read or write it.
    #[error("the file {path} is open to others (mode {mode:04o}); close it with: chmod 600 {path}", path = path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is empty.
    #[error("the file {} is empty; put the secret into it", .0.display())]
    Empty(PathBuf),
    /// The file has more bytes than a secret may have.
    #[error("the file {} has more than the {MAX_SECRET_BYTES} bytes of a secret; is it the right file?", .0.display())]
    TooLong(PathBuf),
    /// The system refuses access, or the file is not a text.
    #[error("cannot read the file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("no token; pass --token-file with the file that has it, or set {TOKEN_VARIABLE}")]
    Missing,
    /// Its file cannot be used.
    #[error("the agent's token: {0}")]
    File(#[from] SecretFileError),
    /// It contains characters that cannot be sent.
    #[error("the agent's token has white space or characters beyond ASCII in it; copy it as it was shown")]
    Unsendable,
}

/// Reads the agent's token from its file, or else from the environment.
///
/// # Errors
/// [`TokenError`].
pub fn read_token(file: Option<&Path>, variable: Option<Secret>) -> Result<Secret, TokenError> {
    let token = match file {
        Some(path) => read(path)?,
        None => variable.ok_or(TokenError::Missing)?,
    };
    let sendable = !token.is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if sendable { Ok(token) } else { Err(TokenError::Unsendable) }
}

/// Reads a secret from a file that only its owner may read; white space around it is removed.
pub(super) fn read(path: &Path) -> Result<Secret, SecretFileError> {
    let failed = |source| SecretFileError::Io { path: path.to_owned(), source };
    // A pipe is not waited for, and refused below.
    #[expect(clippy::cast_possible_wrap, reason = "the flags are the system's own bits")]
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    // The mode is read from the open file, because the path may name another file a moment later.
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(failed(io::Error::other("it is not a regular file; put the secret into one")));
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::OpenToOthers { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    match text.trim() {
        "" => Err(SecretFileError::Empty(path.to_owned())),
        text if text.len() > MAX_SECRET_BYTES => Err(SecretFileError::TooLong(path.to_owned())),
        text => Ok(Secret::new(text)),
    }
}
