//! The private key, tokens and passwords are in nothing that a call leaves behind.

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, TestCall, Upstream};

use super::support::{KEY, TOKEN, call, google};

/// All that must not be seen, in every spelling.
fn canaries() -> Vec<String> {
    let key: Value = serde_json::from_str(KEY).unwrap();
    let pem = key["private_key"].as_str().unwrap().to_owned();
    let lines: Vec<String> = pem.lines().filter(|line| !line.starts_with("---")).map(str::to_owned).collect();
    // The last line of a key may be too short to be a secret of its own.
    let long = lines.iter().filter(|line| line.len() > 16).cloned();
    let passwords = ["pass-w0rd-of-the-tests".to_owned(), TOKEN.to_owned()];
    [lines.concat(), pem.replace('\n', "\\n"), pem].into_iter().chain(long).chain(passwords).collect()
}

/// Commands with params that do.
fn calls(upstream: &Upstream) -> Vec<TestCall> {
    let user = |command: &str| call(command, upstream).param("userKey", "ada@example.com");
    let group = |command: &str| call(command, upstream).param("groupKey", "staff@example.com");
    let create = call("createUser", upstream)
        .param("primaryEmail", "ada@example.com")
        .param("givenName", "Ada")
        .param("familyName", "Lovelace")
        .param("password", "pass-w0rd-of-the-tests");
    vec![
        call("test", upstream),
        call("listUsers", upstream),
        create,
        user("getUser"),
        user("updateUser").param("password", "pass-w0rd-of-the-tests"),
        user("deleteUser"),
        user("signOut"),
        group("listMembers"),
        group("addMember").param("memberKey", "ada@example.com"),
        call("call", upstream).param("method", "directory.users.get").param("params", json!({ "userKey": "ada" })),
    ]
}

/// A service that repeats everything it was sent, and the key, in its errors.
fn echo(seen: &connector_runtime::testing::Seen) -> Answer {
    let key: Value = serde_json::from_str(KEY).unwrap();
    let message = format!("{:?} {} {}", seen.headers(), seen.text(), key["private_key"].as_str().unwrap());
    let errors = json!([{ "reason": key["private_key"], "message": message }]);
    Answer::json(json!({ "error": { "code": 400, "message": message, "errors": errors } })).status(400)
}

async fn check(upstream: &Upstream) {
    for call in calls(upstream) {
        let done = call.done().await;
        let said = format!("{:?} {:?}", done.logs, done.reply.into_result());
        for canary in canaries() {
            assert!(!said.contains(&canary), "{canary} is in {said}");
        }
    }
}

#[tokio::test]
async fn nothing_of_them_is_in_an_error_of_the_api() {
    let upstream = google().await;
    upstream.otherwise(echo);
    check(&upstream).await;
}

#[tokio::test]
async fn nothing_of_them_is_in_an_error_of_the_token_url() {
    let upstream = Upstream::start().await;
    upstream.otherwise(|seen| {
        let text = echo(seen);
        let key: Value = serde_json::from_str(KEY).unwrap();
        match seen.path() {
            "/token" => {
                Answer::json(json!({ "error": "invalid_grant", "error_description": key["private_key"] })).status(400)
            }
            _ => text,
        }
    });
    check(&upstream).await;
}

#[tokio::test]
async fn a_password_that_was_made_up_is_seen_by_google_alone() {
    let upstream = google().await;
    upstream.otherwise(|seen| match seen.path() {
        "/admin/directory/v1/users" => Answer::json(seen.json()),
        _ => Answer::empty(404),
    });
    let create = call("createUser", &upstream)
        .param("primaryEmail", "ada@example.com")
        .param("givenName", "Ada")
        .param("familyName", "Lovelace");
    let done = create.done().await;
    let sent = upstream.seen().pop().unwrap().json();
    let password = sent["password"].as_str().unwrap();
    assert!((60..=100).contains(&password.len()));
    let said = format!("{:?} {:?}", done.logs, done.reply.into_result());
    assert!(!said.contains(password) && !said.contains("assword\""), "{said}");
}

#[tokio::test]
async fn the_key_goes_nowhere() {
    let upstream = google().await;
    upstream.otherwise(|_| Answer::json(json!({})));
    for call in calls(&upstream) {
        let _ = call.run().await;
    }
    let sent = format!("{:?}", upstream.seen());
    let key: Value = serde_json::from_str(KEY).unwrap();
    let pem = key["private_key"].as_str().unwrap();
    assert!(pem.lines().filter(|line| line.len() > 16).all(|line| !sent.contains(line)));
}

#[tokio::test]
async fn a_cut_leaves_no_half_of_a_secret() {
    let upstream = google().await;
    let password = "pass-w0rd-of-the-tests";
    // A text is cut after 1,000 characters, which is in the middle of the password.
    let message = format!("{}{password}", "x".repeat(990));
    upstream.otherwise(move |_| Answer::json(json!({ "error": { "message": message } })).status(400));
    let change = call("createUser", &upstream).param("primaryEmail", "ada@example.com").param("password", password);
    let done = change.param("givenName", "Ada").param("familyName", "Lovelace").done().await;
    let said = format!("{:?} {:?}", done.logs, done.reply.into_result());
    assert!(!said.contains("pass-w0rd"), "{said}");
    assert!(said.contains(&"x".repeat(990)));
}
