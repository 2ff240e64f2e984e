//! The lines of connector types: they follow their types, and are searched without a schema.

use super::*;

on_both!(
    lines_follow_their_types,
    lines_that_are_missing_are_written_at_the_start,
    commands_are_found_by_name_and_description,
    connections_are_read_without_schemas,
    a_draft_is_used_by_the_change_that_it_is_of,
);

const SCHEMA: &str =
    r#"{"connectionConfig":{"a":{"type":"string"}},"commands":{"listOne":{"description":"Says Hello"},"other":{}}}"#;

fn with_schema(text: &str) -> TypeFields {
    TypeFields { config_schema: StoredSchema::from_text(text), ..type_fields() }
}

async fn lines_follow_their_types(db: TestDb) {
    let types = db.store.types();
    let made = widget(&db.store, "widget").await;
    let line = types.line("widget").await.unwrap();
    assert_eq!((line.id, line.revision, line.commands, line.instances), (made.type_id, 1, Some(0), 1));
    let fields = TypeFields { version: "1.1.0".to_owned(), ..with_schema(SCHEMA) };
    types.update::<StoreError>(made.type_id, 1, fields, None, None).await.unwrap();
    let line = types.line(&made.type_id.to_string()).await.unwrap();
    assert_eq!((line.version.as_str(), line.revision, line.commands), ("1.1.0", 2, Some(2)));
    for (q, model, number) in [
        (Some("WIDG"), None, 1),
        (Some("demo"), Some(ExecutionModel::Script), 1),
        (Some("%"), None, 0),
        (None, Some(ExecutionModel::External), 0),
    ] {
        let filter = TypeFilter { q: q.map(str::to_owned), execution_model: model, source: Some(TypeSource::User) };
        assert_eq!(types.lines(&filter, &PageRequest::default()).await.unwrap().items.len(), number, "{filter:?}");
    }
    let open = TypeFields { version: "2.0.0".to_owned(), ..with_schema("null") };
    types.update::<StoreError>(made.type_id, 2, open, None, None).await.unwrap();
    assert_eq!(types.line("widget").await.unwrap().commands, None);
    assert!(types.find_commands("list", 10, 1_000).await.unwrap().is_empty());
    db.store.connectors().delete(made.id, None).await.unwrap();
    types.delete(made.type_id).await.unwrap();
    assert!(matches!(types.line("widget").await, Err(StoreError::NotFound { .. })));
    assert_eq!(types.count_lines().await.unwrap(), (0, 0));
}

async fn lines_that_are_missing_are_written_at_the_start(db: TestDb) {
    let types = db.store.types();
    for number in 0..130 {
        widget(&db.store, &format!("widget-{number:03}")).await;
    }
    assert_eq!(types.write_lines().await.unwrap(), 0);
    types.seed(&[super::seed::row("http", SeedDecision::Insert)], &mut leave_config).await.unwrap();
    assert!(matches!(types.line("http").await, Err(StoreError::NotFound { .. })));
    db.execute("DELETE FROM type_line WHERE name < 'widget-100'").await;
    db.execute("UPDATE connector_type SET revision = revision + 1 WHERE name = 'widget-129'").await;
    assert_eq!(types.write_lines().await.unwrap(), 102);
    assert_eq!(types.write_lines().await.unwrap(), 0);
    assert_eq!(types.line("http").await.unwrap().source, TypeSource::Code);
    assert_eq!(types.line("widget-129").await.unwrap().revision, 2);
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let part = types.lines(&TypeFilter::default(), &page(50, cursor)).await.unwrap();
        names.extend(part.items.into_iter().map(|line| line.name));
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(names.len() == 131 && names.is_sorted(), "{names:?}");
}

async fn commands_are_found_by_name_and_description(db: TestDb) {
    let types = db.store.types();
    for name in ["one", "two"] {
        let made = widget(&db.store, name).await;
        types.update::<StoreError>(made.type_id, 1, with_schema(SCHEMA), None, None).await.unwrap();
    }
    let found = async |q: &str, limit, searched| {
        let found = types.find_commands(q, limit, searched).await.unwrap();
        found.into_iter().map(|line| format!("{}.{}", line.type_name, line.name)).collect::<Vec<_>>()
    };
    assert_eq!(found("LISTone", 10, 1_000).await, ["one.listOne", "two.listOne"]);
    assert_eq!(found("hello", 1, 1_000).await, ["one.listOne"]);
    assert_eq!(found("o", 10, 1_000).await[0], "one.other", "what begins with it is first");
    assert_eq!(found("o", 10, 1).await.len(), 1, "only so many are looked at");
    assert!(found("%", 10, 1_000).await.is_empty() && found("_", 10, 1_000).await.is_empty());
    assert_eq!(types.count_lines().await.unwrap(), (2, 4));
    assert_eq!(types.find_lines("t", 10).await.unwrap()[0].name, "two");
    assert_eq!(db.store.connectors().find_lines("two", &ConnectorBound::All, 10).await.unwrap()[0].type_name, "two");
    let of = types.line("one").await.unwrap().id;
    let lines = db.store.connectors().lines_of(of, &ConnectorBound::All, &PageRequest::default()).await.unwrap();
    assert_eq!(lines.items.into_iter().map(|line| line.name).collect::<Vec<_>>(), ["one"]);
}

async fn connections_are_read_without_schemas(db: TestDb) {
    let types = db.store.types();
    let (one, two) = (widget(&db.store, "one").await, widget(&db.store, "two").await);
    types.update::<StoreError>(one.type_id, 1, with_schema(SCHEMA), None, None).await.unwrap();
    let found = types.connections(&[one.type_id, two.type_id, new_id()]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&one.type_id].fields, r#"{"a":{"type":"string"}}"#);
    assert_eq!((found[&two.type_id].name.as_str(), found[&two.type_id].fields.as_str()), ("two", "{}"));
    assert!(types.connections(&[]).await.unwrap().is_empty());
}

async fn a_draft_is_used_by_the_change_that_it_is_of(db: TestDb) {
    let id = widget(&db.store, "widget").await.type_id;
    let types = db.store.types();
    let draft = DraftUse { token_id: new_id(), id: new_id(), revision: 1 };
    let fields = TypeFields { version: "1.1.0".to_owned(), ..type_fields() };
    let refused = types.update_using::<StoreError>(id, 1, fields, None, None, Some(&draft)).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { entity: Entity::Draft, .. }), "{refused:?}");
    assert_eq!(types.get("widget").await.unwrap().revision, 1, "nothing is written without the draft");
}
