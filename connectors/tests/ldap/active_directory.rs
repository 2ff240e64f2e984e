//! What is different in Active Directory, on a Samba domain controller: one domain for all of it, because it takes long to
//! make one.

use std::fmt::Write as _;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::testing::{self, TestCall};
use connectors::ldap::Ldap;
use serde_json::{Value, json};
use test_support::samba::{ACCOUNT, BASE, PASSWORD, Samba};

use crate::support::{diagnostics, failure, payload};

const MANY: usize = 1_600;

fn call(samba: &Samba, command: &str) -> TestCall {
    testing::call::<Ldap>(command)
        .config("url", format!("ldaps://{}", samba.address()))
        .config("caCertificate", samba.authority())
        .config("bindDn", ACCOUNT)
        .config("bindPassword", PASSWORD)
        .config("baseDn", BASE)
        .http(Client::new(Policy::parse(&[samba.address()], &[]).unwrap()))
}

fn dn(name: &str) -> String {
    format!("CN={name},CN=Users,{BASE}")
}

/// More members than one answer of the directory lists.
fn large_group() -> String {
    let mut ldif = String::new();
    for at in 0..MANY {
        write!(ldif, "dn: {}\nobjectClass: contact\n\n", dn(&format!("c{at}"))).unwrap();
    }
    write!(ldif, "dn: {}\nobjectClass: group\nsAMAccountName: many\n", dn("many")).unwrap();
    for at in 0..MANY {
        writeln!(ldif, "member: {}", dn(&format!("c{at}"))).unwrap();
    }
    ldif + "\n"
}

async fn create(samba: &Samba, name: &str, login: &str, password: Option<&str>, on_exists: &str) -> TestCall {
    let call = call(samba, "create")
        .param("dn", dn(name))
        .param("objectClasses", ["user"])
        .param("attributes", json!({ "sAMAccountName": login, "userAccountControl": 512 }))
        .param("onExists", on_exists);
    match password {
        Some(password) => call.param("password", password),
        None => call,
    }
}

async fn reason(samba: &Samba, name: &str, password: &str) -> Value {
    let told = payload(call(samba, "authenticate").param("dn", dn(name)).param("password", password)).await;
    assert_eq!(told["authenticated"], json!(told["reason"].is_null()));
    told["reason"].clone()
}

#[tokio::test]
async fn active_directory() {
    let Some(samba) = Samba::start(&large_group()).await else { return };
    let told = payload(call(&samba, "test")).await;
    assert_eq!(
        (&told["directory"], &told["tls"], &told["paging"]),
        (&json!("active_directory"), &json!(true), &json!(true))
    );
    let started = call(&samba, "test").config("url", format!("ldap://{}", samba.address()));
    assert_eq!(payload(started).await["tls"], true, "StartTLS");
    let (code, step, _) = failure(call(&samba, "test").config("bindPassword", "canary-wrong-password")).await;
    assert_eq!((code.as_str(), step.as_str()), ("unauthenticated", "signIn"));
    accounts(&samba).await;
    names_and_ids(&samba).await;
    members(&samba).await;
}

async fn accounts(samba: &Samba) {
    assert_eq!(payload(create(samba, "u1", "u1", Some("Canary-Pass-1"), "fail").await).await["created"], true);
    assert_eq!(reason(samba, "u1", "Canary-Pass-1").await, Value::Null);
    assert_eq!(reason(samba, "u1", "Canary-Wrong-1").await, json!("invalid"));
    assert_eq!(reason(samba, "nobody", "Canary-Pass-1").await, json!("invalid"));
    let by_login = call(samba, "authenticate").param("login", "u1").param("loginAttribute", "sAMAccountName");
    assert_eq!(payload(by_login.param("password", "Canary-Pass-1")).await["authenticated"], true);

    let twice = create(samba, "u1", "u1", None, "fail").await.run().await;
    assert_eq!((&diagnostics(&twice)["code"], &diagnostics(&twice)["systemCode"]), (&json!("exists"), &json!(68)));
    assert_eq!(payload(create(samba, "u1", "u1", None, "return").await).await["created"], false);
    // The name is free and the login is not: nothing is there to return.
    let taken = create(samba, "u2", "u1", None, "return").await.run().await;
    assert_eq!(diagnostics(&taken)["code"], "exists");
    assert!(taken.error.unwrap().contains("already in use"));
    let weak = create(samba, "u3", "u3", Some("weak"), "fail").await.run().await;
    assert_eq!(diagnostics(&weak)["code"], "invalid");
    assert!(diagnostics(&weak)["systemMessage"].as_str().unwrap().contains("0000052D"), "{weak:?}");

    let enable = |enabled: bool| payload(call(samba, "setEnabled").param("dn", dn("u1")).param("enabled", enabled));
    assert_eq!(enable(true).await, json!({ "changed": false }));
    assert_eq!(enable(false).await, json!({ "changed": true }));
    assert_eq!(enable(false).await, json!({ "changed": false }));
    assert_eq!(reason(samba, "u1", "Canary-Pass-1").await, json!("disabled"));
    assert_eq!(enable(true).await, json!({ "changed": true }));

    let set = |password: &str| call(samba, "setPassword").param("dn", dn("u1")).param("newPassword", password);
    let weak = set("weak").run().await;
    assert_eq!(diagnostics(&weak)["code"], "invalid");
    assert!(set("Canary-Pass-2").run().await.success);
    assert_eq!(reason(samba, "u1", "Canary-Pass-2").await, Value::Null);
    assert!(set("Canary-Pass-3").param("mustChange", true).run().await.success);
    assert_eq!(reason(samba, "u1", "Canary-Pass-3").await, json!("mustChange"));
    assert_eq!(failure(call(samba, "setEnabled").param("dn", dn("nobody")).param("enabled", true)).await.0, "notFound");
}

