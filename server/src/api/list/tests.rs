use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::HttpBody as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::*;

/// A list of numbers in rows of some bytes, which counts what was read of it.
#[derive(Clone, Default)]
struct Numbers {
    size: usize,
    rows: u32,
    /// The row whose reading fails.
    broken: Option<u32>,
    read: Arc<AtomicU32>,
    parts: Arc<AtomicU32>,
}

impl Numbers {
    async fn list(&self, limit: u32, cursor: Option<&str>) -> Result<Response, Problem> {
        let numbers = self.clone();
        let page = PageRequest { limit, cursor: cursor.map(str::to_owned) };
        list(page, move |page| std::future::ready(numbers.part(&page))).await
    }

    fn part(&self, page: &PageRequest) -> Result<Page<Value>, Error> {
        let begin = page.cursor.as_ref().map_or(0, |cursor| cursor.parse().unwrap());
        let end = (begin + page.limit).min(self.rows);
        if self.broken.is_some_and(|broken| (begin..end).contains(&broken)) {
            return Err(Error::internal("the disk is gone"));
        }
        self.read.fetch_add(end - begin, Ordering::Relaxed);
        self.parts.fetch_add(1, Ordering::Relaxed);
        let items = (begin..end).map(|row| json!({ "row": row, "text": "x".repeat(self.size) })).collect();
        Ok(Page { items, next_cursor: (end < self.rows).then(|| end.to_string()) })
    }

    fn read(&self) -> u32 {
        self.read.load(Ordering::Relaxed)
    }
}

async fn whole(response: Response) -> Page<Value> {
    assert_eq!(response.headers()["content-type"], "application/json");
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn the_parts_of_a_page_are_one_page() {
    for size in [0, 5_000, 300_000] {
        for (rows, limit) in
            [(0, 1), (0, 50), (1, 1), (7, 8), (8, 8), (9, 8), (50, 50), (60, 50), (500, 500), (40, 500)]
        {
            if size * rows > 20_000_000 {
                continue;
            }
            let rows = u32::try_from(rows).unwrap();
            let numbers = Numbers { size, rows, ..Numbers::default() };
            let page = whole(numbers.list(limit, None).await.unwrap()).await;
            let count = rows.min(limit);
            assert_eq!(
                page.items.iter().map(|item| item["row"].as_u64().unwrap()).collect::<Vec<_>>(),
                Vec::from_iter(0..u64::from(count))
            );
            assert_eq!(page.next_cursor, (rows > limit).then(|| limit.to_string()), "{rows} {limit}");
        }
    }
    let numbers = Numbers { rows: 60, ..Numbers::default() };
    let page = whole(numbers.list(50, Some("50")).await.unwrap()).await;
    assert_eq!((page.items.len(), page.next_cursor), (10, None));
}

#[tokio::test]
async fn what_the_client_has_not_taken_is_not_read() {
    let numbers = Numbers { size: 1 << 20, rows: 500, ..Numbers::default() };
    let mut body = numbers.list(500, None).await.unwrap().into_body();
    assert_eq!(numbers.read(), FIRST_ROWS);
    for taken in 1..10 {
        body.frame().await.unwrap().unwrap();
        assert!(numbers.read() <= FIRST_ROWS + taken, "one large row after the other: {}", numbers.read());
    }
    drop(body);
    assert!(numbers.read() < 20);
}

#[tokio::test]
async fn small_rows_are_read_in_large_parts_which_have_an_end() {
    let numbers = Numbers { rows: 500, ..Numbers::default() };
    whole(numbers.list(500, None).await.unwrap()).await;
    let parts = numbers.parts.load(Ordering::Relaxed);
    assert_eq!(parts, 2 + (500 - FIRST_ROWS - 2 * FIRST_ROWS).div_ceil(MAX_ROWS), "8, 16, and then 32 rows");
}

#[tokio::test]
async fn a_small_page_has_a_length() {
    let numbers = Numbers { rows: 3, ..Numbers::default() };
    let response = numbers.list(50, None).await.unwrap();
    assert!(response.body().size_hint().exact().is_some());
}

#[tokio::test]
async fn an_error_is_answered_or_breaks_the_answer_off() {
    let numbers = Numbers { rows: 100, broken: Some(0), ..Numbers::default() };
    assert_eq!(numbers.list(100, None).await.unwrap_err().status(), 500);
    let numbers = Numbers { rows: 100, broken: Some(50), ..Numbers::default() };
    let response = numbers.list(100, None).await.unwrap();
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err(), "nobody takes it for whole");
}
