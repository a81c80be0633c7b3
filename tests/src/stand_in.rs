//! Base images that cannot be pulled where these tests run: others under the same names, of programs that are here.
//!
//! Each has what our Dockerfiles and `docker-compose.yml` use of the public one, and nothing else. Those that programs
//! are compiled in (`rust:…`) have none: tests put in what `make` built.

mod servers;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::docker::Docker;
use crate::parts::{self, EnvoyRelease, RegistryRelease};
use crate::process::run;

const LIMIT: Duration = Duration::from_mins(2);
const PATH: &str = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A base image to be.
#[derive(Debug)]
pub struct StandIn {
    root: TempDir,
    /// Lines of a Dockerfile, for what is beside the files.
    lines: Vec<&'static str>,
}

impl StandIn {
    /// `busybox:…-glibc`: busybox under all its names, and the C library.
    #[track_caller]
    pub fn busybox() -> Self {
        let image = Self::empty();
        image.add_busybox();
        image
    }

    /// `registry:3`: the pinned registry, with busybox.
    #[track_caller]
    pub fn registry() -> Self {
        let image = Self::empty();
        image.add_busybox();
        image.program(&RegistryRelease::V3_1.program(), "bin/registry");
        image.text(
            "etc/distribution/config.yml",
            "version: 0.1\n\
             storage: {cache: {blobdescriptor: inmemory}, filesystem: {rootdirectory: /var/lib/registry}}\n\
             http: {addr: ':5000'}\n",
        );
        image.folder("var/lib/registry");
        image.with(&[
            "VOLUME /var/lib/registry",
            "ENV OTEL_TRACES_EXPORTER=none",
            r#"ENTRYPOINT ["registry", "serve"]"#,
            r#"CMD ["/etc/distribution/config.yml"]"#,
        ])
    }

    /// `envoyproxy/envoy:…`: the pinned Envoy, with what of Ubuntu and its `ca-certificates` is used here: a shell, a few
    /// tools, and openssl.
    #[track_caller]
    pub fn envoy() -> Self {
        let image = Self::empty();
        image.program(&EnvoyRelease::Current.program(), "usr/local/bin/envoy");
        for shell in ["bin/bash", "bin/sh"] {
            image.program(&parts::system("bash"), shell);
        }
        for tool in ["cat", "chmod", "grep", "install", "mkdir", "mv", "openssl", "sha256sum"] {
            image.program(&parts::system(tool), &format!("usr/bin/{tool}"));
        }
        let mut version = Command::new(parts::system("openssl"));
        let said = run(version.args(["version", "-d"]), LIMIT).ok().stdout;
        let folder = said.split('"').nth(1).expect("openssl tells its folder in quotes");
        let config = Path::new(folder).join("openssl.cnf");
        image.copy(&config, &config.strip_prefix("/").unwrap_or(&config).to_string_lossy());
        image.with(&[
            r#"ENTRYPOINT ["/usr/local/bin/envoy"]"#,
            r#"CMD ["-c", "/etc/envoy/envoy.yaml"]"#,
        ])
    }

    /// Gives the daemon the image under this name.
    #[track_caller]
    pub fn import(&self, docker: &Docker, name: &str) {
        let archive = TempDir::new().expect("a temporary folder can be made");
        let archive = archive.path().join("root.tar");
        let mut tar = Command::new(parts::system("tar"));
        tar.args(["--owner=0", "--group=0", "-cf"])
            .arg(&archive)
            .arg("-C")
            .arg(self.root.path())
            .arg(".");
        let _ = run(&tar, LIMIT).ok();
        let archive = archive.display().to_string();
        let lines = std::iter::once(&PATH).chain(&self.lines);
        let changes = lines.flat_map(|line| ["--change", line]);
        let arguments: Vec<_> = std::iter::once("import")
            .chain(changes)
            .chain([&*archive, name])
            .collect();
        let _ = docker.run(&arguments).ok();
    }

    #[track_caller]
    fn empty() -> Self {
        let image = Self {
            root: TempDir::new().expect("a temporary folder can be made"),
            lines: Vec::new(),
        };
        // It is the image's `/`.
        allow(image.root.path(), 0o755);
        image.folder("tmp");
        allow(&image.at("tmp"), 0o1777);
        image
    }

    fn with(self, lines: &[&'static str]) -> Self {
        Self {
            lines: lines.to_vec(),
            ..self
        }
    }

    #[track_caller]
    fn add_busybox(&self) {
        let busybox = parts::system("busybox");
        self.program(&busybox, "bin/busybox");
        let mut list = Command::new(&busybox);
        for applet in run(list.arg("--list"), LIMIT)
            .ok()
            .stdout
            .lines()
            .filter(|it| *it != "busybox")
        {
            symlink("busybox", self.at("bin").join(applet)).expect("each applet has another name");
        }
        // The public one has the whole C library, of which busybox itself needs a part.
        for library in libraries(&busybox) {
            let rest = library.with_file_name("libm.so.6");
            if rest.is_file() && library.file_name().is_some_and(|name| name == "libc.so.6") {
                self.copy(&rest, &rest.strip_prefix("/").unwrap_or(&rest).to_string_lossy());
            }
        }
    }

    /// A program with the libraries it is linked with.
    #[track_caller]
    fn program(&self, program: &Path, at: &str) {
        self.copy(program, at);
        for library in libraries(program) {
            self.copy(
                &library,
                &library.strip_prefix("/").unwrap_or(&library).to_string_lossy(),
            );
        }
    }

    #[track_caller]
    fn copy(&self, from: &Path, at: &str) {
        let to = self.at(at);
        make_folder_of(&to);
        fs::copy(from, &to).unwrap_or_else(|error| panic!("cannot copy `{}`: {error}", from.display()));
    }

    #[track_caller]
    fn text(&self, at: &str, text: &str) {
        let to = self.at(at);
        make_folder_of(&to);
        fs::write(&to, text).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", to.display()));
    }

    #[track_caller]
    fn folder(&self, at: &str) {
        fs::create_dir_all(self.at(at)).expect("a folder in a temporary one can be made");
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }
}

/// The libraries that the loader takes for it; none for a program that is linked statically.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let mut ldd = Command::new(parts::system("ldd"));
    let listed = run(ldd.arg(program), LIMIT).stdout;
    // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader without an arrow.
    let paths = listed.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).filter(|path| path.is_file()).collect()
}

#[track_caller]
fn make_folder_of(file: &Path) {
    let folder = file.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).expect("a folder in a temporary one can be made");
}

#[track_caller]
fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode of what is ours can be set");
}
