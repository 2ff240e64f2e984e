//! Members of groups on both servers.

use std::collections::BTreeSet;

use connector_runtime::prelude::{Value, json};

use crate::server::{Server, done, failed, on_both};

on_both!(members_come_and_go, more_than_a_hundred, members_are_set, nobody_and_nothing);

fn ids(group: &Value) -> BTreeSet<String> {
    let list = group["resource"]["members"].as_array().cloned().unwrap_or_default();
    list.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

async fn members_come_and_go(server: &Server) {
    let group = server.group("g").await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let call = |command: &str, ids: Value| server.call(command).param("groupId", &group).param("userIds", ids);
    let both = json!([ada, bob, ada]);
    let added = done(call("addMembers", json!([ada]))).await;
    assert_eq!(added, json!({ "anyChanged": true, "changed": [ada], "unchanged": [], "verified": true }));
    // One of the servers would list a member twice.
    let added = done(call("addMembers", both.clone())).await;
    assert_eq!(added, json!({ "anyChanged": true, "changed": [bob], "unchanged": [ada], "verified": true }));
    let added = done(call("addMembers", both.clone())).await;
    assert_eq!(added["anyChanged"], false);
    let shown = done(server.call("getGroup").param("id", &group)).await;
    assert_eq!(shown["resource"]["members"].as_array().unwrap().len(), 2);

    let removed = done(call("removeMembers", json!([ada]))).await;
    assert_eq!(removed, json!({ "anyChanged": true, "changed": [ada], "unchanged": [], "verified": true }));
    let removed = done(call("removeMembers", both.clone())).await;
    assert_eq!((&removed["changed"], &removed["unchanged"]), (&json!([bob]), &json!([ada])));
    let removed = done(call("removeMembers", both)).await;
    assert_eq!((&removed["anyChanged"], &removed["unchanged"]), (&json!(false), &json!([ada, bob])));
}

async fn more_than_a_hundred(server: &Server) {
    let group = server.group("g").await;
    let mut users = Vec::new();
    for n in 0..250 {
        users.push(server.user(&format!("u{n}")).await);
    }
    let call = |command: &str, ids: &[String]| server.call(command).param("groupId", &group).param("userIds", ids);
    let added = done(call("addMembers", &users)).await;
    assert_eq!(added["changed"].as_array().unwrap().len(), 250);
    let shown = done(server.call("getGroup").param("id", &group)).await;
    assert_eq!(ids(&shown), users.iter().cloned().collect());
    let removed = done(call("removeMembers", &users[..240])).await;
    assert_eq!(removed["changed"].as_array().unwrap().len(), 240);
    let shown = done(server.call("getGroup").param("id", &group)).await;
    assert_eq!(ids(&shown), users[240..].iter().cloned().collect());
    let made = done(server.call("createGroup").param("displayName", "all").param("userIds", &users)).await;
    assert_eq!(ids(&made), users.iter().cloned().collect());
}

async fn members_are_set(server: &Server) {
    let group = server.group("g").await;
    let (ada, bob, eve) = (server.user("ada").await, server.user("bob").await, server.user("eve").await);
    let call = |ids: Value| server.call("setMembers").param("groupId", &group).param("userIds", ids);
    let set = done(call(json!([ada, bob]))).await;
    assert_eq!((&set["changed"], &set["added"], &set["removed"]), (&json!(true), &json!([ada, bob]), &json!([])));
    let etag = set["etag"].clone();
    let set = done(call(json!([bob, ada]))).await;
    assert_eq!((&set["changed"], &set["etag"]), (&json!(false), &etag));
    let set = done(call(json!([bob, eve])).param("ifMatch", &etag)).await;
    assert_eq!((&set["added"], &set["removed"]), (&json!([eve]), &json!([ada])));
    let stale = failed(call(json!([ada])).param("ifMatch", &etag)).await;
    assert_eq!(stale["code"], "conflict");
    let shown = done(server.call("getGroup").param("id", &group)).await;
    assert_eq!(ids(&shown), BTreeSet::from([bob, eve]));
    let set = done(call(json!([]))).await;
    assert_eq!(set["removed"].as_array().unwrap().len(), 2);
    assert!(ids(&done(server.call("getGroup").param("id", &group)).await).is_empty());
}

async fn nobody_and_nothing(server: &Server) {
    let group = server.group("g").await;
    let call = |group: &str, ids: Value| server.call("addMembers").param("groupId", group).param("userIds", ids);
    let none = done(call(&group, json!([]))).await;
    assert_eq!(none["anyChanged"], false);
    assert_eq!(failed(call(&group, json!([" "]))).await["code"], "invalid");
    assert_eq!(failed(call("nowhere", json!(["a"]))).await["code"], "notFound");
    // Both take whom they do not know; it is shown as they show it.
    let unknown = done(call(&group, json!(["nobody\"] or members[value pr"]))).await;
    assert_eq!(unknown["changed"].as_array().unwrap().len(), 1);
    let remove = server.call("removeMembers").param("groupId", &group);
    let removed = remove.param("userIds", json!(["a\" or value pr or value eq \"b"])).run().await;
    assert!(removed.success, "{removed:?}");
    assert_eq!(ids(&done(server.call("getGroup").param("id", &group)).await).len(), 1);
}
