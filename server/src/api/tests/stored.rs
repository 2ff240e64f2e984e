//! What a change of a type does to the stored configs of its connectors: no secret is shown, none stays in plain text.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::connector_secrets;
use crate::store::tests::{TestDb, on_both};
use crate::store::{
    Actor, ConnectorFields, ExecutionModel, NewType, SIGNING_SECRET, SecretChanges, StoredSchema, TypeChoice,
    TypeFields, new_id,
};
use crate::testing::{TestServer, all_types};

on_both!(
    a_field_that_becomes_a_secret_moves_into_the_vault,
    a_secret_that_is_none_any_more_is_not_shown,
    what_a_removed_field_leaves_behind_comes_back_or_is_removed,
    another_endpoint_clears_the_secrets,
    a_default_that_leads_elsewhere_clears_the_secrets,
);

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object is needed") };
    map
}

/// Creates a user's type `name` with a connector `name-first`, bypassing the models that REST accepts.
pub(super) async fn user_type(
    server: &TestServer,
    name: &str,
    model: ExecutionModel,
    schema: Value,
    endpoint_url: Option<&str>,
) -> Uuid {
    let fields = TypeFields {
        version: "1.0.0".to_owned(),
        description: String::new(),
        category: None,
        tags: Vec::new(),
        config_schema: StoredSchema::from_text(schema.to_string()),
        script_source: (model == ExecutionModel::Script).then(|| "function go() {}".to_owned()),
        endpoint_url: endpoint_url.map(str::to_owned),
    };
    let new =
        TypeChoice::New(NewType { name: name.to_owned(), execution_model: model, fields, actor: Actor::system() });
    let first = ConnectorFields::named(format!("{name}-first"));
    server.app.store.connectors().create(new_id(), first, new, Vec::new()).await.unwrap().type_id
}

/// Creates a connector of a type.
pub(super) async fn instance(server: &TestServer, type_id: Uuid, name: &str, config: Value, secrets: &[(&str, Value)]) {
    let id = new_id();
    let fields = ConnectorFields { config: map(config), ..ConnectorFields::named(name) };
    let secrets =
        secrets.iter().map(|(field, value)| connector_secrets::seal(&server.app.vault, id, field, value).unwrap());
    let of = TypeChoice::Existing(type_id);
    server.app.store.connectors().create(id, fields, of, secrets.collect()).await.unwrap();
}

/// Returns what is stored of a connector: its plain config, and its opened secrets.
async fn stored(server: &TestServer, name: &str) -> (Value, Value) {
    let loaded = server.app.store.connectors().load(name).await.unwrap();
    let open = |sealed| connector_secrets::open(&server.app.vault, loaded.connector.id, sealed).unwrap();
    let secrets: Map<String, Value> =
        loaded.secrets.iter().map(|sealed| (sealed.field.clone(), open(sealed))).collect();
    (Value::Object(loaded.connector.fields.config.clone()), Value::Object(secrets))
}

fn schema(fields: Value) -> Value {
    json!({ "connectionConfig": fields, "commands": {} })
}

async fn put(server: &TestServer, name: &str, fields: Value) -> Value {
    let body = json!({ "configSchema": schema(fields), "autoBump": true });
    let path = format!("/api/connector-types/{name}");
    let told = server.post(&format!("{path}/diff"), body.clone()).await.ok(200);
    let done = server.put(&path, body).await.ok(200);
    assert_eq!((&told["change"], &told["version"]), (&done["change"], &done["version"]), "the dry run tells the same");
    assert_eq!(told.get("secretsCleared"), done.get("secretsCleared"));
    done
}

