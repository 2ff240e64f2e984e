//! Entries from their creation to their end.

use serde_json::{Value, json};
use test_support::slapd::{BASE, Slapd};

use crate::support::{call, diagnostics, failure, payload, person};

/// A name with everything that a name may hold.
const NASTY: &str = "Smith, José + \"Q\" <x>; #1 \\ =";

#[tokio::test]
async fn a_nasty_name_lives_from_creation_to_deletion() {
    let Some(slapd) = Slapd::start("").await else { return };
    let people = format!("ou=people,{BASE}");
    let create = |on_exists: &str, title: &str| {
        call(&slapd, "create")
            .param("parent", &people)
            .param("rdn", json!({ "cn": NASTY }))
            .param("objectClasses", ["inetOrgPerson"])
            .param("attributes", json!({ "sn": "Smith", "mail": ["a@example.com", "b@example.com"], "title": title }))
            .param("onExists", on_exists)
    };
    let made = payload(create("fail", "one")).await;
    assert_eq!((&made["created"], &made["changed"]), (&json!(true), &json!(true)));
    let dn = made["entry"]["dn"].as_str().unwrap().to_owned();
    let read = payload(call(&slapd, "get").param("dn", &dn)).await;
    assert_eq!(read["entry"]["attributes"]["cn"], json!([NASTY]));

    let again = create("fail", "two").run().await;
    assert_eq!(diagnostics(&again)["code"], "exists");
    assert_eq!(diagnostics(&again)["systemCode"], 68);
    let returned = payload(create("return", "two")).await;
    assert_eq!((&returned["created"], &returned["changed"]), (&json!(false), &json!(false)));
    assert_eq!(returned["entry"]["attributes"]["title"], json!(["one"]));
    let updated = payload(create("update", "two")).await;
    assert_eq!((&updated["created"], &updated["changed"]), (&json!(false), &json!(true)));
    assert_eq!(updated["entry"]["attributes"]["title"], json!(["two"]));
    assert_eq!(payload(create("update", "two")).await["changed"], false);

    let moving = call(&slapd, "move").param("dn", &dn).param("newParent", format!("ou=alumni,{BASE}"));
    let moved = payload(moving).await;
    let there = moved["dn"].as_str().unwrap().to_owned();
    assert_eq!((&moved["changed"], there.ends_with(&format!(",ou=alumni,{BASE}"))), (&json!(true), true));
    // Asked again, it is there already.
    let again = payload(call(&slapd, "move").param("dn", &dn).param("newParent", format!("ou=alumni,{BASE}"))).await;
    assert_eq!((&again["changed"], again["dn"].as_str().unwrap()), (&json!(false), there.as_str()));
    let renamed =
        call(&slapd, "move").param("dn", &there).param("newRdn", json!({ "cn": "Plain" })).param("keepOldRdn", true);
    assert_eq!(payload(renamed).await["dn"], format!("cn=Plain,ou=alumni,{BASE}"));
    let both = payload(call(&slapd, "get").param("dn", format!("cn=Plain,ou=alumni,{BASE}"))).await;
    let mut names: Vec<_> = both["entry"]["attributes"]["cn"].as_array().unwrap().clone();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, [json!("Plain"), json!(NASTY)]);
    let (code, ..) = failure(call(&slapd, "move").param("dn", &there).param("newRdn", json!({ "cn": "Other" }))).await;
    assert_eq!(code, "notFound");

    let delete = || call(&slapd, "delete").param("dn", format!("cn=Plain,ou=alumni,{BASE}"));
    assert_eq!(payload(delete()).await, json!({ "deleted": 1, "changed": true }));
    assert_eq!(payload(delete()).await, json!({ "deleted": 0, "changed": false }));
}

