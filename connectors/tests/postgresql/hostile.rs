//! Servers that are none, that lie about lengths, that never end, and that put words before the handshake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use connector_runtime::prelude::*;
use connector_runtime::testing::TestCall;
use test_support::certificates::Authority;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{SOON, begin_peak, call_to, failure, is_alone, memory};

const MEBIBYTE: usize = 1024 * 1024;

/// What a server sends, and what it does then.
#[derive(Clone)]
enum Then {
    /// It waits for ever.
    Waits,
    /// It closes.
    Closes,
    /// It repeats these bytes as long as they are taken.
    Repeats(Vec<u8>),
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend(body);
    message
}

fn error(severity: &str, state: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("S{severity}\0V{severity}\0C{state}\0M{text}\0\0").as_bytes())
}

/// Ends the sign-in.
fn signed_in() -> Vec<u8> {
    let mut all = message(b'R', &[0, 0, 0, 0]);
    all.extend(message(b'S', b"server_version\x0015.0\0"));
    all.extend(message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]));
    all.extend(ready());
    all
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// The answer to statements of our own.
fn complete() -> Vec<u8> {
    let mut all = message(b'C', b"SET\0");
    all.extend(ready());
    all
}

/// The answer to a statement that is parsed: one column of a type.
fn described(oid: u32) -> Vec<u8> {
    let mut all = message(b'1', b"");
    all.extend(message(b't', &[0, 0]));
    let mut row = vec![0, 1];
    row.extend(b"v\0\0\0\0\0\0\0");
    row.extend(oid.to_be_bytes());
    row.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    all.extend(message(b'T', &row));
    all.extend(ready());
    all
}

fn row(text: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    body.extend(text);
    message(b'D', &body)
}

/// A server that answers each message (or pack of them that ends in Sync or Flush) with the next of its answers.
struct Liar {
    port: u16,
    dialled: Arc<AtomicUsize>,
}

impl Liar {
    async fn start(answers: Vec<Vec<u8>>, then: Then) -> Self {
        Self::serve(move |mut stream| {
            let (answers, then) = (answers.clone(), then.clone());
            async move { lie(&mut stream, &answers, &then).await }
        })
        .await
    }

    async fn serve<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Option<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let dialled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dialled);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream));
            }
        });
        Self { port, dialled }
    }

    fn call(&self, command: &str) -> TestCall {
        call_to(self.port, command).config("sslMode", "disable")
    }
}

/// Answers and then does what is left; ends when the other end is gone.
async fn lie(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answers: &[Vec<u8>], then: &Then) -> Option<()> {
    let mut buffer = vec![0; 65_536];
    for answer in answers {
        if stream.read(&mut buffer).await.ok()? == 0 {
            return None;
        }
        stream.write_all(answer).await.ok()?;
    }
    match then {
        Then::Closes => {}
        Then::Waits => while stream.read(&mut buffer).await.ok()? > 0 {},
        Then::Repeats(bytes) => loop {
            stream.write_all(bytes).await.ok()?;
        },
    }
    Some(())
}

