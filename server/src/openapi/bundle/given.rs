//! Documents whose files come all at once: `{ "files": { path: text }, "root"?: path }`, `{ "zip": base64, "root"?: path }`,
//! or a zip archive.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use connector_runtime::schema::pointer;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::archive::{self, duplicate, nested, unsafe_path};
use super::space::normal;
use super::{Bundle, MAX_BYTES, MAX_FILES, Space};
use crate::openapi::ImportError;
use crate::openapi::import::Spec;
use crate::openapi::read;
use crate::openapi::resolve::cut;

/// How a zip archive begins in base64.
const ZIP_IN_BASE64: &str = "UEsDB";
/// The endings of files that may be the root.
const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];
/// How many possible roots a message names.
const MAX_NAMED: usize = 5;

/// Returns whether a value holds the files of a document, and is no document itself.
pub(crate) fn is_several(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with(ZIP_IN_BASE64),
        Value::Object(map) => {
            let document = ["openapi", "swagger"].iter().any(|key| map.contains_key(*key));
            !document
                && (map.get("files").is_some_and(Value::is_object) || map.get("zip").is_some_and(Value::is_string))
        }
        _ => false,
    }
}

/// Returns the most memory that the files of a document take when they are read, beyond what holds them.
pub(crate) fn room(value: &Value) -> usize {
    match value {
        Value::Object(map) if map.contains_key("files") => {
            let files = map.get("files").and_then(Value::as_object).into_iter().flatten();
            // An object is written before it is read.
            let bytes = files.map(|(_, file)| file.as_str().map_or_else(|| 2 * written_length(file), str::len));
            Spec::memory(bytes.sum())
        }
        _ => {
            let packed = packed(value).unwrap_or_default();
            room_of_archive(&packed).saturating_add(packed.len())
        }
    }
}

/// Returns the most memory that the files of an archive take when they are read, beyond its bytes.
pub(crate) fn room_of_archive(bytes: &[u8]) -> usize {
    Spec::memory(archive::length(bytes))
}

/// Returns how many bytes a value has as text.
fn written_length(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting has no errors.
    drop(serde_json::to_writer(&mut count, value));
    count.0
}

/// Reads the files of a document.
///
/// # Errors
/// If they are too many or too large, one of them has no place in a document, or no root can be told.
pub(crate) fn several(value: Value) -> Result<Spec, ImportError> {
    let root = match value.get("root") {
        None | Some(Value::Null) => None,
        Some(Value::String(root)) => Some(root.clone()),
        Some(_) => return Err(ImportError::new("invalid_root", "`root` is the path of a file, as a text").at("/root")),
    };
    match value {
        Value::Object(mut map) if map.contains_key("files") => {
            let Some(Value::Object(files)) = map.shift_remove("files") else { return Spec::of(Value::Null) };
            of_map(files, root.as_deref())
        }
        value => of_archive(&packed(&value)?, root.as_deref()),
    }
}

/// Reads a zip archive.
///
/// # Errors
/// As [`several`].
pub(crate) fn of_archive(bytes: &[u8], root: Option<&str>) -> Result<Spec, ImportError> {
    document(&archive::Archive::open(bytes)?.unpack()?, root)
}

fn of_map(files: Map<String, Value>, root: Option<&str>) -> Result<Spec, ImportError> {
    if files.len() > MAX_FILES {
        return Err(ImportError::new("too_many", format!("a document may have {MAX_FILES} files")).at("/files"));
    }
    let mut read = IndexMap::with_capacity(files.len());
    let mut sum = 0_usize;
    for (name, file) in files {
        let place = || format!("/files/{}", pointer::escape(cut(&name, 300)));
        let path = normal("", &name).map_err(|why| unsafe_path(&name, why).at(place()))?;
        let bytes = match file {
            Value::String(text) => text.into_bytes(),
            file @ Value::Object(_) => file.to_string().into_bytes(),
            _ => {
                let message = format!("the file `{}` is neither a text nor an object", cut(&name, 200));
                return Err(ImportError::new("invalid_file", message).at(place()));
            }
        };
        sum = sum.saturating_add(bytes.len());
        if sum > MAX_BYTES {
            return Err(too_large().at(place()));
        }
        if archive::is_archive(&bytes) || bytes.starts_with(ZIP_IN_BASE64.as_bytes()) {
            return Err(nested(&name).at(place()));
        }
        if read.insert(path, bytes).is_some() {
            return Err(duplicate(&name).at(place()));
        }
    }
    document(&read, root)
}

