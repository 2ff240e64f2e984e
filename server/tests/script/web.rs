//! What scripts find beside `floh.http`: `floh.util`, and names of the web platform.

use serde_json::{Value, json};

use super::support::{Call, healthy, pool};

/// Runs expressions, each in its own try; a throw becomes a text with its name and message.
async fn each(expressions: &[&str]) -> Vec<Value> {
    let list: Vec<String> = expressions.iter().map(|one| format!("function () {{ return {one}; }}")).collect();
    let source = format!(
        "function main() {{ var u = floh.util; return [{}].map(function (f) {{ try {{ return f(); }} catch (e) {{ return 'THREW ' + e.name + ': ' + e.message; }} }}); }}",
        list.join(", ")
    );
    match Call::new(&source).value(&pool()).await {
        Value::Array(values) => values,
        other => panic!("{other}"),
    }
}

/// Compares expressions with what they must be; a wanted text that starts with `THREW` may go on.
async fn table(rows: &[(&str, Value)]) {
    let expressions: Vec<&str> = rows.iter().map(|(expression, _)| *expression).collect();
    for (value, (expression, wanted)) in each(&expressions).await.iter().zip(rows) {
        match (value.as_str(), wanted.as_str()) {
            (Some(value), Some(wanted)) if wanted.starts_with("THREW") => {
                assert!(
                    value.starts_with("THREW") && value.contains(wanted.trim_start_matches("THREW ")),
                    "{expression}: {value}"
                );
            }
            _ => assert_eq!(value, wanted, "{expression}"),
        }
    }
}

#[tokio::test]
async fn bytes_go_in_and_out_of_all_of_util() {
    let key = "new Uint8Array([255, 0, 254])";
    table(&[
        ("u.sha256(new Uint8Array([255, 0]))", json!("d6ae15db8ed3d9c04abbe6e9ad87eddc46bcf39da3ea2a9df76b1dcd7b73eb27")),
        (&format!("u.hmacSha256({key}, 'm')"), json!("9ea6b1fe9ba3d4bbbcb3a9fd6b7ea9b7")),
        ("u.base64(new Uint8Array([255, 0]))", json!("/wA=")),
        ("u.base64url(new Uint8Array([255, 0, 62]))", json!("_wA-")),
        ("u.base64url('??>')", json!("Pz8-")),
        ("[...u.base64.decode('/wD+', 'bytes')]", json!([255, 0, 254])),
        ("[...u.base64url.decode('_wD-', 'bytes')]", json!([255, 0, 254])),
        ("[...u.hex.decode('ff00fe', 'bytes')]", json!([255, 0, 254])),
        ("u.hex.decode('6162')", json!("ab")),
        ("u.base64.decode('/wD+')", json!("THREW floh.util.base64.decode(text, \"bytes\")")),
        ("u.base64.decode('a', 'utf8')", json!("THREW text or bytes")),
        ("u.hex(new Uint8Array([1, 255]).buffer)", json!("01ff")),
        ("u.hex(new Uint8Array([9, 1, 255]).subarray(1))", json!("01ff")),
        ("u.hex(new Uint8ClampedArray([7]))", json!("07")),
        ("u.hex(new Uint8Array(0))", json!("")),
        ("u.sha1('abc')", json!("a9993e364706816aba3e25717850c26c9cd0d89d")),
        ("u.sha384('abc', 'base64')", json!("ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn")),
        ("u.sha512('').slice(0, 16)", json!("cf83e1357eefb8bd")),
        ("u.hmacSha1('key', 'The quick brown fox jumps over the lazy dog')", json!("de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9")),
        ("u.hmacSha512('k', 'm', 'bytes').length", json!(64)),
        ("u.hmacSha384('k', 'm', 'base64url').length", json!(64)),
        // The chain of AWS Signature 4.
        (
            "u.hmacSha256(['20260101', 'eu-central-1', 's3', 'aws4_request'].reduce(function (k, p) { return u.hmacSha256(k, p, 'bytes'); }, 'AWS4SECRET'), 'x')",
            json!("CHAIN"),
        ),
        ("u.sha256('a', 'base32')", json!("THREW hex, base64, base64url or bytes")),
        ("u.randomBytes(16).length", json!(16)),
        ("u.randomBytes(4, 'hex').length", json!(8)),
        ("u.randomBytes(65537)", json!("THREW 65536")),
        ("u.randomBytes(-1)", json!("THREW whole number")),
        ("u.randomBytes(1e9)", json!("THREW whole number")),
        ("u.randomBytes('1')", json!("THREW not a text")),
        ("u.uuid().length", json!(36)),
    ]
    .map(|(expression, wanted)| match expression {
        // Computed by another implementation.
        one if one.starts_with("u.hmacSha256(new") => (one, json!(HMAC_OF_BYTES)),
        one if one.contains("AWS4SECRET") => (one, json!(AWS_CHAIN)),
        one if one.starts_with("u.sha256(new") => (one, json!(SHA_OF_BYTES)),
        one => (one, wanted),
    }))
    .await;
}

