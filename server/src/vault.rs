//! Secrets at rest: envelope encryption, and its keys.
//!
//! Each value is sealed under a data key of its own, and that data key under a master key. A text that was sealed for
//! one place (table, row, field) cannot be opened for another. The master key comes from `FLOH_MASTER_KEY` or from a
//! file in the data folder; a check value in the database reveals a wrong key at the start, before anything is written
//! under it.

mod key;
mod key_file;
mod rewrap;
mod seal;
mod unlock;

#[cfg(test)]
mod tests;

pub use key::{KeyError, Keys, MasterKey};
pub use key_file::{KeyFileError, read as read_key_file, replace as replace_key_file};
pub use rewrap::{Rewrapped, SealedFault, open_batch, rewrap_batch};
pub use seal::{Place, Vault, VaultError};
pub use unlock::{
    CHECK_SETTING, KeySource, UnlockError, fits, follow_key_file, is_unused, key_file_in, open_vault, unlock,
};
