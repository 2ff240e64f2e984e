//! Locks in a temporary workspace, with and without git around it.

use std::fs;
use std::process::Command;

use connector_runtime::connector::Connector as _;
use connector_runtime::descriptor::CommandSpec;
use connector_runtime::lock::LockFile;
use connector_runtime::prelude::*;
use tempfile::TempDir;

use super::*;

/// A shop.
#[connector(name = "locked-shop", version = "1.0.0", lock = false)]
#[derive(Debug)]
struct Shop {}

#[connector]
impl Shop {
    /// Finds things.
    #[command(effect = read)]
    fn find(
        &self,
        /// What to find.
        text: String,
    ) -> Outcome {
        drop(text);
        succeed(())
    }
}

/// The same shop after a breaking change.
mod later {
    use connector_runtime::prelude::*;

    /// A shop.
    #[connector(name = "locked-shop-later", version = "1.0.0", lock = false)]
    #[derive(Debug)]
    pub(super) struct Later {}

    #[connector]
    impl Later {
        /// Finds things.
        #[command(effect = read)]
        fn find(&self) -> Outcome {
            succeed(())
        }
    }
}

/// Returns the shop at a version, with or without its param.
const fn shop(version: &'static str, later: bool) -> Descriptor {
    let base = if later { later::Later::DESCRIPTOR } else { Shop::DESCRIPTOR };
    Descriptor { name: "shop", version, lock: LockFile::Crate("schema.lock/shop.lock"), ..*base }
}

/// The shop's one command.
const SHOP_COMMAND: CommandSpec = {
    let CommandSpec {
        name,
        description,
        params,
        outputs,
        deprecated,
        since,
        effect,
        idempotent,
        variables,
        timeout,
        mocks,
        call,
    } = Shop::DESCRIPTOR.commands[0];
    CommandSpec {
        name,
        description,
        params,
        outputs,
        deprecated,
        since,
        effect,
        idempotent,
        variables,
        timeout,
        mocks,
        call,
    }
};

static FIRST: Descriptor = shop("1.0.0", false);
static BROKEN: Descriptor = shop("1.1.0", true);
static RAISED: Descriptor = shop("2.0.0", true);

/// A workspace with a crate that contains the connectors of this file.
fn workspace() -> TempDir {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join(FIRST.place.file);
    fs::create_dir_all(source.parent().unwrap()).unwrap();
    fs::write(&source, "").unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    folder
}

fn lock_of(folder: &TempDir) -> PathBuf {
    lock::locate(&FIRST, folder.path()).unwrap().unwrap()
}

fn run(folder: &TempDir, descriptor: &'static Descriptor, check: bool, base: Option<&str>) -> Result<(), String> {
    let shared = Shared { base: base.map(str::to_owned), json: false };
    let registry = Registry::of([descriptor]).unwrap();
    match run_in(folder.path(), &registry, &LockArgs { command: None, check, shared }) {
        Ok(_) => Ok(()),
        Err(CliError::Failed(text) | CliError::Usage(text)) => Err(text),
    }
}

fn git(folder: &TempDir, args: &[&str]) -> bool {
    let settings = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").current_dir(folder.path()).args(settings).args(args).output();
    done.is_ok_and(|output| output.status.success())
}

