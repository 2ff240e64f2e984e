//! The commands against a service that keeps to the conventions of LoopBack 4: filters, pages, errors.

mod service;

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, Upstream};

use self::service::{Service, call};

#[tokio::test]
async fn all_users_are_listed_with_one_token_for_each_expiry() {
    let service = Service::start(1_050).await;
    let list = |limit: u32| call(&service, "listUsers").param("limit", limit).run();
    let all = list(10_000).await.payload.unwrap();
    assert_eq!((&all["count"], &all["truncated"]), (&json!(1_050), &json!(false)));
    assert_eq!(all["users"][1_049]["id"], 1_050);
    assert_eq!((service.token_requests(), service.list_requests()), (1, 11));
    for (limit, count, truncated) in [(100, 100, true), (1_049, 1_049, true), (1_050, 1_050, false)] {
        let some = list(limit).await.payload.unwrap();
        assert_eq!((&some["count"], &some["truncated"]), (&json!(count), &json!(truncated)), "{limit}");
    }
    // Its token expires in the middle of the list: it is renewed once, and the list is whole.
    let before = service.token_requests();
    service.expire_after(5);
    let all = list(10_000).await.payload.unwrap();
    assert_eq!((&all["count"], service.token_requests() - before), (&json!(1_050), 2));
}

#[tokio::test]
async fn conditions_are_json_whatever_they_hold() {
    let service = Service::start(3).await;
    let nasty = ["O'Brien", "\"quoted\"", "100%", ".*", "a&b=c#d", "José", "\\", "{\"or\":[]}"];
    for name in nasty {
        service.add(json!({ "email": format!("{}@x.test", service.users()), "familyName": name }));
    }
    for name in nasty {
        let found =
            call(&service, "listUsers").param("where", json!({ "familyName": name })).run().await.payload.unwrap();
        assert_eq!((&found["count"], &found["users"][0]["familyName"]), (&json!(1), &json!(name)));
        let found = call(&service, "listUsers").param("search", name).run().await.payload.unwrap();
        assert_eq!(found["users"][0]["familyName"], name);
        assert_eq!(found["count"], 1, "a text is no pattern: {name}");
    }
    let found = call(&service, "listUsers").param("search", "JOSÉ").run().await.payload.unwrap();
    assert_eq!(found["count"], 1);
    let both = call(&service, "listUsers").param("search", "x.test").param("where", json!({ "familyName": ".*" }));
    assert_eq!(both.run().await.payload.unwrap()["count"], 1);
    let sorted =
        call(&service, "listUsers").param("order", "email DESC").param("limit", 1).run().await.payload.unwrap();
    assert_eq!(sorted["users"][0]["email"], "user3@example.com");
}

