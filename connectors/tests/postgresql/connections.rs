//! Connections between calls: how many, how long, and how clean.

use connector_runtime::prelude::*;

use crate::fixture::{Server, eventually, failure, payload};

const PID: &str = "SELECT pg_backend_pid() AS pid";

#[tokio::test]
async fn a_connector_has_five_connections_at_most() {
    let Some(server) = Server::start() else { return };
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(server.call("query").param("sql", "SELECT pg_sleep(0.2), pg_backend_pid() AS pid").run()))
        .collect();
    let mut most = 0;
    for call in calls {
        most = most.max(server.connections());
        let result = call.await.unwrap();
        assert!(result.success, "{:?}", result.error);
    }
    assert!((2..=5).contains(&most), "{most}");
    // Further calls, tests of the connection too, open none that stay.
    for _ in 0..10 {
        payload(server.call("test")).await;
        server.query(PID, json!([])).await;
        eventually("five stay at most", || server.connections() <= 5).await;
    }
    // Who waits in vain is told so.
    let busy: Vec<_> =
        (0..5).map(|_| tokio::spawn(server.call("query").param("sql", "SELECT pg_sleep(60)").run())).collect();
    eventually("all are in use", || server.running("pg_sleep(60)") == 5).await;
    let (error, diagnostics) = failure(server.call("query").param("sql", "SELECT 1").param("timeoutMs", 500)).await;
    assert_eq!(diagnostics["code"], "rateLimited", "{error}");
    for call in &busy {
        call.abort();
    }
    eventually("all are cancelled", || server.running("pg_sleep(60)") == 0).await;
    server.query(PID, json!([])).await;
}

#[tokio::test]
async fn a_connection_is_used_again_and_clean() {
    let Some(server) = Server::start() else { return };
    server.sql("CREATE ROLE other; GRANT other TO app; CREATE TABLE t (a int); GRANT ALL ON t TO app");
    let pid = server.value(PID, json!([])).await;
    let dirt = [
        "SET search_path = nowhere",
        "SET ROLE other",
        "SET datestyle = 'German'",
        "SET bytea_output = 'escape'",
        "SET client_encoding = 'LATIN1'",
        "SET statement_timeout = 1",
        "CREATE TEMP TABLE temporary (a int)",
        "PREPARE stale AS SELECT 1",
        "LISTEN channel",
        "SELECT pg_advisory_lock(7)",
        "BEGIN",
        "DECLARE stale CURSOR WITH HOLD FOR SELECT 1",
        "SELECT set_config('app.secret', 'left over', false)",
    ];
    for sql in dirt {
        server.execute(sql).await;
        assert_eq!(server.value(PID, json!([])).await, pid, "{sql}");
    }
    failure(server.call("execute").param("sql", "SELECT 1/0")).await;
    failure(
        server
            .call("transaction")
            .param("statements", json!([{ "sql": "CREATE TEMP TABLE x (a int)" }, { "sql": "SELECT 1/0" }])),
    )
    .await;
    let state = "SELECT current_setting('search_path') || current_user || current_setting('client_encoding') AS a, \
                 '\\x00'::bytea AS b, '2026-01-02'::date AS c, current_setting('app.secret', true) AS d, \
                 to_regclass('temporary')::text AS e, (SELECT count(*) FROM pg_prepared_statements WHERE name = 'stale') AS f, \
                 (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS g, \
                 (SELECT count(*) FROM pg_listening_channels()) AS h, (SELECT count(*) FROM pg_cursors WHERE name = 'stale') AS i, \
                 pg_backend_pid() AS pid";
    let expected = json!({
        "a": "\"$user\", publicappUTF8", "b": "AA==", "c": "2026-01-02", "d": "", "e": null, "f": "0", "g": "0", "h": "0",
        "i": "0", "pid": pid
    });
    assert_eq!(server.query(state, json!([])).await["rows"][0], expected);
    // A test of the connection takes one of its own, and leaves this one.
    payload(server.call("test")).await;
    assert_eq!(server.value(PID, json!([])).await, pid);

    // One that was closed while it was idle is not noticed by a call, also not by one that takes effect.
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    eventually("it is gone", || server.connections() == 0).await;
    assert_eq!(server.execute("INSERT INTO t VALUES (1)").await["affected"], 1);
    assert_eq!(server.sql("SELECT count(*) FROM t"), "1");
}

#[tokio::test]
async fn a_changed_password_uses_no_old_connection() {
    let Some(server) = Server::start() else { return };
    let pid = server.value(PID, json!([])).await;
    let (_, diagnostics) = failure(server.call("query").config("password", "wrong").param("sql", PID)).await;
    assert_eq!((&diagnostics["code"], &diagnostics["step"]), (&json!("unauthenticated"), &json!("signIn")));
    assert_eq!(server.value(PID, json!([])).await, pid, "the good one is still there");
    server.sql("ALTER ROLE app PASSWORD 'new'; CREATE ROLE app2 LOGIN PASSWORD 'new'");
    for (user, password) in [("app", "new"), ("app2", "new")] {
        let call = server.call("query").config("user", user).config("password", password);
        let found = payload(call.param("sql", "SELECT pg_backend_pid() AS pid, session_user::text AS user")).await;
        assert_ne!(found["rows"][0]["pid"], pid);
        assert_eq!(found["rows"][0]["user"], user);
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_a_minute() {
    let Some(server) = Server::start() else { return };
    server.query(PID, json!([])).await;
    assert_eq!(server.connections(), 1);
    // The clock is ours: what waits for a minute waits no longer.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(59)).await;
    assert_eq!(server.connections(), 1);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    tokio::time::resume();
    eventually("it is closed", || server.connections() == 0).await;
    server.query(PID, json!([])).await;
}
