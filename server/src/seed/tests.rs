//! Seeding of made-up versions of real types.

use connector_runtime::connector::Connector as _;
use connector_runtime::descriptor::{Descriptor, FieldSpec, Literal};
use serde_json::{Value, json};

use super::*;
use crate::store::tests::{TestDb, new_type, type_fields};
use crate::store::{Actor, NewType, PageRequest, StoreError, TypeChoice};
use crate::testing::log::Log;
use crate::testing::types::{Odd, Safe};
use crate::vault::{Keys, MasterKey};

mod own_texts;

const STRICT: SeedOptions = SeedOptions { allow_downgrade: false, allow_schema_drift: false, samples: false };
const DOWN: SeedOptions = SeedOptions { allow_downgrade: true, allow_schema_drift: false, samples: false };
const DRIFT: SeedOptions = SeedOptions { allow_downgrade: false, allow_schema_drift: true, samples: false };

/// Returns a copy of a descriptor with another version.
fn version(descriptor: &'static Descriptor, version: &'static str) -> &'static Descriptor {
    Box::leak(Box::new(Descriptor { version, ..*descriptor }))
}

/// Returns a copy with one connection field less.
fn shorter(descriptor: &'static Descriptor) -> &'static Descriptor {
    Box::leak(Box::new(Descriptor { connection: &descriptor.connection[1..], ..*descriptor }))
}

fn vault() -> Vault {
    Vault::with_keys(&Keys::from(MasterKey::generate().unwrap()))
}

async fn seeded(db: &TestDb, types: &[&'static Descriptor], options: SeedOptions) -> Result<(), SeedError> {
    seed(&db.store, &vault(), &Registry::of(types.iter().copied()).unwrap(), options).await
}

async fn stored(db: &TestDb, name: &str) -> (String, i64, bool) {
    let row = db.store.types().get(name).await.unwrap();
    (row.fields.version, row.revision, row.available)
}

#[tokio::test]
async fn a_type_is_inserted_once_and_left_alone_after() {
    let db = TestDb::sqlite().await;
    for _ in 0..3 {
        seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
        assert_eq!(stored(&db, "safe").await, ("1.2.0".to_owned(), 1, true));
    }
    let row = db.store.types().get("safe").await.unwrap();
    assert_eq!((row.source, row.execution_model), (TypeSource::Code, ExecutionModel::BuiltIn));
    assert_eq!(
        (row.fields.category.as_deref(), &row.fields.tags[..]),
        (Some("test"), &["one".to_owned(), "two".to_owned()][..])
    );
    let schema: Value = row.fields.config_schema.to_value().unwrap();
    let compiled = Registry::of([Safe::DESCRIPTOR]).unwrap();
    assert_eq!(ConfigSchema::parse(&schema).unwrap(), **compiled.get("safe").unwrap().schema());
}

#[tokio::test]
async fn a_newer_type_replaces_an_older_one_stops() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    seeded(&db, &[shorter(version(Safe::DESCRIPTOR, "1.10.0"))], STRICT).await.unwrap();
    assert_eq!(stored(&db, "safe").await, ("1.10.0".to_owned(), 2, true));
    let error = seeded(&db, &[Odd::DESCRIPTOR, version(Safe::DESCRIPTOR, "1.9.0")], STRICT).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "connector type safe: the database was seeded with version 1.10.0, this server has 1.9.0, which lacks something major of it; \
         start the newer server, or allow it with --allow-downgrade"
    );
    assert!(db.store.types().get("odd").await.is_err(), "nothing is written beside the refusal");
    assert!(seeded(&db, &[version(Safe::DESCRIPTOR, "1.10.0-rc.1")], DRIFT).await.is_err(), "a pre-release is older");
    seeded(&db, &[version(Safe::DESCRIPTOR, "1.9.0")], DOWN).await.unwrap();
    assert_eq!(stored(&db, "safe").await.0, "1.9.0");
    seeded(&db, &[version(Safe::DESCRIPTOR, "1.9.0")], STRICT).await.unwrap();
}

