//! The redirect loop: every hop is judged as the first request was.
//!
//! Library loops follow too much: they carry an `X-Api-Key` to another origin, bring a dropped
//! `Authorization` back on the way home, or go from https to http with it. Here a secret that was dropped
//! stays dropped, and one that would travel in clear stops the request.

use http::{Method, StatusCode, header};
use url::Url;

use super::exchange::{self, Answer};
use super::outgoing::OutgoingRequest;
use super::{Client, EgressError, Response, url as urls};

/// The most redirects that are followed.
const MAX_HOPS: usize = 10;

/// Sends a request and follows its redirects.
pub(super) async fn follow(client: &Client, mut draft: OutgoingRequest) -> Result<Response, EgressError> {
    for _ in 0..=MAX_HOPS {
        if draft.carries_secret() && !client.scope.admits(&draft.url) {
            return Err(client.scope.refuse(draft.shown()));
        }
        let answer = exchange::send(client, &draft).await?;
        let Some(location) = draft.location(&answer)? else {
            return exchange::read(answer, draft).await;
        };
        draft.redirect(answer.status(), location)?;
    }
    Err(draft.refuse("it was redirected more than 10 times; call the final URL"))
}

impl OutgoingRequest {
    /// Returns where an answer redirects to, if it does and redirects are followed.
    fn location(&self, answer: &Answer) -> Result<Option<Url>, EgressError> {
        if !self.follows_redirects || !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(value) = answer.headers().get(header::LOCATION) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| self.refuse("its location is no text"))?;
        let url = urls::join(&self.url, text)
            .map_err(|rule| self.refuse(&format!("its location cannot be called: it has {} [{rule}]", rule.what())))?;
        Ok(Some(url))
    }

    /// Turns the request into the one for the next hop.
    fn redirect(&mut self, status: StatusCode, mut to: Url) -> Result<(), EgressError> {
        if self.url.scheme() == "https" && to.scheme() == "http" && self.carries_secret() {
            return Err(self.refuse("it leads from https to http, where the request's secret would travel in clear"));
        }
        if asks_to_fetch(status, &self.method) {
            if self.method != Method::HEAD {
                self.method = Method::GET;
            }
            self.drop_body();
        }
        if to.origin() != self.url.origin() {
            self.drop_secret_headers();
            self.strip_secrets(&mut to);
            if self.body_is_secret || self.holds_secret_of_url(&to) {
                return Err(self.refuse("it leads to another origin, which must not see the request's secret"));
            }
        }
        self.url = to;
        Ok(())
    }

    fn refuse(&self, why: &str) -> EgressError {
        EgressError::Redirect { target: self.shown(), why: why.to_owned() }
    }
}

/// Tells whether the next hop only fetches: 303 always says so, and 301 and 302 to a POST, as in every browser
/// (RFC 9110, section 15.4).
fn asks_to_fetch(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => true,
        301 | 302 => *method == Method::POST,
        _ => false,
    }
}
