//! Statements: their placeholders, their first word, and those that are built.

use connector_runtime::prelude::*;

use super::super::changes::{NewRows, Table, Which};
use super::super::placeholders::{fill, first_word};
use super::super::{OnConflict, trouble};

fn filled(sql: &str, values: &Value) -> Result<(String, Vec<Value>), String> {
    let sql = fill(sql, Some(values), "values").map_err(|trouble| trouble.into_fail().error)?;
    Ok((sql.text, sql.values.into_iter().map(|(_, value)| value.clone()).collect()))
}

#[test]
fn names_are_filled_where_they_are_sql() {
    let values = json!({ "a": 1, "b": [2] });
    for (sql, expected, count) in [
        ("{a} {b} {a}", "$1 $2 $1", 2),
        ("{b}{a}", "$1$2", 2),
        ("'{a}' {a}", "'{a}' $1", 1),
        ("'it''s {a}' {a}", "'it''s {a}' $1", 1),
        ("'\\' {a} || '{b}'", "'\\' $1 || '{b}'", 1),
        ("E'\\'{a}' {a}", "E'\\'{a}' $1", 1),
        ("one'{a}' {a}", "one'{a}' $1", 1),
        ("\"{a}\" {a}", "\"{a}\" $1", 1),
        ("-- {a}\n{a}", "-- {a}\n$1", 1),
        ("/* {a} /* */ {a} */ {a}", "/* {a} /* */ {a} */ $1", 1),
        ("$$ {a} $$ {a}", "$$ {a} $$ $1", 1),
        ("$x$ {a} $$ $x$ {a}", "$x$ {a} $$ $x$ $1", 1),
        ("a$x${a}$x$", "a$x$$1$x$", 1),
        ("{a} { b} {} {1} {é} {", "$1 { b} {} {1} {é} {", 1),
        ("é😀{a}é", "é😀$1é", 1),
        ("'open {a}", "'open {a}", 0),
        ("{a}::int[] = '{1,2}'", "$1::int[] = '{1,2}'", 1),
    ] {
        let needed: Map<String, Value> = values.as_object().unwrap().clone().into_iter().take(count).collect();
        let (text, found) = filled(sql, &json!(needed)).unwrap();
        assert_eq!((text.as_str(), found.len()), (expected, count), "{sql}");
    }
    assert!(filled("{c}", &json!({})).unwrap_err().contains("no such value"));
    assert!(filled("{a} $1", &json!({ "a": 1 })).unwrap_err().contains("use {name}"));
    assert!(filled("'$1' {a}", &json!({ "a": 1 })).is_ok());
    assert!(filled("x", &json!({ "a": 1 })).unwrap_err().contains("values.a is not in the statement"));
    assert_eq!(filled("{a} $1", &json!([1])).unwrap().0, "{a} $1", "a list leaves braces alone");
}

/// Nothing that a text holds makes the reader of placeholders panic, or lose a byte.
#[test]
fn any_text_is_read_to_its_end() {
    let pieces =
        ["'", "\"", "$", "$$", "$a$", "{", "}", "{a}", "--", "\n", "/*", "*/", "\\", "E", "é", "😀", "1", " ", "\0"];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut sql = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sql.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
        }
        first_word(&sql);
        if let Ok((text, values)) = filled(&sql, &json!({ "a": 1 })) {
            assert_eq!(text.replace("$1", "{a}").len(), sql.replace("$1", "{a}").len(), "{sql:?}");
            assert_eq!(values.len(), 1);
        }
    }
}

#[test]
fn the_first_word_is_found_after_comments() {
    for (sql, word) in [
        ("commit", "COMMIT"),
        ("  /* a /* b */ */ -- c\n\tEnd;", "END"),
        ("((select 1))", "SELECT"),
        (";;ROLLBACK", "ROLLBACK"),
        ("", ""),
        ("-- only", ""),
        ("'BEGIN'", ""),
    ] {
        assert_eq!(first_word(sql), word, "{sql}");
    }
}

