//! Reads a zip archive. Whatever it says of its sizes is counted before anything is unpacked, and nothing becomes larger
//! than it said.

use std::collections::HashSet;
use std::io::Read;

use connector_runtime::schema::pointer;
use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::space::normal;
use super::{MAX_BYTES, MAX_FILES};
use crate::openapi::ImportError;
use crate::openapi::resolve::cut;

/// The signatures of a file, of its entry in the directory, and of the directory's end.
const LOCAL: &[u8; 4] = b"PK\x03\x04";
const ENTRY: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
/// The lengths of their fixed parts, in bytes.
const LOCAL_BYTES: usize = 30;
const ENTRY_BYTES: usize = 46;
const END_BYTES: usize = 22;
/// The longest comment after the directory, in bytes.
const MAX_COMMENT: usize = 65_535;
/// The type of a symbolic link, and the mask of types, in the mode of a file.
const LINK: u32 = 0o120_000;
const KINDS: u32 = 0o170_000;

/// A file of an archive, still packed.
#[derive(Debug)]
pub(super) struct Packed<'z> {
    pub(super) name: String,
    /// How many bytes it says to have.
    length: usize,
    method: u16,
    crc: u32,
    data: &'z [u8],
}

/// Returns whether bytes are a zip archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL) || bytes.starts_with(END)
}

/// Lists the files of an archive.
///
/// # Errors
/// If it is broken, or holds what no document needs: links, archives, paths out of it, names that it has twice.
pub(super) fn list(bytes: &[u8]) -> Result<Vec<Packed<'_>>, ImportError> {
    let (count, mut at) = directory(bytes)?;
    if count > 2 * MAX_FILES {
        return Err(ImportError::new("too_many", format!("the archive has more than {MAX_FILES} files")));
    }
    let (mut files, mut names, mut sum) = (Vec::with_capacity(count), HashSet::new(), 0_usize);
    for _ in 0..count {
        let entry = Entry::read(bytes, at).ok_or_else(broken)?;
        at = entry.next;
        let name = std::str::from_utf8(entry.name).map_err(|_| broken())?;
        if name.ends_with('/') || name.starts_with("__MACOSX/") {
            continue;
        }
        let place = || format!("/files/{}", pointer::escape(cut(name, 300)));
        let path = normal("", name).map_err(|why| unsafe_path(name, why).at(place()))?;
        if entry.mode & KINDS == LINK {
            return Err(unsafe_path(name, "it is a symbolic link").at(place()));
        }
        if !names.insert(path.clone()) {
            return Err(duplicate(name).at(place()));
        }
        if entry.flags & 1 != 0 || !matches!(entry.method, 0 | 8) {
            let message =
                format!("`{}` is encrypted or packed in a way other than deflate; pack it anew", cut(name, 200));
            return Err(ImportError::new("archive_unsupported", message).at(place()));
        }
        sum = sum.saturating_add(entry.length);
        if sum > MAX_BYTES {
            return Err(super::given::too_large().at(place()));
        }
        if files.len() == MAX_FILES {
            return Err(
                ImportError::new("too_many", format!("the archive has more than {MAX_FILES} files")).at(place())
            );
        }
        let data = entry.data(bytes).ok_or_else(broken)?;
        files.push(Packed { name: path, length: entry.length, method: entry.method, crc: entry.crc, data });
    }
    Ok(files)
}

/// Returns how many bytes the files of an archive say to have together; none if it is broken, which reading it tells.
pub(super) fn length(bytes: &[u8]) -> usize {
    list(bytes).map(|files| files.iter().map(|file| file.length).sum()).unwrap_or_default()
}

