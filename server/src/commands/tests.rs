//! The list of commands and the search over it.

use serde_json::{Map, Value, json};

use super::*;
use crate::auth::RequestId;
use crate::store::ExecutionSource;
use crate::testing::TestServer;

async fn admin(server: &TestServer) -> OpContext {
    let identity = server.app.auth.authenticate(&server.admin).await.unwrap();
    OpContext::of_token(identity, ExecutionSource::Mcp, RequestId::new())
}

/// Creates a script connector with commands: name, description, effect, params.
async fn connector(server: &TestServer, name: &str, commands: &[(&str, &str, &str, &[&str])]) {
    let mut schema = Map::new();
    let mut source = Map::new();
    for (command, description, effect, params) in commands {
        schema.insert((*command).to_owned(), json!({ "description": description, "effect": effect, "params": params }));
        source.insert((*command).to_owned(), json!({ "success": true }));
    }
    let body = json!({ "name": name, "type": name, "executionModel": "script", "version": "1.0.0", "tags": ["sales"],
        "configSchema": { "commands": schema }, "scriptSource": Value::Object(source).to_string() });
    server.post("/api/connectors", body).await.ok(201);
}

async fn found(server: &TestServer, ctx: &OpContext, query: &str) -> Vec<String> {
    let asked = CommandQuery { query: query.to_owned(), limit: 50, ..CommandQuery::default() };
    let found = search_commands(ctx, server.app.services(), asked).await.unwrap();
    found.iter().map(|(connector, command)| format!("{}.{}", connector.name, command.name)).collect()
}

#[tokio::test]
async fn the_best_fit_comes_first() {
    let server = TestServer::start().await;
    let ctx = admin(&server).await;
    connector(
        &server,
        "idp",
        &[
            ("coreUsersList", "Every account.", "read", &["search"]),
            ("coreUsersRetrieve", "One account of the list.", "read", &["id"]),
            ("coreGroupsList", "Groups and their users.", "read", &[]),
            ("eventsList", "What happened.", "read", &["userName"]),
            ("HTTPServerCheck", "Look.", "read", &[]),
        ],
    )
    .await;
    connector(&server, "crm", &[("listUsers", "Users of the sales system.", "read", &[])]).await;
    assert_eq!(found(&server, &ctx, "list users").await[..2], ["crm.listUsers", "idp.coreUsersList"]);
    assert_eq!(found(&server, &ctx, "idp user list").await[0], "idp.coreUsersList");
    assert_eq!(
        found(&server, &ctx, "server").await,
        ["idp.HTTPServerCheck"],
        "a capital of several belongs to the next word"
    );
    assert_eq!(
        found(&server, &ctx, "sales").await,
        [
            "crm.listUsers",
            "idp.eventsList",
            "idp.HTTPServerCheck",
            "idp.coreGroupsList",
            "idp.coreUsersList",
            "idp.coreUsersRetrieve"
        ],
        "by tags too, shorter names first"
    );
    assert_eq!(found(&server, &ctx, "user name").await[0], "idp.eventsList", "by params");
    assert_eq!(found(&server, &ctx, "please list all the users").await[0], "crm.listUsers", "a sentence");
    assert_eq!(found(&server, &ctx, "invoice").await, Vec::<String>::new());
    assert_eq!(found(&server, &ctx, "").await.len(), 6);
    let long = CommandQuery { query: "x".repeat(201), limit: 10, ..CommandQuery::default() };
    let error = search_commands(&ctx, server.app.services(), long).await.unwrap_err();
    assert!(error.detail().contains("at most 200 characters"), "{error}");
}

#[tokio::test]
async fn a_search_is_narrowed_and_paged() {
    let server = TestServer::start().await;
    let ctx = admin(&server).await;
    connector(&server, "a", &[("getThing", "", "read", &[]), ("dropThing", "", "delete", &[])]).await;
    connector(&server, "b", &[("getThing", "", "read", &[])]).await;
    let names = async |asked: CommandQuery| {
        let found = search_commands(&ctx, server.app.services(), asked).await.unwrap();
        let names: Vec<String> =
            found.iter().map(|(connector, command)| format!("{}.{}", connector.name, command.name)).collect();
        (names, found.total)
    };
    let asked = || CommandQuery { query: "thing".to_owned(), limit: 50, ..CommandQuery::default() };
    let (all, total) = names(asked()).await;
    assert_eq!((all, total), (vec!["a.dropThing".to_owned(), "a.getThing".to_owned(), "b.getThing".to_owned()], 3));
    let connector = Some("b".to_owned());
    assert_eq!(names(CommandQuery { connector, ..asked() }).await.0, ["b.getThing"]);
    assert_eq!(names(CommandQuery { effect: Some(Effect::Delete), ..asked() }).await.0, ["a.dropThing"]);
    assert_eq!(names(CommandQuery { limit: 1, offset: 1, ..asked() }).await, (vec!["a.getThing".to_owned()], 3));
    let unknown = CommandQuery { connector: Some("c".to_owned()), ..asked() };
    let error = search_commands(&ctx, server.app.services(), unknown).await.unwrap_err();
    assert_eq!(error.mistakes()[0].pointer, "/connector");
}

#[tokio::test]
async fn a_type_is_read_once_for_each_revision() {
    let server = TestServer::start().await;
    connector(&server, "a", &[("getThing", "", "read", &[])]).await;
    connector(&server, "b", &[("getThing", "", "read", &[])]).await;
    let index = &server.app.command_index;
    let first = index.list().await.unwrap();
    assert!(Arc::ptr_eq(&first, &index.list().await.unwrap()), "nothing was written");
    server.put("/api/connectors/a", json!({ "description": "new" })).await.ok(200);
    let second = index.list().await.unwrap();
    assert!(first.generation != second.generation);
    assert!(Arc::ptr_eq(&first.connectors[0].of, &second.connectors[0].of), "the type is the same");
    let source = "{ \"getThing\": { \"success\": true, \"payload\": 1 } }";
    server.put("/api/connector-types/a", json!({ "scriptSource": source, "autoBump": true })).await.ok(200);
    let third = index.list().await.unwrap();
    assert_eq!(third.connectors[0].of.version, "1.0.1");
    assert!(Arc::ptr_eq(&second.connectors[1].of, &third.connectors[1].of), "the other one was not read again");
    // A token is no connector.
    server.token(&["admin"]).await;
    assert!(Arc::ptr_eq(&third, &index.list().await.unwrap()));
}
