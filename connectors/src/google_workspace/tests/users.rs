//! Users: what is so already, what exists, what was deleted, and answers that come late.

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, TestCall, Upstream};

use super::support::{api_requests, call, error, google, lines, route};

fn create(upstream: &Upstream) -> TestCall {
    call("createUser", upstream)
        .param("primaryEmail", "ada@example.com")
        .param("givenName", "Ada")
        .param("familyName", "Lovelace")
}

#[tokio::test]
async fn a_user_is_created_with_all_that_the_call_gives() {
    let upstream = google().await;
    upstream.on(&route("POST", "users"), Answer::json(json!({ "id": "1", "password": "x" })));
    let more = json!({ "phones": [{ "value": "1", "type": "work" }] });
    let result = create(&upstream).param("password", "pass-w0rd").param("orgUnitPath", "/Sales").param("more", more);
    let payload = result.run().await.payload.unwrap();
    assert_eq!(payload, json!({ "user": { "id": "1" }, "created": true, "visible": null }));
    let sent = json!({
        "primaryEmail": "ada@example.com",
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "password": "pass-w0rd",
        "changePasswordAtNextLogin": true,
        "orgUnitPath": "/Sales",
        "phones": [{ "value": "1", "type": "work" }],
    });
    assert_eq!(api_requests(&upstream)[0].json(), sent);
}

#[tokio::test]
async fn what_is_a_param_is_not_taken_elsewhere() {
    let upstream = google().await;
    for more in [json!({ "password": "x" }), json!({ "name": {} }), json!({ "hashFunction": "MD5" })] {
        assert_eq!(create(&upstream).param("more", more).run().await.diagnostics.unwrap()["code"], "invalid");
    }
    assert!(lines(&upstream).is_empty());
}

#[tokio::test]
async fn a_user_that_exists_is_a_failure_or_returned() {
    for (found, on_exists, code) in [
        (Answer::json(json!({ "primaryEmail": "Ada@example.com" })), "fail", Some("exists")),
        (Answer::json(json!({ "primaryEmail": "Ada@example.com" })), "return", None),
        // The address is an alias of somebody else.
        (Answer::json(json!({ "primaryEmail": "bob@example.com" })), "return", Some("exists")),
        (Answer::empty(404), "return", Some("exists")),
    ] {
        let upstream = google().await;
        upstream.on(&route("POST", "users"), error(409, "duplicate", "Entity already exists."));
        upstream.on(&route("GET", "users/ada%40example.com"), found);
        let result = create(&upstream).param("onExists", on_exists).run().await;
        match code {
            Some(code) => assert_eq!(result.diagnostics.unwrap()["code"], code),
            None => assert_eq!(result.payload.unwrap()["created"], false),
        }
    }
}

#[tokio::test]
async fn a_creation_waits_until_it_was_seen_twice() {
    let upstream = google().await;
    let get = route("GET", "users/ada%40example.com");
    upstream.on(&route("POST", "users"), Answer::json(json!({ "id": "1" })));
    for answer in [
        error(404, "notFound", "Resource Not Found: userKey"),
        Answer::json(json!({ "id": "1" })),
        error(403, "forbidden", "Not Authorized to access this resource/api"),
        Answer::json(json!({ "id": "1" })),
    ] {
        upstream.on(&get, answer);
    }
    let payload = create(&upstream).param("waitUntilVisible", true).run().await.payload.unwrap();
    assert_eq!(payload["visible"], true);
    assert_eq!(lines(&upstream).len(), 6);
}

