//! Writes the script of a plan. Texts of the wish come in twice, and as data both times: in a line comment, as one line
//! without what nobody sees, and in double quotes, with everything escaped that could end them.

use super::params::{PlannedParam, Sent};
use super::path::{Part, Path};
use super::wish::{AuthKind, Plan, PlannedCommand};
use crate::plain_text::{is_invisible, plain};

/// The maximum number of characters of a comment's line.
const MAX_COMMENT_CHARS: usize = 200;

/// Writes the script.
pub(super) fn write(plan: &Plan) -> String {
    let mut out = String::new();
    comment(&mut out, &format!("{}: {}", plan.name, plan.description));
    out.push_str(
        "//\n\
         // A function serves the command of its name. floh.params holds what the caller sent, floh.config the connection.\n\
         // This is a beginning, made of templates: compare paths, params and outputs with the API, and change them.\n\n",
    );
    if plan.auth == AuthKind::ApiKey {
        out.push_str(
            "// The header that carries the API key; change it if the API expects another one.\n\
             var API_KEY_HEADER = \"X-Api-Key\";\n\n",
        );
    }
    test(&mut out, plan);
    for planned in &plan.commands {
        command(&mut out, planned);
    }
    out.push_str(CALL_API);
    out.push_str(match plan.auth {
        AuthKind::None => "// Headers that every request has.\nfunction credentials() {\n  return { Accept: \"application/json\" };\n}\n",
        AuthKind::ApiKey => {
            "// Headers that every request has. The server hides the key in logs and records.\nfunction credentials() {\n  var headers = { Accept: \"application/json\" };\n  headers[API_KEY_HEADER] = floh.config.apiKey;\n  return headers;\n}\n"
        }
        AuthKind::Bearer => {
            "// Headers that every request has. The server hides the token in logs and records.\nfunction credentials() {\n  return { Accept: \"application/json\", Authorization: \"Bearer \" + floh.config.bearerToken };\n}\n"
        }
        AuthKind::Basic => {
            "// Headers that every request has. The server hides the password in logs and records.\nfunction credentials() {\n  var login = floh.config.username + \":\" + floh.config.password;\n  return { Accept: \"application/json\", Authorization: \"Basic \" + floh.util.base64(login) };\n}\n"
        }
    });
    out
}

fn test(out: &mut String, plan: &Plan) {
    comment(out, &plan.test.description);
    match &plan.test.path {
        Some(path) => out.push_str(&format!(
            "function test() {{\n  var outcome = callApi(\"GET\", {});\n  return outcome.success ? {{ success: true, payload: {{ reachable: true }} }} : outcome;\n}}\n\n",
            path_expression(path, &[])
        )),
        None => out.push_str(
            "function test() {\n  \
             var outcome = callApi(\"GET\", \"/\");\n  \
             var status = outcome.diagnostics && outcome.diagnostics.statusCode;\n  \
             // Any answer shows that the API is there; 401 and 403 say that it refuses the credentials.\n  \
             var reachable = outcome.success || (status < 500 && status !== 401 && status !== 403);\n  \
             return reachable ? { success: true, payload: { reachable: true } } : outcome;\n\
             }\n\n",
        ),
    }
}

fn command(out: &mut String, command: &PlannedCommand) {
    let PlannedCommand { name, description, method, path, params, outputs, is_guess, .. } = command;
    comment(out, description);
    if *is_guess {
        comment(out, "Method or path are a guess from the name: compare them with the API.");
    }
    out.push_str(&format!("function {name}() {{\n  return callApi(\"{method}\", {}", path_expression(path, params)));
    let mut more = String::new();
    for (key, sent) in [("query", Sent::Query), ("body", Sent::Body)] {
        let pairs: Vec<&PlannedParam> = params.iter().filter(|param| param.sent == sent).collect();
        if pairs.is_empty() {
            continue;
        }
        more.push_str(&format!("    {key}: [\n"));
        for param in pairs {
            more.push_str(&format!("      [{}, floh.params.{}],\n", quoted(&param.wire), param.name));
        }
        more.push_str("    ],\n");
    }
    // With one name a list or a value of the API is put under it.
    if let [output] = outputs.as_slice() {
        more.push_str(&format!("    under: {},\n", quoted(output)));
    }
    if more.is_empty() {
        out.push_str(");\n}\n\n");
    } else {
        out.push_str(&format!(", {{\n{more}  }});\n}}\n\n"));
    }
}

