//! Numbers of any size, compared by what they mean.
//!
//! A JSON number keeps the text that it was written with, so `1`, `1.0` and `10e-1` are three texts of one number, and a
//! float would make neighbours beyond 2^53 equal. What is here reads the text: it never widens an exponent, so a number
//! costs no more than its own digits.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A number as `0.digits * 10^magnitude`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal<'n> {
    is_negative: bool,
    /// The place of the first digit that is not zero; of zero it is 0.
    magnitude: i64,
    /// The digits before the point, without zeros at the start.
    whole: &'n str,
    /// The digits after the point. If `whole` is empty, without zeros at the start.
    fraction: &'n str,
}

impl<'n> Decimal<'n> {
    fn of(text: &'n str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let (whole, fraction) =
            if fraction.is_empty() { (whole.trim_end_matches('0'), fraction) } else { (whole, fraction) };
        let places = digits.split('.').next().unwrap_or_default().trim_start_matches('0').len();
        let (fraction, zeros) = if places == 0 {
            let cut = fraction.trim_start_matches('0');
            (cut, fraction.len() - cut.len())
        } else {
            (fraction, 0)
        };
        if whole.is_empty() && fraction.is_empty() {
            return Self { is_negative: false, magnitude: 0, whole, fraction };
        }
        let magnitude = length(places).saturating_sub(length(zeros)).saturating_add(exponent_of(exponent));
        Self { is_negative, magnitude, whole, fraction }
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    /// Compares without regard to the sign.
    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.magnitude.cmp(&other.magnitude).then_with(|| self.digits().cmp(other.digits())),
        }
    }
}

fn length(digits: usize) -> i64 {
    i64::try_from(digits).unwrap_or(i64::MAX)
}

/// An exponent that no `i64` holds is as far away as one can be.
fn exponent_of(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 })
}

/// Reads a number as most are written: a few digits, with a sign or without. `None` for any other.
#[inline]
fn plain(number: &Number) -> Option<i64> {
    /// So many digits fit in an `i64`, whichever they are.
    const MAX_DIGITS: usize = 18;
    let text = number.as_str();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut value = 0;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(if digits.len() < text.len() { -value } else { value })
}

