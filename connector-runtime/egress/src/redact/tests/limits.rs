//! What secrets cost: memory, time, and what happens where they cannot be searched for.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_schema::MAX_SECRET_BYTES;

use super::super::search::{Scanned, Search, Work};
use super::super::{MASK, Redactor, RuntimeSecret};
use crate::Secret;

/// A text without pattern.
fn noise(bytes: usize, alphabet: &[u8]) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = u64::try_from(alphabet.len()).unwrap();
    (0..bytes).map(|_| char::from(alphabet[usize::try_from(next() % length).unwrap()])).collect()
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A service account's key file, as it is often pasted as one secret.
fn key_file() -> String {
    let mut lines = String::new();
    for line in noise(1720, BASE64).as_bytes().chunks(64) {
        writeln!(lines, "{}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    let key = format!("-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n");
    let id = noise(40, b"0123456789abcdef");
    let file = serde_json::json!({ "type": "service_account", "project_id": "floh-test", "private_key_id": id,
        "private_key": key, "client_email": "floh@floh-test.iam.gserviceaccount.com", "client_id": "112233445566778899001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs", "universe_domain": "googleapis.com" });
    serde_json::to_string_pretty(&file).unwrap()
}

fn held(secrets: &[Secret]) -> usize {
    let texts: usize = secrets.iter().map(|secret| size_of::<Secret>() + secret.expose().len()).sum();
    texts + Search::new(secrets).held_bytes()
}

#[test]
fn a_long_secret_costs_four_bytes_a_byte_at_most() {
    for bytes in [4 * 1024, MAX_SECRET_BYTES] {
        for text in [noise(bytes, BASE64), "a".repeat(bytes), "ü\"/ ".repeat(bytes / 5), noise(bytes, b"-_/+=%\" \\\n")]
        {
            let secret = Secret::new(text);
            let (length, held) = (secret.expose().len(), held(&[secret]));
            assert!(held <= 4 * length, "{held} bytes are held for {length}");
        }
    }
}

#[test]
fn a_key_file_costs_a_few_kilobytes() {
    let file = key_file();
    let length = file.len();
    assert!((2_200..2_600).contains(&length), "{length}");
    let held = held(&[Secret::new(file)]);
    assert!(held <= 4 * length, "{held} bytes are held for {length}");
}

/// Ten thousand short secrets in one field must not cost what ten thousand automata would.
#[test]
fn many_short_secrets_cost_less_than_a_kilobyte_each() {
    let secrets: Vec<Secret> = (0..10_000).map(|number| Secret::new(format!("secret number {number:05}!"))).collect();
    let held = held(&secrets) / secrets.len();
    assert!(held <= 1024, "{held} bytes a secret");
}

/// Returns the least time of several tries, because other work on the machine only ever adds to it.
fn least(mut work: impl FnMut()) -> Duration {
    let once = |_| {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    (0..5).map(once).min().unwrap()
}

/// Eight times the work may take 24 times as long, which leaves room for caches; a quadratic search takes 64 times.
fn assert_linear(what: &str, mut work: impl FnMut(usize), start: usize) {
    let (short, long) = (least(|| work(start)), least(|| work(8 * start)));
    let ratio = long.as_secs_f64() / short.as_secs_f64().max(1e-5);
    assert!(ratio < 24.0, "{what}: eight times the bytes took {ratio:.1} times as long ({short:?}, {long:?})");
}

#[test]
fn time_is_linear_in_the_secret_and_in_the_text() {
    assert_linear(
        "a token in a text",
        |bytes| {
            let secret = noise(bytes, BASE64);
            let text = format!("{{\"error\":\"{secret}\"}}").repeat(2);
            assert!(!Redactor::new([secret.clone()]).text(&text).contains(&secret));
        },
        8 * 1024,
    );
    // Every place of the text is the beginning of a match that fails at its end, or a match.
    assert_linear(
        "a near miss at every place",
        |bytes| {
            let redactor = Redactor::new([format!("{}b", "a".repeat(bytes))]);
            assert!(!redactor.finds(&"a".repeat(8 * bytes)));
        },
        4 * 1024,
    );
    assert_linear(
        "a match at every place",
        |bytes| {
            let redactor = Redactor::new(["a".repeat(bytes)]);
            assert_eq!(redactor.text(&"a".repeat(8 * bytes)), MASK);
        },
        4 * 1024,
    );
    // Three secrets have as many anchors as are looked for one by one.
    assert_linear(
        "a rare byte of every anchor at every place",
        |bytes| {
            let redactor = Redactor::new(["aaaaaaaa", "eaaaaaaaa", "iaaaaaaaa"].map(str::to_owned));
            assert_eq!(redactor.text(&"aaaaaaa".repeat(bytes)), MASK);
            assert!(!redactor.finds(&"aaaaaaae".replace("aa", "ae").repeat(bytes)));
        },
        4 * 1024,
    );
    assert_linear(
        "forms that differ at the end",
        |bytes| {
            let redactor = Redactor::new([format!("{}/\"ü %", "ab".repeat(bytes / 2))]);
            assert!(!redactor.finds(&"ab".repeat(4 * bytes)));
        },
        4 * 1024,
    );
}

#[test]
fn a_long_secret_is_found_in_every_form() {
    let secret = key_file();
    let redactor = Redactor::new([secret.clone()]);
    for form in super::oracle::forms(&secret) {
        assert_eq!(redactor.text(&format!("<{form}>")), format!("<{MASK}>"));
    }
}

#[test]
fn what_cannot_be_searched_within_bounds_is_masked_whole() {
    // So many secrets share an anchor that comparing all of them at every place would take minutes.
    let secrets = (0..2_000).map(|number| format!("aaaaaaaa{number:08}"));
    let redactor = Redactor::new(secrets.chain((0..2_000).map(|number| format!("{number}aaaaaaaaaaaa{number}"))));
    let text = "a".repeat(1 << 20);
    let began = Instant::now();
    let shown = redactor.text(&text);
    assert!(shown == MASK || shown == text.as_str(), "a part of it was masked");
    assert!(began.elapsed() < Duration::from_secs(60));
}

/// Many short texts may not cost what one long text may not.
#[test]
fn work_is_bounded_over_all_texts_of_a_value() {
    let redactor = Redactor::new((0..3_000).map(|number| format!("{number:06}-same-middle-{number:06}")));
    let text = "a text with a same-middle in it, longer than any secret";
    let mut value = serde_json::Value::from(vec![text; 3_000]);
    assert_linear(
        "texts with an anchor of many secrets",
        |texts| {
            let mut value = serde_json::Value::from(vec![text; texts]);
            redactor.value(&mut value);
        },
        200,
    );
    redactor.value(&mut value);
    assert!(value.as_array().unwrap().iter().all(|shown| shown == MASK || shown == text));
}

/// A hit in the middle of many long secrets that are alike there must not write all forms of all of them.
#[test]
fn a_scan_holds_a_bounded_number_of_bytes() {
    let half = MAX_SECRET_BYTES / 2;
    let secrets =
        (0..64).map(|number| format!("{}{number:02}%/\"{}same-middle", noise(half, BASE64), noise(half - 64, BASE64)));
    let text = secrets.clone().next_back().unwrap().replace("63%", "64%").repeat(4);
    let shown = Redactor::new(secrets).text(&text).into_owned();
    assert!(shown == text || shown == MASK);
}

#[test]
fn a_search_that_cannot_be_built_hides_everything() {
    let secrets = [Secret::new("hunter2")];
    let mut found = |_: &Secret, _| false;
    assert_eq!(Search::Closed.scan(&secrets, b"anything", &mut Work::new(), &mut found), Scanned::Closed);
}

#[tokio::test]
async fn until_a_search_is_built_everything_is_masked() {
    let redactor = Arc::new(Redactor::new([noise(MAX_SECRET_BYTES, BASE64)]));
    redactor.build(tokio::time::Instant::now()).await;
    // Either the thread was quick enough, or nothing is shown.
    let shown = redactor.text("nothing secret");
    assert!(shown == MASK || shown == "nothing secret", "{shown}");
    let redactor = Arc::new(Redactor::new([noise(MAX_SECRET_BYTES, BASE64)]));
    redactor.build(tokio::time::Instant::now() + Duration::from_secs(600)).await;
    assert_eq!(redactor.text("nothing secret"), "nothing secret");
    let closed = Redactor::new(["hunter2".to_owned()]);
    closed.is_closed.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(closed.text("nothing secret"), MASK);
    assert!(closed.finds("nothing secret") && closed.is_closed());
    assert_eq!(closed.secrets_in("x").len(), 1);
}

#[test]
fn a_runtime_secret_that_is_too_long_is_refused() {
    assert!(RuntimeSecret::new(Secret::new("x".repeat(MAX_SECRET_BYTES))).is_ok());
    let error = RuntimeSecret::new(Secret::new("x".repeat(MAX_SECRET_BYTES + 1))).unwrap_err();
    assert_eq!(error.to_string(), "it has 65537 bytes, and a secret has at most 65536");
}
