//! Real and hostile documents, where they exist: compile with `FLOH_OAS_CASES` naming a folder with
//! `dev/manifest.json` and `malformed/manifest.json`. `FLOH_OAS_DUMP` names a file for the answers in the
//! neutral form, one line each, for a comparison with another importer.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use connector_runtime::schema::ConfigSchema;
use connector_runtime::version::diff;
use floh_client::answers::ConnectorDraft;
use serde_json::{Map, Value, json};
use server::openapi::{ImportError, Options, import, script_schemes, script_table};

/// What a document may take, in a build without optimisation.
const MOST: Duration = Duration::from_secs(60);

fn documents(folder: &str, set: &str) -> Vec<Value> {
    let manifest = std::fs::read_to_string(Path::new(folder).join(set).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest["documents"].as_array().unwrap().clone()
}

fn answer(file: &str, imported: &Result<ConnectorDraft, ImportError>) -> Value {
    let draft = match imported {
        Ok(draft) => draft,
        Err(error) => {
            let error = json!({ "code": error.code, "message": error.message });
            return json!({ "file": file, "operations": [], "config": [], "error": error });
        }
    };
    let table = script_table(&draft.script_source).unwrap();
    let operations: Vec<Value> = draft
        .operations
        .iter()
        .map(|operation| {
            let entry = &table[&operation.name];
            let mut required: Map<String, Value> =
                ["path", "query", "header", "cookie"].iter().map(|place| ((*place).to_owned(), json!([]))).collect();
            for param in entry.params.iter().filter(|param| param.required) {
                required[&param.location].as_array_mut().unwrap().push(json!(param.name));
            }
            let body = entry.body.as_ref().is_some_and(|body| body.required);
            json!({ "method": operation.method, "path": operation.path, "command": operation.name,
                "required": required, "bodyRequired": body })
        })
        .collect();
    let config: Vec<Value> = draft
        .config_schema
        .connection
        .iter()
        .map(|(name, field)| json!({ "name": name, "secret": field.secret }))
        .collect();
    json!({ "file": file, "operations": operations, "config": config, "error": null })
}

/// Imports a document again over what is stored of it, and answers what changes: nothing may.
fn imported_again(bytes: &[u8], draft: &ConnectorDraft, stored: &ConfigSchema) -> Option<String> {
    let known = stored.commands.iter().filter_map(|(name, command)| Some((command.source.clone()?, name.clone())));
    let options = Options {
        name: Some(draft.name.clone()),
        known: known.collect(),
        schemes: script_schemes(&draft.script_source),
        ..Options::default()
    };
    let again = import(bytes, &options).unwrap();
    let changes = diff(stored, &again.config_schema);
    if changes.is_empty() && again.script_source == draft.script_source {
        return None;
    }
    Some(format!("changes when it is imported again: {:?}", changes.items.iter().take(3).collect::<Vec<_>>()))
}

/// Imports every document of a set and answers what is wrong.
fn judge(folder: &str, set: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut dump = String::new();
    for document in documents(folder, set) {
        let file = document["file"].as_str().unwrap();
        let bytes = std::fs::read(Path::new(folder).join(set).join(file)).unwrap();
        let began = Instant::now();
        let imported = import(&bytes, &Options::default());
        let took = began.elapsed();
        if took > MOST {
            wrong.push(format!("{file}: took {took:?}"));
        }
        let found = answer(file, &imported);
        writeln!(dump, "{found}").unwrap();
        let expected = document["code"].as_str().unwrap_or("none");
        let told = match &imported {
            Err(error) => error.code == expected,
            Ok(draft) => {
                matches!(expected, "none" | "many" | "ref_chain")
                    || document["expect"] == "reject_or_import"
                    || draft.warnings.iter().any(|warning| warning.code == expected)
            }
        };
        if !told {
            wrong.push(format!("{file}: {:?}, expected {expected}", imported.as_ref().map(|draft| &draft.warnings)));
        }
        let refused = imported.is_err();
        if document["expect"] == "reject" && !refused || document["expect"] == "import" && refused {
            wrong.push(format!("{file}: {:?}", imported.as_ref().err()));
        }
        let Ok(draft) = imported else { continue };
        if let Some(commands) = document["commands"].as_u64()
            && draft.operations.len() as u64 != commands
        {
            wrong.push(format!("{file}: {} commands of {commands}", draft.operations.len()));
        }
        if let Some(required) = document["required"].as_object() {
            let mut counts: BTreeMap<&str, u64> = required.keys().map(|place| (place.as_str(), 0)).collect();
            for operation in found["operations"].as_array().unwrap() {
                for (place, names) in operation["required"].as_object().unwrap() {
                    *counts.get_mut(place.as_str()).unwrap() += names.as_array().unwrap().len() as u64;
                }
                *counts.get_mut("body").unwrap() += u64::from(operation["bodyRequired"] == true);
            }
            let expected: BTreeMap<&str, u64> =
                required.iter().map(|(place, count)| (place.as_str(), count.as_u64().unwrap())).collect();
            if counts != expected {
                wrong.push(format!("{file}: required {counts:?}, expected {expected:?}"));
            }
        }
        let schema = draft.config_schema.to_value();
        // Ten thousands of commands take their time to be read back; they are all alike.
        if draft.operations.len() < 5000 {
            match ConfigSchema::parse(&schema) {
                Ok(parsed) => {
                    assert_eq!(parsed.commands.len(), draft.operations.len());
                    wrong.extend(imported_again(&bytes, &draft, &parsed).map(|why| format!("{file}: {why}")));
                }
                Err(error) => {
                    wrong.push(format!("{file}: {}", error.to_string().chars().take(1000).collect::<String>()));
                }
            }
        }
        assert_eq!(import(&bytes, &Options::default()).unwrap().script_source, draft.script_source, "{file}");
        println!("{file}: {took:?}, {} bytes of script", draft.script_source.len());
    }
    if let Some(path) = option_env!("FLOH_OAS_DUMP") {
        std::fs::write(format!("{path}.{set}"), dump).unwrap();
    }
    wrong
}

#[test]
fn every_real_document() {
    let Some(folder) = option_env!("FLOH_OAS_CASES") else {
        println!("skipped: the documents of a folder, as FLOH_OAS_CASES named none when this was compiled");
        return;
    };
    let wrong = judge(folder, "dev");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_malformed_document() {
    let Some(folder) = option_env!("FLOH_OAS_CASES") else {
        println!("skipped: the documents of a folder, as FLOH_OAS_CASES named none when this was compiled");
        return;
    };
    let wrong = judge(folder, "malformed");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
