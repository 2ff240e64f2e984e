//! The mail servers of the tests, as programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use test_support::certificates::Authority;
use test_support::process::Process;
use test_support::{eventually, skipped};

/// Which mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In Python.
    Aiosmtpd,
    /// In JavaScript.
    Nodemailer,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Aiosmtpd, Kind::Nodemailer];

/// A running mail server.
pub(crate) struct Server {
    _process: Process,
    port: u16,
    authority: String,
    told: Arc<Mutex<Vec<Value>>>,
    _home: TempDir,
}

impl Server {
    /// Starts one that is encrypted in this way (`starttls`, `tls` or `none`), or returns `None` after saying in one line why
    /// there is none.
    pub(crate) async fn start(kind: Kind, security: &str) -> Option<Self> {
        let folder = installed();
        let parts = ["python", "node_modules"].map(|part| folder.join(part));
        if !parts.iter().all(|part| part.exists()) {
            skipped("the mail servers of the tests are not installed (.ci/mail-servers/get)");
            return None;
        }
        let home = tempfile::Builder::new().prefix("floh-smtp-").tempdir().unwrap();
        let authority = Authority::new();
        let (certificate, key) = authority.client(&["127.0.0.1"]);
        let pem = std::fs::read_to_string(authority.write(home.path())).unwrap();
        let [certificate_file, key_file] = [("cert.pem", certificate), ("key.pem", key)].map(|(name, text)| {
            let path = home.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp");
        let mut command = match kind {
            Kind::Aiosmtpd => {
                let mut command = Command::new("python3");
                command.arg(scripts.join("server.py")).env("PYTHONPATH", folder.join("python"));
                command
            }
            Kind::Nodemailer => {
                let mut command = Command::new("node");
                command.arg(scripts.join("server.js")).env("NODE_PATH", folder.join("node_modules"));
                command
            }
        };
        command.arg(security).arg(certificate_file).arg(key_file);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let seen = Arc::clone(&told);
        let mut process = Process::spawn(&mut command, home.path(), move |line| {
            seen.lock().unwrap().push(serde_json::from_str(line).unwrap());
        });
        let port = eventually("the port of a mail server", || {
            assert!(!process.has_ended(), "the mail server ended: {}", process.text());
            let port = told.lock().unwrap().first().and_then(|first| first["port"].as_u64());
            std::future::ready(port)
        });
        let port = u16::try_from(port.await).unwrap();
        Some(Self { _process: process, port, authority: pem, told, _home: home })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the mails that came, as the server read them, with their content as text.
    pub(crate) async fn mails(&self, count: usize) -> Vec<Value> {
        let mails = || {
            let told = self.told.lock().unwrap();
            let mails: Vec<Value> = told.iter().filter(|one| one["sender"].is_string()).cloned().collect();
            std::future::ready((mails.len() >= count).then_some(mails))
        };
        let mut mails = eventually("mails", mails).await;
        for mail in &mut mails {
            let content = BASE64_STANDARD.decode(mail["content"].as_str().unwrap()).unwrap();
            mail["content"] = String::from_utf8(content).unwrap().into();
        }
        mails
    }
}

/// The folder into which `.ci/mail-servers/get` puts them: beside what this test was built into.
fn installed() -> PathBuf {
    let built = std::env::current_exe().unwrap();
    let target = built.ancestors().find(|folder| folder.join("mail-servers").exists());
    target.map_or_else(|| PathBuf::from("mail-servers"), |target| target.join("mail-servers"))
}
