//! Links to the next page: how they are read, and what they must not get.

use http::HeaderMap;
use serde_json::json;

use super::super::link;
use super::paging::{items, list, walk};
use crate::Secret;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Received, Upstream, answer, redirect};
use crate::{Paging, PagingError, Policy};

#[tokio::test]
async fn a_link_leads_on() {
    let upstream = list(|query| {
        let headers = match query {
            "per=2" => {
                "link: <https://first.test/>; rel=first\r\nlink: <?per=2&p=2>; title=\"<, ;\\\"\"; rel=\"next\"\r\n"
            }
            "per=2&p=2" => "link: </items?per=2&p=3&key=own>; rel=\"prefetch NEXT\", </items>; rel=prev\r\n",
            "per=2&p=3&key=own" => "link: </items>; rel=prev\r\n",
            // The key comes back where the service left it out.
            "per=2&key=hush" => "link: <?per=2&p=2>; rel=next\r\n",
            "per=2&p=2&key=hush" => "",
            other => panic!("{other}"),
        };
        (headers.to_owned(), json!([query]))
    })
    .await;
    let request = items(&upstream).query(&[("per", 2)]).bearer(&Secret::new("t0ken"));
    let pages = request.clone().pages(Paging::link());
    assert_eq!(pages.collect_items::<String>("", 9).await.unwrap(), ["per=2", "per=2&p=2", "per=2&p=3&key=own"]);
    assert!(upstream.received().iter().all(|page| page.header("authorization") == Some("Bearer t0ken")));
    let pages = request.secret_query("key", &Secret::new("hush")).pages(Paging::link());
    assert!(!format!("{pages:?}").contains("hush"), "{pages:?}");
    assert_eq!(pages.collect_items::<String>("", 9).await.unwrap(), ["per=2&key=hush", "per=2&p=2&key=hush"]);
}

#[test]
fn link_headers_are_read_by_their_grammar() {
    let next = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("link", value.parse().unwrap());
        link::next(&headers).map(str::to_owned)
    };
    for (value, target) in [
        ("</a>; rel=next", "/a"),
        ("</a>;rel=\"next\"", "/a"),
        ("</a> ; REL = \"NeXt\"", "/a"),
        ("</a>; rel=\"last next\"", "/a"),
        ("</a,b;c>; rel=next", "/a,b;c"),
        ("</b>; rel=prev, </a>; rel=next, </c>; rel=next", "/a"),
        ("</b>; title=\"x, </c>; rel=next\"; rel=prev, </a>; rel=next", "/a"),
        ("</b>; title=\"\\\"\"; rel=prev, </a>; rel=next", "/a"),
        ("</b>; rel=prev; rel=next, </a>; rel=next; rel=prev", "/a"),
        ("</b>; rel=next; anchor=\"/other\", </a>; rel=next", "/a"),
        ("</b>; rev=next, </a>; rel=next", "/a"),
        ("</b>; title*=UTF-8''a%20b, </a>; crossorigin; rel=next", "/a"),
        (", ,, junk </a>;; ; rel=next", "/a"),
        ("<>; rel=next", ""),
        ("</a>; rel=\"next", "/a"),
    ] {
        assert_eq!(next(value).as_deref(), Some(target), "{value}");
    }
    for value in [
        "",
        "</a>",
        "</a>; rel=prev",
        "</a>; rel=nextish",
        "</a>; title=\"; rel=next\"",
        "</a; rel=next",
        "/a; rel=next",
        "<",
        "</a>, rel=next",
        "</a>; relation=next",
        "</a>; rel=\"\\next\"",
    ] {
        assert_eq!(next(value), None, "{value}");
    }
}

