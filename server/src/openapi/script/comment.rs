//! The comment above a command's function: what it sends, for a person who reviews the script.

use indexmap::IndexMap;

use crate::openapi::resolve::cut;
use crate::openapi::table::{Body, BodyKind, Entry, Pages, Param, Scheme};

/// The maximum number of characters of a text of the document, and of the names that one line lists.
const MAX_TEXT: usize = 100;
const MAX_NAMES: usize = 60;
/// About how many characters a line has.
const WIDTH: usize = 110;
/// The beginning of a line, after its word.
const INDENT: usize = 10;

/// Writes the lines of a comment.
pub(super) fn write(out: &mut String, entry: &Entry, schemes: &IndexMap<String, Scheme>) {
    out.push_str(&format!("// {} {}\n", shown(&entry.method), shown(&entry.path)));
    for reason in &entry.refused {
        line(out, "refused", [shown(reason)]);
    }
    if let Some(server) = &entry.server {
        line(out, "server", [shown(server)]);
    }
    for place in ["path", "query", "querystring", "header", "cookie"] {
        let params = entry.params.iter().filter(|param| param.location == place).map(param);
        line(out, place, params);
    }
    if let Some(body) = &entry.body {
        line(out, "body", [shown(&body.media)].into_iter().chain(parts(body)));
    }
    let auth: Vec<String> =
        entry.auth.iter().map(|needs| credentials(needs.iter().map(|need| need.scheme.as_str()), schemes)).collect();
    line(out, "login", Some(auth.join(" or ")).filter(|auth| !auth.is_empty()));
    line(out, "pages", entry.pages.as_ref().map(pages));
}

fn param(param: &Param) -> String {
    renamed(&param.name, &param.key)
}

fn parts(body: &Body) -> Vec<String> {
    let what = match body.kind {
        BodyKind::Bytes => " as base64",
        _ => "",
    };
    let whole = body.key.iter().map(|key| format!("all of it is {key}{what}"));
    let parts =
        body.fields.iter().map(|field| renamed(&field.name, &field.key) + if field.file { " as base64" } else { "" });
    whole.chain(parts).collect()
}

/// A name on the wire, and the param that it comes from if that has another name.
fn renamed(name: &str, key: &str) -> String {
    if name == key { name.to_owned() } else { format!("{} from {key}", shown(name)) }
}

fn credentials<'n>(needs: impl Iterator<Item = &'n str>, schemes: &IndexMap<String, Scheme>) -> String {
    let told = needs.map(|need| match schemes.get(need) {
        Some(Scheme::ApiKey { location, name, field }) => format!("{field} in the {location} {}", shown(name)),
        Some(Scheme::Bearer) => "bearerToken".to_owned(),
        Some(Scheme::Basic) => "username and password".to_owned(),
        Some(Scheme::Oauth2 | Scheme::OpenIdConnect) => "an access token".to_owned(),
        Some(Scheme::AwsSigV4) => "a signature of AWS (version 4)".to_owned(),
        Some(Scheme::MutualTls) => "the certificate in clientCertificate".to_owned(),
        None => shown(need),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(" and ") }
}

fn pages(pages: &Pages) -> String {
    let key = pages.key.as_deref().unwrap_or_default();
    match (pages.by.as_str(), &pages.next) {
        ("cursor", Some(next)) => format!("allPages sends {key} from {} of the page before", shown(next)),
        ("link", Some(next)) => format!("allPages follows {} of the page before", shown(next)),
        ("link", None) => "allPages follows the header Link".to_owned(),
        ("last", Some(next)) => format!("allPages sends {key} from {} of the last item", shown(next)),
        (by, _) => format!("allPages counts {key} by {by}"),
    }
}

/// Writes items after a word, on as many lines as they need.
fn line(out: &mut String, word: &str, items: impl IntoIterator<Item = String>) {
    let mut items = items.into_iter();
    let Some(first) = items.next() else { return };
    let mut length = INDENT + first.chars().count();
    out.push_str(&format!("//   {word:<INDENT$}{first}"));
    for (index, item) in items.enumerate() {
        if index == MAX_NAMES {
            out.push_str(", and more: see the table");
            break;
        }
        let own = item.chars().count();
        if length + own > WIDTH {
            out.push_str(&format!(",\n//   {:INDENT$}", ""));
            length = INDENT;
        } else {
            out.push_str(", ");
        }
        length += own + 2;
        out.push_str(&item);
    }
    out.push('\n');
}

/// A text of the document on one line, short, and without what could end a comment or a script.
fn shown(text: &str) -> String {
    let plain = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '<' | '>');
    let text = cut(text, MAX_TEXT);
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'<' && byte != b'>') {
        return text.to_owned();
    }
    text.chars().map(|c| if plain(c) { c } else { '\u{fffd}' }).collect()
}
