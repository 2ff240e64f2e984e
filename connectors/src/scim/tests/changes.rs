//! Changes of one resource.

use connector_runtime::testing::Answer;

use super::super::*;
use super::fixture::{CONFIG, Service, config, done, error, failed, page, scim, service};

fn user(title: &str) -> Value {
    json!({ "id": "1", "userName": "ada", "title": title, "groups": [{ "value": "g" }], "meta": { "version": "W/\"1\"" } })
}

#[tokio::test]
async fn a_service_without_patch_gets_the_whole_resource() {
    let service = service().await;
    service.on(CONFIG, config(&json!({ "patch": { "supported": false }, "etag": { "supported": true } })));
    service.on("GET /scim/Users/1", scim(user("A")));
    service.on("PUT /scim/Users/1", scim(user("B")));
    let update = |set: Value| service.call("updateUser").param("id", "1").param("set", set);
    let changed = done(update(json!({ "title": "B", "userName": "ada" }))).await;
    assert_eq!((&changed["changed"], &changed["notKept"]), (&json!(true), &json!([])));
    assert_eq!(service.bodies("PUT"), [json!({ "id": "1", "userName": "ada", "title": "B" })]);
    let seen = service.upstream.seen();
    let put = seen.iter().find(|seen| seen.method() == "PUT").unwrap();
    assert_eq!((put.header("if-match"), put.header("content-type")), (Some("W/\"1\""), Some("application/scim+json")));
    let refused = failed(update(json!({ "emails[type eq \"work\"].value": "x" }))).await;
    assert_eq!(refused["code"], "unsupported");
    assert_eq!(
        failed(service.call("addMembers").param("groupId", "g").param("userIds", json!(["1"]))).await["code"],
        "unsupported"
    );
}

#[tokio::test]
async fn a_group_is_not_replaced_where_nothing_guards_its_members() {
    let service = service().await;
    service.on(CONFIG, config(&json!({ "patch": { "supported": false } })));
    service.on("GET /scim/Groups/1", scim(json!({ "id": "1", "displayName": "a", "members": [{ "value": "u" }] })));
    let refused =
        failed(service.call("updateGroup").param("id", "1").param("set", json!({ "displayName": "b" }))).await;
    assert_eq!(refused["code"], "unsupported");
    assert!(service.bodies("PUT").is_empty());
    let members = service.call("updateGroup").param("id", "1").param("set", json!({ "members": [] }));
    assert_eq!(failed(members).await["code"], "invalid");
}

#[tokio::test]
async fn patch_is_tried_and_put_used_where_nothing_is_announced() {
    let service = service().await;
    service.on(CONFIG, Answer::empty(404));
    service.on("GET /scim/Users/1", scim(user("A")));
    service.on("GET /scim/Users/1", scim(user("B")));
    service.on("PATCH /scim/Users/1", Answer::empty(405));
    service.on("PUT /scim/Users/1", Answer::empty(200));
    let changed = done(service.call("updateUser").param("id", "1").param("set", json!({ "title": "B" }))).await;
    assert_eq!(changed["resource"]["title"], "B");
}

