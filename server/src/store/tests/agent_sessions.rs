//! The directory of agents: who is connected where, in the order of the commits.

use super::*;
use crate::store::{AgentSessionRow, EndedAgentSession, LOST_KEPT, NewAgentSession, SeenNews};

on_both!(
    the_later_connection_of_an_agent_replaces_the_earlier_one,
    an_end_counts_for_its_own_connection_alone,
    whoever_has_read_up_to_a_version_reads_what_is_new,
    connections_of_dead_servers_end_and_those_long_gone_are_forgotten,
    many_are_written_at_once,
);

fn session(agent: &str) -> NewAgentSession {
    NewAgentSession { agent_id: agent.to_owned(), session: new_id(), facts: "{}".to_owned() }
}

fn end(of: &NewAgentSession) -> EndedAgentSession {
    EndedAgentSession { agent_id: of.agent_id.clone(), session: of.session, at: now(), why: "it is gone".to_owned() }
}

async fn read(store: &Store, seen: Option<i64>) -> (i64, Vec<AgentSessionRow>) {
    let seen = SeenNews { counter: None, agents: seen };
    let news = store.news_line().await.unwrap().read(seen).await.unwrap();
    (news.agents.version, news.agents.rows)
}

async fn the_later_connection_of_an_agent_replaces_the_earlier_one(db: TestDb) {
    let sessions = db.store.agent_sessions();
    let (first, second, third) = (session("a"), session("a"), session("a"));
    // Two of them at once: thousands may come back together, and one may come twice.
    let epochs = sessions.write(&[first, session("b"), second], &[]).await.unwrap();
    assert!(epochs.is_sorted() && epochs[0] < epochs[1], "{epochs:?}");
    let later = sessions.write(std::slice::from_ref(&third), &[]).await.unwrap();
    assert!(later[0] > epochs[2], "{later:?}");
    let (_, rows) = read(&db.store, None).await;
    let named: Vec<_> = rows.iter().map(|row| (row.agent_id.as_str(), row.session, row.epoch)).collect();
    assert_eq!((named.len(), named[1]), (2, ("a", third.session, later[0])));
    assert!(rows.iter().all(|row| row.replica == db.store.id() && row.lost.is_none()), "{rows:?}");
}

async fn an_end_counts_for_its_own_connection_alone(db: TestDb) {
    let sessions = db.store.agent_sessions();
    let (old, new) = (session("a"), session("a"));
    sessions.write(std::slice::from_ref(&old), &[]).await.unwrap();
    sessions.write(std::slice::from_ref(&new), &[end(&old)]).await.unwrap();
    assert_eq!(read(&db.store, None).await.1[0].lost, None, "the old one has ended, and the new one has not");
    let ended = end(&new);
    sessions.write(&[], std::slice::from_ref(&ended)).await.unwrap();
    assert_eq!(read(&db.store, None).await.1[0].lost, Some((ended.at, ended.why)));
    sessions.write(&[session("a")], &[]).await.unwrap();
    assert_eq!(read(&db.store, None).await.1[0].lost, None, "it is back");
}

async fn whoever_has_read_up_to_a_version_reads_what_is_new(db: TestDb) {
    let sessions = db.store.agent_sessions();
    sessions.write(&[session("a")], &[]).await.unwrap();
    let (version, rows) = read(&db.store, None).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(read(&db.store, Some(version)).await, (version, Vec::new()));
    assert_eq!(sessions.write(&[], &[]).await.unwrap(), [0_i64; 0]);
    assert_eq!(read(&db.store, Some(version)).await.0, version, "nothing was written");
    sessions.write(&[session("b")], &[]).await.unwrap();
    let (later, rows) = read(&db.store, Some(version)).await;
    assert!(later > version && rows.len() == 1 && rows[0].agent_id == "b", "{rows:?}");
    // As after a backup was restored: the version is lower than what was read.
    assert_eq!(read(&db.store, Some(later + 100)).await.1.len(), 2);
}

async fn connections_of_dead_servers_end_and_those_long_gone_are_forgotten(db: TestDb) {
    db.store.replicas().claim("1.0.0").await.unwrap();
    let sessions = db.store.agent_sessions();
    sessions.write(&[session("a")], &[]).await.unwrap();
    assert_eq!(sessions.tend(now()).await.unwrap(), 0, "its server lives");
    let (version, _) = read(&db.store, None).await;
    db.store.replicas().release().await.unwrap();
    let gone = now();
    assert_eq!(sessions.tend(gone).await.unwrap(), 1);
    let (_, rows) = read(&db.store, Some(version)).await;
    assert!(rows[0].lost.as_ref().is_some_and(|(at, why)| *at == gone && why.contains("server")), "{rows:?}");
    assert_eq!(sessions.tend(gone).await.unwrap(), 0, "once");
    sessions.tend(gone + LOST_KEPT).await.unwrap();
    assert_eq!(count(&db.store, "agent_session").await, 1);
    sessions.tend(gone + LOST_KEPT + std::time::Duration::from_millis(1)).await.unwrap();
    assert_eq!(count(&db.store, "agent_session").await, 0);
}

async fn many_are_written_at_once(db: TestDb) {
    let begun: Vec<_> = (0..1_201).map(|number| session(&format!("agent-{number}"))).collect();
    let epochs = db.store.agent_sessions().write(&begun, &[]).await.unwrap();
    assert_eq!((epochs.len(), epochs.is_sorted()), (1_201, true));
    assert_eq!(read(&db.store, None).await.1.len(), 1_201);
}
