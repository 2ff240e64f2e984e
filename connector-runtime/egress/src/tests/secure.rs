//! TLS: whom to trust, and how a failure reads; HTTP/2 over it.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error as TlsError, PeerIncompatible, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::tls;
use super::authority::{Authority, Flaw, secure};
use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer, receive};
use crate::{EgressError, Policy, Response};

async fn get(upstream: &Upstream, root: &CertificateDer<'static>) -> Result<Response, EgressError> {
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).route_all(upstream.address);
    net.client_trusting(Policy::strict(), root).get("https://a.test/x?q=hush").send().await
}

#[tokio::test]
async fn a_good_certificate() {
    let authority = Authority::new();
    let upstream = secure(authority.sign(&["a.test"], Flaw::None), |_| answer("200 OK", "", "safe")).await;
    assert_eq!(get(&upstream, &authority.root).await.unwrap().text(), "safe");
    assert_eq!(upstream.received()[0].header("host"), Some("a.test"));
}

#[tokio::test]
async fn bad_certificates_read_differently() {
    let authority = Authority::new();
    for (config, text) in [
        (authority.sign(&["a.test"], Flaw::Expired), "expired"),
        (authority.sign(&["a.test"], Flaw::NotYetValid), "not valid yet"),
        (authority.sign(&["b.test"], Flaw::None), "another host"),
        (Authority::new().sign(&["a.test"], Flaw::None), "does not trust"),
        (authority.sign(&["a.test"], Flaw::SelfSigned), "self-signed"),
    ] {
        let upstream = secure(config, |_| answer("200 OK", "", "")).await;
        let error = get(&upstream, &authority.root).await.unwrap_err();
        assert_eq!(error.code(), "tls");
        assert!(error.to_string().starts_with("could not speak TLS with https://a.test/x: "), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(upstream.received().len(), 0);
    }
}

/// Revocation lists are the system's business where it keeps some; how they read is ours.
#[test]
fn every_flaw_has_a_text_of_its_own() {
    let flaws = [
        CertificateError::UnknownIssuer,
        CertificateError::Expired,
        CertificateError::NotValidForName,
        CertificateError::Revoked,
    ];
    let errors = flaws.map(TlsError::InvalidCertificate).into_iter();
    let errors = errors.chain([TlsError::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)]);
    let texts: HashSet<_> =
        errors.map(|error| tls::explain(&io::Error::other(error), false).about(String::new()).to_string()).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
    for word in ["self-signed", "expired", "another host", "revoked", "TLS 1.2"] {
        assert_eq!(texts.iter().filter(|text| text.contains(word)).count(), 1, "{word}: {texts:?}");
    }
}

/// The hello of a server that chooses TLS 1.0.
const TLS_1_0: &[u8] = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01\
    01234567890123456789012345678901\x00\x00\x2f\x00";

#[tokio::test]
async fn servers_without_tls_or_with_an_old_one() {
    let authority = Authority::new();
    let answers = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), "does not speak TLS"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "neither TLS 1.2 nor TLS 1.3"), // the alert protocol_version
        (b"\x15\x03\x03\x00\x02\x02\x28", "(HandshakeFailure)"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "clientCertificate and clientKey"), // so says TLS 1.2 where none was shown
        (TLS_1_0, "neither TLS 1.2 nor TLS 1.3"),
        (b"", "broke during the handshake"),
    ];
    for (bytes, text) in answers {
        let upstream = Upstream::raw(move |mut stream, _| async move {
            let mut hello = [0; 64];
            drop(stream.read_exact(&mut hello).await);
            drop(stream.write_all(bytes).await);
        })
        .await;
        let error = get(&upstream, &authority.root).await.unwrap_err();
        assert_eq!(error.code(), "tls");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn through_a_tunnel() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.sign(&["a.test"], Flaw::None)));
    let proxy = Upstream::raw(move |mut stream, received| {
        let acceptor = acceptor.clone();
        async move {
            let Some(request) = receive(&mut stream).await else {
                return;
            };
            let refused = request.line().starts_with("CONNECT b.test");
            received.lock().unwrap().push(request);
            if refused {
                return drop(stream.write_all(b"HTTP/1.1 407 No\r\n\r\n").await);
            }
            stream.write_all(b"HTTP/1.1 200 Go\r\nvia: x\r\n\r\n").await.unwrap();
            let mut inner = acceptor.accept(stream).await.unwrap();
            receive(&mut inner).await.unwrap();
            inner.write_all(&answer("200 OK", "", "tunnelled")).await.unwrap();
            inner.flush().await.unwrap();
        }
    })
    .await;
    let net = Net::default();
    net.route("10.0.0.7:3128", proxy.address);
    let policy = Policy::strict().with_proxy("http://me:pw@10.0.0.7:3128").unwrap();
    let client = net.client_trusting(policy, &authority.root);
    assert_eq!(client.get("https://a.test/").send().await.unwrap().text(), "tunnelled");
    let error = client.get("https://b.test/x").send().await.unwrap_err();
    assert_eq!(error.code(), "connect");
    assert!(
        error
            .to_string()
            .contains("https://b.test/x: the operator's proxy wants another user or password (status 407)"),
        "{error}"
    );
    let received = proxy.received();
    assert_eq!(received[0].line(), "CONNECT a.test:443 HTTP/1.1");
    assert_eq!(received[0].header("proxy-authorization"), Some("Basic bWU6cHc="));
    assert_eq!(net.looked_up(), [""; 0]);
}

