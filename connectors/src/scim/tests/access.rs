//! How a connection signs in, and where its secrets go.

use std::sync::Arc;

use connector_runtime::connector::Connector as _;
use connector_runtime::egress::{Client, Policy};
use connector_runtime::redact::Redactor;
use connector_runtime::schema::describe;
use connector_runtime::testing::{self, Answer, Upstream};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::super::*;
use super::fixture::{Service, done, error, failed, page, scim, service};

#[tokio::test]
async fn a_token_goes_as_bearer() {
    let service = Service::usual().await;
    service.on("GET /scim/Users", scim(page(1..=1, Some(1))));
    done(service.call("listUsers")).await;
    let seen = service.upstream.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(&format!("Bearer {}", service.token))));
}

#[tokio::test]
async fn a_user_name_and_a_password_go_as_basic() {
    let service = Service::usual().await;
    service.on("GET /scim/Users", scim(page(1..=1, Some(1))));
    let call =
        service.call("listUsers").config("auth", "basic").config("username", "ada").config("password", "pass-w0rd");
    done(call).await;
    assert_eq!(service.upstream.seen()[0].header("authorization"), Some("Basic YWRhOnBhc3MtdzByZA=="));
}

#[tokio::test]
async fn a_client_fetches_tokens_and_renews_a_refused_one_once() {
    let service = Service::usual().await;
    let tokens = Upstream::start().await;
    for token in ["first-access-token", "second-access-token"] {
        tokens.on("POST /token", Answer::json(json!({ "access_token": token, "expires_in": 3600 })));
    }
    // The token expires in the middle of the list.
    service.upstream.otherwise(|seen| {
        let start: usize = seen.query("startIndex").unwrap().parse().unwrap();
        match seen.header("authorization") {
            Some("Bearer first-access-token") if start == 1 => scim(page(1..=100, Some(150))),
            Some("Bearer second-access-token") => scim(page(start..151, Some(150))),
            _ => error(401, None, "the token has expired"),
        }
    });
    let both = [service.upstream.address().to_string(), tokens.address().to_string()];
    let client = Client::new(Policy::only(&both).unwrap());
    let call = |command: &str| {
        let call = testing::call::<Scim>(command).config("baseUrl", format!("{}/scim/", service.upstream.url()));
        let call = call.config("auth", "client_credentials").config("tokenUrl", format!("{}/token", tokens.url()));
        let call =
            call.config("clientId", "floh").config("clientSecret", "cl1ent-secret").config("scopes", json!(["scim"]));
        call.config("audience", "directory").http(client.clone())
    };
    let list = done(call("listUsers")).await;
    assert_eq!((&list["count"], &list["truncated"]), (&json!(150), &json!(false)));
    assert_eq!(tokens.seen().len(), 2);
    let form = tokens.seen()[0].form();
    for pair in [("grant_type", "client_credentials"), ("scope", "scim"), ("audience", "directory")] {
        assert!(form.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{form:?}");
    }

    let refusing = Upstream::start().await;
    refusing.on("POST /token", Answer::json(json!({ "error": "invalid_client" })).status(401));
    let client = Client::new(Policy::only(&[refusing.address().to_string()]).unwrap());
    let call =
        call("test").config("tokenUrl", format!("{}/token", refusing.url())).config("clientId", "other").http(client);
    let refused = failed(call).await;
    assert_eq!((&refused["code"], &refused["step"]), (&json!("unauthenticated"), &json!("signIn")), "{refused}");
    assert_eq!(refused["tokenError"], "invalid_client");
    assert!(!refused.to_string().contains("cl1ent-secret"));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let service = Service::usual().await;
    for (auth, field) in [("basic", "username"), ("client_credentials", "tokenUrl")] {
        let refused = failed(service.call("listUsers").config("auth", auth)).await;
        assert_eq!(refused["code"], "invalid");
        assert!(refused["error"].as_str().unwrap().contains(field), "{refused}");
    }
    assert!(service.upstream.seen().is_empty());
}

#[tokio::test]
async fn secrets_go_to_the_fields_of_the_connection_alone() {
    let service = Service::usual().await;
    let elsewhere = Upstream::start().await;
    elsewhere.otherwise(|_| scim(json!({ "id": "1" })));
    let place = format!("{}/scim/Users/1", elsewhere.url());
    service.on("POST /scim/Users", Answer::empty(201).header("location", &place));
    service.on("GET /scim/Users/1", scim(json!({ "id": "1", "meta": { "location": place.clone() } })));
    service.on("GET /scim/Users", Answer::empty(302).header("location", &format!("{}/x", elsewhere.url())));
    let both = [service.upstream.address().to_string(), elsewhere.address().to_string()];
    let config = json!({ "baseUrl": format!("{}/scim", service.upstream.url()), "token": service.token });
    let open = Client::new(Policy::only(&both).unwrap());
    let descriptor = Scim::DESCRIPTOR;
    let redactor = Arc::new(Redactor::new([service.token.clone()]));
    let schema = describe(descriptor);
    let client = open.for_connection(descriptor.egress, &schema, config.as_object().unwrap(), &redactor);
    let call = |command: &str| service.call(command).config("baseUrl", &config["baseUrl"]).http(client.clone());
    let made = done(call("createUser").param("userName", "ada")).await;
    assert_eq!((&made["id"], &made["location"]), (&json!("1"), &json!(place)), "it is shown, and not called");
    // A redirect to another origin does not get the token.
    assert!(!call("listUsers").run().await.success);
    assert!(elsewhere.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn the_step_that_failed_is_named() {
    for (answer, step) in [
        (error(401, None, "no"), "signIn"),
        (error(403, None, "no"), "permission"),
        (error(404, None, "no"), "baseUrl"),
        (Answer::text("<html>"), "answer"),
        (scim(json!({ "hello": 1 })), "answer"),
        (Answer::closes(), "answer"),
    ] {
        let service = Service::usual().await;
        service.on("GET /scim/ResourceTypes", scim(json!({ "Resources": [] })));
        service.on("GET /scim/Users", answer);
        let refused = failed(service.call("test")).await;
        let told = refused["step"].as_str().unwrap();
        assert!(told == step || refused["cause"] == "protocol", "{refused}");
    }
    let gone = service().await;
    let address = gone.upstream.address();
    let call = gone.call("test").timeout_ms(2000);
    drop(gone);
    let refused = failed(call).await;
    assert_eq!(refused["step"], "dial", "{address} {refused}");
    let plain = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = plain.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            drop(stream.write_all(b"220 not TLS at all\r\n").await);
        }
    });
    let client = Client::new(Policy::only(&[address.to_string()]).unwrap());
    let call = testing::call::<Scim>("test").config("token", "t").config("baseUrl", format!("https://{address}/scim"));
    let call = call.http(client).timeout_ms(10_000);
    assert_eq!(failed(call).await["step"], "tls");
    answering.abort();
    let refused =
        failed(testing::call::<Scim>("test").config("baseUrl", "http://127.0.0.1:1/").config("token", "t")).await;
    assert_eq!(refused["step"], "policy", "{refused}");
}
