//! Dates and times as texts (RFC 3339, section 5.6).

/// RFC 3339 `full-date`: exactly `YYYY-MM-DD`.
pub(crate) fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// RFC 3339 `date-time`: a full date, `T`, a time with seconds and an offset.
pub(crate) fn is_instant(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 20
        && bytes[10].eq_ignore_ascii_case(&b'T')
        && bytes[13] == b':'
        && bytes[16] == b':'
        && !text.contains('[');
    shaped && text.parse::<jiff::Timestamp>().is_ok()
}
