//! Whose fields say where a connection's secrets may go, seen through commands as every caller runs them.
#![expect(dead_code, reason = "the guard reads the fields, the commands do not")]

use connector_egress::testing::{Net, PUBLIC, Upstream, answer};
use connector_runtime::connector::Connector;
use connector_runtime::descriptor::EgressScope;
use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use connector_runtime::testing::{self, TestCall};

const KEY: &str = "k3y-of-the-widgets";

/// Sends its key where a param says.
#[connector(name = "egress-inferred", version = "1.0.0", lock = false)]
struct Inferred {
    /// Where the API is.
    base_url: Url,
    /// Its key.
    api_key: Secret,
}

type Address = Option<Url>;

/// Has a URL that may be left out, behind an alias.
#[connector(name = "egress-optional", version = "1.0.0", lock = false)]
struct Optional {
    /// Where the API is.
    base_url: Address,
    /// Its key.
    api_key: Secret,
}

/// Has a URL that need not be given.
#[connector(name = "egress-default", version = "1.0.0", lock = false)]
struct Defaulted {
    /// Where the API is.
    #[config(default = "http://api.test")]
    base_url: Url,
    /// Its key.
    api_key: Secret,
}

/// Names two of its URLs.
#[connector(name = "egress-named", version = "1.0.0", egress = [base_url, r#type], lock = false)]
struct Named {
    /// Where the API is.
    base_url: Url,
    /// Where tokens are.
    #[config(name = "tokenUrl")]
    r#type: Option<Url>,
    /// Where people read about it.
    docs_url: Option<Url>,
    /// Its key.
    api_key: Secret,
}

/// Has two URLs and does not choose.
#[connector(name = "egress-undecided", version = "1.0.0", lock = false)]
struct Undecided {
    /// Where the API is.
    base_url: Url,
    /// Where tokens are.
    token_url: Option<Url>,
    /// Its key.
    api_key: Secret,
}

/// Opts out.
#[connector(name = "egress-anywhere", version = "1.0.0", egress = anywhere, lock = false)]
struct Anywhere {
    /// Where people read about it.
    base_url: Option<Url>,
    /// Its key.
    api_key: Secret,
}

/// Has a field that is named as the way out of the guard.
#[connector(name = "egress-homonym", version = "1.0.0", egress = anywhere, lock = false)]
struct Homonym {
    /// Where the API is.
    anywhere: Url,
    /// Where people read about it.
    docs_url: Option<Url>,
    /// Its key.
    api_key: Secret,
}

/// One way to carry the key in a request.
#[derive(Debug, Clone, Copy, Select)]
enum Carrier {
    /// Nowhere.
    Nothing,
    /// In a header.
    Header,
    /// In a header of a name that says nothing, as a text.
    PlainHeader,
    /// In the query.
    Query,
    /// In the query, as a text.
    PlainQuery,
    /// In the URL's path, as a text.
    Path,
    /// In a JSON body, as a text.
    Body,
    /// In a form, as a text.
    Form,
    /// In a header, by a client that is free to.
    Unscoped,
}

async fn send(cx: &Context, key: &Secret, url: String, carrier: Carrier) -> Outcome<Value> {
    let (http, text) = (cx.http(), key.expose());
    let request = match carrier {
        Carrier::Nothing => http.get(url),
        Carrier::Header => http.get(url).bearer(key),
        Carrier::PlainHeader => http.get(url).header("x-plain", format!("it is {text}")),
        Carrier::Query => http.get(url).secret_query("k", key),
        Carrier::PlainQuery => http.get(url).query(&[("k", text)]),
        Carrier::Path => http.get(format!("{url}/{text}/x")),
        Carrier::Body => http.post(url).json(&json!({ "deep": [{ "key": text }] })),
        Carrier::Form => http.post(url).form(&[("key", text)]),
        Carrier::Unscoped => http.unscoped().get(url).bearer(key),
    };
    request.send().await?.error_for_status()?;
    succeed(Value::Null)
}

macro_rules! sends {
    ($($connector:ident by $method:ident;)*) => {$(
        #[connector]
        impl $connector {
            /// Send the key.
            #[command(name = "send")]
            async fn $method(
                &self,
                cx: &Context,
                /// Where to.
                url: String,
                /// Carried by what.
                carrier: Carrier,
            ) -> Outcome<Value> {
                send(cx, &self.api_key, url, carrier).await
            }
        }
    )*};
}

