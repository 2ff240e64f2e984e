//! Reads a list page by page.
//!
//! The service says what the next page is. So a page that leads back to an earlier one is an error and not
//! an endless loop, pages are counted, and a link to another origin does not get the secrets of the request.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::oauth::Authorized;
use super::paging::PagingMethod;
use super::{BodyError, Paging, PagingError, Request, Response, link, url as urls};

/// The most bytes that the pages of a collected list may have together.
const MAX_COLLECTED: usize = 64 * 1024 * 1024;
/// What some services answer after the last page.
const NO_CONTENT: u16 = 204;

impl Request {
    /// Reads a list page by page. Every page is this request again, with its body and headers.
    ///
    /// Each page has the request's timeout and [retry](Request::retry) to itself; a handler's pages together
    /// end with its call.
    ///
    /// ```no_run
    /// # async fn example(client: connector_egress::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use connector_egress::Paging;
    ///
    /// let mut pages = client.get("https://api.example.com/items").query(&[("per_page", 100)]).pages(Paging::link());
    /// while let Some(page) = pages.next().await? {
    ///     let items: Vec<serde_json::Value> = page.error_for_status()?.json()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(mut self, paging: Paging) -> Pages {
        let client = self.client.clone();
        let counted = paging.counter().map_or(0, |(_, start)| start);
        self = self.change(|outgoing| paging.check().map(|()| outgoing.mark_secrets(&client.scope)));
        let first = match paging.counter() {
            Some((param, start)) => self.with_param(param, &start.to_string()),
            None => self.clone(),
        };
        let mut pages = Pages {
            paging,
            state: State::Ready(Box::new(first)),
            counted,
            items: 0,
            answered: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            request: self,
            authorized: None,
        };
        if let Ok(outgoing) = &pages.request.outgoing
            && matches!(pages.paging.method, PagingMethod::Link | PagingMethod::NextUrl { .. })
        {
            pages.seen.insert(pages.hasher.hash_one(without_fragment(&outgoing.url).as_str()));
        }
        pages
    }

    fn with_param(&self, name: &str, value: &str) -> Self {
        self.clone().set(|outgoing| outgoing.replace_query(name, value))
    }
}

/// The pages of a list. Made by [`Request::pages`].
#[derive(Debug)]
#[must_use = "pages are asked for one by one, with `next` or `collect_items`"]
pub struct Pages {
    paging: Paging,
    /// The request as its author built it.
    request: Request,
    /// What gives each page its access token.
    authorized: Option<Authorized>,
    state: State,
    /// The page or offset that was asked for last.
    counted: u64,
    /// How many items came.
    items: u64,
    answered: usize,
    /// Hashes of the links or cursors that were followed; the texts themselves may be long.
    seen: HashSet<u64>,
    hasher: RandomState,
}

#[derive(Debug)]
enum State {
    Ready(Box<Request>),
    Broken(PagingError),
    Over,
}

impl Pages {
    /// Asks for the next page; `None` after the last one.
    ///
    /// As with [`Request::send`], a page is returned whatever its status; one that is not 200 to 299 is the
    /// last, as is 204. A page that got no answer is asked for again by the next call.
    ///
    /// # Errors
    ///
    /// Fails if there is no answer, or if the page before does not say which page is next.
    pub async fn next(&mut self) -> Result<Option<Response>, PagingError> {
        let Some(response) = self.fetch().await? else {
            return Ok(None);
        };
        self.state = State::Over;
        if response.is_success() && response.status() != NO_CONTENT {
            let body = if self.paging.reads_bodies() { response.json() } else { Ok(Value::Null) };
            self.state = match body {
                Ok(body) => self.turn(&response, &body),
                Err(error) => State::Broken(error.into()),
            };
        }
        Ok(Some(response))
    }

