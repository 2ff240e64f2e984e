//! The tokens of a connection: how they are asked for, how often, and where credentials go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use crate::oauth::{AuthorizedError, ClientAuthentication, ClientCredentials, JwtBearer, TokenError, TokenSource};
use crate::redact::RuntimeSecret;
use crate::testing::{Net, PUBLIC, Received, Upstream, answer};
use crate::{Client, Policy, Secret};

fn credentials() -> ClientCredentials {
    ClientCredentials {
        token_url: "http://api.test/token".to_owned(),
        client_id: "app one".to_owned(),
        client_secret: Secret::new("canary-secret-1"),
        scopes: vec!["read".to_owned(), "write".to_owned()],
        audience: String::new(),
        resource: "https://api.test/".to_owned(),
        authentication: None,
    }
}

/// A key that was made for these tests and opens nothing: no crate here makes RSA keys.
const KEY: &str = include_str!("made_for_tests.pem");

fn form(received: &Received) -> Vec<(String, String)> {
    serde_urlencoded::from_bytes(&received.body).unwrap()
}

/// A service whose tokens are numbered; an API call with a token below `valid` is rejected.
struct Service {
    upstream: Upstream,
    client: Client,
    valid: Arc<AtomicUsize>,
}

impl Service {
    async fn start() -> Self {
        let (issued, valid) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let least = Arc::clone(&valid);
        let upstream = Upstream::start(move |received| {
            if received.line().starts_with("POST /token") {
                let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
                let body = format!(r#"{{"access_token":"token-number-{number}","expires_in":3600}}"#);
                return answer("200 OK", "", &body);
            }
            let number = received.header("authorization").and_then(|value| value.rsplit('-').next()?.parse().ok());
            match number {
                Some(number) if least.load(Ordering::SeqCst) <= number => answer("200 OK", "", "fine"),
                _ => answer("401 Unauthorized", "", ""),
            }
        })
        .await;
        let net = Net::default();
        net.host("api.test", &[PUBLIC]).host("evil.test", &[PUBLIC]).route_all(upstream.address);
        let client = net.client(Policy::strict()).scoped(["http://api.test"]).unwrap();
        Self { upstream, client, valid }
    }

    fn token_requests(&self) -> Vec<Received> {
        self.upstream.received().into_iter().filter(|one| one.line().starts_with("POST /token")).collect()
    }
}

#[tokio::test]
async fn one_token_serves_all_calls_and_is_told() {
    let service = Service::start().await;
    let learned = Arc::new(Mutex::new(Vec::<String>::new()));
    let told = Arc::clone(&learned);
    let learn = move |secret: RuntimeSecret| told.lock().unwrap().push(secret.secret().expose().to_owned());
    let api = service.client.authorized(credentials(), learn);
    let sends = (0..8).map(|_| api.send(api.client().get("http://api.test/users")));
    for sent in futures_util::future::join_all(sends).await {
        assert_eq!(sent.unwrap().text(), "fine");
    }
    let asked = service.token_requests();
    assert_eq!(asked.len(), 1);
    let expected = [("grant_type", "client_credentials"), ("scope", "read write"), ("resource", "https://api.test/")];
    assert_eq!(form(&asked[0]), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(asked[0].header("authorization"), Some("Basic YXBwJTIwb25lOmNhbmFyeS1zZWNyZXQtMQ=="));
    assert_eq!(learned.lock().unwrap()[..], vec!["token-number-1".to_owned(); 8]);
    // Another connection has its own.
    let other = service.client.with_own_limits().authorized(credentials(), |_| {});
    assert_eq!(other.token().await.unwrap().secret().expose(), "token-number-2");
}

#[tokio::test]
async fn a_rejected_token_is_renewed_once_for_all_and_only_once_a_call() {
    let service = Service::start().await;
    let api = service.client.authorized(credentials(), |_| {});
    assert!(api.send(api.client().get("http://api.test/a")).await.unwrap().is_success());
    service.valid.store(2, Ordering::SeqCst);
    let sends = (0..5).map(|_| api.send(api.client().post("http://api.test/b").text("x")));
    for sent in futures_util::future::join_all(sends).await {
        assert_eq!(sent.unwrap().status(), 200);
    }
    assert_eq!(service.token_requests().len(), 2);
    service.valid.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(api.send(api.client().get("http://api.test/c")).await.unwrap().status(), 401);
    assert_eq!(service.token_requests().len(), 3);
}

#[tokio::test]
async fn credentials_and_tokens_go_where_the_connection_says_alone() {
    let service = Service::start().await;
    let stray = ClientCredentials { token_url: "http://evil.test/token".to_owned(), ..credentials() };
    let error = service.client.authorized(stray, |_| {}).token().await.unwrap_err();
    assert!(matches!(&error, TokenError::Egress(error) if error.code() == "scope"), "{error}");
    let api = service.client.authorized(credentials(), |_| {});
    let error = api.send(api.client().get("http://evil.test/users")).await.unwrap_err();
    assert!(matches!(&error, AuthorizedError::Egress(error) if error.code() == "scope"), "{error}");
    assert!(service.upstream.received().iter().all(|one| one.header("host") == Some("api.test")));
}

/// A field that says where tokens are fetched lets the client's credentials go there, and nothing else.
#[tokio::test]
async fn a_field_says_where_tokens_are_fetched() {
    let service = Service::start().await;
    let mut schema = connector_schema::ConfigSchema::default();
    let mut values = serde_json::Map::new();
    for (name, value) in
        [("baseUrl", "http://evil.test/"), ("tokenUrl", "http://api.test/token"), ("other", "http://c.test/")]
    {
        schema.connection.insert(name.to_owned(), connector_schema::Field::new(connector_schema::FieldKind::String));
        values.insert(name.to_owned(), value.into());
    }
    let client =
        service.client.for_connection(crate::EgressScope::Fields(&["baseUrl"]), &schema, &values, &Arc::default());
    let api = client.authorized(credentials(), |_| {});
    assert_eq!(api.token().await.unwrap().secret().expose(), "token-number-1");
    let error = api.send(api.client().get("http://api.test/users")).await.unwrap_err();
    assert!(matches!(&error, AuthorizedError::Egress(error) if error.code() == "scope"), "{error}");
    assert!(api.send(api.client().get("http://evil.test/users")).await.is_ok());
    let stray = ClientCredentials { token_url: "http://c.test/token".to_owned(), ..credentials() };
    let error = client.authorized(stray, |_| {}).token().await.unwrap_err();
    assert!(matches!(&error, TokenError::Egress(error) if error.code() == "scope"), "{error}");
}

#[tokio::test]
async fn pages_get_a_token_that_is_valid_then() {
    let issued = AtomicUsize::new(0);
    let upstream = Upstream::start(move |received| {
        if received.line().starts_with("POST /token") {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            let body = format!(r#"{{"access_token":"token-number-{number}","expires_in":3600}}"#);
            return answer("200 OK", "", &body);
        }
        let token = received.header("authorization").unwrap_or_default();
        match (received.line().contains("cursor=2"), token) {
            (false, "Bearer token-number-1") => answer("200 OK", "", r#"{"items":[1,2],"next":"2"}"#),
            // It expired meanwhile.
            (true, "Bearer token-number-2") => answer("200 OK", "", r#"{"items":[3],"next":null}"#),
            _ => answer("401 Unauthorized", "", ""),
        }
    })
    .await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).route_all(upstream.address);
    let api = net.client(Policy::strict()).authorized(credentials(), |_| {});
    let pages =
        api.client().get("http://api.test/items").pages(crate::Paging::cursor("/next", "cursor")).authorized(&api);
    let items: Vec<u64> = pages.collect_items("/items", 10).await.unwrap();
    assert_eq!(items, [1, 2, 3]);
    assert_eq!(upstream.received().len(), 5);
}

#[tokio::test]
async fn a_refusal_is_told_without_the_secret() {
    let upstream = Upstream::start(|_| {
        let body = r#"{"error":"invalid_client","error_description":"canary-secret-1 is wrong"}"#;
        answer("401 Unauthorized", "", body)
    })
    .await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    let error = client.authorized(credentials(), |_| {}).token().await.unwrap_err();
    let TokenError::Refused { why, status: 401, code: Some(code) } = &error else { panic!("{error:?}") };
    assert_eq!(code, "invalid_client");
    assert_eq!(why, "http://api.test/token answered 401: invalid_client: [redacted] is wrong");
    // In the header first, then in the body; and where it is said how, there alone.
    assert_eq!(upstream.received().len(), 2);
    let known = ClientCredentials { authentication: Some(ClientAuthentication::Body), ..credentials() };
    assert!(client.authorized(known, |_| {}).token().await.is_err());
    assert_eq!(upstream.received().len(), 3);
    let last = form(&upstream.received()[2]);
    assert!(last.contains(&("client_secret".to_owned(), "canary-secret-1".to_owned())), "{last:?}");
    let empty = ClientCredentials { client_secret: Secret::new(""), ..credentials() };
    let error = client.authorized(empty, |_| {}).token().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot ask for an access token: the client's id and secret are needed");
}

#[tokio::test]
async fn an_assertion_says_who_asks_and_is_signed_with_the_key() {
    let key = Secret::new(KEY);
    let service = Service::start().await;
    let bearer = JwtBearer {
        token_url: "http://api.test/token".to_owned(),
        issuer: "robot@example.org".to_owned(),
        subject: "admin@example.org".to_owned(),
        scopes: vec!["a".to_owned(), "b".to_owned()],
        audience: String::new(),
        key_id: "k1".to_owned(),
        key: key.clone(),
    };
    let debug = format!("{bearer:?} {:?}", TokenSource::from(bearer.clone()));
    assert!(!debug.contains("PRIVATE"), "{debug}");
    assert_eq!(service.client.authorized(bearer, |_| {}).token().await.unwrap().secret().expose(), "token-number-1");
    let form = form(&service.token_requests()[0]);
    assert_eq!(form.len(), 2, "{form:?}");
    assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let parts: Vec<&str> = form[1].1.split('.').collect();
    let part = |at: usize| BASE64_URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
    let read = |at: usize| serde_json::from_slice::<Value>(&part(at)).unwrap();
    assert_eq!(read(0), serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let claims = read(1);
    assert_eq!(
        (claims["iss"].as_str(), claims["sub"].as_str()),
        (Some("robot@example.org"), Some("admin@example.org"))
    );
    assert_eq!((claims["aud"].as_str(), claims["scope"].as_str()), (Some("http://api.test/token"), Some("a b")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let der = PrivatePkcs8KeyDer::from_pem_slice(key.expose().as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
    let signed = format!("{}.{}", parts[0], parts[1]);
    public.verify(signed.as_bytes(), &part(2)).unwrap();
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_without_a_part_of_it() {
    let client = Net::default().client(Policy::strict());
    for (key, why) in [
        ("canary", "it is not PEM of PKCS#8"),
        ("-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----", "it is PKCS#1; convert it"),
        ("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----", "it is no RSA key of 2048 bits"),
    ] {
        let bearer = JwtBearer {
            token_url: "http://api.test/token".to_owned(),
            issuer: "robot".to_owned(),
            subject: String::new(),
            scopes: Vec::new(),
            audience: String::new(),
            key_id: String::new(),
            key: Secret::new(key),
        };
        let error = client.authorized(bearer, |_| {}).token().await.unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains("anary"), "{error}");
    }
}