impl Packed<'_> {
    /// Unpacks the file.
    ///
    /// # Errors
    /// If it is not what the archive says of it, or an archive itself.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ImportError> {
        let place = || format!("/files/{}", pointer::escape(cut(&self.name, 300)));
        let mut plain = Vec::new();
        let most = self.length as u64 + 1;
        let read = match self.method {
            0 => self.data.take(most).read_to_end(&mut plain),
            _ => DeflateDecoder::new(self.data).take(most).read_to_end(&mut plain),
        };
        let mut crc = Crc::new();
        crc.update(&plain);
        if read.is_err() || plain.len() != self.length || crc.sum() != self.crc {
            let message = format!("`{}` is not what the archive says of it; pack it anew", cut(&self.name, 200));
            return Err(ImportError::new("archive_broken", message).at(place()));
        }
        if is_archive(&plain) || plain.starts_with(&[0x1f, 0x8b]) {
            return Err(nested(&self.name).at(place()));
        }
        Ok(plain)
    }
}

pub(super) fn nested(name: &str) -> ImportError {
    let message = format!("`{}` is an archive inside of an archive; unpack it first", cut(name, 200));
    ImportError::new("nested_archive", message)
}

pub(super) fn duplicate(name: &str) -> ImportError {
    let message = format!("the file `{}` is there twice; leave one of them out", cut(name, 200));
    ImportError::new("duplicate_file", message)
}

pub(super) fn unsafe_path(name: &str, why: &str) -> ImportError {
    let message = format!("the file `{}` is refused: {why}", cut(name, 200));
    ImportError::new("unsafe_path", message)
}

fn broken() -> ImportError {
    ImportError::new("archive_broken", "the archive is broken, or not a plain zip file; pack it anew")
}

/// An entry of the directory.
struct Entry<'z> {
    name: &'z [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: usize,
    length: usize,
    mode: u32,
    /// Where the file is.
    offset: usize,
    /// Where the next entry is.
    next: usize,
}

impl<'z> Entry<'z> {
    fn read(bytes: &'z [u8], at: usize) -> Option<Self> {
        let fixed = bytes.get(at..at.checked_add(ENTRY_BYTES)?).filter(|fixed| fixed.starts_with(ENTRY))?;
        let name_at = at + ENTRY_BYTES;
        let name_end = name_at + usize::from(short(fixed, 28)?);
        let after = usize::from(short(fixed, 30)?) + usize::from(short(fixed, 32)?);
        Some(Self {
            name: bytes.get(name_at..name_end)?,
            flags: short(fixed, 8)?,
            method: short(fixed, 10)?,
            crc: long(fixed, 16)?,
            packed: usize::try_from(long(fixed, 20)?).ok()?,
            length: usize::try_from(long(fixed, 24)?).ok()?,
            mode: long(fixed, 38)? >> 16,
            offset: usize::try_from(long(fixed, 42)?).ok()?,
            next: name_end + after,
        })
    }

    fn data(&self, bytes: &'z [u8]) -> Option<&'z [u8]> {
        let fixed = bytes.get(self.offset..self.offset.checked_add(LOCAL_BYTES)?)?;
        let after = usize::from(short(fixed, 26)?) + usize::from(short(fixed, 28)?);
        let start = fixed.starts_with(LOCAL).then_some(self.offset + LOCAL_BYTES + after)?;
        bytes.get(start..start.checked_add(self.packed)?)
    }
}

/// Finds the directory: how many entries it has, and where it begins.
fn directory(bytes: &[u8]) -> Result<(usize, usize), ImportError> {
    let last = bytes.len().checked_sub(END_BYTES).ok_or_else(broken)?;
    let first = last.saturating_sub(MAX_COMMENT);
    let at = (first..=last).rev().find(|at| bytes[*at..].starts_with(END)).ok_or_else(broken)?;
    let end = &bytes[at..];
    let (count, offset) = (short(end, 10).ok_or_else(broken)?, long(end, 16).ok_or_else(broken)?);
    // These values say that the numbers are elsewhere: an archive of more than 4 GiB or 65,535 files.
    if count == u16::MAX || offset == u32::MAX || short(end, 8) != Some(count) {
        return Err(ImportError::new("archive_unsupported", "the archive is too large, or in several parts"));
    }
    Ok((usize::from(count), usize::try_from(offset).map_err(|_| broken())?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
