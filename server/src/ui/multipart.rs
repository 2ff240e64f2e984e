//! The body of a form with a file (RFC 7578). It is read from bytes that are in memory and bounded already.

use std::ops::Range;

/// The maximum number of parts of a form.
const MAX_PARTS: usize = 32;
/// The maximum number of bytes of the headers of a part.
const MAX_HEADERS: usize = 4096;

/// An input of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: String,
    /// The name of the file, if it is one; empty if none was chosen.
    pub(super) file: Option<String>,
    /// Where its value is in the body.
    pub(super) value: Range<usize>,
}

/// Finds the inputs of a form.
///
/// # Errors
/// Says what is wrong with the body.
pub(super) fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, &'static str> {
    let boundary = parameter(content_type, "boundary").filter(|text| (1..=70).contains(&text.len()));
    let boundary = boundary.ok_or("the form names no boundary between its parts")?;
    let line = format!("--{boundary}");
    if !body.starts_with(line.as_bytes()) {
        return Err("the form does not begin with its boundary");
    }
    let between = format!("\r\n{line}");
    let mut parts = Vec::new();
    let mut at = line.len();
    loop {
        match body.get(at..at + 2) {
            Some(b"--") => return Ok(parts),
            Some(b"\r\n") => at += 2,
            _ => return Err("the form ends in the middle of a part"),
        }
        if parts.len() == MAX_PARTS {
            return Err("the form has too many parts");
        }
        let room = &body[at..body.len().min(at + MAX_HEADERS)];
        let headers = find(room, b"\r\n\r\n").ok_or("a part of the form has no headers, or too long ones")?;
        let (name, file) = named(&room[..headers]).ok_or("a part of the form has no name")?;
        let start = at + headers + 4;
        // A part without a value ends with the line break of its headers.
        let length = find(&body[start - 2..], between.as_bytes()).ok_or("the form ends in the middle of a part")?;
        let end = (start - 2 + length).max(start);
        parts.push(Part { name, file, value: start..end });
        at = start - 2 + length + between.len();
    }
}

/// Reads the headers of a part: the name of the input and of the file.
fn named(headers: &[u8]) -> Option<(String, Option<String>)> {
    let text = String::from_utf8_lossy(headers);
    let line = text.lines().find(|line| {
        line.split(':').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("content-disposition"))
    })?;
    Some((parameter(line, "name")?, parameter(line, "filename")))
}

/// Returns a parameter of a header. Browsers write `"` in a value as `%22`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(';').map_or((after, ""), |(value, _)| (value, &after[value.len()..])),
        };
        if name.trim_matches([' ', ';']).eq_ignore_ascii_case(wanted) {
            return Some(value.trim().replace("%22", "\""));
        }
        rest = after;
    }
}

/// Finds the first place of a text. It looks for the rarest thing first: line breaks are rarer than most bytes.
fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(found) = within.get(from..)?.iter().position(|byte| *byte == first) {
        if within[from + found..].starts_with(wanted) {
            return Some(from + found);
        }
        from += found + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=----x1";

    /// The name, the name of the file, and the value.
    type Input = (String, Option<String>, String);

    fn read(body: &str) -> Result<Vec<Input>, &'static str> {
        let found = parts(TYPE, body.as_bytes())?;
        Ok(found.into_iter().map(|part| (part.name, part.file, body[part.value].to_owned())).collect())
    }

    #[test]
    fn inputs_and_files_are_found() {
        let body = "------x1\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nfile\r\n------x1\r\n\
                    content-disposition: form-data; name=\"file\"; filename=\"a \u{fc}%22.json\"\r\nContent-Type: x/y\r\n\r\n\
                    {\r\n}\r\n---\r\n------x1\r\nContent-Disposition: form-data; filename=\"\"; name=other\r\n\r\n\r\n------x1--\r\n";
        let file = Some("a \u{fc}\".json".to_owned());
        assert_eq!(
            read(body).unwrap(),
            [
                ("from".to_owned(), None, "file".to_owned()),
                ("file".to_owned(), file, "{\r\n}\r\n---".to_owned()),
                ("other".to_owned(), Some(String::new()), String::new()),
            ]
        );
        assert_eq!(read("------x1--"), Ok(Vec::new()));
    }

    #[test]
    fn a_broken_form_is_refused() {
        let part = "------x1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
        let long = "h".repeat(MAX_HEADERS);
        for body in [
            String::new(),
            "------x2\r\n".to_owned(),
            "------x1".to_owned(),
            part.to_owned(),
            format!("{part}------x1"),
            "------x1\r\n\r\n\r\nb\r\n------x1--".to_owned(),
            "------x1\r\nContent-Disposition: form-data\r\n\r\nb\r\n------x1--".to_owned(),
            "------x1\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n------x1--".to_owned(),
            format!("------x1\r\n{long}: form-data; name=\"a\"\r\n\r\nb\r\n------x1--"),
            format!("{}------x1--", part.repeat(MAX_PARTS + 1)),
        ] {
            assert!(read(&body).is_err(), "{body:?}");
        }
        assert_eq!(read(&format!("{}------x1--", part.repeat(MAX_PARTS))).unwrap().len(), MAX_PARTS);
        for content_type in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary"] {
            assert!(parts(content_type, part.as_bytes()).is_err(), "{content_type}");
        }
    }
}
