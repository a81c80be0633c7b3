//! What `registry-auth keygen` makes and prints, pasted as it is.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use registry_auth_tests::certificates::Algorithm;
use registry_auth_tests::parts;
use registry_auth_tests::process::{Ran, run};
use registry_auth_tests::registry::{Registry, RegistryRelease};

use crate::{ABSENT, is_taken, shown};

#[track_caller]
fn program(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(parts::program());
    command.args(arguments).current_dir(folder);
    run(&command, Duration::from_mins(1)).ok()
}

/// What follows the heading that begins so, up to the next empty line.
fn pasted<'a>(printed: &'a str, heading: &str) -> Option<&'a str> {
    let (_, after) = printed.split_once(&format!("# {heading}"))?;
    let (_, block) = after.split_once('\n')?;
    Some(block.split_once("\n\n").map_or(block, |(block, _)| block))
}

#[test]
fn what_keygen_prints_is_what_each_registry_takes() {
    for algorithm in Algorithm::ALL {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let made = [
            "keygen",
            "-o",
            "keys",
            "--algorithm",
            algorithm.name(),
            "--realm",
            "http://127.0.0.1:1/token",
        ];
        let printed = program(folder.path(), &made).stdout;
        let ours = pasted(&printed, "registry-auth,").expect("our own configuration");
        for release in RegistryRelease::ALL {
            let heading = if release == RegistryRelease::V2_8 {
                "Registry 2.8,"
            } else {
                "Registry 3,"
            };
            let Some(auth) = pasted(&printed, heading) else {
                assert_eq!((release, algorithm), (RegistryRelease::V2_8, Algorithm::EdDsa));
                continue;
            };
            let registry = Registry::of(release).auth(auth).start();
            let by_bundle = release == RegistryRelease::V2_8;
            for (form, expected) in [
                ("", true),
                ("  disable_legacy_key_id: true\n", true),
                ("  key_header: kid\n", true),
                ("  key_header: kid\n  disable_legacy_key_id: true\n", !by_bundle),
            ] {
                let more = "users: {'': {}}\nacl: [{match: {name: 'public/*'}, actions: [pull]}]\n";
                fs::write(folder.path().join("auth.yml"), format!("{ours}\n{form}{more}"))
                    .expect("a file can be written");
                let scope = format!("repository:{ABSENT}:pull");
                let token = program(folder.path(), &["token", "auth.yml", "--scope", &scope]).stdout;
                let seen = is_taken(&shown(&registry, token.trim()));
                assert_eq!(seen, expected, "{algorithm:?} {release:?} {form}");
            }
        }
    }
}