#[tokio::test]
async fn servers_that_lie_end_in_time_and_in_memory() {
    if !is_alone("hostile::servers_that_lie_end_in_time_and_in_memory") {
        return;
    }
    // A query begins a transaction before its statement is parsed.
    let to_rows = |oid| vec![signed_in(), complete(), complete(), described(oid)];
    let without_transaction = |mut answers: Vec<Vec<u8>>| {
        if answers.len() > 3 {
            answers.remove(2);
        }
        answers
    };
    let bound = message(b'2', b"");
    let huge = |tag: u8| {
        let mut all = vec![tag];
        all.extend(0x7fff_ffff_u32.to_be_bytes());
        all
    };
    let with = |mut answers: Vec<Vec<u8>>, last: Vec<u8>| {
        answers.push(last);
        answers
    };
    let scram = |text: &str| {
        let first = message(b'R', &[&[0, 0, 0, 10][..], b"SCRAM-SHA-256\0\0"].concat());
        vec![first, message(b'R', &[&[0, 0, 0, 11][..], text.as_bytes()].concat())]
    };
    let cases: Vec<(&str, Vec<Vec<u8>>, Then)> = vec![
        ("silence at once", vec![], Then::Waits),
        ("closed at once", vec![], Then::Closes),
        ("no PostgreSQL", vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], Then::Waits),
        ("garbage", vec![vec![0xff; 5000]], Then::Repeats(vec![0xff; 5000])),
        ("2 GiB at the sign-in", vec![huge(b'R')], Then::Repeats(vec![0; 65_536])),
        ("a negative length", vec![vec![b'R', 0xff, 0xff, 0xff, 0xff]], Then::Waits),
        ("endless notices at the sign-in", vec![], Then::Repeats(message(b'N', &[b'M', b'x', 0, 0]))),
        ("endless parameters", vec![message(b'R', &[0; 4])], Then::Repeats(message(b'S', b"a\0b\0"))),
        ("4 billion rounds", scram("r=x,s=AAAA,i=4294967295"), Then::Waits),
        (
            "silence in the sign-in",
            vec![message(b'R', &[&[0, 0, 0, 10][..], b"SCRAM-SHA-256\0\0"].concat())],
            Then::Waits,
        ),
        ("silence after the password", vec![message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4])], Then::Waits),
        ("silence before it is ready", vec![message(b'R', &[0, 0, 0, 0])], Then::Waits),
        ("closed after the description", to_rows(25), Then::Closes),
        ("a nonce that is not ours", scram("r=x,s=AAAA,i=4096"), Then::Waits),
        ("the password in the clear", vec![message(b'R', &[0, 0, 0, 3])], Then::Waits),
        ("Kerberos", vec![message(b'R', &[0, 0, 0, 7])], Then::Waits),
        ("silence after the sign-in", vec![signed_in()], Then::Waits),
        ("closed after the sign-in", vec![signed_in()], Then::Closes),
        ("silence after the settings", vec![signed_in(), complete()], Then::Waits),
        ("silence after the description", to_rows(25), Then::Waits),
        ("the answer to another question", with(to_rows(25), complete()), Then::Waits),
        ("no answer at all", with(to_rows(25), ready()), Then::Waits),
        ("a description of nothing", vec![signed_in(), complete(), complete(), ready()], Then::Waits),
        (
            "2 GiB as a description",
            with(vec![signed_in(), complete(), complete()], huge(b'T')),
            Then::Repeats(vec![0; 65_536]),
        ),
        ("2 GiB as a row", with(to_rows(25), [bound.clone(), huge(b'D')].concat()), Then::Repeats(vec![0; 65_536])),
        ("endless rows", with(to_rows(25), bound.clone()), Then::Repeats(row(&[b'x'; 1000]).repeat(50))),
        ("endless empty rows", with(to_rows(25), bound.clone()), Then::Repeats(row(b"").repeat(5000))),
        ("endless large rows", with(to_rows(25), bound.clone()), Then::Repeats(row(&vec![b'x'; 8_000_000]))),
        (
            "endless notices",
            with(to_rows(25), bound.clone()),
            Then::Repeats(message(b'N', &[b'M', b'x', 0, 0]).repeat(5000)),
        ),
        ("endless errors", with(to_rows(25), bound.clone()), Then::Repeats(error("ERROR", "XX000", "x").repeat(500))),
        (
            "rows without end of a number",
            with(to_rows(23), [bound.clone(), row(&[b'9'; 100_000])].concat()),
            Then::Waits,
        ),
        (
            "a row of other columns",
            with(to_rows(25), [bound.clone(), message(b'D', &[0, 2, 0xff, 0xff, 0xff, 0xff])].concat()),
            Then::Waits,
        ),
        ("an array without end", with(to_rows(1007), [bound.clone(), row(&[b'{'; 1_000_000])].concat()), Then::Waits),
        ("types of types", to_rows(99_999), Then::Repeats(described(99_998))),
        ("huge error", with(to_rows(25), error("ERROR", "XX000", &"x".repeat(900_000))), Then::Waits),
        ("huger error", with(to_rows(25), error("ERROR", "XX000", &"x".repeat(2_000_000))), Then::Waits),
        ("no UTF-8", with(to_rows(25), [bound.clone(), row(&[0xff, 0xfe])].concat()), Then::Waits),
        ("unasked for messages", with(to_rows(25), [bound, message(b'G', &[0, 0, 0]), ready()].concat()), Then::Waits),
    ];
    for (name, answers, then) in cases {
        for command in ["query", "execute"] {
            let answers = if command == "query" { answers.clone() } else { without_transaction(answers.clone()) };
            let liar = Liar::start(answers, then.clone()).await;
            let before = begin_peak();
            let began = Instant::now();
            let call = liar.call(command).param("sql", "SELECT 1").param("timeoutMs", 500).timeout_ms(100_000);
            let result = call.run().await;
            let took = began.elapsed();
            let more = memory().1.saturating_sub(before);
            assert!(more < 64 * MEBIBYTE, "{name}: {more} bytes");
            assert!(took < SOON, "{name}: {took:?}");
            // Rows beyond the limit are no lie that a query would notice.
            if result.success {
                assert!(
                    name.starts_with("endless") && name.ends_with("rows") && command == "query",
                    "{name} {command}"
                );
                continue;
            }
            let (text, diagnostics) = (result.error.unwrap(), result.diagnostics.unwrap());
            assert!(text.len() < 6000, "{name}: {}", text.len());
            assert!(diagnostics["code"].is_string(), "{name}: {text} {diagnostics}");
            // Whoever has sent a statement that takes effect does not know what became of it.
            if let "closed after the description" | "silence after the description" | "2 GiB as a row" = name {
                assert_eq!(diagnostics.get("outcome").is_some(), command == "execute", "{name}: {diagnostics}");
            }
            assert!(liar.dialled.load(Ordering::Relaxed) <= 4, "{name}");
            println!(
                "{name}, {command}, {took:?}, {} MiB more: {} {}",
                more / MEBIBYTE,
                diagnostics["code"],
                &text[..text.len().min(100)]
            );
        }
    }
}