const SHA_OF_BYTES: &str = "ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f";
const HMAC_OF_BYTES: &str = "ec629f95038df25137f80082f6a22eea16e0ce3d87b751db6dc84f12468df0ae";
const AWS_CHAIN: &str = "401ae2c61158af382ca399328a0bd0939a907c70138e2f0d25c797db4ef94d0b";

#[tokio::test]
async fn what_is_neither_text_nor_bytes_is_refused() {
    for given in [
        "undefined",
        "null",
        "1",
        "{}",
        "[1, 2]",
        "true",
        "function () {}",
        "1n",
        "Symbol()",
        "new Float64Array(2)",
        "new Proxy(new Uint8Array(2), {})",
    ] {
        let calls = [
            "u.sha256(X)",
            "u.hmacSha256(X, 'a')",
            "u.hmacSha1('a', X)",
            "u.base64(X)",
            "u.hex.encode(X)",
            "u.base64url.decode(X)",
        ];
        let calls: Vec<String> = calls.iter().map(|call| call.replace('X', given)).collect();
        let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
        for (value, call) in each(&calls).await.iter().zip(&calls) {
            let text = value.as_str().unwrap_or_default();
            assert!(
                text.starts_with("THREW TypeError: floh.util.") && text.contains("takes a text"),
                "{call}: {value}"
            );
        }
    }
    let detached = "(function () { var a = new Uint8Array(8); a.buffer.transfer(); return u.hex(a); })()";
    let shrunk = "(function () { var b = new ArrayBuffer(8, { maxByteLength: 64 }), a = new Uint8Array(b, 4); b.resize(2); return u.hex(a); })()";
    let grown = "(function () { var b = new ArrayBuffer(2, { maxByteLength: 64 }), a = new Uint8Array(b); b.resize(4); return u.hex(a).length <= 8; })()";
    let large = "u.sha256(new Uint8Array((10 << 20) + 1))";
    table(&[
        (detached, json!("THREW detached")),
        (shrunk, json!("THREW detached")),
        (grown, json!(true)),
        (large, json!("THREW at most 10 MiB")),
    ])
    .await;
}

#[tokio::test]
async fn tokens_are_signed_and_signatures_verified() {
    let keys: Value = serde_json::from_str(include_str!("keys.json")).unwrap();
    let source = r#"function main() {
        var u = floh.util, k = floh.params.keys, out = {};
        function attempt(f) { try { return f(); } catch (e) { return e.message; } }
        ["rsaPkcs8", "rsaPkcs1", "rsaJwk"].forEach(function (name) {
            var s = u.sign("RS256", k[name], "data");
            out[name] = [s === u.sign("RS256", k[name].replace ? k[name].replace(/\n/g, "\\n") : k[name], new TextEncoder().encode("data")), u.verify("RS256", k.rsaPublic, "data", s), u.verify("RS256", k.rsaJwk, "data", u.base64url.decode(s, "bytes")), u.verify("RS256", k.rsaPublic, "other", s)];
        });
        out.known = u.verify("RS256", k.rsaPublic, "data", k.rsaSignature, "base64");
        ["ecPkcs8", "ecSec1", "ecJwk"].forEach(function (name) {
            var s = u.sign("ES256", k[name], "data", "hex");
            out[name] = [s.length, u.verify("ES256", k.ecPublic, "data", s, "hex"), u.verify("ES256", k.ecJwk, "data", s, "hex"), u.verify("ES256", k.ecPublic, "datb", s, "hex")];
        });
        out.asn1 = u.verify("ES256", k.ecPublic, "data", k.ecSignature, "base64");
        out.nonsense = [u.verify("RS256", k.rsaPublic, "data", "%%"), u.verify("ES256", k.ecPublic, "data", "")];
        out.wrong = [
            attempt(function () { return u.sign("HS256", "k", "d"); }),
            attempt(function () { return u.sign("RS256", "no key", "d"); }),
            attempt(function () { return u.sign("RS256", k.ecPkcs8, "d"); }),
            attempt(function () { return u.sign("ES256", k.rsaPkcs8, "d"); }),
            attempt(function () { return u.sign("RS256", k.rsaPublic, "d"); }),
            attempt(function () { return u.verify("RS256", k.rsaPkcs8, "d", "AA"); }),
            attempt(function () { return u.sign("RS256", k.rsaLarge, "d"); }),
            attempt(function () { return u.sign("ES256", { kty: "EC", d: 1 }, "d"); }),
            attempt(function () { return u.sign("ES256", { get d() { throw new Error("own"); } }, "d"); }),
        ];
        return out;
    }"#;
    let out = Call::new(source).params(&json!({ "keys": keys })).value(&pool()).await;
    for name in ["rsaPkcs8", "rsaPkcs1", "rsaJwk"] {
        assert_eq!(out[name], json!([true, true, true, false]), "{name}");
    }
    for name in ["ecPkcs8", "ecSec1", "ecJwk"] {
        assert_eq!(out[name], json!([128, true, true, false]), "{name}");
    }
    assert_eq!((&out["known"], &out["asn1"], &out["nonsense"]), (&json!(true), &json!(true), &json!([false, false])));
    let says =
        ["hmacSha256", "neither PEM", "RSA key", "P-256", "private key", "public key", "4,096 bits", "member d", "own"];
    for (error, says) in out["wrong"].as_array().unwrap().iter().zip(says) {
        assert!(error.as_str().unwrap().contains(says), "{error} lacks {says}");
    }
}

