//! The store's tests. Each body runs on a SQLite file and, if one is found, on PostgreSQL.

mod agent_sessions;
mod audit;
mod bounds;
mod change;
mod connectors;
mod executions;
mod hours;
mod idempotency;
mod late;
mod open;
mod recorder;
mod replicas;
mod retention;
mod seed;
mod tokens;
mod type_lines;
mod types;

use std::future::Future;
use std::pin::Pin;

use floh_client::answers::{ExecutionSummary, TrueSize, TruncatedParts};
use serde_json::{Map, Value};
use test_support::postgres::Cluster;
use test_support::sqlite::Folder;
use uuid::Uuid;

use super::*;

/// An empty database for one test.
pub(crate) struct TestDb {
    pub(crate) store: Store,
    pub(crate) url: String,
    /// The folder of a SQLite file, removed at the end.
    _folder: Option<Folder>,
}

impl TestDb {
    pub(crate) async fn sqlite() -> Self {
        let folder = Folder::new();
        let url = folder.url();
        Self { store: Store::open(&url).await.unwrap(), url, _folder: Some(folder) }
    }
}

impl TestDb {
    /// Runs a statement past the store.
    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.store.write).await.unwrap();
    }

    /// Damages a table: writes one value into a column of all its rows.
    pub(crate) async fn set_all(&self, table: &str, column: &str, value: &str) {
        let sql = sqlx::AssertSqlSafe(format!("UPDATE {table} SET {column} = $1"));
        sqlx::query(sql).bind(value).execute(&self.store.write).await.unwrap();
    }

    /// Like [`TestDb::set_all`], with a number.
    pub(crate) async fn set_all_numbers(&self, table: &str, column: &str, value: i64) {
        let sql = sqlx::AssertSqlSafe(format!("UPDATE {table} SET {column} = $1"));
        sqlx::query(sql).bind(value).execute(&self.store.write).await.unwrap();
    }

    /// Runs a statement with a text and a number.
    pub(crate) async fn run(&self, sql: &'static str, text: &str, number: i64) {
        sqlx::query(sql).bind(text).bind(number).execute(&self.store.write).await.unwrap();
    }
}

/// Copies a SQLite database as it is at this moment: the state that a process killed now would leave.
pub(crate) async fn copy_as_killed(store: &Store, to: &std::path::Path) {
    sqlx::query("VACUUM INTO $1").bind(to.to_str().unwrap()).execute(&store.write).await.unwrap();
}

/// A test body and its name, for the run on PostgreSQL.
pub(crate) type Case = (&'static str, fn(TestDb) -> Pin<Box<dyn Future<Output = ()>>>);

/// Runs all bodies of one file on one cluster, each in a database of its own.
pub(crate) fn on_postgres(cases: &[Case]) {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    for (name, body) in cases {
        eprintln!("on PostgreSQL: {name}");
        let url = cluster.create_database(name);
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
            let store = Store::open(&url).await.unwrap();
            body(TestDb { store: store.clone(), url, _folder: None }).await;
            store.close().await;
        });
    }
}

/// Generates tests of `async fn body(db: TestDb)`: one for each on SQLite, and one that runs all of them on PostgreSQL.
macro_rules! on_both {
    ($($body:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $body() {
                    super::$body($crate::store::tests::TestDb::sqlite().await).await;
                }
            )+
        }

        #[test]
        fn postgres() {
            $crate::store::tests::on_postgres(&[$((stringify!($body), |db| Box::pin($body(db)))),+]);
        }
    };
}
pub(crate) use on_both;

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object is needed") };
    object
}

