//! Where requests go.

use connector_runtime::schema::{FieldValues, Fields};
use serde_json::{Map, Value, json};

use crate::openapi::{Entry, Form, Param, Variable};
use crate::operations::address::{Base, path};
use crate::operations::given::Given;

fn base(config: Value) -> Base {
    let Value::Object(config) = config else {
        return Base::of_connection(&FieldValues::new(&Fields::new(), &Map::new()), &[]);
    };
    let variables = [Variable { name: "tenant id".to_owned(), field: "tenantId".to_owned() }];
    Base::of_connection(&FieldValues::new(&Fields::new(), &config), &variables)
}

#[test]
fn a_path_is_appended_to_the_base_whatever_it_ends_with() {
    let query = ["q=x".to_owned()];
    for (base_url, path, url) in [
        ("https://a.example", "/users", "https://a.example/users?q=x"),
        ("https://a.example/api/", "/users", "https://a.example/api/users?q=x"),
        (" https://a.example/api?tenant=5 ", "/users", "https://a.example/api/users?tenant=5&q=x"),
        ("https://a.example/api/?a=1#v2", "/users?fixed=1", "https://a.example/api/users?a=1&fixed=1&q=x"),
        ("https://a.example/my api", "/users?", "https://a.example/my%20api/users?q=x"),
        ("https://{tenant id}.example/{x}", "/users", "https://t1.example/{x}/users?q=x"),
    ] {
        assert_eq!(base(json!({ "baseUrl": base_url, "tenantId": "t1" })).url(path, &query), url);
    }
    assert_eq!(base(json!({ "baseUrl": "https://a.example" })).url("/users", &[]), "https://a.example/users");
}

#[test]
fn an_operation_may_be_served_elsewhere() {
    let own = base(json!({ "baseUrl": "https://a.example:8443/v1" }));
    for (server, prefix, same) in [
        ("/v2/", "https://a.example:8443/v2", true),
        ("v2", "https://a.example:8443/v1/v2", true),
        ("https://A.example:8443/x", "https://A.example:8443/x", true),
        ("//b.example/x", "https://b.example/x", false),
        ("https://a.example/x", "https://a.example/x", false),
        ("http://a.example:8443", "http://a.example:8443", false),
        ("https://a.example:8443@evil.example/", "https://a.example:8443@evil.example", false),
    ] {
        let entry = Entry { server: Some(server.to_owned()), ..Entry::default() };
        let served = own.of_operation(&entry);
        assert_eq!((served.prefix.as_str(), served.has_origin_of(&own)), (prefix, same), "{server}");
    }
    let nowhere = base(json!({}));
    assert!(!nowhere.has_origin_of(&nowhere));
}

#[test]
fn links_are_followed_on_the_own_origin() {
    let own = base(json!({ "baseUrl": "https://a.example/v1" }));
    let current = "https://a.example/v1/items?page=1";
    for (link, url) in [
        ("https://a.example/v1/items?page=2", "https://a.example/v1/items?page=2"),
        ("http://a.example/v1/items?page=2", "https://a.example/v1/items?page=2"),
        ("http://internal:8080/v1/items?page=2#x", "https://a.example/v1/items?page=2"),
        ("//a.example/v1/items?page=2", "https://a.example/v1/items?page=2"),
        ("/v1/items?page=2", "https://a.example/v1/items?page=2"),
        ("items?page=2", "https://a.example/v1/items?page=2"),
        ("?page=2", "https://a.example/v1/items?page=2"),
        (" ?page=2 ", "https://a.example/v1/items?page=2"),
    ] {
        assert_eq!(own.link(current, link).as_deref(), Ok(url), "{link}");
    }
    for link in ["mailto:a@example.com", "https://", "ftp://a.example/x"] {
        assert!(own.link(current, link).unwrap_err().contains("cannot be followed"), "{link}");
    }
}

#[test]
fn a_value_never_changes_the_path_of_an_operation() {
    let entry = |template: &str, reserved: bool| {
        let name = if reserved { "+p" } else { "p" };
        let form = Form { reserved, ..Form::default() };
        let param =
            Param { key: "p".to_owned(), name: name.to_owned(), location: "path".to_owned(), required: true, form };
        Entry { path: template.to_owned(), params: vec![param], ..Entry::default() }
    };
    let filled = |entry: &Entry, value: &Value| {
        let values = Map::from_iter([("p".to_owned(), value.clone())]);
        path(entry, &Given::new(&values, None))
    };
    let plain = entry("/a b/{p}/c#x", false);
    for (value, expected) in [
        (json!("x/../y?#"), "/a%20b/x%2F..%2Fy%3F%23/c"),
        (json!("a.."), "/a%20b/a../c"),
        (json!(["x", "y"]), "/a%20b/x,y/c"),
        (json!(0), "/a%20b/0/c"),
    ] {
        assert_eq!(filled(&plain, &value).as_deref(), Ok(expected));
    }
    for value in [json!(""), json!(null), json!([]), json!({}), json!([""]), json!("."), json!("..")] {
        assert!(filled(&plain, &value).is_err(), "{value}");
    }
    let open = entry("/files/{+p}", true);
    assert_eq!(filled(&open, &json!("a/b c?d#e")).as_deref(), Ok("/files/a/b%20c%3Fd%23e"));
    for value in ["a/../b", "..", "a/%2e%2E/b"] {
        let escaped = value.contains('%');
        assert_eq!(filled(&open, &json!(value)).is_ok(), escaped, "{value}: once more encoded it is a text");
    }
}
