//! What an agent serves against the server's type: refused where they differ, with the param that does.

use serde_json::json;
use test_support::agent::token;
use test_support::{Gate, Setup, Site};

use crate::fixture::{AGENT, calls, connector, execute, forwards, listed, schema, service};

#[tokio::test]
async fn a_connector_of_another_schema_is_refused_until_both_are_one() {
    let service = service(&Gate::shut()).await;
    let floh = Setup::default().start().await;
    let client = floh.admin();
    let mut body = connector("crm");
    body["configSchema"]["commands"]["listUsers"]["paramSchema"]["limit"] = json!({ "type": "string", "default": "2" });
    client.post("/api/connectors", &body).await.expect(201);
    let (_, secret) = token(&floh, AGENT, &["crm"]).await;
    let site = Site::new(&floh, &secret, &forwards("crm", &service));
    let checked = site.check().await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("the server does not take it: it serves crm with another schema"), "{checked:?}");
    let agent = site.start().await;

    let call = json!({ "command": "listUsers" });
    let result = execute(&client, "crm", &call).await;
    let error = result["error"].as_str().unwrap();
    assert!(error.starts_with(&format!("Agent {AGENT} does not serve crm here: ")), "{error}");
    assert!(
        error.contains("/commands/listUsers/paramSchema/limit") && error.contains("bring both to one version"),
        "{error}"
    );
    assert_eq!(calls(&service, "listUsers").len(), 0, "nothing is sent");
    let refused = &listed(&floh).await["refused"]["crm"];
    assert!(refused.as_str().unwrap().contains("paramSchema/limit"), "{refused}");
    assert!(agent.logs().contains("serving nothing"), "{}", agent.logs());
    let line = agent.says("the server does not take a connector from this agent").await;
    assert!(line.contains("crm") && line.contains("paramSchema/limit"), "{line}");
    assert!(floh.logs().contains("a connector is not taken from an agent"), "{}", floh.logs());

    // The type is mended; the connection that was refused serves it.
    let mended = json!({ "configSchema": schema(), "version": "2.0.0" });
    client.put("/api/connector-types/crm", &mended).await.expect(200);
    let result = execute(&client, "crm", &call).await;
    assert_eq!(result["payload"], json!({ "users": [0, 1] }), "{result}");
    assert_eq!(agent.registrations(), 1);
}
