//! Reads a zip archive. Whatever it says of its sizes is counted before anything is unpacked, and nothing becomes larger
//! than it said.

use std::collections::HashSet;
use std::io::{Cursor, Read};

use connector_runtime::schema::pointer;
use indexmap::IndexMap;
use zip::{CompressionMethod, ZipArchive};

use super::space::normal;
use super::{MAX_BYTES, MAX_FILES};
use crate::openapi::ImportError;
use crate::openapi::resolve::cut;

/// The signatures of a file, of its entry in the directory, and of the directory's end.
const LOCAL: &[u8; 4] = b"PK\x03\x04";
const ENTRY: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
/// The most entries of a directory: files, and folders beside them.
const MAX_ENTRIES: usize = 2 * MAX_FILES;

/// An archive whose directory was checked.
pub(super) struct Archive<'z> {
    zip: ZipArchive<Cursor<&'z [u8]>>,
    files: Vec<Packed>,
}

/// A file of an archive, still packed.
struct Packed {
    name: String,
    index: usize,
    /// How many bytes it says to have.
    length: usize,
}

/// Returns whether bytes are a zip archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL) || bytes.starts_with(END)
}

/// Returns how many bytes the files of an archive say to have together; none if it is broken, which reading it tells.
pub(super) fn length(bytes: &[u8]) -> usize {
    Archive::open(bytes).map(|archive| archive.files.iter().map(|file| file.length).sum()).unwrap_or_default()
}

impl<'z> Archive<'z> {
    /// Opens an archive and checks what it says of its files.
    ///
    /// # Errors
    /// If it is broken, or holds what no document needs: links, archives, paths out of it, names that it has twice.
    pub(super) fn open(bytes: &'z [u8]) -> Result<Self, ImportError> {
        // The reader makes room for as many entries as there are.
        if bytes.windows(ENTRY.len()).filter(|window| window == ENTRY).take(MAX_ENTRIES + 1).count() > MAX_ENTRIES {
            return Err(too_many());
        }
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| broken())?;
        if zip.has_duplicate_names() {
            let message = "the archive has two files of one name; leave one of them out, and pack it anew";
            return Err(ImportError::new("duplicate_file", message));
        }
        if zip.has_overlapping_entries().map_err(|_| broken())? {
            return Err(broken());
        }
        let (mut files, mut names, mut sum) = (Vec::with_capacity(zip.len()), HashSet::new(), 0_usize);
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|_| broken())?;
            let name = std::str::from_utf8(entry.name_raw()).map_err(|_| broken())?;
            if name.ends_with('/') || name.starts_with("__MACOSX/") {
                continue;
            }
            let place = || place(name);
            let path = normal("", name).map_err(|why| unsafe_path(name, why).at(place()))?;
            if entry.is_symlink() {
                return Err(unsafe_path(name, "it is a symbolic link").at(place()));
            }
            if !names.insert(path.clone()) {
                return Err(duplicate(name).at(place()));
            }
            let is_known = matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated);
            if entry.encrypted() || !is_known {
                let message =
                    format!("`{}` is encrypted or packed in a way other than deflate; pack it anew", cut(name, 200));
                return Err(ImportError::new("archive_unsupported", message).at(place()));
            }
            let length = usize::try_from(entry.size()).unwrap_or(usize::MAX);
            sum = sum.saturating_add(length);
            if sum > MAX_BYTES {
                return Err(super::given::too_large().at(place()));
            }
            if files.len() == MAX_FILES {
                return Err(too_many().at(place()));
            }
            files.push(Packed { name: path, index, length });
        }
        Ok(Self { zip, files })
    }

    /// Unpacks all files.
    ///
    /// # Errors
    /// If one of them is not what the archive says of it, or an archive itself.
    pub(super) fn unpack(mut self) -> Result<IndexMap<String, Vec<u8>>, ImportError> {
        let mut all = IndexMap::with_capacity(self.files.len());
        for Packed { name, index, length } in self.files {
            let mut plain = Vec::with_capacity(length.min(1 << 20));
            let entry = self.zip.by_index(index).map_err(|_| wrong(&name))?;
            // The reader compares the checksum at the end, so it is read up to there.
            let read = entry.take(length as u64 + 1).read_to_end(&mut plain);
            if read.is_err() || plain.len() != length {
                return Err(wrong(&name));
            }
            if is_archive(&plain) || plain.starts_with(&[0x1f, 0x8b]) {
                return Err(nested(&name).at(place(&name)));
            }
            all.insert(name, plain);
        }
        Ok(all)
    }
}

fn place(name: &str) -> String {
    format!("/files/{}", pointer::escape(cut(name, 300)))
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

fn wrong(name: &str) -> ImportError {
    let message = format!("`{}` is not what the archive says of it; pack it anew", cut(name, 200));
    ImportError::new("archive_broken", message).at(place(name))
}

fn too_many() -> ImportError {
    ImportError::new("too_many", format!("the archive has more than {MAX_FILES} files"))
}

fn broken() -> ImportError {
    ImportError::new("archive_broken", "the archive is broken, or not a plain zip file; pack it anew")
}
