//! The floors of the server: which room of `src/` may import which. Rooms are listed from the ground up, and a
//! row names rooms of earlier rows only: so no two rooms can import each other.
//!
//! The imports are read from the sources. A room without a row, an import without a permission and a permission that
//! nothing uses fail the test, each with the arrow and its mend.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up, each with the rooms that it imports.
const ROOMS: &[(&str, &[&str])] = &[
    // Ground: the domain error, typed inputs, what changed, work off the async threads.
    ("error", &[]),
    ("changes", &[]),
    ("blocking", &["error"]),
    ("run_to_completion", &[]),
    ("work", &["error"]),
    ("data_lock", &[]),
    ("public_url", &[]),
    ("mcp_settings", &[]),
    ("plain_text", &[]),
    ("run_queue", &[]),
    ("nats", &[]),
    ("input", &["error"]),
    // Keeping: rows and leases, sealed bytes, identities and scopes, what stored things mean.
    ("store", &["changes", "error"]),
    ("vault", &["store"]),
    ("auth", &["changes", "error", "store", "work"]),
    ("type_schema", &["error", "store"]),
    ("connector_secrets", &["error", "store", "vault"]),
    ("events", &["changes"]),
    ("command_index", &["blocking", "changes", "error", "plain_text", "store", "type_schema"]),
    // Import: documents become drafts. Pure.
    ("openapi", &[]),
    // Executors: each is given what it needs, never all services.
    ("script", &["openapi", "run_to_completion"]),
    ("operations", &["openapi", "script"]),
    ("agent_hub", &["auth", "nats", "store", "type_schema", "vault"]),
    // Services: what everything above shares. They hold the executors' state, so they are above them.
    (
        "instances",
        &[
            "agent_hub",
            "changes",
            "connector_secrets",
            "error",
            "operations",
            "script",
            "store",
            "type_schema",
            "vault",
        ],
    ),
    (
        "services",
        &[
            "agent_hub",
            "auth",
            "command_index",
            "error",
            "events",
            "instances",
            "run_queue",
            "run_to_completion",
            "script",
            "store",
            "vault",
            "work",
        ],
    ),
    // Use cases: every rule and every right.
    (
        "catalog",
        &[
            "agent_hub",
            "auth",
            "blocking",
            "connector_secrets",
            "error",
            "input",
            "openapi",
            "script",
            "services",
            "store",
            "type_schema",
            "vault",
        ],
    ),
    ("execute", &["agent_hub", "auth", "error", "events", "instances", "script", "services", "store", "vault", "work"]),
    ("commands", &["auth", "blocking", "command_index", "error", "execute", "services", "type_schema"]),
    (
        "runs",
        &[
            "auth",
            "blocking",
            "catalog",
            "error",
            "events",
            "execute",
            "input",
            "run_queue",
            "services",
            "store",
            "vault",
        ],
    ),
    ("tokens", &["auth", "error", "services", "store"]),
    ("about", &["auth", "catalog", "error", "services"]),
    ("sessions", &["auth", "error", "services", "store"]),
    ("drafts", &["auth", "blocking", "catalog", "error", "input", "plain_text", "services", "store", "vault"]),
    ("scaffold", &["auth", "blocking", "catalog", "error", "openapi", "plain_text", "services", "store"]),
    ("audit", &["auth", "error", "services", "store"]),
    ("status", &["auth", "error", "nats", "run_queue", "services", "store"]),
    ("keys", &["store", "vault"]),
    ("backup", &["data_lock", "store", "vault"]),
    ("check", &["store", "vault"]),
    ("config_document", &["catalog", "openapi"]),
    ("seed", &["catalog", "script", "store", "type_schema", "vault"]),
    // Wiring: start, stop, drive.
    ("background", &["agent_hub", "auth", "drafts", "services", "store", "vault"]),
    ("telemetry", &["script", "services"]),
    (
        "app",
        &[
            "run_queue",
            "runs",
            "agent_hub",
            "auth",
            "background",
            "catalog",
            "command_index",
            "data_lock",
            "events",
            "execute",
            "instances",
            "nats",
            "public_url",
            "script",
            "seed",
            "services",
            "status",
            "store",
            "vault",
            "work",
        ],
    ),
    ("listen", &["app"]),
    (
        "config",
        &[
            "background",
            "listen",
            "mcp_settings",
            "nats",
            "public_url",
            "run_queue",
            "script",
            "store",
            "telemetry",
            "work",
        ],
    ),
    // Doors: they read, call and show.
    (
        "api",
        &[
            "agent_hub",
            "app",
            "audit",
            "auth",
            "blocking",
            "catalog",
            "error",
            "execute",
            "input",
            "public_url",
            "runs",
            "services",
            "status",
            "store",
            "telemetry",
            "tokens",
            "work",
        ],
    ),
    (
        "ui",
        &[
            "about", "api", "app", "auth", "catalog", "drafts", "error", "events", "execute", "input", "runs",
            "services", "sessions", "status", "store", "tokens",
        ],
    ),
    (
        "mcp",
        &[
            "api",
            "app",
            "auth",
            "blocking",
            "catalog",
            "changes",
            "commands",
            "drafts",
            "error",
            "events",
            "execute",
            "input",
            "mcp_settings",
            "plain_text",
            "runs",
            "scaffold",
            "services",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "auth",
            "backup",
            "catalog",
            "check",
            "config",
            "config_document",
            "data_lock",
            "keys",
            "listen",
            "mcp",
            "openapi",
            "plain_text",
            "public_url",
            "runs",
            "script",
            "seed",
            "store",
            "telemetry",
            "ui",
            "vault",
            "work",
        ],
    ),
    ("main", &[]),
];

