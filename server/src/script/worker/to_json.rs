//! Writes a script's value as JSON text, from outside of the script.
//!
//! The guest's `JSON.stringify` can be replaced, and a `toJSON` on a prototype turns a failure into a
//! success, so neither is used. Own enumerable properties with string keys count, each read once; a
//! getter runs once, and what it throws is thrown. Dates are written as they are everywhere, a BigInt as a number; functions,
//! symbols and undefined are left out as JSON does; `NaN` and infinities are null.

use connector_runtime::schema::json_text::RESERVED;
use rquickjs::{Error, Object, String as JsString, Value};
use script_ffi::{HeldKey, Key, Properties, with_text};

use super::realm::Realm;
use super::text;

/// Keys that are kept as JSON text: rows of one shape have the same ones.
const MAX_KEYS: usize = 64;
/// Numbers up to here are whole as JavaScript writes them.
const WHOLE: f64 = 1e21;
/// Whole numbers below this are those of an `i64` as well.
const WHOLE_I64: f64 = 9_007_199_254_740_992.0;

/// How much a text may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) bytes: usize,
    pub(super) depth: usize,
    pub(super) nodes: usize,
}

/// Why a value cannot be written.
#[derive(Debug)]
pub(super) enum Unwritable {
    /// The script threw, or its time is over.
    Thrown(Error),
    /// It is not what may be returned.
    Refused(String),
}

impl From<Error> for Unwritable {
    fn from(error: Error) -> Self {
        Self::Thrown(error)
    }
}

/// Writes a value; `None` if JSON cannot express it (undefined, a function, a symbol).
pub(super) fn write<'js>(realm: &Realm<'js>, value: &Value<'js>, most: Most) -> Result<Option<String>, Unwritable> {
    let mut walk = Walk { realm, most, nodes: 0, out: Vec::with_capacity(1024), keys: Vec::new() };
    if !walk.value(value, 0)? {
        return Ok(None);
    }
    walk.fits()?;
    String::from_utf8(walk.out).map(Some).map_err(|_| Unwritable::Refused("it is not UTF-8 text".to_owned()))
}

