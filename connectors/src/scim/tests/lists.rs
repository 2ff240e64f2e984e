//! Lists of services that page in ways of their own.

use connector_runtime::testing::{Answer, Seen};

use super::super::*;
use super::fixture::{CONFIG, Service, config, done, error, failed, page, scim, service};

fn number(seen: &Seen, name: &str) -> Option<usize> {
    seen.query(name)?.parse().ok()
}

/// Answers pages of a list of so many users, at most `cap` a page, and says that there are `total`.
async fn listing(users: usize, cap: usize, total: impl Fn(usize) -> Option<usize> + Send + Sync + 'static) -> Service {
    let service = Service::usual().await;
    service.upstream.otherwise(move |seen| {
        let start = number(seen, "startIndex").unwrap_or(1);
        let count = number(seen, "count").unwrap_or(cap).min(cap);
        scim(page(start..(start + count).min(users + 1), total(users)))
    });
    service
}

fn ids(list: &Value) -> Vec<usize> {
    list["resources"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn an_honest_list_takes_one_request_a_page() {
    let service = listing(250, 100, Some).await;
    let list = done(service.call("listUsers")).await;
    assert_eq!(ids(&list), (1..=250).collect::<Vec<_>>());
    assert_eq!((&list["count"], &list["total"], &list["truncated"]), (&json!(250), &json!(250), &json!(false)));
    let lines = service.lines();
    assert_eq!(lines[0], "GET /scim/Users?startIndex=1&count=100");
    assert_eq!(lines[1], "GET /scim/Users?startIndex=96&count=100");
    assert_eq!(lines.len(), 3);
    // What the service can do is asked once for all calls.
    done(service.call("listUsers")).await;
    let asked = service.upstream.seen().iter().filter(|seen| seen.path().ends_with("Config")).count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn pages_may_be_smaller_than_was_asked_for() {
    for cap in [1, 2, 7, 30] {
        let service = listing(45, cap, Some).await;
        assert_eq!(ids(&done(service.call("listUsers")).await), (1..=45).collect::<Vec<_>>(), "{cap}");
    }
}

#[tokio::test]
async fn a_total_that_is_too_low_ends_nothing() {
    for (cap, total) in [(100, 10), (100, 100), (100, 0), (30, 10)] {
        let service = listing(250, cap, move |_| Some(total)).await;
        let list = done(service.call("listUsers")).await;
        assert_eq!(ids(&list).len(), 250, "{cap} {total}");
    }
}

#[tokio::test]
async fn a_total_that_is_too_high_is_told() {
    let service = listing(250, 100, |_| Some(1000)).await;
    let list = done(service.call("listUsers")).await;
    assert_eq!(ids(&list).len(), 250);
    assert_eq!((&list["truncated"], &list["total"]), (&json!(true), &json!(1000)));
    assert!(["missingPage", "repeatedPage"].contains(&list["reason"].as_str().unwrap()), "{}", list["reason"]);
    assert!(service.lines().len() < 12, "{:?}", service.lines());
}

#[tokio::test]
async fn a_service_that_counts_nothing_is_read_to_its_end() {
    for (users, cap) in [(250, 100), (200, 100), (45, 30), (0, 10), (1, 10)] {
        let service = listing(users, cap, |_| None).await;
        let list = done(service.call("listUsers")).await;
        assert_eq!(ids(&list).len(), users, "{users} {cap}");
        assert_eq!((&list["truncated"], &list["total"]), (&json!(false), &Value::Null), "{users} {cap}");
    }
}

#[tokio::test]
async fn a_page_that_repeats_is_no_silent_end() {
    for total in [Some(500), None] {
        let service = Service::usual().await;
        service.on("GET /scim/Users", scim(page(1..=100, total)));
        let list = done(service.call("listUsers")).await;
        assert_eq!((&list["count"], &list["truncated"]), (&json!(100), &json!(true)));
        assert_eq!(list["reason"], "repeatedPage");
        assert!(service.lines().len() < 140, "{}", service.lines().len());
    }
}

#[tokio::test]
async fn a_list_whose_first_pages_are_deleted_meanwhile_is_whole() {
    let service = Service::usual().await;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    // After the first page, the first sixty are deleted.
    service.upstream.otherwise(move |seen| {
        let gone = if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 { 0 } else { 60 };
        let start = number(seen, "startIndex").unwrap() + gone;
        scim(page(start..(start + 100).min(251), Some(250 - gone)))
    });
    let list = done(service.call("listUsers")).await;
    assert_eq!(ids(&list), (1..=250).collect::<Vec<_>>());
    assert_eq!(list["truncated"], false);
}

#[tokio::test]
async fn a_list_that_shrinks_below_the_place_is_whole() {
    let service = Service::usual().await;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    // After the first page, all but ten of it are deleted; the service answers its first page beyond the end.
    service.upstream.otherwise(move |seen| {
        if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            return scim(page(1..=100, Some(150)));
        }
        let left: Vec<usize> = (91..=150).collect();
        let start = number(seen, "startIndex").unwrap();
        let rest = if start > left.len() { &left[..] } else { &left[start - 1..] };
        scim(page(rest.iter().copied(), Some(left.len())))
    });
    let list = done(service.call("listUsers")).await;
    assert_eq!(ids(&list), (1..=150).collect::<Vec<_>>());
}

#[tokio::test]
async fn cursors_are_followed_and_ignored_ones_noticed() {
    let by_cursor = || config(&json!({ "pagination": { "cursor": true, "index": true } }));
    let service = service().await;
    service.on(CONFIG, by_cursor());
    service.upstream.otherwise(|seen| {
        let start: usize = seen.query("cursor").unwrap().trim_start_matches('c').parse().unwrap_or(1);
        let mut body = page(start..(start + 50).min(121), None);
        if start + 50 < 121 {
            body["nextCursor"] = format!("c{}", start + 50).into();
        }
        scim(body)
    });
    let list = done(service.call("listUsers")).await;
    assert_eq!((ids(&list).len(), &list["truncated"]), (120, &json!(false)));
    assert_eq!(service.lines()[..2], ["GET /scim/Users?cursor=&count=100", "GET /scim/Users?cursor=c51&count=100"]);

    // It announces cursors, and answers the first page by index.
    let service = super::fixture::service().await;
    service.on(CONFIG, by_cursor());
    service.upstream.otherwise(|seen| {
        let start = number(seen, "startIndex").unwrap_or(1);
        scim(page(start..(start + 100).min(251), Some(250)))
    });
    let list = done(service.call("listUsers")).await;
    assert_eq!((ids(&list).len(), &list["truncated"]), (250, &json!(false)));

    // It refuses a cursor in the middle.
    let service = super::fixture::service().await;
    service.on(CONFIG, by_cursor());
    service.upstream.otherwise(|seen| match (seen.query("cursor").as_deref(), number(seen, "startIndex")) {
        (Some(""), _) => {
            let mut body = page(1..=100, Some(150));
            body["nextCursor"] = "old".into();
            scim(body)
        }
        (Some(_), _) => error(400, Some("expiredCursor"), "too late"),
        (None, start) => scim(page(start.unwrap()..(start.unwrap() + 100).min(151), Some(150))),
    });
    assert_eq!(ids(&done(service.call("listUsers")).await).len(), 150);

    // It gives the same cursor for ever.
    let service = super::fixture::service().await;
    service.on(CONFIG, by_cursor());
    service.upstream.otherwise(|_| {
        let mut body = page(1..=100, None);
        body["nextCursor"] = "again".into();
        scim(body)
    });
    let list = done(service.call("listUsers")).await;
    assert_eq!((ids(&list).len(), &list["reason"]), (100, &json!("repeatedPage")));
}

#[tokio::test]
async fn what_is_no_list_is_a_failure() {
    for (answer, code) in [
        (Answer::text("<html>Sign in</html>"), "unavailable"),
        (scim(json!({ "ok": true })), "unavailable"),
        (scim(json!([1, 2])), "unavailable"),
        (scim(json!({ "totalResults": 2, "Resources": "two" })), "unavailable"),
        (error(403, None, "no"), "denied"),
    ] {
        let service = Service::usual().await;
        service.on("GET /scim/Users", answer);
        assert_eq!(failed(service.call("listUsers")).await["code"], code);
    }
    let service = Service::usual().await;
    service.on("GET /scim/Users", scim(json!({ "totalResults": "0" })));
    assert_eq!(done(service.call("listUsers")).await["total"], 0);
    let service = Service::usual().await;
    service.on("GET /scim/Users", Answer::empty(204));
    assert_eq!(done(service.call("listUsers")).await["count"], 0);
}

#[tokio::test]
async fn a_service_that_is_busy_is_waited_for() {
    let service = Service::usual().await;
    service.on("GET /scim/Users", Answer::empty(429).header("retry-after", "1"));
    service.on("GET /scim/Users", scim(page(1..=3, Some(3))));
    let began = std::time::Instant::now();
    assert_eq!(done(service.call("listUsers")).await["count"], 3);
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));

    let service = Service::usual().await;
    service.on("GET /scim/Users", error(429, None, "slow down").header("retry-after", "600"));
    let busy = failed(service.call("listUsers")).await;
    assert_eq!((&busy["code"], &busy["retryAfterSeconds"]), (&json!("rateLimited"), &json!(600)));
    assert_eq!(busy["systemMessage"], "slow down");
    assert_eq!(service.lines().len(), 1);
}

