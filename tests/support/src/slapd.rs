//! A throw-away OpenLDAP: its own configuration and data in a temporary folder, on free ports of loopback.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::certificates::Authority;
use crate::process::Process;
use crate::{skipped, until};

/// Where the tree begins.
pub const BASE: &str = "dc=example,dc=com";
/// An account that may read and write everything, whose unpaged searches end after 500 entries.
pub const ACCOUNT: &str = "cn=floh,dc=example,dc=com";
/// Its password.
pub const PASSWORD: &str = "canary-bind-password";

const PLACES: [&str; 2] = ["/usr/sbin/slapd", "/usr/libexec/slapd"];
const MODULES: [&str; 2] = ["/usr/lib/ldap", "/usr/libexec/openldap"];
const SCHEMAS: [&str; 2] = ["/etc/ldap/schema", "/etc/openldap/schema"];

/// What every directory of a test holds.
const TREE: &str = "\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=floh,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: floh
userPassword: canary-bind-password

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=alumni,dc=example,dc=com
objectClass: organizationalUnit
ou: alumni

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: ou=policies,dc=example,dc=com
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,dc=example,dc=com
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdMinLength: 8
pwdCheckQuality: 2
pwdLockout: TRUE
pwdMaxFailure: 3
pwdMustChange: TRUE
pwdAllowUserChange: TRUE
";

/// A running OpenLDAP.
#[derive(Debug)]
pub struct Slapd {
    process: Process,
    port: u16,
    tls_port: u16,
    authority: PathBuf,
    _home: TempDir,
}

impl Slapd {
    /// Starts one that also holds the entries of an LDIF text, or returns `None` after saying in one line why there is
    /// none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and no OpenLDAP is found, and when one is found and does not start.
    pub async fn start(ldif: &str) -> Option<Self> {
        let found = |places: &[&str]| places.iter().map(PathBuf::from).find(|place| place.exists());
        let (Some(program), Some(modules), Some(schemas)) = (found(&PLACES), found(&MODULES), found(&SCHEMAS)) else {
            skipped("no OpenLDAP server was found (slapd; on Debian the package slapd)");
            return None;
        };
        let home = tempfile::Builder::new().prefix("floh-slapd-").tempdir().expect("a temporary folder");
        let authority = Authority::new();
        let (certificate, key) = authority.client(&["127.0.0.1", "ldap.test"]);
        let ca = authority.write(home.path());
        fs::write(home.path().join("cert.pem"), certificate).unwrap();
        fs::write(home.path().join("key.pem"), key).unwrap();
        fs::create_dir(home.path().join("db")).unwrap();
        fs::write(home.path().join("slapd.conf"), configuration(home.path(), &modules, &schemas)).unwrap();
        fs::write(home.path().join("tree.ldif"), format!("{TREE}\n{ldif}")).unwrap();
        let added = Command::new(&program)
            .args(["-T", "add", "-q", "-f"])
            .arg(home.path().join("slapd.conf"))
            .arg("-l")
            .arg(home.path().join("tree.ldif"))
            .output()
            .expect("slapd runs");
        assert!(added.status.success(), "slapadd: {}", String::from_utf8_lossy(&added.stderr));
        // Another program may take a free port before slapd has it.
        for _ in 0..5 {
            let (port, tls_port) = (free_port(), free_port());
            let mut command = Command::new(&program);
            command.arg("-f").arg(home.path().join("slapd.conf"));
            command.args(["-h", &format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"), "-d", "0"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut process = Process::spawn(&mut command, home.path(), |_| {});
            let answers = |port: u16| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            let mut is_up = || process.has_ended() || (answers(port) && answers(tls_port));
            until("slapd to listen or to end", &mut is_up).await;
            if !process.has_ended() {
                return Some(Self { process, port, tls_port, authority: ca, _home: home });
            }
        }
        panic!("slapd did not start");
    }

    /// Returns the port of ldap://, where StartTLS works too.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the port of ldaps://.
    pub const fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Returns the certificate of the authority that signed the server's, as PEM.
    ///
    /// # Panics
    /// When its file is gone.
    pub fn authority(&self) -> String {
        fs::read_to_string(&self.authority).unwrap()
    }

    /// Returns its process, to stop and to kill it.
    pub const fn process(&self) -> &Process {
        &self.process
    }
}

fn configuration(home: &Path, modules: &Path, schemas: &Path) -> String {
    let mut text = String::new();
    for schema in ["core", "cosine", "inetorgperson", "nis", "namedobject"] {
        writeln!(text, "include {}/{schema}.schema", schemas.display()).unwrap();
    }
    let home = home.display();
    write!(
        text,
        "modulepath {}
moduleload back_mdb
moduleload ppolicy
pidfile {home}/pid
TLSCACertificateFile {home}/ca.pem
TLSCertificateFile {home}/cert.pem
TLSCertificateKeyFile {home}/key.pem
sizelimit 500
database mdb
suffix \"{BASE}\"
rootdn \"cn=admin,{BASE}\"
rootpw canary-admin-password
directory {home}/db
maxsize 1073741824
dbnosync
index objectClass,uid,member eq
limits dn.exact=\"{ACCOUNT}\" size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by dn.exact=\"{ACCOUNT}\" write by self write by anonymous auth by * none
access to * by dn.exact=\"{ACCOUNT}\" manage by users read by * none
overlay ppolicy
ppolicy_default \"cn=default,ou=policies,{BASE}\"
ppolicy_use_lockout
",
        modules.display()
    )
    .unwrap();
    text
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