#[test]
fn a_lock_is_written_once_and_checked() {
    let folder = workspace();
    assert!(run(&folder, &FIRST, true, None).unwrap_err().contains("shop.lock is missing; write it with `floh lock`"));
    run(&folder, &FIRST, false, None).unwrap();
    let text = fs::read_to_string(lock_of(&folder)).unwrap();
    assert_eq!(text, lock::print(&FIRST));
    run(&folder, &FIRST, true, None).unwrap();
    run(&folder, &FIRST, false, None).unwrap();
    assert_eq!(fs::read_dir(lock_of(&folder).parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_breaking_rewrite_needs_the_bump() {
    let folder = workspace();
    run(&folder, &FIRST, false, None).unwrap();
    let error = run(&folder, &BROKEN, false, None).unwrap_err();
    for part in ["no lock was written", "param text of find was removed", "2.0.0", "major"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(fs::read_to_string(lock_of(&folder)).unwrap(), lock::print(&FIRST));
    let error = run(&folder, &BROKEN, true, None).unwrap_err();
    assert!(error.contains("is not up to date") && error.contains("needs 2.0.0"), "{error}");

    run(&folder, &RAISED, false, None).unwrap();
    assert_eq!(fs::read_to_string(lock_of(&folder)).unwrap(), lock::print(&RAISED));
    let back = run(&folder, &FIRST, false, None).unwrap_err();
    assert!(back.contains("goes back"), "{back}");
}

#[test]
fn a_draft_needs_no_lock_and_keeps_that_of_a_release() {
    static DRAFT: Descriptor = shop("1.0.0-draft", false);
    static OTHER_DRAFT: Descriptor = shop("1.0.0-draft", true);
    static NEXT_DRAFT: Descriptor = shop("1.1.0-rc.1", true);
    let folder = workspace();
    run(&folder, &DRAFT, true, None).unwrap();
    // The first lock is that of the draft; the release after it is compared with it.
    run(&folder, &DRAFT, false, None).unwrap();
    assert_eq!(fs::read_to_string(lock_of(&folder)).unwrap(), lock::print(&DRAFT));
    run(&folder, &OTHER_DRAFT, true, None).unwrap();
    run(&folder, &OTHER_DRAFT, false, None).unwrap();
    run(&folder, &FIRST, false, None).unwrap();
    // A draft of the next version accepts a breaking change, and the release is compared with the earlier release.
    run(&folder, &NEXT_DRAFT, true, None).unwrap();
    run(&folder, &NEXT_DRAFT, false, None).unwrap();
    assert_eq!(fs::read_to_string(lock_of(&folder)).unwrap(), lock::print(&FIRST));
    assert!(run(&folder, &BROKEN, false, None).unwrap_err().contains("needs 2.0.0"));
    run(&folder, &RAISED, false, None).unwrap();
}

#[test]
fn other_texts_are_reported_and_written_without_a_version() {
    const COMMAND: CommandSpec = CommandSpec { description: "Finds nice things.", ..SHOP_COMMAND };
    static REWORDED: Descriptor = Descriptor { commands: &[COMMAND], ..shop("1.0.0", false) };
    let folder = workspace();
    run(&folder, &FIRST, false, None).unwrap();
    let error = run(&folder, &REWORDED, true, None).unwrap_err();
    assert!(error.contains("only texts changed") && error.contains("write the lock with `floh lock`"), "{error}");
    assert!(!error.contains("needs"), "{error}");
    run(&folder, &REWORDED, false, None).unwrap();
    assert_eq!(fs::read_to_string(lock_of(&folder)).unwrap(), lock::print(&REWORDED));
    run(&folder, &REWORDED, true, None).unwrap();
    // Also where the lock on the main branch has the older text.
    if !git(&folder, &["init", "-q", "-b", "main"]) {
        return test_support::skipped("git does not work, so locks in a git repository are not looked at");
    }
    assert!(git(&folder, &["add", "-A"]) && git(&folder, &["commit", "-qm", "first"]));
    assert!(git(&folder, &["switch", "-qc", "work"]));
    run(&folder, &FIRST, false, None).unwrap();
    run(&folder, &FIRST, true, None).unwrap();
}

#[test]
fn damaged_and_forgotten_locks_are_named() {
    let folder = workspace();
    run(&folder, &FIRST, false, None).unwrap();
    fs::write(lock_of(&folder), "nonsense\n").unwrap();
    let error = run(&folder, &FIRST, true, None).unwrap_err();
    assert!(error.contains("line 1") && error.contains("write it anew"), "{error}");
    run(&folder, &FIRST, false, None).unwrap();
    fs::write(lock_of(&folder).with_file_name("gone.lock"), "version 1.0.0\n").unwrap();
    let error = run(&folder, &FIRST, true, None).unwrap_err();
    assert!(error.contains("gone.lock: belongs to no connector"), "{error}");
    let elsewhere = TempDir::new().unwrap();
    assert!(run(&elsewhere, &FIRST, true, None).unwrap_err().contains("run this in the workspace"));
}

#[test]
fn what_is_on_the_main_branch_counts() {
    let folder = workspace();
    if !git(&folder, &["init", "-q", "-b", "main"]) {
        return test_support::skipped("git does not work, so locks in a git repository are not looked at");
    }
    run(&folder, &FIRST, false, None).unwrap();
    assert!(git(&folder, &["add", "-A"]) && git(&folder, &["commit", "-qm", "first"]));
    assert!(git(&folder, &["switch", "-qc", "work"]));
    // The lock is edited by hand, so that the compiler lets a breaking change pass.
    fs::write(lock_of(&folder), lock::print(&BROKEN)).unwrap();
    assert!(git(&folder, &["commit", "-qam", "second"]));
    let error = run(&folder, &BROKEN, true, None).unwrap_err();
    assert!(error.contains("needs 2.0.0") && !error.contains("up to date"), "{error}");
    assert!(run(&folder, &BROKEN, false, None).unwrap_err().contains("no lock was written"));
    // A version that is not on the main branch yet needs only one bump.
    run(&folder, &RAISED, false, None).unwrap();
    run(&folder, &RAISED, true, None).unwrap();
    // Compared with the branch itself, nothing changed.
    fs::write(lock_of(&folder), lock::print(&BROKEN)).unwrap();
    run(&folder, &BROKEN, true, Some("work")).unwrap();
    let error = run(&folder, &BROKEN, true, Some("--nowhere")).unwrap_err();
    assert!(error.contains("git knows no revision --nowhere"), "{error}");
}