async fn a_field_that_becomes_a_secret_moves_into_the_vault(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let open = json!({ "type": "string" });
    let nested = |secret: bool| {
        let password = if secret { json!({ "writeOnly": true, "format": "password" }) } else { json!({}) };
        json!({ "type": "object", "schema": { "properties": { "password": password } } })
    };
    let before = json!({ "token": open, "login": nested(false), "host": open });
    let id = user_type(&server, "mine", ExecutionModel::Script, schema(before), None).await;
    let config = json!({ "host": "h", "token": "a plain token", "login": { "password": "a plain word" } });
    // More than one batch.
    for number in 0..250 {
        instance(&server, id, &format!("c{number}"), config.clone(), &[]).await;
    }
    instance(&server, id, "empty", json!({ "token": "", "login": null }), &[]).await;
    let secret = json!({ "type": "string", "secret": true });
    put(&server, "mine", json!({ "token": secret, "login": nested(true), "host": open })).await;
    for number in [0, 199, 200, 249] {
        let (plain, sealed) = stored(&server, &format!("c{number}")).await;
        assert_eq!(plain, json!({ "host": "h" }));
        assert_eq!(sealed, json!({ "token": "a plain token", "login": { "password": "a plain word" } }));
        let shown = server.get(&format!("/api/connectors/c{number}")).await.ok(200);
        assert!(!shown.to_string().contains("a plain"), "{shown}");
        assert_eq!(
            (&shown["secrets"]["token"]["set"], &shown["secrets"]["login"]["set"]),
            (&json!(true), &json!(true))
        );
    }
    assert_eq!(stored(&server, "empty").await, (json!({}), json!({})));
    // A field that returns as a secret: the value that it had left behind becomes a secret too.
    let id = user_type(&server, "again", ExecutionModel::Script, schema(json!({ "token": open })), None).await;
    instance(&server, id, "left", json!({ "token": "left behind" }), &[]).await;
    put(&server, "again", json!({})).await;
    assert_eq!(stored(&server, "left").await.0, json!({ "token": "left behind" }));
    put(&server, "again", json!({ "token": secret })).await;
    assert_eq!(stored(&server, "left").await, (json!({}), json!({ "token": "left behind" })));
    server.app.close().await;
}

async fn a_secret_that_is_none_any_more_is_not_shown(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let secret = json!({ "token": { "type": "string", "secret": true } });
    let id = user_type(&server, "mine", ExecutionModel::Script, schema(secret), None).await;
    instance(&server, id, "one", json!({}), &[("token", json!("a canary"))]).await;
    let done = put(&server, "mine", json!({ "token": { "type": "string" } })).await;
    assert_eq!((&done["change"]["level"], &done["version"]), (&json!("major"), &json!("2.0.0")));
    assert_eq!(
        done["change"]["affected"],
        json!([{ "connector": "one", "pointer": "/connectionConfig/token/secret" }])
    );
    let path = "/api/connectors/one";
    let shown = server.get(path).await;
    assert!(!shown.text.contains("canary"), "{}", shown.text);
    let shown = shown.ok(200);
    assert_eq!((&shown["config"], &shown["secrets"]["token"]["set"]), (&json!({}), &json!(true)));
    let instance = server.app.instances.get("one").await.unwrap();
    assert_eq!(instance.redactor.text("it is a canary"), "it is [redacted]");
    // Set again, it is what the type says now, and the sealed value is gone.
    let shown = server.put(path, json!({ "config": { "token": "in the clear" } })).await.ok(200);
    assert_eq!((&shown["config"], &shown["secrets"]), (&json!({ "token": "in the clear" }), &json!({})));
    assert_eq!(stored(&server, "one").await, (json!({ "token": "in the clear" }), json!({})));
    server.app.close().await;
}

#[tokio::test]
async fn a_release_that_makes_a_field_a_secret_seals_it_at_its_start() {
    let mut server = TestServer::start().await;
    for name in ["one", "two"] {
        server.connector(name, "safe", json!({ "apiKey": "in the vault", "tenant": "t" })).await;
    }
    // As an older release has left it, in which the key was not a secret.
    for name in ["one", "two"] {
        let made = server.app.store.connectors().get(name).await.unwrap();
        let config = map(json!({ "apiKey": "in the clear", "tenant": "t" }));
        let fields = ConnectorFields { config, ..made.fields };
        let remove = if name == "one" { vec!["apiKey".to_owned()] } else { Vec::new() };
        let secrets = SecretChanges { put: Vec::new(), remove };
        server.app.store.connectors().update(made.id, made.revision, fields, secrets).await.unwrap();
    }
    for _ in 0..2 {
        server = server.restart(all_types()).await;
        for name in ["one", "two"] {
            let wanted = (json!({ "tenant": "t" }), json!({ "apiKey": "in the clear" }));
            assert_eq!(stored(&server, name).await, wanted, "what was written last counts");
        }
        assert_eq!(server.get("/api/connectors/one").await.header("etag"), "\"3\"", "a second start changes nothing");
    }
}