#[tokio::test]
async fn another_schema_under_the_same_version_stops_and_names_what_differs() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    let mut fields: Vec<FieldSpec> = Safe::DESCRIPTOR.connection[1..].to_vec();
    for field in fields.iter_mut().filter(|field| field.name == "limit") {
        field.default = Some(Literal::Int(31));
    }
    let drifted = Box::leak(Box::new(Descriptor {
        connection: fields.leak(),
        commands: &Safe::DESCRIPTOR.commands[1..],
        default_command: Some("hello"),
        ..*Safe::DESCRIPTOR
    }));
    for options in [STRICT, DOWN] {
        assert_eq!(
            seeded(&db, &[drifted], options).await.unwrap_err().to_string(),
            "connector type safe: version 1.2.0 was seeded with another config schema (changed: connection field baseUrl was removed; \
             command echo was removed; default command was echo, is hello; default of connection field limit was 30, is 31); raise the version in the code, or allow it with \
             --allow-schema-drift"
        );
    }
    assert_eq!(stored(&db, "safe").await.1, 1);
    seeded(&db, &[drifted], DRIFT).await.unwrap();
    assert_eq!(stored(&db, "safe").await, ("1.2.0".to_owned(), 2, true));
    seeded(&db, &[drifted], STRICT).await.unwrap();
    assert_eq!(stored(&db, "safe").await.1, 2);
}

/// A rolling upgrade: servers of the earlier release start again while the later one is there.
#[tokio::test]
async fn an_older_type_that_lacks_nothing_major_leaves_a_newer_one() {
    let db = TestDb::sqlite().await;
    // The later release has more: here a whole type, and a command of the other one.
    let (later, earlier) = (version(Odd::DESCRIPTOR, "9.10.0"), version(Odd::DESCRIPTOR, "9.9.0"));
    let fewer = &earlier.commands[..earlier.commands.len() - 1];
    let earlier = Box::leak(Box::new(Descriptor { commands: fewer, ..*earlier }));
    seeded(&db, &[later, Safe::DESCRIPTOR], STRICT).await.unwrap();
    for _ in 0..2 {
        seeded(&db, &[earlier], STRICT).await.unwrap();
        assert_eq!(stored(&db, "odd").await, ("9.10.0".to_owned(), 1, true));
        assert!(stored(&db, "safe").await.2, "what the later release has is not withdrawn");
    }
    seeded(&db, &[earlier], DOWN).await.unwrap();
    assert_eq!((stored(&db, "odd").await.0.as_str(), stored(&db, "safe").await.2), ("9.9.0", false));
}

#[tokio::test]
async fn a_draft_changes_under_its_version_until_it_is_released() {
    let db = TestDb::sqlite().await;
    let draft = version(Safe::DESCRIPTOR, "3.0.0-draft");
    seeded(&db, &[draft], STRICT).await.unwrap();
    seeded(&db, &[shorter(draft)], STRICT).await.unwrap();
    assert_eq!(stored(&db, "safe").await, ("3.0.0-draft".to_owned(), 2, true));
    let released = version(Safe::DESCRIPTOR, "3.0.0");
    seeded(&db, &[released], STRICT).await.unwrap();
    let error = seeded(&db, &[shorter(released)], STRICT).await.unwrap_err();
    assert!(matches!(error, SeedError::Drift { .. }), "{error}");
    seeded(&db, &[draft], STRICT).await.unwrap();
    assert_eq!(stored(&db, "safe").await, ("3.0.0".to_owned(), 3, true), "a draft that lacks nothing runs beside it");
    let again = version(Odd::DESCRIPTOR, "9.0.0-rc.1");
    // Also back and forth, as two developers share a database.
    let other = Box::leak(Box::new(Descriptor { commands: &again.commands[1..], ..*again }));
    for revision in [1, 2, 3] {
        let draft = if revision % 2 == 0 { &*other } else { again };
        seeded(&db, &[released, draft], STRICT).await.unwrap();
        assert_eq!(stored(&db, "odd").await, ("9.0.0-rc.1".to_owned(), revision, true));
    }
    assert_eq!(stored(&db, "safe").await, ("3.0.0".to_owned(), 3, true));
}