sends! {
    Inferred by send_inferred;
    Optional by send_optional;
    Defaulted by send_defaulted;
    Named by send_named;
    Undecided by send_undecided;
    Anywhere by send_anywhere;
    Homonym by send_homonym;
}

struct World {
    net: Net,
    upstream: Upstream,
}

impl World {
    async fn start() -> Self {
        let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
        let net = Net::default();
        for host in ["api.test", "token.test", "docs.test", "evil.test"] {
            net.host(host, &[PUBLIC]);
        }
        net.route_all(upstream.address);
        Self { net, upstream }
    }

    fn call<C: Connector>(&self, url: &str, carrier: Carrier) -> TestCall {
        let call = testing::call::<C>("send").http(self.net.client(Policy::strict()));
        call.config("apiKey", KEY).param("url", url).param("carrier", carrier.as_str())
    }

    /// Sends the key in a header; returns the error.
    async fn error(&self, call: TestCall) -> Option<String> {
        let before = self.upstream.received().len();
        let result = call.run().await;
        let arrived = self.upstream.received().len() - before;
        assert_eq!(arrived, usize::from(result.success), "{result:?}");
        result.error
    }

    /// Returns whether the key may go to a host.
    async fn goes(&self, call: impl Fn(&str) -> TestCall, host: &str) -> bool {
        let error = self.error(call(&format!("http://{host}/x"))).await;
        assert!(error.as_ref().is_none_or(|error| error.contains("[scope]")), "{error:?}");
        error.is_none()
    }
}

const CARRIERS: [Carrier; 7] = [
    Carrier::Header,
    Carrier::PlainHeader,
    Carrier::Query,
    Carrier::PlainQuery,
    Carrier::Path,
    Carrier::Body,
    Carrier::Form,
];

#[tokio::test]
async fn the_one_url_is_where_secrets_go_however_they_travel() {
    let world = World::start().await;
    let call = |url: &str, carrier| world.call::<Inferred>(url, carrier).config("baseUrl", "http://api.test/v1");
    for carrier in CARRIERS {
        assert_eq!(world.error(call("http://api.test/other", carrier)).await, None, "{carrier:?}");
        let error = world.error(call("http://evil.test/x", carrier)).await.unwrap();
        let rest = error.strip_prefix("refused to send a secret to http://evil.test/x").unwrap();
        assert!(
            rest.ends_with(
                ": the secrets of this connection may only be sent to http://api.test (field baseUrl) [scope]; \
                 check how the URL is built, or set baseUrl to where the secrets belong; an author who needs \
                 another place declares it: `egress` in the config schema or #[connector(egress = ..)]"
            ),
            "{carrier:?}: {error}"
        );
        assert!(!error.contains(KEY), "{error}");
        for elsewhere in ["http://api.test:8080/", "https://api.test/", "http://sub.api.test/"] {
            let error = world.error(call(elsewhere, carrier)).await.unwrap();
            assert!(error.contains("[scope]"), "{elsewhere}: {error}");
        }
    }
    assert_eq!(world.error(call("http://evil.test/x", Carrier::Nothing)).await, None);
    assert_eq!(world.error(call("http://evil.test/x", Carrier::Unscoped)).await, None);
    assert!(world.net.looked_up().iter().all(|name| name == "api.test" || name == "evil.test"));
}

#[tokio::test]
async fn an_optional_url_that_is_not_set_keeps_secrets_in() {
    let world = World::start().await;
    for value in [None, Some(Value::Null)] {
        let call = |carrier| {
            let call = world.call::<Optional>("http://api.test/x", carrier);
            value.iter().fold(call, |call, value| call.config("baseUrl", value))
        };
        for carrier in CARRIERS {
            let error = world.error(call(carrier)).await.unwrap();
            let why = "the secrets of this connection may only be sent to the origin of field baseUrl, which is not set \
                       or holds no http URL [scope]; check how the URL is built, or set baseUrl";
            assert!(error.contains(why), "{error}");
        }
        assert_eq!(world.error(call(Carrier::Nothing)).await, None);
    }
    let set = |url: &str| world.call::<Optional>(url, Carrier::Header).config("baseUrl", "http://api.test");
    assert!(world.goes(set, "api.test").await && !world.goes(set, "evil.test").await);
}

