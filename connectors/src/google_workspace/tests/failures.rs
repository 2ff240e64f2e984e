//! What Google's refusals become.

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, Upstream};

use super::support::{call, error, google, lines, route};

#[tokio::test]
async fn a_refusal_has_a_code_and_googles_own_words() {
    for (status, reason, message, code, step) in [
        (400, "invalid", "Invalid Input: userKey", "invalid", None),
        (403, "forbidden", "Not Authorized to access this resource/api", "denied", Some("permission")),
        (403, "insufficientPermissions", "Insufficient Permission", "denied", Some("scope")),
        (403, "accessNotConfigured", "Admin SDK API has not been used", "denied", Some("api")),
        (404, "notFound", "Resource Not Found: userKey", "notFound", None),
        (412, "conditionNotMet", "User is deleted", "notFound", None),
    ] {
        let upstream = google().await;
        upstream.on(&route("GET", "users/ada"), error(status, reason, message));
        let result = call("getUser", &upstream).param("userKey", "ada").run().await;
        assert!(result.error.unwrap().contains(message));
        let diagnostics = result.diagnostics.unwrap();
        assert_eq!(diagnostics["code"], code, "{reason}");
        assert_eq!(diagnostics["systemCode"], reason);
        assert_eq!(diagnostics["systemMessage"], message);
        assert_eq!(diagnostics["statusCode"], status);
        assert_eq!(diagnostics.get("step").and_then(Value::as_str), step, "{reason}");
        assert_eq!(diagnostics.get("deleted"), (status == 412).then_some(&json!(true)));
        assert_eq!(lines(&upstream).len(), 1, "{reason} is not sent again");
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_waited_for() {
    for answer in [
        error(403, "userRateLimitExceeded", "Quota exceeded"),
        error(403, "quotaExceeded", "Quota exceeded"),
        error(403, "rateLimitExceeded", "Rate exceeded"),
        error(429, "rateLimitExceeded", "Too many requests").header("retry-after", "0"),
        error(503, "backendError", "Backend Error"),
    ] {
        let upstream = google().await;
        upstream.on(&route("GET", "users/ada"), answer);
        upstream.on(&route("GET", "users/ada"), Answer::json(json!({ "id": "1" })));
        let result = call("getUser", &upstream).param("userKey", "ada").run().await;
        assert!(result.success, "{result:?}");
        assert_eq!(lines(&upstream).len(), 2);
    }
}

#[tokio::test]
async fn a_creation_is_sent_again_only_if_it_was_refused_for_its_rate() {
    let users = route("POST", "users");
    let create = |upstream: &Upstream| {
        let create = call("createUser", upstream).param("primaryEmail", "ada@example.com");
        create.param("givenName", "Ada").param("familyName", "Lovelace").run()
    };
    let upstream = google().await;
    upstream.on(&users, error(403, "quotaExceeded", "Quota exceeded"));
    upstream.on(&users, Answer::json(json!({ "primaryEmail": "ada@example.com" })));
    assert!(create(&upstream).await.success);
    assert_eq!(lines(&upstream), ["POST users", "POST users"]);

    let upstream = google().await;
    upstream.on(&users, error(503, "backendError", "Backend Error"));
    let diagnostics = create(&upstream).await.diagnostics.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));
    assert_eq!(lines(&upstream), ["POST users"]);

    let upstream = google().await;
    upstream.on(&users, Answer::closes());
    let diagnostics = create(&upstream).await.diagnostics.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));

    let upstream = google().await;
    upstream.on(&users, Answer::text("<html>"));
    assert_eq!(create(&upstream).await.diagnostics.unwrap()["code"], "outcomeUnknown");
}

#[tokio::test]
async fn silence_ends_with_the_call() {
    let upstream = google().await;
    upstream.on(&route("DELETE", "groups/staff"), Answer::never());
    let result = call("deleteGroup", &upstream).param("groupKey", "staff").timeout_ms(300).run().await;
    let diagnostics = result.diagnostics.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")));
}

