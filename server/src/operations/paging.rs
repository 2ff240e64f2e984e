//! Turns the pages of a list. Half a list would look whole, so a page that cannot be fetched or read is a failure.

use std::borrow::Cow;
use std::collections::HashSet;

use connector_runtime::egress::Response;
use connector_runtime::outcome::Fail;
use connector_runtime::result::PayloadText;
use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use connector_runtime::schema::number;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::Content;
use super::pointer::{around, at, value_at};
use super::run::{Ended, Run, failed};
use crate::openapi::Pages;

/// The maximum number of pages that one command fetches.
pub(super) const MAX_PAGES: usize = 45;

/// Fetches every page, and answers with all items together.
///
/// # Errors
/// If there are more pages than one command fetches, or one of them cannot be used.
pub(super) async fn all(run: &Run<'_>, pages: &Pages) -> Result<Ended, Box<Fail>> {
    let mut items: Vec<Box<RawValue>> = Vec::new();
    let mut bytes = 0;
    let mut turn = Turn::first(run, pages);
    let mut seen = HashSet::new();
    for page in 0_usize.. {
        let after = |fail: Box<Fail>| if page == 0 { fail } else { unfinished(*fail, page, items.len()) };
        if page == MAX_PAGES {
            let error = format!("there are more than {MAX_PAGES} pages; ask for more at a time, or for fewer items");
            return Err(Box::new(Fail::new(error).diagnostic("items", items.len())));
        }
        let turned = pages.key.as_deref().filter(|_| turn.url.is_none()).map(|key| (key, turn.value.as_ref()));
        let response = run.send(turned, turn.url.as_deref()).await.map_err(after)?;
        let found = Page::of(run.content(&response).map_err(after)?, pages).map_err(|why| after(failed(why)))?;
        bytes += found.items.iter().map(|item| item.get().len()).sum::<usize>();
        if items.len() + found.items.len() > MAX_JSON_VALUES {
            let error = format!("all pages have more than {MAX_JSON_VALUES} items; ask for fewer");
            return Err(Box::new(Fail::new(error).diagnostic("pages", page + 1)));
        }
        let most = run.most_bytes();
        if bytes > most {
            let error = format!("the items of all pages have more than {} MiB; ask for fewer", most >> 20);
            return Err(Box::new(Fail::new(error).diagnostic("pages", page + 1)));
        }
        let next = turn.next(run, pages, &found, &response);
        items.extend(found.items);
        let told = |why: String| unfinished(Fail::new(why), page + 1, items.len());
        match next.map_err(told)? {
            // A cursor may stay the same, as that of a service that remembers how far its reader is; a link may not.
            Some(Turn { url: Some(ref url), .. }) if !seen.insert(url.clone()) => {
                return Err(told("a link leads to a page that was there before".to_owned()));
            }
            Some(next) => turn = next,
            None => {
                let payload = around(pages.items.as_deref(), &items).map_err(|error| failed(error.to_string()))?;
                let payload = PayloadText::of(&payload).map_err(|error| failed(error.to_string()))?;
                return Ok(run.ended(&response, Some(payload)));
            }
        }
    }
    Err(failed("there are no pages"))
}

fn unfinished(mut fail: Fail, pages: usize, items: usize) -> Box<Fail> {
    let many = if pages == 1 { "page was" } else { "pages were" };
    fail.error = format!("{pages} {many} read, but not the rest: {}", fail.error);
    Box::new(fail.diagnostic("pages", pages).diagnostic("items", items))
}

/// Which page is fetched: by the value of a param, or by a URL.
#[derive(Debug, Default)]
struct Turn {
    value: Option<Value>,
    url: Option<String>,
}

impl Turn {
    fn first(run: &Run<'_>, pages: &Pages) -> Self {
        // A number that came as a text of its digits is counted on as well.
        let given = |key: &str| match run.given.plain(key, false)? {
            text if text.is_string() => run.given.typed(key, false),
            other => Some(other),
        };
        let given = pages.key.as_deref().and_then(given).map(Cow::into_owned);
        let value = given.or_else(|| match pages.by.as_str() {
            "page" => Some(json!(pages.first.unwrap_or(1))),
            "offset" => Some(json!(pages.first.unwrap_or(0))),
            _ => None,
        });
        Self { value, url: None }
    }

