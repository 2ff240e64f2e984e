//! Sending again: what, when, how often, and when not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::super::body::Body;
use super::super::outgoing::OutgoingRequest;
use super::authority::{Authority, Flaw, secure};
use super::requests::local_client;
use crate::look_ups::FAILED_FOR;
use crate::memory::{MemoryBudget, Reserved};
use crate::testing::{Answer, Net, PUBLIC};
use crate::testing::{Upstream, answer, redirect};
use crate::{Backoff, EgressError, Policy, Request, Response, Retry, Rule};

const SECOND: Duration = Duration::from_secs(1);

/// An answer that nobody sent.
fn answered(status: u16, headers: &[(&'static str, &str)]) -> Result<Response, EgressError> {
    let outgoing = OutgoingRequest::new("GET", "http://a.test/".parse().unwrap(), SECOND, 1 << 20).unwrap();
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
    let headers: HeaderMap = headers.collect();
    Ok(Response::new(
        outgoing,
        StatusCode::from_u16(status).unwrap(),
        headers,
        Body::new(bytes::Bytes::new(), &MemoryBudget::unlimited(), Reserved::nothing()),
    ))
}

/// Stands for a number that was drawn.
fn drawn(number: u32) -> impl FnOnce(&Backoff, u32) -> Duration {
    move |backoff, repeats| backoff.wait_at(repeats, number)
}

/// A retry whose waits are all zero, for servers that answer at once.
fn at_once(times: u32) -> Retry {
    Retry::times(times).backoff(Duration::ZERO, Duration::ZERO)
}

/// A server that answers with a status for some requests, and then with 200.
async fn failing(status: &'static str, headers: &'static str, times: usize) -> Upstream {
    let count = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |_| {
        let status = if count.fetch_add(1, Ordering::Relaxed) < times { status } else { "200 OK" };
        answer(status, headers, "")
    })
    .await
}

#[test]
fn waits_double_up_to_a_limit_and_are_drawn_below_it() {
    let retry = Retry::times(u32::MAX).backoff(SECOND, 5 * SECOND);
    let outcome = answered(503, &[]);
    let longest = |repeats| retry.wait(&outcome, repeats, drawn(u32::MAX)).unwrap().as_secs_f64();
    assert_eq!([0, 1, 2, 3, 31, 32, 1000].map(longest), [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]);
    assert_eq!(retry.wait(&outcome, 7, drawn(0)), Some(Duration::ZERO));
    let half = retry.wait(&outcome, 0, drawn(1 << 31)).unwrap();
    assert!(half > SECOND * 49 / 100 && half <= SECOND / 2, "{half:?}");
    assert_eq!(Retry::times(2).wait(&outcome, 2, drawn(0)), None);
    assert_eq!(Retry::times(0).wait(&outcome, 0, drawn(0)), None);
    let extreme = Retry::times(99).backoff(Duration::MAX, Duration::MAX);
    assert_eq!(extreme.wait(&outcome, 50, drawn(u32::MAX)), Some(Duration::MAX));
    assert_ne!([0; 8].map(|_| Backoff::new(SECOND, SECOND).wait(0)), [SECOND; 8], "waits are drawn");
}

#[test]
fn what_fails_in_passing() {
    let again = |outcome| Retry::default().wait(&outcome, 0, drawn(0)).is_some();
    let statuses: Vec<_> = (100..600).filter(|status| again(answered(*status, &[]))).collect();
    assert_eq!(statuses, [408, 425, 429, 500, 502, 503, 504]);
    let (target, why) = (String::new, String::new);
    let dns = |rule| Err(EgressError::Dns { host: String::new(), rule });
    assert!(again(Err(EgressError::Connect { target: target(), why: why() })));
    assert!(again(dns(Rule::DnsFailed)) && again(dns(Rule::DnsTimeout)) && again(dns(Rule::DnsEmpty)));
    for error in [
        EgressError::Dns { host: String::new(), rule: Rule::DnsTooMany },
        EgressError::Url { rule: Rule::Space },
        EgressError::Scope { target: target(), allowed: String::new(), mend: String::new() },
        EgressError::Tls { target: target(), why: why(), wants_certificate: true },
        EgressError::Certificate { field: "clientKey", why: why() },
        EgressError::Timeout { target: target(), after: SECOND, status: None, left: true },
        EgressError::TooLarge { target: target(), why: why(), status: None },
        EgressError::Protocol { target: target(), why: why(), status: None },
        EgressError::Redirect { target: target(), why: why() },
        EgressError::request("mistaken"),
    ] {
        assert!(!again(Err(error.clone())), "{error}");
    }
}

#[test]
fn an_author_says_which_answers_are_temporary() {
    let is_told = |response: &Response| response.status() == 403 && response.retry_after().is_some();
    let told = || answered(403, &[("retry-after", "2")]);
    let unanswered = || Err(EgressError::Dns { host: "a.test".to_owned(), rule: Rule::DnsTimeout });
    let waits = |retry: &Retry, outcome| retry.wait(&outcome, 0, drawn(0)).is_some();
    let also = Retry::default().also_if(is_told);
    assert!(waits(&also, told()) && waits(&also, answered(503, &[])) && !waits(&also, answered(403, &[])));
    let only = Retry::default().only_if(is_told);
    assert!(waits(&only, told()) && !waits(&only, answered(503, &[])) && !waits(&only, unanswered()));
}

#[test]
fn what_a_service_asks_for_is_kept() {
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let wait = |headers: &[(&'static str, &str)]| Retry::default().wait(&answered(429, headers), 0, drawn(0));
    let after = |text: &str| wait(&[DATE, ("retry-after", text)]);
    for (text, seconds) in [
        ("0", 0),
        ("7", 7),
        (" 30 ", 30),
        ("007", 7),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
        ("Sunday, 06-Nov-94 08:49:47 GMT", 10),
        ("Sun Nov  6 08:49:47 1994", 10),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ] {
        assert_eq!(after(text), Some(seconds * SECOND), "{text}");
    }
    // Longer than is waited for: there is no use in coming back sooner.
    for text in ["31", "1000000000", &"9".repeat(1000), "Fri, 31 Dec 9999 23:59:59 GMT"] {
        assert_eq!(after(text), None, "{text}");
    }
    // What nobody can read asks for nothing.
    for text in ["-5", "+5", "1e9", "5.5", "5 seconds", "soon", "", "\u{a0}5", "Sun, 99 Nov 1994 08:49:37 GMT", "5, 6"]
    {
        assert_eq!(after(text), Some(Duration::ZERO), "{text}");
    }
    // Without the service's clock ours has to do.
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(Duration::ZERO));
    assert_eq!(wait(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]), None);
    let patient = Retry::default().longest_retry_after(Duration::MAX).backoff(SECOND, SECOND);
    let waited = patient.wait(&answered(503, &[("retry-after", "100")]), 0, drawn(1 << 31)).unwrap();
    assert!(waited > 100 * SECOND && waited < 101 * SECOND, "asked for, and spread: {waited:?}");
    let longest = "9".repeat(1000);
    assert_eq!(patient.wait(&answered(503, &[("retry-after", &longest)]), 0, drawn(9)).unwrap().as_secs(), u64::MAX);
}

#[tokio::test]
async fn a_passing_failure_passes() {
    let upstream = failing("503 Service Unavailable", "retry-after: 0\r\n", 3).await;
    let response = local_client().get(upstream.url("/x")).retry(at_once(3)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(upstream.lines(), ["GET /x HTTP/1.1"; 4]);

    let upstream = failing("502 Bad Gateway", "", 3).await;
    let response = local_client().get(upstream.url("/x")).retry(at_once(2)).send().await.unwrap();
    assert_eq!((response.status(), upstream.received().len()), (502, 3));

    let upstream = failing("500 No", "", 1).await;
    assert_eq!(local_client().get(upstream.url("/x")).send().await.unwrap().status(), 500);
    assert_eq!(upstream.received().len(), 1, "nothing is sent again unless asked for");
}

#[tokio::test]
async fn only_what_may_be_done_twice() {
    let twice: &[fn(Request) -> Request] = &[
        |request| request.header("Idempotency-Key", "k"),
        |request| request.header("x-idempotency-key", "k"),
        |request| request.idempotency_key("k"),
        |request| request.idempotency_key(Some("k")),
        |request| request.retry(at_once(1).even_if_not_idempotent()),
    ];
    let once: &[fn(Request) -> Request] = &[|request| request, |request| request.idempotency_key(None)];
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        for change in twice.iter().chain(once) {
            assert_eq!(sent(method, change).await, 2, "{method}");
        }
    }
    for method in ["POST", "PATCH", "PROPFIND", "get"] {
        for change in twice {
            assert_eq!(sent(method, change).await, 2, "{method}");
        }
        for change in once {
            assert_eq!(sent(method, change).await, 1, "{method}");
        }
    }
}

/// Counts how often a request is sent to a server that fails once.
async fn sent(method: &str, change: &fn(Request) -> Request) -> usize {
    let upstream = failing("503 No", "", 1).await;
    let request = local_client().request(method, upstream.url("/")).retry(at_once(1));
    drop(change(request).send().await.unwrap());
    upstream.received().len()
}

#[tokio::test]
async fn each_attempt_is_the_whole_request() {
    let count = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::start(move |request| match request.line() {
        "PUT /start HTTP/1.1" => redirect(307, "http://b.test/end"),
        _ if count.fetch_add(1, Ordering::Relaxed) == 0 => answer("503 No", "", ""),
        _ => answer("200 OK", "", ""),
    })
    .await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]).route_all(upstream.address);
    let request = net.client(Policy::strict()).put("http://a.test/start").header("x-api-key", "k").text("body");
    assert!(request.retry(at_once(1)).send().await.unwrap().is_success());
    let received = upstream.received();
    assert_eq!(received.len(), 4);
    for (index, request) in received.iter().enumerate() {
        assert_eq!(request.body, b"body");
        assert_eq!(request.header("x-api-key").is_some(), index % 2 == 0, "secrets stay at home each time");
    }
}