#[tokio::test]
async fn what_comes_before_the_handshake_is_no_word_of_the_server() {
    let authority = Authority::new();
    let secure = |liar: &Liar| call_to(liar.port, "test").config("caCertificate", authority.pem()).timeout_ms(30_000);
    // N: no TLS. The connection is not continued in the clear.
    for (answer, code, text) in [
        (b"N".to_vec(), "unsupported", "does not offer TLS"),
        (error("FATAL", "53300", "let me tell you a story"), "unavailable", "with an error"),
        (b"HTTP/1.1 400".to_vec(), "unavailable", "does not speak PostgreSQL"),
        // Words that are sent in the clear after the S, as if they were the server's under TLS (CVE-2021-23222).
        ([b"S".to_vec(), signed_in()].concat(), "unavailable", "TLS"),
    ] {
        let liar = Liar::start(vec![answer], Then::Waits).await;
        let (error, diagnostics) = failure(secure(&liar)).await;
        assert_eq!((&diagnostics["step"], &diagnostics["code"]), (&json!("tls"), &json!(code)), "{error}");
        assert!(error.contains(text) && !error.contains("story"), "{error}");
    }
    // The same before a handshake that then is a good one, with everything that a sign-in needs behind it.
    let acceptor = authority.acceptor(&["127.0.0.1"]);
    for injected in [Vec::new(), signed_in()] {
        let (acceptor, is_honest) = (acceptor.clone(), injected.is_empty());
        let liar = Liar::serve(move |mut stream| {
            let (acceptor, injected) = (acceptor.clone(), injected.clone());
            async move {
                let mut request = [0; 8];
                stream.read_exact(&mut request).await.ok()?;
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                stream.write_all(&[b"S".to_vec(), injected].concat()).await.ok()?;
                let mut stream = acceptor.accept(stream).await.ok()?;
                lie(&mut stream, &[error("FATAL", "28P01", "it is you")], &Then::Waits).await
            }
        })
        .await;
        let (error, diagnostics) = failure(secure(&liar)).await;
        let step = if is_honest { "signIn" } else { "tls" };
        assert_eq!(diagnostics["step"], step, "{error}");
    }
    // Silence in each state of the way to TLS.
    for answers in [vec![], vec![b"S".to_vec()]] {
        let liar = Liar::start(answers, Then::Waits).await;
        let began = Instant::now();
        let call = call_to(liar.port, "query").config("caCertificate", authority.pem()).param("sql", "SELECT 1");
        let (_, diagnostics) = failure(call.param("timeoutMs", 500)).await;
        assert_eq!((&diagnostics["step"], &diagnostics["code"]), (&json!("tls"), &json!("timeout")));
        assert!(began.elapsed() < SOON);
    }
}
