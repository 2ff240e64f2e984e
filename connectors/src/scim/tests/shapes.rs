//! Shapes of the answers of services that cannot be reached from here, as their documentation shows them.

use connector_runtime::testing::Answer;

use super::super::*;
use super::fixture::{CONFIG, Service, config, done, error, failed, scim, service};

#[tokio::test]
async fn slack_deactivates_who_is_deleted() {
    let service = Service::usual().await;
    service.on("DELETE /scim/Users/U1", Answer::empty(204));
    let gone = done(service.call("deleteUser").config("profile", "slack").param("id", "U1")).await;
    assert_eq!(gone, json!({ "deleted": true, "deactivatedOnly": true }));
    service.on("DELETE /scim/Groups/S1", Answer::empty(200));
    let gone = done(service.call("deleteGroup").config("profile", "slack").param("id", "S1")).await;
    assert_eq!(gone, json!({ "deleted": true, "deactivatedOnly": false }));
}

/// An older form of errors, and numbers where the standard has texts.
#[tokio::test]
async fn slack_errors_are_read() {
    for (body, code, message) in [
        (json!({ "Errors": { "description": "user_not_found", "code": 404 } }), json!("404"), "user_not_found"),
        (json!({ "Errors": [{ "description": "user_not_found", "code": 404 }] }), json!("404"), "user_not_found"),
        (
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "user_not_found", "status": 404 }),
            Value::Null,
            "user_not_found",
        ),
    ] {
        let service = Service::usual().await;
        service.on("GET /scim/Users/U1", Answer::json(body).status(404));
        let refused = failed(service.call("getUser").config("profile", "slack").param("id", "U1")).await;
        assert_eq!((&refused["code"], &refused["systemMessage"]), (&json!("notFound"), &json!(message)));
        assert_eq!(refused["systemCode"], code);
    }
}

