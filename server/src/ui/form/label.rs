//! Words of labels, made from names.

/// Names that are written in capitals or in a way of their own.
const SPELLINGS: &[(&str, &str)] = &[
    ("api", "API"),
    ("ca", "CA"),
    ("db", "DB"),
    ("dn", "DN"),
    ("html", "HTML"),
    ("http", "HTTP"),
    ("https", "HTTPS"),
    ("id", "ID"),
    ("ids", "IDs"),
    ("ip", "IP"),
    ("json", "JSON"),
    ("jwt", "JWT"),
    ("ldap", "LDAP"),
    ("oauth", "OAuth"),
    ("oauth2", "OAuth2"),
    ("pem", "PEM"),
    ("saml", "SAML"),
    ("scim", "SCIM"),
    ("sql", "SQL"),
    ("sso", "SSO"),
    ("tls", "TLS"),
    ("uri", "URI"),
    ("url", "URL"),
    ("urls", "URLs"),
    ("uuid", "UUID"),
    ("xml", "XML"),
];

/// Splits a name into words: `baseUrl` becomes "Base URL", `max_items` "Max items".
pub(in crate::ui) fn words(name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in name.chars() {
        let starts = !before.is_alphanumeric() || (character.is_uppercase() && !before.is_uppercase());
        if !character.is_alphanumeric() {
            before = ' ';
            continue;
        }
        match parts.last_mut() {
            Some(part) if !starts => part.push(character),
            _ => parts.push(character.to_string()),
        }
        before = character;
    }
    let spelled: Vec<String> = parts.iter().map(|part| spelled(part)).collect();
    let text = spelled.join(" ");
    if text.is_empty() { name.to_owned() } else { capital(&text) }
}

fn spelled(part: &str) -> String {
    let small = part.to_lowercase();
    let known = SPELLINGS.iter().find(|(word, _)| *word == small).map(|(_, spelling)| (*spelling).to_owned());
    let is_capitals = part.chars().count() > 1 && part.chars().all(|c| c.is_uppercase() || c.is_numeric());
    known.unwrap_or(if is_capitals { part.to_owned() } else { small })
}

/// Writes the first letter as a capital.
pub(in crate::ui) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("baseUrl", "Base URL"),
            ("apiKey", "API key"),
            ("max_items", "Max items"),
            ("user-id", "User ID"),
            ("delayMs", "Delay ms"),
            ("DN", "DN"),
            ("verifyTLS", "Verify TLS"),
            ("x", "X"),
            ("$top", "Top"),
            ("@", "@"),
            ("größe", "Größe"),
            ("urn:scim:User", "Urn SCIM user"),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }
}
