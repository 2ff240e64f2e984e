//! The address that a document came from: its servers may be relative to it (RFC 3986, section 5).

use serde_json::{Value, json};
use url::{Position, Url};

/// Makes the servers of a document absolute. Without any, it is served where the document is.
pub(super) fn served_at(document: &mut Value, at: &Url) {
    let Value::Object(root) = document else { return };
    let is_listed = root.get("servers").and_then(Value::as_array).is_some_and(|servers| !servers.is_empty());
    if !is_listed {
        root.insert("servers".to_owned(), json!([{ "url": "/" }]));
    }
    each(root.get_mut("servers"), |url| absolute(at, url));
    // What an operation is served by follows the base URL, so its address has no origin.
    let own = |value: &mut Value| each(value.get_mut("servers"), |url| path(at, url));
    for (_, item) in root.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten() {
        own(item);
        item.as_object_mut().into_iter().flatten().for_each(|(_, operation)| own(operation));
    }
}

fn each(servers: Option<&mut Value>, made: impl Fn(&str) -> Option<String>) {
    for server in servers.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::String(url)) = server.get_mut("url")
            && let Some(whole) = made(url.trim())
        {
            *url = whole;
        }
    }
}

/// Returns a relative URL as an absolute one; `None` if it is absolute.
fn absolute(at: &Url, url: &str) -> Option<String> {
    if let Some(rest) = url.strip_prefix("//") {
        return Some(format!("{}://{rest}", at.scheme()));
    }
    Some(format!("{}{}", at.origin().ascii_serialization(), path(at, url)?).trim_end_matches('/').to_owned())
}

/// Returns the path of a relative URL from the top of its server; `None` if it is absolute.
fn path(at: &Url, url: &str) -> Option<String> {
    // A scheme may be a variable, too.
    if url.contains("://") || url.starts_with("//") {
        return None;
    }
    if url.is_empty() || url.starts_with('/') {
        return Some(if url.is_empty() { "/".to_owned() } else { url.to_owned() });
    }
    if !url.contains('{') {
        let joined = at.join(url).ok().filter(|joined| joined.origin() == at.origin())?;
        return Some(joined[Position::BeforePath..].to_owned());
    }
    // Braces would be escaped.
    let folder = at.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{folder}/{url}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_relative_to_their_document() {
        let at = Url::parse("https://u:p@a.example:8443/docs/v1/openapi.json?key=x#f").unwrap();
        let base = |servers: Value| {
            let mut document = json!({ "servers": servers });
            served_at(&mut document, &at);
            document["servers"][0]["url"].as_str().unwrap().to_owned()
        };
        for (url, whole) in [
            ("/api/v3", "https://a.example:8443/api/v3"),
            ("../v2", "https://a.example:8443/docs/v2"),
            ("v2/", "https://a.example:8443/docs/v1/v2"),
            ("./", "https://a.example:8443/docs/v1"),
            ("", "https://a.example:8443"),
            ("/", "https://a.example:8443"),
            ("//b.example/x", "https://b.example/x"),
            ("{version}/x", "https://a.example:8443/docs/v1/{version}/x"),
            ("https://c.example/", "https://c.example/"),
            ("{scheme}://c.example", "{scheme}://c.example"),
        ] {
            assert_eq!(base(json!([{ "url": url }])), whole, "{url}");
        }
        assert_eq!(base(json!([])), "https://a.example:8443");
        let mut document = json!({ "paths": { "/a": { "get": { "servers": [{ "url": "../v2" }] }, "servers": [{ "url": "//b.example" }] } } });
        served_at(&mut document, &at);
        assert_eq!(document["paths"]["/a"]["get"]["servers"][0]["url"], "/docs/v2");
        assert_eq!(document["paths"]["/a"]["servers"][0]["url"], "//b.example");
    }
}
