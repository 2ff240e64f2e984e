//! A throw-away PostgreSQL: made in a temporary folder, reached through a socket in it, removed with it. One that
//! [listens](Cluster::listening) is also reached as those of others are: on a port, with a password and TLS.
//!
//! Everything runs under a small shell that waits for the end of its standard input. That end comes when
//! [`Cluster`] is dropped and also when the test process is killed, so nothing is left behind either way.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::skipped;

/// Makes and starts the cluster, says so, waits for the end of its input, stops and removes it.
const KEEPER: &str = r#"
bin=$1; home=$2; port=$3; network=$4
# The test may be gone before it has read the answer; there is still something to clean up then.
trap '' PIPE
init() { "$bin/initdb" --pgdata="$home/data" --username=floh --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --no-sync "$@" >>"$home/log" 2>&1; }
start() {
    "$bin/pg_ctl" --pgdata="$home/data" --log="$home/log" --wait start >/dev/null 2>&1 \
        -o "-c port=$port -c unix_socket_directories='$home' -c fsync=off -c full_page_writes=off $network"
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
# It may be stalled; it ends its own processes by force then.
postmaster=$(head -n 1 "$home/data/postmaster.pid" 2>/dev/null) && kill -CONT "$postmaster" 2>/dev/null
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
    port: u16,
    network: String,
}

/// The port that names the socket of a cluster that does not listen.
const DEFAULT_PORT: u16 = 5432;
/// Takes back what makes commits of tests quick: of several settings of one name the last one counts.
const DURABLE: &str = " -c fsync=on -c full_page_writes=on";
/// How often a cluster is started that finds its port taken.
const MAX_STARTS: usize = 3;

impl Cluster {
    /// Starts one, or returns `None` after saying in one line why there is none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and no PostgreSQL is found, and when one is found and does not start.
    pub fn start() -> Option<Self> {
        let started = Self::start_on(DEFAULT_PORT, None, "")?;
        Some(started.unwrap_or_else(|log| panic!("PostgreSQL did not start: {log}")))
    }

    /// Starts one whose commits are synced to disk, as a real one's are: for benches, as it is slower.
    ///
    /// # Panics
    /// As [`Cluster::start`] does.
    pub fn durable() -> Option<Self> {
        let started = Self::start_on(DEFAULT_PORT, None, DURABLE)?;
        Some(started.unwrap_or_else(|log| panic!("PostgreSQL did not start: {log}")))
    }

    /// Starts one that listens on 127.0.0.1 as well, on a free port, where it wants passwords. It speaks TLS there if it is
    /// given a certificate and its key (PEM).
    ///
    /// # Panics
    /// As [`Cluster::start`] does.
    pub fn listening(certificate: Option<(&str, &str)>) -> Option<Self> {
        let mut log = String::new();
        for _ in 0..MAX_STARTS {
            // Free now; whoever takes it before PostgreSQL does makes it start once more.
            let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
            match Self::start_on(port, Some(certificate), "")? {
                Ok(cluster) => return Some(cluster),
                Err(said) => log = said,
            }
        }
        panic!("PostgreSQL did not start: {log}")
    }

