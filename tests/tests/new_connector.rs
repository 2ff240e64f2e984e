//! `floh new-connector`: what it writes is built, linted and tested as it stands, by the real tools, in a
//! workspace of its own that has this repository's settings.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use test_support::{program, run_in};

/// The folder of the repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Makes a workspace whose only member is an empty connectors crate.
fn workspace() -> TempDir {
    let folder = TempDir::new().unwrap();
    let copy = |name: &str| fs::copy(repository().join(name), folder.path().join(name)).unwrap();
    for name in ["Cargo.lock", "clippy.toml", "rustfmt.toml", "rust-toolchain.toml"] {
        copy(name);
    }
    let settings = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let settings: Vec<String> = settings
        .lines()
        .filter(|line| !line.starts_with("default-members"))
        .map(|line| match line.starts_with("members") {
            true => r#"members = ["connectors"]"#.to_owned(),
            false => line.replace(r#"path = ""#, &format!(r#"path = "{}/"#, repository().display())),
        })
        .map(|line| line.replace(&format!(r#""{}/connectors""#, repository().display()), r#""connectors""#))
        .collect();
    fs::write(folder.path().join("Cargo.toml"), settings.join("\n")).unwrap();
    fs::create_dir_all(folder.path().join("connectors/src")).unwrap();
    copy("connectors/Cargo.toml");
    fs::write(folder.path().join("connectors/src/lib.rs"), "//! Connectors.\n").unwrap();
    folder
}

/// Runs cargo; returns whether it succeeded, and what it said.
fn cargo_says(folder: &Path, args: &[&str]) -> (bool, String) {
    // Kept beside the profiles of this test's own target folder: the dependencies are built once.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("new-connector");
    let output = program::cargo()
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[track_caller]
fn cargo(folder: &Path, args: &[&str]) {
    let (success, text) = cargo_says(folder, args);
    assert!(success, "cargo {args:?}\n{text}");
}

/// Returns the connector that the README shows first.
fn readme_connector() -> String {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let code = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    code.expect("the README shows a connector").to_owned()
}

/// Replaces a text in a file, in which it has to stand.
#[track_caller]
fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{old} in {}", path.display());
    fs::write(path, text.replace(old, new)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_writes_builds_is_clean_and_passes_its_test() {
    let folder = workspace();
    // One name that is short, and one whose struct would hide a type of the prelude.
    for args in [&["new-connector", "acme-crm", "-d", "Reads customers of \"Acme\"."][..], &["new-connector", "url"]] {
        let exit = run_in(folder.path(), args, &[]).await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
    }
    let again = run_in(folder.path(), ["new-connector", "url"], &[]).await;
    assert_eq!(again.code, Some(2), "{again:?}");
    tokio::task::block_in_place(|| {
        cargo(folder.path(), &["fmt", "--all", "--check"]);
        cargo(folder.path(), &["clippy", "--offline", "--all-targets", "--", "-D", "warnings"]);
        cargo(folder.path(), &["test", "--offline"]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connector_is_a_draft_that_needs_no_lock_until_its_release() {
    let folder = workspace();
    let exit = run_in(folder.path(), ["new-connector", "acme-crm"], &[]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let source = |name: &str| folder.path().join("connectors/src").join(name);
    fs::write(source("greet.rs"), readme_connector()).unwrap();
    fs::write(source("lib.rs"), "//! Connectors.\n\npub mod acme_crm;\npub mod greet;\n").unwrap();
    tokio::task::block_in_place(|| {
        // The README's connector as a release that has no lock yet: the error says both ways to go on.
        replace(&source("greet.rs"), "\"1.0.0-draft\"", "\"1.0.0\"");
        let (success, text) = cargo_says(folder.path(), &["check", "--offline"]);
        assert!(!success && text.contains("the connector `greet` has no lock"), "{text}");
        assert!(
            text.contains("write it with `CONNECTOR_LOCK=off cargo run -- lock`; or set version = \"1.0.0-draft\""),
            "{text}"
        );
        replace(&source("greet.rs"), "\"1.0.0\"", "\"1.0.0-draft\"");
        cargo(folder.path(), &["check", "--offline"]);
        // What was scaffolded may change as it likes while it is a draft ...
        replace(&source("acme_crm.rs"), "limit: u32", "most: u32");
        replace(&source("acme_crm.rs"), "(\"limit\", limit)", "(\"limit\", most)");
        cargo(folder.path(), &["check", "--offline"]);
        // ... and its first release compiles beside the draft's lock.
        replace(&source("acme_crm.rs"), "\"1.0.0-draft\"", "\"1.0.0\"");
        cargo(folder.path(), &["check", "--offline"]);
    });
}
