//! What the tests share: where Google's packages are, and a call.

use std::path::{Path, PathBuf};

use connector_runtime::testing::{self, TestCall};
use connectors::google_workspace::GoogleWorkspace;
use test_support::skipped;

/// A key that was made for these tests and opens nothing.
pub(crate) const KEY: &str = include_str!("key.json");

/// Begins a call to a service.
pub(crate) fn call(command: &str, url: &str) -> TestCall {
    testing::call::<GoogleWorkspace>(command)
        .config("baseUrl", url)
        .config("tokenUrl", format!("{url}/token"))
        .config("credentials", KEY)
        .config("subject", "admin@example.com")
}

/// Returns where `.ci/google/get` puts Google's packages, or `None` after saying in one line that they are not there.
pub(crate) fn packages() -> Option<PathBuf> {
    let built = std::env::current_exe().unwrap();
    let found = built.ancestors().map(|folder| folder.join("google/python")).find(|folder| folder.exists());
    if found.is_none() {
        skipped("Google's Python packages are not installed (.ci/google/get)");
    }
    found
}

/// The programs of these tests.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/google_workspace").join(name)
}
