//! What changes rows: insert, update, delete, transaction, call.

use connector_runtime::prelude::*;

use crate::fixture::{Server, failure, payload};

fn people(server: &Server) {
    server.sql(
        "CREATE TABLE people (id serial PRIMARY KEY, email text UNIQUE NOT NULL, team text DEFAULT 'none', data jsonb); \
         CREATE SCHEMA \"Odd \"\"Schema\"; CREATE TABLE \"Odd \"\"Schema\".\"a.b; --\" (\"Key\" int, \"say \"\"hi\"\"\" text); \
         GRANT ALL ON ALL TABLES IN SCHEMA public, \"Odd \"\"Schema\" TO app; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app; GRANT USAGE ON SCHEMA \"Odd \"\"Schema\" TO app",
    );
}

#[tokio::test]
async fn rows_are_inserted_all_or_none() {
    let Some(server) = Server::start() else { return };
    people(&server);
    let insert = |rows: Value| server.call("insert").param("table", "people").param("rows", rows);

    // Rows with different columns: what a row leaves out gets its default, and keeps it on update.
    let rows = json!([{ "email": "a@x" }, { "email": "b@x", "team": "sales" }, { "team": null, "email": "c@x" }]);
    let done = payload(insert(rows).param("returning", ["id", "team"])).await;
    assert_eq!((&done["affected"], &done["ignored"], &done["count"]), (&json!(3), &json!(0), &json!(3)));
    assert_eq!(
        done["rows"],
        json!([{ "id": 1, "team": "none" }, { "id": 2, "team": "sales" }, { "id": 3, "team": null }])
    );
    assert_eq!(payload(insert(json!([]))).await["affected"], 0);

    let (error, diagnostics) = failure(insert(json!([{ "email": "d@x" }, { "email": "a@x" }]))).await;
    assert_eq!((&diagnostics["code"], &diagnostics["systemCode"]), (&json!("exists"), &json!("23505")), "{error}");
    assert_eq!(diagnostics["constraint"], "people_email_key");
    assert_eq!(server.sql("SELECT count(*) FROM people"), "3", "none of them");
    let (_, diagnostics) = failure(insert(json!([{ "email": null }]))).await;
    assert_eq!((&diagnostics["code"], &diagnostics["column"]), (&json!("invalid"), &json!("email")));

    let again = json!([{ "email": "a@x", "team": "new" }, { "email": "d@x", "team": "new" }]);
    let done = payload(insert(again.clone()).param("onConflict", "ignore")).await;
    assert_eq!((&done["affected"], &done["ignored"]), (&json!(1), &json!(1)));
    let done = payload(insert(again).param("onConflict", "update").param("keys", ["email"])).await;
    assert_eq!((&done["affected"], &done["ignored"]), (&json!(2), &json!(0)));
    assert_eq!(
        server.sql("SELECT string_agg(email || team, ',' ORDER BY email) FROM people"),
        "a@xnew,b@xsales,d@xnew"
    );
    let (error, _) = failure(insert(json!([{ "email": "a@x" }])).param("onConflict", "update")).await;
    assert!(error.contains("keys are missing"), "{error}");

    // Thousands of rows are several statements in one transaction.
    let rows: Vec<Value> = (0..2_500).map(|n| json!({ "email": format!("{n}@y"), "data": { "n": n } })).collect();
    assert_eq!(payload(insert(json!(rows))).await["affected"], 2_500);
    assert_eq!(server.sql("SELECT sum((data->>'n')::int) FROM people"), (0..2_500).sum::<i32>().to_string());

    // Names are taken as they are.
    let odd = server.call("insert").param("schema", "Odd \"Schema").param("table", "a.b; --");
    payload(odd.param("rows", json!([{ "Key": 1, "say \"hi\"": "x" }, {}]))).await;
    assert_eq!(server.sql("SELECT count(*), count(\"Key\") FROM \"Odd \"\"Schema\".\"a.b; --\""), "2|1");
    for (table, code) in [("public.people", "notFound"), ("PEOPLE", "notFound"), (&*"x".repeat(63), "notFound")] {
        let (_, diagnostics) = failure(server.call("insert").param("table", table).param("rows", json!([{}]))).await;
        assert_eq!(diagnostics["code"], code, "{table}");
    }
    let (error, _) = failure(insert(json!([{ "é".repeat(32): 1 }]))).await;
    assert!(error.contains("more than 63 bytes"), "{error}");
}

