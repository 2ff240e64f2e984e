//! Filters and paths, as texts.

use super::super::changes::Changes;
use super::super::failure::code_of;
use super::super::filter::{Filter, is_attribute, text};
use super::super::resource::{same, same_version, version};
use super::super::*;

fn made(conditions: &Value) -> Result<Filter, String> {
    let map = conditions.as_object().unwrap().clone();
    Filter::of(Some(&map), None, None).map_err(|problem| problem.0.error.clone())
}

fn filled(filter: &str, values: &Value) -> Result<Filter, String> {
    let map = values.as_object().unwrap().clone();
    Filter::of(None, Some(filter), Some(&map)).map_err(|problem| problem.0.error.clone())
}

#[test]
fn conditions_become_a_filter() {
    let is = |conditions: Value, filter: &str| assert_eq!(made(&conditions).unwrap(), Filter::Text(filter.to_owned()));
    is(json!({ "userName": "ada" }), r#"userName eq "ada""#);
    is(json!({ "active": true, "n": 1.50 }), "active eq true and n eq 1.5");
    is(json!({ "id": ["a", "b"], "x": null }), r#"(id eq "a" or id eq "b") and not (x pr)"#);
    is(json!({ "id": ["a"] }), r#"id eq "a""#);
    is(json!({ "urn:a:b:2.0:User:name.givenName": "José" }), r#"urn:a:b:2.0:User:name.givenName eq "José""#);
    assert_eq!(made(&json!({})).unwrap(), Filter::All);
    assert_eq!(made(&json!({ "id": [], "x": "y" })).unwrap(), Filter::Nothing);
    for wrong in
        [json!({ "a b": 1 }), json!({ "": 1 }), json!({ "a": {} }), json!({ "a": [[1]] }), json!({ "urn:x y:a": 1 })]
    {
        assert!(made(&wrong).is_err(), "{wrong}");
    }
    assert!(made(&json!({ "id": vec!["x".repeat(50); 200] })).is_err(), "too long for a URL");
}

#[test]
fn no_text_leaves_its_quotes() {
    assert_eq!(text("a\" or userName pr"), r#""a\u0022 or userName pr""#);
    assert_eq!(text("a\\"), r#""a\u005c""#);
    assert_eq!(text("\u{0}\n\u{7f}"), r#""\u0000\u000a\u007f""#);
    for wanted in ["", "plain", "\"", "\\", "\\\"", "a\u{0}b\r\n", "José 日本 \u{1f600}", "%22", "{x}"] {
        let literal = text(wanted);
        assert_eq!(serde_json_text(&literal), wanted);
        assert!(!literal[1..literal.len() - 1].contains('"'));
    }
}

fn serde_json_text(literal: &str) -> String {
    let value: Value = literal.parse().unwrap();
    value.as_str().unwrap().to_owned()
}

#[test]
fn names_in_a_filter_are_filled() {
    let found = filled("userName sw {begin} and active eq {on}", &json!({ "begin": "a\"b", "on": true })).unwrap();
    assert_eq!(found, Filter::Text(r#"userName sw "a\u0022b" and active eq true"#.to_owned()));
    let found = filled(r#"a eq "{not} \" {a" and b eq {b}"#, &json!({ "b": null })).unwrap();
    assert_eq!(found, Filter::Text(r#"a eq "{not} \" {a" and b eq null"#.to_owned()));
    for (filter, values, says) in [
        ("a eq {x}", json!({}), "no `x`"),
        ("a eq 1", json!({ "x": 1 }), "does not name `x`"),
        (r#"a eq "{x}""#, json!({ "x": 1 }), "quotes"),
        ("a eq {x", json!({ "x": 1 }), "no `}`"),
        (r#"a eq "b"#, json!({}), "no end"),
        ("a eq {x}", json!({ "x": [1] }), "has to be a text"),
        (" ", json!({}), "empty"),
    ] {
        let error = filled(filter, &values).unwrap_err();
        assert!(error.contains(says), "{filter}: {error}");
    }
    let map = Map::new();
    assert!(Filter::of(Some(&map), Some("a pr"), None).is_err());
    assert!(Filter::of(None, None, Some(&map)).is_err());
}

#[test]
fn names_of_attributes() {
    for name in [
        "userName",
        "name.familyName",
        "$ref",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    ] {
        assert!(is_attribute(name), "{name}");
    }
    for name in ["", "a b", "1a", "a..b", ".a", "a\"", "a]", "urn:", "urn:a b:c", "é"] {
        assert!(!is_attribute(name), "{name}");
    }
}

#[test]
fn changes_are_applied_and_seen() {
    const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let set = json!({
        "Title": "B", "name.familyName": "K", format!("{URN}:department"): "D", "active": "False",
        "urn:ietf:params:scim:schemas:core:2.0:User:locale": "de", "nickName": null,
    });
    let changes = Changes::of(set.as_object(), &["x.y".to_owned(), "nickName".to_owned()]).unwrap();
    assert_eq!(changes.0.len(), 7);
    let before = json!({ "id": "1", "title": "A", "nickName": "n", "active": true, "groups": [1], "meta": {} });
    assert_eq!(changes.missing(&before).0.len(), 6, "what is not there need not be removed");
    let after = changes.applied(&before).unwrap();
    assert_eq!(
        after,
        json!({
            "id": "1", "title": "B", "active": "False", "name": { "familyName": "K" }, URN: { "department": "D" }, "locale": "de",
        })
    );
    assert!(changes.missing(&after).0.is_empty());
    assert_eq!(changes.not_kept(&before).len(), 6);
    let whole = Changes::of(json!({ URN: { "department": "E" } }).as_object(), &[]).unwrap();
    assert_eq!(whole.not_kept(&after), [URN]);
    let by_filter = Changes::of(json!({ "emails[type eq \"work\"].value": "x" }).as_object(), &[]).unwrap();
    assert!(by_filter.applied(&before).is_err());
    assert_eq!(by_filter.missing(&before).0.len(), 1);
    for (set, remove) in [
        (json!({ "password": "x" }), vec![]),
        (json!({ "urn:ietf:params:scim:schemas:core:2.0:User:PASSWORD": "x" }), vec![]),
        (json!({ "id": "x" }), vec![]),
        (json!({ "a": 1 }), vec!["A".to_owned()]),
        (json!({ "a b": 1 }), vec![]),
        (json!({}), vec![" ".to_owned()]),
    ] {
        assert!(Changes::of(set.as_object(), &remove).is_err(), "{set} {remove:?}");
    }
}

#[test]
fn values_and_versions_are_compared_as_they_are_meant() {
    assert!(
        same(&json!(true), &json!("True"))
            && same(&json!("false"), &json!(false))
            && !same(&json!(true), &json!("yes"))
    );
    assert!(same(&json!([{ "value": "a" }]), &json!([{ "Value": "a", "type": "work" }])));
    assert!(!same(&json!([{ "value": "a" }]), &json!([])) && !same(&json!("a"), &json!("A")));
    assert!(same_version("W/\"1\"", "\"1\"") && same_version("1", "W/\"1\"") && !same_version("W/\"1\"", "W/\"2\""));
    let (one, other) = (json!({ "a": 1, "b": [1, 2], "meta": { "x": 1 } }), json!({ "b": [1, 2], "a": 1, "meta": {} }));
    assert_eq!(version(&one), version(&other));
    assert_ne!(version(&one), version(&json!({ "a": 1, "b": [2, 1] })));
    assert_ne!(version(&json!({ "a": [1], "b": 1 })), version(&json!({ "a": [1, 1], "b": 1 })));
    assert_eq!(version(&json!({ "meta": { "Version": "W/\"7\"" } })), "W/\"7\"");
}

#[test]
fn codes_are_those_of_the_standard() {
    assert_eq!(code_of(409, Some("uniqueness")), Code::Exists);
    assert_eq!(code_of(400, Some("uniqueness")), Code::Exists);
    assert_eq!(code_of(400, Some("tooMany")), Code::TooLarge);
    assert_eq!(code_of(400, Some("invalidFilter")), Code::Invalid);
    assert_eq!(code_of(412, None), Code::Conflict);
}
