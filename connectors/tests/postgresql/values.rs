//! Values of all types, out and in.

use connector_runtime::prelude::*;

use crate::fixture::{Server, failure, payload};

/// A type, a value of it as SQL, what comes out, and the name of the type.
fn cases() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    vec![
        ("boolean", "true", json!(true), "bool"),
        ("smallint", "-32768", json!(-32768), "int2"),
        ("integer", "2147483647", json!(2_147_483_647), "int4"),
        ("bigint", "9223372036854775807", json!("9223372036854775807"), "int8"),
        (
            "numeric",
            "12345678901234567890.12345678901234567890",
            json!("12345678901234567890.12345678901234567890"),
            "numeric",
        ),
        ("numeric(12,4)", "1.1", json!("1.1000"), "numeric"),
        ("numeric", "'NaN'", json!("NaN"), "numeric"),
        ("numeric", "'-Infinity'", json!("-Infinity"), "numeric"),
        ("real", "0.1", number("0.1"), "float4"),
        ("double precision", "0.1::float8 + 0.2::float8", number("0.30000000000000004"), "float8"),
        ("double precision", "1e300", number("1e+300"), "float8"),
        ("double precision", "'NaN'", json!("NaN"), "float8"),
        ("double precision", "'Infinity'", json!("Infinity"), "float8"),
        ("money", "'1234567.89'", json!("$1,234,567.89"), "money"),
        ("oid", "4294967295", json!(4_294_967_295_u32), "oid"),
        ("text", "E'a\\'b\"c,\\\\ \\n{}$1 é😀'", json!("a'b\"c,\\ \n{}$1 é😀"), "text"),
        ("text", "''", json!(""), "text"),
        ("varchar(5)", "'abc'", json!("abc"), "varchar"),
        ("char(5)", "'abc'", json!("abc  "), "bpchar"),
        ("name", "'n'", json!("n"), "name"),
        ("bytea", "'\\x00ff10'", json!("AP8Q"), "bytea"),
        ("bytea", "''", json!(""), "bytea"),
        ("date", "'2026-02-28'", json!("2026-02-28"), "date"),
        ("date", "'0044-03-15 BC'", json!("0044-03-15 BC"), "date"),
        ("date", "'infinity'", json!("infinity"), "date"),
        ("time", "'12:34:56.789012'", json!("12:34:56.789012"), "time"),
        ("timetz", "'12:34:56+02'", json!("12:34:56+02:00"), "timetz"),
        ("timestamp", "'2026-02-28 01:02:03.000004'", json!("2026-02-28T01:02:03.000004"), "timestamp"),
        ("timestamptz", "'2026-02-28 01:02:03+02'", json!("2026-02-27T23:02:03Z"), "timestamptz"),
        ("timestamptz", "'-infinity'", json!("-infinity"), "timestamptz"),
        ("timestamptz", "'12026-02-28 00:00:00+00'", json!("12026-02-28 00:00:00+00"), "timestamptz"),
        ("interval", "'1 year 2 months -3 days 04:05:06.7'", json!("P1Y2M-3DT4H5M6.7S"), "interval"),
        ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "uuid"),
        ("inet", "'192.168.0.1/24'", json!("192.168.0.1/24"), "inet"),
        ("cidr", "'2001:db8::/32'", json!("2001:db8::/32"), "cidr"),
        ("macaddr", "'08:00:2b:01:02:03'", json!("08:00:2b:01:02:03"), "macaddr"),
        ("bit(4)", "B'1010'", json!("1010"), "bit"),
        ("varbit", "B'10101'", json!("10101"), "varbit"),
        (
            "json",
            "'{\"a\":[1,null,1.50,12345678901234567890]}'",
            number("{\"a\":[1,null,1.50,12345678901234567890]}"),
            "json",
        ),
        ("jsonb", "'\"text\"'", json!("text"), "jsonb"),
        ("jsonb", "'[]'", json!([]), "jsonb"),
        ("xml", "'<a>1</a>'", json!("<a>1</a>"), "xml"),
        ("point", "'(1,2)'", json!("(1,2)"), "point"),
        ("box", "'(2,2),(0,0)'", json!("(2,2),(0,0)"), "box"),
        ("circle", "'<(0,0),1>'", json!("<(0,0),1>"), "circle"),
        ("tsvector", "'a b'", json!("'a' 'b'"), "tsvector"),
        ("tsquery", "'a & b'", json!("'a' & 'b'"), "tsquery"),
        ("pg_lsn", "'16/B374D848'", json!("16/B374D848"), "pg_lsn"),
        ("regclass", "'pg_class'", json!("pg_class"), "regclass"),
        ("jsonpath", "'$.a'", json!("$.\"a\""), "jsonpath"),
        ("int4range", "'[1,5)'", json!("[1,5)"), "int4range"),
        ("int4range", "'empty'", json!("empty"), "int4range"),
        ("tstzrange", "'[2026-01-01,)'", json!("[\"2026-01-01 00:00:00+00\",)"), "tstzrange"),
        ("int4multirange", "'{[1,3),[5,7)}'", json!("{[1,3),[5,7)}"), "int4multirange"),
        ("mood", "'so ,so'", json!("so ,so"), "mood"),
        ("positive", "7", json!(7), "int4"),
        ("json_domain", "'{\"a\":1}'", json!({ "a": 1 }), "jsonb"),
        ("pair", "ROW(1,'a,b')", json!("(1,\"a,b\")"), "pair"),
        ("integer[]", "'{1,NULL,3}'", json!([1, null, 3]), "int4[]"),
        ("integer[]", "'{}'", json!([]), "int4[]"),
        ("integer[]", "'{{1,2},{3,4}}'", json!([[1, 2], [3, 4]]), "int4[]"),
        ("integer[]", "'[0:1]={1,2}'", json!("[0:1]={1,2}"), "int4[]"),
        ("bigint[]", "'{9007199254740993}'", json!(["9007199254740993"]), "int8[]"),
        (
            "text[]",
            "ARRAY['a,b', NULL, 'NULL', '', E'q\"\\\\', '{x}', ' ']",
            json!(["a,b", null, "NULL", "", "q\"\\", "{x}", " "]),
            "text[]",
        ),
        ("boolean[]", "'{t,f}'", json!([true, false]), "bool[]"),
        ("timestamptz[]", "'{2026-01-01 00:00:00+00}'", json!(["2026-01-01T00:00:00Z"]), "timestamptz[]"),
        ("bytea[]", "ARRAY['\\x00ff'::bytea, '']", json!(["AP8=", ""]), "bytea[]"),
        ("jsonb[]", "ARRAY['{\"a\":\"b\\\"\"}'::jsonb, '[1]']", json!([{ "a": "b\"" }, [1]]), "jsonb[]"),
        ("box[]", "ARRAY['(2,2),(0,0)'::box, '(1,1),(0,0)']", json!(["(2,2),(0,0)", "(1,1),(0,0)"]), "box[]"),
        (
            "uuid[]",
            "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'",
            json!(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
            "uuid[]",
        ),
        ("mood[]", "ARRAY['happy'::mood, 'so ,so', NULL]", json!(["happy", "so ,so", null]), "mood[]"),
        ("positive[]", "ARRAY[1, 2]::positive[]", json!([1, 2]), "positive[]"),
        ("pair[]", "ARRAY[ROW(1,'x')::pair]", json!(["(1,x)"]), "pair[]"),
        ("int2vector", "'1 2'", json!("1 2"), "int2vector"),
    ]
}

