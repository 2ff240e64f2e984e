//! What the two servers answered in trials (section 5 of the design), row by row, and what the connector makes of it.

use connector_runtime::prelude::{Value, json};

use crate::server::{Kind, Server, TOKEN, done, failed, on_both};

on_both!(
    the_servers_answer_as_they_did_in_trials,
    the_service_says_what_it_can,
    a_user_lives_and_dies,
    a_taken_name,
    a_change_is_read_back,
    a_stale_version,
    an_extension,
    a_target_that_is_not_there,
    a_group_lives_and_dies,
    many_changes_at_once,
    any_type,
    wrong_credentials,
);

/// What the connector is built for. Where a new version of a server answers otherwise, this fails first.
async fn the_servers_answer_as_they_did_in_trials(server: &Server) {
    let python = server.is_python();
    let (ada, group) = (server.user("ada").await, server.group("g").await);
    let (user, members) = (format!("/Users/{ada}"), format!("/Groups/{group}"));
    let patch = async |path: &str, operation: Value| {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        let response = server.raw("PATCH", path, Some(json!({ "schemas": schemas, "Operations": [operation] }))).await;
        let said: Value = response.json().unwrap_or_default();
        (response.status(), said["scimType"].as_str().unwrap_or_default().to_owned(), said)
    };
    let status = |told: (u16, String, Value)| (told.0, told.1);
    let ok = || (if python { 204 } else { 200 }, String::new());
    // PATCH: no content, or the resource.
    assert_eq!(status(patch(&user, json!({ "op": "replace", "path": "active", "value": false })).await), ok());
    assert_eq!(status(patch(&user, json!({ "op": "Replace", "path": "active", "value": true })).await), ok());
    let text = status(patch(&user, json!({ "op": "replace", "path": "active", "value": "False" })).await);
    assert_eq!(text, if python { ok() } else { (400, "invalidValue".to_owned()) });
    let none = json!({ "op": "replace", "path": "emails[type eq \"home\"].value", "value": "a@b.example" });
    assert_eq!(status(patch(&user, none).await), (400, "noTarget".to_owned()));
    // Members: twice, unknown, and removed as Entra does.
    let add = |id: &str| json!({ "op": "add", "path": "members", "value": [{ "value": id }] });
    assert_eq!(status(patch(&members, add(&ada)).await), ok());
    assert_eq!(status(patch(&members, add(&ada)).await), ok());
    assert_eq!(status(patch(&members, add("nobody")).await), ok());
    let shown: Value = server.raw("GET", &members, None).await.json().unwrap();
    assert_eq!(shown["members"].as_array().unwrap().len(), if python { 2 } else { 3 });
    let entra = json!({ "op": "remove", "path": "members", "value": [{ "value": ada }] });
    let told = status(patch(&members, entra).await);
    assert_eq!(told, if python { (400, "invalidValue".to_owned()) } else { ok() });
    let by_filter = json!({ "op": "remove", "path": format!("members[value eq \"{ada}\"]") });
    assert_eq!(patch(&members, by_filter.clone()).await.0, 204);
    assert_eq!(patch(&members, by_filter).await.0, 204);
    // A stale version.
    let request = server.client.request("PATCH", format!("{}{user}", server.base)).bearer(&TOKEN.into());
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "title", "value": "Engineer" }] });
    let request = request.header("if-match", "W/\"stale\"").header("content-type", "application/scim+json");
    let stale = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(stale.status(), if python { 412 } else { 200 });
    // Pages.
    for n in 0..59 {
        server.user(&format!("u{n}")).await;
    }
    let list =
        async |query: &str| -> Value { server.raw("GET", &format!("/Users?{query}"), None).await.json().unwrap() };
    let page = list("count=100").await;
    assert_eq!(page["Resources"].as_array().unwrap().len(), if python { 50 } else { 60 });
    let beyond = list("count=10&startIndex=1000").await;
    assert_eq!(beyond["Resources"].as_array().unwrap().len(), if python { 0 } else { 10 });
    let location = page["Resources"][0]["meta"]["location"].as_str().unwrap();
    assert_eq!(location.starts_with("http://"), python, "{location}");
    // Too many operations.
    let operation = json!({ "method": "DELETE", "path": "/Users/nobody" });
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    let bulk = json!({ "schemas": schemas, "Operations": vec![operation; 11] });
    assert_eq!(server.raw("POST", "/Bulk", Some(bulk)).await.status(), 413);
    let name = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada" });
    let taken = server.raw("POST", "/Users", Some(name)).await;
    assert_eq!((taken.status(), &taken.json::<Value>().unwrap()["scimType"]), (409, &json!("uniqueness")));
}