fn inserts(rows: &Value, on_conflict: OnConflict, keys: &[&str]) -> Result<Vec<String>, String> {
    let rows: Vec<Map<String, Value>> =
        rows.as_array().unwrap().iter().map(|row| row.as_object().unwrap().clone()).collect();
    let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
    let new = NewRows { rows: &rows, on_conflict, keys: &keys, returning: &["id".to_owned()] };
    let statements = new.statements(Table { schema: Some("s"), name: "t\"x" });
    Ok(statements.map_err(text)?.into_iter().map(|sql| sql.text).collect())
}

fn text(trouble: trouble::Trouble) -> String {
    trouble.into_fail().error
}

#[test]
fn rows_of_the_same_columns_share_a_statement() {
    let rows = json!([{ "a": 1, "b": 2 }, { "b": 3, "a": 4 }, { "a": 5 }, {}, {}, { "a": 6, "b": 7 }]);
    let into = "INSERT INTO \"s\".\"t\"\"x\"";
    let expected = [
        format!("{into} (\"a\", \"b\") VALUES ($1, $2), ($3, $4) RETURNING \"id\""),
        format!("{into} (\"a\") VALUES ($1) RETURNING \"id\""),
        format!("{into} DEFAULT VALUES RETURNING \"id\""),
        format!("{into} DEFAULT VALUES RETURNING \"id\""),
        format!("{into} (\"a\", \"b\") VALUES ($1, $2) RETURNING \"id\""),
    ];
    assert_eq!(inserts(&rows, OnConflict::Fail, &[]).unwrap(), expected);
    let rows = json!([{ "a": 1, "b": 2, "c": 3 }]);
    let update = " ON CONFLICT (\"a\") DO UPDATE SET \"b\" = EXCLUDED.\"b\", \"c\" = EXCLUDED.\"c\" RETURNING \"id\"";
    assert!(inserts(&rows, OnConflict::Update, &["a"]).unwrap()[0].ends_with(update));
    assert!(inserts(&rows, OnConflict::Ignore, &[]).unwrap()[0].ends_with("ON CONFLICT DO NOTHING RETURNING \"id\""));
    let all = inserts(&json!([{ "a": 1 }]), OnConflict::Update, &["a"]).unwrap();
    assert!(all[0].ends_with("ON CONFLICT (\"a\") DO NOTHING RETURNING \"id\""), "there is nothing to set");
    assert!(inserts(&rows, OnConflict::Update, &["z"]).unwrap_err().contains("no such column"));
    assert!(inserts(&rows, OnConflict::Fail, &["a"]).unwrap_err().contains("onConflict is fail"));
    // A statement has at most 65,535 parameters.
    let wide: Map<String, Value> = (0..100).map(|n| (format!("c{n}"), json!(n))).collect();
    let many = inserts(&json!(vec![wide; 1000]), OnConflict::Fail, &[]).unwrap();
    assert_eq!(many.len(), 2);
    assert!(many.iter().all(|sql| sql.matches('$').count() <= 65_535));
}

#[test]
fn conditions_hold_values_lists_and_null() {
    let columns = json!({ "a": 1, "b\"": null, "c": [1, null, 2], "d": [], "e": [null] });
    let which =
        Which { columns: columns.as_object().unwrap(), all: false, max_rows: None, returning: &["*".to_owned()] };
    let sql = which.statement(Table { schema: None, name: "t" }, None).map_err(text).unwrap();
    let expected = "DELETE FROM \"t\" WHERE \"a\" = $1 AND \"b\"\"\" IS NULL AND (\"c\" IN ($2, $3) OR \"c\" IS NULL) \
                    AND (FALSE) AND (FALSE OR \"e\" IS NULL) RETURNING *";
    assert_eq!(sql.text, expected);
    let places: Vec<&str> = sql.values.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["where.a", "where.c[0]", "where.c[2]"]);
}
