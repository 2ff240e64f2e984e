//! Sending again what failed in passing.
//!
//! Only what may be done twice is sent again, and only after a failure that may be over in a moment: a
//! refused connection or look-up, or a status that says so. Waits double up to a limit and are drawn at
//! random below it ("full jitter"), so that many callers do not come back together; what the service asks
//! for with `Retry-After` (RFC 9110, section 10.2.3) is kept.

use std::time::{Duration, SystemTime};

use http::header;
use tokio::time::Instant;

use super::outgoing::OutgoingRequest;
use super::{Client, EgressError, Response, Rule, redirect};

/// How often and when a request that failed in passing is sent again.
///
/// Sent again is what met a connection or look-up that failed, or one of the statuses 408, 425, 429, 500,
/// 502, 503 and 504; never what the policy refused, a certificate that is not acceptable, or an answer that
/// is not sound. The method has to be idempotent (GET, HEAD, PUT, DELETE, OPTIONS), or the request has to
/// carry an [idempotency key](super::Request::idempotency_key), or [`Retry::even_if_not_idempotent`] says
/// that doing it twice does no harm.
///
/// The request's timeout is for all attempts and waits together: where the next wait would reach its end, or
/// that of the handler's call, what came last is answered at once.
///
/// ```no_run
/// # async fn example(client: connector_runtime::egress::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use connector_runtime::egress::Retry;
///
/// let answer = client.get("https://api.example.com/items").retry(Retry::times(5)).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a retry does nothing until a request has it"]
pub struct Retry {
    times: u32,
    first: Duration,
    longest: Duration,
    longest_asked: Duration,
    even_if_not_idempotent: bool,
}

impl Retry {
    /// Sends a request again up to so many times.
    pub const fn times(times: u32) -> Self {
        Self {
            times,
            first: Duration::from_millis(250),
            longest: Duration::from_secs(10),
            longest_asked: Duration::from_secs(30),
            even_if_not_idempotent: false,
        }
    }

    /// Sets the limits of the waits: that of the first one (250 ms), which doubles each time, and that of
    /// all (10 s).
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    /// Sets the longest `Retry-After` that is waited for (30 s). A longer one ends the attempts: to come back
    /// sooner than asked would not help.
    pub const fn longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_asked = longest;
        self
    }

    /// Sends POST, PATCH and the like again too: the author knows that twice does no harm.
    pub const fn even_if_not_idempotent(mut self) -> Self {
        self.even_if_not_idempotent = true;
        self
    }

    /// Returns how long to wait before an attempt that follows so many repeats, or `None` if the outcome is
    /// final. `random` places the wait below its limit.
    pub(super) fn wait(&self, outcome: &Result<Response, EgressError>, repeats: u32, random: u16) -> Option<Duration> {
        if repeats >= self.times || !is_passing(outcome) {
            return None;
        }
        let factor = 1_u32.checked_shl(repeats).unwrap_or(u32::MAX);
        let limit = self.first.saturating_mul(factor).min(self.longest);
        let drawn = limit / (u32::from(u16::MAX) + 1) * u32::from(random);
        match outcome.as_ref().ok().and_then(retry_after) {
            Some(asked) if asked > self.longest_asked => None,
            Some(asked) => Some(asked.saturating_add(drawn)),
            None => Some(drawn),
        }
    }

    fn permits(&self, draft: &OutgoingRequest) -> bool {
        self.even_if_not_idempotent || draft.method.is_idempotent() || draft.has_idempotency_key()
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
    draft: OutgoingRequest,
    ends: Option<Instant>,
) -> Result<Response, EgressError> {
    let Some(retry) = draft.retry.clone().filter(|retry| retry.permits(&draft)) else {
        return redirect::follow(client, draft).await;
    };
    let mut repeats = 0;
    loop {
        let outcome = redirect::follow(client, draft.clone()).await;
        let Some(wait) = retry.wait(&outcome, repeats, random()) else {
            return outcome;
        };
        let next = Instant::now().checked_add(wait);
        if next.is_none_or(|next| ends.is_some_and(|ends| next >= ends)) {
            return outcome;
        }
        repeats += 1;
        let (method, url, wait_ms) = (&draft.method, draft.shown(), wait.as_millis());
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

/// Tells whether an outcome may be another one in a moment.
fn is_passing(outcome: &Result<Response, EgressError>) -> bool {
    match outcome {
        Ok(response) => matches!(response.status(), 408 | 425 | 429 | 500 | 502 | 503 | 504),
        Err(EgressError::Connect { .. }) => true,
        Err(EgressError::Dns { rule, .. }) => *rule != Rule::DnsTooMany,
        Err(_) => false,
    }
}

/// Reads how long a service asks to be left alone: seconds, or a date, which counts from the service's own
/// `Date`, for two clocks rarely agree. What is neither is passed over.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.header(header::RETRY_AFTER.as_str())?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let own = response.header(header::DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until.duration_since(own.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

/// Without a source of random numbers the wait is the longest: that is safe, if not spread.
fn random() -> u16 {
    let mut bits = [0; 2];
    getrandom::fill(&mut bits).map_or(u16::MAX, |()| u16::from_ne_bytes(bits))
}
