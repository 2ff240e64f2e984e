//! Sends a request again after a temporary failure.
//!
//! Only requests that may take effect twice are sent again, and only after a failure that may be over in a
//! moment: a connection or look-up that failed, or a status that says so. The waits are those of
//! [`Backoff`]; a `Retry-After` of the service (RFC 9110, section 10.2.3) is added to them.

use std::time::Duration;

use tokio::time::Instant;

use super::look_ups::FAILED_FOR;
use super::outgoing::OutgoingRequest;
use super::{Backoff, Client, EgressError, Response, Rule, redirect};

/// How often and when a request is sent again after a temporary failure.
///
/// A request is sent again if a connection or look-up failed, or after one of the statuses 408, 425, 429, 500,
/// 502, 503 and 504; never if the policy refused it, the certificate is not acceptable, or the answer is
/// malformed. The method has to be idempotent (GET, HEAD, PUT, DELETE, OPTIONS), or the request has to
/// carry an [idempotency key](super::Request::idempotency_key), or [`Retry::even_if_not_idempotent`] says
/// that sending it twice does no harm.
///
/// The request's timeout covers all attempts and waits together: if the next wait would reach its end, or
/// that of the handler's call, the last outcome is returned at once.
///
/// ```no_run
/// # async fn example(client: connector_egress::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use connector_egress::Retry;
///
/// let answer = client.get("https://api.example.com/items").retry(Retry::times(5)).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a retry does nothing until a request has it"]
pub struct Retry {
    times: u32,
    backoff: Backoff,
    longest_asked: Duration,
    even_if_not_idempotent: bool,
    only_if_busy: bool,
    also_if: Option<fn(&Response) -> bool>,
    only_if: Option<fn(&Response) -> bool>,
}

impl Retry {
    /// Sends a request again up to this many times.
    pub const fn times(times: u32) -> Self {
        Self {
            times,
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(10)),
            longest_asked: Duration::from_secs(30),
            even_if_not_idempotent: false,
            only_if_busy: false,
            also_if: None,
            only_if: None,
        }
    }

    /// Sets the limits of the waits: that of the first one (250 ms), which doubles each time, and that of
    /// all (10 s).
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff::new(first, longest);
        self
    }

    /// Sets the longest `Retry-After` that is waited for (30 s). A longer one ends the attempts, because the
    /// service would refuse an earlier request too.
    pub const fn longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_asked = longest;
        self
    }

    /// Sends POST, PATCH and other methods again too: the author knows that sending them twice does no harm.
    pub const fn even_if_not_idempotent(mut self) -> Self {
        self.even_if_not_idempotent = true;
        self
    }

    /// Sends a request again only after the statuses 429 and 503, with which a service asks callers to come back.
    pub const fn only_if_busy(mut self) -> Self {
        self.only_if_busy = true;
        self
    }

    /// Sends a request again also after an answer of which this is true: some services say in the body of a 403 that they are
    /// busy.
    pub const fn also_if(mut self, is_temporary: fn(&Response) -> bool) -> Self {
        self.also_if = Some(is_temporary);
        self
    }

    /// Sends a request again only after an answer of which this is true, such as a 429: what was refused for its rate had no
    /// effect, which is not known of a 503.
    pub const fn only_if(mut self, is_temporary: fn(&Response) -> bool) -> Self {
        self.only_if = Some(is_temporary);
        self
    }

    fn applies(&self, outcome: &Result<Response, EgressError>) -> bool {
        if let Some(is_temporary) = self.only_if {
            return outcome.as_ref().is_ok_and(is_temporary);
        }
        match outcome {
            Ok(response) if self.also_if.is_some_and(|is_temporary| is_temporary(response)) => true,
            Ok(response) if self.only_if_busy => matches!(response.status(), 429 | 503),
            Err(_) if self.only_if_busy => false,
            outcome => is_temporary(outcome),
        }
    }

    /// Returns how long to wait before an attempt that follows a number of repeats, or `None` if the outcome is
    /// final. `backoff` returns the wait for that number.
    pub(super) fn wait(
        &self,
        outcome: &Result<Response, EgressError>,
        repeats: u32,
        backoff: impl FnOnce(&Backoff, u32) -> Duration,
    ) -> Option<Duration> {
        if repeats >= self.times || !self.applies(outcome) {
            return None;
        }
        let asked = match outcome {
            // Until then it would get the same answer without a look-up.
            Err(EgressError::Dns { rule, .. }) if *rule != Rule::DnsTimeout => FAILED_FOR,
            outcome => outcome.as_ref().ok().and_then(Response::retry_after).unwrap_or_default(),
        };
        (asked <= self.longest_asked).then(|| asked.saturating_add(backoff(&self.backoff, repeats)))
    }

    fn permits(&self, outgoing: &OutgoingRequest) -> bool {
        self.even_if_not_idempotent || outgoing.method.is_idempotent() || outgoing.has_idempotency_key()
    }
}

/// Sends a request again up to three times.
impl Default for Retry {
    fn default() -> Self {
        Self::times(3)
    }
}

/// Sends a request, again if its retry says so; each attempt starts with the request as it was built.
pub(super) async fn send(
    client: &Client,
    outgoing: OutgoingRequest,
    ends: Option<Instant>,
) -> Result<Response, EgressError> {
    let Some(retry) = outgoing.retry.clone().filter(|retry| retry.permits(&outgoing)) else {
        return redirect::follow(client, outgoing).await;
    };
    let (mut repeats, mut before) = (0, None);
    loop {
        let outcome = redirect::follow(client, outgoing.clone()).await;
        let outcome = outcome.map_err(|error| match before {
            Some(status) => error.following(status),
            None => error,
        });
        before = outcome.as_ref().err().filter(|error| error.may_have_arrived()).map(EgressError::status).or(before);
        let Some(wait) = retry.wait(&outcome, repeats, Backoff::wait) else {
            return outcome;
        };
        let next = Instant::now().checked_add(wait);
        if next.is_none_or(|next| ends.is_some_and(|ends| next >= ends)) {
            return outcome;
        }
        repeats += 1;
        let (method, url, wait_ms) = (&outgoing.method, outgoing.shown(), wait.as_millis());
        match &outcome {
            Ok(response) => {
                tracing::debug!(%method, url, status = response.status(), repeats, wait_ms, "request is sent again");
            }
            Err(error) => {
                tracing::debug!(%method, url, code = error.code(), repeats, wait_ms, "request is sent again");
            }
        }
        drop(outcome);
        tokio::time::sleep(wait).await;
    }
}

/// Returns whether the outcome may be another one in a moment.
fn is_temporary(outcome: &Result<Response, EgressError>) -> bool {
    match outcome {
        Ok(response) => response.is_temporary_failure(),
        Err(error) => match error.cause() {
            EgressError::Connect { .. } => true,
            EgressError::Dns { rule, .. } => *rule != Rule::DnsTooMany,
            _ => false,
        },
    }
}
