//! Members of groups.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use connector_runtime::testing::Answer;

use super::super::*;
use super::fixture::{CONFIG, Service, config, done, error, failed, scim, service};

/// A service with one group, which loses the first `losing` changes.
async fn group(members: &[&str], losing: usize) -> (Service, Arc<Mutex<Vec<String>>>) {
    let service = Service::usual().await;
    let members = Arc::new(Mutex::new(members.iter().map(|id| (*id).to_owned()).collect::<Vec<String>>()));
    let (state, lost) = (Arc::clone(&members), AtomicUsize::new(0));
    service.upstream.otherwise(move |seen| {
        let mut members = state.lock().unwrap();
        if seen.method() == "PATCH" {
            if lost.fetch_add(1, Ordering::Relaxed) < losing {
                return Answer::empty(204);
            }
            for operation in seen.json()["Operations"].as_array().unwrap() {
                let values = operation["value"].as_array().cloned().unwrap_or_default();
                match operation["op"].as_str().unwrap() {
                    "add" => members.extend(values.iter().map(|value| value["value"].as_str().unwrap().to_owned())),
                    _ => {
                        let path = operation["path"].as_str().unwrap();
                        let id = path.trim_start_matches("members[value eq \"").trim_end_matches("\"]").to_owned();
                        members.retain(|member| *member != id);
                    }
                }
            }
            return Answer::empty(204);
        }
        let values: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        scim(json!({ "id": "g", "members": values }))
    });
    (service, members)
}

fn call(
    service: &Service,
    command: &str,
    ids: impl IntoIterator<Item = String>,
) -> connector_runtime::testing::TestCall {
    service.call(command).param("groupId", "g").param("userIds", ids.into_iter().collect::<Vec<_>>())
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[tokio::test]
async fn a_hundred_at_a_time() {
    let (service, members) = group(&["0"], 0).await;
    let added = done(call(&service, "addMembers", numbers(0..251))).await;
    assert_eq!((added["changed"].as_array().unwrap().len(), &added["unchanged"]), (250, &json!(["0"])));
    let sizes: Vec<usize> =
        service.bodies("PATCH").iter().map(|body| body["Operations"][0]["value"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(members.lock().unwrap().len(), 251);
    service.upstream.take_seen();
    done(call(&service, "removeMembers", numbers(0..150))).await;
    let bodies = service.bodies("PATCH");
    assert_eq!(bodies.iter().map(|body| body["Operations"].as_array().unwrap().len()).collect::<Vec<_>>(), [100, 50]);
    assert_eq!(bodies[0]["Operations"][3], json!({ "op": "remove", "path": "members[value eq \"3\"]" }));
    assert!(service.bodies("PUT").is_empty());
}

#[tokio::test]
async fn what_others_undid_is_done_again() {
    let (service, members) = group(&[], 2).await;
    let added = done(call(&service, "addMembers", numbers(0..2))).await;
    assert_eq!((&added["changed"], &added["verified"]), (&json!(["0", "1"]), &json!(true)));
    assert_eq!(*members.lock().unwrap(), ["0", "1"]);
    let (service, _) = group(&[], 99).await;
    let refused = failed(call(&service, "addMembers", numbers(0..2))).await;
    assert_eq!((&refused["code"], &refused["notKept"]), (&json!("conflict"), &json!(["0", "1"])));
    assert_eq!(service.bodies("PATCH").len(), 3);
    let (service, _) = group(&["a"], 99).await;
    let refused = failed(call(&service, "setMembers", numbers(0..1))).await;
    assert_eq!((&refused["missing"], &refused["unexpected"]), (&json!(["0"]), &json!(["a"])));
}

#[tokio::test]
async fn a_group_that_hides_its_members_is_changed_all_the_same() {
    let service = Service::usual().await;
    service.on("GET /scim/Groups/g", scim(json!({ "id": "g", "displayName": "g" })));
    service.on("PATCH /scim/Groups/g", Answer::empty(204));
    let added = done(call(&service, "addMembers", numbers(0..1))).await;
    assert_eq!((&added["changed"], &added["verified"]), (&json!(["0"]), &json!(false)));
    let removed = done(call(&service, "removeMembers", numbers(0..1))).await;
    assert_eq!((&removed["unchanged"], &removed["verified"]), (&json!(["0"]), &json!(false)));
    assert_eq!(service.bodies("PATCH").len(), 2, "who may be in it is removed");
}

#[tokio::test]
async fn a_chunk_that_fails_says_what_was_done() {
    let service = Service::usual().await;
    service.on("GET /scim/Groups/g", scim(json!({ "id": "g", "members": [] })));
    service.on("PATCH /scim/Groups/g", Answer::empty(204));
    service.on("PATCH /scim/Groups/g", error(400, Some("invalidValue"), "no such user"));
    let refused = failed(call(&service, "addMembers", numbers(0..250))).await;
    assert_eq!((&refused["code"], &refused["systemMessage"]), (&json!("invalid"), &json!("no such user")));
    assert_eq!(refused["changed"].as_array().unwrap().len(), 100);
    assert_eq!((refused["attempted"][0].as_str(), &refused["notSent"]), (Some("100"), &json!(50)));

    let service = Service::usual().await;
    service.on("GET /scim/Groups/g", scim(json!({ "id": "g", "members": [] })));
    service.on("PATCH /scim/Groups/g", Answer::empty(204));
    service.on("PATCH /scim/Groups/g", Answer::closes());
    let lost = failed(call(&service, "addMembers", numbers(0..150))).await;
    assert_eq!((&lost["code"], &lost["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));
    assert_eq!(lost["changed"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn members_are_set_in_one_step_where_versions_guard_it() {
    let service = service().await;
    service.on(CONFIG, config(&json!({ "etag": { "supported": true } })));
    let shown = |ids: Value, version: &str| scim(json!({ "id": "g", "members": ids, "meta": { "version": version } }));
    service.on("GET /scim/Groups/g", shown(json!([{ "value": "a" }]), "W/\"1\""));
    service.on("GET /scim/Groups/g", shown(json!([{ "value": "0" }]), "W/\"2\""));
    service.on("PATCH /scim/Groups/g", Answer::empty(204));
    let set = done(call(&service, "setMembers", numbers(0..1)).param("ifMatch", "W/\"1\"")).await;
    assert_eq!((&set["added"], &set["removed"], &set["etag"]), (&json!(["0"]), &json!(["a"]), &json!("W/\"2\"")));
    assert_eq!(
        service.bodies("PATCH")[0]["Operations"],
        json!([{ "op": "replace", "path": "members", "value": [{ "value": "0" }] }])
    );
    let seen = service.upstream.seen();
    assert_eq!(seen.iter().find(|seen| seen.method() == "PATCH").unwrap().header("if-match"), Some("W/\"1\""));
}

#[tokio::test]
async fn who_is_not_a_member_is_no_hindrance() {
    let service = Service::usual().await;
    service.on("GET /scim/Groups/g", scim(json!({ "id": "g", "members": ["0", "1"] })));
    service.on("GET /scim/Groups/g", scim(json!({ "id": "g", "members": [] })));
    service.on("PATCH /scim/Groups/g", error(400, Some("noTarget"), "1 is not a member"));
    let removed = done(call(&service, "removeMembers", numbers(0..2))).await;
    assert_eq!((&removed["changed"], &removed["verified"]), (&json!(["0", "1"]), &json!(true)));
    assert_eq!(service.bodies("PATCH").len(), 3);
}
