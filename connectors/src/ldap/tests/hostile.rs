//! Directories that are silent, that lie, or that are none: a call ends in time, within a bound of memory, and says so.

use std::time::{Duration, Instant};

use connector_runtime::egress::{Client, Policy};
use connector_runtime::prelude::*;
use connector_runtime::testing::{self, TestCall};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::ldap::Ldap;

/// The deadline of a call, and what a busy machine may be late.
const LATE: Duration = Duration::from_secs(3);
const BOUND: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
const TLS_BEGINS: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

/// What a directory says after it was asked something.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    Bytes(&'static [u8]),
    /// A message that is announced with 2 GiB, and then bytes without end.
    TwoGiB,
    /// Answers without end, each of this many bytes more than it needs.
    Entries(usize),
    References,
    Reset,
}

/// Starts a directory that lets everybody in where it is told to, and then says something. Returns its port.
async fn directory(lets_in: bool, says: Says) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, lets_in, says));
        }
    });
    port
}

async fn serve(mut stream: TcpStream, lets_in: bool, says: Says) -> std::io::Result<()> {
    let mut asked = [0; 4096];
    if lets_in {
        hear(&mut stream, &mut asked).await?;
        stream.write_all(BOUND).await?;
    }
    hear(&mut stream, &mut asked).await?;
    match says {
        Says::Nothing => {}
        Says::Bytes(bytes) => stream.write_all(bytes).await?,
        Says::TwoGiB => {
            stream.write_all(b"\x30\x84\x7f\xff\xff\xff").await?;
            loop {
                stream.write_all(&[0; 65536]).await?;
            }
        }
        Says::Entries(more) => loop {
            stream.write_all(&entry(more)).await?;
        },
        Says::References => loop {
            stream.write_all(&b"\x30\x0d\x02\x01\x02\x73\x08\x04\x06ldap:/".repeat(1000)).await?;
        },
        Says::Reset => {
            stream.set_zero_linger()?;
            return Ok(());
        }
    }
    // Whoever is silent does not close either.
    while hear(&mut stream, &mut asked).await? > 0 {}
    Ok(())
}

/// Hears something, however much of it came.
async fn hear(stream: &mut TcpStream, asked: &mut [u8]) -> std::io::Result<usize> {
    stream.read(asked).await
}

/// An entry whose one value has some bytes.
fn entry(bytes: usize) -> Vec<u8> {
    let tagged = |tag: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], body].concat()
    };
    let values = tagged(0x31, &tagged(0x04, &vec![b'x'; bytes]));
    let attribute = tagged(0x30, &[tagged(0x04, b"cn"), values].concat());
    let body = [tagged(0x04, b"dc=x"), tagged(0x30, &attribute)].concat();
    tagged(0x30, &[b"\x02\x01\x02".to_vec(), tagged(0x64, &body)].concat())
}

fn call(command: &str, port: u16) -> TestCall {
    testing::call::<Ldap>(command)
        .config("url", format!("ldap://127.0.0.1:{port}"))
        .config("startTls", false)
        .config("allowPlaintext", true)
        .config("bindDn", "cn=x")
        .config("bindPassword", "canary-password")
        .config("baseDn", "dc=x")
        .http(Client::new(Policy::parse(&[format!("127.0.0.1:{port}")], &[]).unwrap()))
        .timeout_ms(1_000)
}

#[tokio::test]
async fn whatever_it_says_a_call_ends_in_time_and_says_why() {
    const UNSOLICITED: &[u8] = b"\x30\x0c\x02\x01\x02\x67\x07\x0a\x01\x00\x04\x00\x04\x00";
    for lets_in in [false, true] {
        for (says, code, text) in [
            (Says::Nothing, "timeout", "it did not answer in time"),
            (Says::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "unavailable", "is no LDAP"),
            (Says::Bytes(b"\x30\x03\x02\x01\x01"), "unavailable", "is no LDAP"),
            (Says::Bytes(b"\x30\x80\x00\x00"), "unavailable", "is no LDAP"),
            (Says::Bytes(UNSOLICITED), "unavailable", "answers what nobody asked"),
            (Says::Bytes(b"\x30\x11\x02\x01\x00\x78\x0c\x0a\x01\x34\x04\x00\x04\x05going"), "unavailable", "(going)"),
            (Says::TwoGiB, "tooLarge", "a message of more than 16 MiB"),
            (Says::Reset, "unavailable", "the connection broke"),
        ] {
            let port = directory(lets_in, says).await;
            for command in ["search", "test"] {
                let began = Instant::now();
                let result = call(command, port).run().await;
                assert!(began.elapsed() < LATE, "{says:?}: {:?}", began.elapsed());
                let (error, told) = (result.error.unwrap(), result.diagnostics.unwrap_or_default());
                assert!(error.contains(text), "{says:?} {command}: {error}");
                assert_eq!(told["code"].as_str().unwrap_or_default(), code, "{says:?} {command}: {error}");
                assert_eq!(told["outcome"], Value::Null, "nothing was written");
            }
        }
    }
}

