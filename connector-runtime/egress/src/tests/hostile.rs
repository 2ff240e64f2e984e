//! Upstreams that lie, stall, flood or explode.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::requests::local_client;
use crate::Secret;
use crate::memory::MemoryBudget;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer, receive};
use crate::{Client, EgressError, Policy, Response};

/// More than a body may have.
const TOO_MUCH: usize = 20 << 20;
/// 20 MiB of zeros, by brotli.
const BROTLI_BOMB: &[u8] =
    b"\xcf\xff\xff\x7f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x3f\xff\xff\x7f\xf0\x4f\x00\xc4\x61\x01\x80\xee\xfd\x0f";
/// "hello hello hello", by brotli.
const BROTLI_HELLO: &[u8] = b"\x1b\x10\x00\xf8\x8d\x94\x6e\xde\x44\x55\x86\x96\x6c\x20\x6f\x01\x4f\x1c\x60\x1c";

async fn get(upstream: &Upstream) -> Result<Response, EgressError> {
    local_client().get(upstream.url("/data?q=hush")).send().await
}

/// Sends one request to a server that writes these bytes and closes.
async fn fetch(bytes: impl Into<Vec<u8>>) -> Result<Response, EgressError> {
    get(&Upstream::once(bytes).await).await
}

async fn code_of(bytes: impl Into<Vec<u8>>) -> &'static str {
    let error = fetch(bytes).await.unwrap_err();
    assert!(!error.to_string().contains("hush"), "{error}");
    error.code()
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    answer("200 OK", &format!("content-encoding: {encoding}\r\n"), body)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn one_coding_is_taken_off() {
    let hello = b"hello hello hello";
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(hello).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::best());
    bare.write_all(hello).unwrap();
    for (encoding, body) in [
        ("gzip", gzip(hello)),
        ("X-GZip", gzip(hello)),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("br", BROTLI_HELLO.to_vec()),
        ("identity", hello.to_vec()),
        ("utf-8", hello.to_vec()),
        ("identity, gzip", gzip(hello)),
    ] {
        assert_eq!(fetch(encoded(encoding, &body)).await.unwrap().text(), "hello hello hello", "{encoding}");
    }
    assert_eq!(fetch(encoded("gzip", b"")).await.unwrap().text(), "");
}

#[tokio::test]
async fn bombs_are_stopped() {
    let zeros = gzip(&vec![0; TOO_MUCH]);
    assert_eq!(code_of(encoded("gzip", &zeros)).await, "too_large");
    assert_eq!(code_of(encoded("br", BROTLI_BOMB)).await, "too_large");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&vec![0; TOO_MUCH]).unwrap();
    assert_eq!(code_of(encoded("deflate", &zlib.finish().unwrap())).await, "too_large");
    assert_eq!(code_of(encoded("gzip, gzip", &gzip(&zeros))).await, "protocol");
    let thrice = gzip(&gzip(&gzip(b"hello")));
    assert_eq!(code_of(encoded("gzip, gzip, gzip", &thrice)).await, "protocol");
    assert_eq!(code_of(encoded("gzip, br, deflate", &thrice)).await, "protocol");
    assert_eq!(code_of(encoded("zstd", b"\x28\xb5\x2f\xfd")).await, "protocol");
    let twice = "content-encoding: gzip\r\ncontent-encoding: br\r\n";
    assert_eq!(code_of(answer("200 OK", twice, &zeros)).await, "protocol");
}

#[tokio::test]
async fn the_limit_is_ten_mebibytes() {
    let limit = 10 << 20;
    assert_eq!(fetch(answer("200 OK", "", vec![b'x'; limit])).await.unwrap().bytes().len(), limit);
    assert_eq!(code_of(answer("200 OK", "", vec![b'x'; limit + 1])).await, "too_large");
    assert_eq!(fetch(encoded("gzip", &gzip(&vec![0; limit]))).await.unwrap().bytes().len(), limit);
    assert_eq!(code_of(encoded("gzip", &gzip(&vec![0; limit + 1]))).await, "too_large");
    // The length alone is enough to refuse it.
    assert_eq!(code_of("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n").await, "too_large");
}