#[tokio::test]
async fn what_did_not_stay_is_told() {
    let service = Service::usual().await;
    service.on("GET /scim/Users/1", scim(user("A")));
    service.on("PATCH /scim/Users/1", scim(user("B")));
    let changed = done(service.call("updateUser").param("id", "1").param("set", json!({ "title": "B" }))).await;
    // The service has no versions, so its word is not taken for it.
    assert_eq!((&changed["changed"], &changed["notKept"]), (&json!(false), &json!(["title"])));
    // A service that does not show who is active.
    let set = done(service.call("setActive").param("id", "1").param("active", true)).await;
    assert_eq!((&set["changed"], &set["verified"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_service_that_says_yes_and_does_nothing_is_found_out() {
    let service = Service::usual().await;
    service.on("GET /scim/Users/1", scim(json!({ "id": "1", "active": true })));
    service.on("PATCH /scim/Users/1", Answer::empty(204));
    let refused = failed(service.call("setActive").param("id", "1").param("active", false)).await;
    assert_eq!(refused["code"], "conflict");
    assert!(refused["error"].as_str().unwrap().contains("active still"));
}

#[tokio::test]
async fn a_version_is_sent_where_the_service_has_them() {
    let service = service().await;
    service.on(CONFIG, config(&json!({ "etag": { "supported": true } })));
    service.on("GET /scim/Users/1", scim(user("A")));
    service.on("PATCH /scim/Users/1", error(412, None, "Resource has changed"));
    let update = |tag: &str| {
        let call = service.call("updateUser").param("id", "1").param("set", json!({ "title": "B" }));
        call.param("ifMatch", tag)
    };
    // Somebody was faster between reading and writing.
    let refused = failed(update("W/\"1\"")).await;
    assert_eq!((&refused["code"], &refused["statusCode"]), (&json!("conflict"), &json!(412)));
    let seen = service.upstream.take_seen();
    assert_eq!(seen.last().unwrap().header("if-match"), Some("W/\"1\""));
    assert_eq!(failed(update("W/\"0\"")).await["etag"], "W/\"1\"");
    assert!(service.bodies("PATCH").is_empty());
}

#[tokio::test]
async fn nothing_to_do_is_nothing_done() {
    let service = Service::usual().await;
    service.on("GET /scim/Users/1", scim(user("A")));
    let changed = done(service.call("updateUser").param("id", "1")).await;
    assert_eq!(changed["changed"], false);
    let changed =
        done(service.call("updateUser").param("id", "1").param("set", json!({ "title": "A", "x": null }))).await;
    assert_eq!(changed["changed"], false);
    assert!(service.bodies("PATCH").is_empty());
}

#[tokio::test]
async fn two_of_a_name_are_a_conflict_and_nobody_is_taken_for_another() {
    let service = Service::usual().await;
    let two = json!([{ "id": "1", "displayName": "g" }, { "id": "2", "displayName": "G" }]);
    service.on("GET /scim/Groups", scim(json!({ "totalResults": 2, "Resources": two })));
    let refused = failed(service.call("getGroup").param("displayName", "g")).await;
    assert_eq!((&refused["code"], &refused["ids"]), (&json!("conflict"), &json!(["1", "2"])));
    // A service that passes filters over.
    service.on("GET /scim/Users", scim(page(1..=10, Some(10))));
    assert_eq!(failed(service.call("getUser").param("userName", "ada")).await["code"], "unsupported");
    assert_eq!(done(service.call("getUser").param("userName", "U7")).await["id"], "7");
    for call in [service.call("getUser"), service.call("getUser").param("id", "1").param("userName", "a")] {
        assert_eq!(failed(call).await["code"], "invalid");
    }
    assert!(!service.call("getUser").param("id", "").run().await.success);
    assert_eq!(failed(service.call("getUser").param("id", "..")).await["code"], "invalid");
}

#[tokio::test]
async fn a_group_that_lists_show_without_members_is_read() {
    let service = Service::usual().await;
    let listed = json!({ "totalResults": 1, "Resources": [{ "id": "1", "displayName": "g" }] });
    service.on("GET /scim/Groups", scim(listed));
    service.on("GET /scim/Groups/1", scim(json!({ "id": "1", "displayName": "g", "members": [{ "value": "2" }] })));
    let get = || service.call("getGroup").param("displayName", "g");
    assert_eq!(done(get()).await["resource"]["members"], json!([{ "value": "2" }]));
    assert_eq!(done(get().param("withMembers", false)).await["resource"].get("members"), None);
}

#[tokio::test]
async fn what_was_created_is_read_where_the_answer_is_empty() {
    let service = Service::usual().await;
    service.on("POST /scim/Users", Answer::empty(201).header("location", "/scim/Users/7"));
    service.on("GET /scim/Users/7", scim(json!({ "id": "7", "password": "echoed", "userName": "ada" })));
    let made = done(service.call("createUser").param("userName", "ada").param("password", "s3cret-pass")).await;
    assert_eq!(made["resource"], json!({ "id": "7", "userName": "ada" }));
    let body = &service.bodies("POST")[0];
    assert_eq!(
        body,
        &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada", "active": true, "password": "s3cret-pass",
        })
    );
    let service = Service::usual().await;
    service.on("POST /scim/Users", Answer::empty(201));
    let lost = failed(service.call("createUser").param("userName", "ada")).await;
    assert_eq!((&lost["code"], &lost["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));
    for attributes in [json!({ "password": "x" }), json!({ "userName": "x" }), json!({ "Active": true })] {
        let call = service.call("createUser").param("userName", "ada").param("attributes", attributes.clone());
        assert_eq!(failed(call).await["code"], "invalid", "{attributes}");
    }
    let call = service.call("create").param("resourceType", "User").param("resource", json!({ "PassWord": "x" }));
    assert_eq!(failed(call).await["code"], "invalid");
}

#[tokio::test]
async fn who_exists_by_another_attribute_still_exists() {
    let service = Service::usual().await;
    service.on("POST /scim/Users", error(409, None, "the mail address is taken"));
    service.on("GET /scim/Users", scim(page(0..0, Some(0))));
    let refused = failed(service.call("createUser").param("userName", "ada").param("onExists", "return")).await;
    assert_eq!((&refused["code"], &refused["systemMessage"]), (&json!("exists"), &json!("the mail address is taken")));
}

#[tokio::test]
async fn operations_of_patch_are_sent_as_they_are() {
    let service = Service::usual().await;
    service.on("GET /scim/Users/1", scim(user("A")));
    service.on("GET /scim/Users/1", scim(user("B")));
    service.on("PATCH /scim/Users/1", Answer::empty(204));
    let patch = |operations: Value| {
        service.call("patch").param("resourceType", "User").param("id", "1").param("operations", operations)
    };
    let changed =
        done(patch(json!([{ "op": "remove", "path": "x" }, { "op": "add", "value": { "title": "B" } }]))).await;
    assert_eq!(changed["changed"], true);
    assert_eq!(
        service.bodies("PATCH")[0]["Operations"],
        json!([{ "op": "remove", "path": "x" }, { "op": "add", "value": { "title": "B" } }])
    );
    for wrong in [
        json!([{ "op": "remove" }]),
        json!([{ "op": "add", "path": "x" }]),
        json!([{ "op": "replace", "path": "password", "value": "x" }]),
        json!([{ "op": "replace", "value": { "password": "x" } }]),
    ] {
        assert_eq!(failed(patch(wrong.clone())).await["code"], "invalid", "{wrong}");
    }
}
