//! Tokens on a real store.

use std::time::Duration;

use connector_runtime::Secret;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::store::tests::TestDb;
use crate::store::{PageRequest, Store, StoreError, TokenKind, TokenRow};

const OWN: &str = "0123456789abcdef0123456789abcdef";

fn new(scopes: &[&str]) -> NewToken {
    NewToken {
        name: "n".to_owned(),
        kind: TokenKind::Api,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
        agent_id: None,
        connector_names: Vec::new(),
    }
}

async fn tokens(store: &Store) -> Vec<TokenRow> {
    store.tokens().list(&PageRequest::default()).await.unwrap().items
}

#[test]
fn scopes_are_read_by_name_and_by_group() {
    let read = |names: &[&str]| Scope::parse_all(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(read(&["runs:*"]).unwrap(), [Scope::RunsRead, Scope::RunsWrite]);
    assert_eq!(
        read(&["connectors:*", "connectors:read"]).unwrap(),
        [Scope::ConnectorsRead, Scope::ConnectorsWrite, Scope::ConnectorsExecute]
    );
    for unknown in ["*", ":*", "runs*", "runs:", "admin:*", "Admin", " admin", "connectors:read ", "x:*", ""] {
        assert_eq!(read(&["admin", unknown]), Err(UnknownScope(unknown.to_owned())), "{unknown:?}");
    }
    for (name, scope) in Scope::ALL {
        assert_eq!((scope.as_str(), name.parse()), (name, Ok(scope)));
    }
    let told = UnknownScope("x".to_owned()).to_string();
    assert!(Scope::ALL.iter().all(|(name, _)| told.contains(name)), "{told}");
}

#[tokio::test]
async fn admin_may_everything_and_others_what_they_were_given() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store);
    let admin = auth.issue(new(&["admin"])).await.unwrap();
    let admin = auth.authenticate(admin.text.expose()).await.unwrap();
    let reader = auth.issue(new(&["types:read"])).await.unwrap();
    let reader = auth.authenticate(reader.text.expose()).await.unwrap();
    for (_, scope) in Scope::ALL {
        assert!(admin.allows(scope));
        assert_eq!(reader.allows(scope), scope == Scope::TypesRead);
    }
}

#[tokio::test]
async fn only_the_very_text_of_a_token_lets_in() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(new(&["admin"])).await.unwrap();
    let text = issued.text.expose().to_owned();
    assert_eq!(auth.authenticate(&text).await.unwrap().token_id, issued.row.token.id);
    let other = auth.issue(new(&["admin"])).await.unwrap().text.expose().to_owned();
    let (head, tail) = (text.rsplit_once('_').unwrap().0, other.rsplit_once('_').unwrap().1);
    for wrong in [
        String::new(),
        format!("{text} "),
        format!(" {text}"),
        text[..text.len() - 1].to_owned(),
        format!("{head}_{tail}"),
        text.to_uppercase(),
        issued.row.token.hash.clone(),
        issued.row.token.id.to_string(),
    ] {
        assert!(matches!(auth.authenticate(&wrong).await, Err(AuthError::Unknown)), "{wrong}");
    }
    let row = &tokens(&db.store).await[1].token;
    assert!(!format!("{row:?}").contains(text.rsplit('_').next().unwrap()), "the store has the hash alone");
    assert_eq!(row.hash.len(), 64);
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over_also_while_it_is_trusted() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store);
    // In whole milliseconds, as the store keeps it.
    let end = crate::store::now() + SignedDuration::from_millis(1500);
    let issued = auth.issue(NewToken { expires_at: Some(end), ..new(&["admin"]) }).await.unwrap();
    auth.authenticate(issued.text.expose()).await.unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    let error = loop {
        match auth.authenticate(issued.text.expose()).await {
            Err(error) => break error,
            Ok(_) => assert!(Instant::now() < limit, "it never ended"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(matches!(error, AuthError::Expired), "{error}");
    assert!(Timestamp::now() >= issued.row.token.expires_at.unwrap());
}

#[tokio::test]
async fn a_revoked_token_is_out_at_once_here_and_soon_elsewhere() {
    let db = TestDb::sqlite().await;
    let (here, there) = (Authenticator::new(db.store.clone()), Authenticator::new(db.store.clone()));
    let issued = here.issue(new(&["admin"])).await.unwrap();
    let text = issued.text.expose();
    here.authenticate(text).await.unwrap();
    there.authenticate(text).await.unwrap();
    let trusted = Instant::now();
    here.revoke(issued.row.token.id).await.unwrap();
    assert!(matches!(here.authenticate(text).await, Err(AuthError::Unknown)));
    while there.authenticate(text).await.is_ok() {
        assert!(trusted.elapsed() < Duration::from_secs(10), "it was trusted for ever");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(there.authenticate(text).await, Err(AuthError::Unknown)));
    assert!(matches!(here.revoke(issued.row.token.id).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn what_is_trusted_is_not_read_again() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(new(&["admin"])).await.unwrap();
    auth.authenticate(issued.text.expose()).await.unwrap();
    db.store.close().await;
    auth.authenticate(issued.text.expose()).await.unwrap();
    let fresh = Authenticator::new(db.store.clone());
    assert!(matches!(fresh.authenticate(issued.text.expose()).await, Err(AuthError::Store(_))));
}

#[tokio::test]
async fn the_time_of_last_use_is_written_when_asked_and_kept_until_then() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(new(&["admin"])).await.unwrap();
    auth.flush_last_used().await.unwrap();
    assert_eq!(tokens(&db.store).await[0].last_used_at, None);
    let before = crate::store::now();
    auth.authenticate(issued.text.expose()).await.unwrap();
    assert_eq!(tokens(&db.store).await[0].last_used_at, None);
    auth.flush_last_used().await.unwrap();
    let used = tokens(&db.store).await[0].last_used_at.unwrap();
    assert!(used >= before);
    // A refused caller leaves no trace, a token that is gone is no fault.
    auth.authenticate("floh_nothing").await.unwrap_err();
    auth.flush_last_used().await.unwrap();
    assert_eq!(tokens(&db.store).await[0].last_used_at, Some(used));
    auth.authenticate(issued.text.expose()).await.unwrap();
    auth.revoke(issued.row.token.id).await.unwrap();
    auth.flush_last_used().await.unwrap();
}

#[tokio::test]
async fn the_first_start_makes_one_admin_token() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    auth.issue(new(&["connectors:read"])).await.unwrap();
    let first = auth.ensure_admin(None).await.unwrap().expect("none is there yet");
    assert!(auth.authenticate(first.expose()).await.unwrap().allows(Scope::TokensWrite));
    assert!(auth.ensure_admin(None).await.unwrap().is_none());
    assert_eq!(tokens(&db.store).await.len(), 2);
}

#[tokio::test]
async fn the_operators_own_token_must_be_long_and_sendable() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let own = async |text: &str| auth.ensure_admin(Some(Secret::from(text))).await.unwrap_err().to_string();
    assert!(own(&OWN[1..]).await.starts_with("FLOH_ADMIN_TOKEN has 31 characters; use at least 32"));
    for bad in [format!("{OWN} "), format!("{OWN}\n"), format!("{OWN}ä"), format!("a b{OWN}")] {
        let told = own(&bad).await;
        assert!(told.contains("printable ASCII") && !told.contains(OWN), "{told}");
    }
    assert_eq!(tokens(&db.store).await, []);
}

#[tokio::test]
async fn the_operators_own_token_replaces_the_one_before_it() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let second = format!("{OWN}-second");
    for _ in 0..2 {
        assert!(auth.ensure_admin(Some(Secret::from(OWN))).await.unwrap().is_none());
        assert!(auth.authenticate(OWN).await.unwrap().allows(Scope::Admin));
        assert_eq!(tokens(&db.store).await.len(), 1);
    }
    // Without the variable it stays valid; with another value it does not.
    assert!(auth.ensure_admin(None).await.unwrap().is_none());
    auth.authenticate(OWN).await.unwrap();
    auth.ensure_admin(Some(Secret::from(second.as_str()))).await.unwrap();
    assert!(matches!(auth.authenticate(OWN).await, Err(AuthError::Unknown)));
    auth.authenticate(&second).await.unwrap();
    assert_eq!(tokens(&db.store).await.len(), 1);
    // Deleted by hand, it comes back at the next start.
    auth.revoke(tokens(&db.store).await[0].token.id).await.unwrap();
    auth.ensure_admin(Some(Secret::from(second.as_str()))).await.unwrap();
    auth.authenticate(&second).await.unwrap();
}

