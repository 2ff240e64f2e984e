//! Cases that the server's tests do not cover: a log shows no token, and a newer or older server may send other keys.

use serde_json::{Value, json};

use super::*;

const TIME: &str = "2026-01-02T03:04:05Z";

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_token_is_written_once_and_shown_never() {
    let written = json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "ci", "kind": "api", "scopes": ["admin"],
        "token": "floh_canary", "createdAt": TIME, "expiresAt": null, "lastUsedAt": null });
    let view: TokenView = read(written.clone());
    assert!(!format!("{view:?}").contains("canary"), "{view:?}");
    assert_eq!(serde_json::to_value(&view).unwrap(), written);
    let listed = TokenView { token: None, ..view };
    assert_eq!(serde_json::to_value(&listed).unwrap().get("token"), None);
}

#[test]
fn what_serves_a_connector_is_told_apart() {
    let service = json!({ "circuit": "half_open", "failures": 3, "health": { "ok": true, "at": TIME } });
    let agent = json!({ "connected": false });
    assert!(matches!(
        read(service.clone()),
        RemoteState::Service(ServiceState { circuit: CircuitState::HalfOpen, .. })
    ));
    assert!(matches!(read(agent.clone()), RemoteState::Agent(ServingAgent { connected: false, .. })));
    for state in [service, agent] {
        assert_eq!(serde_json::to_value(read::<RemoteState>(state.clone())).unwrap(), state);
    }
}

#[test]
fn a_number_of_a_recorded_call_stays_as_it_was_written() {
    let text = format!(
        r#"{{"id":"01890a5d-ac96-774b-bcce-b302099a8057","connectorId":"01890a5d-ac96-774b-bcce-b302099a8058","connector":"c",
        "type":"t","typeVersion":"1.0.0","command":null,
        "status":"succeeded","actor":null,"requestId":null,"params":{{"n":100000000000000000000000001}},
        "result":{{"success":true,"payload":{{"n":1.10}}}},"mocked":false,"source":"rest","stepId":null,"runId":null,
        "deprecated":false,"logs":[{{"at":"{TIME}","level":"warn","message":"m"}}],"startedAt":"{TIME}","durationMs":1}}"#
    );
    let view: ExecutionView = serde_json::from_str(&text).unwrap();
    assert_eq!(view.params.get(), r#"{"n":100000000000000000000000001}"#);
    assert_eq!(view.result.as_deref().unwrap().get(), r#"{"success":true,"payload":{"n":1.10}}"#);
    assert!(view.read_result().unwrap().unwrap().success);
    assert_eq!(view.read_logs().unwrap()[0].message, "m");
}

#[test]
fn a_draft_becomes_the_body_that_makes_its_connector() {
    let draft: ConnectorDraft = read(json!({ "name": "pets", "type": "pets", "executionModel": "oas_derived",
        "version": "1.0.0", "configSchema": { "connectionConfig": {}, "commands": { "list": {} } },
        "scriptSource": "function list() {}", "config": {}, "operations": [], "warnings": [] }));
    let new = crate::bodies::NewConnector::from(&draft);
    assert_eq!((new.name.as_str(), new.script_source.as_deref()), ("pets", Some("function list() {}")));
    assert!(new.config_schema.unwrap()["commands"]["list"].is_object());
    let broken = json!({ "name": "pets", "type": "pets", "executionModel": "oas_derived", "version": "1.0.0",
        "configSchema": [], "scriptSource": "", "config": {}, "operations": [], "warnings": [] });
    assert!(serde_json::from_value::<ConnectorDraft>(broken).is_err());
}

#[test]
fn a_null_payload_is_not_an_absent_one() {
    for text in [r#"{"success":true,"payload":null}"#, r#"{"success":true}"#, r#"{"success":false,"diagnostics":null}"#]
    {
        let result: ConnectorResult = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&result).unwrap(), text);
    }
}
