//! Opening a database: files and their modes, bad URLs, newer tables, two starts at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::store::url::Target;

on_both!(
    opening_twice_keeps_the_rows,
    newer_tables_stop_the_start,
    tables_of_a_later_release_are_used_where_it_allows_it,
    the_ping_answers,
    types_of_an_earlier_release_have_a_history,
    rows_of_an_earlier_release_have_no_actor,
    starting_at_once_is_safe,
    a_changed_migration_stops_the_start
);

async fn opening_twice_keeps_the_rows(db: TestDb) {
    widget(&db.store, "widget").await;
    let again = Store::open(&db.url).await.unwrap();
    assert_eq!(again.connectors().get("widget").await.unwrap().fields.name, "widget");
    again.close().await;
}

async fn newer_tables_stop_the_start(db: TestDb) {
    sqlx::query("UPDATE _sqlx_migrations SET version = 4711 WHERE version = 5").execute(&db.store.write).await.unwrap();
    for oldest in [Some("99.0.0"), None] {
        match oldest {
            Some(oldest) => {
                db.run("UPDATE setting SET value = $1 WHERE name = 'oldest_release' AND $2 = 0", oldest, 0).await;
            }
            None => db.execute("DELETE FROM setting WHERE name = 'oldest_release'").await,
        }
        let error = Store::open(&db.url).await.unwrap_err();
        let OpenError::NewerSchema { found: 4711, known, oldest: told } = &error else { panic!("{error}") };
        assert_eq!((*known, told.as_deref()), (newest_migration(), oldest));
        assert!(error.to_string().contains("start the newer release"), "{error}");
        assert_eq!(error.to_string().contains("releases before 99.0.0 may not run"), oldest.is_some(), "{error}");
    }
}

