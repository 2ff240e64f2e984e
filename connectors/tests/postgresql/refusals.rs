//! What the server, or the connector, refuses, and how a flow is told.

use connector_runtime::egress::{EgressScope, Protocol};
use connector_runtime::prelude::*;
use connector_runtime::testing;
use connectors::postgresql::Postgresql;
use std::sync::Arc;
use test_support::certificates::Authority;

use crate::fixture::{Server, call_to, client, failure, payload};

#[tokio::test]
async fn a_query_changes_nothing() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TABLE t (a int); CREATE SEQUENCE s; GRANT ALL ON t, s TO app; \
         CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); RETURN 1; END $$; \
         CREATE PROCEDURE sneaks() LANGUAGE plpgsql AS $$ BEGIN COMMIT; INSERT INTO t VALUES (1); END $$",
    );
    let writes = [
        "INSERT INTO t VALUES (1)",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x",
        "SELECT sneak()",
        "SELECT nextval('s')",
        "CREATE TABLE u (a int)",
        "DO $$ BEGIN INSERT INTO t VALUES (1); END $$",
        "SELECT a FROM t FOR UPDATE",
        // Ways out of a transaction that reads.
        "SELECT set_config('transaction_read_only', 'off', false), sneak()",
        "DO $$ BEGIN SET TRANSACTION READ WRITE; INSERT INTO t VALUES (1); END $$",
        "DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); INSERT INTO t VALUES (1); END $$",
        "DO $$ BEGIN COMMIT; INSERT INTO t VALUES (1); END $$",
        "CALL sneaks()",
        "SET TRANSACTION READ WRITE",
    ];
    for sql in writes {
        let (error, diagnostics) = failure(server.call("query").param("sql", sql)).await;
        assert!(
            ["25006", "25001", "2D000"].contains(&diagnostics["systemCode"].as_str().unwrap()),
            "{sql}: {error} {diagnostics}"
        );
    }
    let (error, diagnostics) = failure(server.call("query").param("sql", "INSERT INTO t VALUES (1)")).await;
    assert_eq!(diagnostics["code"], "denied");
    assert!(error.contains("use execute"), "{error}");
    // These end the transaction, and nothing comes after them.
    for sql in ["COMMIT", "ROLLBACK", "END"] {
        payload(server.call("query").param("sql", sql)).await;
    }
    // Several statements are refused by the server, wherever they are.
    for command in ["query", "execute"] {
        let (error, diagnostics) =
            failure(server.call(command).param("sql", "SELECT 1; INSERT INTO t VALUES (1)")).await;
        assert_eq!((&diagnostics["code"], &diagnostics["systemCode"]), (&json!("invalid"), &json!("42601")), "{error}");
        let (_, diagnostics) = failure(server.call(command).param("sql", "COPY t TO STDOUT")).await;
        assert_eq!(diagnostics["code"], "unsupported");
    }
    let (_, diagnostics) = failure(server.call("execute").param("sql", "COPY t FROM STDIN")).await;
    assert_eq!(diagnostics["code"], "unsupported");
    assert_eq!(server.sql("SELECT count(*) FROM t"), "0");
    assert_eq!(server.sql("SELECT is_called FROM s"), "f");
    // What only reads works: also what is no SELECT.
    for sql in ["SHOW server_version", "EXPLAIN SELECT 1", "VALUES (1), (2)", "TABLE t", "SELECT 1;", ""] {
        let call = server.call("query").param("sql", if sql.is_empty() { "-- nothing" } else { sql });
        payload(call).await;
    }
}