/// Writes `"/users/" + segment(floh.params.id)`.
fn path_expression(path: &Path, params: &[PlannedParam]) -> String {
    let parts = path.parts().iter().map(|part| match part {
        Part::Text(text) => quoted(text),
        Part::Placeholder(wire) => {
            let param = params.iter().find(|param| param.sent == Sent::Path && param.wire == *wire);
            format!("segment(floh.params.{})", param.map_or("id", |param| param.name.as_str()))
        }
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "\"/\"".to_owned() } else { parts.join(" + ") }
}

/// Writes a text as a line comment.
fn comment(out: &mut String, text: &str) {
    // A page that shows the script must not end at it, and a tool must take no order from it.
    let shown: String = plain(text, MAX_COMMENT_CHARS)
        .chars()
        .map(|character| match character {
            '<' => '‹',
            '>' => '›',
            '@' => '＠',
            other => other,
        })
        .collect();
    out.push_str(format!("// {shown}").trim_end());
    out.push('\n');
}

/// Writes a text in double quotes, so that its value is the text, whatever is in it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // `</script>` and `<!--` end nothing, and what nobody sees is seen.
            '<' | '>' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            other if other.is_control() || is_invisible(other) => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(other)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// The functions that every script has.
const CALL_API: &str = r#"// Sends a request and makes an outcome of the answer. A request that gets no answer throws; the server makes a failure of it.
function callApi(method, path, more) {
  more = more || {};
  if (/(^|\/)(\.|%2e){1,2}(\/|$)/i.test(path)) {
    // However it is encoded, it would lead to another path.
    return { success: false, error: "A part of the path is . or .., which is no id", diagnostics: { path: path } };
  }
  var request = { method: method, url: floh.config.baseUrl.replace(/\/+$/, "") + path, headers: credentials() };
  if (more.query) request.query = pairs(more.query);
  if (more.body) {
    // Object.fromEntries leaves every name as it is; what the caller did not give is not sent.
    request.json = Object.fromEntries(more.body.filter(function (pair) { return pair[1] !== undefined; }));
  }
  var response = floh.http.request(request);
  if (response.status < 200 || response.status > 299) {
    return {
      success: false,
      error: "The API answered " + response.status + " to " + method + " " + path,
      diagnostics: { statusCode: response.status, body: response.text.slice(0, 2000) },
    };
  }
  var payload = response.base64 === undefined ? response.body : { base64: response.base64 };
  if (more.under && (payload === null || typeof payload !== "object" || Array.isArray(payload))) {
    var named = {};
    named[more.under] = payload;
    payload = named;
  }
  return { success: true, payload: payload };
}

// A value as a part of the path.
function segment(value) {
  return encodeURIComponent(String(value));
}

// The pairs of a query: what was not given is left out, a list repeats its name.
function pairs(list) {
  var found = [];
  list.forEach(function (pair) {
    var values = Array.isArray(pair[1]) ? pair[1] : [pair[1]];
    values.forEach(function (value) {
      if (value !== undefined && value !== null) found.push([pair[0], text(value)]);
    });
  });
  return found;
}

function text(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_quotes() {
        assert_eq!(quoted("a\"b\\c\n`${d}`"), r#""a\"b\\c\n`${d}`""#);
        assert_eq!(
            quoted("</script>\u{2028}\u{0}\u{202e}\u{e0041}"),
            r#""\u003c/script\u003e\u2028\u{0}\u{202e}\u{e0041}""#
        );
        let mut out = String::new();
        comment(&mut out, "a */ b\n</script>\u{2028}throw 1;\u{202e} @ts-nocheck");
        assert_eq!(out, "// a */ b ‹/script› throw 1; ＠ts-nocheck\n");
    }
}
