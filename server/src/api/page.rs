//! Query parameters of lists.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;
use floh_client::words::{
    AuditAction, AuditSubject, ExecutionModel, ExecutionSource, ExecutionStatus, RunStatus, TypeSource, Words,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::Problem;
use crate::error::{Error, Mistake};
use crate::store::PageRequest;

/// The maximum number of characters of a query parameter.
pub(super) const MAX_QUERY_LENGTH: usize = 1000;

/// The maximum number of characters that an error shows of a value.
pub(super) const MAX_SHOWN: usize = 100;
/// How the text of a token begins. A token is a secret, so no error shows it.
const TOKEN_BEGINS: &str = "floh_";

/// What a query parameter is parsed as.
pub(crate) trait QueryValue: FromStr {
    /// Returns what is expected, for the error that refuses another value.
    fn expected() -> String;
}

impl QueryValue for Uuid {
    fn expected() -> String {
        "an id, which is a UUID such as 01a206e0-aa54-75e9-8df7-c5eaae1c4ea4".to_owned()
    }
}

impl QueryValue for Timestamp {
    fn expected() -> String {
        "a time such as 2026-01-31T09:30:00Z".to_owned()
    }
}

impl QueryValue for usize {
    fn expected() -> String {
        "a whole number such as 100".to_owned()
    }
}

/// Parses words from a query parameter, and names all of them in the error.
macro_rules! words_in_queries {
    ($($name:ty),+) => {
        $(impl QueryValue for $name {
            fn expected() -> String {
                format!("one of {}", <$name>::words().join(", "))
            }
        })+
    };
}

words_in_queries!(AuditAction, AuditSubject, ExecutionModel, ExecutionSource, ExecutionStatus, RunStatus, TypeSource);

/// The error of a value that is not what a parameter takes.
fn refusal(expected: &str, text: &str) -> String {
    if text.is_empty() {
        return format!("expected {expected}, got nothing; leave the parameter out to ask for all");
    }
    if text.starts_with(TOKEN_BEGINS) {
        return format!("expected {expected}, got what looks like the text of a token; GET /api/tokens has the ids");
    }
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    let cut = if shown.len() < text.len() { " and more" } else { "" };
    // `+` is how a query writes a space, so an offset from UTC is often lost.
    let hint = if text.contains(' ') { "; a + has to be written as %2B" } else { "" };
    format!("expected {expected}, got {shown:?}{cut}{hint}")
}

/// The query of a request, read key by key.
#[derive(Debug)]
pub struct Query {
    values: BTreeMap<String, Vec<String>>,
    /// The keys that were asked for: what the list takes.
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, state).await;
        let mut read = Self { values: BTreeMap::new(), known: Vec::new(), mistakes: Vec::new() };
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if value.contains('\0') || value.chars().count() > MAX_QUERY_LENGTH {
                read.mistakes.push(Mistake::new(
                    format!("?{key}"),
                    format!("expected at most {MAX_QUERY_LENGTH} characters, none of them NUL"),
                ));
                continue;
            }
            read.values.entry(key.into_owned()).or_default().push(value.into_owned());
        }
        Ok(read)
    }
}

impl Query {
    /// Takes the only value of a parameter.
    fn single(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        let mut values = self.values.remove(key)?;
        if values.len() > 1 {
            let message = format!("expected one value, got {}; give it once", values.len());
            self.mistakes.push(Mistake::new(format!("?{key}"), message));
        }
        Some(values.swap_remove(0))
    }

    /// Takes a text; an empty one counts as absent.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.single(key).filter(|value| !value.is_empty())
    }

    /// Takes values that are separated by commas, in one parameter or in several, and parses them. An empty one is an
    /// error.
    pub(crate) fn list<T: QueryValue + PartialEq>(&mut self, key: &'static str) -> Vec<T> {
        self.known.push(key);
        let texts = self.values.remove(key).unwrap_or_default();
        let mut values = Vec::new();
        for text in texts.iter().flat_map(|text| text.split(',')) {
            match text.parse() {
                Ok(value) if values.contains(&value) => {}
                Ok(value) => values.push(value),
                Err(_) => {
                    self.mistakes.push(Mistake::new(format!("?{key}"), refusal(&T::expected(), text)));
                    break;
                }
            }
        }
        values
    }

    /// Takes a value and parses it. An empty one is an error.
    pub(crate) fn parsed<T: QueryValue>(&mut self, key: &'static str) -> Option<T> {
        let text = self.single(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(_) => {
                self.mistakes.push(Mistake::new(format!("?{key}"), refusal(&T::expected(), &text)));
                None
            }
        }
    }

    /// Takes what a form of a page left empty for absent.
    #[must_use]
    pub(crate) fn without_empty(mut self) -> Self {
        self.values.retain(|_, values| values.iter().any(|value| !value.is_empty()));
        self
    }

    /// Takes a moment. What a date-time picker sends, without a zone, is in UTC.
    pub(crate) fn moment(&mut self, key: &'static str) -> Option<Timestamp> {
        let text = self.text(key)?;
        let in_utc = || format!("{text}Z").parse().ok();
        let moment = text.parse().ok().or_else(in_utc).or_else(|| format!("{text}:00Z").parse().ok());
        if moment.is_none() {
            self.mistakes.push(Mistake::new(format!("?{key}"), refusal(&Timestamp::expected(), &text)));
        }
        moment
    }

    /// Takes `limit` and `cursor`.
    pub(crate) fn page(&mut self) -> PageRequest {
        let limit = self.single("limit").and_then(|text| {
            let limit = text.parse().ok().filter(|limit| (1..=PageRequest::MAX).contains(limit));
            if limit.is_none() {
                let expected = format!("a whole number from 1 to {}", PageRequest::MAX);
                self.mistakes.push(Mistake::new("?limit", refusal(&expected, &text)));
            }
            limit
        });
        PageRequest { limit: limit.unwrap_or(PageRequest::DEFAULT), cursor: self.text("cursor") }
    }

    /// Takes a whole number from 0 to `most`.
    pub(crate) fn number(&mut self, key: &'static str, most: u64) -> Option<u64> {
        let text = self.single(key)?;
        let number = text.parse().ok().filter(|number| *number <= most);
        if number.is_none() {
            let expected = format!("a whole number from 0 to {most}");
            self.mistakes.push(Mistake::new(format!("?{key}"), refusal(&expected, &text)));
        }
        number
    }

    /// Takes `true` or `false`. An empty value is an error.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let text = self.single(key)?;
        let flag = text.parse().ok();
        if flag.is_none() {
            self.mistakes.push(Mistake::new(format!("?{key}"), refusal("true or false", &text)));
        }
        flag
    }

    /// Ends reading: parameters that were not taken are unknown.
    ///
    /// # Errors
    /// 422 with every mistake, if there is one.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let known = self.known.join(", ");
        let unknown = |key| Mistake::new(format!("?{key}"), format!("unknown query parameter; there are {known}"));
        self.mistakes.extend(self.values.keys().map(unknown));
        if self.mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(self.mistakes).into()) }
    }
}
