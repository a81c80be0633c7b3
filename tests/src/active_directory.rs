//! An Active Directory: Samba as the domain controller of `corp.example.test`, over LDAP and LDAPS.
//!
//! Its ports are those of every Active Directory, so it has an address of its own on loopback; and a second one, which is
//! not in its certificate.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::certificates::{Algorithm, Certified};
use crate::parts;
use crate::ports::Port;
use crate::process::{Process, Ran, run};

/// Making a domain takes five seconds, on a machine that is not busy.
const READY: Duration = Duration::from_mins(2);

/// Where the domain begins.
pub const SUFFIX: &str = "DC=corp,DC=example,DC=test";
/// What stands behind an account's name in its principal name.
pub const DOMAIN: &str = "corp.example.test";
/// The service account, and its password.
pub const READER: &str = "reader@corp.example.test";
pub const READER_PASSWORD: &str = "Reader.Secret1";

const ADMIN: &str = "administrator@corp.example.test";
const ADMIN_PASSWORD: &str = "Admin.Secret1";

const LDAP: u16 = 389;
const LDAPS: u16 = 636;

/// A running domain controller; it is stopped when dropped.
#[derive(Debug)]
pub struct ActiveDirectory {
    process: Option<Process>,
    address: Ipv4Addr,
    other: Ipv4Addr,
    certificate: Certified,
    folder: TempDir,
    /// Whose number the addresses have, so that nobody else has them.
    _port: Port,
}

impl ActiveDirectory {
    /// Makes a domain with these entries, in LDIF, and the reader. `password: …` in it is what the tool wants instead.
    #[track_caller]
    pub fn with(entries: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = Port::free();
        let [high, low] = port.number().to_be_bytes();
        let (address, other) = (Ipv4Addr::new(127, 100, high, low), Ipv4Addr::new(127, 101, high, low));
        let mut make = Command::new(parts::system("samba-tool"));
        make.args([
            "domain",
            "provision",
            "--server-role=dc",
            "--use-rfc2307",
            "--dns-backend=NONE",
        ])
        .args(["--realm", DOMAIN, "--domain=CORP", "--host-name=dc1"])
        .args(["--adminpass", ADMIN_PASSWORD, "--host-ip", &address.to_string()])
        // Nothing of it is to outlive the test.
        .args(["--option=ldb:nosync=yes", "--option=bind interfaces only=yes"])
        .arg(format!("--option=interfaces={address}/8 {other}/8"))
        .arg("--targetdir")
        .arg(folder.path());
        let _ = run(&make, READY).ok();
        fs::write(folder.path().join("reader.password"), READER_PASSWORD).expect("a file can be written");
        let names = format!("IP:{address},DNS:dc1.{DOMAIN}");
        let mut directory = Self {
            process: None,
            address,
            other,
            certificate: Certified::by_authority_for(Algorithm::Es256, &names),
            folder,
            _port: port,
        };
        directory.start_again();
        let reader = format!(
            "dn: CN=reader,CN=Users,{SUFFIX}\n{}",
            account("reader", READER_PASSWORD)
        );
        let _ = directory.apply(&format!("{reader}\n{entries}")).ok();
        directory
    }

    /// `ldap://address`.
    pub fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// `ldaps://address`.
    pub fn tls_url(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    /// The same by an address that is not in its certificate.
    pub fn misnamed_tls_url(&self) -> String {
        format!("ldaps://{}", self.other)
    }

    /// The authority that signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.certificate.root_file()
    }

    /// The file with the service account's password.
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("reader.password")
    }

    /// Adds entries, and changes those that say `changetype: modify`.
    #[track_caller]
    pub fn apply(&self, ldif: &str) -> Ran {
        let lines = ldif.lines().map(|line| match line.strip_prefix("password: ") {
            Some(password) => format!("unicodePwd:: {}\n", quoted(password)),
            None => format!("{line}\n"),
        });
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        fs::write(file.path(), lines.collect::<String>()).expect("a temporary file can be written");
        let mut apply = Command::new(parts::system("ldapmodify"));
        apply
            .args([
                "-a",
                "-x",
                "-H",
                &self.tls_url(),
                "-D",
                ADMIN,
                "-w",
                ADMIN_PASSWORD,
                "-f",
            ])
            .arg(file.path())
            .env("LDAPTLS_CACERT", self.authority());
        run(&apply, READY)
    }

    /// Ends it. What it knows stays.
    #[track_caller]
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM);
            process.wait_for_end(READY);
        }
    }

    /// Starts it again, at the same address.
    #[track_caller]
    pub fn start_again(&mut self) {
        let folder = self.folder.path();
        let mut command = Command::new(parts::system("samba"));
        command
            .args(["--foreground", "--no-process-group", "--debug-stdout", "--model=single"])
            .arg("--configfile")
            .arg(folder.join("etc/smb.conf"))
            .args(["--option=server services=ldap", "--option=tls enabled=yes"]);
        for (key, file) in [
            ("pid directory", folder.to_owned()),
            ("ncalrpc dir", folder.join("ncalrpc")),
            ("tls keyfile", self.certificate.key_file()),
            ("tls certfile", self.certificate.certificate_file()),
            ("tls cafile", self.certificate.root_file()),
        ] {
            command.arg(format!("--option={key}={}", file.display()));
        }
        let mut process = Process::start("samba", &command, folder);
        process.wait_until("listening", READY, || {
            let is_open = |port| TcpStream::connect((self.address, port)).is_ok();
            (is_open(LDAP) && is_open(LDAPS)).then_some(())
        });
        self.process = Some(process);
    }
}

/// The lines of an account behind its `dn`; who may not sign in has another `userAccountControl`.
pub fn account(name: &str, password: &str) -> String {
    format!(
        "objectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {name}@{DOMAIN}\npassword: {password}\n\
         userAccountControl: 512\n"
    )
}

/// A password as the attribute `unicodePwd` takes it: in quotes, in UTF-16, and in Base64 for LDIF.
fn quoted(password: &str) -> String {
    let units = format!("\"{password}\"");
    let bytes: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
    STANDARD.encode(bytes)
}
