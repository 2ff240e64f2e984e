//! Mails as they arrive, and what is refused.

use connector_runtime::egress::{Client, Policy};
use connector_runtime::testing::{self, Answer, TestCall, Upstream};
use connectors::smtp::Smtp;
use serde_json::{Value, json};

use crate::server::{KINDS, Kind, Server};

fn call(server: &Server, command: &str, security: &str) -> TestCall {
    testing::call::<Smtp>(command)
        .config("host", "127.0.0.1")
        .config("port", server.port())
        .config("security", security)
        .config("caCertificate", server.authority())
        .config("from", "Floh <floh@example.com>")
        .http(Client::new(Policy::parse(&[format!("127.0.0.1:{}", server.port())], &[]).unwrap()))
}

fn signed_in(server: &Server, command: &str, security: &str) -> TestCall {
    call(server, command, security).config("username", "ada").config("password", "canary-password")
}

async fn failure(call: TestCall) -> (Value, String) {
    let result = call.run().await;
    assert!(!result.success && !format!("{result:?}").contains("canary"), "{result:?}");
    (result.diagnostics.unwrap(), result.error.unwrap())
}

#[tokio::test]
async fn the_steps_of_the_dialogue_are_told_apart() {
    for kind in KINDS {
        for security in ["starttls", "tls"] {
            let Some(server) = Server::start(kind, security).await else { return };
            let told = signed_in(&server, "test", security).run().await.payload.unwrap();
            assert_eq!((&told["tls"], &told["signedIn"]), (&json!(true), &json!(true)), "{kind:?} {security}");
            let (told, error) = failure(signed_in(&server, "test", security).config("password", "canary-wrong")).await;
            assert_eq!((&told["code"], &told["step"]), (&json!("unauthenticated"), &json!("signIn")), "{error}");
            let (told, error) = failure(call(&server, "test", security).config("caCertificate", "x")).await;
            assert_eq!((&told["step"], error.contains("caCertificate")), (&json!("tls"), true));
            let other = if security == "tls" { "starttls" } else { "tls" };
            let (told, _) = failure(call(&server, "test", other).config("timeoutSecs", 1)).await;
            assert!(["dial", "tls", "greeting"].contains(&told["step"].as_str().unwrap()), "{told}");
        }
        let Some(plain) = Server::start(kind, "none").await else { return };
        let (told, error) = failure(call(&plain, "test", "starttls")).await;
        assert_eq!((&told["code"], &told["step"]), (&json!("unsupported"), &json!("tls")), "{error}");
        assert!(error.contains("does not offer STARTTLS"), "{error}");
        let (told, _) = failure(signed_in(&plain, "test", "none")).await;
        assert_eq!(told["code"], "policy");
        assert_eq!(call(&plain, "test", "none").run().await.payload.unwrap()["tls"], false);
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_given() {
    for kind in KINDS {
        let Some(server) = Server::start(kind, "starttls").await else { return };
        let long = "x".repeat(3_000);
        let text = format!(".begins with a dot\r\n..two\n.\nÜmläut {long}\n");
        let mail = signed_in(&server, "send", "starttls")
            .param("to", ["Ada Lovelace <ada@example.com>", "\"Bob, the 2nd\" <bob@example.com>"])
            .param("cc", ["cy@example.com"])
            .param("bcc", ["secret@example.com", "ada@example.com"])
            .param("replyTo", "desk@example.com")
            .param("subject", "Grüße aus Köln ☀ and a subject that is longer than one line of a header may be, by far")
            .param("text", &text)
            .param("html", "<p>Hello</p>")
            .param(
                "attachments",
                json!([{ "name": "räport.csv", "contentType": "text/csv", "base64": "YSxiCjEsMgo=" }]),
            )
            .param("headers", json!({ "X-Ticket": "T-1 ä" }))
            .idempotency_key("run-1/step-2");
        let result = mail.run().await;
        let sent = result.payload.clone().unwrap_or_else(|| panic!("{result:?}"));
        let accepted = ["ada@example.com", "bob@example.com", "cy@example.com", "secret@example.com"];
        assert_eq!((&sent["accepted"], &sent["rejected"]), (&json!(accepted), &json!([])), "{kind:?}");
        assert!(sent["response"].as_str().unwrap().contains("queued as 1"));
        let came = server.mails(1).await.remove(0);
        assert_eq!((&came["sender"], &came["recipients"]), (&json!("floh@example.com"), &json!(accepted)));
        let read = parsed(came["content"].as_str().unwrap());
        assert_eq!(
            read["subject"],
            "Grüße aus Köln ☀ and a subject that is longer than one line of a header may be, by far"
        );
        assert_eq!(read["to"], "Ada Lovelace <ada@example.com>, \"Bob, the 2nd\" <bob@example.com>");
        assert_eq!(
            (&read["cc"], &read["bcc"], &read["replyTo"]),
            (&json!("cy@example.com"), &Value::Null, &json!("desk@example.com"))
        );
        assert_eq!((&read["ticket"], &read["id"]), (&json!("T-1 ä"), &sent["messageId"]));
        assert_eq!(read["text"].as_str().unwrap().replace("\r\n", "\n"), text.replace("\r\n", "\n"));
        assert_eq!(read["html"].as_str().unwrap().trim_end(), "<p>Hello</p>");
        assert_eq!(read["files"], json!([["räport.csv", "text/csv", "YSxiCjEsMgo="]]));
        let lines = came["content"].as_str().unwrap().split("\r\n");
        assert!(lines.map(str::len).max().unwrap() <= 998);
        // A repetition has the same id; another call has another.
        let again = signed_in(&server, "send", "starttls").param("to", ["ada@example.com"]).param("subject", "x");
        let again = again.idempotency_key("run-1/step-2").run().await.payload.unwrap();
        assert_eq!(again["messageId"], sent["messageId"]);
        let other = signed_in(&server, "send", "starttls").param("to", ["ada@example.com"]).param("subject", "x");
        assert_ne!(other.run().await.payload.unwrap()["messageId"], sent["messageId"]);
    }
}

/// Reads a mail with a parser that nobody here wrote: Python's.
fn parsed(content: &str) -> Value {
    const READ: &str = r#"
import base64, email, email.policy, json, sys
mail = email.message_from_bytes(open(sys.argv[1], "rb").read(), policy=email.policy.default)
part = lambda kind: (mail.get_body((kind,)) or None)
text, html = part("plain"), part("html")
print(json.dumps({
    "subject": mail["subject"], "to": mail["to"], "cc": mail["cc"], "bcc": mail["bcc"], "replyTo": mail["reply-to"],
    "ticket": mail["x-ticket"], "id": mail["message-id"],
    "text": text and text.get_content(), "html": html and html.get_content(),
    "files": [[a.get_filename(), a.get_content_type(), base64.b64encode(a.get_payload(decode=True)).decode()]
              for a in mail.iter_attachments()],
}))
"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let read = std::process::Command::new("python3").args(["-c", READ]).arg(file.path()).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

#[tokio::test]
async fn each_recipient_is_told() {
    for kind in KINDS {
        let Some(server) = Server::start(kind, "tls").await else { return };
        let send = |to: Value, subject: &str| {
            signed_in(&server, "send", "tls").param("to", to).param("subject", subject).param("text", "x")
        };
        let some = send(json!(["ada@example.com", "nobody@example.com", "later@example.com"]), "x")
            .run()
            .await
            .payload
            .unwrap();
        assert_eq!(some["accepted"], json!(["ada@example.com"]));
        let told: Vec<_> = some["rejected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["address"].clone(), one["code"].clone(), one["systemCode"].clone()))
            .collect();
        assert_eq!(
            told,
            [
                (json!("nobody@example.com"), json!("invalid"), json!(550)),
                (json!("later@example.com"), json!("unavailable"), json!(451)),
            ]
        );
        let (told, _) = failure(send(json!(["nobody@example.com"]), "x")).await;
        assert_eq!((&told["code"], &told["step"]), (&json!("invalid"), &json!("recipients")));
        assert_eq!(told["outcome"], Value::Null, "nothing was sent");
        assert_eq!(failure(send(json!(["later@example.com"]), "x")).await.0["code"], "unavailable");
        let (told, error) = failure(send(json!(["ada@example.com"]), "refuse me")).await;
        assert_eq!(
            (&told["code"], &told["systemCode"], &told["outcome"]),
            (&json!("invalid"), &json!(554), &Value::Null),
            "{error}"
        );
        assert_eq!(server.mails(1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_mail_whose_end_was_not_answered_may_have_been_sent() {
    let Some(server) = Server::start(Kind::Aiosmtpd, "starttls").await else { return };
    let send = signed_in(&server, "send", "starttls").param("to", ["ada@example.com"]).param("subject", "hang up");
    let (told, error) = failure(send).await;
    assert_eq!(
        (&told["code"], &told["outcome"], &told["step"]),
        (&json!("outcomeUnknown"), &json!("unknown"), &json!("content")),
        "{error}"
    );
    assert!(told["messageId"].as_str().unwrap().ends_with("@example.com>"));
}

#[tokio::test]
async fn letters_beyond_ascii_go_where_they_are_taken() {
    for kind in KINDS {
        let Some(server) = Server::start(kind, "tls").await else { return };
        let send = signed_in(&server, "send", "tls")
            .param("to", ["jürgen@example.com"])
            .param("subject", "x")
            .param("text", "y");
        let result = send.run().await;
        if result.success {
            let came = server.mails(1).await.remove(0);
            assert_eq!(
                (&came["recipients"], &came["utf8"]),
                (&json!(["jürgen@example.com"]), &json!(true)),
                "{kind:?}"
            );
        } else {
            assert_eq!(result.diagnostics.unwrap()["code"], "unsupported", "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_token_signs_in_where_a_password_does_not() {
    for kind in KINDS {
        let Some(server) = Server::start(kind, "starttls").await else { return };
        let tokens = Upstream::start().await;
        tokens.on("POST /token", Answer::json(json!({ "access_token": "token-number-1", "expires_in": 3600 })));
        let places = [format!("127.0.0.1:{}", server.port()), tokens.address().to_string()];
        let client = Client::new(Policy::parse(&places, &[]).unwrap());
        let by_token = call(&server, "test", "starttls")
            .config("username", "ada")
            .config("tokenUrl", format!("{}/token", tokens.url()))
            .config("clientId", "client")
            .config("clientSecret", "canary-client-secret")
            .http(client);
        let result = by_token.run().await;
        assert!(result.success, "{kind:?}: {result:?}");
        assert_eq!(tokens.only().form().len(), 1);
    }
}
