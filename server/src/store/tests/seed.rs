//! Seeding: decisions are carried out, idempotent, types withdrawn and returned, many at once.

use super::*;

on_both!(
    types_are_seeded_once,
    replacing_keeps_id_and_instances,
    a_type_no_longer_compiled_in_is_marked,
    a_users_type_is_never_overwritten,
    two_servers_may_seed_at_once,
    a_thousand_types_go_in_at_once,
);

pub(super) fn row(name: &str, decision: SeedDecision) -> SeedTypeRow {
    SeedTypeRow {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        execution_model: ExecutionModel::BuiltIn,
        description: "Compiled in.".to_owned(),
        category: Some("demo".to_owned()),
        tags: vec!["seeded".to_owned()],
        config_schema: StoredSchema::Empty,
        seeded_schema: StoredSchema::Empty,
        script_source: None,
        changes: "{}".to_owned(),
        decision,
    }
}

async fn types_are_seeded_once(db: TestDb) {
    let types = db.store.types();
    assert!(types.seeded().await.unwrap().is_empty());
    let report = types
        .seed(&[row("http", SeedDecision::Insert), row("delay", SeedDecision::Insert)], &mut leave_config)
        .await
        .unwrap();
    assert_eq!(report, SeedReport { inserted: 2, ..Default::default() });
    let seeded = types.seeded().await.unwrap();
    assert_eq!(
        seeded[1],
        SeededType {
            name: "http".to_owned(),
            execution_model: ExecutionModel::BuiltIn,
            source: TypeSource::Code,
            version: "1.0.0".to_owned(),
            seeded_version: Some("1.0.0".to_owned()),
            seeded_schema: Some(StoredSchema::Empty),
            config_schema: StoredSchema::Empty,
            description: "Compiled in.".to_owned(),
            category: Some("demo".to_owned()),
            tags: vec!["seeded".to_owned()],
            available: true,
        }
    );
    let before = types.get("http").await.unwrap();
    let again = types
        .seed(&[row("http", SeedDecision::Leave), row("delay", SeedDecision::Leave)], &mut leave_config)
        .await
        .unwrap();
    assert_eq!(again, SeedReport { left: 2, ..Default::default() });
    assert_eq!(types.get("http").await.unwrap(), before);
}

async fn replacing_keeps_id_and_instances(db: TestDb) {
    let types = db.store.types();
    types.seed(&[row("http", SeedDecision::Insert)], &mut leave_config).await.unwrap();
    let first = types.get("http").await.unwrap();
    db.store
        .connectors()
        .create(new_id(), ConnectorFields::named("web"), TypeChoice::Existing(first.id), Vec::new())
        .await
        .unwrap();
    let mut newer = row("http", SeedDecision::Replace);
    newer.version = "2.0.0".to_owned();
    newer.seeded_schema = StoredSchema::from_text(r#"{"commands":{"request":{}}}"#);
    assert_eq!(
        types.seed(&[newer.clone()], &mut leave_config).await.unwrap(),
        SeedReport { replaced: 1, ..Default::default() }
    );
    let second = types.get("http").await.unwrap();
    assert_eq!((second.id, second.instances, second.revision, second.created_at), (first.id, 1, 2, first.created_at));
    assert_eq!((second.fields.version.as_str(), &second.fields.config_schema), ("2.0.0", &newer.config_schema));
    assert_eq!(second.seeded_version.as_deref(), Some("2.0.0"));
}

async fn a_type_no_longer_compiled_in_is_marked(db: TestDb) {
    let types = db.store.types();
    types
        .seed(&[row("http", SeedDecision::Insert), row("ldap", SeedDecision::Insert)], &mut leave_config)
        .await
        .unwrap();
    widget(&db.store, "mine").await;
    let report = types.seed(&[row("http", SeedDecision::Leave)], &mut leave_config).await.unwrap();
    assert_eq!(report.withdrawn, ["ldap"]);
    assert!(!types.get("ldap").await.unwrap().available);
    assert!(types.get("http").await.unwrap().available && types.get("mine").await.unwrap().available);
    assert!(types.seed(&[row("http", SeedDecision::Leave)], &mut leave_config).await.unwrap().withdrawn.is_empty());
    let report = types
        .seed(&[row("http", SeedDecision::Leave), row("ldap", SeedDecision::Leave)], &mut leave_config)
        .await
        .unwrap();
    assert_eq!(report.returned, ["ldap"]);
    assert!(types.get("ldap").await.unwrap().available);
}

async fn a_users_type_is_never_overwritten(db: TestDb) {
    widget(&db.store, "http").await;
    let before = db.store.types().get("http").await.unwrap();
    db.store.types().seed(&[row("http", SeedDecision::Insert)], &mut leave_config).await.unwrap();
    assert_eq!(db.store.types().get("http").await.unwrap(), before);
}

async fn two_servers_may_seed_at_once(db: TestDb) {
    let other = Store::open(&db.url).await.unwrap();
    let rows: Vec<SeedTypeRow> = (0..50).map(|n| row(&format!("type-{n}"), SeedDecision::Insert)).collect();
    let (types, others) = (db.store.types(), other.types());
    let (mut leave, mut leave_too) = (leave_config, leave_config);
    let (one, two) = tokio::join!(types.seed(&rows, &mut leave), others.seed(&rows, &mut leave_too));
    one.unwrap();
    two.unwrap();
    assert_eq!(count(&db.store, "connector_type").await, 50);
    other.close().await;
}

async fn a_thousand_types_go_in_at_once(db: TestDb) {
    let schema = StoredSchema::from_text(format!(r#"{{"commands":{{}},"pad":"{}"}}"#, "x".repeat(12_000)));
    let rows: Vec<SeedTypeRow> = (0..1000)
        .map(|n| SeedTypeRow { config_schema: schema.clone(), ..row(&format!("type-{n}"), SeedDecision::Insert) })
        .collect();
    let report = db.store.types().seed(&rows, &mut leave_config).await.unwrap();
    assert_eq!(report.inserted, 1000);
    assert_eq!(db.store.types().seeded().await.unwrap().len(), 1000);
    // All of them are withdrawn: more than one batch of the update.
    assert_eq!(db.store.types().seed(&[], &mut leave_config).await.unwrap().withdrawn.len(), 1000);
}
