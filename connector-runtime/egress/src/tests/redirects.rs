//! Redirects: what is judged, what is carried, what is dropped.

use std::time::Duration;

use super::authority::{Authority, Flaw, secure};
use crate::Secret;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Received, Upstream, answer, redirect};
use crate::{Client, EgressError, Policy};

/// Starts one server for every host: `route` answers by host and path, a redirect or an end.
async fn hosts(route: impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync + 'static) -> (Net, Upstream) {
    let upstream = Upstream::start(move |request: &Received| {
        let path = request.line().split(' ').nth(1).unwrap();
        match route(request.header("host").unwrap(), path) {
            Some((status, location)) => redirect(status, &location),
            None => answer("200 OK", "", "end"),
        }
    })
    .await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]).host("inside.test", &["10.0.0.1"]);
    net.route_all(upstream.address);
    (net, upstream)
}

/// Sends a request that carries every kind of secret, and one header that is none.
async fn with_secrets(client: &Client, url: &str) -> Result<(), EgressError> {
    let request = client
        .get(url)
        .bearer(&Secret::new("t0ken"))
        .header("cookie", "a=b")
        .header("X-Api-Key", "plain key")
        .secret_header("x-custom", &Secret::new("custom secret"))
        .secret_query("access", &Secret::new("query secret"))
        .header("x-trace", "kept")
        .header("idempotency-key", "kept too");
    request.send().await.map(drop)
}

fn secrets_of(request: &Received) -> Vec<&str> {
    let names = ["authorization", "cookie", "x-api-key", "x-custom"];
    names.into_iter().filter(|name| request.header(name).is_some()).collect()
}

#[tokio::test]
async fn secrets_stay_with_their_origin() {
    let (net, upstream) = hosts(|_, path| (!path.starts_with("/end")).then(|| (302, "/end".to_owned()))).await;
    with_secrets(&net.client(Policy::strict()), "http://a.test/").await.unwrap();
    let received = upstream.received();
    assert_eq!(secrets_of(&received[1]), ["authorization", "cookie", "x-api-key", "x-custom"]);
}

#[tokio::test]
async fn secrets_are_dropped_on_the_way_out_and_do_not_come_back() {
    let (net, upstream) = hosts(|host, path| match (host, path) {
        ("a.test", "/home") => None,
        ("a.test", _) => Some((302, "http://b.test/1".to_owned())),
        (_, "/1") => Some((307, "http://b.test/2".to_owned())),
        _ => Some((302, "http://a.test/home".to_owned())),
    })
    .await;
    with_secrets(&net.client(Policy::strict()), "http://a.test/").await.unwrap();
    let received = upstream.received();
    assert_eq!(received.len(), 4);
    assert_eq!(secrets_of(&received[0]).len(), 4);
    for hop in &received[1..] {
        assert_eq!(secrets_of(hop), [""; 0], "{}", hop.head);
        assert!(!hop.head.contains("secret"), "{}", hop.head);
        assert_eq!((hop.header("x-trace"), hop.header("idempotency-key")), (Some("kept"), Some("kept too")));
    }
}

#[tokio::test]
async fn another_port_is_another_origin() {
    let (net, upstream) = hosts(|host, _| (host == "a.test").then(|| (302, "http://a.test:8443/".to_owned()))).await;
    with_secrets(&net.client(Policy::strict()), "http://a.test/").await.unwrap();
    assert_eq!(secrets_of(&upstream.received()[1]), [""; 0]);
}

