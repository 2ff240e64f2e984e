//! Tables: which `Host` is this server's, and from where a session may change something.

use axum::body::Body;

use super::super::{no_session_cookie, session_cookie, session_of};
use super::*;

fn site<'a>(address: &str, public: Option<&'a PublicUrl>) -> Site<'a> {
    Site { address: address.parse().ok(), public }
}

fn request(method: &str, headers: &[(&str, &str)]) -> Request {
    let request = axum::http::Request::builder().method(method).uri("/x");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

const HTTPS: &str = "https://floh.example.com";

#[test]
fn hosts_of_this_server() {
    let public: PublicUrl = HTTPS.parse().unwrap();
    let local = site("127.0.0.1:8080", None);
    let lan = site("192.0.2.7:8080", None);
    let any = site("0.0.0.0:8080", None);
    let six = site("[2001:db8::7]:8080", None);
    let proxied = site("127.0.0.1:8080", Some(&public));
    let unknown = site("", None);
    for (site, hosts) in [
        (local, &["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:9", "127.8.9.1", "localhost:80"][..]),
        (lan, &["192.0.2.7:8080", "192.0.2.7", "127.0.0.1:8080", "[::ffff:192.0.2.7]:8080"]),
        (any, &["192.0.2.7:8080", "10.1.2.3", "[2001:db8::7]:8080"]),
        (six, &["[2001:db8::7]:8080", "[2001:DB8:0:0::7]"]),
        (proxied, &["floh.example.com", "FLOH.example.com:443", "floh.example.com:8443", "localhost:8080"]),
        (unknown, &["localhost", "127.0.0.1:1"]),
    ] {
        for host in hosts {
            assert!(site.check_host(&request("GET", &[("host", host)])).is_ok(), "{host} at {site:?}");
        }
    }
    for (site, hosts) in [
        (
            local,
            &["floh.example.com", "evil.example:8080", "192.0.2.7:8080", "", "localhost.evil.example", "localhost."][..],
        ),
        (
            local,
            &[
                "me@localhost:8080",
                "localhost@evil.example",
                "127.0.0.1.evil.example",
                "local host",
                "localhost:x",
                "[::1",
            ],
        ),
        (lan, &["192.0.2.8:8080", "floh:8080"]),
        (any, &["floh:8080", "evil.example"]),
        (proxied, &["example.com", "evil.floh.example.com", "floh.example.com.evil.example"]),
        (unknown, &["192.0.2.7", "floh"]),
    ] {
        for host in hosts {
            let refused = site.check_host(&request("GET", &[("host", host)])).unwrap_err();
            assert_eq!((refused.status(), &*refused.body().code), (421, "misdirected"), "{host} at {site:?}");
            assert!(refused.body().detail.contains("--public-url (FLOH_PUBLIC_URL)"));
        }
    }
    for headers in [&[][..], &[("host", "localhost"), ("host", "localhost")], &[("x-forwarded-host", "localhost")]] {
        assert_eq!(local.check_host(&request("GET", headers)).unwrap_err().status(), 421, "{headers:?}");
    }
}

#[test]
fn the_target_names_the_host_over_http_2() {
    let local = site("127.0.0.1:8080", None);
    for (target, host, is_ours) in [
        ("http://localhost:8080/x", None, true),
        ("http://evil.example/x", None, false),
        ("http://localhost:8080/x", Some("localhost:8080"), true),
        ("http://localhost:8080/x", Some("evil.example"), false),
        ("http://evil.example/x", Some("localhost:8080"), false),
    ] {
        let request = axum::http::Request::get(target);
        let request = host.into_iter().fold(request, |request, host| request.header("host", host));
        let request = request.body(Body::empty()).unwrap();
        assert_eq!(local.check_host(&request).is_ok(), is_ours, "{target} {host:?}");
    }
}

/// The headers of a browser.
type Said = &'static [(&'static str, &'static str)];

/// Method, what the browser says, whether it may change something: at `http://localhost:8080`.
const CROSS_SITE: [(&str, Said, bool); 32] = [
    ("GET", &[], true),
    ("HEAD", &[("sec-fetch-site", "cross-site")], true),
    ("OPTIONS", &[("origin", "https://evil.example")], true),
    ("POST", &[("sec-fetch-site", "same-origin")], true),
    ("PUT", &[("sec-fetch-site", "same-origin")], true),
    ("DELETE", &[("sec-fetch-site", "same-origin")], true),
    ("PATCH", &[("sec-fetch-site", "cross-site")], false),
    ("TRACE", &[("sec-fetch-site", "cross-site")], false),
    ("FOO", &[], false),
    ("POST", &[("sec-fetch-site", "cross-site")], false),
    ("POST", &[("sec-fetch-site", "same-site")], false),
    ("POST", &[("sec-fetch-site", "")], false),
    ("POST", &[("sec-fetch-site", "Same-Origin")], false),
    ("POST", &[("sec-fetch-site", "same-origin, same-origin")], false),
    ("POST", &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false),
    ("POST", &[("sec-fetch-site", "none")], false),
    ("POST", &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], true),
    ("POST", &[("sec-fetch-site", "none"), ("sec-fetch-mode", "cors")], false),
    // What the browser says of the site counts more than an origin.
    ("POST", &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:8080")], false),
    ("POST", &[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
    ("POST", &[("origin", "http://localhost:8080")], true),
    ("POST", &[], false),
    ("POST", &[("origin", "null")], false),
    ("POST", &[("origin", "")], false),
    ("POST", &[("origin", "https://localhost:8080")], false),
    ("POST", &[("origin", "http://localhost")], false),
    ("POST", &[("origin", "http://localhost:8081")], false),
    ("POST", &[("origin", "http://127.0.0.1:8080")], false),
    ("POST", &[("origin", "http://localhost:8080.evil.example")], false),
    ("POST", &[("origin", "http://localhost:8080"), ("origin", "http://localhost:8080")], false),
    ("POST", &[("referer", "http://localhost:8080/x")], false),
    (
        "POST",
        &[("origin", "https://evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")],
        false,
    ),
];

#[test]
fn only_pages_of_this_server_change_something() {
    let local = site("127.0.0.1:8080", None);
    for (method, said, is_fine) in CROSS_SITE {
        let headers: Vec<(&str, &str)> = said.iter().copied().chain([("host", "localhost:8080")]).collect();
        let outcome = local.check_same_site(&request(method, &headers));
        assert_eq!(outcome.is_ok(), is_fine, "{method} {said:?}");
        if let Err(refused) = outcome {
            assert_eq!((refused.status(), &*refused.body().code), (403, "cross_site"));
            let detail = &refused.body().detail;
            assert!(detail.contains("http://localhost:8080") && detail.contains("Bearer"), "{detail}");
        }
        // The host is looked at first, whatever the method.
        let headers: Vec<(&str, &str)> = said.iter().copied().chain([("host", "evil.example")]).collect();
        assert_eq!(local.check_same_site(&request(method, &headers)).unwrap_err().status(), 421);
    }
}

#[test]
fn behind_a_proxy_the_public_address_counts() {
    let (https, http): (PublicUrl, PublicUrl) = (HTTPS.parse().unwrap(), "http://floh.lan:8000".parse().unwrap());
    let (secure, plain) = (site("127.0.0.1:8080", Some(&https)), site("127.0.0.1:8080", Some(&http)));
    for (site, host, origin, is_ours) in [
        (secure, "floh.example.com", HTTPS, true),
        (secure, "floh.example.com:443", HTTPS, true),
        // A proxy that names its target instead of itself.
        (secure, "127.0.0.1:8080", HTTPS, true),
        (secure, "127.0.0.1:8080", "http://127.0.0.1:8080", true),
        (secure, "floh.example.com", "http://floh.example.com", false),
        (secure, "floh.example.com", "https://floh.example.com:8443", false),
        (secure, "floh.example.com", "https://evil.example", false),
        (plain, "floh.lan:8000", "http://floh.lan:8000", true),
        (plain, "floh.lan:8000", "https://floh.lan:8000", false),
    ] {
        let said = request("POST", &[("host", host), ("origin", origin)]);
        assert_eq!(site.check_same_site(&said).is_ok(), is_ours, "{host} {origin} {site:?}");
    }
}

#[test]
fn cookies_are_set_and_read_under_one_name() {
    let public: PublicUrl = HTTPS.parse().unwrap();
    let (secure, plain) = (site("", Some(&public)), site("", None));
    let secret = connector_runtime::Secret::from("AbC-_9");
    let text = |value: axum::http::HeaderValue| {
        assert!(value.is_sensitive() && !format!("{value:?}").contains("AbC"), "no log shows it");
        value.to_str().unwrap().to_owned()
    };
    assert_eq!(text(session_cookie(secure, &secret)), "__Host-floh=AbC-_9; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(text(session_cookie(plain, &secret)), "floh=AbC-_9; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(text(no_session_cookie(secure)), "__Host-floh=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_eq!(text(no_session_cookie(plain)), "floh=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    let read = |site, lines: &[&str]| {
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("cookie", *line)).collect();
        session_of(site, request("GET", &headers).headers()).map(|secret| secret.expose().to_owned())
    };
    for (lines, found) in [
        (&["floh=a"][..], Some("a")),
        (&["theme=dark; floh=a; x=y"], Some("a")),
        (&["theme=dark", "floh=a"], Some("a")),
        (&["floh=; floh=b"], Some("b")),
        (&["__Host-floh=a"], None),
        (&["xfloh=a; floh2=b; Floh=c; floh"], None),
        (&["floh=\u{e4}"], None),
        (&[], None),
    ] {
        assert_eq!(read(plain, lines).as_deref(), found, "{lines:?}");
    }
    assert_eq!(read(secure, &["floh=a; __Host-floh=b"]).as_deref(), Some("b"), "the other one may be anybody's");
    assert_eq!(read(secure, &["floh=a"]), None);
}