#[tokio::test]
async fn a_user_is_created_changed_and_deleted_once() {
    let service = Service::start(0).await;
    let create = |on_exists: &str| {
        call(&service, "createUser")
            .param("email", "ada@example.com")
            .param("identityIssuerId", 1)
            .param("givenName", "Ada")
            .param("expiresAt", "2027-01-01T00:00:00Z")
            .param("onExists", on_exists)
            .run()
    };
    let made = create("fail").await.payload.unwrap();
    assert_eq!((&made["created"], &made["user"]["expiration"]), (&json!(true), &json!("2027-01-01T00:00:00Z")));
    let again = create("fail").await;
    assert_eq!(again.diagnostics.unwrap()["code"], "exists");
    let returned = create("return").await.payload.unwrap();
    assert_eq!((&returned["created"], &returned["user"]["id"]), (&json!(false), &json!(1)));

    let update = |set: Value| call(&service, "updateUser").param("id", 1).param("set", set).run();
    assert_eq!(update(json!({ "familyName": "King" })).await.payload.unwrap()["changed"], true);
    assert_eq!(update(json!({ "familyName": "King" })).await.payload.unwrap()["changed"], false);
    assert!(update(json!({ "identityIssuerId": 2 })).await.error.unwrap().contains("never changes"));
    assert!(update(json!({})).await.error.unwrap().contains("Give what to set"));
    let forever = call(&service, "setExpiration").param("id", "1");
    assert_eq!(forever.run().await.payload.unwrap()["user"]["expiration"], Value::Null);
    let missing = call(&service, "updateUser").param("id", 99).param("set", json!({ "name": "x" })).run().await;
    assert_eq!(missing.diagnostics.unwrap()["code"], "notFound");

    let get = |name: &'static str, value: Value| call(&service, "getUser").param(name, value).run();
    assert_eq!(get("email", json!("ada@example.com")).await.payload.unwrap()["user"]["familyName"], "King");
    assert_eq!(get("id", json!("1")).await.payload.unwrap()["user"]["id"], 1);
    assert_eq!(get("id", json!(2)).await.diagnostics.unwrap()["code"], "notFound");
    service.add(json!({ "email": "ada@example.com", "identityIssuerId": 2 }));
    let two = get("email", json!("ada@example.com")).await;
    assert_eq!(two.diagnostics.unwrap()["ids"], json!([1, 2]));
    let one = call(&service, "getUser").param("email", "ada@example.com").param("issuerId", 2).run().await;
    assert_eq!(one.payload.unwrap()["user"]["id"], 2);
    for wrong in [json!({}), json!(""), json!([1]), json!(true)] {
        assert_eq!(get("id", wrong).await.diagnostics.unwrap()["code"], "invalid");
    }

    let delete = || call(&service, "deleteUser").param("id", 1).run();
    assert_eq!(delete().await.payload.unwrap(), json!({ "deleted": true, "changed": true }));
    assert_eq!(delete().await.payload.unwrap(), json!({ "deleted": true, "changed": false }));
}

#[tokio::test]
async fn groups_tell_what_became_of_each_user() {
    let service = Service::start(3).await;
    let group = call(&service, "createGroup").param("name", "staff").param("description", "Everybody").run().await;
    let id = group.payload.unwrap()["group"]["id"].clone();
    let again = call(&service, "createGroup").param("name", "staff").param("onExists", "return").run().await;
    assert_eq!(again.payload.unwrap()["created"], false);
    assert_eq!(call(&service, "getGroup").param("name", "staff").run().await.payload.unwrap()["group"]["id"], id);
    let change = |command: &str, ids: Value| call(&service, command).param("groupId", &id).param("userIds", ids).run();
    let added = change("addToGroup", json!([1, "2", 2, 99])).await.payload.unwrap();
    assert_eq!((&added["changed"], &added["unchanged"]), (&json!(["1", "2"]), &json!([])));
    assert_eq!((&added["failed"][0]["userId"], &added["failed"][0]["code"]), (&json!("99"), &json!("notFound")));
    let again = change("addToGroup", json!([1, 3])).await.payload.unwrap();
    assert_eq!((&again["changed"], &again["unchanged"]), (&json!(["3"]), &json!(["1"])));
    let listed = call(&service, "listGroupUsers").param("groupId", &id).run().await.payload.unwrap();
    assert_eq!((&listed["count"], &listed["truncated"]), (&json!(3), &json!(false)));
    let removed = change("removeFromGroup", json!([3, 99])).await.payload.unwrap();
    assert_eq!((&removed["changed"], &removed["unchanged"]), (&json!(["3"]), &json!(["99"])));
    assert_eq!(change("addToGroup", json!([])).await.diagnostics.unwrap()["code"], "invalid");
    let nobody = call(&service, "addToGroup").param("groupId", 77).param("userIds", [1]).run().await;
    assert_eq!(nobody.diagnostics.unwrap()["code"], "notFound");

    for (command, changed) in [("grantRole", true), ("grantRole", false), ("revokeRole", true), ("revokeRole", false)] {
        let done = call(&service, command).param("groupId", &id).param("accessRoleId", 12).run().await;
        assert_eq!(done.payload.unwrap()["changed"], changed, "{command}");
    }
}

