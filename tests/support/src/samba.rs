//! A throw-away Active Directory: Samba as a domain controller, in a temporary folder, on an address of loopback that
//! nobody else has, because its ports are fixed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::certificates::Authority;
use crate::process::Process;
use crate::{skipped, until};

/// Where the tree begins.
pub const BASE: &str = "DC=ad,DC=test";
/// The account that may do everything.
pub const ACCOUNT: &str = "administrator@ad.test";
/// Its password.
pub const PASSWORD: &str = "Canary-Admin-1";

/// A running domain controller.
#[derive(Debug)]
pub struct Samba {
    _process: Process,
    address: String,
    authority: String,
    _home: TempDir,
}

impl Samba {
    /// Makes a domain that also holds the entries of an LDIF text and starts it, which takes about 15 seconds. Returns
    /// `None` after saying in one line why there is none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and no Samba is found, and when one is found and does not start.
    pub async fn start(ldif: &str) -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
        if !["samba", "samba-tool", "ldbadd"].into_iter().all(is_there) {
            skipped(
                "no Samba domain controller was found (on Debian the packages samba, samba-ad-provision, \
                 samba-dsdb-modules, samba-vfs-modules, python3-samba and ldb-tools)",
            );
            return None;
        }
        let home = tempfile::Builder::new().prefix("floh-samba-").tempdir().expect("a temporary folder");
        if fs::metadata(home.path()).unwrap().uid() != 0 {
            skipped("a Samba domain controller needs root, because its ports are below 1024");
            return None;
        }
        // All of 127/8 is loopback. Tests that run at the same time are processes of their own.
        let [high, low] = u16::try_from(std::process::id() & 0xffff).unwrap().to_be_bytes();
        let address = format!("127.83.{high}.{}", low.max(1));
        let domain = home.path().join("d");
        let provision = Command::new("samba-tool")
            .args(["domain", "provision", "--realm=AD.TEST", "--domain=AD", "--server-role=dc", "--dns-backend=NONE"])
            .arg(format!("--adminpass={PASSWORD}"))
            .arg(format!("--targetdir={}", domain.display()))
            .arg(format!("--host-ip={address}"))
            .arg(format!("--option=interfaces={address}/8"))
            .arg("--option=bind interfaces only=yes")
            .output()
            .expect("samba-tool runs");
        assert!(provision.status.success(), "samba-tool: {}", String::from_utf8_lossy(&provision.stderr));
        let authority = Authority::new();
        let (certificate, key) = authority.client(&[&address]);
        let ca = authority.write(home.path());
        fs::write(home.path().join("cert.pem"), certificate).unwrap();
        write_key(&home.path().join("key.pem"), &key);
        configure(home.path(), &domain);
        fs::write(home.path().join("more.ldif"), ldif).unwrap();
        if !ldif.is_empty() {
            let added = Command::new("ldbadd")
                .arg("-H")
                .arg(domain.join("private/sam.ldb"))
                .arg(home.path().join("more.ldif"))
                .output()
                .expect("ldbadd runs");
            assert!(added.status.success(), "ldbadd: {}", String::from_utf8_lossy(&added.stderr));
        }
        let mut command = Command::new("samba");
        command.args(["-i", "-M", "single", "-s"]).arg(domain.join("etc/smb.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(&mut command, home.path(), |_| {});
        let place = (address.clone(), 636);
        let answers = || std::net::TcpStream::connect((place.0.as_str(), place.1)).is_ok();
        until("Samba to listen or to end", || answers() || process.has_ended()).await;
        assert!(!process.has_ended(), "Samba did not start: {}", process.text());
        let authority = fs::read_to_string(ca).unwrap();
        Some(Self { _process: process, address, authority, _home: home })
    }

    /// Returns its address. Its ports are 389 and 636.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the certificate of the authority that signed the server's, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn write_key(path: &Path, key: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(key.as_bytes()).unwrap();
}

/// Leaves it the one service that is tested, and writes everything into its folder.
fn configure(home: &Path, domain: &Path) {
    let path: PathBuf = domain.join("etc/smb.conf");
    let made = fs::read_to_string(&path).unwrap();
    let kept = made.lines().filter(|line| {
        let name = line.split('=').next().unwrap_or_default().trim();
        !matches!(name, "server services" | "log file")
    });
    let (home, domain) = (home.display(), domain.display());
    let own = format!(
        "\tserver services = ldap\n\tldap server require strong auth = no\n\tpid directory = {domain}\n\
         \tlog file = {domain}/log\n\ttls certfile = {home}/cert.pem\n\ttls keyfile = {home}/key.pem\n\
         \ttls cafile = {home}/ca.pem"
    );
    let lines: Vec<String> =
        kept.map(|line| if line.trim() == "[global]" { format!("{line}\n{own}") } else { line.to_owned() }).collect();
    fs::write(&path, lines.join("\n")).unwrap();
}
