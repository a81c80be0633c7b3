//! What holds for any bytes that a client, Envoy or an operator may send: a target for each parser.
//!
//! A target never panics, ends soon and in little memory, and asserts what else was promised: that a canonical text
//! reads as itself, that an error points into the text, that a second, plainer way gives the same answer. `seeds/` has
//! inputs to begin with, `dictionaries/` the words that chance would not find. `run.sh` runs them; an input that breaks
//! a promise is looked at with `cargo run -p registry-auth-fuzz --bin replay TARGET FILE`.

mod acl;
mod address;
mod basic;
mod bucket;
mod configuration;
mod duration;
mod ecdsa_der;
mod glob;
mod go_regex;
mod hash;
pub mod pem;
mod protobuf;
mod request;
mod route;
mod scope;
mod wire_config;
mod yaml;

/// A parser under test: panics if a promise is broken.
pub type Target = fn(&[u8]);

/// All targets, by name: that of their seeds, too.
pub const TARGETS: [(&str, Target); 17] = [
    ("acl", acl::run),
    ("address", address::run),
    ("basic", basic::run),
    ("bucket", bucket::run),
    ("configuration", configuration::run),
    ("duration", duration::run),
    ("ecdsa_der", ecdsa_der::run),
    ("glob", glob::run),
    ("go_regex", go_regex::run),
    ("hash", hash::run),
    ("pem", pem::run),
    ("protobuf", protobuf::run),
    ("request", request::run),
    ("route", route::run),
    ("scope", scope::run),
    ("wire_config", wire_config::run),
    ("yaml", yaml::run),
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, target)| *target)
}

/// The first lines of an input, and what follows them.
fn lines<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut lines = data.splitn(N, |b| *b == b'\n');
    std::array::from_fn(|_| lines.next().unwrap_or_default())
}

/// The same of a text.
fn text_lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut lines = str::from_utf8(data).ok()?.splitn(N, '\n');
    Some(std::array::from_fn(|_| lines.next().unwrap_or_default()))
}

/// Asserts that `at` is a part of `text`.
#[track_caller]
fn assert_within(at: &std::ops::Range<usize>, text: &str) {
    assert!(text.get(at.clone()).is_some(), "{at:?} is no part of {text:?}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_seed_keeps_the_promises() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
        for (name, target) in TARGETS {
            let folder = seeds.join(name);
            let files: Vec<_> = std::fs::read_dir(&folder)
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
                .map(|entry| entry.unwrap().path())
                .collect();
            assert!(!files.is_empty(), "{}", folder.display());
            for file in files {
                println!("{}", file.display());
                target(&std::fs::read(&file).unwrap());
            }
        }
        let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let folders = std::fs::read_dir(&seeds).unwrap();
        let folders: BTreeSet<_> = folders
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(folders, names, "a folder of seeds for each target");
    }
}