/// A cursor that nobody gave, asked of the server that has cursors.
#[tokio::test]
async fn a_cursor_that_is_wrong() {
    for kind in [Kind::PythonByCursor, Kind::Node] {
        let Some(server) = Server::start(kind) else { return };
        server.user("ada").await;
        let told = server.raw("GET", "/Users?count=1&cursor=wrong", None).await;
        assert_eq!(told.status(), if server.is_python() { 400 } else { 200 });
        let said: Value = told.json().unwrap();
        assert_eq!(said["scimType"], if server.is_python() { json!("invalidCursor") } else { Value::Null });
    }
}

async fn the_service_says_what_it_can(server: &Server) {
    let told = done(server.call("test")).await;
    assert_eq!(told["announced"], true);
    assert_eq!((&told["patch"], &told["bulk"], &told["filter"]), (&json!(true), &json!(true), &json!(true)));
    assert_eq!(told["etag"], server.is_python());
    assert_eq!(told["cursor"], false);
    assert_eq!(told["maxOperations"], 10);
    assert_eq!(told["maxResults"], if server.is_python() { 50 } else { 200 });
    assert_eq!(told["resourceTypes"], json!(["User", "Group"]));
    assert_eq!(told["users"], 0);
}

async fn a_user_lives_and_dies(server: &Server) {
    let create = || {
        let call = server.call("createUser").param("userName", "ada@example.com").param("givenName", "Ada");
        call.param("email", "ada@example.com").param("password", "s3cret-pass-word")
    };
    let made = done(create()).await;
    assert_eq!((&made["created"], &made["changed"]), (&json!(true), &json!(true)));
    let id = made["id"].as_str().unwrap();
    // One server answers with an address, the other with a path.
    assert_eq!(made["location"], format!("{}/Users/{id}", server.base));
    assert!(!made.to_string().contains("s3cret"), "{made}");

    // One of the servers tells upper case from lower case where the standard does not.
    let name = if server.is_python() { "ADA@example.com" } else { "ada@example.com" };
    let got = done(server.call("getUser").param("userName", name)).await;
    assert_eq!(got["id"], id);
    assert_eq!(got["resource"]["name"]["givenName"], "Ada");
    assert_eq!(got["active"], true);

    for (active, changed) in [(false, true), (false, false), (true, true), (true, false)] {
        let set = done(server.call("setActive").param("id", id).param("active", active)).await;
        assert_eq!(set, json!({ "active": active, "changed": changed, "verified": true, "gone": false }));
    }
    for deleted in [true, false] {
        let gone = done(server.call("deleteUser").param("id", id)).await;
        assert_eq!(gone, json!({ "deleted": deleted, "deactivatedOnly": false }));
    }
    for call in [
        server.call("getUser").param("id", id),
        server.call("getUser").param("userName", "ada@example.com"),
        server.call("setActive").param("id", id).param("active", false),
    ] {
        assert_eq!(failed(call).await["code"], "notFound");
    }
}

