//! A document of several files: the root, and what its references lead to. The result is one document, which everything
//! after this reads like any other.
//!
//! Nothing is read here. Whoever has the files gives them: a map or an archive all at once, a folder or a web server those
//! that are asked for. A file is never outside of the place that the document came from ([`Space`]).

mod archive;
mod embed;
mod given;
mod hoist;
mod references;
mod space;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use connector_runtime::schema::pointer;
use indexmap::IndexMap;
use serde_json::Value;

use self::references::{At, visit};
pub use self::space::Space;
use super::error::ImportError;
use super::import::Spec;
use super::notes::Notes;
use super::read::{self, Loaded, MAX_BYTES};
use super::resolve::cut;
use super::swagger::is_swagger;

pub use self::archive::is_archive;
pub(super) use self::given::{is_several, of_archive, room, room_of_archive, several};

/// The most files of one document.
pub const MAX_FILES: usize = 5000;
/// The most files that a warning names.
const MAX_NAMED: usize = 20;

/// The files of a document, as far as they were given.
#[derive(Debug)]
pub struct Bundle {
    space: Space,
    /// The root's name.
    root: String,
    files: IndexMap<String, Loaded>,
    /// Files that were asked for, given or not.
    asked: HashSet<String>,
    /// Files that are asked for and not answered yet.
    wanted: Vec<String>,
    /// References that lead to no file, with the reason.
    lost: IndexMap<String, String>,
    bytes: usize,
    nodes: usize,
}

impl Bundle {
    /// Begins with the root.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn new(space: Space, root: &str, bytes: &[u8]) -> Result<Self, ImportError> {
        let mut bundle = Self {
            space,
            root: root.to_owned(),
            files: IndexMap::new(),
            asked: HashSet::from([root.to_owned()]),
            wanted: Vec::new(),
            lost: IndexMap::new(),
            bytes: 0,
            nodes: 0,
        };
        bundle.load(root, bytes)?;
        Ok(bundle)
    }

    /// Takes the names of the files that are needed next; none if all are there.
    pub fn wanted(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wanted)
    }

    /// Returns how many bytes the files may still have together.
    pub fn room(&self) -> usize {
        MAX_BYTES.saturating_sub(self.bytes)
    }

    /// Adds a file. One that is no document is told, and its references are not followed.
    ///
    /// # Errors
    /// If all files together are too large.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
        match self.load(name, bytes) {
            Err(error) if !matches!(error.code, "too_large" | "too_many" | "alias_limit") => {
                self.lacks(name, &error.message);
                Ok(())
            }
            done => done,
        }
    }

    /// Notes that a file cannot be had.
    pub fn lacks(&mut self, name: &str, why: &str) {
        self.lost.insert(name.to_owned(), why.to_owned());
    }

    fn load(&mut self, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
        let place = || format!("/files/{}", pointer::escape(cut(name, 300)));
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > MAX_BYTES {
            let message = format!("the files have more than {} MiB together; import a part of them", MAX_BYTES >> 20);
            return Err(ImportError::new("too_large", message).at(place()));
        }
        let mut loaded = read::read(bytes)?;
        self.nodes += loaded.nodes;
        if self.nodes > MAX_JSON_VALUES {
            let message = format!("the files have more than {MAX_JSON_VALUES} values together; import a part of them");
            return Err(ImportError::new("too_many", message).at(place()));
        }
        let mut found = Vec::new();
        visit(&mut loaded.value, At::Schema, &mut |reference, _| {
            if !reference.starts_with('#') {
                found.push(reference.clone());
            }
        });
        for reference in found {
            match self.space.target(name, &reference) {
                Ok(target) if self.asked.contains(&target.file) => {}
                Ok(target) => {
                    if self.asked.len() >= MAX_FILES {
                        let message =
                            format!("the document refers to more than {MAX_FILES} files; import a part of it");
                        return Err(ImportError::new("too_many", message).at(place()));
                    }
                    self.asked.insert(target.file.clone());
                    self.wanted.push(target.file);
                }
                Err(why) => _ = self.lost.insert(reference, why.to_owned()),
            }
        }
        self.files.insert(name.to_owned(), loaded);
        Ok(())
    }

    /// Makes one document of the files.
    ///
    /// # Errors
    /// If it is too large, or a Swagger 2.0 document that cannot be rewritten.
    pub fn spec(self) -> Result<Spec, ImportError> {
        let Self { space, root, files, lost, .. } = self;
        let mut notes = Notes::default();
        for (reference, why) in lost.iter().take(MAX_NAMED) {
            let message = format!("the file `{}` was not read: {why}", cut(reference, 200));
            notes.warn("file_not_read", "", message);
        }
        if lost.len() > MAX_NAMED {
            notes.warn("file_not_read", "", format!("{} more files were not read", lost.len() - MAX_NAMED));
        }
        let mut values = HashMap::with_capacity(files.len());
        for (name, loaded) in files {
            let named = (name != root).then_some(name.as_str());
            values.insert(name.clone(), loaded.noted(named, &mut notes));
        }
        let Some(document) = values.remove(&root) else { return Spec::of(Value::Null) };
        let files = Files { space, root, others: values };
        let one = match () {
            () if files.others.is_empty() => document,
            () if is_swagger(&document) => hoist::hoist(document, &files)?,
            () => embed::embed(document, files)?,
        };
        Spec::noted(one, notes)
    }
}

/// The files of a document without its root.
struct Files {
    space: Space,
    root: String,
    others: HashMap<String, Value>,
}

impl Loaded {
    /// Notes what was odd about a document, and returns it. `file` is its name, if it is not the root.
    pub(super) fn noted(self, file: Option<&str>, notes: &mut Notes) -> Value {
        let of = file.map(|name| format!("{}: ", cut(name, 200))).unwrap_or_default();
        for pointer in &self.repeated {
            let key = pointer.rsplit('/').next().unwrap_or_default();
            let message = format!("{of}duplicate key `{}`; the last one is used", cut(key, 100));
            notes.warn("duplicate_key", if file.is_none() { pointer } else { "" }, message);
        }
        if let Some(at) = self.latin {
            let message = format!("{of}the document is not UTF-8 text (byte {at}); it is read as Latin-1");
            notes.warn("encoding", "", message);
        }
        if self.mended {
            let message = "the document holds halves of characters (`\\ud800` alone); they are replaced";
            notes.warn("encoding", "", format!("{of}{message}"));
        }
        self.value
    }
}

/// Refuses a document whose files repeat too much of each other.
fn too_many_values() -> ImportError {
    let message = format!("the files make one document of more than {MAX_JSON_VALUES} values; import a part of them");
    ImportError::new("too_many", message)
}