/// Rooms that may speak HTTP: the doors of REST and of the pages, and the socket under them.
const HTTP_ROOMS: &[&str] = &["api", "listen", "mcp", "ui"];
/// Crates whose names in a source mean that it speaks HTTP as a server.
const HTTP_CRATES: &[&str] = &["axum", "utoipa_axum"];

/// An import as it was found.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    from: String,
    to: String,
    file: String,
    line: usize,
}

/// Reads every source of `src/` that is not a test.
fn sources() -> Vec<(String, String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    let named = paths.into_iter().map(|path| {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let room = file.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        (room, file, path)
    });
    let is_test =
        |file: &str| file.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testing" | "testing.rs"));
    named
        .filter(|(room, file, _)| room != "lib" && !is_test(file))
        .map(|(room, file, path)| (room, file, fs::read_to_string(path).unwrap()))
        .collect()
}

/// Returns the lines of code with their numbers: no comments, no module of tests, and an import of several lines as one.
fn code(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).peekable();
    while let Some((number, line)) = lines.next() {
        let tests = line == "#[cfg(test)]" && lines.peek().is_some_and(|(_, next)| next.ends_with('{'));
        if tests {
            break;
        }
        if line.starts_with("//") {
            continue;
        }
        let mut code = line.to_owned();
        let is_import = line.starts_with("use ") || line.starts_with("pub use ") || line.starts_with("pub(crate) use ");
        while is_import && !code.ends_with(';') {
            let Some((_, next)) = lines.next() else { break };
            code.push_str(next);
        }
        found.push((number, code));
    }
    found
}

/// Returns the names that follow each `prefix` in a line, also several in braces.
fn names_after<'l>(line: &'l str, prefix: &str) -> impl Iterator<Item = &'l str> {
    line.match_indices(prefix).flat_map(move |(at, _)| {
        let before = line[..at].chars().next_back();
        let is_path = before.is_some_and(|character| character.is_alphanumeric() || matches!(character, '_' | ':'));
        let rest = &line[at + prefix.len()..];
        let list = rest.strip_prefix('{').map(|list| list.split('}').next().unwrap_or(list));
        list.unwrap_or(rest)
            .split(',')
            .take(if is_path {
                0
            } else if list.is_some() {
                usize::MAX
            } else {
                1
            })
            .map(|name| {
                let name = name.trim_start();
                &name[..name.find(|character: char| !is_name(character)).unwrap_or(name.len())]
            })
            .filter(|name| !name.is_empty() && *name != "self")
    })
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn imports(sources: &[(String, String, String)]) -> Vec<Import> {
    let mut found = Vec::new();
    for (room, file, text) in sources {
        for (line, code) in code(text) {
            for prefix in ["crate::", "server::"] {
                for to in names_after(&code, prefix).filter(|to| to != room) {
                    let (from, to, file) = (room.clone(), to.to_owned(), file.clone());
                    found.push(Import { from, to, file, line });
                }
            }
        }
    }
    found
}

