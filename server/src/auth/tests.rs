//! Tokens: created, recognised, revoked at once; the first token; and no token text where it must not appear.

use std::collections::HashSet;

use connector_runtime::Secret;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

mod sessions;

use super::token::{TokenHash, id_of, mint};
use super::*;
use crate::store::tests::{TestDb, on_both};
use crate::store::{PageRequest, Store, StoreError, TokenKind, new_id, now};

fn api(scopes: &[&str]) -> NewToken {
    NewToken {
        name: "ci".to_owned(),
        kind: TokenKind::Api,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
        agent_id: None,
        connector_names: None,
    }
}

fn agent() -> NewToken {
    NewToken {
        name: "agent".to_owned(),
        kind: TokenKind::Agent,
        scopes: Vec::new(),
        expires_at: None,
        agent_id: Some("agent-prod-01".to_owned()),
        connector_names: Some(vec!["sap-hr".to_owned(), "internal-ldap".to_owned(), "sap-hr".to_owned()]),
    }
}

#[test]
fn a_token_text_holds_its_id_and_256_random_bits() {
    let id = new_id();
    let texts: HashSet<String> = (0..1000).map(|_| mint(id).unwrap().expose().to_owned()).collect();
    assert_eq!(texts.len(), 1000);
    // With so many secrets, some contain the separator, also at both ends.
    assert!(texts.iter().any(|text| text[38..].contains('_')));
    for text in texts {
        assert_eq!(text.len(), 5 + 32 + 1 + 43);
        assert_eq!(id_of(&text), Some(id), "{text}");
    }
}

