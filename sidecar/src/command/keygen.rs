//! `registry-auth keygen`: a key that signs tokens, its certificate, its key set, and what to tell the registry.

mod pair;
mod told;

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use clap::{Args, ValueEnum};
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::key::KeyError;
use registry_auth_core::token::{self, MAX_PEM_BYTES, SigningKey};
use thiserror::Error;

use super::{Exit, answer};
pub use pair::PairError;
use told::Told;

/// A certificate is valid already so long before it is made: the registry's clock may be behind.
const BEFORE: Duration = Duration::from_hours(1);

/// What the files are called.
const KEY: &str = "token.key";
const CERTIFICATE: &str = "token.crt";
const KEY_SET: &str = "jwks.json";

/// `registry-auth keygen`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(
    after_help = "Writes `token.key` (mode 0600), `token.crt` and `jwks.json`, none of them over a file that is \
    there, and prints what to put into the configuration of `registry-auth` and of the registry.\n\n\
    With `--json`: {\"algorithm\", \"files\": {\"key\", \"certificate\", \"jwks\"}, \"valid_until\", \
    \"kid\": {\"libtrust\", \"thumbprint\"}, \"registry_auth\": {\"token\": {...}}, \
    \"registry_2_8\": {\"auth\": {...}} or null, \"registry_3\": {\"auth\": {...}}}.\n\n\
    Examples:\n  \
    registry-auth keygen -o keys --service registry.example --realm https://registry.example/token\n  \
    registry-auth keygen --from old.key -o keys"
)]
pub struct Keygen {
    /// The folder that the files are written to; made if it is not there
    #[arg(short, long = "output", value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// How the key signs
    #[arg(long, value_name = "NAME", value_enum, ignore_case = true, default_value_t)]
    algorithm: Algorithm,
    /// Makes no key: certificate, key set and configuration of this one
    #[arg(long, value_name = "KEY", conflicts_with = "algorithm")]
    from: Option<PathBuf>,
    /// The issuer: `token.issuer` here, `auth.token.issuer` there
    #[arg(long, value_name = "NAME", default_value = "registry-auth")]
    issuer: String,
    /// The name that the registry goes by: its `auth.token.service`
    #[arg(long, value_name = "NAME", default_value = "registry")]
    service: String,
    /// Where clients are sent for a token
    #[arg(long, value_name = "URL", default_value = "https://registry.example/token")]
    realm: String,
    /// How long the certificate is valid; no registry takes a token with `x5c` after that
    #[arg(long, value_name = "N", default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Prints one object for programs
    #[arg(long)]
    json: bool,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    /// P-256: small, and signed in no time everywhere; every registry takes it
    #[default]
    #[value(name = "ES256")]
    Es256,
    /// P-384; every registry takes it
    #[value(name = "ES384")]
    Es384,
    /// P-521; every registry takes it
    #[value(name = "ES512")]
    Es512,
    /// Ed25519; registry 3 alone takes it, and 2.8 does not start with such a certificate
    #[value(name = "EdDSA")]
    EdDsa,
    /// RSA of 2,048 bits; every registry takes it
    #[value(name = "RS256")]
    Rs256,
}

/// Why nothing was made.
#[derive(Debug, Error)]
pub enum KeygenError {
    /// A file is there.
    #[error("`{0}` exists already, and is not overwritten; name another folder with `-o`, or move it away")]
    Exists(PathBuf),
    /// A folder or file cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What `-o` names is there, and no folder.
    #[error("`{0}` is no folder; name one with `-o`, and it is made if it is not there")]
    NoFolder(PathBuf),
    /// The key of `--from` cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key of `--from` is none that signs tokens.
    #[error("`{path}`: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A name that cannot stand in a token.
    #[error("`{option}` is empty or holds a control character; write the name that both sides are to know")]
    Name {
        /// Which option.
        option: &'static str,
    },
    /// The key or its certificate cannot be made.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Answer(#[from] io::Error),
}

/// Makes what is asked for as of `now`.
///
/// # Errors
/// See [`KeygenError`]. Then nothing was written, or what was is taken away again.
pub fn run(asked: &Keygen, now: Timestamp) -> Result<Exit, KeygenError> {
    let told = asked.make(now)?;
    answer(&if asked.json { told.json() } else { told.text() })?;
    Ok(Exit::Yes)
}

