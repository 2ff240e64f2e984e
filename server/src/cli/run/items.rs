//! What the check of a run says, as lines.

use std::process::ExitCode;

use connector_runtime::schema::pointer;
use floh_client::ClientError;
use floh_client::answers::{CheckItem, Mistake};
use serde_json::Value;

use crate::cli::export::unreachable;
use crate::cli::{CliError, print};

/// Shows why the server refused steps: each mistake is a line, as an item of a check is.
pub(super) fn refused(error: &ClientError, json: bool) -> Result<ExitCode, CliError> {
    let problem = error.problem().filter(|problem| problem.status == 422 && !problem.errors.is_empty());
    let Some(problem) = problem else { return Err(unreachable(error)) };
    if json {
        print(serde_json::to_string(problem).map_err(CliError::failed)?);
        return Ok(ExitCode::FAILURE);
    }
    for Mistake { pointer, message, code, suggestion, .. } in &problem.errors {
        let code = code.as_deref().unwrap_or("invalid");
        print(format_args!("{}  error  {code}  {message}{}", place(pointer), suggested(suggestion.as_deref())));
    }
    Ok(ExitCode::FAILURE)
}

/// Writes an item of a check as a line.
pub(super) fn line(kind: &str, item: &CheckItem) -> String {
    let CheckItem { pointer, code, message, suggestion, .. } = item;
    format!("{}  {kind}  {code}  {message}{}", place(pointer), suggested(suggestion.as_deref()))
}

fn suggested(text: Option<&str>) -> String {
    text.map(|text| format!(" (suggestion: {text})")).unwrap_or_default()
}

/// Writes a JSON pointer as people write a path: `/steps/2/params/limit` is `steps[2].params.limit`.
fn place(at: &str) -> String {
    let mut path = String::new();
    for token in at.split('/').skip(1) {
        let key = pointer::unescape(token);
        let is_index = key.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty();
        let is_name = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        match (is_index, is_name) {
            (true, _) => path.push_str(&format!("[{key}]")),
            (false, true) if path.is_empty() => path.push_str(&key),
            (false, true) => path.push_str(&format!(".{key}")),
            (false, false) => path.push_str(&format!("[{}]", Value::from(&*key))),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_pointer_is_written_as_a_path() {
        for (pointer, path) in [
            ("/steps/2/params/limit", "steps[2].params.limit"),
            ("/steps", "steps"),
            ("/steps/0/params/a~1b", "steps[0].params[\"a/b\"]"),
            ("/steps/0/when/all/1/value", "steps[0].when.all[1].value"),
            ("/variables/", "variables[\"\"]"),
            ("", ""),
        ] {
            assert_eq!(place(pointer), path, "{pointer}");
        }
    }
}
