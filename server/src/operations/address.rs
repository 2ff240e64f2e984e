//! Where a request goes: base URL, path and query.

use std::borrow::Cow;

use connector_runtime::schema::FieldValues;
use connector_runtime::schema::destination::BASE_URL;
use url::Url;

use super::given::Given;
use super::spelling::{Spelling, text};
use super::style::expand;
use crate::openapi::{Entry, Param, Variable};

/// A base URL, in parts. A path is appended to the first one; its query, if it has one, goes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// Scheme, authority and path, without a slash at the end.
    pub(super) prefix: String,
    pub(super) query: Option<String>,
}

impl Base {
    /// Reads a URL. A fragment is not part of where requests go.
    fn of(url: &str) -> Self {
        let url = url.trim().replace(' ', "%20");
        let url = url.split('#').next().unwrap_or_default();
        let (prefix, query) = url.split_once('?').map_or((url, None), |(prefix, query)| (prefix, Some(query)));
        let query = query.filter(|query| !query.is_empty()).map(str::to_owned);
        Self { prefix: prefix.trim_end_matches('/').to_owned(), query }
    }

    /// Returns the connection's base URL, with its variables filled in.
    pub(super) fn of_connection(config: &FieldValues<'_>, variables: &[Variable]) -> Self {
        let template = config.get(BASE_URL).map(text).unwrap_or_default();
        Self::of(&filled(&template, config, variables))
    }

    /// Returns where an operation is served, which may be elsewhere.
    pub(super) fn of_operation(&self, entry: &Entry) -> Cow<'_, Self> {
        let Some(own) = &entry.server else { return Cow::Borrowed(self) };
        let is_absolute = own.contains("://");
        Cow::Owned(if own.starts_with("//") {
            let scheme = self.prefix.split_once("//").map_or("https:", |(scheme, _)| scheme);
            Self::of(&format!("{scheme}{own}"))
        } else if is_absolute {
            Self::of(own)
        } else if own.starts_with('/') {
            Self::of(&format!("{}{own}", self.origin_text()))
        } else {
            Self::of(&format!("{}/{own}", self.prefix))
        })
    }

    /// The text of scheme and authority, as the URL is understood: `https:/a.example` has an authority too.
    fn origin_text(&self) -> String {
        Url::parse(&self.prefix).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// Returns whether both are served by the same scheme, host and port.
    pub(super) fn has_origin_of(&self, other: &Self) -> bool {
        let origin = |base: &Self| Url::parse(&base.prefix).ok().map(|url| url.origin());
        origin(self).is_some_and(|own| own.is_tuple() && origin(other).as_ref() == Some(&own))
    }

    /// Returns the URL of a path and query pairs.
    pub(super) fn url(&self, path: &str, query: &[String]) -> String {
        let (path, own) = path.split_once('?').map_or((path, None), |(path, own)| (path, Some(own)));
        let all = self.query.as_deref().into_iter().chain(own.filter(|own| !own.is_empty()));
        let all: Vec<&str> = all.chain(query.iter().map(String::as_str)).collect();
        let mut url = format!("{}{path}", self.prefix);
        if !all.is_empty() {
            url.push('?');
            url.push_str(&all.join("&"));
        }
        url
    }

    /// Returns the URL of a link of an answer: its path and query, on this origin.
    ///
    /// # Errors
    /// If the link is no URL.
    pub(super) fn link(&self, current: &str, link: &str) -> Result<String, String> {
        let wrong = |what: &str| format!("the link to the next page cannot be followed: it {what}");
        let base = Url::parse(current).map_err(|_| wrong("is relative to no URL"))?;
        let next = base.join(link.trim()).map_err(|error| wrong(&format!("is not a URL ({error})")))?;
        if !matches!(next.scheme(), "http" | "https") {
            return Err(wrong("does not lead to http or https"));
        }
        let query = next.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(format!("{}{}{query}", self.origin_text(), next.path()))
    }
}

fn filled(template: &str, config: &FieldValues<'_>, variables: &[Variable]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = after.split_once('}').and_then(|(name, next)| {
            let variable = variables.iter().find(|variable| variable.name == name)?;
            Some((config.get(&variable.field)?, next))
        });
        match known {
            Some((value, next)) => {
                out.push_str(&text(value));
                rest = next;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Fills in the path of an operation. A path may come with a query of its own.
///
/// # Errors
/// If a value is lacking, or would lead to another operation.
pub(super) fn path(entry: &Entry, given: &Given<'_>) -> Result<String, String> {
    let template = &*entry.path.split('#').next().unwrap_or_default().replace(' ', "%20");
    let mut out = String::with_capacity(template.len() + 32);
    if !template.starts_with('/') {
        out.push('/');
    }
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, next)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        // If braces are nested, the innermost pair counts.
        let (outer, name) = name.rsplit_once('{').map_or((None, name), |(outer, name)| (Some(outer), name));
        out.extend(outer.into_iter().flat_map(|outer| ["{", outer]));
        out.push_str(&segment(entry, given, name)?);
        rest = next;
    }
    out.push_str(rest);
    // A URL is cleaned of such steps, and would lead to another operation.
    let steps = out.split('?').next().unwrap_or_default();
    if steps.split('/').any(is_dots) {
        return Err("a path parameter may not be . or ..".to_owned());
    }
    Ok(out)
}

fn segment(entry: &Entry, given: &Given<'_>, name: &str) -> Result<String, String> {
    let param = entry.params.iter().find(|param| param.location == "path" && param.name == name);
    let lacks =
        |key: &str| format!("the path needs a value for {key}, and an empty one would lead to another operation");
    let Some(Param { key, name, form, .. }) = param else { return Err(lacks(name)) };
    let value = given.plain(key, false).filter(|value| value.as_str() != Some(""));
    let spelling = if form.reserved { Spelling::ReservedInPath } else { Spelling::Encoded };
    let written = value.and_then(|value| expand(name, form, &value, spelling));
    written.filter(|text| !text.is_empty()).ok_or_else(|| lacks(key))
}

/// Whether a step of a path is `.` or `..`, in any spelling.
fn is_dots(step: &str) -> bool {
    let plain = step.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}
