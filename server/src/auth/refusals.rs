//! Refused logins: each is counted; the log gets a bounded number of lines, and says how many it did not get.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::AuthError;
use super::token;

/// The time for which lines are counted.
pub const REFUSAL_WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of log lines about refused logins in one window.
pub const MAX_REFUSAL_LINES: u32 = 30;
/// The maximum number of these lines that one address causes, so that it does not hide the others.
pub const MAX_REFUSAL_LINES_OF_PEER: u32 = 5;

/// Counts refused logins.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    /// Lines by address; only an address with a line has an entry.
    by_peer: HashMap<Option<IpAddr>, u32>,
    not_logged: u64,
}

impl Refusals {
    /// Counts a refused login, and logs it unless there were too many. Of the presented text only the id is shown.
    pub(super) fn note(&self, error: &AuthError, text: &str, door: &'static str, peer: Option<SocketAddr>) {
        let Some(reason) = reason(error) else { return };
        metrics::counter!("floh_refused_logins_total", "reason" => reason, "door" => door).increment(1);
        if self.may_log(Instant::now(), peer.map(|peer| peer.ip())) {
            tracing::warn!(
                event = "login_refused",
                reason,
                door,
                peer = peer.map(tracing::field::display),
                token_id = token::id_of(text).map(tracing::field::display),
                "a login was refused: {error}"
            );
        }
    }

    /// Logs how many refused logins of a finished window got no line.
    pub(super) fn flush(&self) {
        self.0.lock().turn(Instant::now());
    }

    fn may_log(&self, now: Instant, peer: Option<IpAddr>) -> bool {
        let mut window = self.0.lock();
        window.turn(now);
        window.began.get_or_insert(now);
        let of_peer = window.by_peer.get(&peer).copied().unwrap_or_default();
        if window.lines >= MAX_REFUSAL_LINES || of_peer >= MAX_REFUSAL_LINES_OF_PEER {
            window.not_logged += 1;
            return false;
        }
        window.lines += 1;
        window.by_peer.insert(peer, of_peer + 1);
        true
    }
}

impl Window {
    /// Begins a new window if this one is over.
    fn turn(&mut self, now: Instant) {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) < REFUSAL_WINDOW) {
            return;
        }
        let Self { not_logged, .. } = std::mem::take(self);
        if not_logged > 0 {
            tracing::warn!(
                event = "logins_refused",
                not_logged,
                "more logins were refused than the log has lines for; floh_refused_logins_total counts all"
            );
        }
    }
}

/// Returns the reason as the metric names it; `None` if the token was not judged.
fn reason(error: &AuthError) -> Option<&'static str> {
    Some(match error {
        AuthError::Missing => "missing",
        AuthError::Malformed => "malformed",
        AuthError::Unknown => "unknown",
        AuthError::Expired => "expired",
        AuthError::AgentToken => "agent_token",
        AuthError::Code => "code",
        AuthError::SessionEnded => "session_ended",
        AuthError::Store(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::log::Log;

    fn peer(last: u8) -> Option<SocketAddr> {
        Some(SocketAddr::from(([192, 0, 2, last], 4711)))
    }

    #[test]
    fn one_address_does_not_hide_the_others_and_all_are_counted() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let ip = |last| peer(last).map(|peer| peer.ip());
        let lines = |last, times| (0..times).filter(|_| refusals.may_log(start, ip(last))).count();
        assert_eq!(lines(1, 1000), 5);
        assert_eq!(lines(2, 3), 3);
        assert_eq!((3..=200).map(|last| lines(last, 10)).sum::<usize>(), 30 - 8);
        assert!(refusals.0.lock().by_peer.len() <= 30);
        let not_logged = refusals.0.lock().not_logged;
        assert_eq!(not_logged, 1003 + 1980 - 30);
        let log = Log::keep("info");
        assert!(refusals.may_log(start + REFUSAL_WINDOW, ip(1)), "the next window has lines again");
        let lines = log.lines();
        assert_eq!((lines.len(), &lines[0]["not_logged"]), (1, &serde_json::json!(not_logged)), "{lines:?}");
    }

    #[test]
    fn a_line_says_who_and_never_what_was_presented() {
        let log = Log::keep("info");
        let refusals = Refusals::default();
        let id = "01890a5dac96774bbcceb302099a8057";
        let secret = "0123456789012345678901234567890123456789010";
        refusals.note(&AuthError::Unknown, &format!("floh_{id}_{secret}"), "rest", peer(1));
        refusals.note(&AuthError::Malformed, "hunter2-hunter2", "agent", None);
        let text = format!("{:?}", log.lines());
        assert!(!text.contains(secret) && !text.contains("hunter2"), "{text}");
        assert!(text.contains("192.0.2.1:4711") && text.contains("01890a5d-ac96-774b-bcce-b302099a8057"), "{text}");
    }
}