#[tokio::test]
async fn urls_are_those_of_the_web() {
    table(&[
        ("new URL('/b?x=1#h', 'https://a.example:8443/c/d').href", json!("https://a.example:8443/b?x=1#h")),
        (
            "(function () { var l = new URL('https://u:p@ex\u{e4}mple.com:443/a b?q=\u{e4}#f'); return [l.protocol, l.username, l.password, l.host, l.hostname, l.port, l.pathname, l.search, l.hash, l.origin, String(l), JSON.stringify({ l: l })]; })()",
            json!(["https:", "u", "p", "xn--exmple-cua.com", "xn--exmple-cua.com", "", "/a%20b", "?q=%C3%A4", "#f", "https://xn--exmple-cua.com",
                "https://u:p@xn--exmple-cua.com/a%20b?q=%C3%A4#f", "{\"l\":\"https://u:p@xn--exmple-cua.com/a%20b?q=%C3%A4#f\"}"]),
        ),
        ("new URL('nowhere')", json!("THREW TypeError: Invalid URL")),
        ("[URL.canParse('x'), URL.canParse('x', 'https://a'), URL.parse('x'), URL.parse('https://a').href]", json!([false, true, null, "https://a/"])),
        (
            "(function () { var l = new URL('https://a/?x=1'); l.searchParams.append('y', 'a b&'); l.searchParams.set('x', 2); l.pathname = '/p q'; l.hash = 'z'; l.port = '8080'; l.protocol = 'ftp2'; return l.href; })()",
            json!("https://a:8080/p%20q?x=2&y=a+b%26#z"),
        ),
        (
            "(function () { var l = new URL('https://a/?x=1'), s = l.searchParams; l.search = '?b=2'; l.href = l.href + '&c=3'; s.delete('b'); return [s.get('c'), s === l.searchParams, l.href]; })()",
            json!(["3", true, "https://a/?c=3"]),
        ),
        ("new URLSearchParams({ a: 1, 'b c': '\u{e9}&' }).toString()", json!("a=1&b+c=%C3%A9%26")),
        ("[...new URLSearchParams('?a=1&a=2&b')]", json!([["a", "1"], ["a", "2"], ["b", ""]])),
        (
            "(function () { var s = new URLSearchParams([['b', 1], ['a', 2], ['b', 3]]); s.sort(); var seen = []; s.forEach(function (v, k) { seen.push(k + v); }); return [s.getAll('b'), s.has('b', 3), s.has('c'), s.get('c'), s.size, seen, [...s.keys()], [...s.values()], String(new URLSearchParams(s))]; })()",
            json!([["1", "3"], true, false, null, 3, ["a2", "b1", "b3"], ["a", "b", "b"], ["2", "1", "3"], "a=2&b=1&b=3"]),
        ),
        ("new URLSearchParams([['a']])", json!("THREW pairs")),
        ("Object.prototype.toString.call(new URL('https://a')) + typeof URLSearchParams.isParams + typeof URL.define", json!("[object URL]undefinedundefined")),
    ])
    .await;
}

