//! Shortens a JSON text that is too long to be recorded to its beginning, which is JSON again.
//!
//! Only the beginning is read, however long the text is, and what is kept is kept as it was written: no number
//! changes. A list ends early, an object lacks its last members, and a text that was cut ends with [`CUT`].

use connector_runtime::redact::MASK;

#[cfg(test)]
mod tests;

/// Ends a text that was cut.
const CUT: &str = "…[truncated]";

/// Returns the beginning of a valid JSON text as valid JSON of at most `max` bytes, or `null` if not even an empty list
/// fits.
pub(super) fn shorten(json: &str, max: usize) -> String {
    let mut shortener = Shortener { json, max, at: 0, open: Vec::new(), whole: 0 };
    let mut kept = match shortener.read() {
        Some(cut) => json[..cut].to_owned() + CUT + "\"",
        None if shortener.whole == 0 => return "null".to_owned(),
        None => json[..shortener.whole].to_owned(),
    };
    kept.extend(shortener.open.iter().rev());
    kept
}

/// Reads a JSON text up to the last place where it can be ended.
struct Shortener<'j> {
    json: &'j str,
    max: usize,
    at: usize,
    /// The brackets that end what is open at `whole`.
    open: Vec<char>,
    /// The end of the last value, or the begin of the last list or object, that fits with the brackets in `open`.
    whole: usize,
}

impl Shortener<'_> {
    /// Reads until nothing more fits. If that is within a text, returns where to cut it.
    fn read(&mut self) -> Option<usize> {
        let mut is_key = false;
        while let Some(&byte) = self.json.as_bytes().get(self.at) {
            let depth = self.open.len();
            let fits = match byte {
                b'{' | b'[' => {
                    let fits = self.pass(1, depth + 1);
                    if fits {
                        self.open.push(if byte == b'{' { '}' } else { ']' });
                    }
                    is_key = byte == b'{';
                    fits
                }
                b'}' | b']' => {
                    let fits = self.pass(1, depth.saturating_sub(1));
                    if fits {
                        self.open.pop();
                    }
                    fits
                }
                b'"' => match self.text_length() {
                    Some(length) if is_key => {
                        is_key = false;
                        self.skip(length)
                    }
                    Some(length) if self.pass(length, depth) => true,
                    _ if is_key => false,
                    _ => return self.cut(),
                },
                b',' => {
                    is_key = self.open.last() == Some(&'}');
                    self.skip(1)
                }
                b':' | b' ' | b'\n' | b'\r' | b'\t' => self.skip(1),
                _ => self.pass(self.word_length(), depth),
            };
            if !fits {
                return None;
            }
        }
        None
    }

    /// Steps over something after which the text cannot be ended.
    fn skip(&mut self, length: usize) -> bool {
        self.at += length;
        self.at <= self.max
    }

    /// Steps over something after which the text can be ended with `depth` brackets, if that fits.
    fn pass(&mut self, length: usize, depth: usize) -> bool {
        let end = self.at + length;
        let fits = end + depth <= self.max;
        if fits {
            (self.at, self.whole) = (end, end);
        }
        fits
    }

    /// Returns the length of the number, `true`, `false` or `null` that begins here, or more than what may be kept.
    fn word_length(&self) -> usize {
        let word = self.json.as_bytes()[self.at..].iter().take(self.max + 1);
        word.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count().max(1)
    }

    /// Returns the length of the text that begins here, with its quotes; `None` if it is longer than what may be kept.
    fn text_length(&self) -> Option<usize> {
        let mut escaped = false;
        let mut rest = self.json.as_bytes()[self.at..].iter().take(self.max + 1).skip(1);
        let end = rest.position(|&byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        end.map(|end| end + 2)
    }

    /// Returns where to cut the text that begins here: not within a character, an escape or a mask. `None` if nothing
    /// of it can be kept.
    fn cut(&self) -> Option<usize> {
        let start = self.at + 1;
        let last = self.max.checked_sub(CUT.len() + 1 + self.open.len())?;
        let (mut end, mut before_half) = (start, None);
        loop {
            let rest = self.json.get(end..)?;
            let length = unit_length(rest);
            if length == 0 || end + length > last {
                break;
            }
            // The first half of a pair of escapes is not a character.
            before_half = is_high_surrogate(rest).then_some(end);
            end += length;
        }
        let end = before_half.unwrap_or(end);
        let bytes = self.json.as_bytes();
        let mask = (1..MASK.len()).filter_map(|begun| end.checked_sub(begun).filter(|&at| at >= start));
        let end = mask.into_iter().find(|&at| bytes[at..].starts_with(MASK.as_bytes())).unwrap_or(end);
        (end > start).then_some(end)
    }
}

/// Returns the length of the character or escape at the begin of the inside of a JSON text.
fn unit_length(rest: &str) -> usize {
    match rest.as_bytes() {
        [b'\\', b'u', ..] => 6,
        [b'\\', ..] => 2,
        _ => rest.chars().next().map_or(0, char::len_utf8),
    }
}

fn is_high_surrogate(rest: &str) -> bool {
    let digits = rest.strip_prefix("\\u").and_then(|rest| rest.get(..4));
    digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}
