//! The programs of the workspace: each is built once, from the sources as they are now.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Returns the path of `floh`, built from the sources as they are now.
///
/// Under nextest every test is a process; a build that has nothing to do takes cargo a fraction of a second,
/// and cargo's own lock keeps the processes apart.
///
/// # Panics
/// When it does not build.
pub fn floh() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("floh"))
}

/// Returns the path of the example that serves the widget connector, built like [`floh`].
///
/// # Panics
/// When it does not build.
pub fn widget_service() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("widget_service"))
}

/// Returns the path of the example that is a `floh` with the widget connector in it, built like [`floh`].
///
/// # Panics
/// When it does not build.
pub fn floh_with_widget() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("floh_with_widget"))
}

/// Returns cargo as a person would call it in a shell.
///
/// What cargo says to a test of the package that is tested (`CARGO_PKG_*`, `CARGO_MANIFEST_*`) is not passed on: build scripts
/// that ask for it, such as that of ring, would run anew in every such build and again in the next one of the shell, with all
/// that is built on them.
#[expect(clippy::disallowed_methods, reason = "what cargo tells its tests, not a setting of the server")]
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

fn built(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().unwrap();
    let profile_dir = test.ancestors().nth(2).unwrap();
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let built = cargo()
        // All packages, so that features are resolved as for the tests and nothing is built twice.
        .args(["build", "--workspace", "--bin", name, "--message-format", "json", "--profile", profile])
        .arg("--target-dir")
        .arg(profile_dir.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(built.status.success(), "{name} does not build: {}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let artifact = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let found = message["target"]["name"] == name && !message["executable"].is_null();
        found.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    artifact.unwrap_or_else(|| panic!("cargo does not say where {name} is: {messages}"))
}