#[tokio::test]
async fn rows_are_changed_and_deleted_only_as_is_meant() {
    let Some(server) = Server::start() else { return };
    people(&server);
    server.sql("INSERT INTO people (email, team) SELECT n || '@x', CASE WHEN n % 2 = 0 THEN 'even' END FROM generate_series(1, 10) n");
    let update = |matching: Value| {
        server.call("update").param("table", "people").param("set", json!({ "team": "new" })).param("where", matching)
    };
    let delete = |matching: Value| server.call("delete").param("table", "people").param("where", matching);

    for (call, text) in [
        (update(json!({})), "every row"),
        (delete(json!({})), "every row"),
        (delete(json!({ "id": 1 })).param("all", true), "leave one of them out"),
        (update(json!({ "id": 1 })).param("set", json!({})), "set is empty"),
    ] {
        let (error, diagnostics) = failure(call).await;
        assert!(error.contains(text) && diagnostics["code"] == "invalid", "{error}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM people WHERE team = 'new'"), "0");

    let done = payload(update(json!({ "id": [1, 2, null], "team": [null, "even"] })).param("returning", ["id"])).await;
    assert_eq!((&done["affected"], &done["rows"]), (&json!(2), &json!([{ "id": 1 }, { "id": 2 }])));
    let done = payload(update(json!({ "id": 99 }))).await;
    assert_eq!((&done["affected"], &done["changed"]), (&json!(0), &json!(false)));
    let done = payload(update(json!({ "id": [] }))).await;
    assert_eq!(done["affected"], 0);
    let (_, diagnostics) = failure(update(json!({ "team": "even" })).param("maxRows", 3)).await;
    assert_eq!((&diagnostics["code"], &diagnostics["matching"]), (&json!("tooLarge"), &json!(4)));
    assert_eq!(server.sql("SELECT count(*) FROM people WHERE team = 'even'"), "4", "rolled back");

    let done = payload(delete(json!({ "team": null })).param("returning", ["*"])).await;
    assert_eq!((&done["affected"], &done["count"]), (&json!(4), &json!(4)));
    assert_eq!(done["rows"][0], json!({ "id": 3, "email": "3@x", "team": null, "data": null }));
    let (_, diagnostics) = failure(delete(json!({})).param("all", true).param("maxRows", 2)).await;
    assert_eq!(diagnostics["matching"], 6);
    assert_eq!(payload(delete(json!({})).param("all", true)).await["affected"], 6);
    assert_eq!(payload(delete(json!({})).param("all", true)).await["changed"], false, "already so");
}

