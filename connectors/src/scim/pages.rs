//! Reads a list to its end while others change it.
//!
//! By index, a resource that is deleted before the next page moves all after it one place forward, and one of them would
//! be lost between two pages. So each page begins a little before the end of the one before it. If its first resource was
//! seen already, nothing lies between; if not, the list is asked again from further back. What comes twice counts once.

use std::collections::{HashMap, HashSet};

use connector_runtime::prelude::*;

use super::capabilities::{Capabilities, whole};
use super::failure::{Problem, Result, about_filter};
use super::filter::Filter;
use super::resource::{id, member, texts, without_password};
use super::session::Session;

/// The most requests for one list.
const MAX_REQUESTS: usize = 20_000;
/// The most bytes that the answers for one list may have together.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How often the same page may come in a row before the service is taken for one that repeats itself.
const MAX_IDLE: usize = 4;
/// How often in a row the list is asked again from further back, or brings what was passed already.
const MAX_STEPS: usize = 64;

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct ListQuery {
    pub(super) path: Vec<String>,
    pub(super) filter: Filter,
    pub(super) attributes: Option<String>,
    pub(super) excluded: Option<String>,
    pub(super) sort_by: Option<String>,
    pub(super) descending: bool,
    pub(super) limit: usize,
    /// What it is, for errors: `the users`.
    pub(super) what: String,
}

/// What came.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) resources: Vec<Value>,
    /// How many there are, as the service says.
    pub(super) total: Option<u64>,
    /// Why there may be more; `None` if these are all.
    pub(super) truncated: Option<&'static str>,
}

pub(super) const BY_LIMIT: &str = "limit";
pub(super) const BY_SIZE: &str = "size";
/// The service gave the same page again.
pub(super) const BY_REPETITION: &str = "repeatedPage";
/// The service gave nothing where it said that there is more.
pub(super) const BY_MISSING: &str = "missingPage";
/// The list changed faster than it could be read.
pub(super) const BY_CHANGES: &str = "changing";

/// One answer.
#[derive(Debug)]
struct Page {
    resources: Vec<Value>,
    total: Option<u64>,
    next_cursor: Option<String>,
    bytes: usize,
}

struct Reader<'s> {
    session: Session<'s>,
    query: &'s ListQuery,
    count: usize,
    seen: HashSet<String>,
    cursors: HashSet<String>,
    resources: Vec<Value>,
    total: Option<u64>,
    requests: usize,
    bytes: usize,
}

impl Session<'_> {
    /// Reads a list.
    pub(super) async fn list(&self, query: &ListQuery) -> Result<Listed> {
        if query.filter == Filter::Nothing {
            return Ok(Listed { resources: Vec::new(), total: Some(0), truncated: None });
        }
        let capabilities = self.capabilities().await?;
        let size = self.connector.page_size.min(self.profile.max_page);
        let count = query.limit.min(usize::try_from(size).unwrap_or(usize::MAX)).max(1);
        let mut reader = Reader {
            session: *self,
            query,
            count,
            seen: HashSet::new(),
            cursors: HashSet::new(),
            resources: Vec::new(),
            total: None,
            requests: 0,
            bytes: 0,
        };
        let by_cursor = if capabilities.cursor { reader.by_cursor().await? } else { Then::ByIndex };
        let truncated = match by_cursor {
            Then::Over(truncated) => truncated,
            Then::ByIndex => reader.by_index(&capabilities).await?,
        };
        Ok(Listed { resources: reader.resources, total: reader.total, truncated })
    }
}