/// Returns the description that the stored schema of a type has for a connection field.
async fn shown_text(db: &TestDb, field: &str) -> String {
    let schema = db.store.types().get("safe").await.unwrap().fields.config_schema.to_value().unwrap();
    schema["connectionConfig"][field]["description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn other_texts_are_taken_once_under_the_same_version() {
    let db = TestDb::sqlite().await;
    let described = |text: &'static str| {
        changed("1.2.0", move |field| {
            if field.name == "limit" {
                field.description = text;
            }
        })
    };
    let (old, new) = (described("Old."), described("New."));
    seeded(&db, &[old], STRICT).await.unwrap();
    seeded(&db, &[new], STRICT).await.unwrap();
    assert_eq!((shown_text(&db, "limit").await.as_str(), stored(&db, "safe").await.1), ("New.", 2));
    // A server of the older text starts again, and again: it leaves the newer one.
    for descriptor in [old, new, old] {
        seeded(&db, &[descriptor], STRICT).await.unwrap();
        assert_eq!((shown_text(&db, "limit").await.as_str(), stored(&db, "safe").await.1), ("New.", 2));
    }
    // A third text is newer than both; and an operator can put back an older one.
    seeded(&db, &[described("Third.")], STRICT).await.unwrap();
    assert_eq!(shown_text(&db, "limit").await, "Third.");
    seeded(&db, &[old], DRIFT).await.unwrap();
    assert_eq!(shown_text(&db, "limit").await, "Old.");
    // The next version takes its texts whatever was seen before.
    let next = Box::leak(Box::new(Descriptor { version: "1.2.1", ..*new }));
    seeded(&db, &[next], STRICT).await.unwrap();
    assert_eq!((shown_text(&db, "limit").await.as_str(), stored(&db, "safe").await.0.as_str()), ("New.", "1.2.1"));
}

#[tokio::test]
async fn other_texts_do_not_replace_what_an_operator_has_put() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    let row = db.store.types().get("safe").await.unwrap();
    let put = NewVersion::first(VersionSource::Put, Actor::system());
    let theirs = crate::store::TypeFields { version: "7.0.0".to_owned(), ..row.fields };
    db.store.types().update::<StoreError>(row.id, row.revision, theirs, Some(put), None).await.unwrap();
    let reworded = changed("1.2.0", |field| field.description = "Other words.");
    seeded(&db, &[reworded], STRICT).await.unwrap();
    assert_eq!(stored(&db, "safe").await, ("7.0.0".to_owned(), 2, true));
}

#[tokio::test]
async fn drift_of_a_type_that_shows_no_schema_is_seen_all_the_same() {
    let db = TestDb::sqlite().await;
    let http = crate::testing::all_types().get("http").unwrap().descriptor();
    seeded(&db, &[http], STRICT).await.unwrap();
    assert_eq!(db.store.types().get("http").await.unwrap().fields.config_schema, StoredSchema::Empty);
    seeded(&db, &[http], STRICT).await.unwrap();
    let error = seeded(&db, &[shorter(http)], STRICT).await.unwrap_err().to_string();
    assert!(error.contains("changed: connection field baseUrl was removed"), "{error}");
    seeded(&db, &[shorter(http)], DRIFT).await.unwrap();
    assert_eq!(db.store.types().get("http").await.unwrap().fields.config_schema, StoredSchema::Empty);
}

#[tokio::test]
async fn an_operators_change_of_the_row_is_no_drift() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    let row = db.store.types().get("safe").await.unwrap();
    let changed = crate::store::TypeFields { version: "7.0.0".to_owned(), ..type_fields() };
    let put = NewVersion::first(VersionSource::Put, Actor::system());
    db.store.types().update::<StoreError>(row.id, row.revision, changed.clone(), Some(put), None).await.unwrap();
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    assert_eq!(db.store.types().get("safe").await.unwrap().fields, changed);
    seeded(&db, &[version(Safe::DESCRIPTOR, "1.2.1")], STRICT).await.unwrap();
    assert_eq!(stored(&db, "safe").await.0, "1.2.1");
}

async fn history(db: &TestDb, name: &str) -> Vec<(String, VersionSource)> {
    let id = db.store.types().get(name).await.unwrap().id;
    let page = db.store.types().versions(id, &PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|row| (row.version, row.source)).collect()
}

#[tokio::test]
async fn what_seeding_replaces_stays_in_the_history() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
    seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
    let row = db.store.types().get("safe").await.unwrap();
    let changed = crate::store::TypeFields { version: "7.0.0".to_owned(), ..type_fields() };
    let put = NewVersion::first(VersionSource::Put, Actor::system());
    db.store.types().update::<StoreError>(row.id, row.revision, changed.clone(), Some(put), None).await.unwrap();
    seeded(&db, &[shorter(version(Safe::DESCRIPTOR, "1.3.0")), Odd::DESCRIPTOR], STRICT).await.unwrap();
    let wanted = [("1.3.0", VersionSource::Seed), ("7.0.0", VersionSource::Put), ("1.2.0", VersionSource::Seed)];
    assert_eq!(history(&db, "safe").await, wanted.map(|(version, source)| (version.to_owned(), source)));
    assert_eq!(db.store.types().version(row.id, "7.0.0").await.unwrap().config_schema, changed.config_schema);
    let changes: Value =
        serde_json::from_str(&db.store.types().version(row.id, "1.3.0").await.unwrap().summary.changes).unwrap();
    assert_eq!((&changes["level"], &changes["total"]), (&Value::from("major"), &Value::from(1)));
    assert_eq!(changes["changes"][0]["pointer"], "/connectionConfig/baseUrl");
    assert_eq!(history(&db, "odd").await.len(), 1);
}

