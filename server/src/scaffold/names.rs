//! Names of a scaffold: the connector's, the commands' and the outputs', valid and distinct whatever was wished.

use std::collections::HashSet;

use connector_runtime::schema::{is_command_name, is_connector_name};

use super::path::{Part, Path};
use crate::openapi::{is_reserved_name, name_words};
use crate::plain_text::plain;

/// The functions of the script that are no command, and the command that is always there.
const OWN: [&str; 7] = ["test", "callApi", "credentials", "segment", "text", "pairs", "API_KEY_HEADER"];
/// Reserved words of imports that mean nothing in a script of this room.
const FREE: [&str; 9] = ["get", "set", "of", "name", "length", "api", "operations", "schemes", "server"];
/// Words that a description begins with and that say nothing about what it connects to.
const FILLERS: [&str; 34] = [
    "a",
    "an",
    "and",
    "api",
    "app",
    "build",
    "can",
    "connect",
    "connector",
    "connects",
    "create",
    "for",
    "from",
    "i",
    "in",
    "integrate",
    "integration",
    "is",
    "it",
    "make",
    "me",
    "my",
    "new",
    "of",
    "on",
    "our",
    "please",
    "rest",
    "script",
    "that",
    "the",
    "to",
    "which",
    "with",
];
/// The maximum number of characters of a name that is made here.
const MAX_CHARS: usize = 60;
/// The maximum number of characters and words of a connector's name that is made here: tools are named for it.
const MAX_SLUG_CHARS: usize = 30;
const MAX_SLUG_WORDS: usize = 4;
/// How much of a text is looked at.
const MAX_LOOK: usize = 400;
/// The name of a connector of which nothing is known.
const NAMELESS: &str = "my-connector";
/// What objects of the language have: a param of this name would be there although nobody gave it.
const OF_OBJECTS: [&str; 12] = [
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__proto__",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
];

/// Returns a name for a connector that a description is about.
pub(super) fn connector_name(description: &str) -> String {
    let look = plain(description, MAX_LOOK);
    let sentence =
        look.split(['.', ':', ';', ',', '(']).map(str::trim).find(|part| !part.is_empty()).unwrap_or_default();
    let words = |text: &str| -> Vec<String> {
        name_words(text).into_iter().filter(|word| !FILLERS.contains(&word.as_str())).collect()
    };
    let first = words(sentence);
    joined(&if first.is_empty() { words(&look) } else { first })
}

/// Returns a name for a connector that is as close to a text as a name can be.
pub(super) fn slug(text: &str) -> String {
    joined(&name_words(&plain(text, MAX_LOOK)))
}