/// How a list goes on after its pages by cursor.
enum Then {
    Over(Option<&'static str>),
    /// From its beginning, by index: the order may be another one.
    ByIndex,
}

impl Reader<'_> {
    async fn by_cursor(&mut self) -> Result<Then> {
        // An empty cursor asks for the first page (RFC 9865, section 2.2).
        let mut cursor = String::new();
        // What is inserted behind the place is no reason to go on.
        let mut fewest: Option<u64> = None;
        loop {
            let page = match self.page(("cursor", cursor.clone())).await {
                // It has expired, or the service announces what it does not have.
                Err(problem) if problem.status() == Some(400) && problem.system_code().ends_with("Cursor") => {
                    return Ok(Then::ByIndex);
                }
                page => page?,
            };
            let (len, total) = (page.resources.len(), page.total);
            let next = page.next_cursor.clone();
            fewest = fewest.into_iter().chain(total).min();
            let truncated = self.add(page.resources, next.is_some());
            if truncated.is_some() {
                return Ok(Then::Over(truncated));
            }
            match next {
                // Whatever it says of cursors, it knows of more.
                None if fewest.is_some_and(|fewest| fewest > self.seen.len() as u64) => return Ok(Then::ByIndex),
                None => return Ok(Then::Over(None)),
                Some(next) if !self.cursors.insert(next.clone()) => return Ok(Then::Over(Some(BY_REPETITION))),
                Some(_) if len == 0 => return Ok(Then::Over(Some(BY_MISSING))),
                Some(next) => cursor = next,
            }
        }
    }

    async fn by_index(&mut self, capabilities: &Capabilities) -> Result<Option<&'static str>> {
        let full = capabilities.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(self.count);
        let full = full.min(self.count);
        // What was passed on the way from the beginning, without a gap.
        let mut passed: HashSet<String> = HashSet::new();
        let (mut start, mut overlap, mut wider, mut head) = (1, 0, 1, None);
        let (mut idle, mut moved, mut steps_back, mut stepped_back) = (0, 0, 0, false);
        let mut last_keys = Vec::new();
        loop {
            let page = self.page(("startIndex", start.to_string())).await?;
            let len = page.resources.len();
            let end = (start + len - 1) as u64;
            // A total that the page disproves says nothing.
            let total = page.total.filter(|total| end <= *total);
            let is_end = total == Some(end);
            let keys = keys(&page.resources);
            let first = keys.first().cloned();
            if start == 1 {
                head.clone_from(&first);
            }
            // So many were deleted that there is no such place any more; some services answer the first page then.
            let beyond = page.total.map(|total| start as u64 > total);
            let is_past = start > 1
                && match len {
                    0 => beyond.unwrap_or(overlap > 0),
                    _ => beyond == Some(true) && first == head,
                };
            let follows = start == 1 || overlap == 0 || first.is_none_or(|first| passed.contains(&first));
            if is_past || !follows {
                steps_back += 1;
                if steps_back > MAX_STEPS {
                    return Ok(Some(BY_CHANGES));
                }
                let last = page.total.and_then(|total| usize::try_from(total).ok()).unwrap_or(usize::MAX);
                start = start.min(last.saturating_add(1)).saturating_sub(self.count).max(1);
                // The list moves by more than a page overlaps the one before.
                (overlap, wider, stepped_back) = (1, (wider * 2).min(64), true);
                continue;
            }
            if len == 0 {
                let is_missing = page.total.is_some_and(|total| total >= start as u64);
                return Ok(is_missing.then_some(BY_MISSING));
            }
            let before = passed.len();
            let repeats = keys == last_keys;
            passed.extend(keys.iter().cloned());
            last_keys = keys;
            let has_new = passed.len() > before;
            let truncated = self.add(page.resources, !is_end);
            if truncated.is_some() {
                return Ok(truncated);
            }
            let is_over = match total {
                // A full page may have more behind it, whatever the total says.
                Some(_) => is_end && (len < full || !has_new),
                None => !has_new && len <= overlap,
            };
            if is_over {
                return Ok(None);
            }
            match has_new {
                true => (idle, moved, steps_back) = (0, 0, 0),
                // That was to be expected.
                false if stepped_back => {}
                false if repeats => idle += 1,
                // So much was inserted before the place that the list moved by a page.
                false => (moved, wider) = (moved + 1, (wider / 2).max(1)),
            }
            if idle >= MAX_IDLE {
                return Ok(Some(BY_REPETITION));
            }
            if moved >= MAX_STEPS {
                return Ok(Some(BY_CHANGES));
            }
            overlap = overlap_of(len, wider);
            start += len - overlap;
            stepped_back = false;
        }
    }

    /// Keeps what is new of a page, up to the limit, and returns why no more is kept. `goes_on` is whether the service says
    /// that there is more.
    fn add(&mut self, resources: Vec<Value>, goes_on: bool) -> Option<&'static str> {
        let keys = keys(&resources);
        for (resource, key) in resources.into_iter().zip(keys) {
            if self.seen.contains(&key) {
                continue;
            }
            if self.resources.len() == self.query.limit {
                return Some(BY_LIMIT);
            }
            self.seen.insert(key);
            self.resources.push(without_password(resource));
        }
        match goes_on {
            true if self.resources.len() == self.query.limit => Some(BY_LIMIT),
            true if self.bytes > MAX_BYTES => Some(BY_SIZE),
            _ => None,
        }
    }

    async fn page(&mut self, place: (&str, String)) -> Result<Page> {
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            let why =
                format!("The list has more than {MAX_REQUESTS} pages; ask with a filter, or set a larger pageSize");
            return Err(Problem::new(Code::TooLarge, why));
        }
        let query = self.query;
        let mut params = vec![place, ("count", self.count.to_string())];
        let sort_order = query.sort_by.as_ref().map(|_| if query.descending { "descending" } else { "ascending" });
        let more = [
            ("filter", query.filter.as_text()),
            ("attributes", query.attributes.as_deref()),
            ("excludedAttributes", query.excluded.as_deref()),
            ("sortBy", query.sort_by.as_deref()),
            ("sortOrder", sort_order),
        ];
        params.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))));
        let response = self.session.get(&query.path, &params).await?;
        let response = self.session.accepted(response, &format!("list {}", query.what));
        let page = read(&response.map_err(|problem| about_filter(problem, query.filter.as_text()))?, &query.what)?;
        self.total = page.total.or(self.total);
        self.bytes = self.bytes.saturating_add(page.bytes);
        Ok(page)
    }
}