    /// Starts one, or returns what it wrote into its log.
    fn start_on(port: u16, network: Option<Option<(&str, &str)>>, more_settings: &str) -> Option<Result<Self, String>> {
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
        let mut network_settings = "-c listen_addresses=''".to_owned();
        if let Some(certificate) = network {
            network_settings = "-c listen_addresses=127.0.0.1".to_owned();
            for (name, text) in certificate.into_iter().flat_map(|(chain, key)| [("tls.pem", chain), ("tls.key", key)])
            {
                let path = home.path().join(name);
                fs::write(&path, text).expect("a file in a temporary folder");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner may");
                if let Some((uid, gid)) = user {
                    chown(&path, Some(uid), Some(gid)).expect("root may give a file away");
                }
            }
            if certificate.is_some() {
                let home = home.path().display();
                network_settings +=
                    &format!(" -c ssl=on -c ssl_cert_file={home}/tls.pem -c ssl_key_file={home}/tls.key");
            }
        }
        network_settings += more_settings;
        command.args(["-c", KEEPER, "keeper"]).arg(&programs).arg(home.path());
        command.arg(port.to_string()).arg(&network_settings);
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
            keeper.wait().expect("the keeper ends");
            return Some(Err(log));
        }
        Some(Ok(Self { keeper, programs, home, user, port, network: network_settings }))
    }

    /// Returns the port of the cluster; on 127.0.0.1 if it [listens](Self::listening).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL as the superuser, through the socket, and returns what psql prints: a line for each row, with `|` between
    /// its columns.
    ///
    /// # Panics
    /// When psql fails, for example as the cluster is not ready; see [`Cluster::try_sql`].
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|error| panic!("psql: {error}"))
    }

    /// Runs SQL as [`Cluster::sql`] does, and returns an error as text.
    ///
    /// # Errors
    /// What psql wrote.
    ///
    /// # Panics
    /// When there is no psql.
    pub fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command = Command::new(self.programs.join("psql"));
        command.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--username=floh",
        ]);
        command.arg("--host").arg(self.home.path()).arg(format!("--port={}", self.port));
        command.arg(format!("--dbname={database}")).arg("--command").arg(sql).stdin(Stdio::null());
        run_as(&mut command, self.user, self.home.path());
        let done = command.output().expect("psql runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// Ends it at once, as a crash would, and starts it again. It is not ready when this returns.
    ///
    /// # Panics
    /// When its keeper is gone.
    pub fn crash(&mut self) {
        self.tell("crash");
    }

    fn tell(&mut self, word: &str) {
        let keeper = self.keeper.stdin.as_mut().expect("it is open until the end");
        keeper.write_all(format!("{word}\n").as_bytes()).expect("the keeper reads");
    }

    /// Ends it at once, as a crash would. It has ended when this returns.
    ///
    /// # Panics
    /// When `pg_ctl` fails.
    pub fn stop(&self) {
        self.control(&["--mode=immediate", "stop"]);
    }

    /// Starts it after [`Cluster::stop`]. It is ready when this returns.
    ///
    /// # Panics
    /// When `pg_ctl` fails.
    pub fn start_again(&self) {
        let home = self.home.path().display();
        let options = format!(
            "-c port={} -c unix_socket_directories='{home}' -c fsync=off -c full_page_writes=off {}",
            self.port, self.network
        );
        self.control(&["start", "-o", &options]);
    }

    fn control(&self, args: &[&str]) {
        let mut command = Command::new(self.programs.join("pg_ctl"));
        command.arg("--pgdata").arg(self.home.path().join("data")).arg("--log").arg(self.home.path().join("log"));
        command.arg("--wait").args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        run_as(&mut command, self.user, self.home.path());
        assert!(command.status().expect("pg_ctl runs").success(), "pg_ctl {args:?}");
    }

    /// Stalls all its processes (SIGSTOP) until [`Cluster::go_on`]: connections stay open, and nobody answers.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stall(&self) {
        // It is stopped first, so that it makes no more processes.
        Self::signal(&[self.postmaster()], Signal::STOP);
        Self::signal(&self.children(), Signal::STOP);
    }

    /// Lets a stalled cluster go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn go_on(&self) {
        Self::signal(&self.children(), Signal::CONT);
        Self::signal(&[self.postmaster()], Signal::CONT);
    }

    fn postmaster(&self) -> i32 {
        let file = fs::read_to_string(self.home.path().join("data/postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.parse().ok()).expect("the file begins with its id")
    }

    /// Finds the processes that it has made.
    fn children(&self) -> Vec<i32> {
        let postmaster = self.postmaster();
        let processes = fs::read_dir("/proc").expect("processes are listed").flatten();
        let children = processes.filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(entry.path().join("stat")).ok()?;
            // After the name in brackets: the state and the parent.
            let parent: i32 = status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            (parent == postmaster).then_some(id)
        });
        children.collect()
    }

    fn signal(processes: &[i32], signal: Signal) {
        for id in processes.iter().filter_map(|id| Pid::from_raw(*id)) {
            // One that has just ended needs none.
            kill_process(id, signal).ok();
        }
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Panics
    /// When `createdb` fails.
    pub fn create_database(&self, name: &str) -> String {
        let mut command = Command::new(self.programs.join("createdb"));
        command.arg("--host").arg(self.home.path()).arg(format!("--port={}", self.port));
        command.args(["--username=floh", name]).stdin(Stdio::null());
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