    /// Collects the items of an array that each page has at a JSON pointer, at most `most` of them.
    ///
    /// ```no_run
    /// # async fn example(client: connector_egress::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use connector_egress::Paging;
    /// use serde_json::Value;
    ///
    /// let pages = client.get("https://api.example.com/items").pages(Paging::cursor("/meta/next", "cursor"));
    /// let items: Vec<Value> = pages.collect_items("/items", 500).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as [`Pages::next`] does, if a page has another status than 200 to 299, has no array there or
    /// items of another type, or if the pages have more than 64 MiB together.
    pub async fn collect_items<T: DeserializeOwned>(
        mut self,
        pointer: &str,
        most: usize,
    ) -> Result<Vec<T>, PagingError> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while items.len() < most {
            let Some(response) = self.fetch().await? else {
                break;
            };
            let response = response.error_for_status()?;
            bytes += response.bytes().len();
            if bytes > MAX_COLLECTED {
                let why = "its pages have more than 64 MiB together; collect fewer items, or take page by page";
                return Err(too_long(&response, why));
            }
            if response.status() == NO_CONTENT {
                break;
            }
            let mut body: Value = response.json()?;
            self.state = self.turn(&response, &body);
            let page = match body.pointer_mut(pointer).map(Value::take) {
                Some(Value::Array(page)) => page,
                Some(Value::Null) => Vec::new(),
                _ => return Err(unreadable(&response, format!("it has no array at `{pointer}`; check the pointer"))),
            };
            for item in page.into_iter().take(most - items.len()) {
                items.push(serde_json::from_value(item).map_err(|error| BodyError::new(&response, error))?);
            }
        }
        Ok(items)
    }

    /// Sends the request for the next page. A caller that stops waiting finds it unsent.
    async fn fetch(&mut self) -> Result<Option<Response>, PagingError> {
        let request = match &self.state {
            State::Ready(request) => Request::clone(request),
            State::Over => return Ok(None),
            State::Broken(_) => match std::mem::replace(&mut self.state, State::Over) {
                State::Broken(error) => return Err(error),
                _ => return Ok(None),
            },
        };
        let response = match &self.authorized {
            Some(authorized) => authorized.send(request).await?,
            None => request.send().await?,
        };
        self.answered += 1;
        Ok(Some(response))
    }

    /// Sends each page with an access token that is valid then: one that expires in the middle of a long list is renewed.
    /// Pages at another origin than the request's own are not followed.
    pub fn authorized(mut self, authorized: &Authorized) -> Self {
        self.authorized = Some(authorized.clone());
        self
    }

    /// Finds what comes after a page.
    fn turn(&mut self, response: &Response, body: &Value) -> State {
        let next = self.after(response, body);
        match next {
            Ok(Some(_)) if self.answered >= self.paging.most_pages => {
                let why = format!(
                    "it goes on after {} pages; ask for more items a page, or set most_pages",
                    self.paging.most_pages
                );
                State::Broken(too_long(response, why))
            }
            Ok(Some(request)) => State::Ready(Box::new(request)),
            Ok(None) => State::Over,
            Err(error) => State::Broken(error),
        }
    }

    fn after(&mut self, response: &Response, body: &Value) -> Result<Option<Request>, PagingError> {
        let more = self.paging.more.as_deref().and_then(|pointer| body.pointer(pointer));
        if more == Some(&Value::Bool(false)) {
            return Ok(None);
        }
        match self.paging.method.clone() {
            PagingMethod::Link => match link::next(response.headers()) {
                Some(target) => self.follow(target, response).map(Some),
                None => Ok(None),
            },
            PagingMethod::NextUrl { pointer } => match word_at(body, &pointer, response)? {
                Some(target) => self.follow(&target, response).map(Some),
                None => Ok(None),
            },
            PagingMethod::Cursor { pointer, param } => {
                let Some(cursor) = word_at(body, &pointer, response)? else {
                    return Ok(None);
                };
                self.note(&cursor, response)?;
                Ok(Some(self.request.with_param(&param, &cursor)))
            }
            PagingMethod::Number { param, items } => {
                let count = count_at(body, &items, response)?;
                self.counted_on(&param, 1, count, body, response)
            }
            PagingMethod::Offset { param, items } => {
                let count = count_at(body, &items, response)?;
                self.counted_on(&param, count, count, body, response)
            }
        }
    }

    fn counted_on(
        &mut self,
        param: &str,
        step: u64,
        count: u64,
        body: &Value,
        response: &Response,
    ) -> Result<Option<Request>, PagingError> {
        self.items = self.items.saturating_add(count);
        let total = self.paging.total.as_deref().and_then(|pointer| body.pointer(pointer)).and_then(Value::as_u64);
        // An offset that started further on has the items before it behind it, too.
        let skipped =
            if matches!(self.paging.method, PagingMethod::Offset { .. }) { self.paging.start.unwrap_or(0) } else { 0 };
        if count == 0 || total.is_some_and(|total| self.items.saturating_add(skipped) >= total) {
            return Ok(None);
        }
        let next = self.counted.checked_add(step);
        self.counted = next.ok_or_else(|| too_long(response, "it goes on after the highest number there is"))?;
        Ok(Some(self.request.with_param(param, &self.counted.to_string())))
    }

    /// Turns the request into one for the URL that a page names.
    fn follow(&mut self, target: &str, response: &Response) -> Result<Request, PagingError> {
        let to = urls::join(response.url(), target).map_err(|rule| {
            unreadable(response, format!("its next page cannot be called: its URL has {} [{rule}]", rule.what()))
        })?;
        let mut to = without_fragment(&to);
        let mut request = self.request.clone();
        if let Ok(outgoing) = &mut request.outgoing {
            let own = outgoing.url.origin();
            // A request that was redirected lost its secrets on the way: who answered gets them no more than
            // the place that it names.
            let carries = outgoing.carries_secret() || self.authorized.is_some();
            if carries && (to.origin() != own || response.url().origin() != own) {
                let (request, to) = (response.title().to_owned(), to.origin().ascii_serialization());
                return Err(PagingError::OtherOrigin { request, to });
            }
            outgoing.add_secret_query(&mut to);
            outgoing.url = to.clone();
        }
        self.note(to.as_str(), response)?;
        Ok(request)
    }

    /// Remembers a link or cursor; fails if it was followed before.
    fn note(&mut self, step: &str, response: &Response) -> Result<(), PagingError> {
        if self.seen.insert(self.hasher.hash_one(step)) {
            return Ok(());
        }
        Err(PagingError::Loop { request: response.title().to_owned(), page: self.answered })
    }
}