impl Keygen {
    fn make(&self, now: Timestamp) -> Result<Told<'_>, KeygenError> {
        for (option, value) in [
            ("--issuer", &self.issuer),
            ("--service", &self.service),
            ("--realm", &self.realm),
        ] {
            if value.is_empty() || value.chars().any(char::is_control) {
                return Err(KeygenError::Name { option });
            }
        }
        let [key_file, certificate_file, key_set_file] = [KEY, CERTIFICATE, KEY_SET].map(|name| self.output.join(name));
        // Before a key is made in vain; whether it is so is decided when each is written.
        let written = [&key_file, &certificate_file, &key_set_file];
        let written = written.into_iter().skip(usize::from(self.from.is_some()));
        if let Some(there) = written.into_iter().find(|path| fs::symlink_metadata(path).is_ok()) {
            return Err(KeygenError::Exists(there.clone()));
        }
        let (pem, key) = self.key()?;
        let until = now.plus(Duration::from_hours(24).saturating_mul(self.days));
        let certificate = pair::certify(&key, now.minus(BEFORE), until)?;
        let files = [
            (
                self.from.is_none(),
                File {
                    path: &key_file,
                    text: pem.expose(),
                    mode: 0o600,
                },
            ),
            (
                true,
                File {
                    path: &certificate_file,
                    text: &certificate,
                    mode: 0o644,
                },
            ),
            (
                true,
                File {
                    path: &key_set_file,
                    text: &told::key_set(&key),
                    mode: 0o644,
                },
            ),
        ];
        let files: Vec<_> = files
            .into_iter()
            .filter_map(|(is_new, file)| is_new.then_some(file))
            .collect();
        self.write(&files)?;
        let whole = |path: &Path| absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Told {
            asked: self,
            key_file: whole(self.from.as_ref().unwrap_or(&key_file)),
            certificate_file: whole(&certificate_file),
            key_set_file: whole(&key_set_file),
            key,
            valid_until: until,
        })
    }

    /// The key as PEM, and as what signs.
    fn key(&self) -> Result<(Secret<String>, SigningKey), KeygenError> {
        let (pem, path) = match &self.from {
            Some(path) => (read(path)?, path.clone()),
            None => (pair::generate(self.algorithm.into())?, self.output.join(KEY)),
        };
        match SigningKey::from_pem(&pem) {
            Ok(key) => Ok((pem, key)),
            Err(source) => Err(KeygenError::Key { path, source }),
        }
    }

    fn write(&self, files: &[File<'_>]) -> Result<(), KeygenError> {
        let failed = |path: &Path, source| KeygenError::Write {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(&self.output).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => KeygenError::NoFolder(self.output.clone()),
            _ => failed(&self.output, source),
        })?;
        for (number, file) in files.iter().enumerate() {
            let Err(source) = file.write() else { continue };
            // All or nothing: half of a pair would be in the way of the next try.
            for made in files.iter().take(number) {
                let _ = fs::remove_file(made.path);
            }
            return Err(if source.kind() == io::ErrorKind::AlreadyExists {
                KeygenError::Exists(file.path.to_owned())
            } else {
                failed(file.path, source)
            });
        }
        Ok(())
    }
}

/// A file to be made.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    mode: u32,
}

impl File<'_> {
    fn write(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(self.mode).open(self.path)?;
        let written = file.write_all(self.text.as_bytes());
        // Only now it is surely ours.
        written.inspect_err(|_| drop(fs::remove_file(self.path)))
    }
}

fn read(path: &Path) -> Result<Secret<String>, KeygenError> {
    let mut text = Secret::new(String::with_capacity(MAX_PEM_BYTES.saturating_add(1)));
    // A byte more than is taken shows that there is more.
    let limit = u64::try_from(MAX_PEM_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let opened = fs::File::open(path);
    let read = opened.and_then(|file| file.take(limit).read_to_string(text.expose_mut()));
    match read {
        Ok(_) => Ok(text),
        Err(source) => Err(KeygenError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

impl From<Algorithm> for token::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::Es256,
            Algorithm::Es384 => Self::Es384,
            Algorithm::Es512 => Self::Es512,
            Algorithm::EdDsa => Self::EdDsa,
            Algorithm::Rs256 => Self::Rs256,
        }
    }
}

#[cfg(test)]
mod tests;
