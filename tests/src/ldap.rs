//! A directory: `slapd` with a few people and groups, over plain LDAP, `StartTLS` and LDAPS.
//!
//! `cn=reader` may look everybody up, everybody may see what is below `ou=open`, and who is below `ou=people` only
//! themselves.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::certificates::{Algorithm, Certified};
use crate::parts;
use crate::ports::Port;
use crate::process::{Process, run};

const READY: Duration = Duration::from_secs(30);

/// Where the directory begins.
pub const SUFFIX: &str = "dc=corp,dc=example";
/// The service account, and its password.
pub const READER: &str = "cn=reader,dc=corp,dc=example";
pub const READER_PASSWORD: &str = "reader-secret";

/// Connections, operations and results.
const LOGGED: &str = "stats";
const QUIET: &str = "none";

const ADMIN: &str = "cn=admin,dc=corp,dc=example";
const ADMIN_PASSWORD: &str = "admin-secret";

/// A running `slapd`; it is stopped when dropped.
#[derive(Debug)]
pub struct Slapd {
    process: Process,
    plain: Port,
    tls: Port,
    certificate: Certified,
    folder: TempDir,
    logged: &'static str,
}

impl Slapd {
    /// Starts one with these entries, in LDIF, below what it always has: the suffix, the reader, `ou=people`, `ou=open` and
    /// `ou=groups`.
    #[track_caller]
    pub fn with(entries: &str) -> Self {
        Self::set_up(entries, LOGGED)
    }

    /// The same, which logs nothing: for benches, since it logs each operation otherwise.
    #[track_caller]
    pub fn quiet_with(entries: &str) -> Self {
        Self::set_up(entries, QUIET)
    }

    #[track_caller]
    fn set_up(entries: &str, logged: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let certificate = Certified::by_authority(Algorithm::Es256);
        let path = folder.path();
        fs::create_dir(path.join("database")).expect("a folder in a temporary folder can be made");
        let write = |name: &str, text: &str| {
            fs::write(path.join(name), text).expect("a file in a temporary folder can be written");
        };
        write("slapd.conf", &configuration(path, &certificate));
        write("reader.password", &format!("{READER_PASSWORD}\n"));
        write("entries.ldif", &format!("{}{entries}", below_suffix()));
        let (plain, tls) = (Port::free(), Port::free());
        let process = launch(path, &plain, &tls, logged);
        let mut slapd = Self {
            process,
            plain,
            tls,
            certificate,
            folder,
            logged,
        };
        slapd.wait();
        let mut add = Command::new(parts::system("ldapadd"));
        add.args(["-x", "-M", "-H", &slapd.url(), "-D", ADMIN, "-w", ADMIN_PASSWORD, "-f"]);
        add.arg(slapd.folder.path().join("entries.ldif"));
        let _ = run(&add, READY).ok();
        slapd
    }

    /// `ldap://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.plain)
    }

    /// `ldaps://127.0.0.1:port`.
    pub fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls)
    }

    /// Where TLS begins with the first byte.
    pub fn tls_port(&self) -> u16 {
        self.tls.number()
    }

    /// The authority that signed its certificate, which is for 127.0.0.1.
    pub fn authority(&self) -> PathBuf {
        self.certificate.root_file()
    }

    /// The file with the service account's password.
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("reader.password")
    }

    /// Of the server, for the kernel.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it. What it knows stays.
    #[track_caller]
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait_for_end(READY);
    }

    /// Starts it again, on the same ports.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.process = launch(self.folder.path(), &self.plain, &self.tls, self.logged);
        self.wait();
    }

    /// It hangs: its connections stay open, and new ones are taken by the kernel.
    #[track_caller]
    pub fn hang(&self) {
        self.process.hang();
    }

    /// Ends [`Self::hang`].
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// What it has logged since it was started, an operation a line.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    #[track_caller]
    fn wait(&mut self) {
        let ports = [self.plain.number(), self.tls.number()];
        self.process.wait_until("listening", READY, || {
            let are_open = ports
                .iter()
                .all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok());
            are_open.then_some(())
        });
    }
}

#[track_caller]
fn launch(folder: &Path, plain: &Port, tls: &Port, logged: &str) -> Process {
    let mut command = Command::new(parts::system("slapd"));
    let urls = format!("ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls}");
    // `-d` keeps it in the foreground, too.
    command
        .args(["-d", logged, "-h", &urls, "-f"])
        .arg(folder.join("slapd.conf"));
    Process::start("slapd", &command, folder)
}

fn configuration(folder: &Path, certificate: &Certified) -> String {
    let file = |path: PathBuf| format!("\"{}\"", path.display());
    let (key, own, root) = (
        file(certificate.key_file()),
        file(certificate.certificate_file()),
        file(certificate.root_file()),
    );
    let database = file(folder.join("database"));
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         moduleload memberof\n\
         TLSCACertificateFile {root}\n\
         TLSCertificateFile {own}\n\
         TLSCertificateKeyFile {key}\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to dn.base=\"\" by * read\n\
         access to dn.subtree=\"ou=open,{SUFFIX}\" by * read\n\
         access to dn.base=\"ou=people,{SUFFIX}\" by dn.exact=\"{READER}\" read by users search by * none\n\
         access to * by dn.exact=\"{READER}\" read by self read by anonymous auth by * none\n\
         database mdb\n\
         maxsize 16777216\n\
         suffix \"{SUFFIX}\"\n\
         rootdn \"{ADMIN}\"\n\
         rootpw {ADMIN_PASSWORD}\n\
         directory {database}\n\
         overlay memberof\n"
    )
}

fn below_suffix() -> String {
    let units = ["people", "open", "groups"]
        .map(|unit| format!("dn: ou={unit},{SUFFIX}\nobjectClass: organizationalUnit\nou: {unit}\n\n"));
    format!(
        "dn: {SUFFIX}\nobjectClass: domain\ndc: corp\n\n\
         dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\n\
         userPassword: {READER_PASSWORD}\n\n{}",
        units.concat()
    )
}
