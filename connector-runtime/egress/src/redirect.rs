//! Follows redirects; every hop is judged like the first request.
//!
//! Clients of other libraries follow too much: they send an `X-Api-Key` to another origin, send a dropped
//! `Authorization` again after a redirect back, or send it from https to http. Here a secret that was
//! dropped stays dropped, and a redirect that would send one in clear text is refused.

use http::{Method, StatusCode, header};
use url::Url;

use super::exchange::{self, Answer};
use super::outgoing::OutgoingRequest;
use super::{Client, EgressError, Response, url as urls};

/// The most redirects that are followed.
const MAX_HOPS: usize = 10;

/// Sends a request, signed if it has a signer, and follows its redirects.
pub(super) async fn follow(client: &Client, outgoing: OutgoingRequest) -> Result<Response, EgressError> {
    outgoing.seen.forget();
    let writes = !outgoing.method.is_safe();
    let mut redirected = None;
    let answer = hop(client, outgoing, &mut redirected).await;
    // What did more than read was answered, whatever became of where the answer pointed to.
    answer.map_err(|error| if writes && redirected.is_some() { error.following(redirected) } else { error })
}

/// Notes in `redirected` the status of the first answer that redirects.
async fn hop(
    client: &Client,
    mut outgoing: OutgoingRequest,
    redirected: &mut Option<u16>,
) -> Result<Response, EgressError> {
    let reads = outgoing.method.is_safe();
    if let Some(signer) = outgoing.signer.take() {
        outgoing.sign(&signer)?;
    }
    for _ in 0..=MAX_HOPS {
        if outgoing.carries_secret() && !client.scope.admits(&outgoing.url) {
            return Err(client.scope.refuse(outgoing.shown()));
        }
        let answer = exchange::send(client, &outgoing).await?;
        if !outgoing.is_redirected_by(&answer) {
            return exchange::read(client, answer, outgoing).await;
        }
        redirected.get_or_insert(answer.status().as_u16());
        let Some(location) = outgoing.location(&answer)? else {
            return exchange::read(client, answer, outgoing).await;
        };
        outgoing.redirect(answer.status(), location)?;
        if reads {
            outgoing.seen.forget();
        }
    }
    Err(outgoing.refuse("it was redirected more than 10 times; call the final URL"))
}

impl OutgoingRequest {
    fn is_redirected_by(&self, answer: &Answer) -> bool {
        self.follows_redirects && matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308)
    }

    /// Returns where an answer redirects to, if it says so.
    fn location(&self, answer: &Answer) -> Result<Option<Url>, EgressError> {
        let Some(value) = answer.headers().get(header::LOCATION) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| self.refuse("its location is not a text"))?;
        let url = urls::join(&self.url, text)
            .map_err(|rule| self.refuse(&format!("its location cannot be called: it has {} [{rule}]", rule.what())))?;
        Ok(Some(url))
    }

    /// Turns the request into the one for the next hop.
    fn redirect(&mut self, status: StatusCode, mut to: Url) -> Result<(), EgressError> {
        if self.url.scheme() == "https" && to.scheme() == "http" && self.carries_secret() {
            return Err(
                self.refuse("it leads from https to http, where the request's secret would be sent in clear text")
            );
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

/// Returns whether the next hop is a GET without body: always after 303, and after 301 and 302 to a POST, as in
/// every browser (RFC 9110, section 15.4).
fn asks_to_fetch(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => true,
        301 | 302 => *method == Method::POST,
        _ => false,
    }
}
