//! Collects the rows of a result as objects, within a limit of rows and of memory.

use connector_runtime::prelude::*;
use postgres_protocol::message::backend::DataRowBody;
use tokio_postgres::fallible_iterator::FallibleIterator as _;

use super::Column;
use super::read::{self, weight};
use super::trouble::Trouble;
use super::types::Kind;

/// The most memory that the rows of a call may take, as it is estimated.
pub(super) const MAX_WEIGHT: usize = 16 * 1024 * 1024;
/// What a row takes beside its values: an object is a tree.
const ROW_WEIGHT: usize = 640;
/// What a value takes beside its text and its name.
const CELL_WEIGHT: usize = 96;

/// The rows of a result.
#[derive(Debug, Default)]
pub(super) struct Rows {
    columns: Vec<(Column, Kind)>,
    limit: usize,
    taken: Vec<Value>,
    weight: usize,
    /// Rows that came, also those that were dropped.
    seen: u64,
    is_too_large: bool,
    broken: Option<Fail>,
}

impl Rows {
    /// Makes an empty collection for at most `limit` rows.
    ///
    /// Two columns of one name are refused: an object has each name once, and neither value may be lost.
    pub(super) fn of(columns: Vec<(Column, Kind)>, limit: u32) -> Result<Self, Trouble> {
        let mut names: Vec<&str> = columns.iter().map(|(column, _)| column.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let text = format!("Two columns of the result are named {:?}; give one another name with AS", pair[0]);
            return Err(Trouble::here(Fail::coded(Code::Invalid, text).diagnostic("column", pair[0])));
        }
        Ok(Self { columns, limit: usize::try_from(limit).unwrap_or(usize::MAX), ..Self::default() })
    }

    /// Returns whether no further row is needed: one more than the limit was seen.
    pub(super) fn is_full(&self) -> bool {
        self.seen > self.limit as u64 || self.is_too_large
    }

    /// Returns whether rows were left out because they take too much memory.
    pub(super) const fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    pub(super) const fn take_broken(&mut self) -> Option<Fail> {
        self.broken.take()
    }

    /// Takes a row, or drops it if there are enough.
    pub(super) fn push(&mut self, body: &DataRowBody) -> Result<(), Trouble> {
        self.seen += 1;
        if self.is_full() || self.broken.is_some() {
            return Ok(());
        }
        let ranges: Vec<_> = body.ranges().collect().map_err(|error| Trouble::malformed(&error))?;
        if ranges.len() != self.columns.len() {
            return Err(Trouble::unusable(Code::Unavailable, "a row does not have the columns that were described"));
        }
        let texts = ranges.into_iter().map(|range| range.and_then(|range| body.buffer().get(range)));
        let texts: Vec<Option<&[u8]>> = texts.collect();
        let cells = self.columns.iter().zip(&texts);
        let taken = cells
            .map(|((column, kind), text)| CELL_WEIGHT + column.name.len() + text.map_or(0, |text| weight(text, kind)));
        self.weight += ROW_WEIGHT + taken.sum::<usize>();
        if self.weight > MAX_WEIGHT {
            self.is_too_large = true;
            if self.taken.is_empty() {
                let text = "One row of the result takes more than 16 MiB; select less of it";
                self.broken = Some(Fail::coded(Code::TooLarge, text));
            }
            return Ok(());
        }
        let mut row = Map::new();
        for ((column, kind), text) in self.columns.iter().zip(texts) {
            let value = match text {
                None => Value::Null,
                Some(text) => match read::value(text, kind) {
                    Ok(value) => value,
                    Err(why) => {
                        let text = format!("The column {:?} cannot be read: {why}", column.name);
                        self.broken = Some(Fail::coded(Code::Unsupported, text).diagnostic("column", &column.name));
                        return Ok(());
                    }
                },
            };
            row.insert(column.name.clone(), value);
        }
        self.taken.push(Value::Object(row));
        Ok(())
    }

    /// Returns what was collected.
    pub(super) fn finish(self) -> Taken {
        let is_over = self.seen > self.taken.len() as u64;
        let truncated_by = match (is_over, self.is_too_large) {
            (false, _) => None,
            (true, true) => Some("size".to_owned()),
            (true, false) => Some("limit".to_owned()),
        };
        Taken {
            count: self.taken.len() as u64,
            rows: self.taken,
            columns: self.columns.into_iter().map(|(column, _)| column).collect(),
            truncated: is_over,
            truncated_by,
            weight: self.weight,
        }
    }
}

/// What was collected of a result.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) rows: Vec<Value>,
    pub(super) columns: Vec<Column>,
    pub(super) count: u64,
    pub(super) truncated: bool,
    pub(super) truncated_by: Option<String>,
    /// How much memory the rows take, as it is estimated.
    pub(super) weight: usize,
}