#[test]
fn texts_of_another_form_are_malformed() {
    let text = mint(new_id()).unwrap().expose().to_owned();
    for other in [
        text.replace("floh_", "Floh_"),
        text.replace("floh_", "floh__"),
        text[..text.len() - 1].to_owned(),
        format!("{text}A"),
        format!("{text}="),
        format!(" {text}"),
        text.replacen('_', "-", 2),
        "floh_".to_owned(),
        "floh__".to_owned(),
        format!("floh_{}_", new_id().simple()),
        format!("floh_{}_{}", new_id(), "A".repeat(43)),
        format!("floh_{}_{}", "g".repeat(32), "A".repeat(43)),
    ] {
        assert_eq!(id_of(&other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        prop_assert_eq!(id_of(&text), None);
        prop_assert!(TokenHash::from_hex(&text).is_none_or(|hash| hash.to_hex() == text.to_lowercase()));
    }
}

#[test]
fn hashes_round_trip_and_differ_by_one_character() {
    let hash = TokenHash::of("a token");
    assert!(TokenHash::from_hex(&hash.to_hex()).unwrap().matches(&hash));
    assert!(!TokenHash::of("a tokem").matches(&hash));
    assert!(TokenHash::from_hex("").is_none() && TokenHash::from_hex(&"ä".repeat(32)).is_none());
}

#[test]
fn scopes_are_read_alone_and_by_prefix() {
    for scope in Scope::ALL {
        assert_eq!(Scopes::parse(scope.as_str()), Ok(Scopes::from(scope)));
    }
    assert_eq!(Scopes::parse("runs:*").unwrap().names(), ["runs:read", "runs:write"]);
    assert_eq!(Scopes::parse("tokens:*").unwrap().names(), ["tokens:read", "tokens:write"]);
    for unknown in ["", "*", ":*", "run:*", "runs:", "Runs:read", "runs:read ", "admin:*", "connectors:delete"] {
        let error = Scopes::parse(unknown).unwrap_err().to_string();
        assert!(error.starts_with(&format!("unknown scope {unknown}, expected one of connectors:read, ")), "{error}");
        assert!(error.contains("agents:connect") && error.ends_with("admin"), "{error}");
    }
}

#[test]
fn a_scope_grants_itself_and_admin_grants_all() {
    for held in Scope::ALL {
        for wanted in Scope::ALL {
            let allowed = Scopes::from(held).allows(wanted);
            assert_eq!(allowed, held == wanted || held == Scope::Admin, "{held} {wanted}");
        }
    }
    assert!(!Scope::ALL.into_iter().any(|scope| Scopes::default().allows(scope)));
    assert_eq!(format!("{:?}", Scopes::parse("runs:*").unwrap()), r#"{"runs:read", "runs:write"}"#);
}

#[test]
fn bearer_headers_are_read() {
    for header in ["Bearer abc", "bearer abc", "BEARER  abc "] {
        assert_eq!(bearer(Some(header)).unwrap(), "abc");
    }
    for header in [None, Some(""), Some("abc"), Some("Basic abc"), Some("Bearer"), Some("Bearerabc")] {
        assert!(matches!(bearer(header), Err(AuthError::Missing)), "{header:?}");
    }
}

on_both!(
    a_token_lets_its_holder_in,
    wrong_tokens_let_nobody_in,
    an_expired_token_lets_nobody_in,
    a_revoked_token_ends_at_once,
    a_revocation_elsewhere_is_seen_soon,
    no_caller_gets_in_after_a_revocation_that_it_raced,
    a_known_token_costs_no_query,
    faults_are_named_all_at_once,
    an_agents_token_is_bound,
    last_use_is_written_when_flushed,
    the_first_start_makes_one_admin_token,
    the_environments_token_lives_with_the_environment,
    bad_environment_tokens_are_refused,
    a_damaged_row_lets_nobody_in,
    no_text_is_stored_or_shown,
);

async fn a_token_lets_its_holder_in(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["connectors:read", "runs:*"])).await.unwrap();
    assert_eq!(issued.row.token.scopes, ["connectors:read", "runs:read", "runs:write"]);
    for auth in [auth.clone(), auth, Authenticator::new(db.store.clone())] {
        let identity = auth.authenticate(issued.text.expose()).await.unwrap();
        assert_eq!(
            (identity.token_id, identity.name.as_str(), identity.kind),
            (issued.row.token.id, "ci", TokenKind::Api)
        );
        assert!(identity.allows(Scope::ConnectorsRead) && identity.allows(Scope::RunsWrite));
        assert!(!identity.allows(Scope::ConnectorsWrite) && !identity.allows(Scope::Admin));
        assert!(!identity.revoked().is_cancelled());
    }
}

async fn wrong_tokens_let_nobody_in(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["admin"])).await.unwrap();
    let text = issued.text.expose();
    assert!(matches!(auth.authenticate("").await, Err(AuthError::Missing)));
    assert!(matches!(auth.authenticate("hunter2").await, Err(AuthError::Malformed)));
    let other = mint(new_id()).unwrap();
    assert!(matches!(auth.authenticate(other.expose()).await, Err(AuthError::Unknown)));
    // The id is right and the secret is not; tried before and after the right one has been used.
    let forged = mint(issued.row.token.id).unwrap();
    for _ in 0..2 {
        assert!(matches!(auth.authenticate(forged.expose()).await, Err(AuthError::Unknown)));
        auth.authenticate(text).await.unwrap();
    }
    // The same bytes in another spelling are another token.
    let upper = format!("floh_{}{}", text[5..37].to_uppercase(), &text[37..]);
    assert!(upper == text || matches!(auth.authenticate(&upper).await, Err(AuthError::Unknown)));
}

async fn an_expired_token_lets_nobody_in(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let end = now() + SignedDuration::from_hours(1);
    let issued = auth.issue(NewToken { expires_at: Some(end), ..api(&["admin"]) }).await.unwrap();
    let just_before = end - SignedDuration::from_millis(1);
    auth.authenticate_at(issued.text.expose(), just_before).await.unwrap();
    for late in [end, end + SignedDuration::from_hours(24)] {
        let refused = auth.authenticate_at(issued.text.expose(), late).await;
        assert!(matches!(refused, Err(AuthError::Expired)), "{refused:?}");
        // A caller without the right secret does not learn that the token has expired.
        let forged = mint(issued.row.token.id).unwrap();
        assert!(matches!(auth.authenticate_at(forged.expose(), late).await, Err(AuthError::Unknown)));
    }
}

async fn a_revoked_token_ends_at_once(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["admin"])).await.unwrap();
    let identity = auth.authenticate(issued.text.expose()).await.unwrap();
    let open = identity.revoked().clone();
    let waiting = tokio::spawn(async move { open.cancelled().await });
    auth.revoke(identity.token_id).await.unwrap();
    waiting.await.unwrap();
    assert!(matches!(auth.authenticate(issued.text.expose()).await, Err(AuthError::Unknown)));
    assert!(matches!(auth.revoke(identity.token_id).await, Err(StoreError::NotFound { .. })));
}

