//! Reads JSON text into a script's values. A whole number beyond 2^53 becomes a BigInt: as a number it would be its
//! neighbour.

use std::hash::{BuildHasher, Hasher, RandomState};

use rquickjs::{Ctx, Function, Result, String as JsString, Value};

/// The digits of 2^53; fewer are never beyond it.
const LIMIT: &str = "9007199254740992";
/// The most digits of a BigInt; reading takes the square of them. A longer number becomes a text.
const MAX_DIGITS: usize = 10_000;

/// Parses JSON. `exact` is the prelude's function for a text whose long numbers were marked.
pub(super) fn parse<'js>(ctx: &Ctx<'js>, text: &str, exact: &Function<'js>) -> Result<Value<'js>> {
    match marked(text) {
        None => ctx.json_parse(text),
        Some((text, mark)) => {
            exact.call((JsString::from_str(ctx.clone(), &text)?, JsString::from_str(ctx.clone(), &mark)?))
        }
    }
}

/// Turns every whole number beyond 2^53 into a text that starts with a mark; `None` if there is none.
pub(super) fn marked(text: &str) -> Option<(String, String)> {
    let mut numbers = Numbers { text, at: 0 }.filter(|number| is_long(number.1)).peekable();
    numbers.peek()?;
    let mark = mark_for(text);
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for (start, number) in numbers {
        out.push_str(&text[done..start]);
        let mark = if number.len() > MAX_DIGITS { "" } else { &mark };
        for part in ["\"", mark, number, "\""] {
            out.push_str(part);
        }
        done = start + number.len();
    }
    out.push_str(&text[done..]);
    Some((out, mark))
}

/// A mark that nobody can guess.
pub(super) fn random_mark() -> String {
    format!("whole-{:x}:", RandomState::new().build_hasher().finish())
}

/// A mark that does not occur in the text.
fn mark_for(text: &str) -> String {
    loop {
        let mark = random_mark();
        if !text.contains(&mark) {
            return mark;
        }
    }
}

/// Whether a number is written with digits alone and is beyond 2^53.
fn is_long(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() >= LIMIT.len()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() > LIMIT.len() || digits >= LIMIT)
}

/// The numbers of a JSON text, with their places.
struct Numbers<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Numbers<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            let start = self.at;
            self.at += 1;
            match byte {
                b'"' => self.skip_text(),
                b'-' | b'0'..=b'9' => {
                    let rest = &bytes[start..];
                    let length = rest.iter().position(|byte| !is_of_number(*byte)).unwrap_or(rest.len());
                    self.at = start + length;
                    return Some((start, &self.text[start..self.at]));
                }
                _ => {}
            }
        }
        None
    }
}

impl Numbers<'_> {
    fn skip_text(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return;
            }
        }
    }
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn shown(text: &str) -> Cow<'_, str> {
        marked(text).map_or(text.into(), |(text, mark)| text.replace(&mark, "#").into())
    }

    #[test]
    fn whole_numbers_beyond_what_a_float_counts_are_marked() {
        for text in [
            "9007199254740991",
            "-9007199254740991",
            "[0,1.5,9007199254740993.5,9007199254740993e0,1e400]",
            r#"{"9007199254740993":"9007199254740993","\"9007199254740993":"\\"}"#,
            "\"9007199254740993",
        ] {
            assert_eq!(marked(text), None, "{text}");
        }
        for (text, expected) in [
            ("9007199254740992", r##""#9007199254740992""##),
            ("-9007199254740993", r##""#-9007199254740993""##),
            (r#"{"a\\":[1,12345678901234567890 ],"b":"x"}"#, r##"{"a\\":[1,"#12345678901234567890" ],"b":"x"}"##),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown(&"1".repeat(MAX_DIGITS + 1)), format!("\"{}\"", "1".repeat(MAX_DIGITS + 1)));
    }

    #[test]
    fn text_that_is_no_json_is_gone_through_as_well() {
        for text in ["", "\"", "\"\\", "ä-12345678901234567890ä", "\u{1f600}9007199254740993"] {
            drop(marked(text));
        }
    }
}
