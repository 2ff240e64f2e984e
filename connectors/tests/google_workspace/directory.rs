//! Against a Directory API that is made from Google's description, which verifies assertions with Google's library.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use tempfile::TempDir;
use test_support::eventually;
use test_support::process::Process;

use super::support::{call, packages, script};

struct Directory {
    _process: Process,
    url: String,
    client: Client,
    _home: TempDir,
}

impl Directory {
    async fn start() -> Option<Self> {
        let packages = packages()?;
        let home = tempfile::Builder::new().prefix("floh-google-").tempdir().unwrap();
        let mut command = Command::new("python3");
        command.arg(script("directory.py")).arg(script("key.json"));
        command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let seen = Arc::clone(&told);
        let mut process = Process::spawn(&mut command, home.path(), move |line| {
            seen.lock().unwrap().extend(serde_json::from_str::<Value>(line).ok());
        });
        let port = eventually("the port of the directory", || {
            assert!(!process.has_ended(), "the directory ended: {}", process.text());
            let port = told.lock().unwrap().first().and_then(|first| first["port"].as_u64());
            std::future::ready(port)
        });
        let port = port.await;
        let client = Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap());
        Some(Self { _process: process, url: format!("http://127.0.0.1:{port}"), client, _home: home })
    }

    async fn tell(&self, what: &str, body: &Value) {
        let request = self.client.post(format!("{}/{what}", self.url)).json(body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    async fn run(&self, command: &str, params: Value) -> ConnectorResult {
        let mut call = call(command, &self.url).http(self.client.clone());
        for (name, value) in params.as_object().unwrap() {
            call = call.param(name, value);
        }
        call.run().await
    }

    async fn payload(&self, command: &str, params: Value) -> Value {
        let result = self.run(command, params).await;
        assert!(result.success, "{command}: {result:?}");
        result.payload.unwrap_or_default()
    }
}

#[tokio::test]
async fn a_user_from_creation_to_deletion() {
    let Some(directory) = Directory::start().await else { return };
    assert_eq!(directory.payload("test", json!({})).await["domain"], "example.com");
    let key = "o'brien+x@example.org";
    let new = json!({ "primaryEmail": key, "givenName": "Conan", "familyName": "O'Brien", "waitUntilVisible": true });
    let created = directory.payload("createUser", new.clone()).await;
    assert_eq!((&created["created"], &created["visible"]), (&json!(true), &json!(true)));
    assert_eq!(directory.run("createUser", new).await.diagnostics.unwrap()["code"], "exists");
    let user = json!({ "userKey": key });
    for (command, more, changed) in [
        ("suspendUser", json!({}), true),
        ("suspendUser", json!({}), false),
        ("restoreUser", json!({}), true),
        ("makeAdmin", json!({}), true),
        ("makeAdmin", json!({}), false),
        ("moveUser", json!({ "orgUnitPath": "/corp/sales team" }), true),
        ("updateUser", json!({ "set": { "name": { "familyName": "King" }, "phones": [{ "value": "1" }] } }), true),
        ("updateUser", json!({ "set": { "name": { "familyName": "King" } } }), false),
        ("deleteUser", json!({}), true),
        ("deleteUser", json!({}), false),
    ] {
        let mut params = user.clone();
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(directory.payload(command, params).await["changed"], changed, "{command}");
    }
    assert_eq!(directory.run("getUser", user).await.diagnostics.unwrap()["code"], "notFound");
    // A field that the API does not have is refused by it, not here.
    let wrong = json!({ "primaryEmail": "b@example.org", "givenName": "B", "familyName": "C", "more": { "shoe": 42 } });
    assert_eq!(directory.run("createUser", wrong).await.diagnostics.unwrap()["code"], "invalid");
}

#[tokio::test]
async fn a_group_and_its_members() {
    let Some(directory) = Directory::start().await else { return };
    let group = json!({ "email": "staff@example.com", "name": "Staff", "waitUntilVisible": true });
    assert_eq!(directory.payload("createGroup", group).await["visible"], true);
    let member = |role: &str| json!({ "groupKey": "staff@example.com", "memberKey": "ada@x.test", "role": role });
    for (command, role, changed) in [
        ("addMember", "MEMBER", true),
        ("addMember", "MEMBER", false),
        ("addMember", "OWNER", true),
        ("setMemberRole", "OWNER", false),
        ("setMemberRole", "MANAGER", true),
    ] {
        assert_eq!(directory.payload(command, member(role)).await["changed"], changed, "{command} {role}");
    }
    let key = json!({ "groupKey": "staff@example.com", "memberKey": "ada@x.test" });
    assert_eq!(directory.payload("hasMember", key.clone()).await["member"], true);
    assert_eq!(directory.payload("listMembers", json!({ "groupKey": "staff@example.com" })).await["count"], 1);
    for changed in [true, false] {
        assert_eq!(directory.payload("removeMember", key.clone()).await["changed"], changed);
    }
    let unit =
        json!({ "name": "sales team", "parentOrgUnitPath": "/corp", "onExists": "return", "waitUntilVisible": true });
    for created in [true, false] {
        assert_eq!(directory.payload("createOrgUnit", unit.clone()).await["created"], created);
    }
    assert_eq!(directory.payload("listOrgUnits", json!({})).await["count"], 1);
}

#[tokio::test]
async fn a_long_list_in_pages_of_two() {
    let Some(directory) = Directory::start().await else { return };
    let users: Vec<Value> = (0..1050).map(|n| json!({ "id": n.to_string() })).collect();
    directory.tell("fill", &json!({ "users": users })).await;
    let listed = directory.payload("listUsers", json!({ "limit": 5000 })).await;
    assert_eq!((&listed["count"], &listed["truncated"]), (&json!(1050), &json!(false)));
    let listed = directory.payload("listUsers", json!({ "limit": 7 })).await;
    assert_eq!((&listed["count"], &listed["truncated"]), (&json!(7), &json!(true)));
}

#[tokio::test]
async fn faults_are_waited_out_or_told() {
    let Some(directory) = Directory::start().await else { return };
    let busy = |status: u16, reason: &str| json!({ "status": status, "reason": reason, "message": "Busy" });
    let mut late = busy(429, "rateLimitExceeded");
    late["headers"] = json!({ "retry-after": "1" });
    let faults = json!([busy(403, "userRateLimitExceeded"), busy(403, "quotaExceeded"), late]);
    directory.tell("faults", &faults).await;
    let new = json!({ "primaryEmail": "ada@example.com", "givenName": "Ada", "familyName": "Lovelace" });
    assert_eq!(directory.payload("createUser", new).await["created"], true);

    let ada = json!({ "userKey": "ada@example.com" });
    directory.tell("faults", &json!([busy(503, "backendError")])).await;
    assert!(directory.run("getUser", ada.clone()).await.success);

    // Read, then the change that is made and refused, then read again.
    let done = json!({ "status": 409, "reason": "conflict", "message": "Conflict", "apply": true });
    let pass = json!({ "status": 200, "apply": true });
    directory.tell("faults", &json!([pass, done])).await;
    assert_eq!(directory.payload("suspendUser", ada.clone()).await["changed"], true);

    let gone = json!({ "status": 412, "reason": "conditionNotMet", "message": "User is deleted" });
    directory.tell("faults", &json!([gone])).await;
    let diagnostics = directory.run("getUser", ada.clone()).await.diagnostics.unwrap();
    assert_eq!((&diagnostics["code"], &diagnostics["deleted"]), (&json!("notFound"), &json!(true)));

    let missing = json!({ "status": 404, "reason": "notFound", "message": "Resource Not Found" });
    directory.tell("faults", &json!([pass, missing, missing])).await;
    let new =
        json!({ "primaryEmail": "bob@example.com", "givenName": "B", "familyName": "C", "waitUntilVisible": true });
    assert_eq!(directory.payload("createUser", new).await["visible"], true);
}
