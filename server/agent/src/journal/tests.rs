//! The guarantees of the journal when the process dies: each test simulates a kill by opening a copy of the files at
//! that moment, as the next process would.

use std::path::Path;

use serde_json::json;

use super::*;

const SECRET: &str = "an agent's token";

fn token() -> Secret {
    Secret::new(SECRET)
}

fn command(id: &str, key: Option<&str>, params: serde_json::Value) -> CommandFrame {
    let metadata = json!({ "idempotencyKey": key });
    let frame = json!({
        "commandId": id, "connectorName": "desk", "command": "write", "params": params, "metadata": metadata
    });
    serde_json::from_value(frame).unwrap()
}

fn plain(id: &str) -> CommandFrame {
    command(id, None, json!({}))
}

/// Copies the files as a kill would leave them.
fn killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

async fn open(folder: &Path) -> Journal {
    Journal::open(folder, &token()).await.unwrap()
}

/// Waits until all pending operations are on disk.
async fn settle(journal: &Journal) {
    let (answer, loaded) = oneshot::channel();
    journal.0.queue.send(Op::Load { id: "none".into(), answer }).unwrap();
    loaded.await.unwrap();
}

#[tokio::test]
async fn a_command_is_executed_once_whatever_comes() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    assert_eq!(journal.enter(&plain("1"), true), Entered::New);
    assert_eq!(journal.enter(&plain("1"), true), Entered::Running);
    assert_eq!(journal.enter(&plain("2"), false), Entered::Refused);
    assert_eq!(journal.enter(&plain("2"), true), Entered::New, "a refused one was not entered");
    journal.begin("1", &plain("1")).on_disk().await.unwrap();
    let next = killed(folder.path());
    assert!(journal.finish("1", &"{\"success\":true}".into(), None).is_empty());
    assert_eq!(journal.enter(&plain("1"), true), Entered::Finished);
    assert_eq!(&*journal.result("1").await.unwrap(), "{\"success\":true}");
    settle(&journal).await;
    assert_eq!(&*journal.result("1").await.unwrap(), "{\"success\":true}", "from the disk");
    let after = killed(folder.path());

    let next = open(next.path()).await;
    assert_eq!(next.enter(&plain("1"), true), Entered::Interrupted);
    assert_eq!(next.enter(&plain("2"), true), Entered::New, "it never began");
    assert!(next.unacknowledged().is_empty());

    let after = open(after.path()).await;
    assert_eq!(after.enter(&plain("1"), true), Entered::Finished);
    assert_eq!(&*after.result("1").await.unwrap(), "{\"success\":true}");
    assert_eq!(after.unacknowledged(), ["1".into()]);
    after.acknowledge("1");
    after.acknowledge("nonsense");
    assert!(after.unacknowledged().is_empty());
    assert_eq!(after.enter(&plain("1"), true), Entered::Finished, "an acknowledged one is not executed either");
}

#[tokio::test]
async fn an_acknowledgement_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    for id in ["1", "2", "3"] {
        journal.enter(&plain(id), true);
        drop(journal.begin(id, &plain(id)));
        journal.finish(id, &"{}".into(), None);
    }
    journal.acknowledge("2");
    journal.close().await;
    let again = open(folder.path()).await;
    assert_eq!(again.unacknowledged(), ["1".into(), "3".into()]);
}

#[tokio::test]
async fn a_key_stands_for_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    let call = |id: &str| command(id, Some("k"), json!({ "a": 1 }));
    assert_eq!(journal.enter(&call("1"), true), Entered::New);
    drop(journal.begin("1", &call("1")));
    assert_eq!(journal.enter(&call("2"), false), Entered::Follows("1".into()));
    drop(journal.begin("2", &call("2")));
    assert_eq!(journal.enter(&call("2"), true), Entered::Running);
    assert_eq!(journal.enter(&command("3", Some("k"), json!({ "a": 2 })), true), Entered::New, "other values");
    assert_eq!(journal.enter(&command("4", Some("other"), json!({ "a": 1 })), true), Entered::New, "another key");
    settle(&journal).await;
    let interrupted = killed(folder.path());
    assert_eq!(journal.finish("1", &"{}".into(), None), ["2".into()]);
    assert_eq!(journal.enter(&call("2"), true), Entered::Finished);
    assert_eq!(journal.enter(&call("5"), false), Entered::Repeats("1".into()));
    settle(&journal).await;
    let finished = killed(folder.path());

    let journal = open(interrupted.path()).await;
    assert_eq!(journal.enter(&call("1"), true), Entered::Interrupted);
    assert_eq!(journal.enter(&call("2"), true), Entered::Interrupted);
    assert_eq!(journal.enter(&call("6"), true), Entered::New, "whoever sends the key again may have it executed");
    let journal = open(finished.path()).await;
    assert!(matches!(journal.enter(&call("6"), true), Entered::Repeats(_)));
}

