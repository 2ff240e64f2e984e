//! Tokens and settings as rows.

use jiff::{SignedDuration, Timestamp};

use super::*;

on_both!(
    a_token_is_kept_and_deleted,
    tokens_are_listed,
    last_use_is_written,
    an_expired_admin_is_none,
    settings_are_kept
);

fn token(scope: &str) -> NewTokenRow {
    NewTokenRow {
        id: new_id(),
        name: "ci".to_owned(),
        kind: TokenKind::Api,
        scopes: vec![scope.to_owned()],
        hash: "ab".repeat(32),
        agent_id: None,
        connector_names: Vec::new(),
        expires_at: None,
    }
}

async fn a_token_is_kept_and_deleted(db: TestDb) {
    let tokens = db.store.tokens();
    let mut agent = token("agents:connect");
    agent.kind = TokenKind::Agent;
    agent.agent_id = Some("agent-prod-01".to_owned());
    agent.connector_names = vec!["internal-ldap".to_owned(), "sap-hr".to_owned()];
    agent.expires_at = Some(now() + SignedDuration::from_hours(1));
    let made = tokens.create(agent.clone()).await.unwrap();
    assert_eq!(made.token, agent);
    assert_eq!(tokens.find(agent.id).await.unwrap().as_ref(), Some(&made));
    tokens.delete(agent.id).await.unwrap();
    assert_eq!(tokens.find(agent.id).await.unwrap(), None);
    assert!(matches!(tokens.delete(agent.id).await, Err(StoreError::NotFound { entity: Entity::Token, .. })));
}

async fn tokens_are_listed(db: TestDb) {
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, db.store.tokens().create(token("types:read")).await.unwrap());
    }
    let first = db.store.tokens().list(&page(2, None)).await.unwrap();
    let second = db.store.tokens().list(&page(2, first.next_cursor.clone())).await.unwrap();
    assert_eq!([first.items, second.items].concat(), made);
    assert_eq!(second.next_cursor, None);
}

async fn last_use_is_written(db: TestDb) {
    let made = db.store.tokens().create(token("types:read")).await.unwrap();
    let at = now();
    db.store.tokens().touch(&[(made.token.id, at), (new_id(), at)]).await.unwrap();
    db.store.tokens().touch(&[]).await.unwrap();
    assert_eq!(db.store.tokens().find(made.token.id).await.unwrap().unwrap().last_used_at, Some(at));
}

async fn an_expired_admin_is_none(db: TestDb) {
    let tokens = db.store.tokens();
    let hour = SignedDuration::from_hours(1);
    tokens.create(token("types:read")).await.unwrap();
    tokens.create(NewTokenRow { expires_at: Some(now() - hour), ..token("admin") }).await.unwrap();
    assert!(!tokens.has_admin(now()).await.unwrap());
    tokens.create(NewTokenRow { expires_at: Some(now() + hour), ..token("admin") }).await.unwrap();
    assert!(tokens.has_admin(now()).await.unwrap());
    assert!(!tokens.has_admin(Timestamp::now() + hour + hour).await.unwrap());
}

async fn settings_are_kept(db: TestDb) {
    let settings = db.store.settings();
    assert_eq!(settings.get("a").await.unwrap(), None);
    assert_eq!(settings.put_if_absent("a", "1").await.unwrap(), "1");
    assert_eq!(settings.put_if_absent("a", "2").await.unwrap(), "1");
    settings.put("a", "3").await.unwrap();
    assert_eq!(settings.get("a").await.unwrap().as_deref(), Some("3"));
}