#[tokio::test]
async fn a_token_of_this_server_given_back_as_the_operators_own_becomes_an_admins() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(new(&["types:read"])).await.unwrap();
    auth.ensure_admin(Some(issued.text.clone())).await.unwrap();
    assert!(auth.authenticate(issued.text.expose()).await.unwrap().allows(Scope::Admin));
    // Another text with the id of a token of this server: its owner's text ends.
    let text = issued.text.expose();
    let forged = format!("{}_{}", text.rsplit_once('_').unwrap().0, "A".repeat(43));
    auth.ensure_admin(Some(Secret::from(forged.as_str()))).await.unwrap();
    assert!(auth.authenticate(&forged).await.unwrap().allows(Scope::Admin));
    assert!(matches!(auth.authenticate(text).await, Err(AuthError::Unknown)));
}

#[tokio::test]
async fn an_agents_token_connects_and_does_nothing_else() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let names = vec!["mine".to_owned()];
    let agent =
        NewToken { kind: TokenKind::Agent, agent_id: Some("a".to_owned()), connector_names: names.clone(), ..new(&[]) };
    let issued = auth.issue(agent.clone()).await.unwrap();
    let identity = auth.authenticate(issued.text.expose()).await.unwrap();
    assert_eq!((identity.kind, &identity.scopes[..]), (TokenKind::Agent, &[Scope::AgentsConnect][..]));
    assert_eq!((identity.agent_id.as_deref(), &identity.connector_names), (Some("a"), &names));
    let refused = auth.issue(NewToken { scopes: vec!["admin".to_owned()], ..agent.clone() }).await.unwrap_err();
    assert_eq!(refused.field(), "scopes");
    let long = "x".repeat(201);
    assert_eq!(auth.issue(NewToken { agent_id: Some(long.clone()), ..agent }).await.unwrap_err().field(), "agentId");
    assert_eq!(auth.issue(NewToken { name: long, ..new(&["admin"]) }).await.unwrap_err().field(), "name");
}

#[tokio::test]
async fn a_scope_of_a_newer_release_is_no_right() {
    let db = TestDb::sqlite().await;
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(new(&["types:read"])).await.unwrap();
    let mut row = issued.row.token.clone();
    db.store.tokens().delete(row.id).await.unwrap();
    row.scopes = vec!["galaxy:write".to_owned(), "types:read".to_owned()];
    db.store.tokens().create(row).await.unwrap();
    assert_eq!(auth.authenticate(issued.text.expose()).await.unwrap().scopes, [Scope::TypesRead]);
    assert_ne!(issued.row.token.id, Uuid::nil());
}
