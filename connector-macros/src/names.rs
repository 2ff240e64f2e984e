//! Converts Rust names to wire names and to labels.

use syn::Ident;
use syn::ext::IdentExt;

/// `list_widgets` -> `listWidgets`. A leading `_` is kept.
pub(crate) fn camel(ident: &Ident) -> String {
    let text = ident.unraw().to_string();
    let body = text.trim_start_matches('_');
    let mut camel = "_".repeat(text.len() - body.len());
    for (index, word) in body.split('_').filter(|word| !word.is_empty()).enumerate() {
        if index == 0 { camel.push_str(word) } else { camel.push_str(&capital(word)) }
    }
    camel
}

/// The result of serde's `rename_all = "camelCase"` for a field; it differs from [`camel`] for unusual names.
pub(crate) fn serde_camel(ident: &Ident) -> String {
    let pascal: String = ident.unraw().to_string().split('_').map(capital_ascii).collect();
    pascal.char_indices().map(|(at, letter)| if at == 0 { letter.to_ascii_lowercase() } else { letter }).collect()
}

fn capital_ascii(word: &str) -> String {
    word.char_indices().map(|(at, letter)| if at == 0 { letter.to_ascii_uppercase() } else { letter }).collect()
}

/// `list_widgets` -> `ListWidgets`.
pub(crate) fn pascal(ident: &Ident) -> String {
    let text = ident.unraw().to_string();
    text.split('_').filter(|word| !word.is_empty()).map(capital).collect()
}

/// `OnHold` -> `on_hold`.
pub(crate) fn snake(ident: &Ident) -> String {
    words(ident).map(|word| word.to_lowercase()).collect::<Vec<_>>().join("_")
}

/// `OnHold` -> `On hold`.
pub(crate) fn label(ident: &Ident) -> String {
    capital(&words(ident).map(|word| word.to_lowercase()).collect::<Vec<_>>().join(" "))
}

/// Splits a PascalCase name into words; a run of capitals is one word.
fn words(ident: &Ident) -> impl Iterator<Item = String> {
    let characters: Vec<char> = ident.unraw().to_string().chars().filter(|character| *character != '_').collect();
    let mut words: Vec<String> = Vec::new();
    for (index, character) in characters.iter().enumerate() {
        let after_lower = index > 0 && !characters[index - 1].is_uppercase();
        let before_lower = characters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if words.is_empty() || character.is_uppercase() && (after_lower || before_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(*character);
        }
    }
    words.into_iter()
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Returns whether a text may name a connector.
pub(crate) fn is_connector_name(name: &str) -> bool {
    let words = name
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    words && name.len() <= 63 && !matches!(name, "agents" | "parse-oas") && !is_uuid_shaped(name)
}

/// `8-4-4-4-12` hex digits, or 32 of them.
pub(crate) fn is_uuid_shaped(name: &str) -> bool {
    let lengths: Vec<usize> = name.split('-').map(str::len).collect();
    let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    hex && (lengths == [8, 4, 4, 4, 12] || lengths == [32])
}

/// Returns whether a text may name a command, a param or a field.
pub(crate) fn is_wire_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    // The macros do not depend on the schema model, which would have to be compiled before them. Its rules are repeated
    // here, and this test checks that they agree.
    proptest! {
        #[test]
        fn names_of_connectors_are_those_of_the_schema_model(name in "[a-z0-9]{0,8}(-[a-z0-9]{0,8}){0,3}|[ -~]{0,6}") {
            prop_assert_eq!(super::is_connector_name(&name), connector_schema::is_connector_name(&name));
        }

        #[test]
        fn uuids_name_no_connector(id in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}") {
            prop_assert!(!super::is_connector_name(&id) && !connector_schema::is_connector_name(&id));
        }

        #[test]
        fn names_on_the_wire_are_those_of_the_schema_model(name in "[a-zA-Z0-9_]{0,130}|[ -~]{0,6}") {
            prop_assert_eq!(super::is_wire_name(&name), connector_schema::is_command_name(&name));
        }
    }

    #[test]
    fn limits_and_reserved_names_are_those_of_the_schema_model() {
        for name in ["agents", "parse-oas", &"a".repeat(63), &"a".repeat(64), "", "a--b", "-a", "a-", "A"] {
            assert_eq!(super::is_connector_name(name), connector_schema::is_connector_name(name), "{name}");
        }
        for name in [&"a".repeat(128), &"a".repeat(129), "", "_", "1a"] {
            assert_eq!(super::is_wire_name(name), connector_schema::is_command_name(name), "{name}");
        }
    }
}
