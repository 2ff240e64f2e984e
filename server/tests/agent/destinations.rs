//! Services inside the network, under the agent's own list of destinations.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use connector_runtime::Secret;
use connector_runtime::protocol::{self, SIGNATURE_HEADER};
use serde_json::{Value, json};
use test_support::Listener;

use super::fixture;
use super::hub::{Hub, command, keyed, start};

/// Serves a router as connector services are served.
pub(crate) async fn served(router: Router) -> Listener {
    Listener::start(|socket| connector_runtime::serve::serve(socket, router, std::future::pending())).await
}

fn of(mut frame: Value, connector: &str) -> Value {
    frame["connectorName"] = connector.into();
    frame
}

#[tokio::test]
async fn a_service_of_protocol_2_is_called_and_described() {
    let service = served(connector_runtime::serve::router(fixture::registry())).await;
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let address = service.address();
    let config =
        format!("id = \"a\"\nallow = [\"{address}\"]\n[connectors.hr]\nurl = \"http://{address}/agent-fixture\"\n");
    let _agent = start(&hub, &config, folder.path()).await;
    let mut line = hub.accept().await;
    assert!(line.registration["schemas"]["hr"].as_str().unwrap().starts_with("1.2.0;sha256="));
    let result = line.call(of(command("1", "add", json!({ "one": 2, "other": 5 })), "hr")).await;
    let payload = json!({ "sum": 7, "run": "run-1", "key": "canary-of-the-desk" });
    assert_eq!(result, json!({ "success": true, "payload": payload }));
    let panicked = line.call(of(command("2", "panic", json!({})), "hr")).await;
    assert_eq!(panicked["error"], "Connector panicked");
    line.send(&json!({ "type": "describe", "connectorNames": ["hr"] })).await;
    assert!(line.receive().await["configSchemas"]["hr"]["commands"]["write"].is_object());
}

#[tokio::test]
async fn a_plain_service_gets_the_params_and_its_json_is_the_payload() {
    async fn answer(path: &str, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
        let body_value: Value = serde_json::from_slice(&body).unwrap();
        match path {
            "echo" => {
                let signature = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
                let secret = Secret::new("signing secret");
                let signed = protocol::SignedRequest { path: "/api/echo", body: &body };
                let accepted = protocol::AcceptedSignatures::V2;
                protocol::verify(&secret, signature, signed, accepted, std::time::SystemTime::now()).unwrap();
                let key = headers.get("idempotency-key").map(|value| value.to_str().unwrap().to_owned());
                (StatusCode::CREATED, json!({ "got": body_value, "key": key }).to_string())
            }
            "nothing" => (StatusCode::NO_CONTENT, String::new()),
            "text" => (StatusCode::OK, "no JSON".to_owned()),
            _ => (StatusCode::IM_A_TEAPOT, json!({ "said": "signing secret" }).to_string()),
        }
    }
    let route = |path: &'static str| post(move |headers: HeaderMap, body: Bytes| answer(path, headers, body));
    let mut router = Router::new();
    for path in ["echo", "nothing", "text", "fail"] {
        router = router.route(&format!("/api/{path}"), route(path));
    }
    let service = served(router).await;
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let secret = folder.path().join("signing");
    std::fs::write(&secret, "signing secret").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let address = service.address();
    let config = format!(
        "id = \"a\"\nallow = [\"{address}\"]\n[connectors.old]\nurl = \"http://{address}/api\"\nprotocol = \"plain\"\n\
         signing-secret = {{ file = \"{}\" }}\n",
        secret.display()
    );
    let _agent = start(&hub, &config, folder.path()).await;
    let mut line = hub.accept().await;
    assert_eq!(line.registration.get("schemas"), None);
    let echoed = line.call(of(keyed("1", "echo", json!({ "a": [1, "b"] }), "k"), "old")).await;
    assert_eq!(echoed, json!({ "success": true, "payload": { "got": { "a": [1, "b"] }, "key": "k" } }));
    let nothing = line.call(of(command("2", "nothing", json!({})), "old")).await;
    assert_eq!(nothing, json!({ "success": true }));
    let text = line.call(of(command("3", "text", json!({})), "old")).await;
    assert_eq!(text["diagnostics"], json!({ "statusCode": 200, "responseBody": "no JSON" }));
    let failed = line.call(of(command("4", "fail", json!({})), "old")).await;
    let diagnostics = json!({ "statusCode": 418, "responseBody": { "said": "[redacted]" } });
    assert_eq!(failed, json!({ "success": false, "error": "The service answered 418", "diagnostics": diagnostics }));
}

#[tokio::test]
async fn nothing_beside_the_list_is_called() {
    let listed = served(Router::new()).await;
    let other = served(Router::new()).await;
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let config = format!(
        "id = \"a\"\nallow = [\"{}\"]\n[connectors.front-desk]\ntype = \"agent-fixture\"\n\
         [connectors.other]\nurl = \"http://{}\"\n",
        listed.address(),
        other.address()
    );
    let _agent = start(&hub, &config, folder.path()).await;
    let mut line = hub.accept().await;
    let ask = |id: &str, url: String| command(id, "callOut", json!({ "url": url }));
    let found = line.call(ask("1", format!("http://{}/", listed.address()))).await;
    assert_eq!(found, json!({ "success": true, "payload": 404 }));
    for (id, url) in [
        ("2", format!("http://{}/", other.address())),
        ("3", "http://93.184.215.14/".to_owned()),
        ("4", "http://169.254.169.254/latest".to_owned()),
    ] {
        let refused = line.call(ask(id, url)).await;
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains("[not_listed]") && error.contains("can add"), "{error}");
    }
    let refused = line.call(of(command("5", "anything", json!({})), "other")).await;
    assert!(refused["error"].as_str().unwrap().contains("[not_listed]"), "{refused}");
}

#[tokio::test]
async fn a_config_of_the_agent_is_the_one_that_is_used() {
    let (hub, folder) = (Hub::start().await, tempfile::tempdir().unwrap());
    let config = "id = \"a\"\nconfig = \"agent\"\n[connectors.front-desk]\ntype = \"agent-fixture\"\n\
                  config.apiKey = \"of the agent\"\n";
    let _agent = start(&hub, config, folder.path()).await;
    let mut line = hub.accept().await;
    assert_eq!(line.registration["capabilities"]["config"], "agent");
    assert!(!line.registration.to_string().contains("of the agent"));
    let mut frame = command("1", "add", json!({ "one": 1 }));
    frame["config"] = json!({});
    assert_eq!(line.call(frame).await["payload"]["key"], "of the agent");
}
