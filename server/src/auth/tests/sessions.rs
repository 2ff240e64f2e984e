//! Sessions: opened by a token or a code, the token's identity under another name, ended with it, and no secret stored.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::store::tests::count;

fn visitor() -> Visitor {
    let user_agent = Some(format!("Browser\r\n {}", "x".repeat(2 * MAX_USER_AGENT)));
    Visitor { user_agent, peer: Some(([192, 0, 2, 1], 4711).into()), door: "ui" }
}

async fn token(auth: &Authenticator, new: NewToken) -> (Uuid, Secret) {
    let issued = auth.issue(new).await.unwrap();
    (issued.row.token.id, issued.text)
}

fn is_ended(outcome: &Result<Session, AuthError>) -> bool {
    matches!(outcome, Err(AuthError::SessionEnded))
}

on_both!(
    a_session_is_its_tokens_identity,
    it_ends_when_it_is_not_used_and_after_a_week,
    it_ends_with_its_token,
    an_end_elsewhere_is_seen_soon,
    nobody_gets_in_after_a_sign_out_that_it_raced,
    the_oldest_of_too_many_ends,
    a_used_session_costs_no_query_and_one_write_a_minute,
    what_is_wrong_signs_nobody_in_and_takes_its_time,
    a_login_code_signs_in_once,
    no_secret_is_stored_or_shown,
);

async fn a_session_is_its_tokens_identity(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (id, text) = token(&auth, api(&["connectors:read"])).await;
    let opened = auth.sign_in(text.expose(), &visitor()).await.unwrap();
    assert_eq!(opened.secret.expose().len(), 43);
    let session = auth.session(opened.secret.expose()).await.unwrap();
    let bearer = auth.authenticate(text.expose()).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&session.identity, &bearer), "one identity, whichever way it came");
    assert!(session.identity.allows(Scope::ConnectorsRead) && !session.identity.allows(Scope::ConnectorsWrite));
    let [row] = &auth.sessions_of(id).await.unwrap()[..] else { panic!("one session") };
    assert_eq!((session_id(row), row.expires_at), (session.id.clone(), opened.expires_at));
    let shown = row.user_agent.as_deref().unwrap();
    assert!(shown.starts_with("Browser x") && shown.len() == MAX_USER_AGENT, "{shown}");
    // A second one of the same token ends alone.
    let other = auth.sign_in(text.expose(), &Visitor::default()).await.unwrap();
    auth.sign_out(opened.secret.expose()).await.unwrap();
    assert!(session.ended().is_cancelled() && is_ended(&auth.session(opened.secret.expose()).await));
    auth.session(other.secret.expose()).await.unwrap();
    auth.sign_out(opened.secret.expose()).await.unwrap();
    auth.sign_out("nonsense").await.unwrap();
    assert_eq!(count(&db.store, "session").await, 1);
    for wrong in ["", "x", &"x".repeat(43), &"x".repeat(1 << 20), text.expose(), &row.id_hash] {
        assert!(is_ended(&auth.session(wrong).await));
    }
}

async fn it_ends_when_it_is_not_used_and_after_a_week(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (id, text) = token(&auth, api(&["admin"])).await;
    let identity = auth.authenticate(text.expose()).await.unwrap();
    let start = now();
    let opened = auth.open_session(identity.clone(), &visitor(), start).await.unwrap();
    let secret = opened.secret.expose();
    let second = SignedDuration::from_secs(1);
    // It goes on as long as it is used, but not beyond a week; by then it was used 14 times.
    let mut at = start;
    while at + SESSION_IDLE - second < start + SESSION_LIFE {
        at = at + SESSION_IDLE - second;
        auth.session_at(secret, at).await.unwrap();
        auth.tend_sessions_at(at).await.unwrap();
    }
    assert!(is_ended(&auth.session_at(secret, start + SESSION_LIFE).await));
    auth.tend_sessions_at(start + SESSION_LIFE).await.unwrap();
    assert_eq!(count(&db.store, "session").await, 0);

    let idle = auth.open_session(identity, &visitor(), start).await.unwrap();
    let secret = idle.secret.expose();
    // Another server, which has not seen it yet, goes by the row.
    let other = Authenticator::new(db.store.clone());
    for auth in [&auth, &other] {
        assert!(is_ended(&auth.session_at(secret, start + SESSION_IDLE).await));
    }
    auth.tend_sessions_at(start + SESSION_IDLE).await.unwrap();
    assert_eq!(count(&db.store, "session").await, 1, "another server may have seen it and not written so");
    auth.tend_sessions_at(start + SESSION_IDLE + SignedDuration::from_mins(11)).await.unwrap();
    assert_eq!(count(&db.store, "session").await, 0);

    let soon = now() + SignedDuration::from_hours(1);
    let (_, text) = token(&auth, NewToken { expires_at: Some(soon), ..api(&["admin"]) }).await;
    let opened = auth.sign_in(text.expose(), &visitor()).await.unwrap();
    assert_eq!(opened.expires_at, soon, "no later than its token");
    assert!(is_ended(&auth.session_at(opened.secret.expose(), soon).await));
    assert_eq!(auth.sessions_of(id).await.unwrap(), []);
}

