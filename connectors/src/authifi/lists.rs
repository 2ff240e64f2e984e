//! Lists, read in pages of 100 by the number of items so far, in the order of ids.

use std::collections::HashSet;

use connector_runtime::prelude::*;

use super::api::{Api, Does, unreadable};

/// The items of a page.
const PAGE: usize = 100;

/// What is listed.
pub(super) struct Query<'q> {
    pub(super) what: &'q str,
    pub(super) path: &'q [&'q str],
    /// LoopBack's conditions; empty for none.
    pub(super) by: Map<String, Value>,
    pub(super) order: Vec<String>,
    pub(super) limit: usize,
}

/// Items, and whether there are more.
pub(super) struct Found {
    pub(super) items: Vec<Map<String, Value>>,
    pub(super) truncated: bool,
}

impl Found {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }
}

impl Api<'_> {
    /// Reads a list to its limit, and one item further, to know whether there are more.
    pub(super) async fn list(&self, query: Query<'_>) -> Result<Found, Failure> {
        let mut items: Vec<Map<String, Value>> = Vec::new();
        let mut known = HashSet::new();
        let mut skip = 0;
        loop {
            let asked = PAGE.min(query.limit.saturating_sub(items.len()) + 1);
            let mut filter = Map::new();
            if !query.by.is_empty() {
                filter.insert("where".to_owned(), query.by.clone().into());
            }
            filter.insert("limit".to_owned(), asked.into());
            filter.insert("skip".to_owned(), skip.into());
            filter.insert("order".to_owned(), json!(query.order));
            let request = self.request("GET", query.path)?.query(&[("filter", Value::Object(filter).to_string())]);
            let what = format!("list the {}", query.what);
            let response = self.done(&what, request, Does::Read).await?;
            let page: Vec<Map<String, Value>> = response.json().map_err(|_| unreadable(&what))?;
            let came = page.len();
            let before = items.len();
            for item in page {
                // An item that moved to the next page while others were removed would be told twice.
                if item.get("id").is_none_or(|id| known.insert(id.to_string())) {
                    items.push(item);
                }
            }
            if items.len() > query.limit {
                items.truncate(query.limit);
                return Ok(Found { items, truncated: true });
            }
            if came < asked {
                return Ok(Found { items, truncated: false });
            }
            if items.len() == before {
                let why = format!("Authifi answers the same page of {} again; the list may be longer", query.what);
                return Err(Fail::coded(Code::Unavailable, why).into());
            }
            skip += came;
        }
    }
}

/// Returns the order of a list: that of the call, and then of ids, so that pages do not overlap.
pub(super) fn order(asked: Option<&str>) -> Vec<String> {
    match asked.map(str::trim).filter(|asked| !asked.is_empty() && !asked.starts_with("id")) {
        Some(asked) => vec![asked.to_owned(), "id".to_owned()],
        None => vec![asked.unwrap_or("id").to_owned()],
    }
}

/// Makes the condition that one of some fields holds a text, whatever its case.
pub(super) fn holds(fields: &[&str], text: &str) -> Value {
    let escaped: String =
        text.chars().flat_map(|c| (!c.is_alphanumeric()).then_some('\\').into_iter().chain([c])).collect();
    let pattern = format!("/{escaped}/i");
    json!({ "or": fields.iter().map(|field| json!({ *field: { "regexp": pattern } })).collect::<Vec<_>>() })
}
