//! What somebody wishes of a script connector, and the plan that comes of it: everything checked, named and typed.

use connector_runtime::schema::{CONNECTOR_NAME_RULE, Effect, is_connector_name};
use serde::Deserialize;
use url::Url;

use super::names::{Names, connector_name, slug};
use super::params::{PlannedParam, Sent, planned_params};
use super::path::Path;
use super::{MAX_COMMAND_DESCRIPTION_CHARS, MAX_DESCRIPTION_CHARS, MAX_PATH_CHARS};
use super::{MAX_WISHED_COMMANDS, MAX_WISHED_PARAMS};
use crate::error::{Error, Mistake};
use crate::plain_text::plain;

/// What is wished of a new script connector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wish {
    /// What it is for, in words.
    pub description: String,
    /// Its name; made from the description if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The address of the API, such as `https://api.example.com/v1`.
    #[serde(default)]
    pub base_url: Option<String>,
    /// How the API authenticates callers.
    #[serde(default)]
    pub auth: Option<AuthKind>,
    /// Its commands; three examples if absent or empty.
    #[serde(default)]
    pub commands: Option<Vec<WishedCommand>>,
}

/// How an API authenticates callers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthKind {
    /// Not at all.
    #[default]
    None,
    /// By a key in a header.
    ApiKey,
    /// By a token in `Authorization: Bearer`.
    Bearer,
    /// By name and password.
    Basic,
}

/// A command that is wished.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WishedCommand {
    /// What it is called.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// The HTTP method; guessed from the name if absent.
    #[serde(default)]
    pub method: Option<String>,
    /// The path below the base URL, with `{placeholders}`; guessed from the name if absent.
    #[serde(default)]
    pub path: Option<String>,
    /// The names of its params, as the API calls them.
    #[serde(default)]
    pub params: Option<Vec<String>>,
    /// The names in its payload.
    #[serde(default)]
    pub outputs: Option<Vec<String>>,
}

/// What will be written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    /// One line.
    pub(super) description: String,
    pub(super) base_url: Option<String>,
    pub(super) auth: AuthKind,
    pub(super) test: PlannedTest,
    pub(super) commands: Vec<PlannedCommand>,
    /// What differs from the wish, or was not said there.
    pub(super) notes: Vec<String>,
}

/// The command `test`.
#[derive(Debug)]
pub(super) struct PlannedTest {
    pub(super) description: String,
    /// The path that must answer; if absent, any answer of the base URL will do.
    pub(super) path: Option<Path>,
}

/// One command.
#[derive(Debug)]
pub(super) struct PlannedCommand {
    pub(super) name: String,
    /// One line.
    pub(super) description: String,
    pub(super) method: &'static str,
    pub(super) path: Path,
    pub(super) params: Vec<PlannedParam>,
    pub(super) outputs: Vec<String>,
    pub(super) effect: Effect,
    /// Whether method or path are a guess.
    pub(super) is_guess: bool,
}

/// The methods, what they do, and whether params go into the query.
const METHODS: [(&str, Effect, Sent); 6] = [
    ("GET", Effect::Read, Sent::Query),
    ("HEAD", Effect::Read, Sent::Query),
    ("POST", Effect::Create, Sent::Body),
    ("PUT", Effect::Update, Sent::Body),
    ("PATCH", Effect::Update, Sent::Body),
    ("DELETE", Effect::Delete, Sent::Body),
];
/// The first words of names that say the method; any other first word means GET.
const VERBS: [(&str, &[&str]); 4] = [
    (
        "POST",
        &["create", "add", "new", "post", "send", "submit", "start", "run", "invite", "upload", "register", "insert"],
    ),
    ("PATCH", &["update", "edit", "modify", "patch", "change", "rename"]),
    ("PUT", &["replace", "put", "set"]),
    ("DELETE", &["delete", "remove", "destroy", "erase"]),
];
/// The first words of names that a guessed path leaves out.
const READING: [&str; 9] = ["get", "list", "find", "search", "fetch", "read", "show", "query", "lookup"];
/// The maximum number of characters of a base URL.
const MAX_URL_CHARS: usize = 2_000;

