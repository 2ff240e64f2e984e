//! Names: what may name a connector, a connector type, a command or a field.

/// The shape of [`is_connector_name`] as a pattern of JSON Schema; UUIDs and reserved names fit it too.
pub const CONNECTOR_NAME_PATTERN: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";

/// What [`is_connector_name`] asks for, for messages.
pub const CONNECTOR_NAME_RULE: &str = "expected lower-case letters and digits in words joined by `-`, at most 63 \
                                       characters, not a UUID, and neither agents nor parse-oas";

/// Returns whether a text may name a connector or a connector type.
pub fn is_connector_name(name: &str) -> bool {
    let shaped = !name.is_empty()
        && name.len() <= 63
        && name.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    shaped && uuid::Uuid::try_parse(name).is_err() && !matches!(name, "agents" | "parse-oas")
}

/// Names of variables that references read the run itself by.
pub const RESERVED_VARIABLES: [&str; 2] = ["run", "steps"];

/// Returns whether a text may name a variable of a run: the root of a reference.
pub fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first
        && name.len() <= 128
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && !RESERVED_VARIABLES.contains(&name)
}

/// Returns whether a text may name a command, a param or a field.
pub fn is_command_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && name.len() <= 128 && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
