//! Where the real programs are: what `make setup` brought, by the versions that `tests/parts/versions.env` names.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Which of the supported releases of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvoyRelease {
    /// The newest one, which most tests run on.
    Current,
    /// The last of the line before the newest.
    V1_39,
    /// The first that has the foreign function `sign`.
    V1_37,
    /// The oldest one: it has no foreign function `sign`.
    Oldest,
}

/// Which of the registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryRelease {
    V2_8,
    V3_0,
    V3_1,
}

impl EnvoyRelease {
    pub const ALL: [Self; 4] = [Self::Current, Self::V1_39, Self::V1_37, Self::Oldest];
    /// The newest and the oldest, for what takes long.
    pub const ENDS: [Self; 2] = [Self::Current, Self::Oldest];

    /// Whether it signs by its own crypto.
    pub fn has_sign(self) -> bool {
        self != Self::Oldest
    }

    #[track_caller]
    pub fn program(self) -> PathBuf {
        cached("envoy", self.key())
    }

    /// As `1.40.0`.
    #[track_caller]
    pub fn version(self) -> String {
        version(self.key()).unwrap_or_else(|missing| panic!("{missing}"))
    }

    fn key(self) -> &'static str {
        match self {
            Self::Current => "ENVOY",
            Self::V1_39 => "ENVOY_1_39",
            Self::V1_37 => "ENVOY_1_37",
            Self::Oldest => "ENVOY_OLD",
        }
    }
}

impl RegistryRelease {
    pub const ALL: [Self; 3] = [Self::V2_8, Self::V3_0, Self::V3_1];

    #[track_caller]
    pub fn program(self) -> PathBuf {
        self.found().unwrap_or_else(|missing| panic!("{missing}"))
    }

    /// The program, or the text that says what is missing.
    pub fn found(self) -> Result<PathBuf, String> {
        match self {
            Self::V2_8 => find("docker-registry"),
            Self::V3_0 => find_cached("registry", "REGISTRY_OLD"),
            Self::V3_1 => find_cached("registry", "REGISTRY"),
        }
    }
}

/// The filter: `$REGISTRY_AUTH_WASM`, or `target/registry_auth.wasm` as `make wasm` left it.
#[track_caller]
pub fn wasm() -> PathBuf {
    let path =
        env::var_os("REGISTRY_AUTH_WASM").map_or_else(|| checkout().join("target/registry_auth.wasm"), PathBuf::from);
    assert!(
        path.is_file(),
        "the filter `{}` is missing; run `make wasm`",
        path.display()
    );
    path.canonicalize().unwrap_or(path)
}

/// The program beside the proxy: `$PROGRAM_REGISTRY_AUTH`, or `target/registry-auth` as `make program` left it.
#[track_caller]
pub fn program() -> PathBuf {
    let path =
        env::var_os("PROGRAM_REGISTRY_AUTH").map_or_else(|| checkout().join("target/registry-auth"), PathBuf::from);
    assert!(
        path.is_file(),
        "the program `{}` is missing; run `make program`",
        path.display()
    );
    path.canonicalize().unwrap_or(path)
}

/// The same with what is for benches alone, as `make bench` built it.
#[track_caller]
pub fn program_for_benches() -> PathBuf {
    let path = checkout().join("target/registry-auth-bench");
    assert!(path.is_file(), "`{}` is missing; run `make bench`", path.display());
    path
}

/// What looks accounts up by the client crates alone, as `make bench` built it.
#[track_caller]
pub fn lookups() -> PathBuf {
    let path = checkout().join("target/lookups");
    assert!(path.is_file(), "`{}` is missing; run `make bench`", path.display());
    path
}

/// What Go itself makes of a pattern.
#[track_caller]
pub fn go_patterns() -> PathBuf {
    own("go-patterns", "make setup")
}

/// A second server that speaks MongoDB's protocol, which takes what `docker-compose.yml` tells its service `mongo`; of the level `soak`.
#[track_caller]
pub fn ferretdb() -> PathBuf {
    own("ferretdb", "tests/parts/setup.sh soak")
}

/// The folder with docker's plugins `docker-compose` and `docker-buildx`.
#[track_caller]
pub fn docker_plugins() -> PathBuf {
    let folder = cache()
        .unwrap_or_else(|missing| panic!("{missing}"))
        .join("docker-plugins");
    assert!(
        folder.join("docker-compose").is_file(),
        "docker's plugins in `{}` are missing; run `make setup`",
        folder.display()
    );
    folder
}