#[tokio::test]
async fn values_of_all_types_come_out_and_go_in_as_they_are() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TYPE mood AS ENUM ('happy', 'so ,so'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0); \
         CREATE DOMAIN json_domain AS jsonb; CREATE TYPE pair AS (a integer, b text)",
    );
    let mut types = std::collections::BTreeSet::new();
    for (at, (kind, sql, expected, name)) in cases().into_iter().enumerate() {
        types.insert(kind.split('(').next().unwrap());
        let out = server.query(&format!("SELECT ({sql})::{kind} AS v"), json!([])).await;
        assert_eq!(out["rows"], json!([{ "v": expected }]), "{kind} {sql}");
        assert_eq!(out["columns"], json!([{ "name": "v", "type": name }]), "{kind} {sql}");
        // What came out goes in, and is the same value there.
        let table = format!("t{at}");
        server.sql(&format!("CREATE TABLE {table} (v {kind}, n {kind}); GRANT ALL ON {table} TO app"));
        let inserted =
            server.call("insert").param("table", &table).param("rows", json!([{ "v": expected, "n": null }]));
        payload(inserted.param("returning", ["v", "n"])).await;
        let same = server.sql(&format!("SELECT v::text = (({sql})::{kind})::text AND n IS NULL FROM {table}"));
        assert_eq!(same, "t", "{kind} {sql}: {}", server.sql(&format!("SELECT * FROM {table}")));
        let out = server.query(&format!("SELECT v, n FROM {table}"), json!([])).await;
        assert_eq!(out["rows"], json!([{ "v": expected, "n": null }]), "{kind} {sql}");
    }
    assert!(types.len() >= 40, "{}", types.len());
}