#[tokio::test]
async fn answers_without_end_end_at_a_limit() {
    // Small entries end at the limit of the call, large ones at what a call may return, references at what it may read.
    let found =
        call("search", directory(true, Says::Entries(10)).await).param("limit", 5).timeout_ms(20_000).run().await;
    let payload = found.payload.unwrap();
    assert_eq!((&payload["count"], &payload["truncatedBy"]), (&json!(5), &json!("limit")));
    let large = call("search", directory(true, Says::Entries(3 << 20)).await).timeout_ms(20_000).run().await;
    let payload = large.payload.unwrap();
    assert_eq!((&payload["count"], &payload["truncatedBy"]), (&json!(10), &json!("size")));
    let one = call("search", directory(true, Says::Entries(17 << 20)).await).timeout_ms(20_000).run().await;
    assert_eq!(one.diagnostics.unwrap()["code"], "tooLarge");
    let references = call("search", directory(true, Says::References).await).timeout_ms(20_000).run().await;
    assert_eq!(references.diagnostics.unwrap()["code"], "tooLarge");
}

#[tokio::test]
async fn a_write_without_an_answer_may_have_been_done() {
    for says in [Says::Nothing, Says::Reset, Says::Bytes(b"GET / HTTP/1.1\r\n"), Says::TwoGiB] {
        let port = directory(true, says).await;
        let deletion = call("delete", port).param("dn", "uid=x,dc=x").run().await;
        let told = deletion.diagnostics.unwrap();
        assert_eq!(told["outcome"], "unknown", "{says:?}");
    }
}

#[tokio::test]
async fn tls_that_is_refused_or_stripped_ends_the_call() {
    const REFUSES: &[u8] = b"\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x02\x04\x00\x04\x02no";
    // What follows the answer in the clear is read as TLS, and is none.
    let injected = [TLS_BEGINS, BOUND].concat().leak();
    for (says, code, text) in [
        (Says::Bytes(REFUSES), "unsupported", "The directory refuses TLS on this port (no)"),
        (Says::Bytes(BOUND), "unavailable", "did not begin TLS"),
        (Says::Bytes(injected), "unavailable", "could not speak TLS"),
        (Says::Bytes(b"220 mail\r\n"), "unavailable", "did not begin TLS"),
    ] {
        let result = call("test", directory(false, says).await).config("startTls", true).run().await;
        let told = result.diagnostics.unwrap();
        assert_eq!((told["code"].as_str(), told["step"].as_str()), (Some(code), Some("tls")));
        assert!(result.error.unwrap().contains(text));
    }
}

#[tokio::test]
async fn what_is_missing_is_said_before_anything_is_dialled() {
    let none =
        |command: &str| testing::call::<Ldap>(command).config("url", "ldap://127.0.0.1").config("baseDn", "dc=x");
    for (call, text) in [
        (none("search").config("bindDn", "cn=x"), "Set both of bindDn and bindPassword"),
        (none("search").config("bindPassword", "canary-password"), "Set both of bindDn and bindPassword"),
        (none("modify").param("dn", "cn=x"), "Give what to set, add or remove"),
        (none("modify").param("dn", "cn=x").param("set", json!({ "c n": 1 })), "is not the name of an attribute"),
        (none("move").param("dn", "cn=x"), "Give newParent, newRdn, or both"),
        (none("get"), "Give dn or where"),
        (none("authenticate").param("password", "canary-password"), "Give dn or login"),
        (none("create").param("objectClasses", ["device"]), "Give dn, or parent and rdn"),
        (none("search").param("limit", 0), "limit"),
        (none("addMembers").param("group", "cn=x").param("members", json!([])), "members has to hold 1 to 5000"),
        (
            none("addMembers").param("group", "cn=x").param("members", vec!["cn=x"; 5_001]),
            "members has to hold 1 to 5000",
        ),
    ] {
        let result = call.run().await;
        let error = result.error.unwrap();
        assert!(error.contains(text), "{error}");
    }
}
