//! A throw-away PostgreSQL: made in a temporary folder, reached through a socket in it, removed with it.
//!
//! Everything runs under a small shell that waits for the end of its standard input. That end comes when
//! [`Cluster`] is dropped and also when the test process is killed, so nothing is left behind either way.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::skipped;

/// Makes and starts the cluster, says so, waits for the end of its input, stops and removes it.
const KEEPER: &str = r#"
bin=$1; home=$2
# The test may be gone before it has read the answer; there is still something to clean up then.
trap '' PIPE
init() { "$bin/initdb" --pgdata="$home/data" --username=floh --auth=trust --encoding=UTF8 --no-sync "$@" >>"$home/log" 2>&1; }
start() {
    "$bin/pg_ctl" --pgdata="$home/data" --log="$home/log" --wait start >/dev/null 2>&1 \
        -o "-c listen_addresses='' -c unix_socket_directories='$home' -c fsync=off -c full_page_writes=off"
}
if { init --locale-provider=icu --icu-locale=en-US || { rm -rf "$home/data"; init; }; } && start
then echo ready
else echo failed; cat "$home/log"
fi
exec >/dev/null
while read -r word
do
    # A crash, as far as the machine lives on: what was committed is there again.
    if [ "$word" = crash ]; then "$bin/pg_ctl" --pgdata="$home/data" --mode=immediate --wait stop >/dev/null 2>&1; start; fi
done
"$bin/pg_ctl" --pgdata="$home/data" --mode=immediate stop >/dev/null 2>&1
rm -rf "$home"
"#;

/// A running PostgreSQL of its own.
#[derive(Debug)]
pub struct Cluster {
    keeper: Child,
    programs: PathBuf,
    home: TempDir,
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Starts one, or returns `None` after saying in one line why there is none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and no PostgreSQL is found, and when one is found and does not start.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skipped(
                "no PostgreSQL was found (initdb is neither on PATH nor where `pg_config --bindir` or Debian has it)",
            );
            return None;
        };
        let home = tempfile::Builder::new().prefix("floh-pg-").tempdir().expect("a temporary folder");
        let user = server_user(home.path());
        if let Some((uid, gid)) = user {
            chown(home.path(), Some(uid), Some(gid)).expect("root may give a folder away");
        }
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&programs).arg(home.path());
        // A group of its own: an interrupt at the terminal must not stop the keeper before it has cleaned up.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        run_as(&mut command, user, home.path());
        let mut keeper = command.spawn().expect("a shell");
        let mut answer = BufReader::new(keeper.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        answer.read_line(&mut line).expect("the keeper's answer");
        if line.trim() != "ready" {
            drop(keeper.stdin.take());
            let mut log = String::new();
            answer.read_to_string(&mut log).expect("the keeper's answer");
            panic!("PostgreSQL did not start: {log}");
        }
        Some(Self { keeper, programs, home, user })
    }

    /// Ends it at once, as a crash would, and starts it again. It is not ready when this returns.
    ///
    /// # Panics
    /// When its keeper is gone.
    pub fn crash(&mut self) {
        let keeper = self.keeper.stdin.as_mut().expect("it is open until the end");
        keeper.write_all(b"crash\n").expect("the keeper reads");
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Panics
    /// When `createdb` fails.
    pub fn create_database(&self, name: &str) -> String {
        let mut command = Command::new(self.programs.join("createdb"));
        command.arg("--host").arg(self.home.path()).args(["--username=floh", name]).stdin(Stdio::null());
        run_as(&mut command, self.user, self.home.path());
        let done = command.output().expect("createdb runs");
        assert!(done.status.success(), "createdb: {}", String::from_utf8_lossy(&done.stderr));
        format!("postgres://floh@localhost/{name}?host={}", self.home.path().display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("PostgreSQL's keeper was lost: {error}");
        }
    }
}

/// Finds the folder of initdb and the other programs.
fn programs() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where programs are found, not a setting of the server")]
    let path = env::var_os("PATH").unwrap_or_default();
    let asked = Command::new("pg_config").arg("--bindir").output().ok().filter(|done| done.status.success());
    let asked = asked.map(|done| PathBuf::from(String::from_utf8_lossy(&done.stdout).trim()));
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    env::split_paths(&path)
        .chain(asked)
        .chain(debian)
        .find(|folder| ["initdb", "pg_ctl", "createdb"].iter().all(|name| folder.join(name).is_file()))
}

/// PostgreSQL does not run as root: there it gets the account that its package made, or nobody's.
fn server_user(home: &Path) -> Option<(u32, u32)> {
    if fs::metadata(home).expect("the folder is there").uid() != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("a list of accounts");
    let find = |name: &str| {
        let fields: Vec<&str> =
            accounts.lines().map(|line| line.split(':').collect()).find(|fields: &Vec<&str>| fields[0] == name)?;
        Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

fn run_as(command: &mut Command, user: Option<(u32, u32)>, folder: &Path) {
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
}