async fn a_revocation_elsewhere_is_seen_soon(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["admin"])).await.unwrap();
    let start = now();
    let identity = auth.authenticate_at(issued.text.expose(), start).await.unwrap();
    // After another lookup it is still the same identity, because open connections wait for its revocation.
    let later = start + SignedDuration::from_secs(6);
    let again = auth.authenticate_at(issued.text.expose(), later).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&identity, &again));
    let elsewhere = Store::open(&db.url).await.unwrap();
    elsewhere.tokens().delete(issued.row.token.id).await.unwrap();
    elsewhere.close().await;
    let soon = later + SignedDuration::from_secs(6);
    assert!(matches!(auth.authenticate_at(issued.text.expose(), soon).await, Err(AuthError::Unknown)));
    assert!(identity.revoked().is_cancelled());
}

async fn no_caller_gets_in_after_a_revocation_that_it_raced(db: TestDb) {
    for _ in 0..20 {
        let auth = Authenticator::new(db.store.clone());
        let issued = auth.issue(api(&["admin"])).await.unwrap();
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let (auth, text) = (auth.clone(), issued.text.clone());
                tokio::spawn(async move { auth.authenticate(text.expose()).await })
            })
            .collect();
        auth.revoke(issued.row.token.id).await.unwrap();
        let after = auth.authenticate(issued.text.expose()).await;
        assert!(matches!(after, Err(AuthError::Unknown)), "{after:?}");
        for caller in callers {
            match caller.await.unwrap() {
                Ok(identity) => assert!(identity.revoked().is_cancelled()),
                Err(error) => assert!(matches!(error, AuthError::Unknown), "{error:?}"),
            }
        }
        assert!(matches!(auth.authenticate(issued.text.expose()).await, Err(AuthError::Unknown)));
    }
}

async fn a_known_token_costs_no_query(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["admin"])).await.unwrap();
    let start = now();
    auth.authenticate_at(issued.text.expose(), start).await.unwrap();
    db.store.close().await;
    for seconds in 0..5 {
        auth.authenticate_at(issued.text.expose(), start + SignedDuration::from_secs(seconds)).await.unwrap();
    }
    for other in [SignedDuration::from_secs(5), SignedDuration::from_secs(-1)] {
        let away = auth.authenticate_at(issued.text.expose(), start + other).await;
        assert!(matches!(away, Err(AuthError::Store(_))), "{away:?}");
    }
}

async fn faults_are_named_all_at_once(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let mut bad = api(&["connectors:read", "connectors:fly"]);
    bad.name = " \n".to_owned();
    bad.expires_at = Some(now() - SignedDuration::from_secs(1));
    bad.agent_id = Some("agent".to_owned());
    bad.connector_names = Some(Vec::new());
    let Err(IssueError::Invalid(faults)) = auth.issue(bad).await else { panic!("faults are expected") };
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/scopes/1", "/expiresAt", "/agentId", "/connectorNames"]);
    assert!(faults[1].message.contains("connectors:execute"), "{faults:?}");
    let Err(IssueError::Invalid(faults)) = auth.issue(api(&[])).await else { panic!("a fault is expected") };
    assert_eq!(faults[0].pointer, "/scopes");
    assert!(db.store.tokens().list(&PageRequest::default()).await.unwrap().items.is_empty());
}