#[tokio::test]
async fn the_log_says_what_was_replaced() {
    let log = Log::keep("info");
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    let row = db.store.types().get("safe").await.unwrap();
    let put = NewVersion::first(VersionSource::Put, Actor::system());
    let changed = crate::store::TypeFields { version: "1.2.1".to_owned(), ..row.fields.clone() };
    db.store.types().update::<StoreError>(row.id, row.revision, changed, Some(put), None).await.unwrap();
    seeded(&db, &[shorter(version(Safe::DESCRIPTOR, "1.3.0"))], STRICT).await.unwrap();
    seeded(&db, &[version(Safe::DESCRIPTOR, "1.2.9")], DOWN).await.unwrap();
    let lines = log.lines();
    let told = |event: &str| {
        let found: Vec<&Value> = lines.iter().filter(|line| line["event"] == event).collect();
        let [line] = found[..] else { panic!("{event}: {found:?}") };
        let parts = ["name", "from", "to", "change", "put", "seeded", "needed", "changed"];
        parts.map(|part| line[part].as_str().unwrap_or_default().to_owned())
    };
    let one = "connection field baseUrl was removed";
    let wanted = [
        ("connector_type_replaced", ["safe", "1.2.0", "1.3.0", "major", "", "", "", one]),
        ("connector_type_bump_too_small", ["safe", "1.2.0", "1.3.0", "major", "", "", "2.0.0", one]),
        ("connector_type_put_replaced", ["safe", "", "", "", "1.2.1", "1.3.0", "", ""]),
    ];
    for (event, parts) in wanted {
        assert_eq!(told(event), parts.map(str::to_owned), "{event}");
    }
    assert_eq!(told("connector_type_downgraded")[..3], ["safe", "1.3.0", "1.2.9"]);
}

#[tokio::test]
async fn a_users_type_of_the_same_name_stops() {
    let db = TestDb::sqlite().await;
    let users = NewType { name: "safe".to_owned(), ..new_type("safe") };
    let fields = ConnectorFields::named("theirs");
    db.store.connectors().create(crate::store::new_id(), fields, TypeChoice::New(users), Vec::new()).await.unwrap();
    let error = seeded(&db, &[Safe::DESCRIPTOR], DRIFT).await.unwrap_err();
    assert!(matches!(&error, SeedError::Taken { name } if name == "safe"), "{error}");
    assert_eq!(db.store.types().get("safe").await.unwrap().source, TypeSource::User);
    // Another name does not affect them, and their types stay available.
    seeded(&db, &[Odd::DESCRIPTOR], STRICT).await.unwrap();
    assert!(stored(&db, "safe").await.2);
}

#[tokio::test]
async fn a_withdrawn_type_keeps_its_row_and_may_return() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
    let log = Log::keep("info");
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    let lines = log.lines();
    let told = lines.iter().find(|line| line["event"] == "connector_type_withdrawn").expect("it is told");
    assert_eq!((&told["level"], &told["name"]), (&json!("WARN"), &json!("odd")));
    assert!(!stored(&db, "odd").await.2 && stored(&db, "safe").await.2);
    seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
    assert!(stored(&db, "odd").await.2);
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    seeded(&db, &[Safe::DESCRIPTOR, version(Odd::DESCRIPTOR, "0.2.0")], STRICT).await.unwrap();
    let (version, _, available) = stored(&db, "odd").await;
    assert_eq!((version.as_str(), available), ("0.2.0", true));
}

#[tokio::test]
async fn a_withdrawn_type_without_connectors_may_be_deleted() {
    let db = TestDb::sqlite().await;
    let types = db.store.types();
    seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
    let id = types.get("odd").await.unwrap().id;
    assert!(matches!(types.delete(id).await, Err(StoreError::TypeIsCode)));
    seeded(&db, &[Safe::DESCRIPTOR], STRICT).await.unwrap();
    types.delete(id).await.unwrap();
    assert!(types.get("odd").await.is_err());
    seeded(&db, &[Safe::DESCRIPTOR, Odd::DESCRIPTOR], STRICT).await.unwrap();
    assert!(stored(&db, "odd").await.2, "a later release may bring it back");
}

