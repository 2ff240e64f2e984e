//! Where secrets may go, and how plain texts are known to be secrets.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Secret;
use crate::redact::Redactor;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer};
use crate::{Client, Policy};

async fn network() -> (Net, Upstream) {
    let upstream = Upstream::start(|_| answer("404 Not Found", "", "")).await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).host("evil.test", &[PUBLIC]).route_all(upstream.address);
    (net, upstream)
}

async fn code_of(client: &Client, url: &str) -> Option<&'static str> {
    let sent = client.get(url).bearer(&Secret::new("t0ken-value")).send().await;
    sent.err().map(|error| error.code())
}

#[tokio::test]
async fn secrets_go_to_named_origins_alone() {
    let (net, upstream) = network().await;
    let client = net.client(Policy::strict()).scoped(["http://api.test/v1/"]).unwrap();
    assert_eq!(code_of(&client, "http://api.test/other").await, None);
    for elsewhere in ["http://evil.test/", "http://api.test:8080/", "https://api.test/"] {
        assert_eq!(code_of(&client, elsewhere).await, Some("scope"), "{elsewhere}");
    }
    assert_eq!(upstream.received().len(), 1);
    // What carries no secret is free to go.
    assert!(client.get("http://evil.test/").send().await.is_ok());
    let error = client.get("http://evil.test/x?y").header("cookie", "a").send().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused to send a secret to http://evil.test/x: the secrets of this connection may only be sent to \
         http://api.test [scope]; check how the URL is built, or send the request without the secret"
    );
    assert_eq!(client.scoped(["nonsense"]).unwrap_err().code(), "url");
}

#[tokio::test]
async fn several_origins_and_none_are_named() {
    let (net, upstream) = network().await;
    let text_of = async |client: &Client| {
        let sent = client.get("http://evil.test/").secret_query("k", &Secret::new("k")).send().await;
        sent.unwrap_err().to_string()
    };
    let client = net.client(Policy::strict()).scoped(["http://api.test", "https://api.test:8443/x"]).unwrap();
    let text = text_of(&client).await;
    assert!(text.contains("may only be sent to http://api.test or https://api.test:8443 [scope]"), "{text}");
    let client = client.scoped([] as [&str; 0]).unwrap();
    let text = text_of(&client).await;
    assert!(text.contains("the secrets of this connection may not be sent anywhere [scope]"), "{text}");
    assert_eq!(upstream.received().len(), 0);
    assert_eq!(code_of(&client.unscoped(), "http://evil.test/").await, None);
}

/// Whatever a reference looks like that is joined or appended to a base URL, the secret stays home.
#[tokio::test]
async fn no_reference_leads_a_secret_elsewhere() {
    let (net, upstream) = network().await;
    let client = net.client(Policy::strict()).scoped(["http://api.test/v1"]).unwrap();
    let references = [
        "//evil.test/x",
        "///evil.test/x",
        "/\\evil.test/x",
        "\\\\evil.test",
        "\\evil.test",
        "http://evil.test/",
        "http:evil.test",
        "https://evil.test/",
        "@evil.test/",
        "@evil.test",
        ":pass@evil.test/",
        ".evil.test/",
        "/../../..//evil.test/x",
        "/..//evil.test/x",
        "..//evil.test/x",
        "%2f%2fevil.test",
        "\t//evil.test/x",
        "/\n/evil.test/x",
        "?//evil.test",
        "#@evil.test",
        ":80@evil.test",
        "x/../../../etc",
        "javascript:alert(1)",
    ];
    let base = ::url::Url::parse("http://api.test/v1").unwrap();
    let bare = ::url::Url::parse("http://api.test").unwrap();
    let mut sent = 0;
    for reference in references {
        for base in [&base, &bare] {
            if let Ok(joined) = base.join(reference) {
                let kept = joined.origin() == base.origin();
                let code = code_of(&client, joined.as_str()).await;
                assert_eq!(code.is_none(), kept, "{base} joined {reference}: {joined}, {code:?}");
                let code = client.get(&joined).bearer(&Secret::new("t0ken-value")).send().await.err();
                assert_eq!(code.is_none(), kept, "{base} joined {reference}: {joined}, {code:?}");
                sent += if kept { 2 } else { 0 };
            }
            for appended in [format!("{base}{reference}"), format!("http://api.test{reference}")] {
                sent += usize::from(code_of(&client, &appended).await.is_none());
            }
        }
    }
    let received = upstream.received();
    assert_eq!(received.len(), sent, "what was refused did not arrive");
    assert!(sent > 40, "most references are plain paths below the base");
    for request in received {
        assert_eq!(request.header("host"), Some("api.test"), "{request:?}");
    }
}