/// Makes a plan of a wish.
///
/// # Errors
/// Invalid with every mistake of the wish.
pub(super) fn plan(wish: &Wish) -> Result<Plan, Error> {
    let mut mistakes = Vec::new();
    let count = wish.description.chars().count();
    if count > MAX_DESCRIPTION_CHARS {
        let message = format!("{count} characters; say in at most {MAX_DESCRIPTION_CHARS} what the connector is for");
        mistakes.push(Mistake::new("/description", message));
    }
    let name = match &wish.name {
        None => connector_name(&wish.description),
        Some(name) => {
            if !is_connector_name(name) {
                let message = format!("{CONNECTOR_NAME_RULE}; {} would do", slug(name));
                mistakes.push(Mistake::new("/name", message));
            }
            name.clone()
        }
    };
    let base_url = wish.base_url.as_deref().map(|url| base_url(url).map_err(|why| Mistake::new("/baseUrl", why)));
    let base_url = match base_url.transpose() {
        Ok(url) => url,
        Err(mistake) => {
            mistakes.push(mistake);
            None
        }
    };
    let examples;
    let wished = match wish.commands.as_deref() {
        Some(commands) if !commands.is_empty() => commands,
        _ => {
            examples = example_commands();
            &examples[..]
        }
    };
    if wished.len() > MAX_WISHED_COMMANDS {
        let message = format!(
            "{} commands; wish at most {MAX_WISHED_COMMANDS}, and add more with update_connector_script, or import the OpenAPI document of the API",
            wished.len()
        );
        mistakes.push(Mistake::new("/commands", message));
        return Err(Error::invalid(mistakes));
    }
    let mut names = Names::new();
    let (mut commands, mut notes, mut test) = (Vec::new(), Vec::new(), None);
    for (index, wished) in wished.iter().enumerate() {
        let planned = planned(wished, index, &mut names, &mut mistakes);
        let Some((command, note)) = planned else { continue };
        let probes = command.method == "GET" && command.path.placeholders().next().is_none();
        if wished.name.trim() == "test" && probes && test.is_none() && wished.path.is_some() {
            names.give_back(&command.name);
            test = Some(PlannedTest { description: command.description, path: Some(command.path) });
            continue;
        }
        notes.extend(note);
        commands.push(command);
    }
    if !mistakes.is_empty() {
        return Err(Error::invalid(mistakes));
    }
    let test = test.unwrap_or_else(|| {
        let probe =
            commands.iter().find(|it| it.method == "GET" && it.path.placeholders().next().is_none() && !it.is_guess);
        let description = "Check that the API answers and accepts the credentials".to_owned();
        PlannedTest { description, path: probe.map(|command| command.path.clone()) }
    });
    let description = plain(&wish.description, MAX_DESCRIPTION_CHARS);
    Ok(Plan { name, description, base_url, auth: wish.auth.unwrap_or_default(), test, commands, notes })
}