struct Walk<'r, 'js> {
    realm: &'r Realm<'js>,
    most: Most,
    nodes: usize,
    out: Vec<u8>,
    keys: Vec<(HeldKey<'js>, String)>,
}

impl<'js> Walk<'_, 'js> {
    /// Writes a value and returns whether JSON can express it.
    fn value(&mut self, value: &Value<'js>, depth: usize) -> Result<bool, Unwritable> {
        self.nodes += 1;
        if self.nodes > self.most.nodes {
            return Err(refused(format!("it holds more than {} values", self.most.nodes)));
        }
        if let Some(string) = value.as_string() {
            self.string(string)?;
        } else if let Some(int) = value.as_int() {
            self.plain(&int)?;
        } else if let Some(float) = value.as_float() {
            self.float(float)?;
        } else if let Some(bool) = value.as_bool() {
            self.out.extend_from_slice(if bool { b"true" } else { b"false" });
        } else if value.is_null() {
            self.out.extend_from_slice(b"null");
        } else if value.is_big_int() {
            let digits: String = self.realm.digits.call((value.clone(),))?;
            self.out.extend_from_slice(digits.as_bytes());
        } else if value.is_function() {
            return Ok(false);
        } else if let Some(object) = value.as_object() {
            if depth >= self.most.depth {
                return Err(refused(format!("it is nested deeper than {} levels", self.most.depth)));
            }
            self.object(object, depth)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn object(&mut self, object: &Object<'js>, depth: usize) -> Result<(), Unwritable> {
        // A proxy is asked for its keys and values as any object is, but not for its class: that may throw.
        if object.is_proxy() {
            return self.properties(object, depth);
        }
        if object.is_array() {
            return self.array(object, depth);
        }
        if script_ffi::is_date(object) {
            let written: Value<'js> = self.realm.date.call((object.clone(),))?;
            return self.value(&written, depth).map(|_| ());
        }
        self.properties(object, depth)
    }

    fn array(&mut self, array: &Object<'js>, depth: usize) -> Result<(), Unwritable> {
        let length: f64 = array.get("length")?;
        let left = self.most.nodes.saturating_sub(self.nodes);
        // Every index counts, also holes.
        let count = u32::try_from(left).unwrap_or(u32::MAX);
        if length > f64::from(count) {
            return Err(refused(format!("it holds more than {} values", self.most.nodes)));
        }
        self.out.push(b'[');
        let mut index = 0u32;
        while f64::from(index) < length {
            if index > 0 {
                self.out.push(b',');
            }
            let item: Value<'js> = array.get(index)?;
            if !self.value(&item, depth + 1)? {
                self.out.extend_from_slice(b"null");
            }
            self.fits()?;
            index += 1;
        }
        self.out.push(b']');
        Ok(())
    }

    fn properties(&mut self, object: &Object<'js>, depth: usize) -> Result<(), Unwritable> {
        self.out.push(b'{');
        let mut first = true;
        let properties = Properties::of(object)?;
        for place in 0..properties.count() {
            let Some(key) = properties.key(place) else { break };
            let value = properties.value(place)?;
            let before = self.out.len();
            if !first {
                self.out.push(b',');
            }
            self.key(&properties, key, place)?;
            if self.value(&value, depth + 1)? {
                first = false;
            } else {
                self.out.truncate(before);
            }
            self.fits()?;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Writes a key and its colon. `place` is the key's position in an object of the same shape.
    fn key(&mut self, all: &Properties<'_, 'js>, key: Key, place: u32) -> Result<(), Unwritable> {
        let at = match self.keys.get(place as usize) {
            Some((known, _)) if known.key() == key => Some(place as usize),
            _ => self.keys.iter().position(|(known, _)| known.key() == key),
        };
        if let Some(at) = at {
            self.out.extend_from_slice(self.keys[at].1.as_bytes());
            return Ok(());
        }
        let name = text::read(self.realm, &all.name(place)?)?;
        if name.starts_with(RESERVED) {
            return Err(refused(format!(
                "it has a key that starts with {RESERVED}, which is reserved; rename the key"
            )));
        }
        let start = self.out.len();
        self.text(&name)?;
        self.out.push(b':');
        if self.keys.len() < MAX_KEYS {
            let written = String::from_utf8_lossy(&self.out[start..]).into_owned();
            self.keys.extend(all.hold(place).map(|key| (key, written)));
        }
        Ok(())
    }

    fn string(&mut self, string: &JsString<'js>) -> Result<(), Unwritable> {
        match with_text(string, |text| self.text(text))? {
            Some(written) => written,
            None => self.text(&text::read(self.realm, string)?),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Unwritable> {
        if self.out.len() + text.len() > self.most.bytes {
            return Err(self.too_large());
        }
        self.plain(text)
    }

    fn float(&mut self, float: f64) -> Result<(), Unwritable> {
        let is_whole = float.fract() == 0.0;
        if !float.is_finite() {
            self.out.extend_from_slice(b"null");
        } else if is_whole && float.abs() < WHOLE_I64 {
            // Without the sign of zero and without a fraction, as JavaScript writes it.
            #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within the bounds")]
            return self.plain(&(float as i64));
        } else if is_whole && float.abs() < WHOLE {
            self.out.extend_from_slice(format!("{float:.0}").as_bytes());
        } else {
            return self.plain(&float);
        }
        Ok(())
    }

    /// Writes a text or a number.
    fn plain<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        serde_json::to_writer(&mut self.out, value).map_err(|error| refused(error.to_string()))
    }

    fn fits(&self) -> Result<(), Unwritable> {
        if self.out.len() > self.most.bytes { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Unwritable {
        refused(format!("it is larger than {} KiB; return less, for example one page", self.most.bytes >> 10))
    }
}

fn refused(why: String) -> Unwritable {
    Unwritable::Refused(why)
}
