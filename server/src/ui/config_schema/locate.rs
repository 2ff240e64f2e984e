//! Finds the place of a JSON pointer in a text, so that a mistake in a value is shown in the text that a person wrote.

use connector_runtime::schema::pointer;

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 128;

/// Returns the line and the column, from 1, of the value that a pointer names; of a key that is missing, of the object that
/// lacks it. `None` if the text is not JSON up to there.
pub(in crate::ui) fn position(text: &str, at: &str) -> Option<(u32, u32)> {
    let steps: Vec<String> = at.split('/').skip(1).map(|step| pointer::unescape(step).into_owned()).collect();
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, best: 0 };
    scan.space();
    scan.best = scan.at;
    scan.find(&steps, 0);
    let before = text.get(..scan.best)?;
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    // Columns count what the text area counts: UTF-16.
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() + 1;
    Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}

/// A look through the text from its beginning; it stops at the value that is looked for.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// Where the deepest step so far was found.
    best: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes to a value; returns whether it was found or the text has ended.
    fn find(&mut self, steps: &[String], depth: usize) -> bool {
        self.space();
        let Some((step, deeper)) = steps.split_first() else {
            self.best = self.at;
            return true;
        };
        if depth > MAX_DEPTH {
            return true;
        }
        self.best = self.at;
        let is_object = match self.peek() {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return true,
        };
        self.at += 1;
        for number in 0.. {
            self.space();
            let start = self.at;
            let is_it = match self.peek() {
                None | Some(b'}' | b']') => return true,
                Some(_) if is_object => {
                    let key = self.string();
                    self.space();
                    self.at += usize::from(self.peek() == Some(b':'));
                    key.as_deref() == Some(step.as_str())
                }
                Some(_) => step.parse() == Ok(number),
            };
            if is_it {
                if is_object && deeper.is_empty() {
                    self.best = start;
                    return true;
                }
                return self.find(deeper, depth + 1);
            }
            self.skip();
            self.space();
            if self.peek() == Some(b',') {
                self.at += 1;
            } else if self.at == start {
                return true;
            }
        }
        true
    }

    /// Reads a text.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.pass_string();
        serde_json::from_slice(self.bytes.get(start..self.at)?).ok()
    }

    fn pass_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// Passes one value over.
    fn skip(&mut self) {
        self.space();
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.pass_string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b',' if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::position;

    const TEXT: &str = "{\n  \"a/b\": [1, { \"x\": \"} ]\\\" {\" },\n    {\"y\": true}],\n  \"ü\": {\"deep\": null}\n}";

    #[test]
    fn a_pointer_is_found_in_its_text() {
        for (at, place) in [
            ("", (1, 1)),
            ("/a~1b", (2, 3)),
            ("/a~1b/0", (2, 11)),
            ("/a~1b/1/x", (2, 16)),
            ("/a~1b/2/y", (3, 6)),
            ("/a~1b/7", (2, 10)),
            ("/ü/deep", (4, 9)),
            ("/ü/missing", (4, 8)),
            ("/missing", (1, 1)),
        ] {
            assert_eq!(position(TEXT, at), Some(place), "{at}");
        }
    }

    #[test]
    fn any_text_is_looked_through() {
        for text in
            ["", "{", "[", "{\"a\"", "{\"a\":", "nonsense", "{\"a\": \"\\", "]]", "{,}", "{\"a\" \"b\" 1}", "[1 2 3]"]
        {
            for at in ["", "/a", "/0/1", "/a/b/c"] {
                assert!(position(text, at).is_some(), "{text:?} {at}");
            }
        }
        let deep = "[".repeat(100_000);
        assert!(position(&deep, &"/0".repeat(100_000)).is_some());
    }
}
