//! `floh new-connector`: what it writes is built, linted and tested as it stands, by the real tools, in a
//! workspace of its own that has this repository's settings.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use test_support::run_in;

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

#[track_caller]
fn cargo(folder: &Path, args: &[&str]) {
    // Kept beside the profiles of this test's own target folder: the dependencies are built once.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("new-connector");
    let output = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}\n{text}");
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