#[tokio::test]
async fn what_cannot_be_created_says_why() {
    let Some(slapd) = Slapd::start("").await else { return };
    for (params, code, system) in [
        (json!({ "dn": format!("uid=x,ou=nowhere,{BASE}"), "attributes": { "cn": "x", "sn": "x" } }), "notFound", 32),
        (json!({ "dn": format!("uid=x,ou=people,{BASE}"), "attributes": { "cn": "x" } }), "invalid", 65),
        (json!({ "dn": "no name", "attributes": { "cn": "x", "sn": "x" } }), "invalid", 34),
        (
            json!({ "dn": format!("uid=x,ou=people,{BASE}"), "attributes": { "cn": "x", "sn": "x", "nope": 1 } }),
            "invalid",
            17,
        ),
    ] {
        let mut create = call(&slapd, "create").param("objectClasses", ["inetOrgPerson"]);
        for (name, value) in params.as_object().unwrap() {
            create = create.param(name, value);
        }
        let result = create.run().await;
        let told = diagnostics(&result);
        assert_eq!(
            (told["code"].as_str().unwrap(), &told["systemCode"]),
            (code, &json!(system)),
            "{params}: {result:?}"
        );
        if code == "notFound" {
            assert_eq!(told["matchedDn"], BASE);
        }
    }
    let neither = call(&slapd, "create").param("objectClasses", ["device"]).run().await;
    assert_eq!(neither.error.unwrap(), "Give dn, or parent and rdn");
}

#[tokio::test]
async fn attributes_become_what_is_wanted_and_no_more_is_sent() {
    let Some(slapd) = Slapd::start(&person("ada")).await else { return };
    let dn = format!("uid=ada,ou=people,{BASE}");
    let modify = |name: &'static str, what: Value| {
        let call = call(&slapd, "modify").param("dn", &dn).param(name, what);
        async { payload(call).await["changed"].as_bool().unwrap() }
    };
    let read =
        async |name: &str| payload(call(&slapd, "get").param("dn", &dn)).await["entry"]["attributes"][name].clone();
    assert!(modify("set", json!({ "title": "Director", "mail": ["a@x.test", "b@x.test"] })).await);
    assert!(!modify("set", json!({ "title": "Director", "mail": ["b@x.test", "a@x.test"] })).await);
    assert!(
        modify("add", json!({ "mail": ["b@x.test", "c@x.test"], "employeeNumber": 12_345_678_901_234_567_u64 })).await
    );
    assert_eq!(read("employeeNumber").await, json!(["12345678901234567"]));
    assert!(!modify("add", json!({ "mail": "c@x.test" })).await);
    // To the directory this is the same address.
    assert!(!modify("add", json!({ "mail": "C@X.test" })).await);
    assert!(modify("add", json!({ "mail": ["C@X.test", "d@x.test"] })).await);
    assert!(modify("remove", json!({ "mail": ["a@x.test", "zz@x.test"] })).await);
    assert!(!modify("remove", json!({ "mail": ["a@x.test"] })).await);
    let mut mails: Vec<_> = read("mail").await.as_array().unwrap().clone();
    mails.sort_by_key(ToString::to_string);
    assert_eq!(mails, [json!("b@x.test"), json!("c@x.test"), json!("d@x.test")]);
    assert!(modify("set", json!({ "title": null })).await);
    assert!(!modify("set", json!({ "title": [] })).await);
    assert_eq!(read("title").await, Value::Null);

    // All or nothing: the second part is refused, so the first one is not done.
    let both = call(&slapd, "modify").param("dn", &dn).param("set", json!({ "title": "x", "objectClass": "device" }));
    assert_eq!(failure(both).await.0, "invalid");
    assert_eq!(read("title").await, Value::Null);
    let twice = call(&slapd, "modify")
        .param("dn", &dn)
        .param("set", json!({ "mail": "x" }))
        .param("add", json!({ "MAIL": "y" }));
    assert!(failure(twice).await.2.contains("stands in more than one"));
    assert!(failure(call(&slapd, "modify").param("dn", &dn)).await.2.contains("Give what to set"));
    let (code, ..) =
        failure(call(&slapd, "modify").param("dn", format!("uid=no,{BASE}")).param("set", json!({ "title": "x" })))
            .await;
    assert_eq!(code, "notFound");
}

#[tokio::test]
async fn a_tree_is_deleted_from_its_leaves() {
    let ldif = format!("dn: ou=old,{BASE}\nobjectClass: organizationalUnit\nou: old\n\n")
        + &(0..30).map(|at| person(&format!("o{at}")).replace("ou=people", "ou=old")).collect::<String>();
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    let delete =
        |recursive: bool| call(&slapd, "delete").param("dn", format!("ou=old,{BASE}")).param("recursive", recursive);
    let (code, _, error) = failure(delete(false)).await;
    assert_eq!(code, "conflict", "{error}");
    assert_eq!(payload(delete(true)).await, json!({ "deleted": 31, "changed": true }));
    assert_eq!(payload(delete(true)).await, json!({ "deleted": 0, "changed": false }));
}
