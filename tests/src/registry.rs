//! A real registry that takes tokens, as its operator configures it: `auth.token` and a folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tempfile::TempDir;

use crate::http;
pub use crate::parts::RegistryRelease;
use crate::ports::Port;
use crate::process::Process;

const READY: Duration = Duration::from_secs(30);

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    port: Port,
    _folder: TempDir,
}

/// A registry to be started. Its port is known before, because Envoy's configuration needs it.
#[derive(Debug)]
pub struct Setup {
    release: RegistryRelease,
    port: Port,
    realm: String,
    service: String,
    issuer: String,
    root: Option<PathBuf>,
    jwks: Option<PathBuf>,
    storage: Option<PathBuf>,
    open: bool,
    auth: Option<String>,
}

impl Registry {
    /// Sets up one of `release`, which expects tokens of the issuer `registry-auth` for the service `registry`.
    #[track_caller]
    pub fn of(release: RegistryRelease) -> Setup {
        Setup {
            release,
            port: Port::free(),
            realm: String::new(),
            service: "registry".to_owned(),
            issuer: "registry-auth".to_owned(),
            root: None,
            jwks: None,
            storage: None,
            open: false,
            auth: None,
        }
    }

    #[track_caller]
    pub fn v2_8() -> Setup {
        Self::of(RegistryRelease::V2_8)
    }

    #[track_caller]
    pub fn v3_0() -> Setup {
        Self::of(RegistryRelease::V3_0)
    }

    #[track_caller]
    pub fn v3_1() -> Setup {
        Self::of(RegistryRelease::V3_1)
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `127.0.0.1:port`, the registry without Envoy before it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.has_ended()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl Setup {
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The address clients are sent to for a token.
    #[must_use]
    pub fn realm(mut self, url: &str) -> Self {
        url.clone_into(&mut self.realm);
        self
    }

    /// The audience it expects.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        issuer.clone_into(&mut self.issuer);
        self
    }

    /// `rootcertbundle`: certificates in PEM.
    #[must_use]
    pub fn root(mut self, bundle: &Path) -> Self {
        self.root = Some(bundle.to_owned());
        self
    }

    /// `jwks`: a key set. Registry 3 alone knows it; with it, `rootcertbundle` may be left out.
    #[must_use]
    pub fn jwks(mut self, file: &Path) -> Self {
        self.jwks = Some(file.to_owned());
        self
    }

    /// Keeps blobs in this folder, not in one that is deleted afterwards.
    #[must_use]
    pub fn storage(mut self, folder: &Path) -> Self {
        self.storage = Some(folder.to_owned());
        self
    }

    /// Asks for no token: whoever reaches it may do everything.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Has this as its `auth`, word for word, in the place of all that was said of it.
    #[must_use]
    pub fn auth(mut self, text: &str) -> Self {
        self.auth = Some(text.to_owned());
        self
    }

    /// Serves on this port.
    #[must_use]
    pub fn on(mut self, port: Port) -> Self {
        self.port = port;
        self
    }

    /// Starts it and waits until it answers.
    #[track_caller]
    pub fn start(self) -> Registry {
        let (mut process, folder) = self.launch();
        let url = format!("http://127.0.0.1:{}/v2/", self.port);
        let expected = if self.open { 200 } else { 401 };
        process.wait_until(&format!("answering {expected}"), READY, || {
            http::try_get(&url, &[])
                .is_ok_and(|answer| answer.status == expected)
                .then_some(())
        });
        Registry {
            process,
            port: self.port,
            _folder: folder,
        }
    }

    /// Starts it, expects that it ends of itself with a failure, and answers what it logged.
    #[track_caller]
    pub fn start_refused(self) -> String {
        let (mut process, _folder) = self.launch();
        let status = process.wait_for_end(READY);
        assert!(!status.success(), "the registry ended without a failure");
        process.log()
    }

    #[track_caller]
    fn launch(&self) -> (Process, TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("config.yml");
        fs::write(&file, self.config(folder.path())).expect("a file in a temporary folder can be written");
        let mut command = Command::new(self.release.program());
        command.arg("serve").arg(&file);
        // A registry takes each variable of this prefix for a setting of its own and ends over one it does not know.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"REGISTRY_")) {
            command.env_remove(name);
        }
        // Registry 3 sends traces to a collector unless told not to.
        command.env("OTEL_TRACES_EXPORTER", "none");
        (Process::start("registry", &command, folder.path()), folder)
    }

    fn config(&self, folder: &Path) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let path = |path: &Path| quoted(&path.to_string_lossy());
        let storage = self.storage.clone().unwrap_or_else(|| folder.join("storage"));
        let mut text = format!(
            "version: 0.1\n\
             log: {{level: info}}\n\
             storage:\n  \
               filesystem: {{rootdirectory: {}}}\n  \
               delete: {{enabled: true}}\n  \
               maintenance: {{uploadpurging: {{enabled: false}}}}\n\
             http: {{addr: '127.0.0.1:{}', secret: not-a-secret}}\n",
            path(&storage),
            self.port,
        );
        if self.open {
            return text;
        }
        if let Some(auth) = &self.auth {
            return text + auth;
        }
        let (realm, service, issuer) = (quoted(&self.realm), quoted(&self.service), quoted(&self.issuer));
        let _ = write!(
            text,
            "auth:\n  token:\n    realm: {realm}\n    service: {service}\n    issuer: {issuer}\n"
        );
        for (key, file) in [("rootcertbundle", &self.root), ("jwks", &self.jwks)] {
            if let Some(file) = file {
                let _ = writeln!(text, "    {key}: {}", path(file));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::{Algorithm, Certified};

    #[test]
    fn every_registry_says_where_to_get_a_token() {
        let key = Certified::self_signed(Algorithm::Es256);
        for release in RegistryRelease::ALL {
            let registry = Registry::of(release)
                .realm("http://127.0.0.1:1/token")
                .root(&key.root_file())
                .start();
            let answer = http::get(&format!("http://{}/v2/", registry.address()), &[]);
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer realm="http://127.0.0.1:1/token",service="registry""#),
                "{release:?}"
            );
        }
    }

    #[test]
    fn a_registry_3_needs_only_a_key_set() {
        let key = Certified::self_signed(Algorithm::Es256);
        let setup = Registry::v3_1()
            .realm("http://127.0.0.1:1/token")
            .jwks(&key.jwks_file("one"));
        assert!(!setup.start().log().is_empty());
    }
}