#[tokio::test]
async fn a_creation_that_does_not_become_visible_is_told_as_created() {
    let upstream = google().await;
    upstream.on(&route("POST", "users"), Answer::json(json!({ "id": "1" })));
    upstream.on(&route("GET", "users/ada%40example.com"), error(404, "notFound", "x"));
    let result = create(&upstream).param("waitUntilVisible", true).timeout_ms(3000).run().await;
    let payload = result.payload.unwrap();
    assert_eq!((&payload["created"], &payload["visible"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_change_that_is_made_already_is_not_sent() {
    let upstream = google().await;
    let user =
        json!({ "name": { "givenName": "Ada", "familyName": "King" }, "suspended": true, "orgUnitPath": "/Sales" });
    upstream.on(&route("GET", "users/ada"), Answer::json(user));
    let calls = [
        call("updateUser", &upstream).param("set", json!({ "name": { "familyName": "King" }, "notes": null })),
        call("suspendUser", &upstream).param("reason", "left"),
        call("moveUser", &upstream).param("orgUnitPath", "/Sales"),
        call("makeAdmin", &upstream).param("admin", false),
    ];
    for call in calls {
        let result = call.param("userKey", "ada").run().await;
        assert_eq!(result.payload.unwrap()["changed"], false);
    }
    assert!(lines(&upstream).iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn a_conflict_after_a_change_that_was_made_is_success() {
    let restore = |upstream: &Upstream| call("restoreUser", upstream).param("userKey", "ada").run();
    for (after, is_success) in [(false, true), (true, false)] {
        let upstream = google().await;
        upstream.on(&route("GET", "users/ada"), Answer::json(json!({ "suspended": true })));
        upstream.on(&route("GET", "users/ada"), Answer::json(json!({ "suspended": after })));
        upstream.on(&route("PATCH", "users/ada"), error(409, "conflict", "Entity already exists."));
        let result = restore(&upstream).await;
        assert_eq!(result.success, is_success);
        match is_success {
            true => assert_eq!(result.payload.unwrap()["changed"], true),
            false => assert_eq!(result.diagnostics.unwrap()["code"], "conflict"),
        }
    }
}

#[tokio::test]
async fn an_etag_that_is_old_is_a_conflict() {
    let upstream = google().await;
    upstream.on(&route("GET", "users/ada"), Answer::json(json!({ "etag": "\"new\"" })));
    upstream.on(&route("PATCH", "users/ada"), error(412, "conditionNotMet", "Precondition Failed"));
    let change = call("updateUser", &upstream).param("userKey", "ada").param("set", json!({ "notes": "x" }));
    let result = change.param("ifMatch", "\"old\"").run().await;
    assert_eq!(result.diagnostics.unwrap()["code"], "conflict");
    assert_eq!(api_requests(&upstream)[1].header("if-match"), Some("\"old\""));
}

#[tokio::test]
async fn what_is_gone_was_deleted_before() {
    for answer in [error(404, "notFound", "Resource Not Found"), error(412, "conditionNotMet", "User is deleted")] {
        let upstream = google().await;
        upstream.on(&route("DELETE", "users/ada"), answer);
        let payload = call("deleteUser", &upstream).param("userKey", "ada").run().await.payload.unwrap();
        assert_eq!(payload, json!({ "deleted": true, "changed": false }));
    }
}

#[tokio::test]
async fn a_user_comes_back_once() {
    let upstream = google().await;
    upstream.on(&route("POST", "users/7/undelete"), Answer::empty(204));
    upstream.on(&route("POST", "users/7/undelete"), error(400, "invalid", "User is not deleted"));
    upstream.on(&route("GET", "users/7"), Answer::json(json!({ "id": "7" })));
    for changed in [true, false] {
        let payload = call("undeleteUser", &upstream).param("id", "7").run().await.payload.unwrap();
        assert_eq!(payload["changed"], changed);
    }
    assert_eq!(api_requests(&upstream)[0].json(), json!({ "orgUnitPath": "/" }));
}

#[tokio::test]
async fn an_alias_is_there_once_and_gone_once() {
    let own = json!({ "aliases": [{ "alias": "Countess@example.com" }] });
    let alias = |command: &str, upstream: &Upstream| {
        call(command, upstream).param("userKey", "ada").param("alias", "countess@example.com").run()
    };
    let upstream = google().await;
    upstream.on(&route("POST", "users/ada/aliases"), error(409, "duplicate", "Entity already exists."));
    upstream.on(&route("GET", "users/ada/aliases"), Answer::json(own));
    upstream.on(&route("GET", "users/ada/aliases"), Answer::json(json!({})));
    assert_eq!(alias("addAlias", &upstream).await.payload.unwrap()["changed"], false);
    assert_eq!(alias("addAlias", &upstream).await.diagnostics.unwrap()["code"], "exists", "somebody else has it");

    upstream.on(&route("DELETE", "users/ada/aliases/countess%40example.com"), error(404, "notFound", "x"));
    assert_eq!(alias("removeAlias", &upstream).await.payload.unwrap()["changed"], false);

    let upstream = google().await;
    upstream.otherwise(|_| error(404, "notFound", "Resource Not Found: userKey"));
    assert_eq!(alias("removeAlias", &upstream).await.diagnostics.unwrap()["code"], "notFound");
}
