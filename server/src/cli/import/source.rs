//! The source of a document: a file or standard input. The files that it refers to are read from the same folder.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::progress::Progress;
use crate::openapi::{Bundle, ImportError, MAX_BYTES, Space, Spec, is_archive};

/// How many bytes are read between two updates of the bar.
const CHUNK: u64 = 1 << 20;

/// Returns whether an argument is a URL rather than a file.
pub(super) fn is_url(source: &str) -> bool {
    let lower = source.get(..8).unwrap_or(source).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

/// Reads a file or standard input, but never more than the maximum size of a document.
fn read(source: &str, progress: &mut Progress) -> Result<Vec<u8>, ImportError> {
    let read = match source {
        "-" => copy(&mut io::stdin().lock(), None, progress),
        path => fs::File::open(path).and_then(|mut file| {
            let length = file.metadata()?.len();
            copy(&mut file, Some(length), progress)
        }),
    };
    read.map_err(|error| unreadable(format!("the file cannot be read: {error}")))
}

/// Returns a file's length, if it is known.
pub(super) fn length(source: &str) -> Option<u64> {
    fs::metadata(source).ok().filter(fs::Metadata::is_file).map(|data| data.len())
}

fn copy(from: &mut impl Read, length: Option<u64>, progress: &mut Progress) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() <= MAX_BYTES {
        if from.by_ref().take(CHUNK).read_to_end(&mut bytes)? == 0 {
            break;
        }
        match length {
            Some(length) => progress.tell("reading", bytes.len() as u64, length),
            None => progress.say("reading"),
        }
    }
    Ok(bytes)
}

/// Reads a document from a file or standard input, with the files of its folder that it refers to.
///
/// # Errors
/// If it cannot be read, or is no document.
pub(super) fn read_spec(source: &str, progress: &mut Progress) -> Result<Spec, ImportError> {
    let bytes = read(source, progress)?;
    progress.say("parsing");
    if is_archive(&bytes) {
        return Spec::read(&bytes);
    }
    let path = Path::new(source);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("document");
    let mut bundle = Bundle::new(Space::Folder, name, &bytes)?;
    drop(bytes);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = if source == "-" { None } else { fs::canonicalize(parent).ok() };
    loop {
        let wanted = bundle.wanted();
        if wanted.is_empty() {
            return bundle.spec();
        }
        for name in wanted {
            match neighbour(folder.as_deref(), &name, bundle.room()) {
                Ok(bytes) => bundle.add(&name, &bytes)?,
                Err(why) => bundle.lacks(&name, &why),
            }
        }
    }
}

/// Reads a file of a folder. Where a link leads out of it, the file is none of the folder.
fn neighbour(folder: Option<&Path>, name: &str, room: usize) -> Result<Vec<u8>, String> {
    let folder = folder.ok_or("standard input has no folder")?;
    let path = fs::canonicalize(folder.join(name)).map_err(|error| error.to_string())?;
    if !path.starts_with(folder) {
        return Err("it leads outside of the document's folder".to_owned());
    }
    if !path.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(&path).and_then(|file| file.take(room as u64 + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| error.to_string())
}

fn unreadable(message: String) -> ImportError {
    ImportError { code: "unreadable", message, pointer: None, place: None }
}
