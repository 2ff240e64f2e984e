//! Description, category and tags of a type, under the same version.

use super::*;

/// Returns a copy of [`Safe`] with another description, category and tags, and no other change.
fn described(version: &'static str, text: &'static str) -> &'static Descriptor {
    let tags = vec![text].leak();
    Box::leak(Box::new(Descriptor { version, description: text, category: Some(text), tags, ..*Safe::DESCRIPTOR }))
}

/// Returns description, category, tags and revision of a type, if the first three are of one text.
async fn own_text(db: &TestDb) -> (String, i64) {
    let row = db.store.types().get("safe").await.unwrap();
    let text = row.fields.description;
    assert_eq!((row.fields.category.as_deref(), &row.fields.tags[..]), (Some(text.as_str()), &[text.clone()][..]));
    (text, row.revision)
}

#[tokio::test]
async fn description_category_and_tags_are_taken_under_the_same_version() {
    let db = TestDb::sqlite().await;
    let shown = async |text: &str, revision: i64| assert_eq!(own_text(&db).await, (text.to_owned(), revision));
    let (old, new) = (described("1.2.0", "old"), described("1.2.0", "new"));
    seeded(&db, &[old], STRICT).await.unwrap();
    shown("old", 1).await;
    seeded(&db, &[new], STRICT).await.unwrap();
    shown("new", 2).await;
    assert_eq!(history(&db, "safe").await.len(), 1, "no version was made");
    // A server of the older texts starts again, and again: it leaves the newer ones.
    for descriptor in [old, new, old] {
        seeded(&db, &[descriptor], STRICT).await.unwrap();
        shown("new", 2).await;
    }
    seeded(&db, &[described("1.2.0", "third")], STRICT).await.unwrap();
    shown("third", 3).await;
    seeded(&db, &[old], DRIFT).await.unwrap();
    shown("old", 4).await;
    // What an operator has put stays, also beside other texts of the schema, until the next version.
    let row = db.store.types().get("safe").await.unwrap();
    let tags = vec!["theirs".to_owned()];
    let category = Some("theirs".to_owned());
    let theirs = crate::store::TypeFields { description: "theirs".to_owned(), category, tags, ..row.fields };
    db.store.types().update::<StoreError>(row.id, row.revision, theirs, None, None).await.unwrap();
    seeded(&db, &[described("1.2.0", "fourth")], STRICT).await.unwrap();
    shown("theirs", 5).await;
    let fifth = changed("1.2.0", |field| field.description = "Other words.");
    let fifth = Box::leak(Box::new(Descriptor { description: "fifth", ..*fifth }));
    seeded(&db, &[fifth], STRICT).await.unwrap();
    shown("theirs", 6).await;
    assert_eq!(shown_text(&db, "limit").await, "Other words.");
    seeded(&db, &[described("1.2.1", "next")], STRICT).await.unwrap();
    shown("next", 7).await;
    // A draft takes every change, also back and forth.
    for text in ["one", "two", "one"] {
        seeded(&db, &[described("2.0.0-draft", text)], STRICT).await.unwrap();
        assert_eq!(own_text(&db).await.0, text);
    }
}

#[tokio::test]
async fn texts_that_an_earlier_release_seeded_are_not_taken_for_an_operators() {
    let db = TestDb::sqlite().await;
    seeded(&db, &[described("1.2.0", "old")], STRICT).await.unwrap();
    // That release kept no hashes; and what is not JSON counts as none.
    db.store.settings().put("seeded_texts", "lost").await.unwrap();
    seeded(&db, &[described("1.2.0", "old")], STRICT).await.unwrap();
    seeded(&db, &[described("1.2.0", "new")], STRICT).await.unwrap();
    assert_eq!(own_text(&db).await, ("new".to_owned(), 2));
    // A start that ended before it wrote the hashes.
    db.store
        .settings()
        .put("seeded_texts", r#"{"safe":{"version":"1.2.0","texts":["0000000000000000"]}}"#)
        .await
        .unwrap();
    seeded(&db, &[described("1.2.0", "new")], STRICT).await.unwrap();
    seeded(&db, &[described("1.2.0", "newest")], STRICT).await.unwrap();
    assert_eq!(own_text(&db).await, ("newest".to_owned(), 3));
}
