//! Where the files of a document may be, and which file a reference means.

use percent_encoding::percent_decode_str;
use url::Url;

/// The place that a document came from. References that leave it are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// A folder, an archive or a map. Files are named by their paths from its top, with `/`.
    Folder,
    /// A web server. Files are named by their URLs, which have the origin of the root.
    Web,
}

/// What a reference means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) file: String,
    /// JSON pointer in it; empty for the whole file.
    pub(super) pointer: String,
}

const OUTSIDE: &str = "it leads outside of the document's folder";
const ELSEWHERE: &str =
    "it is at another place than the document, and only files of the document's own folder are read";
const ORIGIN: &str = "it has another origin than the document, and only URLs of the same origin are fetched";
const ODD: &str = "it is not a relative path with `/`";

impl Space {
    /// Finds the file that a reference in the file `from` means.
    ///
    /// # Errors
    /// If it is none of this place, with the reason.
    pub(super) fn target(self, from: &str, reference: &str) -> Result<Target, &'static str> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let pointer = if fragment == "/" { "" } else { fragment };
        let pointer =
            if pointer.is_empty() || pointer.starts_with('/') { pointer.to_owned() } else { format!("/{pointer}") };
        let file = match self {
            _ if file.is_empty() => from.to_owned(),
            Self::Folder => in_folder(from, file)?,
            Self::Web => on_server(from, file)?,
        };
        Ok(Target { file, pointer })
    }
}

fn in_folder(from: &str, file: &str) -> Result<String, &'static str> {
    let scheme = file.split_once(':').map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !scheme.contains('/')) || file.starts_with("//") {
        return Err(ELSEWHERE);
    }
    let plain = percent_decode_str(file).decode_utf8().map_err(|_| ODD)?;
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    normal(folder, &plain)
}

/// Joins a path to a folder and removes its dots.
///
/// # Errors
/// If it leads outside of the top folder, or is no plain path.
pub(super) fn normal(folder: &str, path: &str) -> Result<String, &'static str> {
    if path.starts_with('/') {
        return Err(OUTSIDE);
    }
    if path.contains(['\\', '\0', ':']) || path.chars().any(char::is_control) {
        return Err(ODD);
    }
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => _ = steps.pop().ok_or(OUTSIDE)?,
            step => steps.push(step),
        }
    }
    if steps.is_empty() { Err(ODD) } else { Ok(steps.join("/")) }
}

fn on_server(from: &str, file: &str) -> Result<String, &'static str> {
    let from = Url::parse(from).map_err(|_| ORIGIN)?;
    let mut found = from.join(file).map_err(|_| "it is not a URL")?;
    found.set_fragment(None);
    let plain = found.username().is_empty() && found.password().is_none();
    if found.origin() == from.origin() && plain { Ok(found.into()) } else { Err(ORIGIN) }
}