#[tokio::test]
async fn groups_come_without_members_unless_asked() {
    let group = json!({ "id": "1", "displayName": "g", "members": [{ "value": "2" }] });
    let service = Service::usual().await;
    service.on("GET /scim/Groups", scim(json!({ "totalResults": 1, "resources": [group] })));
    let list = done(service.call("listGroups")).await;
    assert_eq!(list["resources"], json!([{ "id": "1", "displayName": "g" }]));
    assert_eq!(service.lines()[0], "GET /scim/Groups?startIndex=1&count=100&excludedAttributes=members");
    let list = done(service.call("listGroups").param("attributes", json!(["members.value", "displayName"]))).await;
    assert_eq!(list["resources"][0]["members"], json!([{ "value": "2" }]));
    assert!(service.lines()[1].ends_with("&attributes=displayName%2Cmembers.value%2Cid"), "{:?}", service.lines());
    service.on("GET /scim/Groups/1", scim(json!({ "id": "1", "displayName": "g", "members": [] })));
    assert_eq!(
        done(service.call("getGroup").param("displayName", "g")).await["resource"]["members"],
        json!([{ "value": "2" }])
    );
    let both = service.call("listGroups").param("attributes", json!(["a"])).param("excludedAttributes", json!(["b"]));
    assert_eq!(failed(both).await["code"], "invalid");
}

#[tokio::test]
async fn numbers_and_odd_resources_stay_as_they_are() {
    let text = r#"{"totalResults":4,"Resources":[{"id":"1","n":12345678901234567890123,"d":1.50},{"userName":"without"},{"userName":"without"},{"id":"1","n":2}]}"#;
    let service = Service::usual().await;
    service.on("GET /scim/Users", Answer::text(text));
    let list = done(service.call("listUsers")).await;
    assert_eq!(list["resources"][0].to_string(), r#"{"id":"1","n":12345678901234567890123,"d":1.50}"#);
    assert_eq!(list["count"], 3, "the same id is the same resource");
}