/// Plans one command; returns it with a note about what differs from the wish.
fn planned(
    wished: &WishedCommand,
    index: usize,
    names: &mut Names,
    mistakes: &mut Vec<Mistake>,
) -> Option<(PlannedCommand, Option<String>)> {
    let at = |key: &str| format!("/commands/{index}/{key}");
    let before = mistakes.len();
    let wanted = wished.method.as_deref().map(|method| method.trim().to_ascii_uppercase());
    let method = wanted.as_deref().unwrap_or_else(|| guessed_method(&wished.name));
    let known = METHODS.iter().find(|(name, ..)| *name == method);
    if known.is_none() {
        let known: Vec<&str> = METHODS.iter().map(|(name, ..)| *name).collect();
        let message = format!("{:?} is no method; expected one of {}", plain(method, 20), known.join(", "));
        mistakes.push(Mistake::new(at("method"), message));
    }
    let params = wished.params.as_deref().unwrap_or_default();
    let outputs = wished.outputs.as_deref().unwrap_or_default();
    for (key, list) in [("params", params), ("outputs", outputs)] {
        if list.len() > MAX_WISHED_PARAMS {
            let message = format!("{} names; wish at most {MAX_WISHED_PARAMS}, and add more to the script", list.len());
            mistakes.push(Mistake::new(at(key), message));
        }
    }
    let path = match wished.path.as_deref() {
        Some(path) if path.chars().count() > MAX_PATH_CHARS => {
            Err(format!("{} characters; a path has at most {MAX_PATH_CHARS}", path.chars().count()))
        }
        Some(path) => Path::parse(path),
        None => Ok(guessed_path(&wished.name, params)),
    };
    let path = path.map_err(|why| mistakes.push(Mistake::new(at("path"), why))).ok();
    let (Some((method, effect, sent)), Some(path)) = (known, path) else { return None };
    let params = match planned_params(params, &path, *sent) {
        Ok(params) => params,
        Err((place, why)) => {
            mistakes.push(Mistake::new(at(&place), why));
            return None;
        }
    };
    if mistakes.len() > before {
        return None;
    }
    let name = names.command(&wished.name, method, &path, index);
    let is_guess = wished.method.is_none() || wished.path.is_none();
    let shown = plain(&wished.name, 60).replace('`', "'");
    let renamed = (name != wished.name).then(|| format!("The wished command `{shown}` is called `{name}`."));
    let guessed = is_guess.then(|| {
        let route = format!("{method} {}", path.shown()).replace('`', "'");
        format!("`{name}` sends `{route}`; that is a guess where the wish did not say it, so compare it with the API.")
    });
    let note = match (renamed, guessed) {
        (Some(renamed), Some(guessed)) => Some(format!("{renamed} {guessed}")),
        (renamed, guessed) => renamed.or(guessed),
    };
    let description = wished.description.as_deref().map(|text| plain(text, MAX_COMMAND_DESCRIPTION_CHARS));
    let description = description.filter(|text| !text.is_empty());
    let description = description.unwrap_or_else(|| format!("{method} {}", path.shown()));
    let outputs = Names::outputs(outputs);
    let command = PlannedCommand { name, description, method, path, params, outputs, effect: *effect, is_guess };
    Some((command, note))
}

fn guessed_method(name: &str) -> &'static str {
    let words = crate::openapi::name_words(&plain(name, 200));
    let first = words.first().map(String::as_str).unwrap_or_default();
    VERBS.iter().find(|(_, verbs)| verbs.contains(&first)).map_or("GET", |(method, _)| method)
}

/// Returns `/users` for `listUsers`, and `/user/{id}` for `getUser` with a param `id`.
fn guessed_path(name: &str, params: &[String]) -> Path {
    let mut words = crate::openapi::name_words(&plain(name, 200));
    let is_verb = |word: &String| {
        READING.contains(&word.as_str()) || VERBS.iter().any(|(_, verbs)| verbs.contains(&word.as_str()))
    };
    if words.len() > 1 && words.first().is_some_and(is_verb) {
        words.remove(0);
    }
    let mut text = format!("/{}", words.join("-"));
    if params.iter().any(|param| param == "id") {
        text.push_str(if words.is_empty() { "{id}" } else { "/{id}" });
    }
    // Words of letters and digits are a path.
    Path::parse(&text).unwrap_or_default()
}

/// Reads a base URL, without a slash at its end.
fn base_url(text: &str) -> Result<String, String> {
    const EXAMPLE: &str =
        "give an address such as https://api.example.com/v1, or leave it out and enter it in the connector";
    let text = text.trim();
    if text.chars().count() > MAX_URL_CHARS {
        return Err(format!("an address of more than {MAX_URL_CHARS} characters; {EXAMPLE}"));
    }
    let url = Url::parse(text).map_err(|error| format!("not a URL ({error}); {EXAMPLE}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("not an address of the web; {EXAMPLE}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address has no name and password: wish auth basic, and let the user enter them".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment; give the address alone, and params to the commands".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn example_commands() -> Vec<WishedCommand> {
    let texts = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect());
    let example =
        |name: &str, description: &str, method: &str, path: &str, params: &[&str], outputs: &[&str]| WishedCommand {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            params: texts(params),
            outputs: texts(outputs),
        };
    vec![
        example("listItems", "List items (an example; change its path)", "GET", "/items", &["limit"], &["items"]),
        example("getItem", "Read an item (an example; change its path)", "GET", "/items/{id}", &[], &[]),
        example("createItem", "Create an item (an example; change its path)", "POST", "/items", &["name"], &[]),
    ]
}
