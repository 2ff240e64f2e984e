use connector_runtime::prelude::*;

use crate::ldap::dn::{below, depth, relative, split};
use crate::ldap::entry::{Entry, Form, Forms, RawEntry};
use crate::ldap::members::next_range;

#[test]
fn values_of_a_name_are_escaped() {
    for (value, expected) in [
        ("Ada", "cn=Ada"),
        ("Smith, J", "cn=Smith\\2c J"),
        (" #x ", "cn=\\20#x\\20"),
        ("#x", "cn=\\23x"),
        ("a+b=c\"<>;\\", "cn=a\\2bb\\3dc\\22\\3c\\3e\\3b\\5c"),
        ("nul\0", "cn=nul\\00"),
        ("José", "cn=José"),
    ] {
        let made = relative(&Map::from_iter([("cn".to_owned(), json!(value))])).unwrap();
        assert_eq!(made, expected);
        assert_eq!(split(&below("ou=a,dc=x", &made)), (made.as_str(), "ou=a,dc=x"));
    }
    let several = relative(json!({ "cn": "Ada", "uid": 7 }).as_object().unwrap()).unwrap();
    assert_eq!(several, "cn=Ada+uid=7");
    for wrong in
        [json!({}), json!({ "cn": "" }), json!({ "cn": ["a", "b"] }), json!({ "c n": "a" }), json!({ "cn": null })]
    {
        relative(wrong.as_object().unwrap()).unwrap_err();
    }
    assert_eq!(below("", "dc=x"), "dc=x");
}

#[test]
fn a_name_is_split_where_its_first_part_ends() {
    assert_eq!(split("cn=a\\,b, dc=x"), ("cn=a\\,b", "dc=x"));
    assert_eq!(split("cn=\"a,b\",dc=x"), ("cn=\"a,b\"", "dc=x"));
    assert_eq!(split("dc=x"), ("dc=x", ""));
    assert_eq!((depth("cn=a\\2cb,ou=p,dc=x"), depth("dc=x"), depth("")), (3, 1, 0));
}

#[test]
fn bytes_are_told_by_the_name_of_their_attribute() {
    let forms = Forms::with_binary(&["x-Blob".to_owned()]);
    for (name, form) in [
        ("objectGUID", Form::Guid),
        ("OBJECTSID", Form::Sid),
        ("jpegPhoto", Form::Base64),
        ("userCertificate;binary", Form::Base64),
        ("anything;binary", Form::Base64),
        ("x-blob", Form::Base64),
        ("cn", Form::Text),
        ("description;lang-de", Form::Text),
    ] {
        assert_eq!(forms.of(name), form, "{name}");
    }
    let sid = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 244, 1, 0, 0];
    let values = vec![
        ("objectSid".to_owned(), vec![sid.to_vec()]),
        ("objectGUID".to_owned(), vec![(0..16).collect()]),
        ("jpegPhoto".to_owned(), vec![b"GIF".to_vec()]),
        ("cn".to_owned(), vec![b"a".to_vec(), b"a\xff".to_vec()]),
        ("sIDHistory".to_owned(), vec![vec![1, 2, 3]]),
    ];
    let Entry { attributes, not_shown, .. } =
        RawEntry { dn: "dc=x".to_owned(), attributes: values }.shown(&forms).unwrap();
    let attributes = serde_json::to_value(attributes).unwrap();
    assert_eq!(attributes["objectSid"], json!(["S-1-5-21-1-2-3-500"]));
    assert_eq!(attributes["objectGUID"], json!(["03020100-0504-0706-0809-0a0b0c0d0e0f"]));
    assert_eq!(attributes["jpegPhoto"], json!(["R0lG"]));
    assert_eq!(not_shown, ["cn", "sIDHistory"], "named, and no half of it shown");
    assert_eq!(Form::Sid.read("S-1-5-21-1-2-3-500").unwrap(), sid);
    for wrong in ["S-1-5-x", "s-1-5", "S-1-5-4294967296", "S-1-281474976710656", "S-256-5"] {
        Form::Sid.read(wrong).unwrap_err();
    }
}

#[test]
fn the_next_part_of_a_long_attribute_begins_where_the_last_one_ended() {
    assert_eq!(next_range("member;range=0-1499", 1500).as_deref(), Some("member;range=1500-*"));
    assert_eq!(next_range("member;range=1500-*", 100), None);
    assert_eq!(next_range("member", 100), None);
    // A directory that tells of more than it sends would be asked for ever.
    assert_eq!(next_range("member;range=0-1499", 0), None);
    assert_eq!(next_range("member;range=0-1499", 7), None);
    assert_eq!(next_range("member;range=9-1", 7), None);
}
