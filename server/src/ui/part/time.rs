//! Times: in UTC from the server; a script shows them in the reader's zone.

use jiff::Timestamp;
use maud::{Markup, html};

/// Shows a moment: relative while it is less than a day ago, with the whole time behind it.
pub(in crate::ui) fn ago(at: Timestamp) -> Markup {
    let text = relative(at, Timestamp::now()).unwrap_or_else(|| day_and_minute(at));
    element(at, &text, false)
}

/// Shows a moment to the second.
pub(in crate::ui) fn exact(at: Timestamp) -> Markup {
    element(at, &second(at), true)
}

fn element(at: Timestamp, text: &str, is_exact: bool) -> Markup {
    html! { time datetime=(iso(at)) title=(second(at)) data-exact[is_exact] { (text) } }
}

fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn day_and_minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Says how long ago a moment was, if that is less than a day.
fn relative(at: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.as_second() - at.as_second();
    Some(match seconds {
        ..0 => return None,
        0..10 => "just now".to_owned(),
        10..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => return None,
    })
}

/// Shows how long something took.
pub(in crate::ui) fn took(milliseconds: i64) -> String {
    match milliseconds {
        ..1000 => format!("{milliseconds} ms"),
        1000..60_000 => {
            let tenths = milliseconds / 100;
            if tenths % 10 == 0 { format!("{} s", tenths / 10) } else { format!("{}.{} s", tenths / 10, tenths % 10) }
        }
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let now: Timestamp = "2026-11-26T20:00:00Z".parse().unwrap();
        for (at, expected) in [
            ("2026-11-26T20:00:00Z", Some("just now")),
            ("2026-11-26T19:59:20Z", Some("40 s ago")),
            ("2026-11-26T19:00:01Z", Some("59 min ago")),
            ("2026-11-25T20:00:01Z", Some("23 h ago")),
            ("2026-11-25T20:00:00Z", None),
            ("2026-11-26T20:00:01Z", None),
        ] {
            assert_eq!(relative(at.parse().unwrap(), now).as_deref(), expected, "{at}");
        }
        for (milliseconds, expected) in
            [(0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (1540, "1.5 s"), (30_000, "30 s"), (61_500, "1 min 1 s")]
        {
            assert_eq!(took(milliseconds), expected);
        }
    }
}