#[track_caller]
pub fn crane() -> PathBuf {
    cached("crane", "CRANE")
}

#[track_caller]
pub fn oras() -> PathBuf {
    cached("oras", "ORAS")
}

/// A server that speaks MongoDB's protocol.
#[track_caller]
pub fn secantusdb() -> PathBuf {
    cached("secantusdb", "SECANTUSDB")
}

#[track_caller]
pub fn oha() -> PathBuf {
    cached("oha", "OHA")
}

#[track_caller]
pub fn etcd() -> PathBuf {
    cached("etcd", "ETCD")
}

#[track_caller]
pub fn kube_apiserver() -> PathBuf {
    cached("kube-apiserver", "KUBE_APISERVER")
}

#[track_caller]
pub fn kubectl() -> PathBuf {
    cached("kubectl", "KUBECTL")
}

/// What judges objects as Kubernetes does, and the definitions by which it does.
#[track_caller]
pub fn crd_check() -> (PathBuf, Vec<PathBuf>) {
    let (cache, versions) = match (cache(), version("ISTIO_API"), version("ENVOY_GATEWAY")) {
        (Ok(cache), Ok(istio), Ok(gateway)) => (cache, format!("crds-{istio}-{gateway}")),
        (Err(missing), ..) | (_, Err(missing), _) | (.., Err(missing)) => panic!("{missing}"),
    };
    let program = own("crd-check", "make setup");
    let folder = cache.join(versions);
    let files = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read `{}`: {error}; run `make setup`", folder.display()));
    let files = files.map(|file| file.expect("a folder can be read").path());
    (program, files.collect())
}

/// The module that decides nothing, as `make bench` built it.
#[track_caller]
pub fn noop() -> PathBuf {
    let path = checkout().join("target/noop.wasm");
    assert!(path.is_file(), "`{}` is missing; run `make bench`", path.display());
    path
}

/// A program of the system's packages, looked up in `PATH` and where administrators' programs are.
#[track_caller]
pub fn system(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|missing| panic!("{missing}"))
}

/// As [`system`], with the text that says what is missing.
pub fn find(name: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("the program `{name}` is missing; run `make setup`"))
}

/// The top folder of this checkout.
pub fn checkout() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

#[track_caller]
fn cached(name: &str, key: &str) -> PathBuf {
    find_cached(name, key).unwrap_or_else(|missing| panic!("{missing}"))
}

/// A program of ours that `own_go.sh` builds; `bring` does so.
#[track_caller]
fn own(name: &str, bring: &str) -> PathBuf {
    let program = cache()
        .unwrap_or_else(|missing| panic!("{missing}"))
        .join("bin")
        .join(name);
    assert!(program.is_file(), "`{}` is missing; run `{bring}`", program.display());
    program
}

fn find_cached(name: &str, key: &str) -> Result<PathBuf, String> {
    let file = cache()?.join("bin").join(format!("{name}-{}", version(key)?));
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!("the program `{}` is missing; run `make setup`", file.display()))
    }
}

/// What `versions.env` says of this key.
fn version(key: &str) -> Result<String, String> {
    let versions = checkout().join("tests/parts/versions.env");
    let text =
        fs::read_to_string(&versions).map_err(|error| format!("cannot read `{}`: {error}", versions.display()))?;
    value(&text, key)
        .map(str::to_owned)
        .ok_or_else(|| format!("`{}` does not name `{key}`", versions.display()))
}

fn cache() -> Result<PathBuf, String> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("REGISTRY_AUTH_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("envoy-registry-auth")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/envoy-registry-auth")))
        .ok_or_else(|| "neither `HOME` nor `REGISTRY_AUTH_CACHE` is set; set one".to_owned())
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_whole() {
        let text = "# ENVOY=0\nENVOY_OLD=1.36.2\nENVOY=1.40.0\n";
        assert_eq!(value(text, "ENVOY"), Some("1.40.0"));
        assert_eq!(value(text, "ENVOY_OLD"), Some("1.36.2"));
        assert_eq!(value(text, "CRANE"), None);
    }

    #[test]
    fn a_missing_program_says_what_to_run() {
        assert_eq!(
            find("no-such-program").unwrap_err(),
            "the program `no-such-program` is missing; run `make setup`"
        );
    }
}
