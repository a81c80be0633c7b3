//! Files that Apache's own `htpasswd` wrote.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use registry_auth_tests::parts;
use registry_auth_tests::process::{run, wait_until};

use crate::*;

/// A file, and a program that serves by it.
struct Site {
    folder: TempDir,
}

impl Site {
    #[track_caller]
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("users"), "").unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("users")
    }

    /// Has `htpasswd` set a password.
    #[track_caller]
    fn set(&self, options: &[&str], account: &str, password: &str) {
        let mut command = Command::new(parts::system("htpasswd"));
        command
            .arg("-b")
            .args(options)
            .arg(self.file())
            .args([account, password]);
        let _ = run(&command, SOON).ok();
    }

    #[track_caller]
    fn serve(&self) -> Sidecar {
        Sidecar::serve(&self.config())
    }

    fn config(&self) -> Value {
        let mut config = config(&Value::Null);
        config.as_object_mut().unwrap().remove("xorm_auth");
        config["htpasswd_auth"] = json!({"path": self.file()});
        config
    }
}

#[test]
fn every_safe_form_that_the_tool_writes_lets_in() {
    let site = Site::new();
    for (account, options) in [
        ("bcrypt", &["-B"][..]),
        ("dear", &["-B", "-C", "6"]),
        ("sha512", &["-5"]),
        ("sha256", &["-2"]),
        ("rounds", &["-5", "-r", "1000"]),
    ] {
        site.set(options, account, "right: ä$\u{7f}");
    }
    let program = site.serve();
    for account in ["bcrypt", "dear", "sha512", "sha256", "rounds"] {
        let scope = format!("{account}/app:pull,push");
        assert_eq!(
            granted(&program, account, "right: ä$\u{7f}", &scope),
            json!(["pull", "push"]),
            "{account}"
        );
        for wrong in ["wrong", "right: ä$", "", "right: ä$\u{7f}\0"] {
            assert_eq!(status(&program, account, wrong), 401, "{account} {wrong:?}");
        }
        assert_eq!(status(&program, &account.to_uppercase(), "right: ä$\u{7f}"), 401);
    }
    for stranger in ["nobody", "users", "bcrypt ", "*"] {
        assert_eq!(status(&program, stranger, "right: ä$\u{7f}"), 401, "{stranger}");
    }
    assert_eq!(status(&program, "ada", "ada-secret"), 200, "a static user");
}

#[test]
fn a_changed_file_counts_at_once_and_one_with_an_unsafe_line_not_at_all() {
    let site = Site::new();
    site.set(&["-B"], "grace", "secret");
    let program = site.serve();
    assert_eq!(status(&program, "grace", "secret"), 200);
    site.set(&["-B"], "eve", "secret");
    wait_until("who was added is let in", SOON, || {
        (status(&program, "eve", "secret") == 200).then_some(())
    });
    let mut delete = Command::new(parts::system("htpasswd"));
    let _ = run(delete.arg("-D").arg(site.file()).arg("grace"), SOON).ok();
    wait_until("who was deleted is let in no more", SOON, || {
        (status(&program, "grace", "secret") == 401).then_some(())
    });
    for (option, what) in [
        ("-m", "a hash of MD5, which is broken"),
        ("-s", "a hash of SHA-1 without a salt"),
        ("-p", "what may be the password itself"),
    ] {
        site.set(&[option], "mallory", "planted-secret");
        let said = format!("of `mallory` holds {what}");
        wait_until("the line is named", SOON, || {
            program.log().contains(&said).then_some(())
        });
        assert_eq!(status(&program, "mallory", "planted-secret"), 401, "{option}");
        assert_eq!(status(&program, "eve", "secret"), 200, "{option}");
    }
    assert!(!program.log().contains("planted-secret"), "{}", program.log());
}