#[tokio::test]
async fn a_transaction_takes_effect_as_a_whole() {
    let Some(server) = Server::start() else { return };
    people(&server);
    let run = |statements: Value| server.call("transaction").param("statements", statements);
    let insert = |email: &str| json!({ "sql": "INSERT INTO people (email) VALUES ({e}) RETURNING email", "values": { "e": email } });

    let done = payload(run(json!([insert("a@x"), { "sql": "SELECT count(*) AS n FROM people" }]))).await;
    let expected = json!([
        { "command": "INSERT", "affected": 1, "rows": [{ "email": "a@x" }], "count": 1, "truncated": false },
        { "command": "SELECT", "affected": null, "rows": [{ "n": "1" }], "count": 1, "truncated": false }
    ]);
    assert_eq!(done["results"], expected);

    let (error, diagnostics) = failure(run(json!([insert("b@x"), insert("a@x")]))).await;
    assert!(error.starts_with("statements[1]: "), "{error}");
    assert_eq!((&diagnostics["code"], &diagnostics["statement"]), (&json!("exists"), &json!(1)));
    let none = json!({ "sql": "UPDATE people SET team = 'x' WHERE id = -1", "expectAffected": 1 });
    let (_, diagnostics) = failure(run(json!([insert("b@x"), none]))).await;
    assert_eq!((&diagnostics["code"], &diagnostics["affected"]), (&json!("conflict"), &json!(0)));
    for ends in ["COMMIT", " /* c */ rollback", "-- x\nEND", "BEGIN", "PREPARE TRANSACTION 'x'"] {
        let (error, _) = failure(run(json!([insert("b@x"), { "sql": ends }]))).await;
        assert!(error.contains("begins and ends the transaction"), "{error}");
    }
    // A constraint that is checked at the end.
    server.sql(
        "CREATE TABLE orders (person int REFERENCES people DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON orders TO app",
    );
    let (_, diagnostics) = failure(run(json!([insert("b@x"), { "sql": "INSERT INTO orders VALUES (99)" }]))).await;
    assert_eq!((&diagnostics["code"], &diagnostics["systemCode"]), (&json!("conflict"), &json!("23503")));
    assert!(diagnostics.get("outcome").is_none());
    assert_eq!(server.sql("SELECT string_agg(email, ',') FROM people"), "a@x");

    // Two that cannot be one after the other.
    server.sql("CREATE TABLE counter (n int); INSERT INTO counter VALUES (0); GRANT ALL ON counter TO app");
    let race = || {
        let add = json!([
            { "sql": "SELECT n FROM counter" },
            { "sql": "SELECT pg_sleep(0.3)" },
            { "sql": "UPDATE counter SET n = n + 1" }
        ]);
        run(add).param("isolation", "serializable").run()
    };
    let (one, other) = tokio::join!(race(), race());
    let (won, lost) = if one.success { (one, other) } else { (other, one) };
    assert!(won.success, "{:?}", won.error);
    let diagnostics = lost.diagnostics.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["systemCode"]), (&json!("conflict"), &json!("40001")));
    assert!(diagnostics.get("outcome").is_none(), "it is known that nothing was changed");
    assert_eq!(server.sql("SELECT n FROM counter"), "1");
}

#[tokio::test]
async fn functions_and_procedures_are_called() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TABLE log (t text); GRANT ALL ON log TO app; \
         CREATE FUNCTION add(a int, b int DEFAULT 10) RETURNS int LANGUAGE sql AS 'SELECT a + b'; \
         CREATE FUNCTION \"List Up\"(n int) RETURNS TABLE (i int, t text[]) LANGUAGE sql AS 'SELECT x, ARRAY[''a,b''] FROM generate_series(1, n) x'; \
         CREATE PROCEDURE note(t text, INOUT n int) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (t); COMMIT; n := n + 1; END $$; \
         CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no, %', 'never' USING HINT = 'try other'; END $$",
    );
    let run = |name: &str, args: Value| server.call("call").param("name", name).param("args", args);
    assert_eq!(payload(run("add", json!([1]))).await["rows"], json!([{ "add": 11 }]));
    assert_eq!(
        payload(run("add", json!([1])).param("namedArgs", json!({ "b": 5 }))).await["rows"],
        json!([{ "add": 6 }])
    );
    let listed = payload(run("List Up", json!([3])).param("schema", "public").param("limit", 2)).await;
    assert_eq!(listed["rows"], json!([{ "i": 1, "t": ["a,b"] }, { "i": 2, "t": ["a,b"] }]));
    assert_eq!((&listed["truncated"], &listed["truncatedBy"]), (&json!(true), &json!("limit")));
    let called = payload(run("note", json!(["it's, so", 1]))).await;
    assert_eq!((&called["command"], &called["rows"]), (&json!("CALL"), &json!([{ "n": 2 }])));
    assert_eq!(server.sql("SELECT t FROM log"), "it's, so");
    let (error, diagnostics) = failure(run("nothing", json!([]))).await;
    assert!(error.contains("no function or procedure \"nothing\""), "{error}");
    assert_eq!(diagnostics["code"], "notFound");
    let (error, diagnostics) = failure(run("fails", json!([]))).await;
    assert!(error.contains("no, never"), "{error}");
    assert_eq!((&diagnostics["code"], &diagnostics["systemHint"]), (&json!("invalid"), &json!("try other")));
    let (_, diagnostics) = failure(run("add(1); DROP TABLE log; --", json!([]))).await;
    assert_eq!(diagnostics["code"], "notFound");
}
