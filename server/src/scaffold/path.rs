//! A path below the base URL, with placeholders: what a command sends, and safe to be part of a script.

/// A path, in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path {
    parts: Vec<Part>,
}

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Letters that are sent as they are: visible ASCII, everything else percent-encoded.
    Text(String),
    /// The name of a placeholder, as it was wished.
    Placeholder(String),
}

impl Path {
    /// Reads a path such as `/users/{id}`, or `/users/:id`.
    ///
    /// # Errors
    /// Why it is not a path, and how to fix it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains("://") || text.starts_with("//") {
            return Err("an address; give the path below the base URL, such as /users/{id}".to_owned());
        }
        if text.contains(['?', '#']) {
            return Err(
                "it has a query or a fragment; give the path alone, and name what goes into the query in params"
                    .to_owned(),
            );
        }
        let mut parts = Vec::new();
        for segment in text.split('/').skip(usize::from(text.starts_with('/'))) {
            push_text(&mut parts, "/");
            if let Some(name) = segment.strip_prefix(':').filter(|name| is_word(name)) {
                parts.push(Part::Placeholder(name.to_owned()));
                continue;
            }
            let mut rest = segment;
            while let Some((before, after)) = rest.split_once('{') {
                let Some((name, after)) = after.split_once('}') else {
                    return Err("a { is not closed; write placeholders as {name}".to_owned());
                };
                if name.trim().is_empty() || name.contains('{') {
                    return Err("a placeholder has no name; write placeholders as {name}".to_owned());
                }
                push_text(&mut parts, before);
                parts.push(Part::Placeholder(name.trim().to_owned()));
                rest = after;
            }
            if rest.contains('}') {
                return Err("a } was not opened; write placeholders as {name}".to_owned());
            }
            push_text(&mut parts, rest);
            let is_dots = |text: &str| matches!(text.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
            if is_dots(segment) {
                return Err("a part of it is . or .., which leads to another path; write the whole path".to_owned());
            }
        }
        Ok(Self { parts })
    }

    /// Returns its parts.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the names of its placeholders, as they were wished; one may come twice.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Returns it for people, as one short line.
    pub(super) fn shown(&self) -> String {
        let text: String = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Placeholder(name) => format!("{{{name}}}"),
            })
            .collect();
        crate::plain_text::plain(&text, 120)
    }
}

/// Adds text, percent-encoded where a URL cannot have it.
fn push_text(parts: &mut Vec<Part>, text: &str) {
    if text.is_empty() {
        return;
    }
    let mut encoded = String::new();
    for byte in text.bytes() {
        // A percent sign may be one of the wish's own encoding; a lone one is sent as it is by everybody.
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_str(&encoded),
        _ => parts.push(Part::Text(encoded)),
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        for (text, shown) in [
            ("/users/{id}", "/users/{id}"),
            ("users/:id/files", "/users/{id}/files"),
            ("", "/"),
            ("/", "/"),
            ("/a//b/", "/a//b/"),
            ("/v1/users:batch", "/v1/users:batch"),
            ("/größe/ a\\b\"`", "/gr%C3%B6%C3%9Fe/%20a%5Cb%22%60"),
            ("/f/{name}.{ext}", "/f/{name}.{ext}"),
            ("/.well-known/x..y", "/.well-known/x..y"),
        ] {
            assert_eq!(Path::parse(text).unwrap().shown(), shown, "{text}");
        }
        assert_eq!(Path::parse("/a/{id}/{ id }").unwrap().placeholders().collect::<Vec<_>>(), ["id", "id"]);
        for wrong in [
            "https://a.example.com/x",
            "//evil.example.com",
            "/a?b=c",
            "/a#b",
            "/a/{b",
            "/a/}",
            "/a/{}",
            "/a/{{b}",
            "/a/../b",
            "/./x",
            "/%2e%2E/x",
            "..",
        ] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
