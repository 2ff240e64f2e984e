//! Drafts: kept for their token alone, sealed, within limits that say so, and used once.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::auth::RequestId;
use crate::store::tests::{TestDb, count, on_both};
use crate::store::{ExecutionSource, SealedCursor};
use crate::testing::TestServer;
use crate::vault::open_batch;

const SECRET: &str = "hunter2-in-a-draft";

async fn holder(server: &TestServer, scopes: &[&str]) -> OpContext {
    let token = server.token(scopes).await;
    let identity = server.app.auth.authenticate(&token).await.unwrap();
    OpContext::of_token(identity, ExecutionSource::Ui, RequestId::new())
}

fn content(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

fn new_connector(name: &str) -> NewConnector {
    let model = crate::store::ExecutionModel::BuiltIn;
    NewConnector {
        name: name.to_owned(),
        type_name: "odd".to_owned(),
        execution_model: model,
        ..NewConnector::default()
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    outcome.unwrap_err().code()
}

on_both!(
    a_draft_is_kept_for_its_token_alone,
    two_tabs_do_not_write_over_each_other,
    what_does_not_fit_is_refused_and_nothing_is_dropped,
    a_large_draft_is_opened_when_there_is_memory_for_it,
    a_draft_makes_one_connector,
    a_draft_that_makes_nothing_stays,
    a_draft_is_sealed_and_known_to_rotations,
    drafts_leave_in_time_and_with_their_token,
);

async fn a_draft_is_kept_for_its_token_alone(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, other) = (holder(&server, &["connectors:write"]).await, holder(&server, &["admin"]).await);
    let app = &server.app;
    let text = format!(r#"{{"config":{{"apiKey":"{SECRET}"}},"documents":"ä\u0000"}}"#);
    let head = make_draft(&own, app, "connector", content(&text)).await.unwrap();
    assert_eq!((head.kind.as_str(), head.revision, head.bytes), ("connector", 1, text.len() as u64));
    let draft = read_draft(&own, app, head.id).await.unwrap();
    assert_eq!((draft.content.as_deref().map(Vec::as_slice), &draft.head), (Some(text.as_bytes()), &head));
    assert_eq!(list_drafts(&own, app).await.unwrap(), std::slice::from_ref(&head));
    assert!(!format!("{draft:?}").contains(SECRET));
    let empty = make_draft(&own, app, "connector", content("")).await.unwrap();
    assert_eq!(read_draft(&own, app, empty.id).await.unwrap().content, Some(content("")));
    // Not even an admin sees it, and nobody can tell it from one that is not there.
    assert_eq!(list_drafts(&other, app).await.unwrap(), []);
    assert_eq!(code(read_draft(&other, app, head.id).await), "not_found");
    assert_eq!(code(save_draft(&other, app, head.id, 1, content("x")).await), "not_found");
    assert_eq!(code(delete_draft(&other, app, head.id).await), "not_found");
    assert_eq!(code(take_draft(&other, app, head.id, 1, "x").await), "not_found");
    assert_eq!(code(create_from_draft(&other, app, head.id, 1, new_connector("x")).await), "not_found");
    assert_eq!(code(read_draft(&own, app, Uuid::nil()).await), "not_found");
    assert_eq!(read_draft(&own, app, head.id).await.unwrap(), draft);
    let weak = holder(&server, &["connectors:read", "types:read"]).await;
    assert_eq!(code(make_draft(&weak, app, "connector", content("x")).await), "forbidden");
    assert_eq!(code(make_draft(&OpContext::system(), app, "connector", content("x")).await), "forbidden");
    let types = holder(&server, &["types:write"]).await;
    make_draft(&types, app, "type", content("x")).await.unwrap();
    delete_draft(&own, app, head.id).await.unwrap();
    assert_eq!(code(delete_draft(&own, app, head.id).await), "not_found");
    server.app.close().await;
}

async fn two_tabs_do_not_write_over_each_other(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let own = holder(&server, &["connectors:write"]).await;
    let id = make_draft(&own, &server.app, "connector", content("0")).await.unwrap().id;
    let saves = (0..8).map(|tab: u8| {
        let (own, server) = (&own, &server);
        async move { save_draft(own, &server.app, id, 1, Zeroizing::new(vec![tab; 10])).await }
    });
    let outcomes = join_all(saves).await;
    let won: Vec<usize> = (0..8).filter(|tab| outcomes[*tab].as_ref().is_ok_and(|revision| *revision == 2)).collect();
    let [won] = won[..] else { panic!("one of them: {outcomes:?}") };
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(code(outcome), "stale");
    }
    let draft = read_draft(&own, &server.app, id).await.unwrap();
    assert_eq!((draft.head.revision, draft.content.unwrap()[0]), (2, u8::try_from(won).unwrap()));
    assert_eq!(code(take_draft(&own, &server.app, id, 1, "x").await), "stale");
    assert_eq!(save_draft(&own, &server.app, id, 2, content("more")).await.unwrap(), 3);
    server.app.close().await;
}

async fn what_does_not_fit_is_refused_and_nothing_is_dropped(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let own = holder(&server, &["connectors:write"]).await;
    let app = &server.app;
    let makes = (0..MAX_DRAFTS + 5).map(|_| make_draft(&own, app, "connector", content("x")));
    let outcomes = join_all(makes).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((made.len() as u64, refused.len()), (MAX_DRAFTS, 5), "at once, too");
    for outcome in refused {
        let error = outcome.unwrap_err();
        assert_eq!((error.code(), error.kind()), ("too_many_drafts", ErrorKind::Conflict));
        assert!(error.detail().contains("keeps 20 drafts with 0.0 MiB and may keep 20 with 128.0 MiB"), "{error}");
    }
    let ids: BTreeSet<Uuid> = list_drafts(&own, app).await.unwrap().into_iter().map(|head| head.id).collect();
    assert_eq!(ids, made.iter().map(|head| head.as_ref().unwrap().id).collect());
    // A used one makes room, a deleted one too; another token has its own.
    let mut ids = ids.into_iter();
    let (used, deleted) = (ids.next().unwrap(), ids.next().unwrap());
    assert_eq!(take_draft(&own, app, used, 1, "done").await.unwrap(), Made::Now(()));
    delete_draft(&own, app, deleted).await.unwrap();
    for _ in 0..2 {
        make_draft(&own, app, "connector", content("x")).await.unwrap();
    }
    assert_eq!(code(make_draft(&own, app, "connector", content("x")).await), "too_many_drafts");
    make_draft(&holder(&server, &["connectors:write"]).await, app, "connector", content("x")).await.unwrap();

    // Bytes: the store is given smaller limits, so that the test does not take the real ones.
    let token_id = own.token_id().unwrap();
    let limits = DraftLimits { drafts: 100, bytes: 1000 };
    let of = |id, revision| DraftUse { token_id, id, revision };
    let last = ids.next().unwrap();
    let drafts = app.store.drafts();
    let kept = drafts.list(token_id, oldest()).await.unwrap().iter().map(|head| head.bytes).sum::<u64>();
    let fits = 1000 - kept + 1;
    assert_eq!(drafts.save(&of(last, 1), "sealed", fits, limits, store::now()).await.unwrap(), 2, "its own bytes go");
    for (id, revision, more) in [(last, 2, fits + 1), (ids.next().unwrap(), 1, 2)] {
        let refused = drafts.save(&of(id, revision), "sealed", more, limits, store::now()).await;
        assert!(matches!(refused, Err(StoreError::TooManyDrafts { .. })), "{refused:?}");
    }
    let too_large = refuse_too_large(MAX_DRAFT_BYTES + 1).unwrap_err();
    assert_eq!(too_large.kind(), ErrorKind::TooLarge);
    assert!(too_large.detail().contains("128.0 MiB"), "{too_large}");
    server.app.close().await;
}

async fn a_large_draft_is_opened_when_there_is_memory_for_it(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let own = holder(&server, &["connectors:write"]).await;
    let large = content(&"x".repeat(MAX_UNCOUNTED_BYTES + 1));
    let large_id = make_draft(&own, &server.app, "connector", large.clone()).await.unwrap().id;
    let small = make_draft(&own, &server.app, "connector", content("small")).await.unwrap().id;
    let mut held = Vec::new();
    while let Ok(more) = server.app.work.memory.reserve(1 << 20) {
        held.push(more);
    }
    assert_eq!(code(read_draft(&own, &server.app, large_id).await), "unavailable");
    assert_eq!(read_draft(&own, &server.app, small).await.unwrap().content, Some(content("small")));
    drop(held);
    assert_eq!(read_draft(&own, &server.app, large_id).await.unwrap().content, Some(large));
    server.app.close().await;
}

async fn a_draft_makes_one_connector(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let own = holder(&server, &["connectors:write", "connectors:read"]).await;
    let app = &server.app;
    let id = make_draft(&own, app, "connector", content(SECRET)).await.unwrap().id;
    let sends = (0..8).map(|_| create_from_draft(&own, app, id, 1, new_connector("mine")));
    let outcomes: Vec<Made<ConnectorView>> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
    let views: Vec<&ConnectorView> =
        outcomes.iter().filter_map(|made| if let Made::Now(view) = made { Some(view) } else { None }).collect();
    let [view] = views[..] else { panic!("one of them made it: {outcomes:?}") };
    let told = outcomes.iter().filter(|made| **made == Made::Before(view.id.to_string())).count();
    assert_eq!((told, view.name.as_str()), (7, "mine"));
    assert_eq!(count(&app.store, "connector").await, 1);
    // Its content is gone, and its result is told until it is purged, whatever revision is named.
    let draft = read_draft(&own, app, id).await.unwrap();
    assert_eq!((draft.content, draft.head.result, draft.head.bytes), (None, Some(view.id.to_string()), 0));
    for revision in [1, 7] {
        let again = create_from_draft(&own, app, id, revision, new_connector("other")).await.unwrap();
        assert_eq!(again, Made::Before(view.id.to_string()));
    }
    assert_eq!(take_draft(&own, app, id, 1, "x").await.unwrap(), Made::Before(view.id.to_string()));
    assert_eq!(code(save_draft(&own, app, id, 1, content("x")).await), "draft_used");
    assert_eq!(list_drafts(&own, app).await.unwrap(), []);
    assert_eq!(count(&app.store, "connector").await, 1);
    server.app.close().await;
}

async fn a_draft_that_makes_nothing_stays(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let own = holder(&server, &["connectors:write"]).await;
    let app = &server.app;
    server.connector("taken", "odd", json!({})).await;
    let id = make_draft(&own, app, "connector", content(SECRET)).await.unwrap().id;
    let nobody = NewConnector { type_name: "nobody".to_owned(), ..new_connector("mine") };
    assert_eq!(code(create_from_draft(&own, app, id, 1, nobody).await), "invalid");
    assert_eq!(code(create_from_draft(&own, app, id, 1, new_connector("taken")).await), "name_taken");
    assert_eq!(code(create_from_draft(&own, app, id, 2, new_connector("mine")).await), "stale");
    let draft = read_draft(&own, app, id).await.unwrap();
    assert_eq!((draft.content, draft.head.revision), (Some(content(SECRET)), 1), "all of it is as it was");
    let types = holder(&server, &["types:write"]).await;
    let other = make_draft(&types, app, "type", content("x")).await.unwrap().id;
    assert_eq!(code(create_from_draft(&types, app, other, 1, new_connector("mine")).await), "forbidden");
    assert!(matches!(create_from_draft(&own, app, id, 1, new_connector("mine")).await, Ok(Made::Now(_))));
    server.app.close().await;
}

async fn a_draft_is_sealed_and_known_to_rotations(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let own = holder(&server, &["connectors:write"]).await;
    let app = &server.app;
    let [one, other] =
        [make_draft(&own, app, "a", content(SECRET)).await, make_draft(&own, app, "a", content("b")).await];
    let (one, other) = (one.unwrap().id, other.unwrap().id);
    let token_id = own.token_id().unwrap();
    let row = app.store.drafts().get(token_id, one, oldest()).await.unwrap();
    assert!(row.sealed.starts_with("fl1.") && !format!("{row:?}").contains(&row.sealed), "{}", row.sealed);
    // What rotations, checks and counts walk over has it, until it is used.
    let walk = async || {
        let (mut cursor, mut found) = (SealedCursor::default(), BTreeSet::new());
        loop {
            let batch = app.store.sealed().next(&mut cursor, None).await.unwrap();
            if batch.is_empty() {
                return found;
            }
            assert_eq!(open_batch(&app.vault, &batch), []);
            found.extend(batch.into_iter().filter(|text| text.table == "ui_draft").map(|text| text.row));
        }
    };
    assert_eq!(walk().await, [one.to_string(), other.to_string()].into());
    assert_eq!(app.store.sealed().count().await.unwrap()[&app.vault.primary_id()]["ui_draft"], 2);
    take_draft(&own, app, other, 1, "done").await.unwrap();
    assert_eq!(walk().await, [one.to_string()].into());
    // A content that was moved to another draft does not open.
    db.run("UPDATE ui_draft SET sealed = $1, result = NULL WHERE bytes = $2", &row.sealed, 0).await;
    assert_eq!(code(read_draft(&own, app, other).await), "internal");
    server.app.close().await;
}

async fn drafts_leave_in_time_and_with_their_token(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, other) = (holder(&server, &["connectors:write"]).await, holder(&server, &["admin"]).await);
    let app = &server.app;
    let old = make_draft(&own, app, "connector", content("x")).await.unwrap().id;
    let used = make_draft(&own, app, "connector", content("x")).await.unwrap().id;
    take_draft(&own, app, used, 1, "done").await.unwrap();
    let before = (store::now() - DRAFT_LIFE).as_millisecond();
    db.set_all_numbers("ui_draft", "updated_at", before).await;
    let young = make_draft(&own, app, "connector", content("x")).await.unwrap().id;
    assert_eq!(list_drafts(&own, app).await.unwrap().len(), 1, "before it is purged, too");
    assert_eq!(code(read_draft(&own, app, old).await), "not_found");
    assert_eq!(app.background().run_now(crate::background::SESSIONS).await.unwrap().outcome, Ok(()));
    assert_eq!(count(&app.store, "ui_draft").await, 1);
    read_draft(&own, app, young).await.unwrap();
    make_draft(&other, app, "connector", content("x")).await.unwrap();
    app.auth.revoke(own.token_id().unwrap()).await.unwrap();
    assert_eq!(count(&app.store, "ui_draft").await, 1);
    // A request that was let in before its token was revoked.
    assert_eq!(code(make_draft(&own, app, "connector", content("x")).await), "not_found");
    server.app.close().await;
}