/// Returns how many resources of a page the next one begins before its end: one in twenty, and more where a list moves fast.
fn overlap_of(len: usize, wider: usize) -> usize {
    let usual = (len / 20).max(1);
    usual.saturating_mul(wider).min((len / 2).max(usual)).min(len.saturating_sub(1))
}

/// Names the resources of a page: by their ids, and one without by all of it and how often it came before on the page.
fn keys(resources: &[Value]) -> Vec<String> {
    let mut nameless: HashMap<String, usize> = HashMap::new();
    let key = |resource: &Value| {
        id(resource).unwrap_or_else(|| {
            let text = resource.to_string();
            let times = nameless.entry(text.clone()).and_modify(|times| *times += 1).or_default();
            format!("{times}:{text}")
        })
    };
    resources.iter().map(key).collect()
}

fn read(response: &Response, what: &str) -> Result<Page> {
    let bytes = response.bytes().len();
    // Nothing at all, as some answer where nothing matches.
    if response.status() == 204 {
        return Ok(Page { resources: Vec::new(), total: Some(0), next_cursor: None, bytes });
    }
    let mut body: Value = response.json()?;
    let total = member(&body, "totalResults").and_then(whole);
    let next_cursor = texts(&body, "nextCursor");
    let name = body.as_object().and_then(|map| map.keys().find(|name| name.eq_ignore_ascii_case("Resources")).cloned());
    let resources = match name.map(|name| body[&name].take()) {
        Some(Value::Array(resources)) => resources,
        // An empty list may be left out (RFC 7644, section 3.4.2).
        Some(Value::Null) | None if total.is_some() || is_list_response(&body) => Vec::new(),
        _ => {
            let why = format!(
                "Could not list {what}: the answer is not a list of SCIM; check that baseUrl leads to the SCIM service, \
                 such as https://example.com/scim/v2"
            );
            return Err(Problem::new(Code::Unavailable, why).with("statusCode", response.status()));
        }
    };
    Ok(Page { resources, total, next_cursor, bytes })
}

fn is_list_response(body: &Value) -> bool {
    let schemas = member(body, "schemas").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    schemas.iter().any(|schema| schema.as_str().is_some_and(|schema| schema.ends_with(":ListResponse")))
}