#[tokio::test]
async fn the_test_reads_what_the_scopes_are_for() {
    let upstream = google().await;
    upstream.otherwise(|_| Answer::json(json!({})));
    let payload = call("test", &upstream).run().await.payload.unwrap();
    let expected =
        json!({ "domain": "example.com", "subject": "admin@example.com", "read": ["users", "groups", "orgUnits"] });
    assert_eq!(payload, expected);
    let scopes = ["https://www.googleapis.com/auth/admin.directory.device.chromeos"];
    upstream.take_seen();
    assert!(call("test", &upstream).config("scopes", scopes).run().await.success);
    assert!(lines(&upstream).is_empty());
}

#[tokio::test]
async fn a_key_leads_nowhere_else() {
    let upstream = google().await;
    upstream.otherwise(|_| Answer::json(json!({})));
    for key in ["..", "."] {
        let result = call("getUser", &upstream).param("userKey", key).run().await;
        assert_eq!(result.diagnostics.unwrap()["code"], "invalid");
    }
    assert!(call("getUser", &upstream).param("userKey", "a/b?c#d%2f").run().await.success);
    assert_eq!(lines(&upstream), ["GET users/a%2Fb%3Fc%23d%252f"]);
}

#[tokio::test]
async fn any_method_of_the_api_can_be_called() {
    let upstream = google().await;
    upstream.otherwise(|_| Answer::json(json!({ "ok": 12_345_678_901_234_567_890_u64 })));
    for (method, path, params, line) in [
        ("directory.users.photos.get", None, json!({ "userKey": "a/b" }), "GET users/a%2Fb/photos/thumbnail"),
        (
            "directory.orgunits.get",
            None,
            json!({ "customerId": "my_customer", "orgUnitPath": "/corp/sales team", "x": [1, true], "y": null }),
            "GET customer/my_customer/orgunits/corp/sales%20team?x=1&x=true",
        ),
        ("directory.users.createGuest", None, json!({}), "POST users:createGuest"),
        ("GET", Some("admin/directory/v1/users/{userKey}"), json!({ "userKey": "ada" }), "GET users/ada"),
    ] {
        upstream.take_seen();
        let call = call("call", &upstream).param("method", method).param("params", params);
        let call = path.into_iter().fold(call, |call, path| call.param("path", path));
        let result = call.run().await;
        assert_eq!(result.payload.unwrap()["body"]["ok"].to_string(), "12345678901234567890");
        assert_eq!(lines(&upstream), [line]);
    }
    upstream.take_seen();
    for (method, path) in [("no.such", None), ("GET", None), ("GET", Some("a?b=c")), ("GET", Some("a/../b"))] {
        let call = call("call", &upstream).param("method", method);
        let call = path.into_iter().fold(call, |call, path| call.param("path", path));
        assert_eq!(call.run().await.diagnostics.unwrap()["code"], "invalid", "{method} {path:?}");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn every_scenario_answers_without_a_connection() {
    use connector_runtime::connector::Connector as _;
    use connector_runtime::testing;

    use crate::google_workspace::GoogleWorkspace;

    let values = [
        ("userKey", "ada"),
        ("groupKey", "staff"),
        ("memberKey", "ada"),
        ("primaryEmail", "ada@example.com"),
        ("givenName", "Ada"),
        ("familyName", "Lovelace"),
        ("id", "7"),
        ("alias", "countess@example.com"),
        ("email", "staff@example.com"),
        ("name", "Sales"),
        ("orgUnitPath", "/Sales"),
        ("method", "directory.users.get"),
    ];
    for command in GoogleWorkspace::DESCRIPTOR.commands {
        for mock in command.mocks {
            let scenario = mock.scenario;
            let mut call = testing::call::<GoogleWorkspace>(command.name);
            for (name, value) in values {
                if command.params.iter().any(|param| param.name == name) {
                    call = call.param(name, value);
                }
            }
            let result = call.mock(scenario).run().await;
            let code = result.diagnostics.as_ref().map(|diagnostics| &diagnostics["code"]);
            assert!(result.success || code.is_some_and(Value::is_string), "{} {scenario}: {result:?}", command.name);
        }
    }
}
