//! The properties of an object, read without what the safe wrapper does for each: it counts a reference to the key and two
//! to the context.

use std::fmt;
use std::ptr::{self, NonNull};

use rquickjs::{Ctx, Error, Object, Result, String as JsString, Value, qjs};

/// The own enumerable properties of an object that have a text as key, as they were when it was asked.
pub struct Properties<'o, 'js> {
    object: &'o Object<'js>,
    /// What the engine returned: `count` keys, each with a reference of its own.
    keys: *mut qjs::JSPropertyEnum,
    count: u32,
}

/// The key of a property. Those of equal keys are equal while one of them is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(qjs::JSAtom);

/// A key that the engine does not give to another text before this is dropped.
pub struct HeldKey<'js> {
    ctx: Ctx<'js>,
    key: Key,
}

impl<'o, 'js> Properties<'o, 'js> {
    /// Asks an object for its keys. A proxy's traps run.
    ///
    /// # Errors
    /// If that throws; the exception is pending.
    pub fn of(object: &'o Object<'js>) -> Result<Self> {
        let flags = i32::try_from(qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY).unwrap_or_default();
        let (mut keys, mut count) = (ptr::null_mut(), 0);
        let raw = object.ctx().as_raw().as_ptr();
        // SAFETY: the context and the object are live, and the engine writes a list and its length, unless it fails.
        let failed = unsafe {
            qjs::JS_GetOwnPropertyNames(raw, &raw mut keys, &raw mut count, object.as_value().as_raw(), flags)
        };
        if failed < 0 { Err(Error::Exception) } else { Ok(Self { object, keys, count }) }
    }

    /// Returns how many there are.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Returns the key of a property, to compare it with others, if there are as many.
    pub fn key(&self, at: u32) -> Option<Key> {
        let keys = NonNull::new(self.keys).filter(|_| at < self.count)?;
        // SAFETY: the engine returned this many keys.
        let key = unsafe { keys.add(at as usize) };
        // SAFETY: as above.
        Some(Key(unsafe { key.as_ref() }.atom))
    }

    /// Reads the value of a property. A getter or a trap may run.
    ///
    /// # Errors
    /// If that throws; the exception is pending. If there are not as many.
    pub fn value(&self, at: u32) -> Result<Value<'js>> {
        let key = self.key(at).ok_or(Error::Unknown)?;
        let (ctx, object) = (self.object.ctx(), self.object.as_value().as_raw());
        // SAFETY: the context and the object are live, and so is the key, to which the list has a reference.
        let value = unsafe { qjs::JS_GetProperty(ctx.as_raw().as_ptr(), object, key.0) };
        crate::bytecode::owned(ctx, value)
    }

    /// Returns the text of the key of a property.
    ///
    /// # Errors
    /// If memory runs out. If there are not as many.
    pub fn name(&self, at: u32) -> Result<JsString<'js>> {
        let key = self.key(at).ok_or(Error::Unknown)?;
        let ctx = self.object.ctx();
        // SAFETY: the context is live, and so is the key, to which the list has a reference.
        let name = unsafe { qjs::JS_AtomToString(ctx.as_raw().as_ptr(), key.0) };
        crate::bytecode::owned(ctx, name)?.into_string().ok_or(Error::Unknown)
    }

    /// Holds the key of a property, if there are as many.
    pub fn hold(&self, at: u32) -> Option<HeldKey<'js>> {
        let key = self.key(at)?;
        let ctx = self.object.ctx().clone();
        // SAFETY: the context is live, and so is the key, to which the list has a reference.
        unsafe { qjs::JS_DupAtom(ctx.as_raw().as_ptr(), key.0) };
        Some(HeldKey { ctx, key })
    }
}

impl Drop for Properties<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: the list came from the engine with this length, and is given back once.
        unsafe { qjs::JS_FreePropertyEnum(self.object.ctx().as_raw().as_ptr(), self.keys, self.count) };
    }
}

impl HeldKey<'_> {
    /// Returns the key.
    pub const fn key(&self) -> Key {
        self.key
    }
}

impl Drop for HeldKey<'_> {
    fn drop(&mut self) {
        // SAFETY: the context is live, and the reference was taken by `hold`.
        unsafe { qjs::JS_FreeAtom(self.ctx.as_raw().as_ptr(), self.key.0) };
    }
}

impl fmt::Debug for Properties<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Properties").field("count", &self.count).finish_non_exhaustive()
    }
}

impl fmt::Debug for HeldKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeldKey").field(&self.key).finish()
    }
}

/// Calls a function with the text of a string, which is not copied where it is ASCII. `None` if it is not UTF-8: half of a
/// surrogate pair.
///
/// # Errors
/// If memory runs out; the exception is pending.
pub fn with_text<T>(string: &JsString<'_>, read: impl FnOnce(&str) -> T) -> Result<Option<T>> {
    let raw = string.ctx().as_raw().as_ptr();
    let mut length = 0;
    // SAFETY: the context and the string are live, and the engine writes the length.
    let start = unsafe { qjs::JS_ToCStringLen(raw, &raw mut length, string.as_value().as_raw()) };
    let Some(text) = NonNull::new(start.cast_mut()) else { return Err(Error::Exception) };
    // The engine's memory is given back also where `read` panics.
    let text = Text { raw, start: text.cast(), length };
    Ok(std::str::from_utf8(text.bytes()).ok().map(read))
}

/// A text that the engine lends.
struct Text {
    raw: *mut qjs::JSContext,
    start: NonNull<u8>,
    length: usize,
}

impl Text {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the engine lent this many bytes, and does not change them until they are given back.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: the text came from this context, which outlives the call of `with_text`, and is given back once.
        unsafe { qjs::JS_FreeCString(self.raw, self.start.as_ptr().cast()) };
    }
}
