use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::process::{ADA, Running, Site};

/// Of the kind that `docker_auth` documents: name and password on standard input, the answer as exit status.
const AUTH: &str = r#"#!/bin/sh
read user password
case "$user" in
  ops) [ "$password" = ops-secret ] && { echo '{"labels": {"team": ["ops*"]}}'; exit 0; }; exit 1;;
  broken) exit 9;;
  *) exit 2;;
esac
"#;

/// Grants to accounts with the label, and nothing to others.
const AUTHZ: &str = r#"#!/bin/sh
grep -q '"ops\*"' && exit 0
exit 1
"#;

fn start(shell: &str) -> (Site, Running) {
    let site = Site::new();
    for (name, text) in [("auth.sh", AUTH), ("authz.sh", AUTHZ)] {
        site.write(name, &text.replacen("/bin/sh", shell, 1));
        fs::set_permissions(site.folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    site.configure(&format!(
        "users: {{ada: {{password: \"{ADA}\"}}}}\nacl: [{{match: {{name: \"${{account}}/*\"}}, actions: [pull]}}]\n\
         ext_auth: {{command: ./auth.sh}}\next_authz: {{command: ./authz.sh}}\n"
    ));
    let server = site.start();
    (site, server)
}

#[test]
fn a_program_knows_accounts_and_another_one_rights() {
    for shell in ["/bin/sh", "/bin/busybox sh"] {
        let (_site, server) = start(shell);
        let asked = "repository:ops/app:pull,push&scope=repository:other:push";
        assert_eq!(
            server.login("ops:ops-secret", asked).granted(),
            ["ops/app:pull", "other:push"],
            "{shell}"
        );
        assert_eq!(
            server.login("ada:ada-secret", asked).granted(),
            ["ops/app:", "other:"],
            "{shell}"
        );
        assert_eq!(server.login("ops:wrong", asked).status, 401, "{shell}");
        assert_eq!(server.login("eve:x", asked).status, 401, "{shell}");
        let failed = server.login("broken:x", asked);
        assert_eq!(
            (failed.status, failed.headers["retry-after"].as_str()),
            (503, "5"),
            "{shell}"
        );
        assert!(!failed.body.contains("auth.sh"), "{}", failed.body);
    }
}
