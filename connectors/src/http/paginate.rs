//! Lists of many pages.

use connector_runtime::context::Context;
use connector_runtime::egress::PagingError;
use connector_runtime::prelude::*;

use super::target::Sending;

/// The most bytes of all pages of one call.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How a page leads to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum PageBy {
    /// By the header Link with rel="next" (RFC 8288).
    Link,
    /// By a URL in the page.
    #[select(label = "URL in the page")]
    NextUrl,
    /// By a cursor in the page, which goes into a query parameter.
    Cursor,
    /// By the number of the page in a query parameter, until a page is empty.
    Page,
    /// By the number of items so far in a query parameter, until a page is empty.
    Offset,
}

/// How the pages of a list are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum ListMethod {
    /// Read.
    #[select(name = "GET", label = "GET")]
    Get,
    /// Search, by a request that only reads.
    #[select(name = "POST", label = "POST")]
    Post,
}

/// Items of a list.
#[payload]
#[derive(Debug)]
pub struct Listed {
    /// The items.
    pub items: Vec<Value>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
    /// How many pages were read.
    pub pages: u32,
}

/// How a call declares its paging.
pub(super) struct Declared {
    pub(super) by: PageBy,
    pub(super) next: Option<String>,
    pub(super) param: Option<String>,
    pub(super) start: Option<u32>,
    pub(super) more: Option<String>,
    pub(super) total: Option<String>,
}

impl Declared {
    pub(super) fn paging(self, items: &str) -> Result<Paging, Fail> {
        let Self { by, next, param, start, more, total } = self;
        let lacks = |name: &str| Fail::new(format!("Missing required field(s): {name} (by is {})", by.as_str()));
        let next = || next.ok_or_else(|| lacks("next"));
        let param = || param.ok_or_else(|| lacks("param"));
        let mut paging = match by {
            PageBy::Link => Paging::link(),
            PageBy::NextUrl => Paging::next_url(next()?),
            PageBy::Cursor => Paging::cursor(next()?, param()?),
            PageBy::Page => Paging::page_number(param()?, items),
            PageBy::Offset => Paging::offset(param()?, items),
        };
        if let Some(start) = start {
            if !matches!(by, PageBy::Page | PageBy::Offset) {
                return Err(Fail::new("Invalid field(s): start: only page and offset are counted"));
            }
            paging = paging.starting_at(start.into());
        }
        if let Some(more) = more {
            paging = paging.while_true(more);
        }
        if let Some(total) = total {
            paging = paging.until_total(total);
        }
        Ok(paging)
    }
}

/// Reads pages to the limit, and one item further, to know whether there are more.
pub(super) async fn read(
    sending: Sending,
    paging: Paging,
    pointer: &str,
    limit: usize,
    cx: &Context,
) -> Result<Listed, Failure> {
    let Sending { request, authorized, id } = sending;
    let mut pages = request.pages(paging);
    if let Some(authorized) = &authorized {
        pages = pages.authorized(authorized);
    }
    let told = |fail: Fail| id.iter().fold(fail, |fail, id| fail.diagnostic("requestId", id));
    let (mut items, mut bytes, mut count) = (Vec::new(), 0, 0);
    let truncated = loop {
        let page = pages.next().await.map_err(|error| told(broken(&error, count)))?;
        let Some(page) = page else { break false };
        count += 1;
        bytes += page.bytes().len();
        if bytes > MAX_BYTES {
            return Err(told(Fail::new("The pages have more than 64 MiB together; set a lower limit")).into());
        }
        let page = page.error_for_status()?;
        if page.bytes().is_empty() {
            continue;
        }
        let mut body: Value = page.json()?;
        match body.pointer_mut(pointer).map(Value::take) {
            Some(Value::Array(found)) => items.extend(found),
            Some(Value::Null) => {}
            _ => {
                let why = format!("Page {count} has no list at `{pointer}`; check the pointer in items");
                return Err(told(Fail::new(why).diagnostics(page.diagnostics())).into());
            }
        }
        if items.len() > limit {
            break true;
        }
    };
    items.truncate(limit);
    cx.log().debug(format!("{} items on {count} pages", items.len()));
    let listed = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Ok(Listed { items, count: listed, truncated, pages: count })
}

fn broken(error: &PagingError, pages: u32) -> Fail {
    let fail = Fail::new(error.to_string()).diagnostic("pages", pages);
    match error {
        PagingError::Egress(error) => fail.diagnostic("code", error.code()),
        PagingError::Token(error) => fail.diagnostic("code", Code::from(error)),
        _ => fail,
    }
}
