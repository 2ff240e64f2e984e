//! Connector types: found, listed by name, changed, deleted.

use super::*;

on_both!(
    lists_are_by_name_in_byte_order,
    an_update_is_guarded_by_its_revision,
    a_type_in_use_stays,
    a_compiled_type_stays,
    a_connector_that_comes_during_the_delete_wins_or_loses_whole,
);

async fn lists_are_by_name_in_byte_order(db: TestDb) {
    // Locale-aware sort orders ignore hyphens and would put b between a-a and a-c.
    for name in ["b", "a-c", "ab", "a", "a-a", "a1"] {
        widget(&db.store, name).await;
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let part = db.store.types().list(&page(2, cursor)).await.unwrap();
        names.extend(part.items.into_iter().map(|found| found.name));
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "a-a", "a-c", "a1", "ab", "b"]);
}

async fn an_update_is_guarded_by_its_revision(db: TestDb) {
    let id = widget(&db.store, "widget").await.type_id;
    let fields = TypeFields { version: "1.1.0".to_owned(), ..type_fields() };
    let types = db.store.types();
    let changed = types.update::<StoreError>(id, 1, fields.clone(), None, None).await.unwrap();
    assert_eq!((&changed.fields, changed.revision), (&fields, 2));
    assert_eq!(db.store.connectors().get("widget").await.unwrap().type_version, "1.1.0");
    let stale = types.update::<StoreError>(id, 1, type_fields(), None, None).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { entity: Entity::ConnectorType, revision: 1 }), "{stale:?}");
    assert_eq!(db.store.types().get("widget").await.unwrap(), changed);
    let gone = types.update::<StoreError>(new_id(), 1, type_fields(), None, None).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
}

async fn a_type_in_use_stays(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    let refused = db.store.types().delete(made.type_id).await.unwrap_err();
    assert!(matches!(refused, StoreError::TypeInUse { instances: 1 }), "{refused:?}");
    db.store.connectors().delete(made.id, None).await.unwrap();
    db.store.types().delete(made.type_id).await.unwrap();
    assert!(matches!(db.store.types().delete(made.type_id).await, Err(StoreError::NotFound { .. })));
}

async fn a_compiled_type_stays(db: TestDb) {
    db.store.types().seed(&[super::seed::row("http", SeedDecision::Insert)], &mut leave_config).await.unwrap();
    let id = db.store.types().get("http").await.unwrap().id;
    assert!(matches!(db.store.types().delete(id).await, Err(StoreError::TypeIsCode)));
}

async fn a_connector_that_comes_during_the_delete_wins_or_loses_whole(db: TestDb) {
    for round in 0..10 {
        let first = widget(&db.store, &format!("widget-{round}")).await;
        db.store.connectors().delete(first.id, None).await.unwrap();
        let connectors = db.store.connectors();
        let types = db.store.types();
        let (made, deleted) = tokio::join!(
            connectors.create(
                new_id(),
                ConnectorFields::named("racer"),
                TypeChoice::Existing(first.type_id),
                Vec::new()
            ),
            types.delete(first.type_id),
        );
        match (made, deleted) {
            (Ok(made), Err(StoreError::TypeInUse { instances: 1 })) => {
                connectors.delete(made.id, None).await.unwrap();
            }
            (Err(StoreError::TypeGone), Ok(())) => {}
            other => panic!("{other:?}"),
        }
    }
}