#[test]
fn link_bombs_are_read_in_one_pass() {
    for piece in [",", "<", "<>", ";", "<a>;", "<a>; rel=", "\"", "<a>; x=\"\\", "<a>; rel=prev,", "<a>; rel=\"x\";"] {
        let mut headers = HeaderMap::new();
        headers.insert("link", piece.repeat(200_000 / piece.len()).parse().unwrap());
        let started = std::time::Instant::now();
        assert_eq!(link::next(&headers), None, "{piece}");
        assert!(started.elapsed().as_secs() < 5, "{piece}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_head_full_of_commas() {
    let commas = ",".repeat(60_000);
    let upstream = list(move |_| (format!("link: {commas}\r\n"), json!([]))).await;
    assert!(matches!(walk(items(&upstream).pages(Paging::link())).await, (1, None)));
}

/// A list at `a.test` whose first page leads elsewhere, and a list everywhere else.
async fn leading_to(next: &'static str) -> (Net, Upstream) {
    let upstream = Upstream::start(move |request: &Received| {
        let first = request.header("host") == Some("a.test") && request.line().starts_with("GET /items");
        let headers = if first { format!("link: <{next}>; rel=next\r\n") } else { String::new() };
        let body = if first { json!({ "next": next }) } else { json!({}) };
        answer("200 OK", &headers, body.to_string())
    })
    .await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]).route_all(upstream.address);
    (net, upstream)
}

#[tokio::test]
async fn a_link_to_another_origin_gets_no_secret() {
    const URL: &str = "http://a.test/items";
    let secret = Secret::new("hush hush");
    for next in ["http://b.test/2", "//b.test/2", "http://a.test:8080/2", "https://a.test/2", "http://127.0.0.1/"] {
        for paging in [Paging::link(), Paging::next_url("/next")] {
            let (net, upstream) = leading_to(next).await;
            let client = net.client(Policy::strict());
            let watching = client.watching([secret.clone()]);
            for request in [
                client.get(URL).bearer(&secret),
                client.get(URL).header("x-api-key", "plain"),
                client.get(URL).secret_query("key", &secret),
                client.get(URL).json(&[1]).sensitive_body(),
                watching.get(URL).query(&[("q", "hush hush")]),
                watching.get(URL).header("x-a", "hush hush"),
            ] {
                let (count, error) = walk(request.pages(paging.clone())).await;
                let error = error.unwrap();
                assert!(matches!((count, &error), (1, PagingError::OtherOrigin { .. })), "{next}: {error}");
                assert!(!error.to_string().contains("hush"), "{error}");
            }
            assert!(upstream.received().iter().all(|request| request.line().contains("/items")));
            assert!(net.dialled().iter().all(|address| address.to_string() == format!("{PUBLIC}:80")));
        }
    }
}

#[tokio::test]
async fn a_link_is_judged_as_any_url() {
    for (next, code) in [
        ("http://b.test/2", None),
        ("http://127.0.0.1/", Some("policy")),
        ("http://169.254.169.254/latest", Some("policy")),
        ("http://localhost/", Some("policy")),
        ("http://b.test:25/", Some("policy")),
        ("file:///etc/passwd", Some("unreadable")),
        ("http://b.test@127.0.0.1/", Some("unreadable")),
        ("/a b", Some("unreadable")),
        ("//b.test\\@x/", Some("unreadable")),
        ("http:b.test", Some("unreadable")),
    ] {
        let (net, _) = leading_to(next).await;
        let request = net.client(Policy::strict()).get("http://a.test/items");
        let (count, error) = walk(request.pages(Paging::link())).await;
        let found = error.as_ref().map(|error| match error {
            PagingError::Egress(error) => error.code(),
            PagingError::Unreadable { .. } => "unreadable",
            _ => "other",
        });
        assert_eq!((count, found), (if code.is_none() { 2 } else { 1 }, code), "{next}: {error:?}");
    }
}

#[tokio::test]
async fn who_got_no_secret_sends_none_of_us_anywhere() {
    // The list redirects to another origin, without the secret; what answers there leads back and on.
    for next in ["http://a.test/delete-all", "http://b.test/2"] {
        let upstream = Upstream::start(move |request: &Received| match request.header("host") {
            Some("a.test") => redirect(302, "http://b.test/items"),
            _ => answer("200 OK", &format!("link: <{next}>; rel=next\r\n"), "{}"),
        })
        .await;
        let net = Net::default();
        net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]).route_all(upstream.address);
        let request = net.client(Policy::strict()).get("http://a.test/items");
        let (count, error) = walk(request.bearer(&Secret::new("t0ken")).pages(Paging::link())).await;
        assert!(matches!((count, &error), (1, Some(PagingError::OtherOrigin { .. }))), "{error:?}");
        assert_eq!(upstream.received().len(), 2);
    }
}
