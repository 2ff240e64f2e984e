//! Reads the whole body of an answer and counts its bytes before and after decompression.
//!
//! At most one layer of gzip, deflate or brotli is decoded, and the limit counts the decoded bytes, so that
//! a small answer cannot become a large one. A body that ends early is an error, never a short body.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use connector_schema::json_text::MAX_JSON_VALUES;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use parking_lot::Mutex;

use super::EgressError;
use super::exchange::explain_http;
use super::memory::{MemoryBudget, OutOfMemory, RefusedJson, Reserved};

/// The most bytes of a body, encoded and decoded, unless its request accepts more.
pub(super) const MAX_BYTES: usize = 10 * 1024 * 1024;
/// The codings that requests ask for.
pub(super) const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("gzip, deflate, br");

/// From this size on, a body is decoded on the blocking pool, off the request threads.
const LARGE: usize = 64 * 1024;

/// Why a body cannot be used.
#[derive(Debug)]
pub(super) enum BodyFault {
    TooLarge(usize),
    Http(hyper::Error),
    Encoding(&'static str),
    Memory(OutOfMemory),
}

/// The bytes of a body, and the memory that is reserved for them.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) memory: MemoryBudget,
    pub(super) reserved: Arc<Mutex<Reserved>>,
}

/// A content coding that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// Reads a body of at most `most` bytes and decodes it. Its bytes count against the budget as they come, decoded ones
/// too.
pub(super) async fn read(
    body: Incoming,
    headers: &HeaderMap,
    most: usize,
    memory: &MemoryBudget,
) -> Result<Body, BodyFault> {
    let coding = coding(headers)?;
    let mut reserved = Reserved::nothing();
    let raw = collect(body, most, memory, &mut reserved).await?;
    let Some(coding) = coding.filter(|_| !raw.is_empty()) else {
        return Ok(Body::new(raw, memory, reserved));
    };
    let small = raw.len() < LARGE;
    let budget = memory.clone();
    let work = move || {
        let bytes = decode(coding, &raw, most, &budget, &mut reserved)?;
        Ok(Body::new(bytes, &budget, reserved))
    };
    if small {
        return work();
    }
    let decoding = tokio::task::spawn_blocking(work);
    decoding.await.unwrap_or(Err(BodyFault::Encoding("its decompression failed")))
}

impl Body {
    pub(super) fn new(bytes: Bytes, memory: &MemoryBudget, reserved: Reserved) -> Self {
        Self { bytes, memory: memory.clone(), reserved: Arc::new(Mutex::new(reserved)) }
    }

    /// Reserves memory for the tree of a JSON text, which is kept as long as the body is.
    pub(super) fn reserve_tree(&self, text: &[u8]) -> Result<(), RefusedJson> {
        let tree = self.memory.tree(text, MAX_JSON_VALUES)?;
        let mut reserved = self.reserved.lock();
        // A body that is read again replaces the tree that was built before.
        if reserved.bytes() < tree.bytes() + self.bytes.len() {
            reserved.add(tree);
        }
        Ok(())
    }
}

async fn collect(
    mut body: Incoming,
    most: usize,
    memory: &MemoryBudget,
    reserved: &mut Reserved,
) -> Result<Bytes, BodyFault> {
    let announced = body.size_hint().lower();
    let capacity = usize::try_from(announced).ok().filter(|bytes| *bytes <= most).ok_or(BodyFault::TooLarge(most))?;
    let mut all = BytesMut::with_capacity(capacity.min(LARGE));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(BodyFault::Http)?.into_data() else {
            continue;
        };
        if all.len() + data.len() > most {
            return Err(BodyFault::TooLarge(most));
        }
        memory.grow(reserved, all.len() + data.len())?;
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

/// Reads the content coding of a body. An unknown word is ignored, because some servers write a charset there.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, BodyFault> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for word in value.as_bytes().split(|byte| *byte == b',') {
            let coding = match word.trim_ascii().to_ascii_lowercase().as_slice() {
                b"gzip" | b"x-gzip" => Coding::Gzip,
                b"deflate" => Coding::Deflate,
                b"br" => Coding::Brotli,
                b"zstd" | b"compress" | b"x-compress" | b"dcb" | b"dcz" | b"exi" | b"pack200-gzip" => {
                    return Err(BodyFault::Encoding("it is compressed in a way that was not asked for"));
                }
                _ => continue,
            };
            if found.replace(coding).is_some() {
                return Err(BodyFault::Encoding("it is compressed more than once"));
            }
        }
    }
    Ok(found)
}

fn decode(
    coding: Coding,
    raw: &[u8],
    most: usize,
    memory: &MemoryBudget,
    reserved: &mut Reserved,
) -> Result<Bytes, BodyFault> {
    match coding {
        Coding::Gzip => take(flate2::read::MultiGzDecoder::new(raw), most, memory, reserved),
        // "deflate" means zlib (RFC 9110, section 8.4.1.2), but some servers send the bare stream.
        Coding::Deflate if is_zlib(raw) => take(flate2::read::ZlibDecoder::new(raw), most, memory, reserved),
        Coding::Deflate => take(flate2::read::DeflateDecoder::new(raw), most, memory, reserved),
        Coding::Brotli => take(brotli_decompressor::Decompressor::new(raw, 4096), most, memory, reserved),
    }
}

fn take(
    mut decoder: impl Read,
    most: usize,
    memory: &MemoryBudget,
    reserved: &mut Reserved,
) -> Result<Bytes, BodyFault> {
    let mut bytes = Vec::new();
    loop {
        let more = decoder.by_ref().take(LARGE as u64).read_to_end(&mut bytes);
        if more.map_err(|error| BodyFault::Encoding(broken(&error)))? == 0 {
            return Ok(bytes.into());
        }
        if bytes.len() > most {
            return Err(BodyFault::TooLarge(most));
        }
        memory.grow(reserved, bytes.len())?;
    }
}

fn broken(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "its compressed body ends early",
        _ => "its compressed body is damaged",
    }
}

fn is_zlib(raw: &[u8]) -> bool {
    matches!(raw, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

impl From<OutOfMemory> for BodyFault {
    fn from(out: OutOfMemory) -> Self {
        Self::Memory(out)
    }
}

impl BodyFault {
    pub(super) fn into_egress(self, target: String) -> EgressError {
        match self {
            Self::TooLarge(most) => EgressError::TooLarge {
                target,
                why: format!("its body has more than {} MiB", most >> 20),
                status: None,
            },
            Self::Http(error) => explain_http(&error, target),
            Self::Memory(out) => EgressError::TooLarge { target, why: out.to_string(), status: None },
            Self::Encoding(why) => EgressError::Protocol { target, why: why.to_owned(), status: None },
        }
    }
}
