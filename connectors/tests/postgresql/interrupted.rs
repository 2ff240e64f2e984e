//! A server that ends, or stops answering, while a statement runs.

use std::time::Instant;

use connector_runtime::prelude::*;
use connector_runtime::testing::TestCall;

use crate::fixture::{SOON, Server, eventually, failure};

/// Waits until a statement with this text runs on one connection but that one, ends this connection, and returns its
/// process.
async fn end_connection(server: &Server, part: &str, but: &str) -> String {
    let sql = format!(
        "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND state <> 'idle' AND query LIKE '%{part}%' AND pid <> {but}"
    );
    eventually("the statement runs", || !server.sql(&sql).is_empty()).await;
    let pid = server.sql(&sql);
    assert_eq!(server.sql(&format!("SELECT pg_terminate_backend({pid})")), "t");
    pid
}

/// Runs a call that sleeps in the database while its connection is ended.
async fn cut(server: &Server, call: TestCall) -> (String, Value) {
    let task = tokio::spawn(failure(call));
    end_connection(server, "pg_sleep", "0").await;
    task.await.unwrap()
}

#[tokio::test]
async fn a_lost_connection_leaves_an_unknown_outcome_or_none() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TABLE t (a int); GRANT ALL ON t TO app; \
         CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(100); RETURN NULL; END $$; \
         CREATE TABLE late (a int); GRANT ALL ON late TO app; \
         CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slowly()",
    );
    // A statement on its own: whether it took effect is not known.
    let sql = "WITH x AS (INSERT INTO t VALUES (1)) SELECT pg_sleep(100)";
    let (error, diagnostics) = cut(&server, server.call("execute").param("sql", sql)).await;
    assert_eq!(
        (&diagnostics["code"], &diagnostics["outcome"]),
        (&json!("outcomeUnknown"), &json!("unknown")),
        "{error}"
    );
    assert!(error.contains("look before you repeat it"), "{error}");
    // In a transaction that was not committed: nothing happened.
    let statements = json!([{ "sql": "INSERT INTO t VALUES (2)" }, { "sql": "SELECT pg_sleep(100)" }]);
    let (_, diagnostics) = cut(&server, server.call("transaction").param("statements", statements)).await;
    assert_eq!((&diagnostics["code"], diagnostics.get("outcome")), (&json!("unavailable"), None));
    assert_eq!(server.sql("SELECT count(*) FROM t"), "0");
    // While it is committed: not known again.
    let insert = server.call("insert").param("table", "late").param("rows", json!([{ "a": 1 }]));
    let task = tokio::spawn(failure(insert));
    end_connection(&server, "COMMIT", "0").await;
    let (_, diagnostics) = task.await.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));
    // No answer in time is not known either: statement_timeout does not hold for COMMIT.
    let call = server.call("insert").param("table", "late").param("rows", json!([{ "a": 1 }])).param("timeoutMs", 2000);
    let (error, diagnostics) = failure(call).await;
    assert_eq!(
        (&diagnostics["code"], &diagnostics["outcome"]),
        (&json!("outcomeUnknown"), &json!("unknown")),
        "{error}"
    );
    eventually("it is cancelled", || server.running("COMMIT") == 0).await;
}

#[tokio::test]
async fn a_query_is_sent_again_on_a_new_connection() {
    let Some(server) = Server::start() else { return };
    // It sleeps the first time only, as the sequence of the superuser's says.
    server.sql("CREATE TABLE times (n int); INSERT INTO times VALUES (100); GRANT SELECT ON times TO app");
    let call = server.call("query").param("sql", "SELECT n, pg_sleep(n)::text FROM times");
    let task = tokio::spawn(call.run());
    eventually("the statement runs", || server.running("pg_sleep") == 1).await;
    server.sql("UPDATE times SET n = 0");
    end_connection(&server, "pg_sleep", "0").await;
    let result = task.await.unwrap();
    assert!(result.success, "{:?}", result.error);
    assert_eq!(result.payload.unwrap()["rows"][0]["n"], 0);
    // It is sent twice at most.
    server.sql("UPDATE times SET n = 100");
    let task = tokio::spawn(failure(server.call("query").param("sql", "SELECT n, pg_sleep(n)::text FROM times")));
    let first = end_connection(&server, "pg_sleep", "0").await;
    end_connection(&server, "pg_sleep", &first).await;
    let (_, diagnostics) = task.await.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["systemCode"]), (&json!("unavailable"), &json!("57P01")));
    assert!(diagnostics.get("outcome").is_none());
}

#[tokio::test]
async fn a_killed_server_is_an_unknown_outcome_for_what_may_have_happened() {
    let Some(mut server) = Server::start() else { return };
    let query = tokio::spawn(failure(server.call("query").param("sql", "SELECT pg_sleep(101)")));
    let execute = tokio::spawn(failure(server.call("execute").param("sql", "SELECT pg_sleep(102)")));
    eventually("both run", || server.running("pg_sleep(10") == 2).await;
    let began = Instant::now();
    server.cluster.crash();
    let (error, diagnostics) = execute.await.unwrap();
    assert_eq!(
        (&diagnostics["code"], &diagnostics["outcome"]),
        (&json!("outcomeUnknown"), &json!("unknown")),
        "{error}"
    );
    let (error, diagnostics) = query.await.unwrap();
    assert!(["unavailable", "timeout"].contains(&diagnostics["code"].as_str().unwrap()), "{error}");
    assert!(diagnostics.get("outcome").is_none());
    println!("after {:?}", began.elapsed());
    // It is there again, and what was kept is no hindrance.
    eventually("it is up", || server.cluster.try_sql("hr", "SELECT 1").is_ok()).await;
    assert_eq!(server.value("SELECT 1 AS one", json!([])).await, 1);
}

#[tokio::test]
async fn a_server_that_stands_still_is_left_in_time() {
    let Some(server) = Server::start() else { return };
    server.sql("CREATE TABLE t (a int); GRANT ALL ON t TO app");
    let pid = server.value("SELECT pg_backend_pid() AS pid", json!([])).await;
    let signal = |name: &str| {
        let done = std::process::Command::new("kill").arg(name).arg(pid.to_string()).status().unwrap();
        assert!(done.success());
    };
    // Its connection is idle and stands still: even the first statement of a call is not answered.
    signal("-STOP");
    let began = Instant::now();
    let (_, diagnostics) =
        failure(server.call("execute").param("sql", "INSERT INTO t VALUES (1)").param("timeoutMs", 800)).await;
    signal("-CONT");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(
        (&diagnostics["code"], diagnostics.get("outcome")),
        (&json!("timeout"), None),
        "nothing of the call was sent"
    );
    eventually("it is gone", || server.connections() == 0).await;
    assert_eq!(server.sql("SELECT count(*) FROM t"), "0");
    // It stands still in the middle of a statement.
    let call =
        server.call("execute").param("sql", "INSERT INTO t SELECT 1 FROM pg_sleep(100)").param("timeoutMs", 4000);
    let task = tokio::spawn(failure(call));
    eventually("the statement runs", || server.running("pg_sleep") == 1).await;
    let pid = server.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT INTO t SELECT%'");
    let stop = |name: &str| std::process::Command::new("kill").arg(name).arg(&pid).status().unwrap();
    stop("-STOP");
    let (error, diagnostics) = task.await.unwrap();
    stop("-CONT");
    assert_eq!(
        (&diagnostics["code"], &diagnostics["outcome"]),
        (&json!("outcomeUnknown"), &json!("unknown")),
        "{error}"
    );
}