async fn a_taken_name(server: &Server) {
    let create = |on_exists: &str| {
        let call = server.call("createUser").param("userName", "bob").param("onExists", on_exists);
        call.param("attributes", json!({ "title": "Engineer", "name": { "middleName": "B" } }))
            .param("familyName", "King")
    };
    let id = server.user("bob").await;
    let refused = failed(create("fail")).await;
    assert_eq!((&refused["code"], &refused["systemCode"]), (&json!("exists"), &json!("uniqueness")));
    assert_eq!(refused["statusCode"], 409);
    let kept = done(create("return")).await;
    assert_eq!((&kept["id"], &kept["created"], &kept["changed"]), (&json!(id), &json!(false), &json!(false)));
    assert_eq!(kept["resource"].get("title"), None);
    let updated = done(create("update")).await;
    assert_eq!((&updated["id"], &updated["created"], &updated["changed"]), (&json!(id), &json!(false), &json!(true)));
    assert_eq!(updated["resource"]["title"], "Engineer");
    assert_eq!(updated["resource"]["name"], json!({ "familyName": "King", "middleName": "B" }));
    assert_eq!(done(create("update")).await["changed"], false);
}

async fn a_change_is_read_back(server: &Server) {
    let id = server.user("carol").await;
    let update = || {
        let set = json!({ "title": "Engineer", "name.familyName": "King", "active": false, "nickName": null });
        server.call("updateUser").param("id", &id).param("set", set).param("remove", json!(["displayName"]))
    };
    let changed = done(update()).await;
    assert_eq!((&changed["changed"], &changed["notKept"]), (&json!(true), &json!([])));
    let resource = &changed["resource"];
    assert_eq!((&resource["title"], &resource["active"]), (&json!("Engineer"), &json!(false)));
    assert_eq!(resource["name"]["familyName"], "King");
    assert_eq!(done(update()).await["changed"], false);
    let removed = done(server.call("updateUser").param("id", &id).param("remove", json!(["title"]))).await;
    assert_eq!((&removed["changed"], removed["resource"].get("title")), (&json!(true), None));
    let password = server.call("updateUser").param("id", &id).param("password", "an0ther-pass-word");
    let changed = done(password).await;
    assert_eq!(changed["changed"], true);
    assert!(!changed.to_string().contains("an0ther"), "{changed}");
}

async fn a_stale_version(server: &Server) {
    let id = server.user("dora").await;
    let first = done(server.call("getUser").param("id", &id)).await;
    let etag = first["etag"].as_str().unwrap();
    // The tag of the web server before scimmy is not a version.
    assert_eq!(etag.starts_with("read:"), !server.is_python(), "{etag}");
    let update = |title: &str, etag: &str| {
        let call = server.call("updateUser").param("id", &id).param("set", json!({ "title": title }));
        call.param("ifMatch", etag)
    };
    let changed = done(update("A", etag)).await;
    assert_eq!(changed["changed"], true);
    let stale = failed(update("B", etag)).await;
    assert_eq!(stale["code"], "conflict");
    assert_eq!(stale["etag"], changed["etag"]);
    assert_eq!(done(update("B", changed["etag"].as_str().unwrap())).await["resource"]["title"], "B");
    assert_eq!(failed(update("C", "W/\"nothing\"")).await["code"], "conflict");
    assert_eq!(done(server.call("getUser").param("id", &id)).await["resource"]["title"], "B");
}

async fn an_extension(server: &Server) {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let create = server.call("createUser").param("userName", "eve");
    let made = done(create.param("attributes", json!({ ENTERPRISE: { "department": "X" } }))).await;
    assert_eq!(made["resource"][ENTERPRISE]["department"], "X");
    let path = format!("{ENTERPRISE}:department");
    let update = || server.call("updateUser").param("id", &made["id"]).param("set", json!({ &path: "Y" }));
    let changed = done(update()).await;
    assert_eq!((&changed["changed"], &changed["notKept"]), (&json!(true), &json!([])));
    assert_eq!(changed["resource"][ENTERPRISE]["department"], "Y");
    assert_eq!(done(update()).await["changed"], false);
}