async fn an_agents_token_is_bound(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(agent()).await.unwrap();
    let identity = auth.authenticate(issued.text.expose()).await.unwrap();
    assert_eq!(identity.kind, TokenKind::Agent);
    assert_eq!(identity.agent_id.as_deref(), Some("agent-prod-01"));
    assert_eq!(identity.connector_names, ["internal-ldap", "sap-hr"]);
    assert_eq!(identity.scopes.iter().collect::<Vec<_>>(), [Scope::AgentsConnect]);
    auth.issue(NewToken { scopes: vec!["agents:connect".to_owned()], ..agent() }).await.unwrap();

    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (new, pointer) in [
        (NewToken { agent_id: None, ..agent() }, "/agentId"),
        (NewToken { agent_id: Some(String::new()), ..agent() }, "/agentId"),
        (NewToken { agent_id: Some("-a".to_owned()), ..agent() }, "/agentId"),
        (NewToken { agent_id: Some("a b".to_owned()), ..agent() }, "/agentId"),
        (NewToken { agent_id: Some("a".repeat(129)), ..agent() }, "/agentId"),
        (NewToken { connector_names: None, ..agent() }, "/connectorNames"),
        (NewToken { connector_names: Some(Vec::new()), ..agent() }, "/connectorNames"),
        (NewToken { connector_names: Some(names(&["ok", "Not-Ok"])), ..agent() }, "/connectorNames/1"),
        (NewToken { connector_names: Some(names(&["a--b"])), ..agent() }, "/connectorNames/0"),
        (NewToken { connector_names: Some(names(&[&"a".repeat(64)])), ..agent() }, "/connectorNames/0"),
        (NewToken { connector_names: Some(names(&[&Uuid::nil().to_string()])), ..agent() }, "/connectorNames/0"),
        (NewToken { scopes: names(&["agents:connect", "connectors:read"]), ..agent() }, "/scopes"),
        (NewToken { scopes: names(&["admin"]), ..agent() }, "/scopes"),
    ] {
        let Err(IssueError::Invalid(faults)) = auth.issue(new.clone()).await else { panic!("{new:?}") };
        assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{new:?}");
    }
}

async fn last_use_is_written_when_flushed(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (used, unused) = (auth.issue(api(&["admin"])).await.unwrap(), auth.issue(api(&["admin"])).await.unwrap());
    let last_used = async |issued: &IssuedToken| -> Option<Timestamp> {
        db.store.tokens().find(issued.row.token.id).await.unwrap().unwrap().last_used_at
    };
    let at = now();
    auth.authenticate_at(used.text.expose(), at).await.unwrap();
    let forged = mint(unused.row.token.id).unwrap();
    auth.authenticate_at(forged.expose(), at).await.unwrap_err();
    assert_eq!(last_used(&used).await, None);
    auth.flush_last_used().await.unwrap();
    assert_eq!((last_used(&used).await, last_used(&unused).await), (Some(at), None));
    // Nothing has changed, so nothing is written: another process's later value stays.
    let elsewhere = at + SignedDuration::from_secs(60);
    db.store.tokens().touch(&[(used.row.token.id, elsewhere)]).await.unwrap();
    auth.flush_last_used().await.unwrap();
    assert_eq!(last_used(&used).await, Some(elsewhere));
}

async fn the_first_start_makes_one_admin_token(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let AdminStart::Created { token: text, is_first: true } = auth.ensure_admin(None).await.unwrap() else {
        panic!("none was there")
    };
    assert!(auth.authenticate(text.expose()).await.unwrap().allows(Scope::TokensWrite));
    let again = Authenticator::new(db.store.clone());
    assert!(matches!(again.ensure_admin(None).await.unwrap(), AdminStart::Present));
    let id = again.authenticate(text.expose()).await.unwrap().token_id;
    // The last administrator's token is gone: the next start creates one again.
    again.issue(api(&["tokens:*"])).await.unwrap();
    again.revoke(id).await.unwrap();
    assert!(matches!(auth.ensure_admin(None).await.unwrap(), AdminStart::Created { is_first: false, .. }));
}