#[tokio::test]
async fn an_echoed_query_secret_is_taken_out_of_the_location() {
    let (net, upstream) = hosts(|host, path| {
        let query = path.split_once('?').map(|(_, query)| query);
        (host == "a.test").then(|| (302, format!("http://b.test/?x=1&{}&y=2", query.unwrap())))
    })
    .await;
    with_secrets(&net.client(Policy::strict()), "http://a.test/").await.unwrap();
    assert_eq!(upstream.lines()[1], "GET /?x=1&y=2 HTTP/1.1");

    let (net, upstream) =
        hosts(|host, _| (host == "a.test").then(|| (302, "http://b.test/query%20secret/".to_owned()))).await;
    let error = with_secrets(&net.client(Policy::strict()), "http://a.test/").await.unwrap_err();
    assert_eq!(error.code(), "redirect");
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn a_short_secret_is_not_sought_in_other_words() {
    let (net, upstream) =
        hosts(|host, _| (host == "a.test").then(|| (302, "http://b.test/1/x?v=1&n=21".to_owned()))).await;
    let client = net.client(Policy::strict());
    let request = client.get("http://a.test/1?n=21").secret_query("v", &Secret::new("1"));
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(upstream.lines()[1], "GET /1/x?n=21 HTTP/1.1");
}

#[tokio::test]
async fn a_secret_does_not_go_from_https_to_http() {
    let authority = Authority::new();
    let config = authority.sign(&["a.test"], Flaw::None);
    let safe = secure(config, |_| redirect(302, "http://b.test/")).await;
    let plain = Upstream::start(|_| answer("200 OK", "", "end")).await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]);
    net.route(&format!("{PUBLIC}:443"), safe.address).route(&format!("{PUBLIC}:80"), plain.address);
    let client = net.client_trusting(Policy::strict(), &authority.root);
    assert_eq!(client.get("https://a.test/").send().await.unwrap().text(), "end");

    let error = with_secrets(&client, "https://a.test/").await.unwrap_err();
    assert_eq!(error.code(), "redirect");
    assert!(error.to_string().contains("from https to http"), "{error}");
    let secret_body = client.post("https://a.test/").json(&["x"]).sensitive_body();
    assert_eq!(secret_body.send().await.unwrap_err().code(), "redirect");
    assert_eq!(plain.received().len(), 1);
}

#[tokio::test]
async fn a_secret_body_does_not_cross() {
    let (net, upstream) = hosts(|host, _| (host == "a.test").then(|| (307, "http://b.test/".to_owned()))).await;
    let client = net.client(Policy::strict());
    let form = [("client_secret", "hush hush")];
    let error = client.post("http://a.test/").form(&form).sensitive_body().send().await.unwrap_err();
    assert_eq!(error.code(), "redirect");
    // The client knows the secret: nobody has to mark the body.
    let watching = client.watching([Secret::new("hush hush")]);
    let error = watching.post("http://a.test/").form(&form).send().await.unwrap_err();
    assert_eq!(error.code(), "redirect");
    assert_eq!(upstream.lines(), ["POST / HTTP/1.1"; 2]);
    client.post("http://a.test/").form(&form).send().await.unwrap();
    assert_eq!(upstream.received().last().unwrap().body, b"client_secret=hush+hush");
}