#[tokio::test]
async fn a_request_may_take_more_or_less() {
    for (most, length, code) in
        [(20 << 20, 20 << 20, None), (20 << 20, (20 << 20) + 1, Some("too_large")), (9, 10, Some("too_large"))]
    {
        let bodies = [answer("200 OK", "", vec![b'x'; length]), encoded("gzip", &gzip(&vec![0; length]))];
        for body in bodies {
            let upstream = Upstream::once(body).await;
            let got = local_client().get(upstream.url("/data")).most_bytes(most).send().await;
            assert_eq!(got.as_ref().err().map(EgressError::code), code);
            assert!(got.map_or(true, |response| response.bytes().len() == length));
        }
    }
}

#[tokio::test]
async fn an_endless_body_is_stopped() {
    let upstream = Upstream::raw(|mut stream, _| async move {
        receive(&mut stream).await;
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await);
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    assert_eq!(get(&upstream).await.unwrap_err().code(), "too_large");
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    let half = gzip(b"hello hello hello");
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-".to_vec(),
        b"".to_vec(),
        encoded("gzip", &half[..half.len() - 9]),
        encoded("br", &BROTLI_HELLO[..10]),
        encoded("gzip", b"no gzip at all"),
    ] {
        assert_eq!(code_of(bytes.clone()).await, "protocol", "{}", String::from_utf8_lossy(&bytes));
    }
    // Without a length the end of the connection is the end of the body.
    assert_eq!(fetch("HTTP/1.1 200 OK\r\n\r\nall").await.unwrap().text(), "all");
}

#[tokio::test]
async fn what_is_not_plain_http_is_an_error() {
    for bytes in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "<html>an old server</html>",
        "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n",
    ] {
        assert_eq!(code_of(bytes).await, "protocol", "{bytes}");
    }
}