async fn it_ends_with_its_token(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (id, text) = token(&auth, api(&["admin"])).await;
    let opened = auth.sign_in(text.expose(), &visitor()).await.unwrap();
    let session = auth.session(opened.secret.expose()).await.unwrap();
    let found = db.store.sessions().count(&[id, new_id()], now(), now() - SESSION_IDLE).await.unwrap();
    assert_eq!(found, [(id, 1)].into());
    auth.revoke(id).await.unwrap();
    assert!(session.ended().is_cancelled() && session.identity.revoked().is_cancelled());
    assert!(is_ended(&auth.session(opened.secret.expose()).await));
    assert_eq!(count(&db.store, "session").await, 0);
    // The token of the environment goes when the variable names another one.
    let first = Secret::from("Qm9vdC1zdHJhcCB0b2tlbiBudW1iZXIgb25lLg");
    auth.ensure_admin(Some(&first)).await.unwrap();
    let opened = auth.sign_in(first.expose(), &visitor()).await.unwrap();
    auth.ensure_admin(Some(&Secret::from("QW5vdGhlciB0b2tlbiBmb3IgdGhlIHN0YXJ0LiE"))).await.unwrap();
    assert!(is_ended(&auth.session(opened.secret.expose()).await));
}

async fn an_end_elsewhere_is_seen_soon(db: TestDb) {
    let (here, there) = (Authenticator::new(db.store.clone()), Authenticator::new(Store::open(&db.url).await.unwrap()));
    let (id, text) = token(&here, api(&["admin"])).await;
    let [one, other] = [here.sign_in(text.expose(), &visitor()).await, here.sign_in(text.expose(), &visitor()).await];
    let (one, other) = (one.unwrap(), other.unwrap());
    let seen = there.session(one.secret.expose()).await.unwrap();
    here.sign_out(one.secret.expose()).await.unwrap();
    let soon = now() + SignedDuration::from_secs(6);
    assert!(is_ended(&there.session_at(one.secret.expose(), soon).await) && seen.ended().is_cancelled());
    there.session_at(other.secret.expose(), soon).await.unwrap();
    here.revoke(id).await.unwrap();
    assert!(is_ended(&there.session_at(other.secret.expose(), soon + SignedDuration::from_secs(6)).await));
}

async fn nobody_gets_in_after_a_sign_out_that_it_raced(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (_, text) = token(&auth, api(&["admin"])).await;
    for _ in 0..10 {
        let opened = auth.sign_in(text.expose(), &visitor()).await.unwrap();
        let secret = opened.secret.expose().to_owned();
        let stop = CancellationToken::new();
        let askers: Vec<_> = (0..4)
            .map(|_| {
                let (auth, secret, stop) = (auth.clone(), secret.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.is_cancelled() {
                        drop(auth.session(&secret).await);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        auth.sign_out(&secret).await.unwrap();
        assert!(is_ended(&auth.session(&secret).await));
        stop.cancel();
        for asker in askers {
            asker.await.unwrap();
        }
        assert!(is_ended(&auth.session(&secret).await));
    }
}

async fn the_oldest_of_too_many_ends(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (id, text) = token(&auth, api(&["admin"])).await;
    let (_, other) = token(&auth, api(&["admin"])).await;
    let kept = auth.sign_in(other.expose(), &visitor()).await.unwrap();
    let identity = auth.authenticate(text.expose()).await.unwrap();
    let mut secrets = Vec::new();
    for number in 0..=i64::from(MAX_SESSIONS_OF_TOKEN) {
        let at = now() - SignedDuration::from_secs(1000 - number);
        let opened = auth.open_session(identity.clone(), &Visitor::default(), at).await.unwrap();
        auth.session(opened.secret.expose()).await.unwrap();
        secrets.push(opened.secret);
    }
    assert!(is_ended(&auth.session(secrets[0].expose()).await), "also if it was in memory");
    for secret in &secrets[1..] {
        auth.session(secret.expose()).await.unwrap();
    }
    auth.session(kept.secret.expose()).await.unwrap();
    assert_eq!(auth.sessions_of(id).await.unwrap().len(), MAX_SESSIONS_OF_TOKEN as usize);
}

async fn a_used_session_costs_no_query_and_one_write_a_minute(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (id, text) = token(&auth, api(&["admin"])).await;
    let start = now();
    let identity = auth.authenticate(text.expose()).await.unwrap();
    let opened = auth.open_session(identity, &visitor(), start).await.unwrap();
    let secret = opened.secret.expose();
    let second = SignedDuration::from_secs(1);
    let stored = async || db.store.sessions().of_token(id).await.unwrap()[0].last_seen_at;
    for (at, written) in [(1, 0), (59, 0), (60, 60), (119, 60), (121, 121)] {
        let at = start + second * at;
        auth.session_at(secret, at).await.unwrap();
        auth.tend_sessions_at(at).await.unwrap();
        assert_eq!(stored().await, start + second * written);
    }
    assert_eq!(auth.sessions_of(id).await.unwrap()[0].last_seen_at, start + second * 121);
    // A time never goes back, whoever writes late.
    db.store.sessions().touch(&[(TokenHash::of(secret).to_hex(), start)]).await.unwrap();
    assert_eq!(stored().await, start + second * 121);
    auth.session(secret).await.unwrap();
    db.store.close().await;
    auth.session(secret).await.unwrap();
    let late = auth.session_at(secret, now() + SignedDuration::from_secs(6)).await;
    assert!(matches!(late, Err(AuthError::Store(_))), "{late:?}");
}

async fn what_is_wrong_signs_nobody_in_and_takes_its_time(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (id, revoked) = token(&auth, api(&["admin"])).await;
    auth.revoke(id).await.unwrap();
    let (_, right) = token(&auth, api(&["admin"])).await;
    let (start, last) = right.expose().split_at(right.expose().len() - 1);
    let forged = format!("{start}{}", if last == "A" { "B" } else { "A" });
    let began = Instant::now();
    let visitor = visitor();
    let texts = ["", "hunter2", revoked.expose(), forged.as_str(), "floh_x_y"];
    let all = texts.map(|text| auth.sign_in(text, &visitor));
    for (outcome, text) in futures_util::future::join_all(all).await.into_iter().zip(texts) {
        let error = outcome.map(|_| ()).unwrap_err();
        assert!(matches!(error, SignInError::Token(_)), "{error}");
        assert!(text.len() < 6 || !error.to_string().contains(text), "{error}");
    }
    let refused = auth.redeem("nonsense", &visitor).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, SignInError::Code) && refused.to_string().contains("15 minutes"), "{refused}");
    assert!(began.elapsed() >= 2 * WRONG_LOGIN_DELAY, "{:?}", began.elapsed());
    let (_, agents) = token(&auth, agent()).await;
    let refused = auth.sign_in(agents.expose(), &visitor).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, SignInError::AgentToken) && refused.to_string().contains("kind api"), "{refused}");
    // The wrong ones of others keep nobody out.
    let many = (0..2 * MAX_WRONG_LOGINS).map(|_| auth.sign_in("nonsense", &visitor));
    let refused = futures_util::future::join_all(many).await;
    let too_many = |outcome: &&Result<_, SignInError>| matches!(outcome, Err(SignInError::TooMany { .. }));
    assert_eq!(refused.iter().filter(too_many).count(), 2 * MAX_WRONG_LOGINS - (MAX_WRONG_LOGINS - 6));
    auth.sign_in(right.expose(), &visitor).await.unwrap();
    assert_eq!(count(&db.store, "session").await, 1);
}