/// GitHub has no ServiceProviderConfig, says by 403 that it is busy, and forgets whom it deactivates.
#[tokio::test]
async fn github_is_asked_for_nothing_that_it_lacks() {
    let service = service().await;
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "edefdfedf-050c-11e7-8d32", "externalId": "a7d0f98382",
        "userName": "mona", "active": true, "emails": [{ "value": "mona@example.com", "primary": true }],
        "meta": { "resourceType": "User", "location": "https://api.github.com/scim/v2/organizations/octo/Users/edefdfedf-050c-11e7-8d32" },
    });
    service.on(
        "GET /scim/Users",
        Answer::json(json!({ "message": "secondary rate limit" })).status(403).header("retry-after", "0"),
    );
    service.on(
        "GET /scim/Users",
        scim(json!({ "totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "Resources": [user] })),
    );
    let github = |command: &str| service.call(command).config("profile", "github");
    let found = done(github("getUser").param("userName", "mona")).await;
    assert_eq!(found["location"], user["meta"]["location"]);
    service.on("GET /scim/Users/1", scim(user.clone()));
    service.on("GET /scim/Users/1", error(404, None, "Not Found"));
    service.on("PATCH /scim/Users/1", Answer::empty(204));
    let gone = done(github("setActive").param("id", "1").param("active", false)).await;
    assert_eq!(gone, json!({ "active": false, "changed": true, "verified": true, "gone": true }));
    assert_eq!(
        service.bodies("PATCH")[0]["Operations"],
        json!([{ "op": "replace", "path": "active", "value": false }])
    );
    assert!(service.upstream.seen().iter().all(|seen| !seen.path().contains("Config")));
    let accept = service.upstream.seen()[0].header("accept").unwrap().to_owned();
    assert!(accept.starts_with("application/scim+json"), "{accept}");

    let limited = super::fixture::service().await;
    let busy = Answer::json(json!({ "message": "secondary rate limit" })).status(403).header("retry-after", "600");
    limited.on("GET /scim/Users", busy);
    let refused = failed(limited.call("listUsers").config("profile", "github")).await;
    assert_eq!((&refused["code"], &refused["systemMessage"]), (&json!("rateLimited"), &json!("secondary rate limit")));
}

/// AWS pages by cursors only, gives no total, and shows no members: they are asked for one by one.
#[tokio::test]
async fn aws_members_are_found_by_a_filter() {
    let service = Service::usual().await;
    service.upstream.otherwise(|seen| {
        if seen.method() == "PATCH" {
            return Answer::empty(204);
        }
        let filter = seen.query("filter").unwrap_or_default();
        let is_member = filter.contains("members eq \"in\"") || filter.contains("members eq \"new\"");
        let groups = if is_member { json!([{ "id": "g", "members": [] }]) } else { json!([]) };
        scim(json!({ "itemsPerPage": 100, "Resources": groups }))
    });
    let call = |command: &str, ids: Value| {
        service.call(command).config("profile", "aws").param("groupId", "g").param("userIds", ids)
    };
    let added = done(call("addMembers", json!(["in"]))).await;
    assert_eq!((&added["unchanged"], &added["verified"]), (&json!(["in"]), &json!(true)));
    assert!(service.bodies("PATCH").is_empty());
    let line = &service.lines()[0];
    assert!(
        line.starts_with("GET /scim/Groups?cursor=&count=1&filter=id+eq+%22g%22+and+members+eq+%22in%22"),
        "{line}"
    );
    let removed = done(call("removeMembers", json!(["out"]))).await;
    assert_eq!(removed["unchanged"], json!(["out"]));
    assert_eq!(failed(call("setMembers", json!([]))).await["code"], "unsupported");
}

/// Entra and others write truth as a text, and names in any case.
#[tokio::test]
async fn truth_as_a_text_and_names_in_any_case() {
    let service = Service::usual().await;
    let user = |active: &str| json!({ "ID": "1", "USERNAME": "ada", "Active": active, "Meta": { "Location": "/scim/Users/1" } });
    service.on("GET /scim/Users/1", scim(user("True")));
    let got = done(service.call("getUser").param("id", "1")).await;
    assert_eq!((&got["id"], &got["active"]), (&json!("1"), &json!(true)));
    assert_eq!(got["location"], format!("{}/scim/Users/1", service.upstream.url()));
    assert_eq!(got["resource"]["Active"], "True", "it is shown as it came");
    let kept = done(service.call("setActive").param("id", "1").param("active", true)).await;
    assert_eq!(kept["changed"], false);
    assert!(service.bodies("PATCH").is_empty());
}

#[tokio::test]
async fn a_service_that_announces_nothing_is_used_as_most_are() {
    let service = service().await;
    service.on(CONFIG, Answer::json(json!({ "message": "no such path" })).status(404));
    service.on("GET /scim/ResourceTypes", Answer::empty(404));
    service.on("GET /scim/Users", scim(json!({ "totalResults": 2, "Resources": [] })));
    let told = done(service.call("test")).await;
    assert_eq!((&told["announced"], &told["patch"], &told["bulk"]), (&json!(false), &json!(true), &json!(false)));
    assert_eq!((&told["resourceTypes"], &told["users"]), (&json!([]), &json!(2)));
    // A type that nobody names is asked for as it is, as one segment of a path.
    service.on("GET /scim/Entitlements", scim(json!({ "totalResults": 1, "Resources": [{ "id": "e" }] })));
    assert_eq!(done(service.call("list").param("resourceType", "Entitlements")).await["count"], 1);
    for wrong in ["../Users", "a/b", "https://example.org", "a b"] {
        assert_eq!(failed(service.call("list").param("resourceType", wrong)).await["code"], "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn resource_types_lead_to_paths_and_never_elsewhere() {
    let service = Service::usual().await;
    service.on(
        "GET /scim/ResourceTypes",
        scim(json!({ "Resources": [
        { "name": "Role", "endpoint": "/Access/Roles", "schema": "urn:example:2.0:Role" },
        { "name": "Evil", "endpoint": "https://evil.example/Users" },
        { "name": "Up", "endpoint": "/../Users" },
    ] })),
    );
    service.on("POST /scim/Access/Roles", scim(json!({ "id": "r" })).status(201));
    let create = service.call("create").param("resourceType", "role").param("resource", json!({ "displayName": "R" }));
    assert_eq!(done(create).await["id"], "r");
    assert_eq!(service.bodies("POST")[0]["schemas"], json!(["urn:example:2.0:Role"]));
    for wrong in ["Evil", "Up"] {
        let refused = failed(service.call("list").param("resourceType", wrong)).await;
        assert_eq!(refused["code"], "invalid", "{wrong}");
    }
}

/// A bulk answer in another order, without names, and with a status of an older form.
#[tokio::test]
async fn bulk_answers_find_their_operations() {
    let service = service().await;
    service
        .on(CONFIG, config(&json!({ "bulk": { "supported": "True", "maxOperations": "10", "maxPayloadSize": 400 } })));
    service.upstream.otherwise(|seen| {
        let mut answers: Vec<Value> = seen.json()["Operations"].as_array().unwrap().iter().map(|operation| match operation["method"].as_str() {
            Some("POST") => json!({
                "bulkId": operation["bulkId"], "method": "POST", "status": { "code": "201" }, "location": "/scim/Users/9",
            }),
            _ => json!({ "method": "DELETE", "status": 204 }),
        }).collect();
        answers.reverse();
        scim(json!({ "Operations": answers }))
    });
    let operations: Vec<Value> = (0..6).map(|n| match n % 2 {
        0 => json!({ "method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": { "userName": "x".repeat(30) } }),
        _ => json!({ "method": "DELETE", "path": "/Users/1" }),
    }).collect();
    let told = done(service.call("bulk").param("operations", operations)).await;
    assert_eq!((&told["done"], &told["failed"], &told["open"]), (&json!(6), &json!(0), &json!(0)), "{told}");
    assert_eq!(told["results"][0]["id"], "9");
    let bodies = service.upstream.seen();
    let sizes: Vec<usize> =
        bodies.iter().filter(|seen| seen.method() == "POST").map(|seen| seen.body().len()).collect();
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size <= 400), "{sizes:?}");
    let large = json!([{ "method": "POST", "path": "/Users", "data": { "userName": "x".repeat(400) } }]);
    assert_eq!(failed(service.call("bulk").param("operations", large)).await["code"], "tooLarge");
}
