//! Connectors: created with their type, found, listed, changed, deleted.

use serde_json::json;

use super::*;

on_both!(
    a_connector_and_its_type_are_made_together,
    nothing_is_half_written,
    a_missing_type_is_told,
    found_by_id_and_name,
    loading_brings_type_and_ciphertexts,
    an_update_replaces_fields_and_changes_secrets,
    a_stale_update_is_refused,
    of_two_updates_one_wins,
    renaming_to_a_taken_name_is_refused,
    deleting_takes_secrets_along,
    lists_are_newest_first_and_paged,
    filters_are_exact,
    search_ignores_case_and_takes_any_character,
    cursors_of_other_lists_are_refused,
    a_broken_value_is_told_without_showing_it,
);

async fn a_connector_and_its_type_are_made_together(db: TestDb) {
    let id = new_id();
    let mut fields = ConnectorFields::named("widget-prod");
    fields.description = "Production.".to_owned();
    fields.tags = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
    fields.timeout_ms = Some(5000);
    fields.log_level = LogLevel::Warn;
    fields.mock = object(json!({ "enabled": true, "data": { "test": { "success": true } } }));
    fields.config = object(json!({ "baseUrl": "https://api.widget.dev", "limits": { "z": 1, "a": [null] } }));
    let secrets = vec![sealed("apiKey", "fl1.one"), sealed(SIGNING_SECRET, "fl1.two")];
    let made =
        db.store.connectors().create(id, fields.clone(), TypeChoice::New(new_type("widget")), secrets).await.unwrap();

    assert_eq!(made.id, id);
    assert_eq!(made.fields, fields);
    assert_eq!((made.type_name.as_str(), made.type_version.as_str()), ("widget", "1.0.0"));
    assert_eq!(made.execution_model, ExecutionModel::Script);
    assert_eq!(made.revision, 1);
    assert_eq!(made.secrets.keys().collect::<Vec<_>>(), [SIGNING_SECRET, "apiKey"]);
    assert_eq!(made.secrets["apiKey"], made.created_at);
    assert_eq!(db.store.connectors().get("widget-prod").await.unwrap(), made);

    let made_type = db.store.types().get("widget").await.unwrap();
    assert_eq!(made_type.fields, type_fields());
    assert_eq!((made_type.source, made_type.available, made_type.instances), (TypeSource::User, true, 1));

    let second = db
        .store
        .connectors()
        .create(new_id(), ConnectorFields::named("widget-test"), TypeChoice::Existing(made_type.id), Vec::new())
        .await
        .unwrap();
    assert_eq!(second.type_id, made_type.id);
    assert_eq!(db.store.types().get("widget").await.unwrap().instances, 2);
}

async fn nothing_is_half_written(db: TestDb) {
    widget(&db.store, "widget").await;
    // The type is new and the connector's name is taken: the type must not remain.
    let taken = db
        .store
        .connectors()
        .create(
            new_id(),
            ConnectorFields::named("widget"),
            TypeChoice::New(new_type("gadget")),
            vec![sealed("apiKey", "x")],
        )
        .await
        .unwrap_err();
    assert!(
        matches!(&taken, StoreError::NameTaken { entity: Entity::Connector, name } if name == "widget"),
        "{taken:?}"
    );
    let taken = db
        .store
        .connectors()
        .create(new_id(), ConnectorFields::named("gadget"), TypeChoice::New(new_type("widget")), Vec::new())
        .await
        .unwrap_err();
    assert!(
        matches!(&taken, StoreError::NameTaken { entity: Entity::ConnectorType, name } if name == "widget"),
        "{taken:?}"
    );
    for (table, rows) in [("connector_type", 1), ("connector", 1), ("connector_secret", 0), ("connector_tag", 0)] {
        assert_eq!(count(&db.store, table).await, rows, "{table}");
    }
}

async fn a_missing_type_is_told(db: TestDb) {
    let gone = db
        .store
        .connectors()
        .create(new_id(), ConnectorFields::named("widget"), TypeChoice::Existing(new_id()), Vec::new())
        .await;
    assert!(matches!(gone, Err(StoreError::TypeGone)), "{gone:?}");
    assert_eq!(count(&db.store, "connector").await, 0);
}

async fn found_by_id_and_name(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    assert_eq!(db.store.connectors().get(&made.id.to_string()).await.unwrap(), made);
    for key in ["Widget", "widge", "", &new_id().to_string(), "'; DROP TABLE connector; --"] {
        let missing = db.store.connectors().get(key).await.unwrap_err();
        assert!(
            matches!(&missing, StoreError::NotFound { entity: Entity::Connector, key: named } if named == key),
            "{missing:?}"
        );
    }
}