#[tokio::test]
async fn an_idempotency_key_is_a_header_like_others() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let client = local_client();
    client.post(upstream.url("/")).idempotency_key("8a6e").send().await.unwrap();
    client.post(upstream.url("/")).idempotency_key(None).send().await.unwrap();
    let received = upstream.received();
    assert_eq!(received[0].header("idempotency-key"), Some("8a6e"));
    assert_eq!(received[1].header("idempotency-key"), None);
    for key in ["", "a\r\nX: 1", "a\0"] {
        assert_eq!(client.post(upstream.url("/")).idempotency_key(key).send().await.unwrap_err().code(), "request");
    }
}

#[tokio::test(start_paused = true)]
async fn look_ups_and_connections_are_tried_again() {
    let net = Net::default();
    net.name("a.test", Answer::Unknown).name("a.test", Answer::Addresses(Vec::new())).host("a.test", &[PUBLIC]);
    let retry = Retry::times(4).backoff(SECOND, 2 * SECOND);
    let started = Instant::now();
    let error = net.client(Policy::strict()).get("http://a.test/").retry(retry.clone()).send().await.unwrap_err();
    assert_eq!(error.code(), "connect");
    assert_eq!((net.looked_up().len(), net.dialled().len()), (5, 3));
    // Four waits that are drawn, and the time for which each of the two failed look-ups is remembered.
    let (drawn, remembered) = (7 * SECOND, 2 * FAILED_FOR);
    let took = started.elapsed();
    assert!(took >= remembered && took < remembered + drawn, "{took:?}");

    // What the policy refuses stays refused, and is refused at once.
    net.host("inside.test", &["10.0.0.1"]);
    let started = Instant::now();
    for url in ["http://inside.test/", "http://localhost/", "http://127.0.0.1/"] {
        let error = net.client(Policy::strict()).get(url).retry(retry.clone()).send().await.unwrap_err();
        assert_eq!(error.code(), "policy");
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(net.looked_up().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_share_one_deadline() {
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).name("slow.test", Answer::Never);
    let client = net.client(Policy::strict());
    let retry = Retry::times(1_000).backoff(SECOND, SECOND);
    let started = Instant::now();
    let request = client.get("http://a.test/").retry(retry.clone()).timeout(10 * SECOND);
    // Not the timeout, but what came last: it says more.
    assert_eq!(request.send().await.unwrap_err().code(), "connect");
    assert!(started.elapsed() < 10 * SECOND && started.elapsed() > SECOND, "{:?}", started.elapsed());
    assert!(net.dialled().len() > 5);

    let started = Instant::now();
    let request = client.get("http://slow.test/").retry(retry.clone()).timeout(12 * SECOND);
    assert_eq!(request.send().await.unwrap_err().code(), "timeout");
    assert_eq!(started.elapsed(), 12 * SECOND);

    let started = Instant::now();
    let ending = client.ending_at(started + 3 * SECOND);
    assert_eq!(ending.get("http://a.test/").retry(retry.clone()).send().await.unwrap_err().code(), "connect");
    assert!(started.elapsed() < 3 * SECOND, "a handler is stopped before its request is");
    let endless = client.get("http://a.test/").retry(Retry::times(5)).timeout(Duration::MAX);
    assert_eq!(endless.send().await.unwrap_err().code(), "connect");
}

#[tokio::test]
async fn a_wait_past_the_end_is_not_waited() {
    let upstream = failing("429 Slow Down", "retry-after: 20\r\n", 1).await;
    let started = Instant::now();
    let request = local_client().get(upstream.url("/")).retry(Retry::default()).timeout(20 * SECOND);
    assert_eq!(request.send().await.unwrap().status(), 429);
    assert!(started.elapsed() < 10 * SECOND);
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn broken_answers_and_bad_certificates_are_final() {
    let upstream = Upstream::once("HTTP/1.1 503 No\r\ncontent-length: 10\r\n\r\nshort").await;
    let error = local_client().get(upstream.url("/")).retry(at_once(3)).send().await.unwrap_err();
    assert_eq!((error.code(), upstream.received().len()), ("protocol", 1));

    let authority = Authority::new();
    let upstream = secure(authority.sign(&["a.test"], Flaw::Expired), |_| answer("200 OK", "", "")).await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client_trusting(Policy::strict(), &authority.root);
    let error = client.get("https://a.test/").retry(at_once(3)).send().await.unwrap_err();
    assert_eq!((error.code(), net.dialled().len()), ("tls", 1));
}
