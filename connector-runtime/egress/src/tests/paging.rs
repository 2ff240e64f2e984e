//! Lists in pages: every way from one to the next, and services that lead astray.

use serde_json::{Value, json};

use super::requests::local_client;
use crate::testing::{Received, Upstream, answer};
use crate::{HttpError, Pages, Paging, PagingError, Request};

/// Starts a server that answers a query with JSON and headers.
pub(super) async fn list(page: impl Fn(&str) -> (String, Value) + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |request: &Received| {
        let target = request.line().split(' ').nth(1).unwrap();
        let (headers, body) = page(target.split_once('?').map_or("", |(_, query)| query));
        answer("200 OK", &headers, body.to_string())
    })
    .await
}

/// Starts a server of one JSON page that never changes.
async fn same(body: Value) -> Upstream {
    list(move |_| (String::new(), body.clone())).await
}

/// Counts the pages up to the end or the error.
pub(super) async fn walk(mut pages: Pages) -> (usize, Option<PagingError>) {
    let mut count = 0;
    loop {
        match pages.next().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(error)),
        }
    }
}

pub(super) fn items(request: &Upstream) -> Request {
    local_client().get(request.url("/items"))
}

#[tokio::test]
async fn a_cursor_leads_on() {
    let upstream = list(|query| {
        let (items, next) = match query {
            "q=x" => (json!([1, 2]), json!("a b&")),
            "q=x&after=a+b%26" => (json!([3]), json!(7)),
            "q=x&after=7" => (json!([4, 5]), json!("")),
            other => panic!("{other}"),
        };
        (String::new(), json!({ "items": items, "meta": { "next": next } }))
    })
    .await;
    let pages = || items(&upstream).query(&[("q", "x")]).pages(Paging::cursor("/meta/next", "after"));
    assert_eq!(pages().collect_items::<u8>("/items", 100).await.unwrap(), [1, 2, 3, 4, 5]);
    assert_eq!(upstream.received().len(), 3);
    // No more than asked for, and no page more than it takes.
    assert_eq!(pages().collect_items::<u8>("/items", 3).await.unwrap(), [1, 2, 3]);
    assert_eq!(upstream.received().len(), 5);
    assert_eq!(pages().collect_items::<u8>("/items", 0).await.unwrap(), [0; 0]);
    assert_eq!(upstream.received().len(), 5);
    let mut pages = pages();
    let mut texts = Vec::new();
    while let Some(response) = pages.next().await.unwrap() {
        texts.push(response.json::<Value>().unwrap()["items"].to_string());
    }
    assert_eq!(texts, ["[1,2]", "[3]", "[4,5]"]);
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn where_a_cursor_ends() {
    for next in [json!(null), json!(""), json!(false)] {
        let upstream = same(json!({ "next": next })).await;
        assert!(matches!(walk(items(&upstream).pages(Paging::cursor("/next", "c"))).await, (1, None)), "{next}");
    }
    let upstream = same(json!([])).await;
    assert!(matches!(walk(items(&upstream).pages(Paging::cursor("/next", "c"))).await, (1, None)));
    // Some services name a cursor on the last page too.
    let upstream = same(json!({ "next": "x", "more": false })).await;
    let paging = Paging::cursor("/next", "c").while_true("/more");
    assert!(matches!(walk(items(&upstream).pages(paging)).await, (1, None)));
    for next in [json!({ "a": 1 }), json!(["a"]), json!(true)] {
        let upstream = same(json!({ "next": next })).await;
        let (count, error) = walk(items(&upstream).pages(Paging::cursor("/next", "c"))).await;
        assert!(matches!((count, &error), (1, Some(PagingError::Unreadable { .. }))), "{next}: {error:?}");
    }
    let upstream = same(json!({ "next": {} })).await;
    assert_eq!(
        walk(items(&upstream).pages(Paging::cursor("/next", "c"))).await.1.unwrap().to_string(),
        format!(
            "cannot page through GET http://{}/items: it has an object at `/next`, not a text or number; check the \
             pointer",
            upstream.address
        )
    );
}

#[tokio::test]
async fn a_loop_is_no_list() {
    let upstream = same(json!({ "next": "again", "url": "/items?x=1", "items": [1] })).await;
    for (paging, pages) in [(Paging::cursor("/next", "c"), 2), (Paging::next_url("/url"), 2)] {
        let (count, error) = walk(items(&upstream).pages(paging.clone())).await;
        assert!(matches!(error, Some(PagingError::Loop { page: 2, .. })), "{error:?}");
        assert_eq!(count, pages);
        let error = items(&upstream).pages(paging).collect_items::<Value>("/items", 99).await.unwrap_err();
        assert!(error.to_string().contains("its page 2 leads back to an earlier one"), "{error}");
    }
    // To itself, to the first page, and in a circle of two.
    let own = list(|_| ("link: <?>; rel=next, <#x>; rel=next\r\n".to_owned(), json!([]))).await;
    let request = local_client().get(own.url("/items?"));
    assert!(matches!(walk(request.pages(Paging::link())).await, (1, Some(PagingError::Loop { page: 1, .. }))));
    let two = list(|query| {
        let next = if query == "p=2" { "/items" } else { "?p=2" };
        (format!("link: <{next}>; rel=next\r\n"), json!([]))
    })
    .await;
    assert!(matches!(walk(items(&two).pages(Paging::link())).await, (2, Some(PagingError::Loop { page: 2, .. }))));
}

#[tokio::test]
async fn pages_are_counted() {
    let count = std::sync::atomic::AtomicU64::new(0);
    let upstream = list(move |_| {
        let next = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (String::new(), json!({ "next": next, "items": [next] }))
    })
    .await;
    let paging = Paging::cursor("/next", "c").most_pages(5);
    let (count, error) = walk(items(&upstream).pages(paging.clone())).await;
    assert!(matches!((count, &error), (5, Some(PagingError::TooLong { .. }))), "{error:?}");
    let error = items(&upstream).pages(paging.clone()).collect_items::<Value>("/items", 99).await.unwrap_err();
    assert!(error.to_string().contains("it goes on after 5 pages"), "{error}");
    // Whoever wants no more than five pages hold is content.
    assert_eq!(items(&upstream).pages(paging).collect_items::<Value>("/items", 5).await.unwrap().len(), 5);
    let (count, error) = walk(items(&upstream).pages(Paging::cursor("/next", "c"))).await;
    assert!(matches!((count, &error), (1_000, Some(PagingError::TooLong { .. }))), "{error:?}");
}

#[tokio::test]
async fn pages_and_offsets_are_counted_by_what_came() {
    // Asked for three at a time, the service sends two, of five.
    let upstream = list(|query| {
        let pairs: std::collections::HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let offset: usize = match (pairs.get("offset"), pairs.get("page")) {
            (Some(offset), None) => offset.parse().unwrap(),
            (None, Some(page)) => (page.parse::<usize>().unwrap() - 1) * 2,
            other => panic!("{other:?}"),
        };
        let items: Vec<_> = (offset..5).take(2).collect();
        (String::new(), json!({ "items": items, "total": 5 }))
    })
    .await;
    let request = || items(&upstream).query(&[("limit", 3)]);
    let queries = |from: usize| -> Vec<_> {
        let lines = upstream.lines().split_off(from);
        lines.iter().map(|line| line.split(['?', ' ']).nth(2).unwrap().to_owned()).collect()
    };
    let pages = request().pages(Paging::offset("offset", "/items"));
    assert_eq!(pages.collect_items::<u8>("/items", 99).await.unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(queries(0), ["limit=3&offset=0", "limit=3&offset=2", "limit=3&offset=4", "limit=3&offset=5"]);
    let pages = request().pages(Paging::page_number("page", "/items").until_total("/total"));
    assert_eq!(pages.collect_items::<u8>("/items", 99).await.unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(queries(4), ["limit=3&page=1", "limit=3&page=2", "limit=3&page=3"]);
    let paging = Paging::offset("offset", "/items").starting_at(2).until_total("/total");
    assert_eq!(request().pages(paging).collect_items::<u8>("/items", 99).await.unwrap(), [2, 3, 4]);
    assert_eq!(queries(7), ["limit=3&offset=2", "limit=3&offset=4"]);
    // A parameter of that name makes way.
    let paging = Paging::page_number("page", "/items").starting_at(3);
    let pages = items(&upstream).query(&[("page", "9"), ("q", "ü")]).pages(paging);
    assert_eq!(pages.collect_items::<u8>("/items", 99).await.unwrap(), [4]);
    assert_eq!(queries(9), ["q=%C3%BC&page=3", "q=%C3%BC&page=4"]);

    let (count, error) = walk(request().pages(Paging::offset("offset", "/nothing"))).await;
    assert!(matches!((count, &error), (1, Some(PagingError::Unreadable { .. }))), "{error:?}");
    let endless = same(json!([1])).await;
    let (count, error) = walk(items(&endless).pages(Paging::page_number("p", "").starting_at(u64::MAX))).await;
    assert!(matches!((count, &error), (1, Some(PagingError::TooLong { .. }))), "{error:?}");
    let nothing = same(json!({ "items": null })).await;
    assert!(matches!(walk(items(&nothing).pages(Paging::offset("o", "/items"))).await, (1, None)));
}

#[tokio::test]
async fn other_statuses_end_a_list() {
    let upstream = Upstream::start(|request| match request.line() {
        "GET /items HTTP/1.1" => answer("200 OK", "", r#"{"next":1,"items":[]}"#),
        "GET /items?c=1 HTTP/1.1" => answer("404 Not Found", "", r#"{"next":2}"#),
        "GET /none HTTP/1.1" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        _ => answer("200 OK", "", "no JSON"),
    })
    .await;
    let paging = || Paging::cursor("/next", "c");
    let mut pages = items(&upstream).pages(paging());
    assert_eq!(pages.next().await.unwrap().unwrap().status(), 200);
    assert_eq!(pages.next().await.unwrap().unwrap().status(), 404);
    assert!(pages.next().await.unwrap().is_none());
    let error = items(&upstream).pages(paging()).collect_items::<Value>("/items", 9).await.unwrap_err();
    assert_eq!(found(&error).status(), 404, "an error map finds it");

    let none = local_client().get(upstream.url("/none"));
    assert!(matches!(walk(none.clone().pages(paging())).await, (1, None)));
    assert_eq!(none.pages(paging()).collect_items::<Value>("/items", 9).await.unwrap(), [Value::Null; 0]);

    let text = local_client().get(upstream.url("/text"));
    assert!(matches!(walk(text.clone().pages(paging())).await, (1, Some(PagingError::Body(_)))));
    assert!(matches!(walk(text.clone().pages(Paging::link())).await, (1, None)), "what is not read may be anything");
    let error = text.pages(Paging::link()).collect_items::<Value>("", 9).await.unwrap_err();
    assert!(matches!(error, PagingError::Body(_)));
}

#[tokio::test]
async fn what_is_collected_fits() {
    let upstream = same(json!({ "items": [1, "two"], "object": {} })).await;
    for pointer in ["/none", "/object", "items", ""] {
        let error = items(&upstream).pages(Paging::link()).collect_items::<Value>(pointer, 9).await.unwrap_err();
        assert!(matches!(error, PagingError::Unreadable { .. }), "{pointer}: {error}");
    }
    let error = items(&upstream).pages(Paging::link()).collect_items::<u8>("/items", 9).await.unwrap_err();
    assert!(matches!(error, PagingError::Body(_)), "{error}");
    assert_eq!(items(&upstream).pages(Paging::link()).collect_items::<u8>("/items", 1).await.unwrap(), [1]);

    let page = answer("200 OK", "", format!("{{\"items\":[\"{}\"]}}", "x".repeat(9 << 20)));
    let large = Upstream::start(move |_| page.clone()).await;
    let pages = items(&large).pages(Paging::page_number("p", "/items"));
    let error = pages.collect_items::<Value>("/items", 99).await.unwrap_err();
    assert!(matches!(error, PagingError::TooLong { .. }) && error.to_string().contains("64 MiB"), "{error}");
}

#[tokio::test]
async fn a_page_without_an_answer_is_asked_for_again() {
    let count = std::sync::atomic::AtomicU64::new(0);
    let upstream = Upstream::raw(move |mut stream, received| {
        let broken = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1;
        async move {
            use tokio::io::AsyncWriteExt;
            let request = crate::testing::receive(&mut stream).await.unwrap();
            received.lock().unwrap().push(request);
            let bytes = answer("200 OK", "connection: close\r\n", r#"{"next":1}"#);
            stream
                .write_all(if broken { b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n" } else { &bytes })
                .await
                .unwrap();
        }
    })
    .await;
    let mut pages = items(&upstream).pages(Paging::cursor("/next", "c"));
    assert!(pages.next().await.unwrap().is_some());
    assert!(matches!(pages.next().await, Err(PagingError::Egress(_))));
    assert!(pages.next().await.unwrap().is_some(), "the same page, not the end");
    assert_eq!(upstream.lines()[1..], ["GET /items?c=1 HTTP/1.1"; 2]);
}

#[tokio::test]
async fn a_paging_that_points_nowhere_is_not_begun() {
    let upstream = same(json!({ "next": 1 })).await;
    for paging in [
        Paging::cursor("next", "c"),
        Paging::next_url("next"),
        Paging::page_number("p", "items"),
        Paging::link().while_true("more"),
        Paging::offset("o", "/items").until_total("total"),
    ] {
        let (count, error) = walk(items(&upstream).pages(paging)).await;
        assert!(matches!((count, &error), (0, Some(PagingError::Egress(_)))), "{error:?}");
        assert!(error.unwrap().to_string().contains("does not begin with a slash"));
    }
    assert_eq!(upstream.received().len(), 0);

    let unsound = local_client().get("nonsense").pages(Paging::link());
    assert!(matches!(walk(unsound).await, (0, Some(PagingError::Egress(_)))));
}

#[test]
fn pages_can_cross_threads_and_their_errors_be_thrown() {
    fn sent<T: Send>(_: &T) {}
    fn thrown<T: std::error::Error + Send + Sync + 'static>() {}
    let pages = || local_client().get("http://a.test/").pages(Paging::link());
    let mut walked = pages();
    sent(&walked.next());
    sent(&pages().collect_items::<Value>("", 1));
    thrown::<PagingError>();
}

/// Finds the HTTP error among the causes of an error, as an error map does.
fn found<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e HttpError {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref()).unwrap()
}