#[tokio::test]
async fn values_are_bound_and_never_spliced() {
    let Some(server) = Server::start() else { return };
    // What n8n#14955 and #16354 cut at commas, and what would end a statement.
    for nasty in ["a,b,c", "'; DROP TABLE t; --", "$1", "{x}", "\\", "\"", "NULL", "", " ", "$$", "é\u{1F600}\n\t"] {
        assert_eq!(server.value("SELECT $1::text AS v", json!([nasty])).await, nasty);
        assert_eq!(server.value("SELECT {x}::text AS v", json!({ "x": nasty })).await, nasty);
        let list = server.value("SELECT $1::text[] AS v", json!([[nasty, nasty]])).await;
        assert_eq!(list, json!([nasty, nasty]));
    }
    // Numbers keep their digits.
    let digits: Value = serde_json::from_str("123456789012345678901234567890.10").unwrap();
    assert_eq!(server.value("SELECT $1::numeric AS v", json!([digits])).await, "123456789012345678901234567890.10");
    // Names are looked for in SQL alone.
    let sql = "SELECT '{a}' || \"{a}\" || E'\\'{a}' || $x${a}$x$ || {a} /* {a} /* {b} */ */ || {a} -- {b}\n FROM (SELECT 'q' AS \"{a}\") q";
    assert_eq!(server.value(sql, json!({ "a": "v" })).await, "{a}q'{a}{a}vv");
    for (sql, values, text) in [
        ("SELECT {a}, {b}", json!({ "a": 1 }), "no such value"),
        ("SELECT {a}", json!({ "a": 1, "b": 2 }), "values.b is not in the statement"),
        ("SELECT {a}, $1", json!({ "a": 1 }), "values is an object"),
        ("SELECT $1", json!("x"), "must be a list"),
        ("SELECT $1::int", json!([]), "1 parameters, and the call gives 0"),
        ("SELECT $1::int", json!([1, 2]), "1 parameters, and the call gives 2"),
        ("SELECT $1::int", json!([[1]]), "values[0] cannot be bound to a parameter of type int4"),
        ("SELECT $1::text", json!([{ "a": 1 }]), "it is an object"),
        ("SELECT $1::bytea", json!(["*"]), "base64"),
        ("SELECT $1::text", json!(["a\u{0}b"]), "invalid byte sequence"),
        ("SELECT $1::int", json!(["x"]), "invalid input syntax"),
        ("SELECT 1 AS a, 2 AS a", json!([]), "Two columns"),
    ] {
        let (error, diagnostics) = failure(server.call("query").param("sql", sql).param("values", values)).await;
        assert!(error.contains(text), "{error}");
        assert_eq!(diagnostics["code"], "invalid", "{error}");
    }
    // A zone of the connection's own; an offset with seconds has no form in RFC 3339.
    let zoned = |sql: &str| server.call("query").config("timeZone", "Europe/Berlin").param("sql", sql);
    let out = payload(zoned("SELECT '2026-07-01 12:00:00+00'::timestamptz AS v")).await;
    assert_eq!(out["rows"][0]["v"], "2026-07-01T14:00:00+02:00");
    let out = payload(zoned("SELECT '1800-01-01 00:00:00+00'::timestamptz AS v")).await;
    assert_eq!(out["rows"][0]["v"], "1800-01-01 00:53:28+00:53:28");
}