#[tokio::test]
async fn methods_and_bodies_follow_the_status() {
    for (method, status, then) in [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("PUT", 302, "PUT"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("DELETE", 308, "DELETE"),
    ] {
        let (net, upstream) = hosts(move |_, path| (path == "/").then(|| (status, "/end".to_owned()))).await;
        let client = net.client(Policy::strict());
        client.request(method, "http://a.test/").json(&["body"]).send().await.unwrap();
        let received = upstream.received();
        assert_eq!(received[1].line(), format!("{then} /end HTTP/1.1"), "{method} {status}");
        let kept = then == method && status != 303;
        assert_eq!(received[1].body.is_empty(), !kept, "{method} {status}");
        assert_eq!(received[1].header("content-type").is_some(), kept, "{method} {status}");
    }
}

#[tokio::test]
async fn no_more_than_ten() {
    let (net, upstream) = hosts(|_, path| {
        let hop: u32 = path[1..].parse().unwrap();
        (hop < 11).then(|| (302, format!("/{}", hop + 1)))
    })
    .await;
    let client = net.client(Policy::strict());
    assert!(client.get("http://a.test/1").send().await.unwrap().is_success());
    assert_eq!(client.get("http://a.test/0").send().await.unwrap_err().code(), "redirect");
    assert_eq!(upstream.received().len(), 22);

    let other = |host: &str| {
        if host == "a.test" { "http://b.test/" } else { "http://a.test/" }
    };
    let (net, upstream) = hosts(move |host, _| Some((302, other(host).to_owned()))).await;
    let error = net.client(Policy::strict()).get("http://a.test/").send().await.unwrap_err();
    assert_eq!(error.code(), "redirect");
    assert_eq!(upstream.received().len(), 11);
}

#[tokio::test]
async fn every_hop_is_judged() {
    for (location, rule) in [
        ("http://127.0.0.1/", "address_loopback"),
        ("//127.0.0.1/", "address_loopback"),
        ("http://[::ffff:a9fe:a9fe]/", "address_metadata"),
        ("http://2852039166/", "address_metadata"),
        ("http://0x7f.1/", "address_loopback"),
        ("http://localhost/", "name_internal"),
        ("http://metadata.google.internal/", "name_metadata"),
        ("http://inside.test/", "address_private"),
        ("http://b.test:25/", "port"),
        ("gopher://127.0.0.1/", "url_scheme"),
        ("file:///etc/passwd", "url_scheme"),
        ("http:b.test", "url_malformed"),
        ("http://b.test@127.0.0.1/", "url_user_info"),
        ("//b.test\\@127.0.0.1/", "url_backslash"),
        ("http://b.test%40127.0.0.1/", "url_percent_in_host"),
        ("/a b", "url_space"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let (net, _) = hosts(move |_, _| Some((status, location.to_owned()))).await;
            let error = net.client(Policy::strict()).post("http://a.test/").send().await.unwrap_err();
            assert!(matches!(error.code(), "policy" | "redirect"), "{location}: {error}");
            assert!(error.to_string().contains(&format!("[{rule}]")), "{location}: {error}");
            assert_eq!(net.dialled(), [format!("{PUBLIC}:80").parse().unwrap()], "{location}");
        }
    }
}

#[tokio::test]
async fn what_is_no_redirect_is_an_answer() {
    let upstream = Upstream::start(|request| match request.line() {
        "GET /none HTTP/1.1" => answer("302 Found", "", ""),
        "GET /304 HTTP/1.1" => b"HTTP/1.1 304 Not Modified\r\nlocation: /x\r\n\r\n".to_vec(),
        "GET /300 HTTP/1.1" => redirect(300, "/x"),
        _ => redirect(302, "/x"),
    })
    .await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    assert_eq!(client.get("http://a.test/none").send().await.unwrap().status(), 302);
    assert_eq!(client.get("http://a.test/304").send().await.unwrap().status(), 304);
    assert_eq!(client.get("http://a.test/300").send().await.unwrap().status(), 300);
    let response = client.get("http://a.test/").no_redirects().send().await.unwrap();
    assert_eq!((response.status(), response.header("Location")), (302, Some("/x")));
}

#[tokio::test]
async fn what_a_write_was_answered_counts_wherever_its_answer_pointed_to() {
    let (net, upstream) = hosts(|host, path| match (host, path) {
        ("b.test", _) => None,
        (_, "/refused") => Some((303, "http://inside.test/".to_owned())),
        (_, "/unknown") => Some((303, "http://nowhere.test/".to_owned())),
        (_, "/ftp") => Some((303, "ftp://a.test/".to_owned())),
        (_, "/long") => Some((302, "/refused".to_owned())),
        (_, "/silent") => Some((303, "http://silent.test/".to_owned())),
        _ => Some((303, "/loop".to_owned())),
    })
    .await;
    net.host("silent.test", &["93.184.215.15"]).silent("93.184.215.15:80");
    let client = net.client(Policy::strict());
    for (path, code, status) in [
        ("/refused", "policy", 303),
        ("/unknown", "dns", 303),
        ("/ftp", "redirect", 303),
        ("/loop", "redirect", 303),
        ("/long", "policy", 302),
        ("/silent", "timeout", 303),
    ] {
        let url = format!("http://a.test{path}");
        let request = |request: crate::Request| request.timeout(Duration::from_millis(300)).send();
        let write = request(client.post(&url)).await.unwrap_err();
        assert_eq!((write.code(), write.status()), (code, Some(status)), "{write}");
        assert!(write.may_have_arrived(), "{write}");
        let read = request(client.get(&url)).await.unwrap_err();
        assert_eq!((read.code(), read.status()), (code, None), "{read}");
        if code != "timeout" {
            assert_eq!(read.to_string(), write.to_string(), "the text is that of the cause");
            assert_eq!(read.rule(), write.rule());
        }
    }
    // What is refused at once was never sent.
    let at_once = client.post("http://inside.test/").send().await.unwrap_err();
    assert!(!at_once.may_have_arrived() && at_once.status().is_none(), "{at_once}");
    assert!(upstream.lines().iter().any(|line| line.starts_with("POST")));
}
