//! Query parameters of lists.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;

use super::Problem;
use crate::error::{Error, Mistake};
use crate::store::PageRequest;

/// The maximum number of characters of a query parameter.
pub(super) const MAX_QUERY_LENGTH: usize = 1000;

/// The query of a request, read key by key.
#[derive(Debug)]
pub(super) struct Query {
    values: BTreeMap<String, Vec<String>>,
    mistakes: Vec<Mistake>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, state).await;
        let mut read = Self { values: BTreeMap::new(), mistakes: Vec::new() };
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
    fn single(&mut self, key: &str) -> Option<String> {
        let mut values = self.values.remove(key)?;
        if values.len() > 1 {
            self.mistakes.push(Mistake::new(format!("?{key}"), "given twice"));
        }
        Some(values.swap_remove(0))
    }

    /// Takes a text; an empty one counts as absent.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.single(key).filter(|value| !value.is_empty())
    }

    /// Takes values that are separated by commas, in one parameter or in several, and parses them. Empty ones count as
    /// absent.
    pub(super) fn list<T: FromStr<Err: std::fmt::Display> + PartialEq>(&mut self, key: &str) -> Vec<T> {
        let texts = self.values.remove(key).unwrap_or_default();
        let mut values = Vec::new();
        for text in texts.iter().flat_map(|text| text.split(',')) {
            match text.parse() {
                Ok(value) if values.contains(&value) => {}
                Ok(value) => values.push(value),
                Err(error) => {
                    self.mistakes.push(Mistake::new(format!("?{key}"), format!("{error}")));
                    break;
                }
            }
        }
        values
    }

    /// Takes a value and parses it. An empty one counts as absent.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.single(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistakes.push(Mistake::new(format!("?{key}"), format!("{error}")));
                None
            }
        }
    }

    /// Takes `limit` and `cursor`.
    pub(super) fn page(&mut self) -> PageRequest {
        let limit = self.single("limit").and_then(|text| {
            let limit = text.parse().ok().filter(|limit| (1..=PageRequest::MAX).contains(limit));
            if limit.is_none() {
                let message = format!("expected a number from 1 to {}, got {text:?}", PageRequest::MAX);
                self.mistakes.push(Mistake::new("?limit", message));
            }
            limit
        });
        PageRequest { limit: limit.unwrap_or(PageRequest::DEFAULT), cursor: self.text("cursor") }
    }

    /// Takes `true` or `false`. An empty value is an error.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let text = self.single(key)?;
        let flag = text.parse().ok();
        if flag.is_none() {
            self.mistakes.push(Mistake::new(format!("?{key}"), format!("expected true or false, got {text:?}")));
        }
        flag
    }

    /// Ends reading: parameters that were not taken are unknown.
    ///
    /// # Errors
    /// 422 with every mistake, if there is one.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.mistakes.extend(self.values.keys().map(|key| Mistake::new(format!("?{key}"), "unknown query parameter")));
        if self.mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(self.mistakes).into()) }
    }
}