async fn a_target_that_is_not_there(server: &Server) {
    let id = server.user("fay").await;
    let set = json!({ "emails[type eq \"home\"].value": "fay@home.example" });
    let refused = failed(server.call("updateUser").param("id", &id).param("set", set)).await;
    assert_eq!((&refused["code"], &refused["systemCode"]), (&json!("invalid"), &json!("noTarget")));
}

async fn a_group_lives_and_dies(server: &Server) {
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let create = |on_exists: &str, ids: Value| {
        server
            .call("createGroup")
            .param("displayName", "Engineering")
            .param("userIds", ids)
            .param("onExists", on_exists)
    };
    let made = done(create("return", json!([ada]))).await;
    assert_eq!(made["created"], true);
    let id = made["id"].as_str().unwrap();
    assert_eq!(done(create("return", json!([bob]))).await["id"], id);
    let updated = done(create("update", json!([ada, bob]))).await;
    assert_eq!((&updated["created"], &updated["changed"]), (&json!(false), &json!(true)));
    assert_eq!(updated["resource"]["members"].as_array().unwrap().len(), 2);

    let got = done(server.call("getGroup").param("displayName", "Engineering")).await;
    assert_eq!(got["resource"]["members"].as_array().unwrap().len(), 2);
    let got = done(server.call("getGroup").param("id", id).param("withMembers", false)).await;
    assert_eq!(got["resource"].get("members"), None);
    let listed = done(server.call("listGroups")).await;
    assert_eq!((&listed["count"], listed["resources"][0].get("members")), (&json!(1), None));
    let listed = done(server.call("listGroups").param("withMembers", true)).await;
    assert_eq!(listed["resources"][0]["members"].as_array().unwrap().len(), 2);

    let rename = || server.call("updateGroup").param("id", id).param("set", json!({ "displayName": "Engineers" }));
    let renamed = done(rename()).await;
    assert_eq!((&renamed["changed"], &renamed["resource"]["displayName"]), (&json!(true), &json!("Engineers")));
    assert_eq!(done(rename()).await["changed"], false);
    for deleted in [true, false] {
        assert_eq!(done(server.call("deleteGroup").param("id", id)).await["deleted"], deleted);
    }
    assert_eq!(failed(server.call("getGroup").param("displayName", "Engineers")).await["code"], "notFound");
}