#[tokio::test]
async fn heads_are_limited() {
    let many: String = (0..100_000).map(|index| format!("x-{index}: 1\r\n")).collect();
    assert_eq!(code_of(format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await, "too_large");
    let long = "x".repeat(TOO_MUCH / 2);
    assert_eq!(code_of(format!("HTTP/1.1 200 OK\r\nx-long: {long}\r\n\r\n")).await, "too_large");
}

#[tokio::test]
async fn interim_answers_are_skipped_but_not_for_ever() {
    let some = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(3);
    let end = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(fetch(format!("{some}{end}")).await.unwrap().text(), "ok");
    for status in ["100 Continue", "102 Processing", "103 Early Hints"] {
        let upstream = Upstream::raw(move |mut stream, _| async move {
            receive(&mut stream).await;
            let flood = format!("HTTP/1.1 {status}\r\n\r\n").repeat(1000);
            while stream.write_all(flood.as_bytes()).await.is_ok() {}
        })
        .await;
        assert_eq!(get(&upstream).await.unwrap_err().code(), "protocol", "{status}");
    }
}

#[tokio::test]
async fn the_deadline_is_for_the_whole_answer() {
    for start in ["HTTP/1.1 200 OK\r\nx", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"] {
        let upstream = Upstream::raw(move |mut stream, _| async move {
            receive(&mut stream).await;
            drop(stream.write_all(start.as_bytes()).await);
            let drop_by_drop: &[u8] = if start.ends_with('x') { b"x" } else { b"1\r\nx\r\n" };
            let mut pace = tokio::time::interval(Duration::from_millis(5));
            while stream.write_all(drop_by_drop).await.is_ok() {
                pace.tick().await;
            }
        })
        .await;
        let request = local_client().get(upstream.url("/slow?q=hush")).timeout(Duration::from_millis(100));
        let error = request.send().await.unwrap_err();
        assert_eq!(error.code(), "timeout");
        assert_eq!(
            error.to_string(),
            format!(
                "no complete answer from http://{}/slow within 100 ms{}; raise the timeout or check the service",
                upstream.address,
                if start.ends_with('x') { "" } else { "; it had begun with status 200" }
            )
        );
    }
}

/// A struct holds a field once, so that no upstream chooses which of two counts.
#[derive(Debug, serde::Deserialize)]
struct Once {
    #[expect(dead_code, reason = "reading it fails")]
    a: u32,
}

#[tokio::test]
async fn bodies_that_are_no_json_stay_readable() {
    let json = "content-type: application/json\r\n";
    let response = fetch(answer("200 OK", json, b"{\"a\": \"\xff\"}")).await.unwrap();
    assert!(response.json::<Value>().is_err());
    assert_eq!(response.text(), "{\"a\": \"\u{fffd}\"}");
    assert_eq!(response.diagnostics()["responseBody"], "{\"a\": \"\u{fffd}\"}");

    let deep = fetch(answer("200 OK", json, "[".repeat(100_000))).await.unwrap();
    let error = deep.json::<Value>().unwrap_err().to_string();
    assert!(error.contains("recursion limit") && error.contains("/data is not the JSON"), "{error}");
    for (depth, read) in [(127, true), (128, false)] {
        let nested = fetch(answer("200 OK", json, "[".repeat(depth) + &"]".repeat(depth))).await.unwrap();
        assert_eq!(nested.json::<Value>().is_ok(), read, "{depth}");
    }
    let digits = fetch(answer("200 OK", json, "1".repeat(1_000_000))).await.unwrap();
    let error = digits.json::<f64>().unwrap_err().to_string();
    assert!(error.contains("out of range") && error.len() < 200, "{error}");
    assert_eq!(digits.json::<Value>().unwrap().to_string(), "1".repeat(1_000_000));
    let twice = fetch(answer("200 OK", json, r#"{"a":1,"a":2}"#)).await.unwrap();
    assert_eq!(twice.json::<Value>().unwrap()["a"], 2);
    let error = twice.json::<Once>().unwrap_err().to_string();
    assert!(error.contains("duplicate field `a`"), "{error}");
    let html = fetch(answer("200 OK", "content-type: text/html\r\n", "<p>hi")).await.unwrap();
    assert_eq!(html.diagnostics()["responseBody"], "<p>hi");
    let latin = "content-type: text/plain; Charset=\"ISO-8859-1\"\r\n";
    assert_eq!(fetch(answer("200 OK", latin, b"caf\xe9")).await.unwrap().text(), "café");
    assert_eq!(fetch(answer("200 OK", "", b"\xef\xbb\xbf[1]")).await.unwrap().json::<Vec<u8>>().unwrap(), [1]);
}

#[tokio::test]
async fn nothing_is_remembered_between_requests() {
    let headers =
        "set-cookie: session=1\r\nalt-svc: h2=\"10.0.0.1:443\", h3=\":443\"\r\nrefresh: 0;url=http://b.test/\r\n";
    let upstream = Upstream::start(move |_| answer("200 OK", headers, "")).await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    // The pool is shared by everybody's calls; nothing that an answer says may be.
    for caller in [client.clone(), client.watching([Secret::new("another tenant's")]), client] {
        for url in ["http://a.test/", "http://b.test/"] {
            assert!(caller.get(url).send().await.unwrap().is_success());
        }
    }
    assert_eq!(upstream.lines(), ["GET / HTTP/1.1"; 6]);
    assert!(upstream.received().iter().all(|request| request.header("cookie").is_none()));
    assert_eq!(net.looked_up(), ["a.test", "b.test"]);
    assert!(net.dialled().iter().all(|address| address.to_string() == format!("{PUBLIC}:80")));
}

#[tokio::test]
async fn a_second_answer_is_nobodys() {
    let two = [answer("200 OK", "", "first"), answer("200 OK", "", "second")].concat();
    let upstream = Upstream::start(move |_| two.clone()).await;
    let client = local_client();
    for _ in 0..3 {
        assert_eq!(client.get(upstream.url("/")).send().await.unwrap().text(), "first");
    }
}

#[tokio::test]
async fn a_kept_connection_that_closes_costs_a_repeat_where_one_is_allowed() {
    let upstream = Upstream::raw(|mut stream, received| async move {
        if receive(&mut stream).await.is_some() {
            drop(stream.write_all(&answer("200 OK", "", "first")).await);
        }
        // The second request on the same connection is read and never answered.
        if let Some(request) = receive(&mut stream).await {
            received.lock().unwrap().push(request);
        }
    })
    .await;
    let client = local_client();
    let url = upstream.url("/");
    client.get(&url).send().await.unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().text(), "first");
    assert_eq!(client.post(&url).send().await.unwrap_err().code(), "protocol");
    assert_eq!(upstream.lines(), ["GET / HTTP/1.1", "POST / HTTP/1.1"]);
}

/// Sends a request to a server that writes these bytes, with so much memory for the answer.
async fn fetch_within(bytes: impl Into<Vec<u8>>, memory: &MemoryBudget) -> Result<Response, EgressError> {
    let upstream = Upstream::once(bytes).await;
    let policy = Policy::parse(&["127.0.0.1"], &[] as &[&str]).unwrap();
    Client::with_memory(policy, memory.clone()).get(upstream.url("/")).send().await
}

#[tokio::test]
async fn answers_count_against_the_budget_as_they_come_and_when_they_are_decoded() {
    let memory = MemoryBudget::new(12 << 20);
    let free = memory.free();
    let plain = answer("200 OK", "", vec![b'x'; 1 << 20]);
    let held = fetch_within(plain.clone(), &memory).await.unwrap();
    assert!(free - memory.free() >= 6 << 20, "{} bytes are reserved", free - memory.free());
    // Half of the budget is held by the first answer, so that a second and a third one have no room.
    let chunks = "100000\r\n".to_owned() + &"x".repeat(1 << 20) + "\r\n";
    let endless = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks.repeat(3));
    let bomb = encoded("gzip", &gzip(&vec![0; 3 << 20]));
    for refused in [answer("200 OK", "", vec![b'x'; 2 << 20]), endless.into_bytes(), bomb] {
        let error = fetch_within(refused, &memory).await.unwrap_err();
        assert_eq!(error.code(), "too_large");
        assert!(error.to_string().contains("the server has no memory left"), "{error}");
    }
    drop(held);
    assert_eq!(memory.free(), free);
    fetch_within(plain, &memory).await.unwrap();
}

#[tokio::test]
async fn the_tree_of_an_answer_is_counted_before_it_is_built() {
    let memory = MemoryBudget::new(64 << 20);
    let list = |values: usize| answer("200 OK", "", format!("[{}0]", "0,".repeat(values - 1)));
    let response = fetch_within(list(100_000), &memory).await.unwrap();
    let before = memory.free();
    response.json::<Value>().unwrap();
    assert!(before - memory.free() >= 20 << 20);
    let after = memory.free();
    response.json::<Value>().unwrap();
    assert_eq!(memory.free(), after, "read again, it costs no more");
    drop(response);
    let large = fetch_within(list(400_000), &memory).await.unwrap();
    let error = large.json::<Value>().unwrap_err();
    assert!(error.to_string().contains("no memory left"), "{error}");
    let many = fetch_within(list(1_000_001), &MemoryBudget::unlimited()).await.unwrap();
    let error = many.json::<Value>().unwrap_err();
    assert!(error.to_string().contains("more than 1000000 values"), "{error}");
}

#[tokio::test]
async fn a_repeat_that_does_not_connect_does_not_hide_that_the_first_one_arrived() {
    // One connection is accepted; its second request is read, and then nobody listens any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders/1", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        receive(&mut stream).await.unwrap();
        stream.write_all(&answer("200 OK", "", "first")).await.unwrap();
        let second = receive(&mut stream).await.unwrap();
        drop((listener, stream));
        second.line().to_owned()
    });
    let client = local_client();
    client.get(&url).send().await.unwrap();
    let error = client.delete(&url).retry(crate::Retry::times(1)).send().await.unwrap_err();
    assert_eq!(serving.await.unwrap(), "DELETE /orders/1 HTTP/1.1");
    assert_eq!((error.code(), error.may_have_arrived(), error.status()), ("connect", true, None), "{error}");
}

#[tokio::test]
async fn a_time_that_is_over_before_a_connection_is_open_leaves_nothing_in_doubt() {
    let net = Net::default();
    net.name("lost.test", crate::testing::Answer::Never);
    net.host("silent.test", &[PUBLIC]).silent(&format!("{PUBLIC}:80"));
    let client = net.client(Policy::strict());
    for url in ["http://lost.test/", "http://silent.test/"] {
        let seen = crate::StatusSeen::default();
        let request = client.post(url).text("order").timeout(Duration::from_millis(100)).noting_status(&seen);
        let error = request.send().await.unwrap_err();
        assert_eq!((error.code(), error.may_have_arrived(), seen.left()), ("timeout", false, false), "{url}");
    }
    let upstream = Upstream::raw(|mut stream, received| async move {
        let request = receive(&mut stream).await.unwrap();
        received.lock().unwrap().push(request);
        std::future::pending::<()>().await;
    })
    .await;
    for body in ["", "order"] {
        let request = local_client().post(upstream.url("/")).text(body).timeout(Duration::from_millis(300));
        let error = request.send().await.unwrap_err();
        assert_eq!((error.code(), error.may_have_arrived()), ("timeout", true));
    }
    assert_eq!(upstream.lines().len(), 2);
}