#[tokio::test]
async fn errors_are_told_by_codes() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TABLE secret (a int); CREATE TABLE mine (a int PRIMARY KEY CHECK (a < 100)); GRANT ALL ON mine TO app; \
         CREATE ROLE crowded LOGIN PASSWORD 'x' CONNECTION LIMIT 0; CREATE ROLE old LOGIN PASSWORD 'x' VALID UNTIL '2020-01-01'; \
         CREATE ROLE nologin PASSWORD 'x'",
    );
    server.cluster.create_database("closed");
    server.sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
    let run = |sql: &str| server.call("execute").param("sql", sql);
    for (sql, state, code) in [
        ("SELECT * FROM secret", "42501", "denied"),
        ("SELECT * FROM nowhere", "42P01", "notFound"),
        ("SELECT nothing()", "42883", "notFound"),
        ("SELECT b FROM mine", "42703", "invalid"),
        ("SELEC 1", "42601", "invalid"),
        ("SELECT 1/0", "22012", "invalid"),
        ("INSERT INTO mine VALUES (100)", "23514", "invalid"),
        ("CREATE TABLE mine (a int)", "42P07", "exists"),
        ("SELECT 'x'::int", "22P02", "invalid"),
        ("CREATE DATABASE other", "42501", "denied"),
    ] {
        let (error, diagnostics) = failure(run(sql)).await;
        assert_eq!((&diagnostics["systemCode"], &diagnostics["code"]), (&json!(state), &json!(code)), "{sql}: {error}");
        assert!(error.contains(diagnostics["systemMessage"].as_str().unwrap()), "{error}");
        assert!(diagnostics.get("outcome").is_none(), "the server said that it did nothing");
    }
    let wrong = |field: &str, value: Value| server.call("test").config(field, value);
    for (call, step, state, code) in [
        (wrong("password", json!("wrong")), "signIn", "28P01", "unauthenticated"),
        (wrong("user", json!("nobody")), "signIn", "28P01", "unauthenticated"),
        (wrong("database", json!("nothing")), "signIn", "3D000", "notFound"),
        (wrong("database", json!("closed")), "permission", "42501", "denied"),
        (wrong("user", json!("crowded")).config("password", "x"), "signIn", "53300", "rateLimited"),
        (wrong("user", json!("old")).config("password", "x"), "signIn", "28P01", "unauthenticated"),
        (wrong("user", json!("nologin")).config("password", "x"), "signIn", "28000", "unauthenticated"),
    ] {
        let (error, diagnostics) = failure(call).await;
        let told = (&diagnostics["step"], &diagnostics["systemCode"], &diagnostics["code"]);
        assert_eq!(told, (&json!(step), &json!(state), &json!(code)), "{error}");
    }
}

#[tokio::test]
async fn the_server_is_known_by_its_certificate() {
    let Some(server) = Server::start() else { return };
    let met = payload(server.call("test")).await;
    assert_eq!((&met["encrypted"], &met["database"], &met["user"]), (&json!(true), &json!("hr"), &json!("app")));
    assert!(met["version"].as_str().unwrap().starts_with(char::is_numeric));
    assert_eq!(met["readOnly"], false);
    // An authority that did not sign it, none that did, and another name.
    let port = server.cluster.port();
    for call in [call_to(port, "test").config("caCertificate", Authority::new().pem()), call_to(port, "test")] {
        let (error, diagnostics) = failure(call).await;
        assert_eq!(diagnostics["step"], "tls", "{error}");
        assert!(error.contains("TLS") || error.contains("certificate"), "{error}");
    }
    let (_, diagnostics) = failure(call_to(port, "test").config("caCertificate", "no PEM")).await;
    assert_eq!((&diagnostics["step"], &diagnostics["code"]), (&json!("tls"), &json!("invalid")));
    // Without TLS only where the connection says so; the server's own view is that of pg_stat_ssl.
    let plain = call_to(port, "query").config("sslMode", "disable");
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(payload(plain.param("sql", sql)).await["rows"], json!([{ "ssl": false }]));
    assert_eq!(server.query(sql, json!([])).await["rows"], json!([{ "ssl": true }]));
}

#[tokio::test]
async fn only_the_host_of_the_connection_is_dialled() {
    let Some(server) = Server::start() else { return };
    let port = server.cluster.port();
    let registry = testing::registry_of::<Postgresql>();
    let schema = registry.iter().next().unwrap().schema();
    let values = json!({ "host": "127.0.0.1", "port": port });
    let of_connection =
        client(port).for_connection(EgressScope::Inferred, schema, values.as_object().unwrap(), &Arc::default());
    payload(server.call("test").http(of_connection.clone())).await;
    // Its field names a host, and no other can be reached with its client.
    let error = of_connection.connect(Protocol::Postgresql, "127.0.0.2", port).await.unwrap_err();
    assert_eq!(error.code(), "scope");
    // A port that is not PostgreSQL's is opened by the operator alone, and an address inside too.
    for (field, value) in [("port", json!(6379)), ("host", json!("127.0.0.3")), ("host", json!("169.254.169.254"))] {
        let (error, diagnostics) = failure(server.call("test").config(field, value)).await;
        assert_eq!((&diagnostics["step"], &diagnostics["code"]), (&json!("dial"), &json!("policy")), "{error}");
    }
}
