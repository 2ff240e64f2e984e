//! Which manifests name an HTTP client: a crate that does not name one cannot send a request past the policy.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Crates that send HTTP requests whenever they are named.
const CLIENTS: &[&str] = &["attohttpc", "awc", "curl", "isahc", "minreq", "reqwest", "surf", "ureq"];
/// Crates that send HTTP requests with a feature whose name begins with `client`.
const ENGINES: &[&str] = &["hyper", "hyper-util"];
/// The manifests that may name one: the way out of connectors, and the client of our own REST API.
const ALLOWED: &[(&str, &[&str])] =
    &[("connector-runtime/egress", &["hyper", "hyper-util"]), ("server/client", &["reqwest"])];

fn manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && !["target", "src"].contains(&name) {
            manifests(&path, found);
        } else if name == "Cargo.toml" {
            found.push(path);
        }
    }
}

/// Returns the names of the HTTP clients in a table of dependencies.
fn clients(dependencies: Option<&Value>) -> Vec<String> {
    let Some(dependencies) = dependencies.and_then(Value::as_table) else { return Vec::new() };
    let is_client = |(name, how): &(&String, &Value)| {
        let package = how.get("package").and_then(Value::as_str).unwrap_or(name);
        let features = how.get("features").and_then(Value::as_array).into_iter().flatten();
        let mut features = features.filter_map(Value::as_str);
        CLIENTS.contains(&package)
            || (ENGINES.contains(&package) && features.any(|feature| feature.starts_with("client")))
    };
    dependencies.iter().filter(is_client).map(|(name, _)| name.clone()).collect()
}

#[test]
fn no_other_manifest_names_an_http_client() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut found = Vec::new();
    manifests(&root, &mut found);
    assert!(found.len() > 8, "{found:?}");
    let mut egress = Vec::new();
    for path in found {
        let folder = path.parent().unwrap().strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let manifest: Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        // What benches and tests compare with is not on the path of a call: `dev-dependencies` may name one.
        let mut named = clients(manifest.get("dependencies"));
        named.extend(clients(manifest.get("build-dependencies")));
        for target in manifest.get("target").and_then(Value::as_table).into_iter().flatten() {
            named.extend(clients(target.1.get("dependencies")));
        }
        // Features of the workspace reach every crate; a client that it only lists reaches none.
        let workspace = clients(manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")));
        named.extend(workspace.into_iter().filter(|name| ENGINES.contains(&name.as_str())));
        let allowed = ALLOWED.iter().find(|(known, _)| *known == folder).map_or(&[][..], |(_, names)| *names);
        if folder == "connector-runtime/egress" {
            egress.clone_from(&named);
        }
        named.retain(|name| !allowed.contains(&name.as_str()));
        assert!(
            named.is_empty(),
            "{folder}/Cargo.toml names {named:?}: send requests through connector-egress, whose policy judges them"
        );
    }
    assert_eq!(egress, ["hyper", "hyper-util"], "the check sees what it looks for");
}