async fn the_environments_token_lives_with_the_environment(db: TestDb) {
    let start = async |store: &Store, environment: Option<&str>| {
        let auth = Authenticator::new(store.clone());
        let how = auth.ensure_admin(environment.map(Secret::new).as_ref()).await.unwrap();
        (auth, how)
    };
    let (one, two) = ("kZ3vT0qW9xB7nR2mL5cY8dF1gH4jS6pA", "pX8wQ1nV6bM3zK9tC5rD2hG7fJ4sL0yE");
    let (auth, how) = start(&db.store, Some(one)).await;
    assert!(matches!(how, AdminStart::Environment));
    let first = auth.authenticate(one).await.unwrap();
    assert!(first.allows(Scope::Admin));
    assert!(matches!(auth.authenticate(two).await, Err(AuthError::Malformed)));

    // The same at the next start: the same row, which was not created twice.
    let (auth, _) = start(&db.store, Some(one)).await;
    assert_eq!(auth.authenticate(one).await.unwrap().token_id, first.token_id);
    assert_eq!(db.store.tokens().list(&PageRequest::default()).await.unwrap().items.len(), 1);

    // Another replaces it.
    let (auth, _) = start(&db.store, Some(two)).await;
    assert!(auth.authenticate(two).await.unwrap().allows(Scope::Admin));
    assert!(auth.authenticate(one).await.is_err());
    assert_eq!(db.store.tokens().list(&PageRequest::default()).await.unwrap().items.len(), 1);

    // A revoked one stops working at once, and works again after the next start.
    let id = auth.authenticate(two).await.unwrap().token_id;
    auth.revoke(id).await.unwrap();
    assert!(auth.authenticate(two).await.is_err());
    let (auth, _) = start(&db.store, Some(two)).await;
    auth.authenticate(two).await.unwrap();

    // Without the variable it stays, also if that happens twice.
    start(&db.store, None).await;
    let (auth, how) = start(&db.store, None).await;
    assert!(matches!(how, AdminStart::Present), "{how:?}");
    let id = auth.authenticate(two).await.unwrap().token_id;
    assert!(auth.authenticate(two).await.unwrap().allows(Scope::Admin));

    // Once it is revoked, it does not come back, and another administrator's token is needed.
    auth.revoke(id).await.unwrap();
    let (auth, how) = start(&db.store, None).await;
    let AdminStart::Created { token: text, .. } = how else { panic!("{how:?}") };
    assert!(auth.authenticate(two).await.is_err());
    auth.authenticate(text.expose()).await.unwrap();

    // A token that was printed once may be supplied by the environment too.
    let (auth, _) = start(&db.store, Some(text.expose())).await;
    assert!(auth.authenticate(text.expose()).await.unwrap().allows(Scope::Admin));
}

async fn bad_environment_tokens_are_refused(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    for (text, reason) in [
        ("", "has 0 characters"),
        ("hunter2-hunter2-hunter2-hunter2", "has 31 characters"),
        ("hunter2 hunter2 hunter2 hunter2 hunter2", "no HTTP header takes"),
        ("hunter2-hunter2-hunter2-hunter2-ü", "no HTTP header takes"),
        ("hunter2-hunter2-hunter2-hunter2-", "is weak (it repeats itself)"),
        ("hunter2-is-the-secret-of-the-administrator", "is weak (it is made of words)"),
    ] {
        let error = auth.ensure_admin(Some(&Secret::new(text))).await.unwrap_err().to_string();
        assert!(error.starts_with("FLOH_ADMIN_TOKEN ") && error.contains(reason), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(db.store.tokens().list(&PageRequest::default()).await.unwrap().items.is_empty());
}

async fn a_damaged_row_lets_nobody_in(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["connectors:read"])).await.unwrap();
    for hash in ["", "zz"] {
        db.set_all("token", "hash", hash).await;
        assert!(matches!(auth.authenticate(issued.text.expose()).await, Err(AuthError::Unknown)));
    }
    db.set_all("token", "hash", &issued.row.token.hash).await;
    // A scope of a newer release grants nothing in this one.
    db.set_all("token", "scopes", r#"["connectors:fly"]"#).await;
    assert!(auth.authenticate(issued.text.expose()).await.unwrap().scopes.is_empty());
}

async fn no_text_is_stored_or_shown(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let issued = auth.issue(api(&["admin"])).await.unwrap();
    let secret = &issued.text.expose()[38..];
    let identity = auth.authenticate(issued.text.expose()).await.unwrap();
    let rows = db.store.tokens().list(&PageRequest::default()).await.unwrap();
    let shown = format!("{issued:?} {identity:?} {auth:?} {rows:?}");
    assert!(!shown.contains(secret) && !shown.contains(&issued.row.token.hash), "{shown}");
    let row = &rows.items[0].token;
    assert_eq!(row.hash, TokenHash::of(issued.text.expose()).to_hex());
    assert!(!format!("{} {} {:?}", row.id, row.name, row.scopes).contains(secret));
}