#[tokio::test]
async fn a_default_counts_and_a_value_goes_before_it() {
    let world = World::start().await;
    let plain = |url: &str| world.call::<Defaulted>(url, Carrier::Header);
    assert!(world.goes(plain, "api.test").await && !world.goes(plain, "evil.test").await);
    let given = |url: &str| plain(url).config("baseUrl", "http://docs.test");
    assert!(world.goes(given, "docs.test").await && !world.goes(given, "api.test").await);
}

#[tokio::test]
async fn what_is_declared_goes_before_what_is_inferred() {
    let world = World::start().await;
    let named = |url: &str| {
        let call = world.call::<Named>(url, Carrier::Header).config("baseUrl", "http://api.test");
        call.config("docsUrl", "http://docs.test")
    };
    let with_token = |url: &str| named(url).config("tokenUrl", "http://token.test/oauth");
    assert!(world.goes(named, "api.test").await && !world.goes(named, "token.test").await);
    assert!(world.goes(with_token, "api.test").await && world.goes(with_token, "token.test").await);
    assert!(!world.goes(with_token, "docs.test").await);
    let error = world.error(with_token("http://docs.test/x")).await.unwrap();
    let both = "may only be sent to http://api.test (field baseUrl) or http://token.test (field tokenUrl) [scope]";
    assert!(error.contains(both), "{error}");

    let undecided = |url: &str| world.call::<Undecided>(url, Carrier::Header).config("baseUrl", "http://api.test");
    for place in ["api.test", "evil.test"] {
        assert!(!world.goes(undecided, place).await, "several URLs and no word: nothing is sent to {place}");
    }
    let error = world.error(undecided("http://api.test/x")).await.unwrap();
    let mend =
        "the secrets of this connection may not be sent anywhere [scope]; the type names no place for them: its author";
    assert!(error.contains(mend), "{error}");
    let anywhere = |url: &str| world.call::<Anywhere>(url, Carrier::Header).config("baseUrl", "http://api.test");
    assert!(world.goes(anywhere, "evil.test").await);
    let homonym = |url: &str| {
        world
            .call::<Homonym>(url, Carrier::Header)
            .config("anywhere", "http://api.test")
            .config("docsUrl", "http://docs.test")
    };
    assert!(world.goes(homonym, "api.test").await && !world.goes(homonym, "evil.test").await);
}

#[tokio::test]
async fn params_that_are_glued_to_the_url_lead_nowhere() {
    let world = World::start().await;
    for (tail, arrives) in [
        ("@evil.test/", None),
        (".evil.test/", None),
        (":x@evil.test/", None),
        ("/../x", Some("/x")),
        ("/a/../../b", Some("/b")),
    ] {
        let call = world.call::<Inferred>(&format!("http://api.test{tail}"), Carrier::Header);
        let error = world.error(call.config("baseUrl", "http://api.test")).await;
        assert_eq!(error.is_none(), arrives.is_some(), "{tail}: {error:?}");
        if let Some(path) = arrives {
            let received = world.upstream.received().pop().unwrap();
            assert_eq!(received.line(), format!("GET {path} HTTP/1.1"));
            assert_eq!(received.header("host"), Some("api.test"));
        }
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_called_names_no_origin() {
    let world = World::start().await;
    for base in ["ldap://api.test", "http://user@api.test", "mailto:a@api.test"] {
        let call = world.call::<Inferred>("http://api.test/x", Carrier::Header).config("baseUrl", base);
        let error = world.error(call).await.unwrap();
        assert!(error.starts_with("Invalid field(s): baseUrl: "), "{base}: {error}");
        assert!(!error.contains("user"), "{error}");
    }
    assert!(world.net.looked_up().is_empty());
}

#[test]
fn descriptors_tell_what_was_declared() {
    assert_eq!(Inferred::DESCRIPTOR.egress, EgressScope::Inferred);
    assert_eq!(Anywhere::DESCRIPTOR.egress, EgressScope::Anywhere);
    assert_eq!(Named::DESCRIPTOR.egress, EgressScope::Fields(&["baseUrl", "tokenUrl"]));
    assert_eq!(Homonym::DESCRIPTOR.egress, EgressScope::Fields(&["anywhere"]));
}