/// Reads a cursor or URL; `None` at the end of the list.
fn word_at(body: &Value, pointer: &str, response: &Response) -> Result<Option<String>, PagingError> {
    let kind = match body.pointer(pointer) {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
        Some(Value::String(text)) => return Ok((!text.is_empty()).then(|| text.clone())),
        Some(Value::Number(number)) => return Ok(Some(number.to_string())),
        Some(Value::Bool(true)) => "true",
        Some(Value::Array(_)) => "an array",
        Some(Value::Object(_)) => "an object",
    };
    Err(unreadable(response, format!("it has {kind} at `{pointer}`, not a text or number; check the pointer")))
}

fn count_at(body: &Value, pointer: &str, response: &Response) -> Result<u64, PagingError> {
    match body.pointer(pointer) {
        Some(Value::Array(items)) => Ok(items.len() as u64),
        Some(Value::Null) => Ok(0),
        _ => Err(unreadable(response, format!("it has no array at `{pointer}`; check the pointer"))),
    }
}

fn unreadable(response: &Response, why: String) -> PagingError {
    PagingError::Unreadable { request: response.title().to_owned(), why }
}

fn too_long(response: &Response, why: impl Into<String>) -> PagingError {
    PagingError::TooLong { request: response.title().to_owned(), why: why.into() }
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}