    /// Returns what leads to the next page, if there is one.
    fn next(&self, run: &Run<'_>, pages: &Pages, page: &Page, response: &Response) -> Result<Option<Self>, String> {
        let count = page.items.len();
        let url = |link: &str| Ok(Some(Self { value: None, url: Some(run.base.link(response.url().as_str(), link)?) }));
        let number = |step: usize| {
            // Some services filter a page after it was cut, so an empty one may be followed by others.
            if step == 0 || count == 0 && page.more != Some(true) {
                return Ok(None);
            }
            let own = self.value.as_ref().and_then(Value::as_number).and_then(number::whole);
            let next = own.and_then(|own| u64::try_from(own).ok()).and_then(|own| own.checked_add(step as u64));
            let next = next.ok_or("the number of its page is no whole number, so there is no next one")?;
            Ok(Some(Self { value: Some(json!(next)), url: None }))
        };
        if page.more == Some(false) {
            return Ok(None);
        }
        let next = match (pages.by.as_str(), &page.next) {
            ("cursor" | "link", Some(Value::String(text))) if text.is_empty() => Ok(None),
            // Many services call the whole URL their cursor.
            ("cursor", Some(Value::String(text))) if is_url(text) => url(text),
            ("link", Some(Value::String(text))) => url(text),
            ("cursor" | "link", Some(Value::Null | Value::Bool(false))) => Ok(None),
            ("link", Some(_)) => Err("the link to the next page is no text".to_owned()),
            ("cursor", Some(value)) => Ok(Some(Self { value: Some(value.clone()), url: None })),
            ("last", Some(value)) if !value.is_null() => Ok(Some(Self { value: Some(value.clone()), url: None })),
            ("link", None) if pages.next.is_none() => response.next_link().map_or(Ok(None), url),
            ("page", _) => number(1),
            ("offset", _) => number(count),
            _ => Ok(None),
        }?;
        if next.is_none() && page.more == Some(true) {
            return Err("the page says that there are more, but not where".to_owned());
        }
        Ok(next)
    }
}

fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://") || text.starts_with('/') && text.contains('?')
}

/// The items of a page, and what it says of the next one.
struct Page {
    items: Vec<Box<RawValue>>,
    next: Option<Value>,
    more: Option<bool>,
}

impl Page {
    fn of(content: Content, pages: &Pages) -> Result<Self, String> {
        let json = match content {
            Content::Json(json) => json,
            Content::Nothing => return Ok(Self { items: Vec::new(), next: None, more: None }),
            _ => return Err("the page is not JSON".to_owned()),
        };
        let value = |pointer: &Option<String>| value_at(&json, pointer.as_deref()?);
        let flag = |pointer: &Option<String>| value(pointer).as_ref().and_then(Value::as_bool);
        let lacks = || match &pages.items {
            Some(pointer) => format!("the page has no list at {pointer}"),
            None => "the page is not a list".to_owned(),
        };
        let found = match &pages.items {
            Some(pointer) if !json.get().starts_with('{') => return Err(format!("the page has no list at {pointer}")),
            Some(pointer) => at(&json, pointer).map(RawValue::get),
            None => Some(json.get()),
        };
        let items: Vec<Box<RawValue>> = match found {
            // Some services leave out a list that is empty.
            None | Some("null") => Vec::new(),
            Some(items) => serde_json::from_str(items).map_err(|_| lacks())?,
        };
        let next = match pages.by.as_str() {
            "last" => items.last().and_then(|item| value_at(item, pages.next.as_deref()?)),
            _ => value(&pages.next),
        };
        let more = flag(&pages.more).or_else(|| flag(&pages.last).map(|last| !last));
        Ok(Self { items, next, more })
    }
}