/// Eleven operations where ten are taken, and a reference to what comes later.
async fn many_changes_at_once(server: &Server) {
    server.user("taken").await;
    let user = |name: &str| json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });
    let group = |name: &str, of: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": [{ "value": of }],
        })
    };
    let mut operations = vec![
        json!({ "method": "POST", "path": "/Groups", "bulkId": "g0", "data": group("First", "bulkId:u1") }),
        json!({ "method": "POST", "path": "/Users", "bulkId": "u1", "data": user("u1"), "password": "s3cret-pass-word" }),
        json!({ "method": "POST", "path": "/Users", "bulkId": "u2", "data": user("taken") }),
        json!({ "method": "DELETE", "path": "/Users/nobody" }),
    ];
    // One of the servers creates twice what refers to a later operation.
    let (group_at, user_at) = if server.is_python() { (0, 1) } else { (1, 0) };
    operations.swap(group_at, 0);
    operations.extend((4..10).map(|n| {
        json!({
            "method": "POST", "path": "/Users", "bulkId": format!("u{n}"), "data": user(&format!("u{n}")),
        })
    }));
    // In the second request, and about what the first one made.
    operations
        .push(json!({ "method": "POST", "path": "/Groups", "bulkId": "g1", "data": group("Second", "bulkId:u4") }));
    operations.push(json!({ "method": "DELETE", "path": "/Users/bulkId:u5" }));
    let told = done(server.call("bulk").param("operations", &operations)).await;
    assert_eq!((&told["done"], &told["failed"], &told["open"]), (&json!(10), &json!(2), &json!(0)), "{told}");
    assert!(!told.to_string().contains("s3cret"));
    let results = told["results"].as_array().unwrap();
    assert_eq!(results.len(), 12);
    assert_eq!((&results[2]["code"], &results[2]["systemCode"]), (&json!("exists"), &json!("uniqueness")));
    assert_eq!((&results[3]["code"], &results[3]["status"]), (&json!("notFound"), &json!(404)));
    let second = done(server.call("getGroup").param("displayName", "Second")).await;
    assert_eq!(second["id"], results[10]["id"]);
    assert_eq!(second["resource"]["members"][0]["value"], results[4]["id"]);
    let first = done(server.call("getGroup").param("displayName", "First")).await;
    assert_eq!(first["resource"]["members"][0]["value"], results[user_at]["id"]);
    assert_eq!(failed(server.call("getUser").param("userName", "u5")).await["code"], "notFound");

    let forward = json!([{ "method": "DELETE", "path": "/Users/bulkId:z" }]);
    assert_eq!(failed(server.call("bulk").param("operations", forward)).await["code"], "invalid");
    let mut late: Vec<Value> = (0..10).map(|_| json!({ "method": "DELETE", "path": "/Users/nobody" })).collect();
    late[0] = json!({ "method": "DELETE", "path": "/Users/bulkId:last" });
    late.push(json!({ "method": "POST", "path": "/Users", "bulkId": "last", "data": user("last") }));
    let refused = failed(server.call("bulk").param("operations", late)).await;
    assert!(refused["error"].as_str().unwrap().contains("put operation 10 before it"), "{refused}");

    let errors: Vec<Value> = (0..12).map(|_| json!({ "method": "DELETE", "path": "/Users/nobody" })).collect();
    let told = done(server.call("bulk").param("operations", errors).param("failOnErrors", 2)).await;
    assert_eq!((&told["failed"], &told["open"]), (&json!(2), &json!(10)), "{told}");
    assert_eq!(done(server.call("bulk").param("operations", json!([]))).await["results"], json!([]));
}

async fn any_type(server: &Server) {
    let made =
        done(server.call("create").param("resourceType", "users").param("resource", json!({ "userName": "gus" })))
            .await;
    assert_eq!(made["created"], true);
    let about = |command: &str| server.call(command).param("resourceType", "User").param("id", &made["id"]);
    assert_eq!(done(about("get")).await["resource"]["userName"], "gus");
    let operations = json!([{ "op": "replace", "path": "title", "value": "Engineer" }, { "op": "add", "value": { "nickName": "g" } }]);
    let changed = done(about("patch").param("operations", &operations)).await;
    assert_eq!((&changed["changed"], &changed["resource"]["nickName"]), (&json!(true), &json!("g")));
    assert_eq!(done(about("patch").param("operations", &operations)).await["changed"], false);
    let listed =
        done(server.call("list").param("resourceType", "/Users").param("where", json!({ "title": "Engineer" }))).await;
    assert_eq!(listed["resources"][0]["id"], made["id"]);
    assert_eq!(done(about("delete")).await["deleted"], true);
    assert_eq!(done(about("delete")).await["deleted"], false);
    let unknown = failed(server.call("list").param("resourceType", "Entitlement")).await;
    assert_eq!(unknown["code"], "invalid");
    assert!(unknown["error"].as_str().unwrap().contains("User, Group"), "{unknown}");
}

async fn wrong_credentials(server: &Server) {
    let refused = failed(server.call("test").config("token", "wr0ng-t0ken-value")).await;
    assert_eq!((&refused["code"], &refused["step"]), (&json!("unauthenticated"), &json!("signIn")));
    assert!(!refused.to_string().contains("wr0ng"), "{refused}");
    let elsewhere = failed(server.call("test").config("baseUrl", format!("{}/nowhere", server.base))).await;
    assert_eq!((&elsewhere["code"], &elsewhere["step"]), (&json!("notFound"), &json!("baseUrl")), "{elsewhere}");
}
