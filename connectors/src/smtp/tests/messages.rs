use connector_runtime::prelude::*;
use connector_runtime::testing;

use crate::smtp::Smtp;
use crate::smtp::message::{Mail, Parts};

fn parts() -> Parts {
    Parts {
        from: Some("Floh <floh@example.com>".to_owned()),
        to: vec!["ada@example.com".to_owned()],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        subject: "Hello".to_owned(),
        text: Some("Hello".to_owned()),
        html: None,
        attachments: Vec::new(),
        headers: Map::new(),
        message_id: None,
    }
}

fn text(mail: &Mail) -> String {
    String::from_utf8(mail.content.clone()).unwrap()
}

fn refusal(parts: Parts) -> (Value, String) {
    let fail = parts.build(None, None).unwrap_err();
    (fail.diagnostics["code"].clone(), fail.error)
}

#[test]
fn nothing_begins_another_header_or_another_command() {
    for bad in ["a\r\nBcc: x@evil.test", "a\nX: y", "a\rb", "a\0b"] {
        let with = |name: &str| format!("{name}{bad}");
        let address = format!("ada@example.com{bad}");
        for (parts, place) in [
            (Parts { subject: with("s"), ..parts() }, "subject"),
            (Parts { from: Some(address.clone()), ..parts() }, "from"),
            (Parts { to: vec![address.clone()], ..parts() }, "to/0"),
            (Parts { cc: vec![address.clone()], ..parts() }, "cc/0"),
            (Parts { bcc: vec![address.clone()], ..parts() }, "bcc/0"),
            (Parts { reply_to: Some(address.clone()), ..parts() }, "replyTo"),
            (Parts { headers: Map::from_iter([("X-A".to_owned(), json!(bad))]), ..parts() }, "headers/X-A"),
            (Parts { headers: Map::from_iter([(with("X"), json!("a"))]), ..parts() }, "headers/X"),
            (Parts { message_id: Some(format!("a@b{bad}")), ..parts() }, "messageId"),
        ] {
            let (code, error) = refusal(parts);
            assert!(code == "invalid" && error.contains(place), "{bad:?}: {error}");
        }
    }
    for address in [
        "",
        "ada",
        "ada@",
        "@x",
        "a b@x.test",
        "<ada@x.test",
        "a@x.test, b@x.test",
        "\"a b\"@x.test",
        "a@x.test> SIZE=1",
    ] {
        let (code, error) = refusal(Parts { to: vec![address.to_owned()], ..parts() });
        assert!(code == "invalid" && error.starts_with("to/0 is no address"), "{address}: {error}");
    }
    for name in ["Bcc", "from", "MIME-Version", "Content-Type", "Message-ID", "a:b", "a b", "", "ä"] {
        let headers = Map::from_iter([(name.to_owned(), json!("x"))]);
        assert_eq!(refusal(Parts { headers, ..parts() }).0, "invalid", "{name}");
    }
}

#[test]
fn bounds_are_numbers_that_are_told() {
    let many = (0..101).map(|at| format!("a{at}@example.com")).collect();
    assert!(refusal(Parts { to: many, ..parts() }).1.contains("at most 100 recipients"));
    assert!(refusal(Parts { text: Some("x".repeat((5 << 20) + 1)), ..parts() }).1.contains("more than 5 MiB"));
    let headers = (0..51).map(|at| (format!("X-{at}"), json!("x"))).collect();
    assert!(refusal(Parts { headers, ..parts() }).1.contains("at most 50"));
    assert!(refusal(Parts { to: Vec::new(), ..parts() }).1.contains("Nobody gets it"));
    assert!(refusal(Parts { from: None, ..parts() }).1.contains("Nobody sends"));
}

#[test]
fn who_gets_a_hidden_copy_stands_in_no_header() {
    let mail = Parts { bcc: vec!["hidden@example.com".to_owned(), "ada@example.com".to_owned()], ..parts() };
    let mail = mail.build(None, None).unwrap();
    assert!(!text(&mail).contains("hidden"), "{}", text(&mail));
    let recipients: Vec<String> = mail.envelope.to().iter().map(ToString::to_string).collect();
    assert_eq!(recipients, ["ada@example.com", "hidden@example.com"], "each once");
}

#[test]
fn the_id_of_a_mail_goes_by_the_key_of_its_call() {
    let id = |key: Option<&str>, given: Option<&str>| {
        let parts = Parts { message_id: given.map(str::to_owned), ..parts() };
        parts.build(None, key).unwrap().message_id
    };
    assert_eq!(id(Some("secret key \r\n"), None), id(Some("secret key \r\n"), None));
    assert_ne!(id(Some("a"), None), id(Some("b"), None));
    assert_ne!(id(None, None), id(None, None));
    assert!(!id(Some("secret"), None).contains("secret"));
    assert_eq!(id(Some("a"), Some("order-7@example.com")), "<order-7@example.com>");
    assert_eq!(id(None, Some("<order-7@example.com>")), "<order-7@example.com>");
    for wrong in ["order", "@x", "a@", "a b@x", "<a>@x"] {
        assert!(refusal(Parts { message_id: Some(wrong.to_owned()), ..parts() }).1.contains("messageId"), "{wrong}");
    }
    let mail = parts().build(Some("Other <other@example.org>"), None).unwrap();
    assert!(text(&mail).contains("From: Floh <floh@example.com>\r\n") && text(&mail).contains("\r\nDate: "));
}

#[tokio::test]
async fn files_are_checked_before_anything_is_dialled() {
    let send = |attachments: Value| {
        testing::call::<Smtp>("send")
            .config("host", "127.0.0.1")
            .config("from", "floh@example.com")
            .param("to", ["ada@example.com"])
            .param("subject", "x")
            .param("attachments", attachments)
    };
    let big = "QUFB".repeat(3 * (1 << 20));
    for (attachment, text) in [
        (json!({ "name": "a", "base64": "!" }), "attachments/0/base64 is no base64"),
        (json!({ "name": "a", "base64": "", "contentType": "x" }), "attachments/0/contentType is no media type"),
        (json!({ "name": "a\r\nX: y", "base64": "" }), "attachments/0/name may hold no line break"),
        (json!({ "name": "a", "base64": big }), "at most 10 MiB together"),
    ] {
        let result = send(json!([attachment, { "name": "b", "base64": big }])).run().await;
        let error = result.error.unwrap();
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn what_the_connection_lacks_is_said_before_anything_is_dialled() {
    let test = || testing::call::<Smtp>("test").config("host", "127.0.0.1");
    for (call, text) in [
        (test().config("username", "ada"), "username needs a password or a tokenUrl"),
        (test().config("password", "canary-password"), "needs a username"),
        (
            test().config("username", "a").config("password", "canary-password").config("tokenUrl", "https://a.test"),
            "not both",
        ),
        (test().config("helloName", "a b"), "helloName"),
        (test().config("port", 80), "its host is a loopback address"),
    ] {
        let result = call.run().await;
        let error = result.error.unwrap();
        assert!(error.contains(text), "{error}");
    }
}
