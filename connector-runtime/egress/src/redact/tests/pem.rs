//! Private keys, whatever becomes of their lines.

use std::time::Instant;

use serde_json::json;

use super::super::{MASK, Redactor};

/// Makes a key of `lines` lines; no two of them are alike.
fn key(lines: usize) -> (String, Vec<String>) {
    let line = |index: usize| format!("{index:04}MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgabcdefgh{index:04}==");
    let body: Vec<String> = (0..lines).map(line).collect();
    (format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", body.join("\n")), body)
}

#[test]
fn a_private_key_is_masked_with_its_lines_and_without() {
    let (pem, body) = key(3);
    let redactor = Redactor::new([pem.clone()]);
    let shown = |text: &str| redactor.text(text).into_owned();
    let joined = body.concat();
    for text in [
        pem.clone(),
        pem.trim().to_owned(),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', " "),
        pem.replace('\n', ""),
        pem.replace('\n', "\\n"),
        json!(pem).to_string(),
        joined.clone(),
        joined.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        body[1].clone(),
        format!("bad key at line 2: {}", body[1]),
    ] {
        let masked = shown(&text);
        assert!(masked.contains(MASK), "{text}: {masked}");
        for line in &body {
            assert!(!masked.contains(line.trim_end_matches('=')), "{text}: {masked}");
        }
    }
}

#[test]
fn what_is_no_private_key_is_one_secret() {
    let certificate = key(2).0.replace("PRIVATE KEY", "CERTIFICATE");
    let line = certificate.lines().nth(1).unwrap().to_owned();
    assert_eq!(Redactor::new([certificate]).text(&line), line);
    let words = "correct horse battery staple\nanother line of a pass phrase";
    assert_eq!(
        Redactor::new([words.to_owned()]).text("another line of a pass phrase"),
        "another line of a pass phrase"
    );
    // The frame is in the texts of everybody.
    let frame = "-----BEGIN PRIVATE KEY-----";
    assert_eq!(Redactor::new([key(2).0]).text(frame), frame);
}

#[test]
fn a_key_of_very_many_lines_is_prepared_in_bounded_time() {
    let began = Instant::now();
    let (pem, body) = key(900);
    let redactor = Redactor::new([pem]);
    assert_eq!(redactor.text(&body[0]), MASK);
    assert_eq!(redactor.text(&body.concat()), MASK);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