pub(crate) fn type_fields() -> TypeFields {
    TypeFields {
        version: "1.0.0".to_owned(),
        description: "A widget platform.".to_owned(),
        category: Some("demo".to_owned()),
        tags: vec!["widgets".to_owned()],
        config_schema: StoredSchema::from_text(r#"{"commands":{}}"#),
        script_source: Some("function test() {}".to_owned()),
        endpoint_url: None,
    }
}

pub(crate) fn new_type(name: &str) -> NewType {
    let name = name.to_owned();
    NewType { name, execution_model: ExecutionModel::Script, fields: type_fields(), actor: Actor::system() }
}

pub(crate) fn sealed(field: &str, ciphertext: &str) -> SealedSecret {
    SealedSecret { field: field.to_owned(), ciphertext: ciphertext.to_owned() }
}

/// Creates a connector and a new type of the same name.
pub(crate) async fn widget(store: &Store, name: &str) -> ConnectorRow {
    store
        .connectors()
        .create(new_id(), ConnectorFields::named(name), TypeChoice::New(new_type(name)), Vec::new())
        .await
        .unwrap()
}

/// An execution of `listWidgets` that has just started.
pub(crate) fn started(connector: &ConnectorRow) -> ExecutionRow {
    ExecutionRow {
        id: new_id(),
        connector_id: connector.id,
        connector: connector.fields.name.clone(),
        type_name: connector.type_name.clone(),
        type_version: connector.type_version.clone(),
        command: Some("listWidgets".to_owned()),
        status: ExecutionStatus::Started,
        mocked: false,
        source: ExecutionSource::Rest,
        step_id: None,
        run_id: None,
        deprecated: false,
        recorded: Recording::Full,
        params: r#"{"limit":50}"#.to_owned(),
        result: None,
        logs: "[]".to_owned(),
        truncated: TruncatedParts::default(),
        started_at: now(),
        duration_ms: None,
        actor: Some(Actor { token_id: Some(new_id()), name: "ci".to_owned() }),
        request_id: Some("a-request".to_owned()),
    }
}

pub(crate) fn succeeded(row: ExecutionRow) -> ExecutionRow {
    ExecutionRow {
        status: ExecutionStatus::Succeeded,
        result: Some(r#"{"success":true,"payload":{"widgets":[]}}"#.to_owned()),
        logs: r#"[{"level":"info","message":"1 page"}]"#.to_owned(),
        duration_ms: Some(12),
        ..row
    }
}

/// Returns how lists show a row.
pub(crate) fn listed(row: &ExecutionRow) -> ExecutionSummary {
    let row = row.clone();
    ExecutionSummary {
        id: row.id,
        connector_id: row.connector_id,
        connector: row.connector,
        type_name: row.type_name,
        type_version: row.type_version,
        command: row.command,
        status: row.status,
        actor: row.actor,
        request_id: row.request_id,
        mocked: row.mocked,
        source: row.source,
        step_id: row.step_id,
        run_id: row.run_id,
        deprecated: row.deprecated,
        started_at: row.started_at,
        duration_ms: row.duration_ms,
    }
}

/// A pace with time enough for a test.
pub(crate) fn pace() -> Pace {
    Pace::new(std::time::Duration::from_secs(60), tokio_util::sync::CancellationToken::new())
}

/// Returns a new id of a time, in milliseconds.
pub(crate) fn id_at(ms: u64) -> Uuid {
    let random = new_id().as_u128() & ((1 << 62) - 1);
    Uuid::from_u128((u128::from(ms) << 80) | (7 << 76) | (2 << 62) | random)
}

/// Writes finished executions of one moment past the recorder, with ids that end in their number.
pub(crate) async fn fill(db: &TestDb, at: jiff::Timestamp, count: u32) {
    let prefix = sql::first_id(at)[..13].to_owned() + "-7000-8000-";
    sqlx::query(
        "INSERT INTO execution (id, connector_id, connector, type, type_version, command, status, mocked, source, deprecated, \
         params, result, logs, started_at, duration_ms) WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < $1) SELECT $2 || substr('000000000000' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), \
         '00000000-0000-7000-8000-00000000000c', 'widget', 'widget', '1.0.0', 'listWidgets', 'succeeded', 0, 'rest', 0, '{}', \
         '{\"success\":true}', '[]', $3, 1 FROM numbers",
    )
    .bind(i64::from(count))
    .bind(prefix)
    .bind(at.as_millisecond())
    .execute(&db.store.write)
    .await
    .unwrap();
}

/// Writes connectors of a type past everything, newer than all that are there.
pub(crate) async fn many_connectors(store: &Store, type_id: &str, count: usize) {
    sqlx::query(
        "INSERT INTO connector (id, name, type_id, description, tags, enabled, log_level, mock, config, search, created_at, updated_at, \
         revision, record) WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) \
         SELECT 'ffffffff-0000-7000-8000-' || substr('000000000000' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), \
         'many-' || CAST(n AS TEXT), $2, '', '[]', 1, 'info', '{}', '{}', '', 0, 0, 1, 'full' FROM numbers",
    )
    .bind(i64::try_from(count).unwrap())
    .bind(type_id)
    .execute(&store.write)
    .await
    .unwrap();
}

pub(crate) async fn count(store: &Store, table: &str) -> i64 {
    use sqlx::Row as _;
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {table}"));
    sqlx::query(sql).fetch_one(&store.read).await.unwrap().get("n")
}

pub(crate) fn page(limit: u32, cursor: Option<String>) -> PageRequest {
    PageRequest { limit, cursor }
}

#[test]
fn ids_follow_time_and_keys_tell_ids_from_names() {
    let (first, second) = (new_id(), new_id());
    assert!(first < second);
    assert_eq!(sql::Key::parse(&first.to_string()), sql::Key::Id(first));
    // 32 hex digits are a legal name; only the hyphenated form is an id.
    assert!(matches!(sql::Key::parse(&Uuid::nil().simple().to_string()), sql::Key::Name(_)));
    assert!(matches!(sql::Key::parse("widget-prod"), sql::Key::Name("widget-prod")));
}

#[test]
fn words_round_trip_and_unknown_ones_name_the_known() {
    for model in ExecutionModel::ALL {
        assert_eq!(model.as_str().parse(), Ok(*model));
        assert_eq!(serde_json::to_value(model).unwrap(), model.as_str());
    }
    assert_eq!(
        "Info".parse::<LogLevel>().unwrap_err().to_string(),
        "unknown log level, expected one of trace, debug, info, warn, error"
    );
}