#[tokio::test]
async fn texts_and_bytes_of_the_web() {
    table(&[
        ("[...new TextEncoder().encode('\u{e9}\u{20ac}')]", json!([195, 169, 226, 130, 172])),
        ("[...new TextEncoder().encode('\\ud800')]", json!([239, 191, 189])),
        ("(function () { var b = new Uint8Array(4), r = new TextEncoder().encodeInto('a\u{20ac}b', b); return [r.read, r.written, [...b]]; })()", json!([2, 4, [97, 226, 130, 172]])),
        ("new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa9, 0xff]))", json!("\u{e9}\u{fffd}")),
        ("new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf])).length", json!(1)),
        ("new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))", json!("THREW TypeError: the bytes are not valid utf-8")),
        ("new TextDecoder('latin1').decode(new Uint8Array([0xe9])) + new TextDecoder('LATIN1').encoding", json!("\u{e9}windows-1252")),
        ("new TextDecoder('utf-16le').decode(new Uint16Array([0x20ac]))", json!("\u{20ac}")),
        ("new TextDecoder('klingon')", json!("THREW RangeError")),
        ("new TextDecoder().decode(new Uint8Array([1]), { stream: true })", json!("THREW in pieces")),
        ("new TextDecoder('utf-8', { fatl: true })", json!("THREW did you mean fatal?")),
        ("[btoa('h\u{e9}'), atob('aOk='), atob(' aO k\\n'), btoa(''), atob('')]", json!(["aOk=", "h\u{e9}", "h\u{e9}", "", ""])),
        ("btoa('\u{20ac}')", json!("THREW InvalidCharacterError")),
        ("atob('a')", json!("THREW InvalidCharacterError")),
        ("atob('ab=')", json!("THREW InvalidCharacterError")),
        (
            "(function () { var o = { d: new Date(0), m: new Map([['k', { x: 1 }]]), s: new Set([1]), r: /a/gi, b: new Uint8Array([1, 2]), n: null, u: undefined, l: [1, , 3] }; o.self = o; var c = structuredClone(o); o.m.get('k').x = 2; return [c.d.getTime(), c.m.get('k').x, c.s.has(1), String(c.r), [...c.b], c.self === c, 'u' in c, c.l.length, 1 in c.l, c !== o]; })()",
            json!([0, 1, true, "/a/gi", [1, 2], true, true, 3, false, true]),
        ),
        ("structuredClone({ f: function () {} })", json!("THREW DataCloneError")),
        ("structuredClone(Symbol())", json!("THREW DataCloneError")),
        ("structuredClone(new TypeError('t')) instanceof TypeError", json!(true)),
        ("Object.keys(structuredClone(JSON.parse('{\"__proto__\":{\"x\":1}}')))", json!(["__proto__"])),
    ])
    .await;
}

#[tokio::test]
async fn a_script_may_have_functions_of_its_own_by_these_names() {
    let pool = pool();
    for source in [
        "function atob(x) { return 'own'; } function main() { return atob('x'); }",
        "var atob = function () { return 'own'; }; function main() { return atob('x'); }",
        "const atob = () => 'own'; function main() { return atob('x'); }",
        "class URL { get own() { return 'own'; } } function main() { return new URL().own; }",
        "let setTimeout = () => 'own'; function main() { return setTimeout(); }",
        "globalThis.URL = function () { return 'own'; }; function main() { return URL(); }",
    ] {
        assert_eq!(Call::new(source).value(&pool).await, json!("own"), "{source}");
    }
    let keys = "function main() { return [Object.keys(globalThis).filter(function (k) { return k !== 'main'; }), typeof fetch, typeof Atomics]; }";
    assert_eq!(Call::new(keys).value(&pool).await, json!([[], "undefined", "undefined"]));
    // What a script breaks, it breaks for itself alone.
    let poison = "Object.keys = null; Array.prototype.push = null; String.prototype.split = null; function main() { try { return new URL('https://a').href; } catch (e) { return 'broken'; } }";
    Call::new(poison).value(&pool).await;
    healthy(&pool).await;
}