#[test]
fn every_import_points_down() {
    let rows: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    assert_eq!(rows.len(), ROOMS.len(), "a room has two rows");
    let sources = sources();
    let mut faults = BTreeSet::new();
    for (room, ..) in &sources {
        if !rows.contains_key(room.as_str()) {
            faults.insert(format!("{room}: a new room; give it a row in ROOMS, above all that it imports"));
        }
    }
    let mut used = BTreeSet::new();
    for Import { from, to, file, line } in imports(&sources) {
        let Some(allowed) = rows.get(from.as_str()) else { continue };
        if allowed.contains(&to.as_str()) {
            used.insert((from, to));
        } else if rows.contains_key(to.as_str()) {
            faults.insert(format!(
                "src/{file}:{line}: {from} -> {to} is not allowed; hand in what is needed, or move it to a room below both"
            ));
        }
    }
    for (index, (room, allowed)) in ROOMS.iter().enumerate() {
        for to in *allowed {
            if !used.contains(&((*room).to_owned(), (*to).to_owned())) {
                faults.insert(format!("{room} -> {to} is allowed and nothing uses it; take it out of the row"));
            }
            let below = ROOMS[..index].iter().any(|(name, _)| name == to);
            if !below {
                faults.insert(format!("{room} -> {to} points up: {to} has its row above {room}'s floor"));
            }
        }
    }
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{} arrow(s) to mend:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn only_the_door_of_rest_speaks_http() {
    let mut faults = Vec::new();
    for (room, file, text) in sources() {
        if HTTP_ROOMS.contains(&room.as_str()) {
            continue;
        }
        for (line, code) in code(&text) {
            for name in HTTP_CRATES.iter().filter(|name| names_of_crates(&code).any(|found| found == **name)) {
                faults.push(format!("src/{file}:{line}: {room} names {name}; below the doors nothing knows HTTP"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns every name that a `::` follows and none precedes.
fn names_of_crates(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("::").filter_map(|(at, _)| {
        let before = &line[..at];
        let start = before.rfind(|character: char| !is_name(character)).map_or(0, |at| at + 1);
        Some(&before[start..]).filter(|name| !name.is_empty() && !before[..start].ends_with(':'))
    })
}

#[test]
fn the_reader_finds_what_it_should() {
    let text = "use crate::api::{Problem};\n// crate::app\nuse crate::{listen, telemetry};\n    let x = crate::store::now(); my_crate::no();\n#[cfg(test)]\nmod tests;\npub use crate::{\n    auth,\n    vault,\n};\n#[cfg(test)]\nmod tests {\n    use crate::cli;\n}";
    let sources = vec![("catalog".to_owned(), "catalog/x.rs".to_owned(), text.to_owned())];
    let found: Vec<(String, usize)> = imports(&sources).into_iter().map(|import| (import.to, import.line)).collect();
    assert_eq!(
        found,
        [
            ("api".to_owned(), 1),
            ("listen".to_owned(), 3),
            ("telemetry".to_owned(), 3),
            ("store".to_owned(), 4),
            ("auth".to_owned(), 7),
            ("vault".to_owned(), 7)
        ]
    );
    let crates: Vec<&str> = names_of_crates("use axum::http::StatusCode; a::b()").collect();
    assert_eq!(crates, ["axum", "a"]);
}