#[tokio::test]
async fn what_cannot_begin_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    let call = |id: &str| command(id, Some("k"), json!({}));
    journal.enter(&call("1"), true);
    journal.enter(&call("2"), true);
    assert_eq!(journal.withdraw("1"), ["2".into()]);
    assert_eq!(journal.enter(&call("2"), true), Entered::New);
}

#[tokio::test]
async fn results_are_sealed_under_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    journal.enter(&plain("1"), true);
    drop(journal.begin("1", &plain("1")));
    journal.finish("1", &"{\"payload\":\"canary-of-the-journal\"}".into(), None);
    settle(&journal).await;
    let copy = killed(folder.path());
    for file in std::fs::read_dir(copy.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for canary in ["canary-of-the-journal", SECRET] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()));
        }
    }
    let other = Journal::open(copy.path(), &Secret::new("another token")).await.unwrap();
    assert!(other.unacknowledged().is_empty());
    assert_eq!(other.enter(&plain("1"), true), Entered::Interrupted, "its id is known all the same");
    other.close().await;
    let back = open(copy.path()).await;
    assert_eq!(back.enter(&plain("1"), true), Entered::Interrupted, "what was dropped stays so");
}

#[tokio::test]
async fn a_changed_result_is_dropped_and_not_executed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    for id in ["1", "2"] {
        journal.enter(&plain(id), true);
        drop(journal.begin(id, &plain(id)));
        journal.finish(id, &format!("{{\"of\":{id}}}").into(), None);
    }
    journal.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("journal.db"));
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("UPDATE command SET result = (SELECT result FROM command WHERE id = '2')")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let journal = open(folder.path()).await;
    assert_eq!(&*journal.result("2").await.unwrap(), "{\"of\":2}");
    assert_eq!(journal.result("1").await, None, "a result opens for its own command alone");
    assert_eq!(journal.enter(&plain("1"), true), Entered::Interrupted);
}

#[tokio::test]
async fn the_oldest_acknowledged_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep { millis: 60_000, rows: 20, bytes: 1320 };
    let journal = Journal::open_keeping(folder.path(), &token(), keep).await.unwrap();
    let text: Arc<str> = "x".repeat(90).into();
    let done = |id: &str| {
        journal.enter(&plain(id), true);
        drop(journal.begin(id, &plain(id)));
        journal.finish(id, &text, None);
    };
    journal.enter(&plain("at work"), true);
    for id in ["0", "1", "2", "3", "4", "5"] {
        done(id);
    }
    journal.acknowledge("4");
    journal.acknowledge("5");
    for id in ["6", "7", "8", "9", "10", "11"] {
        done(id);
    }
    assert_eq!(journal.enter(&plain("4"), false), Entered::Refused, "an acknowledged one went");
    assert_eq!(journal.enter(&plain("0"), false), Entered::Finished, "one that waits stayed");
    assert_eq!(journal.enter(&plain("at work"), true), Entered::Running);
    let kept = journal.unacknowledged().len();
    journal.close().await;
    let again = Journal::open_keeping(folder.path(), &token(), keep).await.unwrap();
    assert_eq!(again.unacknowledged().len(), kept, "the disk was pruned as well");
    again.close().await;
    let none = Keep { millis: -1, ..keep };
    let journal = Journal::open_keeping(folder.path(), &token(), none).await.unwrap();
    assert!(journal.unacknowledged().is_empty(), "all are too old");
}

#[tokio::test]
async fn a_journal_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!is_in_use(folder.path()).await);
    let journal = open(folder.path()).await;
    assert!(is_in_use(folder.path()).await);
    let error = Journal::open(folder.path(), &token()).await.unwrap_err();
    assert!(matches!(error, JournalError::InUse(_)), "{error}");
    let mode = std::fs::metadata(folder.path().join("journal.db")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    journal.close().await;
    assert!(!is_in_use(folder.path()).await);

    std::fs::write(folder.path().join("journal.db"), "no database at all, whatever its name says").unwrap();
    let error = Journal::open(folder.path(), &token()).await.unwrap_err();
    assert!(matches!(error, JournalError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_closed_journal_begins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).await;
    journal.close().await;
    journal.enter(&plain("1"), true);
    assert!(journal.begin("1", &plain("1")).on_disk().await.is_err());
}