async fn what_a_removed_field_leaves_behind_comes_back_or_is_removed(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let fields = json!({ "token": { "type": "string", "secret": true }, "region": { "type": "string" } });
    let id = user_type(&server, "mine", ExecutionModel::Script, schema(fields.clone()), None).await;
    for name in ["one", "two"] {
        instance(&server, id, name, json!({ "region": "eu" }), &[("token", json!("a canary"))]).await;
    }
    let done = put(&server, "mine", json!({})).await;
    assert_eq!(done["change"]["affected"].as_array().unwrap().len(), 4);
    let shown = server.put("/api/connectors/one", json!({ "config": { "region": null, "token": null } })).await.ok(200);
    assert_eq!((&shown["config"], &shown["secrets"]), (&json!({}), &json!({})));
    let refused = server.put("/api/connectors/one", json!({ "config": { "region": null, "token": "x" } })).await;
    assert_eq!(refused.problem(422), ["/config/region", "/config/token"]);
    put(&server, "mine", fields).await;
    assert_eq!(stored(&server, "one").await, (json!({}), json!({})));
    assert_eq!(stored(&server, "two").await, (json!({ "region": "eu" }), json!({ "token": "a canary" })));
    server.app.close().await;
}

async fn another_endpoint_clears_the_secrets(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let fields = json!({ "token": { "type": "string", "secret": true } });
    let at = Some("https://one.example.com/a");
    let id = user_type(&server, "away", ExecutionModel::External, schema(fields), at).await;
    for name in ["b", "a"] {
        instance(&server, id, name, json!({}), &[("token", json!("a canary")), (SIGNING_SECRET, json!("signs"))]).await;
    }
    let path = "/api/connector-types/away";
    let done = server.put(path, json!({ "endpointUrl": "https://ONE.example.com:443/b" })).await.ok(200);
    assert_eq!((done.get("secretsCleared"), &done["version"]), (None, &json!("1.0.1")));
    assert_eq!(done["change"]["changes"][0]["rule"], "endpoint_url_changed");
    let elsewhere = json!({ "endpointUrl": "https://two.example.com/" });
    let wanted = json!([
        { "connector": "a", "fields": ["signingSecret", "token"] }, { "connector": "b", "fields": ["signingSecret", "token"] },
    ]);
    assert_eq!(server.post(&format!("{path}/diff"), elsewhere.clone()).await.ok(200)["secretsCleared"], wanted);
    assert_eq!(stored(&server, "a").await.1["token"], "a canary");
    let done = server.put(path, elsewhere).await.ok(200);
    assert_eq!((&done["secretsCleared"], &done["version"]), (&wanted, &json!("1.0.2")));
    assert_eq!(stored(&server, "a").await.1, json!({}));
    server.app.close().await;
}

async fn a_default_that_leads_elsewhere_clears_the_secrets(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let fields = |base: Option<&str>| {
        let mut fields = json!({ "token": { "type": "string", "secret": true } });
        if let Some(base) = base {
            fields["baseUrl"] = json!({ "type": "string", "format": "uri", "default": base });
        }
        fields
    };
    let id =
        user_type(&server, "mine", ExecutionModel::Script, schema(fields(Some("https://one.example/"))), None).await;
    let token = [("token", json!("a canary"))];
    instance(&server, id, "own", json!({ "baseUrl": "https://own.example/" }), &token).await;
    instance(&server, id, "default", json!({}), &token).await;
    assert_eq!(put(&server, "mine", fields(Some("https://one.example/v2"))).await.get("secretsCleared"), None);
    let done = put(&server, "mine", fields(Some("https://two.example/"))).await;
    assert_eq!(done["secretsCleared"], json!([{ "connector": "default", "fields": ["token"] }]));
    assert_eq!(stored(&server, "own").await.1, json!({ "token": "a canary" }));
    // Without it, the value could be set to anything next.
    let done = put(&server, "mine", fields(None)).await;
    assert_eq!(done["secretsCleared"], json!([{ "connector": "own", "fields": ["token"] }]));
    server.app.close().await;
}
