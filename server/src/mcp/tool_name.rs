//! The names of command tools. A name is a contract: it depends on the connector and the command alone.

use sha2::{Digest as _, Sha256};

/// What stands between connector and command. No name of a connector contains it.
const BETWEEN: &str = "__";
/// How many characters of the connector a shortened name keeps.
const KEPT_OF_CONNECTOR: usize = 20;
/// The hex digits at the end of a shortened name.
const DIGITS: usize = 8;

/// Returns the name of the tool of a command, of at most `max` characters.
///
/// A name that is too long is the connector cut to 20 characters, the command cut, and eight digits of a SHA-256 of both.
pub(super) fn tool_name(connector: &str, command: &str, max: usize) -> String {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let whole = connector.len() + BETWEEN.len() + command.len();
    if whole <= max && is_plain(connector) && is_plain(command) && !connector.contains('_') {
        return format!("{connector}{BETWEEN}{command}");
    }
    let digest = const_hex::encode(Sha256::digest(format!("{connector}/{command}").as_bytes()));
    let connector = cut(connector, KEPT_OF_CONNECTOR);
    let left = max.saturating_sub(connector.len() + BETWEEN.len() + 1 + DIGITS);
    format!("{connector}{BETWEEN}{}_{}", cut(command, left), &digest[..DIGITS])
}

/// Reads a name that was not shortened; the parts of another one lead to another name.
pub(super) fn parts(name: &str) -> Option<(&str, &str)> {
    name.split_once(BETWEEN)
}

/// Returns the first characters of a name, with `_` for those that no tool name may have.
fn cut(text: &str, most: usize) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    text.chars().take(most).map(|character| if fits(character) { character } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_connector_and_command() {
        assert_eq!(tool_name("crm", "listUsers", 52), "crm__listUsers");
        assert_eq!(parts("crm__listUsers"), Some(("crm", "listUsers")));
        assert_eq!(parts("crm__list__users"), Some(("crm", "list__users")));
        assert_eq!(parts("search"), None);
    }

    #[test]
    fn a_long_name_is_cut_and_told_apart() {
        let (connector, command) = ("a-connector-with-a-very-long-name", "getTheMembersOfTheGroupsOfTheUser");
        let name = tool_name(connector, command, 52);
        assert_eq!(name.len(), 52, "{name}");
        assert!(name.starts_with("a-connector-with-a-v__getTheMembersOfTheGr"), "{name}");
        assert_eq!(name, tool_name(connector, command, 52), "the same every time");
        assert_ne!(name, tool_name(connector, "getTheMembersOfTheGroupsOfTheUsers", 52));
        assert!(tool_name(connector, command, 32).len() <= 32);
    }

    #[test]
    fn what_no_client_takes_is_replaced() {
        for (connector, command) in [("crm", "list.users"), ("crm", "größe"), ("my_crm", "x"), ("crm", "")] {
            let name = tool_name(connector, command, 52);
            let is_valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            assert!(is_valid && name.len() <= 52, "{name}");
        }
        assert_ne!(tool_name("crm", "list.users", 52), tool_name("crm", "list_users", 52));
    }
}
