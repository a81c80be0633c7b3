//! Keys that sign tokens, with the certificates that registries trust; and certificates for TLS.
//!
//! `openssl` makes them, because it knows all algorithms of the table, P-521 included.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, str};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::parts;
use crate::process::run;

/// How a key signs, by its name in a token's header (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    Es384,
    Es512,
    Rs256,
    EdDsa,
}

/// A private key and its certificate, in a folder that is deleted with this value.
#[derive(Debug)]
pub struct Certified {
    algorithm: Algorithm,
    folder: TempDir,
    /// The file a registry's `rootcertbundle` names.
    root: &'static str,
    /// Whose the leaf is for TLS, as `openssl` writes a `subjectAltName`.
    names: String,
}

/// What makes a leaf good for TLS to a server on loopback.
const LOOPBACK: &str = "IP:127.0.0.1";

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Es512, Self::Rs256, Self::EdDsa];

    /// The header's `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    fn key_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Es256 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Self::Es384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            Self::Es512 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            Self::Rs256 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Self::EdDsa => &["-algorithm", "ED25519"],
        }
    }
}

impl Certified {
    /// One certificate, signed by its own key, which is also what the registry trusts.
    #[track_caller]
    pub fn self_signed(algorithm: Algorithm) -> Self {
        let made = Self {
            algorithm,
            folder: folder(),
            root: "certificate.pem",
            names: LOOPBACK.to_owned(),
        };
        made.key_for("key.pem", algorithm);
        made.openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            "key.pem",
            "-days",
            "2",
            "-subj",
            "/CN=registry-auth",
            "-out",
            "certificate.pem",
        ]);
        made
    }

    /// A leaf signed by an authority: `certificate` holds the leaf and then the authority, the registry trusts the
    /// authority alone.
    #[track_caller]
    pub fn by_authority(algorithm: Algorithm) -> Self {
        Self::by_authority_for(algorithm, LOOPBACK)
    }

    /// The same for a server that is at another place, `IP:127.0.0.7,DNS:there.example`.
    #[track_caller]
    pub fn by_authority_for(algorithm: Algorithm, names: &str) -> Self {
        let made = Self {
            algorithm,
            folder: folder(),
            root: "root.pem",
            names: names.to_owned(),
        };
        made.key_for("root-key.pem", Algorithm::Es256);
        made.openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            "root-key.pem",
            "-days",
            "2",
            "-subj",
            "/CN=registry-auth root",
            "-out",
            "root.pem",
        ]);
        made.renew();
        made
    }

    /// A new key with a new leaf of the same authority, in the place of those before.
    #[track_caller]
    pub fn renew(&self) {
        assert_eq!(self.root, "root.pem", "only an authority can sign a new leaf");
        self.key_for("key.pem", self.algorithm);
        self.write(
            "leaf.cnf",
            &format!("subjectAltName={}\nbasicConstraints=critical,CA:false\n", self.names),
        );
        self.openssl(&[
            "req",
            "-new",
            "-key",
            "key.pem",
            "-subj",
            "/CN=registry-auth",
            "-out",
            "leaf.csr",
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root-key.pem",
            "-CAcreateserial",
            "-days",
            "1",
            "-extfile",
            "leaf.cnf",
            "-out",
            "leaf.pem",
        ]);
        self.write(
            "certificate.pem",
            &format!("{}{}", self.read("leaf.pem"), self.read("root.pem")),
        );
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The private key, PKCS#8 in PEM.
    #[track_caller]
    pub fn key(&self) -> String {
        self.read("key.pem")
    }

    /// The certificate, and the authority's after it if there is one, in PEM.
    #[track_caller]
    pub fn certificate(&self) -> String {
        self.read("certificate.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// What a registry's `rootcertbundle` names, and what a TLS client trusts.
    pub fn root_file(&self) -> PathBuf {
        self.folder.path().join(self.root)
    }

    /// The public key as the only member of a key set (RFC 7517), under `kid`; a file for a registry's `jwks`.
    #[track_caller]
    pub fn jwks_file(&self, kid: &str) -> PathBuf {
        let mut jwk = self.jwk();
        jwk["kid"] = json!(kid);
        self.write("jwks.json", &json!({"keys": [jwk]}).to_string());
        self.folder.path().join("jwks.json")
    }

    /// The public key with the members that a thumbprint is made of (RFC 7638), in their order.
    #[track_caller]
    pub fn jwk(&self) -> Value {
        self.openssl(&[
            "pkey",
            "-in",
            "key.pem",
            "-pubout",
            "-outform",
            "DER",
            "-out",
            "public.der",
        ]);
        let der = fs::read(self.folder.path().join("public.der")).expect("openssl has just written it");
        // An elliptic curve's key ends with the point itself: X and Y after the byte 4, or the 32 bytes of Ed25519.
        let tail = |length: usize| der.get(der.len() - length..).unwrap_or_default();
        let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let curve = |name: &str, length: usize| {
            let (x, y) = tail(2 * length).split_at(length);
            json!({"crv": name, "kty": "EC", "x": base64url(x), "y": base64url(y)})
        };
        match self.algorithm {
            Algorithm::Es256 => curve("P-256", 32),
            Algorithm::Es384 => curve("P-384", 48),
            Algorithm::Es512 => curve("P-521", 66),
            Algorithm::EdDsa => json!({"crv": "Ed25519", "kty": "OKP", "x": base64url(tail(32))}),
            // 2048 bits, then the INTEGER 65537, whose tag, length and value are the last five bytes.
            Algorithm::Rs256 => {
                let (modulus, exponent) = tail(256 + 5).split_at(256);
                assert_eq!(exponent, [2, 3, 1, 0, 1], "the exponent is always 65537");
                json!({"e": "AQAB", "kty": "RSA", "n": base64url(modulus)})
            }
        }
    }

    #[track_caller]
    fn key_for(&self, name: &str, algorithm: Algorithm) {
        self.openssl(&[&["genpkey", "-out", name], algorithm.key_arguments()].concat());
    }

    #[track_caller]
    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new(parts::system("openssl"));
        command.args(arguments).current_dir(self.folder.path());
        let _ = run(&command, Duration::from_mins(1)).ok();
    }

    #[track_caller]
    fn read(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
    }

    #[track_caller]
    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        write_in_one_step(&path, text);
    }
}

/// Replaces a file by a rename, so that a reader sees the old text or the new, never half of one.
#[track_caller]
pub fn write_in_one_step(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", next.display()));
    fs::rename(&next, path).unwrap_or_else(|error| panic!("cannot replace `{}`: {error}", path.display()));
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_a_key_with_its_certificate() {
        for algorithm in Algorithm::ALL {
            let own = Certified::self_signed(algorithm);
            assert!(own.key().starts_with("-----BEGIN PRIVATE KEY-----"), "{algorithm:?}");
            assert_eq!(own.certificate_file(), own.root_file());
            let jwk = own.jwk();
            assert!(jwk["x"].is_string() || jwk["n"].is_string(), "{algorithm:?}: {jwk}");
            let leaf = Certified::by_authority(algorithm);
            assert_eq!(leaf.certificate().matches("BEGIN CERTIFICATE").count(), 2);
            leaf.openssl(&["verify", "-CAfile", "root.pem", "leaf.pem"]);
            let before = leaf.key();
            leaf.renew();
            assert_ne!(leaf.key(), before);
            leaf.openssl(&["verify", "-CAfile", "root.pem", "leaf.pem"]);
        }
    }
}