fn joined(words: &[String]) -> String {
    let mut name = String::new();
    for word in words.iter().take(MAX_SLUG_WORDS) {
        let word = &word[..word.len().min(MAX_SLUG_CHARS)];
        if name.len() + word.len() + 1 > MAX_SLUG_CHARS && !name.is_empty() {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(word);
    }
    let fits = |name: &String| is_connector_name(name);
    Some(name.clone())
        .filter(fits)
        .or_else(|| Some(format!("{name}-connector")).filter(fits))
        .unwrap_or(NAMELESS.to_owned())
}

/// The names of the commands so far.
#[derive(Debug)]
pub(super) struct Names {
    used: HashSet<String>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { used: OWN.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Returns a name of its own for a command: the wished one where it can be a function's, else one of its words, else one
    /// of method and path.
    pub(super) fn command(&mut self, wished: &str, method: &str, path: &Path, index: usize) -> String {
        let wished = wished.trim();
        let kept = is_command_name(wished) && wished.len() <= MAX_CHARS && wished != "__proto__";
        let name = if kept { wished.to_owned() } else { camel(&name_words(&plain(wished, MAX_LOOK))) };
        let name = if name.is_empty() { of_route(method, path) } else { name };
        let name = if name.is_empty() { format!("command{}", index + 1) } else { name };
        let is_taken_by_language = is_reserved_name(&name) && !FREE.contains(&name.as_str());
        let is_own = OWN.iter().any(|own| own.eq_ignore_ascii_case(&name));
        let name = if is_taken_by_language || is_own { format!("{name}Command") } else { name };
        self.free(&name)
    }

    /// Makes a name free again.
    pub(super) fn give_back(&mut self, name: &str) {
        self.used.remove(&name.to_ascii_lowercase());
    }

    fn free(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 2;
        while !self.used.insert(free.to_ascii_lowercase()) {
            free = format!("{name}{number}");
            number += 1;
        }
        free
    }

    /// Returns valid and distinct names for the outputs of a command; what has no letter or digit of a name is left out.
    pub(super) fn outputs(wished: &[String]) -> Vec<String> {
        let mut known = HashSet::new();
        wished.iter().filter_map(|name| identifier(name)).filter(|name| known.insert(name.clone())).collect()
    }
}

/// Returns a name for a param: the API's own where it is one.
pub(super) fn param(wire: &str) -> String {
    match identifier(wire) {
        Some(name) if name == "command" || OF_OBJECTS.contains(&name.as_str()) => format!("{name}Param"),
        Some(name) => name,
        None => "param".to_owned(),
    }
}

/// Returns a text as a name of fields, if it has a letter or digit.
fn identifier(text: &str) -> Option<String> {
    let text = text.trim();
    if is_command_name(text) && text.len() <= MAX_CHARS && text != "__proto__" {
        return Some(text.to_owned());
    }
    Some(camel(&name_words(&plain(text, MAX_LOOK)))).filter(|name| !name.is_empty())
}

/// Joins words as camelCase, as long as there is room.
fn camel(words: &[String]) -> String {
    let mut name = String::new();
    for word in words {
        let word = &word[..word.len().min(MAX_CHARS - 1)];
        if name.len() + word.len() > MAX_CHARS {
            break;
        }
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if name.is_empty() && first.is_ascii_digit() => {
                name.push('_');
                name.push(first);
            }
            Some(first) if name.is_empty() => name.push(first),
            Some(first) => name.push(first.to_ascii_uppercase()),
            None => continue,
        }
        name.push_str(letters.as_str());
    }
    name
}

/// Returns `getUsersById` for GET /users/{id}.
fn of_route(method: &str, path: &Path) -> String {
    let mut words = vec![method.to_ascii_lowercase()];
    for part in path.parts() {
        match part {
            // What is percent-encoded is no word.
            Part::Text(text) if text.contains('%') => {}
            Part::Text(text) => words.extend(name_words(text)),
            Part::Placeholder(name) => {
                let name = name_words(&plain(name, MAX_LOOK));
                if !name.is_empty() {
                    words.push("by".to_owned());
                    words.extend(name);
                }
            }
        }
    }
    if words.len() == 1 { String::new() } else { camel(&words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_named_for_what_it_connects_to() {
        for (description, name) in [
            ("Connector for the Acme CRM API: lists users", "acme-crm"),
            ("GitHub issues", "git-hub-issues"),
            ("连接器", "my-connector"),
            ("", "my-connector"),
            ("the API, which manages invoices", "manages-invoices"),
            ("agents", "agents-connector"),
            ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456"),
            ("parse oas", "parse-oas-connector"),
        ] {
            let made = connector_name(description);
            assert!(is_connector_name(&made), "{made}");
            assert_eq!(made, name);
        }
        assert!(is_connector_name(&connector_name(&"x".repeat(10_000))));
        assert_eq!(slug("Acme CRM!"), "acme-crm");
    }

    #[test]
    fn commands_are_valid_and_distinct() {
        let users = Path::parse("/users/{id}").unwrap();
        let mut names = Names::new();
        for (wished, name) in [
            ("listUsers", "listUsers"),
            ("list users", "listUsers2"),
            ("list_users", "list_users"),
            ("LISTUSERS", "LISTUSERS3"),
            ("列出用户", "getUsersById"),
            ("", "getUsersById2"),
            ("delete", "deleteCommand"),
            ("constructor", "constructorCommand"),
            ("__proto__", "proto"),
            ("test", "testCommand"),
            ("callapi", "callapiCommand"),
            ("get", "get"),
            ("2fa", "_2fa"),
            ("a */ b ` ${c}", "aBC"),
        ] {
            let made = names.command(wished, "GET", &users, 0);
            assert!(is_command_name(&made), "{made}");
            assert_eq!(made, name, "{wished}");
        }
        let made = names.command(&"名".repeat(10_000), "GET", &Path::default(), 6);
        assert_eq!(made, "command7");
        let made = names.command(&"listUsers ".repeat(1_000), "GET", &users, 0);
        assert!(is_command_name(&made) && made.len() <= MAX_CHARS, "{made}");
    }

    #[test]
    fn params_and_outputs_are_names() {
        for (wire, name) in [
            ("page[size]", "pageSize"),
            ("X-Request-Id", "xRequestId"),
            ("constructor", "constructorParam"),
            ("__proto__", "proto"),
            ("command", "commandParam"),
            ("默认", "param"),
            ("limit", "limit"),
        ] {
            assert_eq!(param(wire), name);
        }
        let wished = ["users", "users", "total count", "名", "__proto__"].map(str::to_owned);
        assert_eq!(Names::outputs(&wished), ["users", "totalCount", "proto"]);
    }
}
