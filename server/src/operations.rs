//! Imported operations, executed from the table that their import made.
//!
//! `table` holds what each operation sends, `request` builds a request from it and the params (`style` writes lists and
//! objects, `content` bodies, `address` URLs), `login` adds credentials (`aws` signs), `answer` reads what came, and `paging` turns the
//! pages of a list. A command whose function nobody has changed needs no sandbox ([`OperationExecutor`]); a changed
//! function calls the same code through `floh.operation` (`host`).

mod address;
mod answer;
mod aws;
mod content;
mod executor;
mod given;
mod host;
mod json;
mod login;
mod paging;
mod pointer;
mod request;
mod run;
mod sequence;
mod spelling;
mod style;
mod table;
#[cfg(test)]
mod tests;

pub use self::executor::OperationExecutor;
pub use self::table::OperationTable;