pub(super) fn too_large() -> ImportError {
    let message = format!("the files have more than {} MiB together; import a part of them", MAX_BYTES >> 20);
    ImportError::new("too_large", message)
}

/// Makes one document of all files.
fn document(files: &IndexMap<String, Vec<u8>>, root: Option<&str>) -> Result<Spec, ImportError> {
    let root = match root {
        Some(root) => {
            let known = normal("", root).ok().filter(|path| files.contains_key(path));
            known.ok_or_else(|| {
                let message = format!("there is no file `{}`; `root` is the path of a file", cut(root, 200));
                ImportError::new("invalid_root", message).at("/root")
            })?
        }
        None => found_root(files)?,
    };
    let mut bundle = Bundle::new(Space::Folder, &root, &files[&root])?;
    loop {
        let wanted = bundle.wanted();
        if wanted.is_empty() {
            return bundle.spec();
        }
        for name in wanted {
            match files.get(&name) {
                Some(bytes) => bundle.add(&name, bytes)?,
                None => bundle.lacks(&name, "it is not among the files"),
            }
        }
    }
}

/// Finds the one file that says `openapi` or `swagger` at its top.
fn found_root(files: &IndexMap<String, Vec<u8>>) -> Result<String, ImportError> {
    let (mut roots, mut nodes) = (Vec::new(), 0_usize);
    for (name, bytes) in files {
        let lower = name.to_ascii_lowercase();
        let told = ["openapi", "swagger"].iter().any(|word| contains(bytes, word.as_bytes()));
        if !told || !ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
            continue;
        }
        if nodes > MAX_JSON_VALUES {
            let message = "the files are too many to look for the one that begins the document; name it with `root`";
            return Err(ImportError::new("too_many", message).at("/files"));
        }
        let Ok(loaded) = read::read(bytes) else {
            // What a file that cannot be read has cost is not known.
            nodes = nodes.saturating_add(bytes.len());
            continue;
        };
        nodes = nodes.saturating_add(loaded.nodes);
        if ["openapi", "swagger"].iter().any(|key| loaded.value.get(key).is_some()) {
            roots.push(name.as_str());
        }
    }
    match roots.as_slice() {
        [root] => Ok((*root).to_owned()),
        [] if files.len() == 1 => Ok(files.keys().next().cloned().unwrap_or_default()),
        [] => {
            let message = "none of the files says `openapi` or `swagger` at its top; name the one that begins the document with `root`";
            Err(ImportError::new("no_root", message).at("/files"))
        }
        several => {
            let named = several.iter().take(MAX_NAMED).map(|name| cut(name, 100)).collect::<Vec<_>>().join(", ");
            let message = format!("several files may begin the document ({named}); say which with `root`");
            Err(ImportError::new("ambiguous_root", message).at("/files"))
        }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Decodes an archive.
fn packed(value: &Value) -> Result<Vec<u8>, ImportError> {
    let (text, place) = match value {
        Value::String(text) => (text.as_str(), ""),
        value => (value.get("zip").and_then(Value::as_str).unwrap_or_default(), "/zip"),
    };
    let plain: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(plain).map_err(|_| {
        ImportError::new("archive_broken", "the archive is not base64; send the zip file in base64").at(place)
    })
}
