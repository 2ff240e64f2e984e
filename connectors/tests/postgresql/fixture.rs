//! A server of the test's own, and calls that reach it.

use std::time::Duration;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::prelude::*;
use connector_runtime::testing::{self, TestCall};
use connectors::postgresql::Postgresql;
use test_support::certificates::Authority;
use test_support::postgres::Cluster;

/// The password of the role `app`. No text of any result may have it.
pub(crate) const PASSWORD: &str = "hunter2-Gr\u{fc}n's pass\\word";

/// A server with a database `hr` and a role `app` in it.
pub(crate) struct Server {
    pub(crate) cluster: Cluster,
    pub(crate) authority: Authority,
}

impl Server {
    /// Starts one; `None` where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let authority = Authority::new();
        let (certificate, key) = authority.client(&["127.0.0.1", "localhost"]);
        let cluster = Cluster::listening(Some((&certificate, &key)))?;
        cluster.create_database("hr");
        let password = PASSWORD.replace('\'', "''");
        cluster.sql("hr", &format!("CREATE ROLE app LOGIN PASSWORD '{password}'; GRANT ALL ON SCHEMA public TO app"));
        Some(Self { cluster, authority })
    }

    /// Runs SQL as the superuser.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster.sql("hr", sql)
    }

    /// Begins a call as the role `app`.
    pub(crate) fn call(&self, command: &str) -> TestCall {
        call_to(self.cluster.port(), command).config("caCertificate", self.authority.pem())
    }

    /// Runs a query and returns its payload.
    pub(crate) async fn query(&self, sql: &str, values: Value) -> Value {
        payload(self.call("query").param("sql", sql).param("values", values)).await
    }

    /// Runs a query and returns its only value.
    pub(crate) async fn value(&self, sql: &str, values: Value) -> Value {
        let payload = self.query(sql, values).await;
        let row = payload["rows"][0].as_object().unwrap();
        assert_eq!((payload["count"].as_u64(), row.len()), (Some(1), 1), "{payload}");
        row.values().next().unwrap().clone()
    }

    /// Runs a statement that takes effect, and returns its payload.
    pub(crate) async fn execute(&self, sql: &str) -> Value {
        payload(self.call("execute").param("sql", sql)).await
    }

    /// Returns how many connections of the role `app` there are.
    pub(crate) fn connections(&self) -> usize {
        self.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'").parse().unwrap()
    }

    /// Returns how many statements of the role `app` run that have a text.
    pub(crate) fn running(&self, part: &str) -> usize {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state <> 'idle' AND query LIKE '%{part}%'"
        );
        self.sql(&sql).parse().unwrap()
    }
}

/// Begins a call to a port of this machine.
pub(crate) fn call_to(port: u16, command: &str) -> TestCall {
    testing::call::<Postgresql>(command)
        .http(client(port))
        .config("host", "127.0.0.1")
        .config("port", port)
        .config("database", "hr")
        .config("user", "app")
        .config("password", PASSWORD)
}

/// Makes a client that may reach a port of this machine.
pub(crate) fn client(port: u16) -> Client {
    Client::new(Policy::parse(&[format!("127.0.0.1:{port}")], &[] as &[String]).unwrap())
}

/// Runs a call that must succeed, and returns its payload.
pub(crate) async fn payload(call: TestCall) -> Value {
    let result = call.run().await;
    assert!(result.success, "{:?} {:?}", result.error, result.diagnostics);
    result.payload.unwrap()
}

/// Runs a call that must fail, and returns its text and diagnostics. No text has the password.
pub(crate) async fn failure(call: TestCall) -> (String, Value) {
    let done = call.done().await;
    let whole = format!("{done:?}");
    assert!(!whole.contains("hunter2"), "{whole}");
    let result = done.reply.into_result();
    assert!(!result.success, "{:?}", result.payload);
    (result.error.unwrap(), result.diagnostics.unwrap_or_default())
}

/// Set in the process that runs one test alone.
const ALONE: &str = "FLOH_TEST_ALONE";

/// Runs a test that measures memory in a process of its own, and returns whether this is that process.
///
/// The other tests of this program run beside it, and their memory is none of its own.
#[expect(clippy::disallowed_methods, reason = "what the test says to itself, not a setting of the server")]
pub(crate) fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let done = command.args([test, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    println!("{out}");
    eprintln!("{err}");
    assert!(done.status.success() && out.contains("1 passed"), "{test} did not pass in a process of its own");
    false
}

/// Returns the memory of this process that is resident, and the most that ever was, in bytes.
pub(crate) fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let read = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    };
    (read("VmRSS:"), read("VmHWM:"))
}

/// Forgets the most memory that this process ever had, and returns what it has.
pub(crate) fn begin_peak() -> usize {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    memory().0
}

/// Repeats until it holds, within a bound.
pub(crate) async fn eventually(what: &str, holds: impl FnMut() -> bool) {
    test_support::within_bound(what, test_support::until(what, holds)).await;
}

/// The most time that an end after a second or less takes on a machine with much to do. What never ended would take
/// ten times as long.
pub(crate) const SOON: Duration = Duration::from_secs(10);
