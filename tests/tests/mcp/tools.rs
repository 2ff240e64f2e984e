//! The clients that `.ci/mcp-clients/get` puts under the target folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use test_support::process::{Exit, Process, blocking, command};
use test_support::skipped;

/// Where the clients are.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Finds them; `None` after one line that says that they are not there.
    pub(crate) fn find() -> Option<Self> {
        // target/<profile>/deps/<this test>
        let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("mcp-clients");
        if !folder.join("installed").exists() {
            skipped("the clients of /mcp are not there (.ci/mcp-clients/get gets them from npm and PyPI)");
            return None;
        }
        Some(Self { folder })
    }

    /// Prepares a script of a package of npm, or of ours, for the node that the packages need.
    pub(crate) fn node(&self, script: &Path, home: &Path) -> Command {
        let mut node = command(&self.folder.join("node_modules/.node"), &self.env(home), home);
        node.arg(if script.is_absolute() { script.to_owned() } else { self.folder.join("node_modules").join(script) });
        node
    }

    /// Prepares a Python script of ours.
    pub(crate) fn python(&self, script: &Path, home: &Path) -> Command {
        let mut python = command(&self.folder.join("python/bin/python"), &self.env(home), home);
        python.arg(script);
        python
    }

    fn env(&self, home: &Path) -> BTreeMap<String, String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        BTreeMap::from([
            ("HOME".to_owned(), text(home)),
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("MCP_CLIENTS".to_owned(), text(&self.folder)),
        ])
    }

    /// Runs a script of a package of npm until it ends.
    pub(crate) async fn run_node(&self, script: &str, args: &[&str]) -> Exit {
        let home = TempDir::new().unwrap();
        let mut node = self.node(Path::new(script), home.path());
        node.args(args);
        blocking(move || Process::spawn(&mut node, home.path(), |_| {}).finish("")).await
    }
}

/// Returns a script of this folder.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/clients").join(name)
}