async fn a_login_code_signs_in_once(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let AdminStart::Created { token: admin, is_first: true } = auth.ensure_admin(None).await.unwrap() else {
        panic!("a first start")
    };
    let code = auth.login_code(&admin).unwrap();
    assert!(matches!(auth.login_code(&Secret::from("no token")), Err(SignInError::Token(_))));
    let visitor = visitor();
    let redeem = || auth.redeem(code.expose(), &visitor);
    let (one, other) = futures_util::future::join(redeem(), redeem()).await;
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let opened = one.or(other).unwrap();
    let session = auth.session(opened.secret.expose()).await.unwrap();
    assert_eq!(session.identity.token_id, id_of(admin.expose()).unwrap());
    // A newer code replaces the one before.
    let (old, new) = (auth.login_code(&admin).unwrap(), auth.login_code(&admin).unwrap());
    assert!(auth.redeem(old.expose(), &Visitor::default()).await.is_err());
    auth.redeem(new.expose(), &Visitor::default()).await.unwrap();
    // A code ends with its token, and outlives a database that does not answer.
    let last = auth.login_code(&admin).unwrap();
    auth.revoke(session.identity.token_id).await.unwrap();
    assert!(matches!(auth.redeem(last.expose(), &Visitor::default()).await, Err(SignInError::Token(_))));
    let (_, text) = token(&auth, api(&["admin"])).await;
    let code = auth.login_code(&text).unwrap();
    db.store.close().await;
    for _ in 0..2 {
        let refused = auth.redeem(code.expose(), &Visitor::default()).await;
        assert!(matches!(refused, Err(SignInError::Store(_))), "{refused:?}");
    }
}

async fn no_secret_is_stored_or_shown(db: TestDb) {
    let auth = Authenticator::new(db.store.clone());
    let (_, text) = token(&auth, api(&["admin"])).await;
    let log = crate::testing::log::Log::keep("trace");
    let opened = auth.sign_in(text.expose(), &visitor()).await.unwrap();
    let secret = opened.secret.expose();
    let session = auth.session(secret).await.unwrap();
    let row = db.store.sessions().of_token(session.identity.token_id).await.unwrap().remove(0);
    assert_eq!(row.id_hash, TokenHash::of(secret).to_hex());
    let told = format!("{auth:?} {opened:?} {session:?} {row:?} {:?}", log.lines());
    assert!(!told.contains(secret) && told.contains("signed_in"), "{told}");
    assert!(!row.id_hash.contains(secret));
}
