//! What the script engine needs and no safe wrapper provides: compiled scripts (`bytecode`), memory that is counted and
//! can be put back (`memory`), a context that each run finds as it was set up (`image`), a check whether a value is a
//! date, and quick ways to the properties, texts and bytes of values.
//!
//! It is a separate crate because the rest of the project forbids `unsafe`. Every block says why it is sound, and none
//! is larger than one call.

#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code, reason = "this crate exists for it")]

mod bytecode;
mod image;
mod memory;
mod properties;
#[cfg(test)]
mod tests;

use rquickjs::{Value, qjs};

pub use self::bytecode::{Bytecode, compile};
pub use self::image::{Image, Run, RunLimits};
pub use self::memory::MemoryAccount;
pub use self::properties::{HeldKey, Key, Properties, with_text};

/// Returns whether a value is a `Date`, whatever its prototype says. No script runs.
pub fn is_date(value: &Value<'_>) -> bool {
    // SAFETY: the engine reads the class of a live value.
    unsafe { qjs::JS_IsDate(value.as_raw()) }
}

/// The bytes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// The value is something else.
    None,
    /// The bytes, copied.
    Copied(Vec<u8>),
    /// There were bytes, which the script has moved away or cut off.
    Detached,
}

/// Copies the bytes of a `Uint8Array`, `Uint8ClampedArray` or `ArrayBuffer`. No script runs: what a proxy or a subclass
/// says of itself does not count.
pub fn bytes(value: &Value<'_>) -> Bytes {
    let Some(object) = value.as_object().filter(|_| !value.is_proxy()) else { return Bytes::None };
    let raw = if let Some(array) = object.as_typed_array::<u8>() {
        array.as_raw()
    } else if let Some(array) = object.as_typed_array::<rquickjs::U8Clamped>() {
        array.as_raw()
    } else if let Some(buffer) = object.as_array_buffer() {
        buffer.as_raw()
    } else {
        return Bytes::None;
    };
    let Some(raw) = raw else {
        // The engine may have thrown that they are detached.
        drop(value.ctx().catch());
        return Bytes::Detached;
    };
    // SAFETY: the engine just returned this memory, of which it checked the bounds, and no script runs before the copy is
    // made.
    Bytes::Copied(unsafe { raw.as_ref() }.to_vec())
}