#[tokio::test]
async fn a_thousand_types_are_seeded_and_left() {
    let db = TestDb::sqlite().await;
    let types: Vec<&'static Descriptor> = (0..1000)
        .map(|number| {
            let name: &'static str = Box::leak(format!("type-{number:04}").into_boxed_str());
            &*Box::leak(Box::new(Descriptor { name, ..*Safe::DESCRIPTOR }))
        })
        .collect();
    for _ in 0..2 {
        seeded(&db, &types, STRICT).await.unwrap();
        let rows = db.store.types().seeded().await.unwrap();
        assert_eq!(rows.len(), 1000);
        assert!(rows.iter().all(|row| row.available && row.seeded_version.as_deref() == Some("1.2.0")));
        assert_eq!(stored(&db, "type-0999").await.1, 1);
    }
}

/// Returns a copy of [`Safe`] with another version, whose connection was changed.
fn changed(version: &'static str, change: impl Fn(&mut FieldSpec)) -> &'static Descriptor {
    let mut fields: Vec<FieldSpec> = Safe::DESCRIPTOR.connection.to_vec();
    fields.iter_mut().for_each(change);
    Box::leak(Box::new(Descriptor { version, connection: fields.leak(), ..*Safe::DESCRIPTOR }))
}

/// A release whose default names another place would send it what was given for the old one.
#[tokio::test]
async fn a_release_that_would_send_secrets_elsewhere_clears_them() {
    let (db, vault) = (TestDb::sqlite().await, vault());
    let seed = async |descriptor: &'static Descriptor| {
        seed(&db.store, &vault, &Registry::of([descriptor]).unwrap(), STRICT).await.unwrap();
    };
    let place = |version: &'static str, url: &'static str| {
        changed(version, move |field| {
            if field.name == "baseUrl" {
                field.default = Some(Literal::Str(url));
            }
        })
    };
    seed(place("1.3.0", "https://a.example")).await;
    let of = TypeChoice::Existing(db.store.types().get("safe").await.unwrap().id);
    let create = async |name: &str, config: Value| {
        let id = new_id();
        let secret = crate::connector_secrets::seal(&vault, id, "apiKey", &json!("k3y-of-the-owner")).unwrap();
        let fields = ConnectorFields { config: config.as_object().cloned().unwrap(), ..ConnectorFields::named(name) };
        db.store.connectors().create(id, fields, of.clone(), vec![secret]).await.unwrap();
    };
    create("by-default", json!({})).await;
    create("by-config", json!({ "baseUrl": "https://own.example" })).await;
    let secrets = async |name: &str| db.store.connectors().get(name).await.unwrap().secrets.len();
    seed(place("1.4.0", "https://a.example/v2")).await;
    assert_eq!((secrets("by-default").await, secrets("by-config").await), (1, 1), "the same place");
    // What does not touch the connection opens no secret: one that cannot be opened does not stop such a release.
    create("damaged", json!({ "baseUrl": "https://own.example" })).await;
    let damaged = db.store.connectors().get("damaged").await.unwrap();
    let put = vec![crate::store::SealedSecret { field: "apiKey".to_owned(), ciphertext: "fl1.damaged".to_owned() }];
    let changes = crate::store::SecretChanges { put, remove: Vec::new() };
    db.store.connectors().update(damaged.id, damaged.revision, damaged.fields, changes).await.unwrap();
    let same = place("1.4.1", "https://a.example/v2");
    let fewer = Box::leak(Box::new(Descriptor { commands: &same.commands[..same.commands.len() - 1], ..*same }));
    seed(fewer).await;
    let damaged = db.store.connectors().get("damaged").await.unwrap();
    assert_eq!(damaged.secrets.len(), 1);
    db.store.connectors().delete(damaged.id, None).await.unwrap();
    seed(place("1.5.0", "https://b.example/v2")).await;
    assert_eq!((secrets("by-default").await, secrets("by-config").await), (0, 1));
    seed(changed("2.0.0", |field| field.ty.secret = false)).await;
    assert_eq!(secrets("by-config").await, 0, "what is no longer a secret is not shown");
}
