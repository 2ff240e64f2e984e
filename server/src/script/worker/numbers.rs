//! The `toLocaleString` of numbers, as far as it is supported.

use rquickjs::{Result, Value};

use super::bytes::Reader;
use super::dates::{no_option, pairs, unsupported};
use super::util::Args;

const OPTIONS: [&str; 3] = ["minimumFractionDigits", "maximumFractionDigits", "useGrouping"];
/// The maximum number of fraction digits.
const MAX_DIGITS: usize = 20;

/// Writes a number as en-US does: groups of three digits, and at most three fraction digits.
pub(super) fn number<'js>(reader: &Reader<'_, 'js>, args: Args<'_, 'js>, is_american: bool) -> Result<String> {
    if !is_american {
        return Err(unsupported(reader, "this locale", "en-US for numbers"));
    }
    let Some(value) = args.get(0).and_then(Value::as_number) else {
        return Err(reader.refused("a number", args.get(0)));
    };
    let (mut least, mut most, mut grouped) = (None, None, true);
    for (name, value) in pairs(reader, args.get(2))? {
        let bad = |instead: &str| unsupported(reader, &format!("this value of {name}"), instead);
        let digits = || value.parse().ok().filter(|n| *n <= MAX_DIGITS).ok_or_else(|| bad("0 to 20"));
        match name.as_str() {
            "minimumFractionDigits" => least = Some(digits()?),
            "maximumFractionDigits" => most = Some(digits()?),
            "useGrouping" => grouped = value.parse().map_err(|_| bad("true and false"))?,
            _ => return Err(no_option(reader, &name, &OPTIONS)),
        }
    }
    if !value.is_finite() {
        return Ok(if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "∞"
        } else {
            "-∞"
        }
        .to_owned());
    }
    let most = most.unwrap_or_else(|| least.unwrap_or(0).max(3));
    let least = least.unwrap_or(0).min(most);
    let text = format!("{:.most$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept = fraction.trim_end_matches('0').len().max(least);
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = if grouped { grouped_by_three(whole) } else { whole.to_owned() };
    Ok(if kept == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", &fraction[..kept]) })
}

fn grouped_by_three(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