async fn loading_brings_type_and_ciphertexts(db: TestDb) {
    let made = db
        .store
        .connectors()
        .create(
            new_id(),
            ConnectorFields::named("widget"),
            TypeChoice::New(new_type("widget")),
            vec![sealed("apiKey", "fl1.sealed-text")],
        )
        .await
        .unwrap();
    let loaded = db.store.connectors().load("widget").await.unwrap();
    assert_eq!(loaded.connector, made);
    assert_eq!(loaded.connector_type, db.store.types().get("widget").await.unwrap());
    assert_eq!(loaded.secrets, [sealed("apiKey", "fl1.sealed-text")]);
    assert!(!format!("{loaded:?}").contains("sealed-text"));
}

async fn an_update_replaces_fields_and_changes_secrets(db: TestDb) {
    let connectors = db.store.connectors();
    let secrets = vec![sealed("a", "1"), sealed("b", "1"), sealed("c", "1")];
    let made = connectors
        .create(new_id(), ConnectorFields::named("widget"), TypeChoice::New(new_type("widget")), secrets)
        .await
        .unwrap();
    let mut fields = ConnectorFields::named("renamed");
    fields.tags = vec!["new".to_owned()];
    fields.enabled = false;
    fields.endpoint_url = Some("https://service.example".to_owned());
    let changes = SecretChanges {
        put: vec![sealed("b", "0"), sealed("d", "2"), sealed("b", "2")],
        remove: vec!["c".to_owned(), "none".to_owned()],
    };
    let changed = connectors.update(made.id, 1, fields.clone(), changes).await.unwrap();
    assert_eq!(changed.fields, fields);
    assert_eq!((changed.revision, changed.created_at), (2, made.created_at));
    assert!(changed.updated_at >= made.updated_at);
    let loaded = connectors.load("renamed").await.unwrap();
    assert_eq!(loaded.secrets, [sealed("a", "1"), sealed("b", "2"), sealed("d", "2")]);
    assert_eq!(loaded.connector.secrets["a"], made.created_at);
    assert!(connectors.get("widget").await.is_err());
    let tagged = connectors
        .list(&ConnectorFilter { tag: Some("new".to_owned()), ..Default::default() }, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(tagged.items, [changed]);
}

async fn a_stale_update_is_refused(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    let fields = ConnectorFields { description: "first".to_owned(), ..made.fields.clone() };
    db.store.connectors().update(made.id, 1, fields, SecretChanges::default()).await.unwrap();
    let changes = SecretChanges { put: vec![sealed("apiKey", "lost")], remove: Vec::new() };
    let stale = db.store.connectors().update(made.id, 1, made.fields.clone(), changes).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { entity: Entity::Connector, revision: 1 }), "{stale:?}");
    let stored = db.store.connectors().get("widget").await.unwrap();
    assert_eq!((stored.fields.description.as_str(), stored.revision, stored.secrets.len()), ("first", 2, 0));
    let missing = db.store.connectors().update(new_id(), 1, made.fields, SecretChanges::default()).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotFound { .. }), "{missing:?}");
}

async fn of_two_updates_one_wins(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    let connectors = db.store.connectors();
    let updates = (0..8).map(|n| {
        let fields = ConnectorFields { description: n.to_string(), ..made.fields.clone() };
        connectors.update(
            made.id,
            1,
            fields,
            SecretChanges { put: vec![sealed("apiKey", &n.to_string())], remove: Vec::new() },
        )
    });
    let outcomes = futures_util::future::join_all(updates).await;
    let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(won.len(), 1);
    assert!(
        outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .all(|error| matches!(error, StoreError::Stale { .. }))
    );
    let loaded = connectors.load("widget").await.unwrap();
    assert_eq!(loaded.secrets, [sealed("apiKey", &won[0].fields.description)]);
}

async fn renaming_to_a_taken_name_is_refused(db: TestDb) {
    widget(&db.store, "one").await;
    let two = widget(&db.store, "two").await;
    let taken = db
        .store
        .connectors()
        .update(two.id, 1, ConnectorFields::named("one"), SecretChanges::default())
        .await
        .unwrap_err();
    assert!(matches!(taken, StoreError::NameTaken { entity: Entity::Connector, .. }), "{taken:?}");
    assert_eq!(db.store.connectors().get("two").await.unwrap(), two);
}

async fn deleting_takes_secrets_along(db: TestDb) {
    let mut fields = ConnectorFields::named("widget");
    fields.tags = vec!["tag".to_owned()];
    let made = db
        .store
        .connectors()
        .create(new_id(), fields, TypeChoice::New(new_type("widget")), vec![sealed("a", "1")])
        .await
        .unwrap();
    db.store.connectors().delete(made.id, None).await.unwrap();
    for table in ["connector", "connector_secret", "connector_tag"] {
        assert_eq!(count(&db.store, table).await, 0, "{table}");
    }
    assert!(matches!(db.store.connectors().delete(made.id, None).await, Err(StoreError::NotFound { .. })));
    assert_eq!(db.store.types().get("widget").await.unwrap().instances, 0);
}

