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
    let text = rounded(value.abs(), most);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept = fraction.trim_end_matches('0').len().max(least);
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = if grouped { grouped_by_three(whole) } else { whole.to_owned() };
    Ok(if kept == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", &fraction[..kept]) })
}

/// Rounds to so many digits after the point, halves up, as ECMA-402 does.
fn rounded(value: f64, most: usize) -> String {
    // A float has no more than 17 digits that matter, so what is cut here decides nothing.
    const BEYOND: usize = 40;
    let text = format!("{value:.0$}", most + BEYOND);
    let cut = text.len() - BEYOND;
    let goes_up = text.as_bytes().get(cut).is_some_and(|digit| *digit >= b'5');
    let mut digits = text.as_bytes()[..cut].to_vec();
    if goes_up {
        let mut at = digits.len();
        loop {
            let Some(before) = at.checked_sub(1) else {
                digits.insert(0, b'1');
                break;
            };
            at = before;
            match digits[at] {
                b'.' => {}
                b'9' => digits[at] = b'0',
                _ => {
                    digits[at] += 1;
                    break;
                }
            }
        }
    }
    String::from_utf8_lossy(&digits).trim_end_matches('.').to_owned()
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
