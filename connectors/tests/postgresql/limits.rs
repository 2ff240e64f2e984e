//! Limits of rows, memory and time.

use std::time::Instant;

use connector_runtime::prelude::*;

use crate::fixture::{SOON, Server, eventually, failure, is_alone, memory, payload};

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn a_million_rows_stop_at_the_limit() {
    if !is_alone("limits::a_million_rows_stop_at_the_limit") {
        return;
    }
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TABLE many AS SELECT n AS id, repeat('x', 200) AS text FROM generate_series(1, 1000000) n; \
         GRANT ALL ON many TO app",
    );
    // The first call makes what every call needs: trust, types, the pool.
    server.query("SELECT 1 AS one", json!([])).await;
    let before = memory().1;
    let began = Instant::now();
    let found = server.query("SELECT * FROM many ORDER BY id", json!([])).await;
    assert_eq!(
        (&found["count"], &found["truncated"], &found["truncatedBy"]),
        (&json!(1000), &json!(true), &json!("limit"))
    );
    assert_eq!(found["rows"][999]["id"], 1000);
    let found = payload(server.call("query").param("sql", "SELECT * FROM many").param("limit", 10_000)).await;
    assert_eq!(found["count"], 10_000);
    // A statement that takes effect runs to its end, and what is beyond the limit is dropped as it comes.
    let sql = "UPDATE many SET text = text || 'y' RETURNING id, text";
    let done = payload(server.call("execute").param("sql", sql).param("limit", 5).param("timeoutMs", 120_000)).await;
    assert_eq!((&done["affected"], &done["count"], &done["truncated"]), (&json!(1_000_000), &json!(5), &json!(true)));
    let more = memory().1 - before;
    println!("a million rows: {} MiB more, {:?}", more / MEBIBYTE, began.elapsed());
    assert!(more < 64 * MEBIBYTE, "{more}");
    // As many as the limit, and one more or less.
    for (rows, truncated) in [(999, false), (1000, false), (1001, true)] {
        let found = server.query(&format!("SELECT n FROM generate_series(1, {rows}) n"), json!([])).await;
        assert_eq!((&found["count"], &found["truncated"]), (&json!(rows.min(1000)), &json!(truncated)));
        assert_eq!(found["truncatedBy"].is_null(), !truncated);
    }
}

#[tokio::test]
async fn large_values_end_at_a_limit_of_memory() {
    if !is_alone("limits::large_values_end_at_a_limit_of_memory") {
        return;
    }
    let Some(server) = Server::start() else { return };
    server.query("SELECT 1 AS one", json!([])).await;
    let before = memory().1;
    // Rows of one MiB: as many as fit.
    let found = server.query("SELECT n, repeat('x', 1048576) AS v FROM generate_series(1, 1000) n", json!([])).await;
    assert_eq!((&found["truncated"], &found["truncatedBy"]), (&json!(true), &json!("size")));
    assert_eq!((found["count"].as_u64(), found["rows"][0]["v"].as_str().unwrap().len()), (Some(15), MEBIBYTE));
    drop(found);
    // Values that are small as text and large in memory.
    for sql in [
        "SELECT array_agg(1) AS v FROM generate_series(1, 3000000)",
        "SELECT ('[' || repeat('{},', 2000000) || '{}]')::json AS v",
        "SELECT repeat('x', 7000000) AS a, repeat('x', 7000000) AS b",
        "SELECT repeat('x', 100000000) AS v",
    ] {
        let (error, diagnostics) = failure(server.call("query").param("sql", sql)).await;
        assert_eq!(diagnostics["code"], "tooLarge", "{sql}: {error}");
    }
    let more = memory().1 - before;
    println!("large values: {} MiB more", more / MEBIBYTE);
    assert!(more < 64 * MEBIBYTE, "{more}");
    // A statement that took effect says that it did.
    server.sql("CREATE TABLE t (v text); GRANT ALL ON t TO app");
    let sql = "INSERT INTO t SELECT repeat('x', 7000000) RETURNING v, v || v || v AS w";
    let (_, diagnostics) = failure(server.call("execute").param("sql", sql)).await;
    assert_eq!(diagnostics["code"], "outcomeUnknown", "a row over 8 MiB ends the connection: {diagnostics}");
    let (error, diagnostics) = failure(
        server
            .call("execute")
            .param("sql", "INSERT INTO t VALUES ('x') RETURNING ('[' || repeat('{},', 100000) || '1]')::json AS v"),
    )
    .await;
    assert_eq!((&diagnostics["code"], &diagnostics["outcome"]), (&json!("tooLarge"), &json!("done")), "{error}");
    let (_, diagnostics) =
        failure(server.call("query").param("sql", "SELECT (repeat('[', 500) || repeat(']', 500))::json AS v")).await;
    assert_eq!((&diagnostics["code"], &diagnostics["column"]), (&json!("unsupported"), &json!("v")));
}

#[tokio::test]
async fn statements_end_in_time_on_the_server_too() {
    let Some(server) = Server::start() else { return };
    for command in ["query", "execute"] {
        let began = Instant::now();
        let call = server.call(command).param("sql", "SELECT pg_sleep(100)").param("timeoutMs", 1000);
        let (error, diagnostics) = failure(call).await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!((&diagnostics["code"], &diagnostics["systemCode"]), (&json!("timeout"), &json!("57014")), "{error}");
        assert!(diagnostics.get("outcome").is_none(), "the server said that it was cancelled");
        eventually("the statement is cancelled", || server.running("pg_sleep") == 0).await;
    }
    // The time of the connection, where the call names none.
    let call = server.call("query").config("timeoutSecs", 1).param("sql", "SELECT pg_sleep(100)");
    assert_eq!(failure(call).await.1["code"], "timeout");
    // A deadline of the caller's.
    let began = Instant::now();
    let call = server.call("query").param("sql", "SELECT pg_sleep(100)").timeout_ms(700);
    assert_eq!(failure(call).await.1["code"], "timeout");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    eventually("the statement is cancelled", || server.running("pg_sleep") == 0).await;
    // What switches the server's own timeout off is ended by a cancel request over another connection.
    server.sql(
        "CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('statement_timeout', '0', false); RETURN 1; END $$",
    );
    let began = Instant::now();
    let statements = json!([{ "sql": "SELECT stubborn()" }, { "sql": "SELECT pg_sleep(100)" }]);
    let (_, diagnostics) =
        failure(server.call("transaction").param("statements", statements).param("timeoutMs", 1000)).await;
    assert_eq!(diagnostics["code"], "timeout");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    eventually("the statement is cancelled", || server.running("pg_sleep") == 0).await;
    // A caller who goes away.
    let call = server.call("query").param("sql", "SELECT pg_sleep(100)");
    let task = tokio::spawn(call.run());
    eventually("the statement runs", || server.running("pg_sleep") == 1).await;
    task.abort();
    eventually("the statement is cancelled", || server.running("pg_sleep") == 0).await;
}
