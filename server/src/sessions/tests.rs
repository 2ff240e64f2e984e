//! Who may see and end which session.

use super::*;
use crate::auth::{NewToken, RequestId};
use crate::error::ErrorKind;
use crate::store::{ExecutionSource, TokenKind};
use crate::testing::TestServer;

async fn signed_in(server: &TestServer, scopes: &[&str]) -> (Secret, OpContext) {
    let token = Secret::from(format!(" {}\n", server.token(scopes).await));
    let opened = sign_in(&server.app, &token, &Visitor { door: "ui", ..Visitor::default() }).await.unwrap();
    (opened.secret, OpContext::of_token(opened.identity, ExecutionSource::Ui, RequestId::new()))
}

#[tokio::test]
async fn ones_own_sessions_are_ones_own_and_those_of_others_need_a_scope() {
    let server = TestServer::start().await;
    let (secret, reader) = signed_in(&server, &["types:read"]).await;
    let (_, keeper) = signed_in(&server, &["tokens:read"]).await;
    let (_, admin) = signed_in(&server, &["admin"]).await;
    let own = reader.token_id().unwrap();
    let [session] = &list_sessions(&reader, &server.app, own).await.unwrap()[..] else { panic!("one session") };
    assert_eq!(session.id, server.app.auth.session(secret.expose()).await.unwrap().id);
    assert_eq!(list_sessions(&keeper, &server.app, own).await.unwrap().len(), 1);
    assert_eq!(count_sessions(&keeper, &server.app, &[own]).await.unwrap(), [(own, 1)].into());

    let others = keeper.token_id().unwrap();
    let denied = |error: Error| assert!(matches!(error.kind(), ErrorKind::Denied(Some(_))), "{error}");
    denied(list_sessions(&reader, &server.app, others).await.unwrap_err());
    denied(count_sessions(&reader, &server.app, &[own]).await.unwrap_err());
    denied(end_session(&keeper, &server.app, own, &session.id).await.unwrap_err());
    let wrong = end_session(&admin, &server.app, others, &session.id).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::NotFound, "a session of another token");

    end_session(&admin, &server.app, own, &session.id).await.unwrap();
    assert!(server.app.auth.session(secret.expose()).await.is_err());
    assert_eq!(list_sessions(&reader, &server.app, own).await.unwrap(), []);
    sign_out(&server.app, &secret).await.unwrap();
}

#[tokio::test]
async fn a_server_that_restarts_keeps_sessions_and_tends_them() {
    let server = TestServer::start().await;
    let (secret, _) = signed_in(&server, &["admin"]).await;
    let server = server.restart(crate::testing::all_types()).await;
    let session = server.app.auth.session(secret.expose()).await.unwrap();
    let run = server.app.background().run_now(crate::background::SESSIONS).await.unwrap();
    assert_eq!(run.outcome, Ok(()));
    server.app.auth.session(secret.expose()).await.unwrap();
    // A session ends with its token, whatever revokes it.
    let id = session.identity.token_id;
    server.call("DELETE", &format!("/api/tokens/{id}"), serde_json::Value::Null).await.ok(204);
    assert!(session.ended().is_cancelled() && server.app.auth.session(secret.expose()).await.is_err());
    let agent = NewToken {
        name: "agent".to_owned(),
        kind: TokenKind::Agent,
        scopes: Vec::new(),
        expires_at: None,
        agent_id: Some("agent-1".to_owned()),
        connector_names: Some(vec!["mine".to_owned()]),
    };
    let agent = server.app.auth.issue(agent).await.unwrap().text;
    let refused = sign_in(&server.app, &agent, &Visitor::default()).await.unwrap_err();
    assert!(matches!(refused, SignInError::AgentToken), "{refused}");
}
