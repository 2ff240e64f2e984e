//! Names, module lines and what is refused, in temporary folders.

use std::fs;

use tempfile::TempDir;

use super::*;

fn crate_with(modules: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), modules).unwrap();
    folder
}

fn scaffold(folder: &TempDir, name: &str, description: Option<&str>, force: bool) -> Result<(), String> {
    let (description, dir) = (description.map(str::to_owned), folder.path().to_owned());
    match run(&NewConnectorArgs { name: name.to_owned(), description, force, dir }) {
        Ok(_) => Ok(()),
        Err(CliError::Usage(text)) => Err(text),
        Err(CliError::Failed(text)) => panic!("{text}"),
    }
}

fn files(folder: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder.path()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

fn read(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).unwrap()
}

#[test]
fn a_connector_and_its_lock_and_its_module_are_written() {
    let folder = crate_with("//! Connectors.\n\npub mod delay;\npub mod http;\n\npub fn link() {}\n");
    scaffold(&folder, "acme-crm", None, false).unwrap();
    assert_eq!(files(&folder), ["schema.lock/acme-crm.lock", "src/acme_crm.rs", "src/lib.rs"]);
    let code = read(&folder, "src/acme_crm.rs");
    assert!(code.starts_with("//! Connects Acme Crm to workflows.\n"), "{code}");
    assert!(code.contains("name = \"acme-crm\"") && code.contains("pub struct AcmeCrm {"), "{code}");
    assert!(!code.contains("{{"), "{code}");
    let modules = read(&folder, "src/lib.rs");
    assert!(modules.contains("\n\npub mod acme_crm;\npub mod delay;\npub mod http;\n"), "{modules}");

    let again = scaffold(&folder, "acme-crm", Some("Other words."), false).unwrap_err();
    assert!(again.contains("acme_crm.rs is there already; --force overwrites it"), "{again}");
    assert_eq!((read(&folder, "src/acme_crm.rs"), read(&folder, "src/lib.rs")), (code, modules.clone()));

    scaffold(&folder, "acme-crm", Some("  Other words. "), true).unwrap();
    assert!(read(&folder, "src/acme_crm.rs").contains("\n/// Other words.\n#[connector("));
    assert_eq!(read(&folder, "src/lib.rs"), modules);
}

#[test]
fn what_is_next_fits_the_crate() {
    let own = next_commands(Path::new("connectors"), "acme");
    assert_eq!((own.test.as_str(), own.lock), ("cargo test -p connectors acme", "cargo lock"));
    let other = next_commands(Path::new("../mine"), "acme");
    let wanted = ("cargo test --manifest-path ../mine/Cargo.toml acme", "CONNECTOR_LOCK=off cargo run -- lock");
    assert_eq!((other.test.as_str(), other.lock), wanted);
}

#[test]
fn the_module_stands_in_order() {
    for (before, module, after) in [
        ("", "a", "pub mod a;\n"),
        ("//! Head", "a", "//! Head\npub mod a;\n"),
        ("pub mod b;\n", "a", "pub mod a;\npub mod b;\n"),
        ("pub mod a;\n#[cfg(unix)]\npub mod c;\n", "b", "pub mod a;\npub mod b;\n#[cfg(unix)]\npub mod c;\n"),
        ("pub mod http;\nmod own;\n", "http2", "pub mod http;\npub mod http2;\nmod own;\n"),
        ("pub mod a_b;\n", "a", "pub mod a;\npub mod a_b;\n"),
    ] {
        assert_eq!(with_module(before, module).unwrap(), after);
        assert_eq!(with_module(after, module), None);
    }
}

#[test]
fn names_that_cannot_be_are_refused_before_anything_is_written() {
    let folder = crate_with("");
    let long = "a".repeat(64);
    for (name, text) in [
        ("", "kebab-case"),
        ("AcmeCrm", "kebab-case"),
        ("acme_crm", "kebab-case"),
        ("acme--crm", "kebab-case"),
        ("-acme", "kebab-case"),
        ("acme-", "kebab-case"),
        ("../evil", "kebab-case"),
        ("b\u{fc}ro", "kebab-case"),
        (&long, "63 characters"),
        ("agents", "REST"),
        ("parse-oas", "REST"),
        ("01a206e0-aa2d-7385-837e-26f0e3f5c870", "REST"),
        ("3scale", "begins with a letter"),
        ("type", "word of the language"),
        ("lib", "word of the language"),
    ] {
        let error = scaffold(&folder, name, None, true).unwrap_err();
        assert!(error.contains(text), "{name}: {error}");
    }
    for text in ["", "  ", "two\nlines", "a\0b"] {
        assert!(scaffold(&folder, "fine", Some(text), false).unwrap_err().contains("one line"), "{text:?}");
    }
    assert_eq!(files(&folder), ["src/lib.rs"]);
    let nowhere = TempDir::new().unwrap();
    assert!(scaffold(&nowhere, "fine", None, false).unwrap_err().contains("--dir"));
    assert_eq!(files(&nowhere), [""; 0]);
}

#[test]
fn a_struct_hides_no_type_of_its_own_code() {
    assert_eq!(struct_name("acme-crm"), "AcmeCrm");
    assert_eq!(struct_name("url"), "UrlConnector");
    assert_eq!(struct_name("sap4-hana"), "Sap4Hana");
    assert!(TAKEN.is_sorted() && KEYWORDS.is_sorted());
}

#[test]
fn a_module_that_would_hide_a_crate_is_refused() {
    let folder = crate_with("//! Connectors.\n");
    let manifest = "[package]\nname = \"connectors\"\n\n[dependencies]\nconnector-runtime.workspace = true\n# ldap = \"1\"\n\
        tokio = { version = \"1\" }\n[target.'cfg(unix)'.dev-dependencies]\n\"mail-parser\" = \"1\"\n[dependencies.wasm]\n\
        path = \"../wasm\"\n[lints]\nworkspace = true\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    let taken =
        ["std", "core", "alloc", "proc-macro", "test", "self", "tokio", "connector-runtime", "mail-parser", "wasm"];
    for name in taken {
        let refused = scaffold(&folder, name, None, true).unwrap_err();
        assert!(refused.contains(&format!("`{name}` cannot name a connector: it becomes a Rust module")), "{refused}");
    }
    assert_eq!(files(&folder), ["Cargo.toml", "src/lib.rs"], "nothing was written");
    for name in ["ldap", "workspace", "std-out", "tokio-console", "path"] {
        scaffold(&folder, name, None, false).unwrap();
    }
}