/// Compares two numbers exactly.
pub fn compare(a: &Number, b: &Number) -> Ordering {
    if let (Some(a), Some(b)) = (plain(a), plain(b)) {
        return a.cmp(&b);
    }
    let (a, b) = (Decimal::of(a.as_str()), Decimal::of(b.as_str()));
    match (a.is_negative, b.is_negative) {
        (false, false) => a.compare_size(&b),
        (true, true) => b.compare_size(&a),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Returns whether two numbers mean the same, such as `1` and `1.0`.
pub fn is_same(a: &Number, b: &Number) -> bool {
    compare(a, b) == Ordering::Equal
}

/// Returns whether two values mean the same: equal, or the same number in different texts, at every depth.
pub fn is_same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => is_same(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_value(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same_value(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Writes a value as a text that all values of the same meaning share, whatever their numbers are spelled like.
pub fn common_text(value: &Value) -> String {
    let Value::Number(number) = value else { return value.to_string() };
    let decimal = Decimal::of(number.as_str());
    let sign = if decimal.is_negative { "-" } else { "" };
    format!("{sign}.{}{}e{}", decimal.whole, decimal.fraction, decimal.magnitude)
}

/// Returns whether a number has no fraction, such as `5`, `5.0` and `5e3`.
pub fn is_whole(number: &Number) -> bool {
    if plain(number).is_some() {
        return true;
    }
    let number = Decimal::of(number.as_str());
    number.is_zero() || length(number.whole.len() + number.fraction.len()) <= number.magnitude
}

/// Returns a whole number, such as 5 of `5.0`; `None` if it has a fraction, or is beyond an `i128`.
pub fn whole(number: &Number) -> Option<i128> {
    if let Some(plain) = plain(number) {
        return Some(plain.into());
    }
    if let Some(whole) = number.as_i128() {
        return Some(whole);
    }
    let decimal = Decimal::of(number.as_str());
    if decimal.is_zero() {
        return Some(0);
    }
    if !is_whole(number) {
        return None;
    }
    let mut value: i128 = 0;
    let places = usize::try_from(decimal.magnitude).ok().filter(|places| *places <= MAX_PLACES)?;
    for digit in decimal.digits().chain(std::iter::repeat(b'0')).take(places) {
        let digit = i128::from(digit - b'0');
        value = value.checked_mul(10)?;
        value = if decimal.is_negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

/// The most digits of an `i128`.
const MAX_PLACES: usize = 39;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        for group in [
            &["0", "-0", "0.0", "0e9", "-0.000E-5"][..],
            &["1", "1.0", "10e-1", "0.1e1", "100E-2", "1e0", "0.001e+3"],
            &["-25.5", "-2.55e1", "-255e-1", "-0.0255e3"],
            &["120", "1.2e2", "12e1", "0.12e3", "120.000"],
        ] {
            for (a, b) in group.iter().flat_map(|a| group.iter().map(move |b| (a, b))) {
                assert!(is_same(&number(a), &number(b)), "{a} {b}");
                assert_eq!(common_text(&number(a).into()), common_text(&number(b).into()));
            }
        }
    }

    #[test]
    fn they_are_ordered_whatever_their_texts() {
        let rising = [
            "-1e400",
            "-1e300",
            "-1000000000000000000",
            "-999999999999999999",
            "-12345678901234567.90",
            "-12345678901234567.89",
            "-1",
            "-0.1",
            "-1e-400",
            "0",
            "1e-400",
            "1e-5",
            "0.00002",
            "0.1",
            "0.11",
            "1",
            "9",
            "10",
            "10.5",
            "9007199254740992",
            "9007199254740993",
            "999999999999999999",
            "1000000000000000000",
            "18446744073709551615",
            "18446744073709551616",
            "123456789012345678901234567890",
            "1e30",
            "1e400",
            "1e99999999999999999999",
        ];
        for (at, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(compare(&number(a), &number(b)), at.cmp(&other), "{a} {b}");
                assert_eq!(common_text(&number(a).into()) == common_text(&number(b).into()), at == other, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_whole_number_is_one_in_any_text() {
        for (text, expected) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("5e3", Some(5000)),
            ("50e-1", Some(5)),
            ("1200e-2", Some(12)),
            ("-0.0", Some(0)),
            ("-2.5e1", Some(-25)),
            ("170141183460469231731687303715884105727", Some(i128::MAX)),
            ("-170141183460469231731687303715884105728.0", Some(i128::MIN)),
        ] {
            assert_eq!((whole(&number(text)), is_whole(&number(text))), (expected, true), "{text}");
        }
        for text in ["170141183460469231731687303715884105728", "1e39", "1e4000000000", "1e99999999999999999999"] {
            assert_eq!((whole(&number(text)), is_whole(&number(text))), (None, true), "{text}");
        }
        for text in ["0.5", "5.01", "55e-1", "1e-1", "1e-99999999999999999999", "9007199254740993.5"] {
            assert_eq!((whole(&number(text)), is_whole(&number(text))), (None, false), "{text}");
        }
    }

    proptest! {
        #[test]
        fn floats_are_ordered_as_floats(a in proptest::num::f64::NORMAL, b in proptest::num::f64::NORMAL) {
            let (one, other) = (Number::from_f64(a).unwrap(), Number::from_f64(b).unwrap());
            prop_assert_eq!(Some(compare(&one, &other)), a.partial_cmp(&b));
        }

        #[test]
        fn whole_numbers_are_ordered_as_such(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(compare(&a.into(), &b.into()), a.cmp(&b));
            prop_assert_eq!(whole(&number(&format!("{a}.000"))), Some(a.into()));
        }
    }
}