#[tokio::test]
async fn dates_have_zones_and_options_are_obeyed_or_refused() {
    let at = "new Date(Date.UTC(2026, 10, 26, 20, 5, 3, 7))";
    let rows: Vec<(String, Value)> = [
        ("u.date.format(AT)", json!("11/26/2026, 8:05:03 PM")),
        ("u.date.format(AT, { timeZone: 'Europe/Berlin', locale: 'de-DE' })", json!("26.11.2026, 21:05:03")),
        ("u.date.format(AT, { timeZone: 'America/New_York', dateStyle: 'full', timeStyle: 'short' })", json!("Thursday, November 26, 2026 at 3:05 PM")),
        ("u.date.format(AT, { dateStyle: 'long', locale: 'de-DE' })", json!("26. November 2026")),
        ("u.date.format(AT, { dateStyle: 'full', locale: 'en-GB' })", json!("Thursday 26 November 2026")),
        ("u.date.format(AT, { locale: 'sv-SE', timeZone: 'Asia/Kolkata' })", json!("2026-11-27 01:35:03")),
        ("u.date.format(AT, { weekday: 'short', day: '2-digit', month: 'short', year: 'numeric' })", json!("Thu, Nov 26, 2026")),
        ("u.date.format(AT, { hour: '2-digit', minute: '2-digit', hour12: false, timeZoneName: 'short', timeZone: 'Europe/Berlin' })", json!("21:05 CET")),
        ("u.date.format(AT, { second: 'numeric', fractionalSecondDigits: 3 })", json!("3.007")),
        ("u.date.format('2026-07-01T00:00:00Z', { year: 'numeric', month: 'long' })", json!("July 2026")),
        ("u.date.format(0, { dateStyle: 'short' })", json!("1/1/70")),
        ("u.date.iso(AT, 'Europe/Berlin')", json!("2026-11-26T21:05:03.007+01:00")),
        ("u.date.iso(AT)", json!("2026-11-26T20:05:03.007+00:00")),
        ("AT.toLocaleDateString('en-US', { timeZone: 'Asia/Tokyo' })", json!("11/27/2026")),
        ("AT.toLocaleTimeString('en-GB', { timeZone: 'Europe/Berlin' })", json!("21:05:03")),
        ("AT.toLocaleString(undefined, { hour12: false })", json!("11/26/2026, 20:05:03")),
        ("AT.toLocaleString() === AT.toLocaleString()", json!(true)),
        ("AT.toLocaleString('fr-FR')", json!("THREW locale is not supported")),
        ("AT.toLocaleString('en-US', { timeZone: 'Mars/Olympus' })", json!("THREW no such time zone")),
        ("AT.toLocaleString('en-US', { timezone: 'UTC' })", json!("THREW did you mean timeZone?")),
        ("AT.toLocaleString('en-US', { era: 'long' })", json!("THREW not supported")),
        ("AT.toLocaleString('en-US', { month: 'narrow' })", json!("THREW numeric and 2-digit")),
        ("u.date.format('never')", json!("THREW not valid")),
        ("u.date.format({})", json!("THREW not valid")),
        ("u.date.format(8.64e15)", json!("THREW not valid")),
        ("u.date.format(AT, { dateStyle: 'full', day: 'numeric' })", json!("THREW exclude each other")),
        ("(1234567.891).toLocaleString('en-US')", json!("1,234,567.891")),
        ("(-1234.5).toLocaleString('en-US', { minimumFractionDigits: 2 })", json!("-1,234.50")),
        ("[2.5, 0.5, 1.5, -2.5, 9.5, 0.49999999999999994].map((n) => n.toLocaleString('en-US', { maximumFractionDigits: 0 }))", json!(["3", "1", "2", "-3", "10", "0"])),
        ("[(0.0625).toLocaleString('en-US'), (999.9995).toLocaleString('en-US'), (1e21).toLocaleString('en-US')]", json!(["0.063", "1,000", "1,000,000,000,000,000,000,000"])),
        ("(0.126).toLocaleString('en-US', { maximumFractionDigits: 2, useGrouping: false })", json!("0.13")),
        ("(1).toLocaleString('de-DE')", json!("THREW not supported")),
        ("(1).toLocaleString('en-US', { style: 'currency', currency: 'EUR' })", json!("THREW not supported")),
        ("(1e21).toLocaleString()", json!("1e+21")),
        ("'a'.localeCompare('b')", json!(-1)),
        ("'a'.localeCompare('b', 'de')", json!("THREW no Intl")),
        ("'a'.localeCompare('b', undefined, { sensitivity: 'base' })", json!("THREW no Intl")),
        ("'i'.toLocaleUpperCase('tr')", json!("THREW no Intl")),
        ("'i'.toLocaleUpperCase('en') + 'I'.toLocaleLowerCase()", json!("Ii")),
        ("10n.toLocaleString('en')", json!("THREW no Intl")),
        ("[1, 2].toLocaleString()", json!("1,2")),
    ]
    .map(|(expression, wanted)| (expression.replace("AT", at), wanted))
    .into();
    let rows: Vec<(&str, Value)> =
        rows.iter().map(|(expression, wanted)| (expression.as_str(), wanted.clone())).collect();
    table(&rows).await;
}
