//! The URL, name and port rules.

use proptest::prelude::*;
use url::Url;

use super::super::names::REFUSED_PORTS;
use crate::{IntoUrl, Policy};

async fn rule_of(text: &str) -> Option<&'static str> {
    let verdict = Policy::strict().check(text, true).await;
    assert_eq!(verdict.allowed, verdict.rule.is_none(), "{text}");
    verdict.rule.map(|rule| rule.name())
}

#[tokio::test]
async fn what_is_refused() {
    for (rule, texts) in [
        (
            "url_control_character",
            &["http://a.test/\r\nX: 1", "http://a\tb.test/", "http://a.test/\0", "http://a.test/\u{85}"][..],
        ),
        ("url_space", &[" http://a.test/", "http://a.test/a b", "http://a.test/\u{a0}", "http://a.test/ "]),
        ("url_backslash", &["http://a.test\\@127.0.0.1/", "http:\\\\a.test/", "http://a.test/\\x"]),
        (
            "url_scheme",
            &[
                "file:///etc/passwd",
                "ftp://a.test/",
                "gopher://a.test/",
                "javascript:alert(1)",
                "data:,x",
                "a.test",
                "//a.test/",
                "/path",
                "",
                "http+unix://%2Fvar%2Frun%2Fx.sock/",
                "ws://a.test/",
                "httpx://a.test/",
            ],
        ),
        ("url_user_info", &["http://u:p@a.test/", "http://a.test@127.0.0.1/", "http://@a.test/", "http://a@b@c.test/"]),
        ("url_percent_in_host", &["http://%31%32%37.0.0.1/", "http://[fe80::1%25eth0]/", "http://a.test%40b.test/"]),
        (
            "url_malformed",
            &[
                "http://",
                "http:///a.test/",
                "http:a.test/",
                "http:/a.test/",
                "http://:80/",
                "http://./",
                "http://a..test/",
                "http://../",
                "http://256.256.256.256/",
                "http://0x100000000/",
                "http://1.2.3.4.5/",
                "http://08.0.0.1/",
                "http://::1/",
                "http://[::1/",
                "http://a.test:65536/",
                "http://a.test:-1/",
                "http://a.test:80x/",
                "http://a<b.test/",
                "http://xn--a.test/",
            ],
        ),
        (
            "address_loopback",
            &[
                "http://127.0.0.1/",
                "http://127.1/",
                "http://2130706433/",
                "http://0x7f.0.0.1/",
                "http://017700000001/",
                "http://127.0.0.1./",
                "http://[::1]/",
                "http://[0:0:0:0:0:0:0:1]/",
                "http://[::ffff:127.0.0.1]/",
                "http://①②⑦.⓪.⓪.①/",
                "http://127。0。0。1/",
                "HTTP://127.0.0.1/",
            ],
        ),
        ("address_unspecified", &["http://0/", "http://0.0.0.0/", "http://[::]/"]),
        (
            "name_internal",
            &[
                "http://localhost/",
                "http://LOCALHOST/",
                "http://localhost./",
                "http://a.localhost/",
                "http://localhoſt/",
                "http://printer.local/",
                "http://host.docker.internal/",
                "http://x.home.arpa/",
                "http://a.corp/",
                "http://a.lan/",
                "http://a.intranet/",
                "http://api.default.svc/",
                "http://kubernetes.default/",
                "http://a.svc.cluster.local/",
                "http://1.0.0.127.in-addr.arpa/",
                "http://x.onion/",
                "http://localhost.localdomain/",
            ],
        ),
        (
            "name_metadata",
            &["http://metadata.google.internal/", "http://metadata.goog/", "http://metadata.tencentyun.com./"],
        ),
        ("name_single_label", &["http://metadata/", "http://ip6-loopback/", "http://server./"]),
        (
            "port",
            &[
                "http://a.test:22/",
                "http://a.test:0/",
                "https://a.test:6379/",
                "http://8.8.8.8:25/",
                "http://a.test:10250/",
            ],
        ),
    ] {
        for text in texts {
            assert_eq!(rule_of(text).await, Some(rule), "{text:?}");
        }
    }
    let (label, name) = ("a".repeat(64), ["a"; 128].join("."));
    assert_eq!(rule_of(&format!("http://{label}.test/")).await, Some("name_too_long"));
    assert_eq!(rule_of(&format!("http://{name}.test/")).await, Some("name_too_long"));
}

#[tokio::test]
async fn what_is_allowed() {
    for text in [
        "http://a.test",
        "https://a.test/",
        "HTTPS://A.Test:8443/x?y=z#f",
        "https://a.test./",
        "https://bücher.example/",
        "https://a.test/a%2Fb?u=http://127.0.0.1/",
        "https://a.test/?x=a@b",
        "https://a.test/@me",
        "https://a.test/a:b",
        "https://127.0.0.1.example.com/",
        "https://localhost.example.com/",
        "https://x.local.example.com/",
        "https://notlocal.example/",
        "https://acorp.example/",
        "https://3com.com/",
        "https://0x.org/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://a_b.example.com/",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "[2606:4700:4700::1111]",
    ] {
        assert_eq!(rule_of(text).await, None, "{text}");
    }
}

#[test]
fn refused_ports_are_sorted() {
    assert!(REFUSED_PORTS.is_sorted(), "they are searched by halves");
}

#[test]
fn parsed_urls_are_judged_too() {
    for text in ["ftp://a.test/", "http://u@a.test/", "mailto:a@b.test", "http://u:p@a.test/"] {
        let url = Url::parse(text).unwrap();
        let error = (&url).into_url().unwrap_err();
        assert_eq!(error.code(), "url", "{text}");
        assert!(!error.to_string().contains("u:p"), "{error}");
    }
    assert!(Url::parse("http://a.test/").unwrap().into_url().is_ok());
}

proptest! {
    /// Whatever a text is, a URL that is read from it reads the same when it is printed and read again.
    #[test]
    fn one_reading(text in r"(https?:)?//?[a-z0-9.:@%\[\]\\/#?-]{0,24}") {
        if let Ok(url) = text.as_str().into_url() {
            let again = url.as_str().into_url().unwrap();
            prop_assert_eq!(&again, &url);
            prop_assert!(url.username().is_empty() && url.password().is_none());
        }
    }

    /// No text makes the rule panic.
    #[test]
    fn any_text(text in ".*") {
        drop(text.as_str().into_url());
        drop(format!("http://{text}").into_url());
    }
}
