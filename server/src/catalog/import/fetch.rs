//! Fetches a document like the requests of connectors, and the files that it refers to from the same origin.

use std::time::Duration;

use connector_runtime::egress::{Client, EgressError, Response};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use crate::openapi::{Bundle, ImportError, MAX_BYTES, Space, Spec, is_archive};

/// How long a document may take to arrive, with all its files.
const FETCHING: Duration = Duration::from_secs(120);
/// The most files that are fetched for one document.
const MAX_FETCHED: usize = 1000;
/// How many files are fetched at a time.
const AT_A_TIME: usize = 4;

/// Called with what is being done.
type Told<'t> = dyn FnMut(&'static str) + Send + 't;

/// Fetches a document, with the files of its origin that it refers to.
///
/// # Errors
/// If it cannot be fetched, or is no document.
pub async fn fetch_spec(client: &Client, url: &str, told: &mut Told<'_>) -> Result<Spec, ImportError> {
    let until = Instant::now() + FETCHING;
    told("fetching");
    let answer = fetch(client, url, MAX_BYTES).await?;
    told("parsing");
    let mut at = answer.url().clone();
    at.set_fragment(None);
    if is_archive(answer.bytes()) {
        let mut spec = Spec::read(answer.bytes())?;
        spec.served_at(&at);
        return Ok(spec);
    }
    let mut bundle = Bundle::new(Space::Web, at.as_str(), answer.bytes())?;
    drop(answer);
    let mut fetched = 0;
    loop {
        let wanted = bundle.wanted();
        if wanted.is_empty() {
            break;
        }
        fetched += wanted.len();
        if fetched > MAX_FETCHED {
            let message =
                format!("the document refers to more than {MAX_FETCHED} URLs; save its files and import the folder");
            return Err(ImportError { code: "too_many", message, pointer: None, place: None });
        }
        told("fetching");
        let room = bundle.room();
        let mut answers = stream::iter(wanted)
            .map(|name| async move {
                let answer = timeout_at(until, fetch(client, &name, room)).await;
                (name, answer)
            })
            .buffered(AT_A_TIME);
        while let Some((name, answer)) = answers.next().await {
            match answer {
                Ok(Ok(answer)) if answer.url().origin() == at.origin() => bundle.add(&name, answer.bytes())?,
                Ok(Ok(_)) => bundle.lacks(&name, "it leads to another origin than the document has"),
                Ok(Err(error)) if error.code == "too_large" => return Err(error),
                Ok(Err(error)) => bundle.lacks(&name, &error.message),
                Err(_) => {
                    let seconds = FETCHING.as_secs();
                    let message = format!("the document and its files took longer than {seconds} seconds to arrive");
                    return Err(unreadable(message));
                }
            }
        }
    }
    let mut spec = bundle.spec()?;
    spec.served_at(&at);
    Ok(spec)
}

/// Fetches a file.
async fn fetch(client: &Client, url: &str, room: usize) -> Result<Response, ImportError> {
    let accept = "application/json, application/yaml, text/yaml, text/plain, */*";
    let request = client.get(url).header("accept", accept).timeout(FETCHING).most_bytes(room);
    let answer = request.send().await.map_err(|error| match error {
        EgressError::TooLarge { .. } => ImportError {
            code: "too_large",
            message: format!("the document has more than {} MiB, with its files", MAX_BYTES >> 20),
            pointer: None,
            place: None,
        },
        error => unreadable(error.to_string()),
    })?;
    if !answer.is_success() {
        let status = answer.status();
        let message =
            format!("the URL answered {status} instead of the document; check it, or save it to a file first");
        return Err(unreadable(message));
    }
    Ok(answer)
}

fn unreadable(message: String) -> ImportError {
    ImportError { code: "unreadable", message, pointer: None, place: None }
}
