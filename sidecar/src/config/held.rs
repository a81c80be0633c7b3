//! What back-ends decide by: another section, or another content of a file that it names, is another configuration to
//! whoever remembers answers.

use registry_auth_core::config::backend::{AuthnBackend, AuthzBackend, Backends, Held};
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::Problems;
use sha2::{Digest, Sha256};

use super::json;

/// Tells apart what these decide by. What is wrong with a file is told where it is opened.
pub(super) fn by(backends: &Backends, sources: Sources<'_>) -> Held {
    let accounts = backends.authn.iter().map(|(backend, section)| {
        let keys: &[&str] = match backend {
            AuthnBackend::Htpasswd => &["path"],
            _ => &[],
        };
        (backend.key(), section, keys)
    });
    let rights = backends.authz.iter().map(|(backend, section)| {
        let keys: &[&str] = match backend {
            AuthzBackend::Casbin => &["model_path", "policy_path"],
            AuthzBackend::Program | AuthzBackend::Hook => &[],
        };
        (backend.key(), section, keys)
    });
    let mut hash = None;
    for (name, section, keys) in accounts.chain(rights) {
        let hash: &mut Sha256 = hash.get_or_insert_with(Sha256::new);
        // It may hold passwords. What comes of it goes to the filter alone, beside the key of tokens.
        add(hash, name);
        add(hash, &json(&section.written()));
        for key in keys {
            let Some(content) = content(section, key, sources) else {
                return Held::Unknown;
            };
            add(hash, &content);
        }
    }
    let digest = hash.map(Digest::finalize);
    let digest = digest.and_then(|digest| digest.first_chunk().copied());
    digest.map_or(Held::Nothing, |digest| {
        Held::Known(format!("{:032x}", u128::from_be_bytes(digest)))
    })
}

fn add(hash: &mut Sha256, part: &str) {
    hash.update(part.len().to_be_bytes());
    hash.update(part);
}

fn content(section: &Section, key: &'static str, sources: Sources<'_>) -> Option<String> {
    let mut ignored = Problems::default();
    let path = section.clone().text(key, &mut ignored)?;
    let content = sources.file(&path, section.place(), &mut ignored)?;
    Some(content.expose().clone())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use registry_auth_core::policy::Asks;
    use registry_auth_core::wire;

    use super::super::load;

    #[test]
    fn another_section_is_another_configuration_and_so_is_another_content_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let written = format!(
            "users: {{}}\ncasbin_authz: {{model_path: '{0}/m', policy_path: '{0}/p'}}\nhtpasswd_auth: {{path: '{0}/h'}}\n",
            folder.path().display()
        );
        fs::write(path("auth.yml"), written).unwrap();
        let etag = || {
            let document = load(&[path("auth.yml")], &|_| None).document.unwrap();
            wire::config::write(&document, Asks::of(&document), 1).etag
        };
        let unread = etag();
        for name in ["m", "p", "h"] {
            fs::write(path(name), "1").unwrap();
        }
        let first = etag();
        assert_ne!(first, unread);
        for name in ["m", "p", "h"] {
            fs::write(path(name), "2").unwrap();
            assert_ne!(etag(), first, "{name}");
            fs::write(path(name), "1").unwrap();
            assert_eq!(etag(), first, "{name}");
        }
        let file = fs::read_to_string(path("auth.yml")).unwrap();
        fs::write(path("auth.yml"), format!("{file}# a comment\n")).unwrap();
        assert_eq!(etag(), first);
        fs::write(path("auth.yml"), format!("{file}ext_auth: {{command: /bin/false}}\n")).unwrap();
        let one = etag();
        fs::write(path("auth.yml"), format!("{file}ext_auth: {{command: /bin/true}}\n")).unwrap();
        assert!(etag() != one && one != first);
    }
}
