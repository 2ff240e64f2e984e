//! What is found, how much of it, and what is never asked.

use std::time::Instant;

use serde_json::{Value, json};
use test_support::slapd::{BASE, Slapd};

use crate::support::{call, diagnostics, failure, payload, person};

const FAR: &str = "\
dn: ou=far,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
ou: far
ref: ldap://169.254.169.254/dc=far

";

fn dns(found: &Value) -> Vec<&str> {
    found["entries"].as_array().unwrap().iter().map(|entry| entry["dn"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn values_are_values_whatever_they_hold() {
    let nasty = [
        "*",
        "a*b",
        "(cn=x)",
        ")(uid=*",
        "back\\slash",
        "José",
        "a\u{7f}b",
        " lead and trail ",
        "#hash",
        "a,b+c=d;e<f>\"g",
    ];
    let mut ldif = String::new();
    for (at, name) in nasty.iter().enumerate() {
        use base64::Engine as _;
        let encoded = base64::prelude::BASE64_STANDARD.encode(name);
        ldif += &format!(
            "dn: uid=u{at},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: u{at}\ncn: c{at}\nsn: s\ndescription:: {encoded}\n\n"
        );
    }
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    for (at, name) in nasty.iter().enumerate() {
        let expected = format!("uid=u{at},ou=people,{BASE}");
        let found = payload(call(&slapd, "search").param("where", json!({ "description": name }))).await;
        assert_eq!(dns(&found), [expected.as_str()], "{name:?}");
        let filter = call(&slapd, "search").param("filter", "(&(objectClass=person)(description={text}))");
        let found = payload(filter.param("values", json!({ "text": name }))).await;
        assert_eq!(dns(&found), [expected.as_str()], "{name:?}");
        let one = payload(call(&slapd, "get").param("where", json!({ "description": name }))).await;
        assert_eq!(one["entry"]["attributes"]["description"], json!([name]));
    }
    // A value that would find more if it were a filter finds nothing.
    for value in ["u*", "*)(objectClass=*", "u0)(|(uid=*", "\u{0}", "\\2a"] {
        let found = payload(call(&slapd, "search").param("where", json!({ "uid": value }))).await;
        assert_eq!(found["count"], 0, "{value:?}");
    }
    for (asked, text) in [
        (json!({ "where": { "uid)(cn": "x" } }), "is not the name of an attribute"),
        (json!({ "where": { "uid": "" } }), "where.uid is empty"),
        (json!({ "where": { "uid": [] } }), "uid is an empty list"),
        (json!({ "where": { "uid": {} } }), "has to be a text"),
        (json!({ "where": { "uid": "x" }, "filter": "(uid=x)" }), "Give where or filter"),
        (json!({ "filter": "(uid={a})" }), "values has no a"),
        (json!({ "filter": "(uid=x)", "values": { "a": 1 } }), "has no place {a}"),
        (json!({ "filter": "({a}=x)", "values": { "a": "uid" } }), "may stand only where a value stands"),
        (json!({ "filter": "(uid={a)", "values": { "a": "uid" } }), "a { without a }"),
        (json!({ "filter": "(&(uid=x)" }), "the filter is malformed"),
        (json!({ "filter": "(".repeat(5_000) }), "nested more than 32 deep"),
        (json!({ "attributes": ["a b"] }), "is not the name of an attribute"),
    ] {
        let mut search = call(&slapd, "search");
        for (name, value) in asked.as_object().unwrap() {
            search = search.param(name, value);
        }
        let (_, _, error) = failure(search).await;
        assert!(error.contains(text), "{asked}: {error}");
    }
    let (code, ..) = failure(call(&slapd, "get").param("where", json!({ "uid": "nobody" }))).await;
    assert_eq!(code, "notFound");
    let several = call(&slapd, "get").param("where", json!({ "sn": "s" })).run().await;
    assert_eq!(diagnostics(&several)["code"], "conflict");
    assert_eq!(diagnostics(&several)["dns"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_form_of_a_value_goes_by_its_attribute() {
    // A photo whose bytes are a text, and one whose bytes are none; and text that only looks like bytes.
    let ldif = format!(
        "dn: uid=a,ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: a\ncn: a\nsn: a\njpegPhoto:: R0lG\n\n\
         dn: uid=b,ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: b\ncn: b\nsn: b\njpegPhoto:: /9j/\n\n"
    );
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    for (uid, photo) in [("a", "R0lG"), ("b", "/9j/")] {
        let read = call(&slapd, "get").param("dn", format!("uid={uid},ou=people,{BASE}"));
        let entry = payload(read).await["entry"].clone();
        assert_eq!(entry["attributes"]["jpegPhoto"], json!([photo]));
        assert_eq!(entry["attributes"]["uid"], json!([uid]), "a list also of one");
        assert_eq!(entry["notShown"], json!([]));
    }
    // What is named as bytes is told as bytes.
    let told =
        payload(call(&slapd, "get").param("dn", format!("uid=b,ou=people,{BASE}")).config("binaryAttributes", ["CN"]))
            .await;
    assert_eq!(told["entry"]["attributes"]["cn"], json!(["Yg=="]));
}

#[tokio::test]
async fn long_lists_are_read_page_by_page_to_the_limit() {
    let ldif: String = (0..2_500).map(|at| person(&format!("p{at:05}"))).collect();
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    let all = call(&slapd, "search")
        .param("attributes", ["1.1"])
        .param("limit", 5_000)
        .param("base", format!("ou=people,{BASE}"));
    let began = Instant::now();
    let found = payload(all).await;
    println!("2,501 entries in {:?}", began.elapsed());
    assert_eq!(
        (&found["count"], &found["truncated"], &found["truncatedBy"]),
        (&json!(2_501), &json!(false), &Value::Null)
    );
    let unique: std::collections::HashSet<_> = dns(&found).into_iter().map(str::to_owned).collect();
    assert_eq!(unique.len(), 2_501);
    for (limit, page, count, truncated) in
        [(10, 500, 10, true), (2_500, 7, 2_500, true), (2_501, 7, 2_501, false), (1_000, 500, 1_000, true)]
    {
        let some = call(&slapd, "search").param("attributes", ["1.1"]).param("limit", limit).config("pageSize", page);
        let found = payload(some.param("base", format!("ou=people,{BASE}"))).await;
        assert_eq!((&found["count"], &found["truncated"]), (&json!(count), &json!(truncated)), "{limit} by {page}");
        assert_eq!(found["truncatedBy"], if truncated { json!("limit") } else { Value::Null });
    }
    // Whoever may not page meets the directory's own limit, and is told so.
    let ada = call(&slapd, "setPassword")
        .param("dn", format!("uid=p00001,ou=people,{BASE}"))
        .param("newPassword", "canary-password-2");
    assert!(ada.run().await.success);
    let limited = call(&slapd, "search")
        .config("bindDn", format!("uid=p00001,ou=people,{BASE}"))
        .config("bindPassword", "canary-password-2")
        .param("limit", 5_000);
    let found = payload(limited).await;
    assert_eq!(
        (&found["truncated"], &found["truncatedBy"]),
        (&json!(true), &json!("server_size")),
        "{}",
        found["count"]
    );
}

#[tokio::test]
async fn other_directories_are_told_and_never_asked() {
    let Some(slapd) = Slapd::start(FAR).await else { return };
    let found = payload(call(&slapd, "search").param("filter", "(objectClass=*)")).await;
    assert_eq!(found["referrals"], json!(["ldap://169.254.169.254/dc=far??sub"]));
    let result = call(&slapd, "search").param("base", format!("ou=far,{BASE}")).run().await;
    assert_eq!(diagnostics(&result)["code"], "unsupported");
    assert!(result.error.unwrap().contains("references are never followed"));
    let (code, ..) = failure(call(&slapd, "search").param("base", format!("ou=nowhere,{BASE}"))).await;
    assert_eq!(code, "notFound");
}

#[tokio::test]
async fn passwords_are_neither_taken_as_attributes_nor_told() {
    let Some(slapd) = Slapd::start(&person("ada")).await else { return };
    let dn = format!("uid=ada,ou=people,{BASE}");
    let set = call(&slapd, "setPassword").param("dn", &dn).param("newPassword", "canary-password-3");
    assert!(set.run().await.success);
    // The account of the test may read the hash.
    let read = payload(call(&slapd, "get").param("dn", &dn)).await;
    assert_eq!(read["entry"]["attributes"]["userPassword"], Value::Null);
    assert_eq!(read["entry"]["notShown"], json!(["userPassword"]));
    let asked = call(&slapd, "search").param("attributes", ["userPassword"]).param("where", json!({ "uid": "ada" }));
    let asked = payload(asked).await;
    assert!(
        !asked.to_string().contains("SSHA") && asked["entries"][0]["notShown"] == json!(["userPassword"]),
        "{asked}"
    );
    for refused in [
        call(&slapd, "modify").param("dn", &dn).param("set", json!({ "userPassword": "canary-password-4" })),
        call(&slapd, "modify").param("dn", &dn).param("add", json!({ "USERPASSWORD;lang-de": "canary-password-4" })),
        call(&slapd, "create")
            .param("dn", format!("uid=bob,ou=people,{BASE}"))
            .param("objectClasses", ["inetOrgPerson"])
            .param("attributes", json!({ "cn": "b", "sn": "b", "userPassword": "canary-password-4" })),
        call(&slapd, "search").param("where", json!({ "userPassword": "canary-password-3" })),
    ] {
        let (code, _, error) = failure(refused).await;
        assert!(code == "invalid" && error.contains("it holds a password"), "{error}");
    }
}
