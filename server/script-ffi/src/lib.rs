//! What the script engine needs and no safe wrapper provides: compiled scripts (`bytecode`), an allocator that counts
//! (`memory`), and a check whether a value is a date.
//!
//! It is a separate crate because the rest of the project forbids `unsafe`. Every block says why it is sound, and none
//! is larger than one call.

#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code, reason = "this crate exists for it")]

mod bytecode;
mod memory;
#[cfg(test)]
mod tests;

use rquickjs::{Value, qjs};

pub use self::bytecode::{Bytecode, compile};
pub use self::memory::{Memory, Refused};

/// Returns whether a value is a `Date`, whatever its prototype says. No script runs.
pub fn is_date(value: &Value<'_>) -> bool {
    // SAFETY: the engine reads the class of a live value.
    unsafe { qjs::JS_IsDate(value.as_raw()) }
}