async fn lists_are_newest_first_and_paged(db: TestDb) {
    let mut made = Vec::new();
    for n in 0..7 {
        made.insert(0, widget(&db.store, &format!("widget-{n}")).await);
    }
    let filter = ConnectorFilter::default();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let part = db.store.connectors().list(&filter, &page(3, cursor)).await.unwrap();
        seen.extend(part.items);
        cursor = part.next_cursor;
        if seen.len() == 3 {
            // Rows that are added after the first page was read do not disturb later pages.
            widget(&db.store, "latecomer").await;
        }
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let exact = db.store.connectors().list(&filter, &page(8, None)).await.unwrap();
    assert_eq!((exact.items.len(), exact.next_cursor), (8, None));
    assert_eq!(db.store.connectors().list(&filter, &page(0, None)).await.unwrap().items.len(), 1);
}

async fn filters_are_exact(db: TestDb) {
    let mut fields = ConnectorFields::named("crm-prod");
    fields.category = Some("crm".to_owned());
    fields.tags = vec!["Sales".to_owned(), "x\",\"quoted".to_owned()];
    let crm = db
        .store
        .connectors()
        .create(new_id(), fields, TypeChoice::New(new_type("crm")), vec![sealed("apiKey", "1")])
        .await
        .unwrap();
    let mut external = new_type("hr");
    external.execution_model = ExecutionModel::External;
    let hr = db
        .store
        .connectors()
        .create(new_id(), ConnectorFields::named("hr"), TypeChoice::New(external), Vec::new())
        .await
        .unwrap();

    let some = |text: &str| Some(text.to_owned());
    let none = ConnectorFilter::default;
    let crm_id = crm.type_id.to_string();
    for (filter, expected) in [
        (ConnectorFilter { type_name: some("crm"), ..none() }, Some(&crm)),
        (ConnectorFilter { type_name: some(&crm_id), ..none() }, Some(&crm)),
        (ConnectorFilter { type_name: some("CRM"), ..none() }, None),
        (ConnectorFilter { execution_model: Some(ExecutionModel::External), ..none() }, Some(&hr)),
        (ConnectorFilter { execution_model: Some(ExecutionModel::BuiltIn), ..none() }, None),
        (ConnectorFilter { category: some("crm"), ..none() }, Some(&crm)),
        (ConnectorFilter { category: some("cr"), ..none() }, None),
        (ConnectorFilter { tag: some("Sales"), ..none() }, Some(&crm)),
        (ConnectorFilter { tag: some("sales"), ..none() }, None),
        (ConnectorFilter { tag: some("quoted"), ..none() }, None),
        (ConnectorFilter { tag: some("x\",\"quoted"), ..none() }, Some(&crm)),
        (ConnectorFilter { tag: some("Sales"), type_name: some("hr"), ..none() }, None),
        (ConnectorFilter { q: some("prod"), tag: some("Sales"), category: some("crm"), ..none() }, Some(&crm)),
    ] {
        let found = db.store.connectors().list(&filter, &PageRequest::default()).await.unwrap().items;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{filter:?}");
    }
}

async fn search_ignores_case_and_takes_any_character(db: TestDb) {
    let mut fields = ConnectorFields::named("widget");
    fields.description = "Größe ÉCOLE 100% a_b c:\\d".to_owned();
    fields.tags = vec!["Ärger".to_owned()];
    db.store.connectors().create(new_id(), fields, TypeChoice::New(new_type("widget")), Vec::new()).await.unwrap();
    for (q, hits) in [
        ("WIDGET", 1),
        ("größe", 1),
        ("GRÖSSE", 0),
        ("école", 1),
        ("100%", 1),
        ("1%0", 0),
        ("a_b", 1),
        ("a__", 0),
        ("c:\\d", 1),
        ("ärger", 1),
        ("nothing", 0),
        ("", 1),
    ] {
        let filter = ConnectorFilter { q: Some(q.to_owned()), ..Default::default() };
        assert_eq!(
            db.store.connectors().list(&filter, &PageRequest::default()).await.unwrap().items.len(),
            hits,
            "{q}"
        );
    }
}

async fn cursors_of_other_lists_are_refused(db: TestDb) {
    for name in ["one", "two"] {
        widget(&db.store, name).await;
    }
    let of_types = db.store.types().list(&page(1, None)).await.unwrap().next_cursor;
    assert!(of_types.is_some());
    for cursor in [of_types, Some("%%".to_owned()), Some(String::new()), Some("AAAA".to_owned())] {
        let refused = db.store.connectors().list(&ConnectorFilter::default(), &page(1, cursor)).await;
        assert!(matches!(refused, Err(StoreError::BadCursor)), "{refused:?}");
    }
}

async fn a_broken_value_is_told_without_showing_it(db: TestDb) {
    widget(&db.store, "widget").await;
    sqlx::query("UPDATE connector SET config = $1")
        .bind("{\"apiKey\": canary-value}")
        .execute(&db.store.write)
        .await
        .unwrap();
    let broken = db.store.connectors().get("widget").await.unwrap_err();
    assert_eq!(broken.to_string(), "the stored config of connector cannot be read: broken JSON at line 1 column 12");
    assert!(!format!("{broken:?}").contains("canary"));
}