/// A later release was here, or is here, and has only added to the tables.
async fn tables_of_a_later_release_are_used_where_it_allows_it(db: TestDb) {
    widget(&db.store, "widget").await;
    assert_eq!(db.store.later_migration(), None);
    db.execute("ALTER TABLE connector ADD COLUMN later TEXT").await;
    db.execute(
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         SELECT 4711, 'later', installed_on, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    let again = Store::open(&db.url).await.unwrap();
    assert_eq!(again.later_migration(), Some(4711));
    widget(&again, "another").await;
    assert_eq!(again.later_release().await.unwrap(), None);
    db.run("INSERT INTO setting (name, value) SELECT 'newest_release', $1 WHERE $2 = 0", "99.0.0", 0).await;
    assert_eq!(again.later_release().await.unwrap().as_deref(), Some("99.0.0"));
    again.close().await;
}

async fn a_changed_migration_stops_the_start(db: TestDb) {
    sqlx::query("UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 1) WHERE version = 5")
        .execute(&db.store.write)
        .await
        .unwrap();
    let error = Store::open(&db.url).await.unwrap_err();
    assert!(error.to_string().contains("migration 5 in the database is not the one of this release"), "{error}");
}

async fn types_of_an_earlier_release_have_a_history(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    db.store.types().seed(&[super::seed::row("http", SeedDecision::Insert)], &mut leave_config).await.unwrap();
    without_actors(&db).await;
    for sql in ["DROP TABLE connector_type_version", "DELETE FROM _sqlx_migrations WHERE version = 5"] {
        sqlx::query(sql).execute(&db.store.write).await.unwrap();
    }
    let again = Store::open(&db.url).await.unwrap();
    let types = again.types();
    let page = types.versions(made.type_id, &PageRequest::default()).await.unwrap();
    let [only] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((only.version.as_str(), only.source), ("1.0.0", VersionSource::Create));
    let found = types.version(made.type_id, "1.0.0").await.unwrap();
    assert_eq!((found.config_schema, found.script_source), (type_fields().config_schema, type_fields().script_source));
    let http = types.get("http").await.unwrap();
    assert_eq!(types.version(http.id, "1.0.0").await.unwrap().summary.source, VersionSource::Seed);
    // Later writes are newer.
    let put = NewVersion::first(VersionSource::Put, Actor::system());
    types.update::<StoreError>(made.type_id, 1, type_fields(), Some(put), None).await.unwrap();
    let page = types.versions(made.type_id, &PageRequest::default()).await.unwrap();
    assert_eq!(
        page.items.iter().map(|row| row.source).collect::<Vec<_>>(),
        [VersionSource::Put, VersionSource::Create]
    );
    assert_eq!(types.version(made.type_id, "1.0.0").await.unwrap().summary.source, VersionSource::Put);
    again.close().await;
}

/// Reverts migration 7, as if the tables were those of an earlier release.
async fn without_actors(db: &TestDb) {
    for sql in [
        "DROP INDEX execution_by_token",
        "ALTER TABLE execution DROP COLUMN actor_token",
        "ALTER TABLE execution DROP COLUMN actor_name",
        "ALTER TABLE execution DROP COLUMN request_id",
        "ALTER TABLE connector_type_version DROP COLUMN actor_token",
        "ALTER TABLE connector_type_version DROP COLUMN actor_name",
        "DELETE FROM _sqlx_migrations WHERE version = 7",
    ] {
        sqlx::query(sql).execute(&db.store.write).await.unwrap();
    }
}

async fn rows_of_an_earlier_release_have_no_actor(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let row = started(&made);
    recorder.finish(row.clone()).await.unwrap();
    recorder.close().await;
    without_actors(&db).await;
    let again = Store::open(&db.url).await.unwrap();
    let found = again.executions().get(row.id).await.unwrap();
    assert_eq!(found, ExecutionRow { actor: None, request_id: None, ..row });
    assert_eq!(again.types().version(made.type_id, "1.0.0").await.unwrap().summary.actor, None);
    again.close().await;
}

async fn the_ping_answers(db: TestDb) {
    db.store.ping().await.unwrap();
    db.store.close().await;
    assert!(db.store.ping().await.unwrap_err().is_unavailable());
}

async fn starting_at_once_is_safe(db: TestDb) {
    for table in [
        "agent_session",
        "agent_directory",
        "change_log",
        "run_definition_connector",
        "run_definition_version",
        "run_definition",
        "run_task",
        "run_connector",
        "run_plan",
        "run",
        "connector_tag",
        "connector_secret",
        "connector",
        "connector_type_version",
        "type_command",
        "type_line",
        "connector_type",
        "execution",
        "execution_hour",
        "execution_hour_fill",
        "idempotency",
        "session",
        "ui_draft",
        "token",
        "setting",
        "change",
        "replica",
        "wal_mark",
        "audit",
        "retained",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE {table}"))).execute(&db.store.write).await.unwrap();
    }
    sqlx::query("DROP TABLE _sqlx_migrations").execute(&db.store.write).await.unwrap();
    let opened = futures_util::future::join_all((0..4).map(|_| Store::open(&db.url))).await;
    for store in opened {
        let store = store.unwrap();
        assert_eq!(count(&store, "connector").await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn the_file_and_its_wal_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a folder/with ?#% in it");
    let path = data.join("floh.db");
    let store = Store::open(&sqlite_url(&path)).await.unwrap();
    widget(&store, "widget").await;
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["floh.db", "floh.db-wal", "floh.db-shm"] {
        assert_eq!(fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    store.close().await;
    assert!(!data.join("floh.db-wal").exists(), "closing folds the WAL back");
}

/// A full disk makes SQLite end a transaction by itself. What comes after it is written as if nothing had happened.
#[tokio::test]
async fn a_transaction_that_sqlite_ended_by_itself_leaves_a_writer() {
    let db = TestDb::sqlite().await;
    let mut transaction = db.store.begin().await.unwrap();
    sqlx::query("UPDATE setting SET value = value").execute(&mut *transaction).await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut *transaction).await.unwrap();
    drop(transaction);
    widget(&db.store, "after").await;
    assert_eq!(count(&db.store, "connector").await, 1);
    db.store.checkpoint_if_due().await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write_and_the_writer_syncs() {
    use sqlx::Row as _;
    let db = TestDb::sqlite().await;
    let refused = sqlx::query("DELETE FROM connector").execute(&db.store.read).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
    for (pragma, expected) in
        [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", "5000")]
    {
        let row =
            sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_one(&db.store.write).await.unwrap();
        let value = row.try_get::<String, _>(0).unwrap_or_else(|_| row.get::<i64, _>(0).to_string());
        assert_eq!(value, expected, "{pragma}");
    }
}

#[tokio::test]
async fn bad_urls_are_named_and_passwords_are_not() {
    for (url, part) in [
        ("floh.db", "no scheme"),
        ("mysql://localhost/floh", "only SQLite and PostgreSQL"),
        ("sqlite::memory:", "in memory"),
        ("sqlite:", "the path of a file is needed"),
        ("sqlite:floh.db?mode=memory&cache=shared", "takes no options"),
        ("postgres://floh:hunter2hunter2@localhost", "the name of the PostgreSQL database is missing"),
        ("postgres://floh:hunter2hunter2@localhost:port/floh", "invalid port"),
        ("postgres://floh:hunter2hunter2@127.0.0.1:1/floh", "cannot connect to postgres://127.0.0.1:1/floh"),
        ("postgres://floh:hunter2hunter2@127.0.0.1:1/floh?sslmode=perhaps", "perhaps"),
    ] {
        let error = Store::open(url).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(part), "{url}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&sqlite_url(&file.join("floh.db"))).await.unwrap_err();
    assert!(error.to_string().contains("cannot create the folder"), "{error}");
    fs::write(&file, "this is no database, and long enough to be seen as none by its first page").unwrap();
    let error = Store::open(&sqlite_url(&file)).await.unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[test]
fn sqlite_urls_are_read_in_every_usual_spelling() {
    for url in ["sqlite:data/floh.db", "sqlite://data/floh.db", "sqlite:data/floh.db?mode=rwc", "sqlite:data/%66loh.db"]
    {
        let Target::Sqlite { path } = Target::parse(url).unwrap() else { panic!("{url}") };
        assert!(path.is_absolute() && path.ends_with("data/floh.db"), "{url}: {}", path.display());
    }
    assert_eq!(Target::parse("sqlite:///data/floh.db").unwrap(), Target::Sqlite { path: "/data/floh.db".into() });
}

#[tokio::test]
async fn a_file_without_its_log_is_noticed_whenever_it_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("floh.db"), folder.path().join("copy.db"));
    let store = Store::open(&sqlite_url(&file)).await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap(), Folded::All);
    for round in 0..4 {
        // A checkpoint that is not due leaves the log alone; one that is made leaves a new one.
        store.settings().put("round", &round.to_string()).await.unwrap();
        assert_eq!(store.checkpoint_if_due().await.unwrap(), Folded::Nothing);
        if round == 2 {
            assert_eq!(store.checkpoint().await.unwrap(), Folded::All);
        }
        std::fs::copy(&file, &copy).unwrap();
        let error = Store::open(&sqlite_url(&copy)).await.unwrap_err();
        assert!(matches!(error, OpenError::LostLog { .. }), "{error}");
        assert!(migrations_of(&sqlite_url(&copy)).await.is_err());
    }
    let accepted = Store::open_with(&sqlite_url(&copy), OnLoss::Accept).await.unwrap();
    assert_eq!(accepted.settings().get("round").await.unwrap().as_deref(), Some("2"), "what the file has");
    accepted.close().await;
    Store::open(&sqlite_url(&copy)).await.unwrap().close().await;
    // SQLite's own copy is whole.
    let whole = folder.path().join("whole.db");
    store.copy_into(&whole).await.unwrap();
    let whole = Store::open(&sqlite_url(&whole)).await.unwrap();
    assert_eq!(whole.settings().get("round").await.unwrap().as_deref(), Some("3"));
    whole.close().await;
    store.close().await;
    Store::open(&sqlite_url(&file)).await.unwrap().close().await;
}

/// A checkpoint that a reader holds up leaves the marks different; whoever closes last leaves a whole file all the same.
#[tokio::test]
async fn a_checkpoint_that_a_reader_held_up_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder.path().join("floh.db"));
    for closing in ["the server", "whoever looks at it"] {
        let store = Store::open(&url).await.unwrap();
        let mut reader = store.snapshot().await.unwrap();
        sqlx::query("SELECT COUNT(*) FROM connector").fetch_one(&mut *reader).await.unwrap();
        widget(&store, &format!("held-{}", closing.len())).await;
        assert_eq!(store.checkpoint().await.unwrap(), Folded::Part, "{closing}");
        drop(reader);
        if closing == "the server" {
            store.close().await;
        } else {
            // As after a kill: nobody says goodbye, and another program is the last one to close the database.
            store.write.close().await;
            crate::store::migrations_of(&url).await.unwrap();
            store.read.close().await;
        }
        let again = Store::open(&url).await.unwrap();
        assert!(count(&again, "connector").await > 0, "{closing}");
        again.close().await;
    }
}

#[tokio::test]
async fn a_log_that_has_grown_is_folded() {
    let folder = Folder::new();
    let store = Store::open(&folder.url()).await.unwrap();
    store.checkpoint().await.unwrap();
    for number in 0..2_000 {
        sqlx::query("UPDATE change SET counter = $1").bind(number).execute(&store.write).await.unwrap();
    }
    assert_eq!(store.checkpoint_if_due().await.unwrap(), Folded::All);
    assert_eq!(store.checkpoint_if_due().await.unwrap(), Folded::Nothing);
    // A reader with an older state keeps the log; the next checkpoint goes on.
    let mut reader = store.snapshot().await.unwrap();
    sqlx::query("SELECT counter FROM change").fetch_one(&mut *reader).await.unwrap();
    store.settings().put("a", "b").await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap(), Folded::Part);
    reader.rollback().await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap(), Folded::All);
    store.close().await;
}