#[tokio::test]
async fn what_is_refused_is_told_apart() {
    let service = Service::start(1).await;
    let wrong = call(&service, "listUsers").config("clientSecret", "canary-wrong").run().await;
    assert!(!format!("{wrong:?}").contains("canary"), "{wrong:?}");
    assert_eq!(wrong.diagnostics.unwrap()["code"], "unauthenticated");
    let tested = call(&service, "test").config("clientSecret", "canary-wrong").run().await;
    assert_eq!(tested.diagnostics.unwrap()["step"], "token");
    assert_eq!(call(&service, "test").run().await.payload.unwrap()["scopes"], json!(["users:read", "groups:read"]));
    let tenant = call(&service, "test").config("tenantId", "43").run().await.diagnostics.unwrap();
    assert_eq!((&tenant["step"], &tenant["code"]), (&json!("tenant"), &json!("notFound")));

    service.refuse(403);
    let denied = call(&service, "listUsers").run().await;
    let told = denied.diagnostics.unwrap();
    assert_eq!((&told["code"], &told["tokenScopes"]), (&json!("denied"), &json!(["users:read", "groups:read"])));
    assert_eq!((&told["systemCode"], &told["systemMessage"]), (&json!("ForbiddenError"), &json!("Access denied")));
    assert!(denied.error.unwrap().ends_with("the token had these scopes: users:read groups:read"));
    assert_eq!(call(&service, "test").run().await.diagnostics.unwrap()["step"], "users");
    // A token that is fresh and rejected all the same is not asked for for ever.
    service.refuse(401);
    let before = service.token_requests();
    assert_eq!(call(&service, "listUsers").run().await.diagnostics.unwrap()["code"], "unauthenticated");
    assert!(service.token_requests() - before <= 2);
}

#[tokio::test]
async fn a_page_that_repeats_ends_the_list() {
    let upstream = Upstream::start().await;
    upstream.on(
        "POST /_api/auth/prod/oidc/token",
        Answer::json(json!({ "access_token": "opaque-token", "expires_in": 600 })),
    );
    let same: Vec<Value> = (1..=100).map(|id| json!({ "id": id })).collect();
    upstream.otherwise(move |_| Answer::json(json!(same)));
    let list = service::to(&upstream, "listUsers").param("limit", 1_000).run().await;
    assert!(list.error.unwrap().contains("answers the same page"));
    let odd = Upstream::start().await;
    odd.on(
        "POST /_api/auth/prod/oidc/token",
        Answer::json(json!({ "access_token": "opaque-token", "expires_in": 600 })),
    );
    odd.otherwise(|_| Answer::json(json!({ "users": [] })));
    assert_eq!(service::to(&odd, "listUsers").run().await.diagnostics.unwrap()["code"], "unavailable");
}

#[tokio::test]
async fn anything_else_is_sent_below_the_tenant_alone() {
    let service = Service::start(1).await;
    let raw = |path: &str| call(&service, "call").param("path", path).run();
    assert_eq!(raw("/users/count").await.payload.unwrap()["body"], json!({ "count": 1 }));
    for path in ["../43/users", "users/../../43", "users//1", "users?x=1", "a/./b"] {
        assert!(!raw(path).await.success, "{path}");
    }
    let approved = call(&service, "approveAccessRequest").param("id", 5).run().await;
    assert_eq!(approved.payload.unwrap()["request"]["status"], "approved");
    // A change whose answer was lost may have been made.
    let upstream = Upstream::start().await;
    upstream.on(
        "POST /_api/auth/prod/oidc/token",
        Answer::json(json!({ "access_token": "opaque-token", "expires_in": 600 })),
    );
    upstream.otherwise(|_| Answer::closes());
    let lost = service::to(&upstream, "approveAccessRequest").param("id", 5).run().await.diagnostics.unwrap();
    assert_eq!((&lost["code"], &lost["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));
    assert_eq!(service::to(&upstream, "listClients").run().await.diagnostics.unwrap()["code"], "unavailable");
}

#[tokio::test]
async fn the_base_url_may_end_in_a_slash() {
    let service = Service::start(1).await;
    let slash = call(&service, "listUsers").config("baseUrl", format!("{}/_api/", service.url())).run().await;
    assert_eq!(slash.payload.unwrap()["count"], 1);
}
