//! Forms of several parts: what leaves, what cannot be smuggled in, and what counts as secret.

use serde_json::json;

use super::requests::local_client;
use crate::Secret;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer, redirect};
use crate::{EgressError, Form, Part, Policy};

/// Writes a form with a boundary that a test knows.
fn write(form: &Form) -> Result<String, EgressError> {
    let written = form.write_with(|| Ok("edge".to_owned()))?;
    assert_eq!(written.content_type, "multipart/form-data; boundary=edge");
    Ok(String::from_utf8(written.body.to_vec()).unwrap())
}

#[test]
fn a_form_reads_as_a_browser_writes_it() {
    let form = Form::new()
        .text("title", "two\nlines")
        .json("meta", &json!({ "a": 1 }))
        .file("document", "naïve \"1\".txt", "hello".as_bytes())
        .part("picture", Part::bytes(vec![b'p']).file_name("p.png").content_type("image/png; q=\"1\""))
        .part("empty", Part::text(""));
    assert_eq!(
        write(&form).unwrap(),
        "--edge\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\ntwo\nlines\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"document\"; filename=\"naïve %221%22.txt\"\r\n\
         Content-Type: application/octet-stream\r\n\r\nhello\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"p.png\"\r\n\
         Content-Type: image/png; q=\"1\"\r\n\r\np\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n\
         --edge--\r\n"
    );
    assert_eq!(write(&Form::new()).unwrap(), "--edge--\r\n");
}

#[test]
fn names_cannot_end_their_line() {
    let evil = "a\"\r\nX: 1\n\r\r\n\r\n--ed";
    let form = Form::new().part(evil, Part::text("v").file_name(evil));
    assert_eq!(
        write(&form).unwrap(),
        "--edge\r\nContent-Disposition: form-data; name=\"a%22%0D%0AX: 1%0D%0A%0D%0A%0D%0A%0D%0A--ed\"; \
         filename=\"a%22%0D%0AX: 1%0A%0D%0D%0A%0D%0A--ed\"\r\n\r\nv\r\n--edge--\r\n"
    );
}

#[test]
fn what_cannot_be_a_part() {
    let mut forms = Vec::new();
    for name in ["a\0b", "\u{7f}", "\u{1b}[0m", "\u{85}"] {
        forms.push(Form::new().text(name, "v"));
        forms.push(Form::new().file("f", name, "v".as_bytes()));
    }
    for content_type in [
        "text/plain\r\nX: 1",
        "text/plain; a=\"\n\"",
        "text/plain\0",
        "text",
        "/plain",
        "text/",
        "te xt/plain",
        " text/plain",
        "text/plain/x",
        "text/plain; a=ü",
        "",
    ] {
        forms.push(Form::new().part("f", Part::text("v").content_type(content_type)));
    }
    forms.push(Form::new().json("j", &std::collections::HashMap::from([((1, 2), 3)])));
    for form in forms {
        let error = write(&form).unwrap_err();
        assert_eq!(error.code(), "request", "{form:?}");
        assert!(!error.to_string().contains("X: 1"), "{error}");
    }
}

#[test]
fn the_boundary_stands_in_no_part() {
    let form = Form::new()
        .text("a", "in a text: first")
        .text("second", "in a name")
        .part("b", Part::bytes(b"\xff third \xff".as_slice()))
        .part("c", Part::text("x").file_name("fourth"))
        .part("d", Part::text("x").content_type("text/fifth"));
    let mut candidates = ["first", "second", "third", "fourth", "fifth", "sixth"].into_iter();
    let written = form.write_with(|| Ok(candidates.next().unwrap().to_owned())).unwrap();
    assert_eq!(written.content_type, "multipart/form-data; boundary=sixth");
    // The real ones are long, and never the same.
    let boundary =
        || form.clone().write().unwrap().content_type.to_str().unwrap().rsplit_once('=').unwrap().1.to_owned();
    let (one, other) = (boundary(), boundary());
    assert_ne!(one, other);
    assert!(one.len() >= 32 && one.len() <= 70, "{one}");
}

#[tokio::test]
async fn a_form_arrives() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let form = Form::new().text("a", "1");
    for request in [
        local_client().post(upstream.url("/")).multipart(form.clone()),
        // A type without the boundary could not be read.
        local_client().post(upstream.url("/")).multipart(form.clone()).header("content-type", "multipart/form-data"),
        local_client().post(upstream.url("/")).header("content-type", "application/json").multipart(form.clone()),
    ] {
        request.send().await.unwrap();
    }
    for received in upstream.received() {
        let boundary = received.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
        let body = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--{boundary}--\r\n");
        assert_eq!(received.body, body.as_bytes());
    }
    let error = local_client().post(upstream.url("/")).multipart(Form::new().text("\0", "")).send().await.unwrap_err();
    assert_eq!(error.code(), "request");
    assert_eq!(upstream.received().len(), 3);
}

#[tokio::test]
async fn a_secret_part_does_not_cross() {
    let upstream = Upstream::start(|request| match request.header("host") {
        Some("a.test") => redirect(307, "http://b.test/"),
        _ => answer("200 OK", "", ""),
    })
    .await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).host("b.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    for form in [
        Form::new().secret("key", &Secret::new("hush")).text("a", "1"),
        Form::new().text("a", "1").part("file", Part::bytes("private key".as_bytes()).sensitive()),
    ] {
        assert!(!format!("{form:?}").contains("hush"), "{form:?}");
        let error = client.post("http://a.test/").multipart(form).send().await.unwrap_err();
        assert_eq!(error.code(), "redirect");
    }
    // Nobody marked it, but the client knows the secret.
    let watching = client.watching([Secret::new("hush hush")]);
    let form = Form::new().text("a", "hush hush");
    assert_eq!(watching.post("http://a.test/").multipart(form).send().await.unwrap_err().code(), "redirect");
    let form = Form::new().text("a", "free to go");
    assert!(watching.post("http://a.test/").multipart(form).send().await.unwrap().is_success());
    assert_eq!(upstream.received().len(), 5);
}
