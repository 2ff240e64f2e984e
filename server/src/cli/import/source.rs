//! The source of a document: a file, standard input, or a URL that is fetched like the requests of connectors.

use std::fs;
use std::io::{self, Read};
use std::time::Duration;

use connector_runtime::egress::{Client, EgressError};

use super::progress::Progress;
use crate::openapi::{ImportError, MAX_BYTES};

/// How long a document may take to arrive.
const FETCHING: Duration = Duration::from_secs(120);
/// How many bytes are read between two updates of the bar.
const CHUNK: u64 = 1 << 20;

/// Returns whether an argument is a URL rather than a file.
pub(super) fn is_url(source: &str) -> bool {
    let lower = source.get(..8).unwrap_or(source).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

/// Reads a file or standard input, but never more than the maximum size of a document.
pub(super) fn read(source: &str, progress: &mut Progress) -> Result<Vec<u8>, ImportError> {
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

/// Fetches a document.
pub(super) async fn fetch(client: &Client, url: &str) -> Result<Vec<u8>, ImportError> {
    let accept = "application/json, application/yaml, text/yaml, text/plain, */*";
    let request = client.get(url).header("accept", accept).timeout(FETCHING).most_bytes(MAX_BYTES);
    let answer = request.send().await.map_err(|error| match error {
        EgressError::TooLarge { .. } => ImportError {
            code: "too_large",
            message: format!("the document has more than {} MiB", MAX_BYTES >> 20),
            pointer: None,
        },
        error => unreadable(error.to_string()),
    })?;
    if !answer.is_success() {
        let status = answer.status();
        let message =
            format!("the URL answered {status} instead of the document; check it, or save it to a file first");
        return Err(unreadable(message));
    }
    Ok(answer.bytes().to_vec())
}

fn unreadable(message: String) -> ImportError {
    ImportError { code: "unreadable", message, pointer: None }
}
