use super::*;

/// Returns where the bytes break a rule, sent at once and byte by byte.
fn broken_at(text: &str) -> Option<usize> {
    let read = |size: usize| {
        let mut framing = Framing::new();
        let mut passed = 0;
        for part in text.as_bytes().chunks(size) {
            let used = framing.read(part);
            passed += used;
            if used < part.len() {
                assert_eq!(framing.read(b"more"), 0, "nothing after it is read");
                return Some(passed);
            }
        }
        None
    };
    let found = read(usize::MAX);
    for size in [1, 2, 3, 7] {
        assert_eq!(read(size), found, "{text:?} in parts of {size}");
    }
    found
}

const HOST: &str = "Host: a\r\n";

#[test]
fn sound_requests_pass_unchanged() {
    for text in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "\r\n\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\nhost: a\r\n\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\n{HOST}content-length: 5\r\n\r\na\nb\r\nGET / HTTP/1.1\r\n{HOST}\r\n"),
        format!("POST / HTTP/1.1\r\n{HOST}content-length: 0\r\n\r\nGET / HTTP/1.1\r\n{HOST}\r\n"),
        format!(
            "POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: Chunked\r\n\r\n5\r\na\nb\r\n\r\n1A;x=\"y\"\r\n{}\r\n0\r\nt: 1\r\n\r\nGET / HTTP/1.1\r\n{HOST}\r\n",
            "z".repeat(26)
        ),
        format!("GET /{} HTTP/1.1\r\nx: {}\r\nHOST: a\r\nempty:\r\n\r\n", "p".repeat(9_000), "y".repeat(9_000)),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\n\r\n\n anything".to_owned(),
    ] {
        assert_eq!(broken_at(&text), None, "{text:?}");
    }
}

#[test]
fn what_readers_understand_differently_is_refused_where_it_stands() {
    let head = |lines: &str| format!("POST / HTTP/1.1\r\n{HOST}{lines}\r\n");
    let chunked = |body: &str| head("transfer-encoding: chunked\r\n") + body;
    for (what, text) in [
        ("a bare line feed after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned()),
        ("a bare line feed after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n".to_owned()),
        ("a bare line feed at the end", format!("GET / HTTP/1.1\r\n{HOST}\n")),
        ("a CR within a line", head("x: a\rb\r\n")),
        ("two CR", head("x: a\r\r\n")),
        ("a line that continues another", head("x: a\r\n b\r\n")),
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("two hosts", head("host: b\r\n")),
        ("a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n".to_owned()),
        ("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned()),
        ("a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n".to_owned()),
        ("two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n".to_owned()),
        ("another coding", head("transfer-encoding: gzip\r\n")),
        ("a list of codings", head("transfer-encoding: gzip, chunked\r\n")),
        ("chunked twice in a list", head("transfer-encoding: chunked, chunked\r\n")),
        ("chunked twice", head("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n")),
        ("identity first", head("transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n")),
        ("a coding that hides", head("transfer-encoding: xchunked\r\n")),
        ("a vertical tab before the coding", head("transfer-encoding: \u{b}chunked\r\n")),
        ("an empty coding", head("transfer-encoding:\r\n")),
        ("a coding with a long tail", head(&format!("transfer-encoding: chunked{}\r\n", " ".repeat(300)))),
        ("a coding in HTTP/1.0", "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()),
        ("a length before a coding", head("content-length: 3\r\ntransfer-encoding: chunked\r\n")),
        ("a length after a coding", head("transfer-encoding: chunked\r\ncontent-length: 3\r\n")),
        ("two lengths", head("content-length: 3\r\ncontent-length: 3\r\n")),
        ("a list of lengths", head("content-length: 3, 3\r\n")),
        ("a signed length", head("content-length: +3\r\n")),
        ("a hexadecimal length", head("content-length: 0x3\r\n")),
        ("an endless length", head("content-length: 99999999999999999999\r\n")),
        ("a chunk size with a line feed", chunked("1\na\r\n0\r\n\r\n")),
        ("a chunk that ends with a line feed", chunked("1\r\na\n0\r\n\r\n")),
        ("a chunk that is longer than its size", chunked("1\r\nab\r\n0\r\n\r\n")),
        ("a signed chunk size", chunked("+1\r\na\r\n0\r\n\r\n")),
        ("a chunk size with a prefix", chunked("0x1\r\na\r\n0\r\n\r\n")),
        ("a chunk size with a space", chunked("1 \r\na\r\n0\r\n\r\n")),
        ("an empty chunk size", chunked("\r\n")),
        ("an endless chunk size", chunked("10000000000000001\r\n")),
        ("a trailer with a line feed", chunked("0\r\nx: y\n\r\n")),
    ] {
        assert!(broken_at(&text).is_some(), "{what}: {text:?}");
    }
    assert_eq!(broken_at("GET / HTTP/1.1\nHost: a\r\n\r\n"), Some(14));
    assert_eq!(broken_at("GET / HTTP/1.1\r\n\r\n"), Some(17), "at the end of the head");
}

#[test]
fn the_second_request_of_a_connection_is_checked_like_the_first() {
    let first = format!("POST / HTTP/1.1\r\n{HOST}content-length: 1\r\n\r\nx");
    assert_eq!(broken_at(&format!("{first}GET / HTTP/1.1\r\n\r\n")), Some(first.len() + 17));
}

#[test]
fn after_a_switch_nothing_is_checked() {
    let mut framing = Framing::new();
    let head = format!("GET / HTTP/1.1\r\n{HOST}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    framing.read(head.as_bytes());
    framing.answer(b"HTTP/1.1 101 Switching Protocols\r\n");
    assert_eq!(framing.read(b"\n\n\0\r"), 4);
    // Without the server's answer, what follows is the next request, and a body is no answer.
    for answers in [&[][..], &["HTTP/1.1 200 OK\r\n", "HTTP/1.1 101 Switching Protocols\r\n"]] {
        let mut framing = Framing::new();
        framing.read(head.as_bytes());
        for answer in answers {
            framing.answer(answer.as_bytes());
        }
        assert_eq!(framing.read(b"GET / HTTP/1.1\n"), 14);
    }
    // Nor can a client switch that has not asked for it.
    let mut framing = Framing::new();
    framing.read(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    framing.answer(b"HTTP/1.1 101 Switching Protocols\r\n");
    assert_eq!(framing.read(b"GET / HTTP/1.1\n"), 14);
}