#[tokio::test]
async fn watched_secrets_are_known_where_they_stand() {
    let (net, upstream) = network().await;
    let secret = "s3cret/värde&";
    let client = net.client(Policy::strict()).watching([Secret::new(secret), Secret::new("short")]);
    let client = client.scoped(["http://api.test"]).unwrap();
    let url = "http://evil.test/";
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    for request in [
        client.get(url).header("x-a", format!("prefix {secret}")),
        client.get(url).query(&[("a", secret)]),
        client.get(format!("{url}?a={encoded}")),
        client.get(format!("{url}bot{secret}/send")),
        client.post(url).json(&serde_json::json!({ "a": [secret] })),
        client.post(url).form(&[("a", secret)]),
        client.post(url).text(secret),
        client.get(url).header("x-a", BASE64_STANDARD.encode(format!("user:{secret}"))),
        client.get(url).query(&[("a", BASE64_STANDARD.encode(secret))]),
        client.post(url).body(BASE64_STANDARD.encode(secret)),
    ] {
        let error = request.send().await.unwrap_err();
        assert_eq!(error.code(), "scope", "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    assert_eq!(upstream.received().len(), 0);
    assert!(client.get(url).header("x-a", "short").send().await.is_ok());
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let (net, _) = network().await;
    let token = Secret::new("t0ken/v");
    let client = net.client(Policy::strict()).watching([token.clone()]);
    let request = client
        .get("http://api.test/bott0ken%2Fv/send?x=t0ken/v")
        .bearer(&token)
        .secret_query("k", &Secret::new("hush hush"))
        .secret_header("x-y", &Secret::new("hush hush"));
    let shown = format!("{request:?}");
    assert!(!shown.contains("hush") && !shown.contains("Bearer"), "{shown}");
    let response = request.send().await.unwrap();
    assert!(!format!("{response:?}").contains("t0ken"), "{response:?}");
    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.to_string(), "HTTP 404 from GET http://api.test/[redacted]/send");
}

#[tokio::test]
async fn long_secrets_and_those_in_other_spellings_are_known_too() {
    let (net, upstream) = network().await;
    let long: String = (0..20_000_u32).map(|at| char::from(b'a' + u8::try_from(at * at % 25).unwrap())).collect();
    let words = "schlüssel größe";
    let twice: String = words.bytes().map(char::from).collect();
    let redactor = Arc::new(Redactor::new([long.clone(), words.to_owned()]));
    let client = net.client(Policy::strict()).guarding(Arc::clone(&redactor)).scoped(["http://api.test"]).unwrap();
    let url = "http://evil.test/";
    for request in [
        client.post(url).text(format!("key={long}")),
        client.post(url).text(BASE64_STANDARD.encode(format!("user:{long}"))),
        client.post(url).text(&twice),
        client.get(url).query(&[("q", &twice)]),
        client.get(url).query(&[(words, "q")]),
        client.get(format!("{url}bot/{}/send", BASE64_STANDARD.encode(words).replace('=', ""))),
    ] {
        let error = request.send().await.unwrap_err();
        assert_eq!(error.code(), "scope", "{error}");
        assert!(!error.to_string().contains("c2NobM"), "{error}");
    }
    assert_eq!(upstream.received().len(), 0);
    // A client that learns more keeps what it knew, and shares it.
    let more = client.watching([Secret::new("another secret")]);
    for text in [words, "another secret"] {
        assert_eq!(more.post(url).text(text).send().await.unwrap_err().code(), "scope", "{text}");
    }
    assert!(client.post(url).text("another secret").send().await.is_ok());
    assert_eq!(Arc::strong_count(&redactor), 3, "one structure serves the redactor and both clients");
}
