//! Where the lock of a connector is, and what the macros hand to the check.

/// Where the lock of a connector is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFile {
    /// Nowhere: `lock = false`.
    Off,
    /// Relative to the folder of the crate: `schema.lock/<name>.lock`.
    Crate(&'static str),
    /// Relative to the source file in which the connector is written: `lock = "<path>"`.
    Beside(&'static str),
}

/// What the macros hand to the check.
#[derive(Debug, Clone, Copy)]
pub struct Lock {
    /// Where the lock is kept.
    pub file: LockFile,
    /// What was in it when the crate was built; `None` where there is no lock.
    pub text: Option<&'static str>,
    /// `CONNECTOR_LOCK` when the crate was built.
    pub mode: Option<&'static str>,
}

impl Lock {
    /// No lock: `lock = false`.
    pub const OFF: Self = Self { file: LockFile::Off, text: None, mode: None };
}
