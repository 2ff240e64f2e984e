//! Lists, written part by part.
//!
//! A page may hold 500 schemas or mock tables of some MiB each. So a door reads a few rows, writes them, and reads the
//! next ones only when the client has taken these: neither the rows nor their text are in memory as a whole. A client
//! that takes nothing is cut by the listener. No part of the database is held while a client reads.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use floh_client::answers::Page;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;

use super::Problem;
use crate::blocking;
use crate::error::Error;
use crate::store::PageRequest;

#[cfg(test)]
mod tests;

/// The rows of the first part.
const FIRST_ROWS: u32 = 8;
/// The most rows of a part: what is in memory if many small rows are followed by large ones.
const MAX_ROWS: u32 = 32;
/// The size of a part in bytes. A part that is larger is followed by one with fewer rows, a smaller one by one with more.
const PART_SIZE: usize = 256 << 10;

/// Answers with a page, which `read` reads in parts.
///
/// # Errors
/// Those of the first part. A later one breaks the answer off, so that no client takes it for whole.
pub(super) async fn list<T, R, P>(page: PageRequest, read: R) -> Result<Response, Problem>
where
    T: Serialize + Send + 'static,
    R: Fn(PageRequest) -> P + Send + 'static,
    P: Future<Output = Result<Page<T>, Error>> + Send + 'static,
{
    let mut parts = Parts::new(page, read);
    let first = parts.next().await?;
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    if parts.is_over() {
        return Ok((content_type, first).into_response());
    }
    let body = stream::iter([Ok(first)]).chain(parts.rest());
    Ok((content_type, Body::from_stream(body)).into_response())
}

/// What is left of a page.
struct Parts<R> {
    read: R,
    cursor: Option<String>,
    /// How many rows the client may still get.
    left: u32,
    /// How many rows the next part has at most.
    rows: u32,
    has_begun: bool,
}

impl<T, R, P> Parts<R>
where
    T: Serialize + Send + 'static,
    R: Fn(PageRequest) -> P + Send + 'static,
    P: Future<Output = Result<Page<T>, Error>> + Send + 'static,
{
    fn new(page: PageRequest, read: R) -> Self {
        Self { read, cursor: page.cursor, left: page.limit, rows: FIRST_ROWS, has_begun: false }
    }

    fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Reads and writes the next rows; with the last ones, the end of the page.
    async fn next(&mut self) -> Result<Bytes, Error> {
        let limit = self.rows.min(self.left);
        let Page { items, next_cursor } = (self.read)(PageRequest { limit, cursor: self.cursor.take() }).await?;
        let is_last = limit == self.left || next_cursor.is_none();
        let cursor = next_cursor.clone();
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        let text = blocking::run(move || {
            let mut text = if has_begun { Vec::new() } else { br#"{"items":["#.to_vec() };
            for (at, item) in items.iter().enumerate() {
                if has_begun || at > 0 {
                    text.push(b',');
                }
                serde_json::to_writer(&mut text, item).map_err(Error::internal)?;
            }
            if is_last {
                text.extend_from_slice(br#"],"nextCursor":"#);
                serde_json::to_writer(&mut text, &cursor).map_err(Error::internal)?;
                text.push(b'}');
            }
            Ok(text)
        });
        let text = text.await?;
        self.cursor = next_cursor;
        self.left = if is_last { 0 } else { self.left - limit };
        self.rows = next_count(limit, text.len());
        Ok(text.into())
    }

    /// Returns the other parts, each of which is read when it is asked for.
    fn rest(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        stream::unfold(Some(self), |parts| async {
            let mut parts = parts.filter(|parts| !parts.is_over())?;
            match parts.next().await {
                Ok(part) => Some((Ok(part), Some(parts))),
                Err(error) => {
                    tracing::error!(%error, "a list was broken off");
                    Some((Err(error), None))
                }
            }
        })
    }
}

/// Returns how many rows are about the size of a part, if so many had that many bytes; at most twice as many.
fn next_count(rows: u32, bytes: usize) -> u32 {
    let fitting = u64::from(rows) * PART_SIZE as u64 / bytes.max(1) as u64;
    u32::try_from(fitting).unwrap_or(u32::MAX).min(rows * 2).clamp(1, MAX_ROWS)
}
