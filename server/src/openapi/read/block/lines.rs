//! The lines of a text, and the texts that are written on them.

use serde::Deserialize;

use super::Unknown;

/// How deep maps and lists are read.
const MAX_DEPTH: usize = 100;

/// The place in the text: a line, and how much of it was read.
pub(super) struct Lines<'t> {
    text: &'t str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The first character that was not read, if it is on the line.
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl<'t> Lines<'t> {
    /// Begins after so many bytes of a text.
    pub(super) fn new(text: &'t str, start: usize) -> Self {
        let mut lines = Self { text, start, end: start, at: start, depth: 0 };
        lines.go_to(start);
        lines
    }

    /// Goes to the line that starts there.
    fn go_to(&mut self, start: usize) {
        let rest = &self.text[start..];
        (self.start, self.at) = (start, start);
        self.end = rest.find('\n').map_or(self.text.len(), |length| start + length);
        self.skip_spaces();
    }

    /// Goes to the next line; false at the end.
    pub(super) fn next_line(&mut self) -> bool {
        let next = self.end + 1;
        let is_there = next <= self.text.len();
        if is_there {
            self.go_to(next);
        } else {
            self.at = self.end;
        }
        is_there
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text.as_bytes()[self.at..self.end];
        self.at += rest.iter().take_while(|byte| **byte == b' ').count();
    }

    /// The rest of the line, without spaces around it.
    pub(super) fn rest(&self) -> &'t str {
        self.text[self.at..self.end].trim_end_matches(' ')
    }

    fn column(&self) -> isize {
        isize::try_from(self.at - self.start).unwrap_or(isize::MAX)
    }

    /// Goes to the next content, which may be on the line; returns its column, `None` at the end of the text.
    pub(super) fn peek(&mut self) -> Result<Option<isize>, Unknown> {
        while self.at == self.end || self.text.as_bytes()[self.at] == b'#' {
            if !self.next_line() {
                return Ok(None);
            }
        }
        let rest = self.rest();
        let is_mark = self.at == self.start && (rest.starts_with("---") || rest.starts_with("..."));
        if is_mark { Err(Unknown) } else { Ok(Some(self.column())) }
    }

    pub(super) fn is_item(&self) -> bool {
        let rest = self.rest();
        rest == "-" || rest.starts_with("- ")
    }

    /// Reads so many bytes of the line, and the spaces after them.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.skip_spaces();
    }

    pub(super) fn enter(&mut self) -> Result<(), Unknown> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Unknown) } else { Ok(()) }
    }

    /// Reads a plain text that begins here; `None` if it is on more lines than one, then it is in `folded`.
    pub(super) fn plain(&mut self, parent: isize, folded: &mut String) -> Result<Option<&'t str>, Unknown> {
        let first = self.rest();
        check_plain(first)?;
        let mut breaks = 0;
        while self.next_line() {
            breaks += 1;
            let rest = self.rest();
            if rest.is_empty() {
                continue;
            }
            if self.column() <= parent {
                break;
            }
            check_plain(rest)?;
            if key_end(rest).is_some() || self.is_item() || rest.starts_with(['#', '?']) {
                return Err(Unknown);
            }
            if folded.is_empty() {
                folded.push_str(first);
            }
            match breaks {
                1 => folded.push(' '),
                many => (1..many).for_each(|_| folded.push('\n')),
            }
            folded.push_str(rest);
            breaks = 0;
        }
        Ok(folded.is_empty().then_some(first))
    }

    /// Reads a text in quotes that begins here.
    pub(super) fn quoted(&mut self, parent: isize, is_key: bool) -> Result<String, Unknown> {
        let quote = self.text.as_bytes()[self.at];
        let from = self.at;
        let bytes = self.text.as_bytes();
        let mut at = from + 1;
        let mut is_simple = true;
        loop {
            match *bytes.get(at).ok_or(Unknown)? {
                b'\\' if quote == b'"' => (at, is_simple) = (at + 1, false),
                b'\n' => {
                    let indent = bytes[at + 1..].iter().take_while(|byte| **byte == b' ').count();
                    let is_blank = bytes.get(at + 1 + indent).is_none_or(|byte| *byte == b'\n');
                    if is_key || !is_blank && isize::try_from(indent).is_ok_and(|indent| indent <= parent) {
                        return Err(Unknown);
                    }
                    is_simple = false;
                }
                byte if byte == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => {
                    (at, is_simple) = (at + 1, false);
                }
                byte if byte == quote => break,
                _ => {}
            }
            at += 1;
        }
        let literal = self.text.get(from..=at).ok_or(Unknown)?;
        // It may end on a later line.
        while self.end < at {
            self.next_line();
        }
        self.at = at + 1;
        if is_simple { Ok(literal[1..literal.len() - 1].to_owned()) } else { text_of(literal) }
    }

    /// Reads a text of lines below `|` or `>`.
    pub(super) fn lines_below(&mut self, parent: isize) -> Result<String, Unknown> {
        if !matches!(self.rest(), "|" | "|-" | "|+" | ">" | ">-" | ">+") {
            return Err(Unknown);
        }
        let from = self.at;
        let mut end = self.text.len();
        let mut is_empty = true;
        while self.next_line() {
            if self.at == self.end {
                continue;
            }
            if self.column() <= parent {
                end = self.start;
                break;
            }
            is_empty = false;
        }
        if is_empty { Err(Unknown) } else { text_of(&self.text[from..end]) }
    }
}

/// Refuses a line of a plain text that may be something else.
fn check_plain(line: &str) -> Result<(), Unknown> {
    if line.contains(" #") { Err(Unknown) } else { Ok(()) }
}

/// Lets libyaml read a text.
fn text_of(literal: &str) -> Result<String, Unknown> {
    String::deserialize(yaml_serde::Deserializer::from_str(literal)).map_err(|_| Unknown)
}

/// Finds the colon after a key that begins a line.
pub(super) fn key_end(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|byte| *byte == b':') {
        let at = from + found;
        if bytes.get(at + 1).is_none_or(|byte| *byte == b' ') {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