async fn names_and_ids(samba: &Samba) {
    let get = |name: &str| call(samba, "get").param("dn", name);
    let before = payload(get(&dn("u1"))).await["entry"]["attributes"].clone();
    let (guid, sid) = (before["objectGUID"][0].as_str().unwrap(), before["objectSid"][0].as_str().unwrap());
    assert!(guid.len() == 36 && sid.starts_with("S-1-5-21-"), "{guid} {sid}");
    for (attribute, value) in [("objectGUID", guid), ("objectSid", sid)] {
        let found = payload(call(samba, "get").param("where", json!({ attribute: value }))).await;
        assert_eq!(found["entry"]["dn"], dn("u1"), "{attribute}");
    }
    assert_eq!(before["objectCategory"][0], format!("CN=Person,CN=Schema,CN=Configuration,{BASE}"));
    let moved =
        payload(call(samba, "move").param("dn", dn("u1")).param("newRdn", json!({ "CN": "Ünïque, \"name\"" }))).await;
    let there = moved["dn"].as_str().unwrap();
    assert_eq!(payload(get(there)).await["entry"]["attributes"]["objectGUID"], json!([guid]));
    let (code, ..) = failure(get(&dn("u1"))).await;
    assert_eq!(code, "notFound");
    let back = call(samba, "move").param("dn", there).param("newRdn", json!({ "CN": "u1" }));
    assert_eq!(payload(back).await["changed"], true);
    let (code, ..) = failure(call(samba, "delete").param("dn", format!("CN=Users,{BASE}"))).await;
    assert!(["conflict", "denied"].contains(&code.as_str()), "{code}");
}

async fn members(samba: &Samba) {
    for group in ["g1", "g2"] {
        let group = call(samba, "create")
            .param("dn", dn(group))
            .param("objectClasses", ["group"])
            .param("attributes", json!({ "sAMAccountName": group }));
        assert_eq!(payload(group).await["created"], true);
    }
    let change = |command: &str, group: &str, names: &[&str]| {
        let members: Vec<String> = names.iter().map(|name| dn(name)).collect();
        payload(call(samba, command).param("group", dn(group)).param("members", members))
    };
    assert_eq!(change("addMembers", "g1", &["u1", "g2"]).await["changed"], json!([dn("u1"), dn("g2")]));
    let again = change("addMembers", "g1", &["u1", "c1"]).await;
    assert_eq!((&again["unchanged"], &again["changed"]), (&json!([dn("u1")]), &json!([dn("c1")])));
    let unknown = change("addMembers", "g1", &["nobody"]).await;
    assert_eq!((&unknown["failed"][0]["code"], &unknown["failed"][0]["systemCode"]), (&json!("notFound"), &json!(32)));
    assert_eq!(change("removeMembers", "g1", &["c1"]).await["changed"], json!([dn("c1")]));
    assert_eq!(change("removeMembers", "g1", &["c1"]).await["unchanged"], json!([dn("c1")]));
    assert_eq!(change("addMembers", "g2", &["c2"]).await["changed"], json!([dn("c2")]));
    let nested = payload(call(samba, "listMembers").param("group", dn("g1")).param("nested", true)).await;
    let mut names: Vec<_> = nested["members"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, [dn("c2"), dn("g2"), dn("u1")]);

    let all = payload(call(samba, "listMembers").param("group", dn("many")).param("limit", 5_000)).await;
    assert_eq!((&all["count"], &all["truncated"]), (&json!(MANY), &json!(false)));
    let some = payload(call(samba, "listMembers").param("group", dn("many")).param("limit", 1_550)).await;
    assert_eq!((&some["count"], &some["truncated"]), (&json!(1_550), &json!(true)));
    let found = call(samba, "search").param("filter", "(objectClass=contact)").param("limit", 5_000);
    let found = payload(found.param("attributes", ["cn"])).await;
    assert_eq!((&found["count"], &found["truncated"]), (&json!(MANY), &json!(false)));
}
