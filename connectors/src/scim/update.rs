//! Changes one resource, so that a repetition changes nothing and says so.
//!
//! The resource is read first: what holds already is not sent, and a stale version is refused also where the service
//! passes `If-Match` over. Where it does, the resource is read again afterwards, and what did not stay is told.

use connector_runtime::prelude::*;

use super::changes::Changes;
use super::failure::{Problem, Result};
use super::kind::Kind;
use super::resource::{id, is_made, same_version, without_meta};
use super::session::Session;
use super::single::Found;

/// A changed resource.
#[derive(Debug)]
pub(super) struct Updated {
    /// `None` if the service has it no more, as after a deactivation by some.
    pub(super) found: Option<Found>,
    pub(super) changed: bool,
    /// Paths whose value is another one than was set: the service or somebody else changed it.
    pub(super) not_kept: Vec<String>,
}

/// Refuses a version that is not the current one.
pub(super) fn check_version(if_match: Option<&str>, current: &str) -> Result<()> {
    match if_match {
        Some(tag) if tag != "*" && !same_version(tag, current) => {
            let why = "The resource was changed since that version was read; read it again and decide anew";
            Err(Problem::new(Code::Conflict, why).with("etag", current))
        }
        _ => Ok(()),
    }
}

impl Session<'_> {
    /// Makes changes to a resource.
    pub(super) async fn update(
        &self,
        kind: &Kind,
        resource_id: &str,
        changes: &Changes,
        if_match: Option<&str>,
    ) -> Result<Updated> {
        let capabilities = self.capabilities().await?;
        let before = self.read(kind, resource_id, &[]).await?;
        check_version(if_match, &before.version)?;
        let missing = changes.missing(&before.resource);
        if missing.0.is_empty() {
            return Ok(Updated { found: Some(before), changed: false, not_kept: Vec::new() });
        }
        // A version that was made here means nothing to the service.
        let header = if_match.filter(|tag| !is_made(tag));
        let path = kind.at(resource_id);
        let what = format!("change the {}", kind.one);
        let mut response = None;
        if capabilities.patch {
            let sent = self.send_body("PATCH", &path, &missing.patch(), header).await?;
            // It has none, whatever is assumed.
            let has_none = matches!(sent.status(), 405 | 501) && !capabilities.announced;
            response = (!has_none).then_some(sent);
        }
        let response = match response {
            Some(response) => response,
            None => {
                if kind.is_group && !(capabilities.etag && self.profile.puts_groups) {
                    let why = "The service has no PATCH and no versions: replacing the whole group could undo what others \
                               change in its members at the same time";
                    return Err(Problem::new(Code::Unsupported, why));
                }
                let own = Some(before.version.as_str()).filter(|tag| capabilities.etag && !is_made(tag));
                self.send_body("PUT", &path, &missing.applied(&before.resource)?, header.or(own)).await?
            }
        };
        let response = self.accepted(response, &what)?;
        let is_told = capabilities.etag && response.json::<Value>().is_ok_and(|body| id(&body).is_some());
        let after = if is_told { self.found(&response).await } else { self.read(kind, resource_id, &[]).await };
        let after = match after {
            Ok(after) => after,
            Err(problem) if problem.is(Code::NotFound) => {
                return Ok(Updated { found: None, changed: true, not_kept: Vec::new() });
            }
            // It was changed; only the reading failed.
            Err(problem) => return Err(problem.with("changed", true)),
        };
        let has_password = changes.0.iter().any(|change| change.path == "password");
        let changed = has_password || without_meta(&before.resource) != without_meta(&after.resource);
        let not_kept = changes.not_kept(&after.resource);
        Ok(Updated { found: Some(after), changed, not_kept })
    }
}