/// Starts a server that speaks HTTP/2 over TLS in the way a test plays it.
async fn http2<F>(
    mut config: ServerConfig,
    play: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
) -> Upstream
where
    F: Future<Output = ()> + Send + 'static,
{
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let play = Arc::new(play);
    Upstream::raw(move |stream, _| {
        let (acceptor, play) = (acceptor.clone(), Arc::clone(&play));
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                play(stream).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn http2_is_spoken_where_offered() {
    let authority = Authority::new();
    let upstream = http2(authority.sign(&["a.test"], Flaw::None), |stream| async move {
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
            let text = format!("{:?} {}", request.version(), request.uri());
            Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(bytes::Bytes::from(text))))
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(TokioIo::new(stream), service).await);
    })
    .await;
    let response = get(&upstream, &authority.root).await.unwrap();
    assert_eq!(response.text(), "HTTP/2.0 https://a.test/x?q=hush");
}

#[tokio::test]
async fn http2_floods_end() {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const HEADERS_WITHOUT_END: &[u8] = &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88];
    const CONTINUATION: &[u8] = &[0, 0, 1, 9, 0, 0, 0, 0, 1, 0x88];
    const RESET: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let authority = Authority::new();
    for (start, flood) in [(HEADERS_WITHOUT_END, CONTINUATION), (RESET, SETTINGS)] {
        let upstream = http2(authority.sign(&["a.test"], Flaw::None), move |mut stream| async move {
            drop(stream.write_all(SETTINGS).await);
            let mut request = [0; 128];
            drop(stream.read(&mut request).await);
            drop(stream.write_all(start).await);
            while stream.write_all(flood).await.is_ok() && stream.flush().await.is_ok() {}
        })
        .await;
        let error = get(&upstream, &authority.root).await.unwrap_err();
        assert_eq!(error.code(), "protocol", "{error}");
    }
}

#[tokio::test]
async fn http2_chatter_without_an_answer_ends() {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const EMPTY_DATA: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 1];
    const PROMISE: &[u8] = &[0, 0, 5, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x88];
    const HEADERS: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    const RESET_UNKNOWN: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 2, 0, 0, 0, 8];
    let authority = Authority::new();
    let floods: [(&[u8], &[u8]); 5] =
        [(b"", SETTINGS), (b"", PING), (HEADERS, EMPTY_DATA), (b"", PROMISE), (b"", RESET_UNKNOWN)];
    for (index, (start, flood)) in floods.into_iter().enumerate() {
        let upstream = http2(authority.sign(&["a.test"], Flaw::None), move |mut stream| async move {
            drop(stream.write_all(SETTINGS).await);
            let mut request = [0; 128];
            drop(stream.read(&mut request).await);
            drop(stream.write_all(start).await);
            let flood = flood.repeat(100);
            while stream.write_all(&flood).await.is_ok() && stream.flush().await.is_ok() {}
        })
        .await;
        let net = Net::default();
        net.host("a.test", &[PUBLIC]).route_all(upstream.address);
        let client = net.client_trusting(Policy::strict(), &authority.root);
        let started = std::time::Instant::now();
        let request = client.get("https://a.test/").timeout(Duration::from_millis(500));
        let error = request.send().await.unwrap_err();
        assert!(matches!(error.code(), "protocol" | "timeout"), "{index}: {error}");
        assert!(started.elapsed() < Duration::from_secs(10), "{index}: {:?}", started.elapsed());
    }
}
