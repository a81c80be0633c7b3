use std::fmt::Write as _;

use super::*;

const KEY: &str = include_str!("../../../core/src/token/testdata/p256.pem");

/// A folder with files, and what they amount to. Names of files are shown without their folder.
struct Case {
    folder: tempfile::TempDir,
    names: Vec<&'static str>,
}

impl Case {
    fn of(files: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let names = files
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| name.contains(".yml"))
            .collect();
        Self { folder, names }
    }

    fn load(&self) -> Loaded {
        let paths: Vec<_> = self.names.iter().map(|name| self.folder.path().join(name)).collect();
        load(&paths, &environment)
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn report(&self) -> String {
        let loaded = self.load();
        let report = loaded.origin.report(&all_problems(loaded.document, loaded.problems));
        self.shown(&report)
    }
}

fn environment(name: &str) -> Option<String> {
    match name {
        "ISSUER" => Some("from the environment".to_owned()),
        "WORD" => Some("hunter2hunter2".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

/// With what compiling finds.
fn all_problems(document: Option<Document>, problems: Problems) -> Problems {
    let now = registry_auth_core::time::Timestamp::from_seconds(1_800_000_000);
    let Some(document) = document else { return problems };
    match registry_auth_core::policy::Policy::compile(document, now, problems) {
        Ok((_, warnings)) => {
            let mut problems = Problems::default();
            for warning in warnings {
                problems.warn(warning.place(), warning.what());
            }
            problems
        }
        Err(problems) => problems,
    }
}

/// The report of one file, which has a good token unless it says otherwise.
fn report(text: &str) -> String {
    let token = format!(
        "token:\n  issuer: i\n  key: |\n    {}\n",
        KEY.trim_end().replace('\n', "\n    ")
    );
    let text = if text.contains("token:") {
        text.to_owned()
    } else {
        format!("{text}{token}")
    };
    Case::of(&[("auth_config.yml", &text)]).report()
}

#[test]
fn the_caret_stands_in_a_text_however_it_is_written() {
    insta::assert_snapshot!(report("users: {}\nacl:\n  - match: {name: \"caf\\u00e9-[a-z/*\"}\n    actions: [pull]\n"), @r##"
    error: `[` is never closed
     --> auth_config.yml:3:30
      |
    3 |   - match: {name: "caf\u00e9-[a-z/*"}
      |                              ^
      |
      = help: close it with `]`, or write `\[` for the character

    1 error in auth_config.yml
    "##);
    insta::assert_snapshot!(report("users: {}\nacl:\n  - match:\n      name: team-[a-z/*\n    actions: [pull]\n"), @r##"
    error: `[` is never closed
     --> auth_config.yml:4:18
      |
    4 |       name: team-[a-z/*
      |                  ^
      |
      = help: close it with `]`, or write `\[` for the character

    1 error in auth_config.yml
    "##);
    insta::assert_snapshot!(report("users: {}\nacl:\n  - match:\n      name: >-\n        team-\n        [a-z/*\n    actions: [pull]\n"), @r##"
    error: `[` is never closed
     --> auth_config.yml:6:9
      |
    6 |         [a-z/*
      |         ^
      |
      = help: close it with `]`, or write `\[` for the character

    1 error in auth_config.yml
    "##);
    insta::assert_snapshot!(report("users: {}\nacl:\n  - match: {name: 'it''s-[a-z/*'}\n    actions: [pull]\n"), @r##"
    error: `[` is never closed
     --> auth_config.yml:3:26
      |
    3 |   - match: {name: 'it''s-[a-z/*'}
      |                          ^
      |
      = help: close it with `]`, or write `\[` for the character

    1 error in auth_config.yml
    "##);
}

#[test]
fn a_wrong_key_names_the_nearest_known_one_and_a_missing_one_its_section() {
    insta::assert_snapshot!(report("users: {}\nacl: []\nsever: {}\nserver:\n  hsts: maybe\nacl_options: {duble_star: yes}\nservices: one\n"), @r##"
    error: server.hsts: must be `true` or `false`, not a text
     --> auth_config.yml:5:9
      |
    5 |   hsts: maybe
      |         ^^^^^

    error: acl_options.duble_star: unknown key
     --> auth_config.yml:6:15
      |
    6 | acl_options: {duble_star: yes}
      |               ^^^^^^^^^^
      |
      = help: did you mean `double_star`?

    error: services: must be a list, not a text
     --> auth_config.yml:7:11
      |
    7 | services: one
      |           ^^^
      |
      = help: write `[one]`

    error: sever: unknown key
     --> auth_config.yml:3:1
      |
    3 | sever: {}
      | ^^^^^
      |
      = help: did you mean `server`?

    4 errors in auth_config.yml
    "##);
    insta::assert_snapshot!(report("users: {}\ntoken:\n  expiration: 900\n"), @r##"
    error: acl: is missing
    --> auth_config.yml
     = help: write `acl: []` to grant nothing

    error: token.key: is missing
     --> auth_config.yml:2:1
      |
    2 | token:
      | ^^^^^
      |
      = help: it is what tokens are signed with, or name a variable with `key_env`

    error: token.issuer: is missing
     --> auth_config.yml:2:1
      |
    2 | token:
      | ^^^^^
      |
      = help: registries know it as `auth.token.issuer`

    3 errors in auth_config.yml
    "##);
    insta::assert_snapshot!(report("users: {}\nacl:\n  - match: {account:\"x\"}\n    actions: []\n  - {match: {}}\n"), @r##"
    error: acl[0].match["account:\"x\""]: a space is missing after the colon
     --> auth_config.yml:3:13
      |
    3 |   - match: {account:"x"}
      |             ^^^^^^^^^^^
      |
      = help: write `account: "x"`

    error: acl[1].actions: is missing
     --> auth_config.yml:5:5
      |
    5 |   - {match: {}}
      |     ^^^^^^^^^^^
      |
      = help: write `actions: []` for a rule that denies

    2 errors in auth_config.yml
    "##);
}

#[test]
fn what_is_no_yaml_is_shown_where_it_ends_to_be_some() {
    insta::assert_snapshot!(report("token: {}\nusers:\n  ada: {}\n bob: {}\n"), @r##"
    error: this is no YAML: while parsing a block mapping, did not find expected key
     --> auth_config.yml:4:2
      |
    4 |  bob: {}
      |  ^
      |
      = help: give all keys of one section the same number of spaces before them

    1 error in auth_config.yml
    "##);
    insta::assert_snapshot!(report("token: {}\nacl: [{match: {}, actions: [\"*\"}]\n"), @r##"
    error: this is no YAML: mismatched bracket '[' closed by '}'
     --> auth_config.yml:2:28
      |
    2 | acl: [{match: {}, actions: ["*"}]
      |                            ^
      |
      = help: close `[` with `]`, and `{` with `}`

    1 error in auth_config.yml
    "##);
    insta::assert_snapshot!(Case::of(&[("auth_config.yml", "# nothing\n")]).report(), @r##"
    error: the file is empty
     --> auth_config.yml:1:1
      |
    1 | # nothing
      | ^
      |
      = help: write the configuration into it

    1 error in auth_config.yml
    "##);
    let case = Case::of(&[("auth_config.yml", "users: {}\n")]);
    std::fs::write(case.folder.path().join("auth_config.yml"), b"users: {}\n# \xff\n").unwrap();
    insta::assert_snapshot!(case.report(), @r##"
    error: cannot read `auth_config.yml`: line 2 is not UTF-8
    --> auth_config.yml

    1 error in auth_config.yml
    "##);
    std::fs::remove_file(case.folder.path().join("auth_config.yml")).unwrap();
    insta::assert_snapshot!(case.report(), @r##"
    error: cannot read `auth_config.yml`: no such file
    --> auth_config.yml

    1 error in auth_config.yml
    "##);
    insta::assert_snapshot!(load(&[], &environment).origin.report(&load(&[], &environment).problems), @r##"
    error: the configuration: has no file
     |
     = help: name one

    1 error
    "##);
}

#[test]
fn a_bomb_of_aliases_is_refused_by_name() {
    let mut bomb = "token: {}\na: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        writeln!(bomb, "{name}: &{name} [{}]", vec![format!("*{before}"); 10].join(", ")).unwrap();
    }
    insta::assert_snapshot!(report(&bomb), @r##"
    error: with this alias the file has more than 2000000 values
     --> auth_config.yml:8:8
      |
    8 | g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
      |        ^^

    1 error in auth_config.yml
    "##);
}

#[test]
fn a_second_document_is_told() {
    insta::assert_snapshot!(report("users: {}\nacl: []\ntoken: {issuer: i, key: k}\n---\nusers: {}\n"), @r##"
    error: token.key: cannot read `k`: no such file
     --> auth_config.yml:3:25
      |
    3 | token: {issuer: i, key: ***}
      |                         ^^^

    warning: a second document begins here
     --> auth_config.yml:4:1
      |
    4 | ---
      | ^^^
      |
      = help: only the first one of a file counts

    1 error, 1 warning in auth_config.yml
    "##);
}

#[test]
fn several_files_are_one_configuration() {
    let token = format!(
        "server: {{addr: ':5001'}}\ntoken:\n  issuer: i\n  key: {}\nacl:\n- {{match: {{account: a}}, actions: []}}\n",
        "KEYFILE"
    );
    let case = Case::of(&[
        ("a.yml", &token),
        (
            "b.yml",
            "server: {hsts: yes}\nusers: {ada: {}}\nacl:\n- {match: {account: b}, actions: []}\nservices:\n",
        ),
        ("c.yml", "users: {bob: {}}\nservices: [registry]\nacl:\n"),
        ("key.pem", KEY),
    ]);
    let key = case.folder.path().join("key.pem");
    std::fs::write(
        case.folder.path().join("a.yml"),
        token.replace("KEYFILE", &key.display().to_string()),
    )
    .unwrap();
    let Loaded {
        document,
        problems,
        origin,
    } = case.load();
    assert_eq!(problems.errors(), [], "{}", origin.report(&problems));
    let document = document.unwrap();
    assert!(document.server.hsts);
    let names: Vec<_> = document.users.iter().flatten().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["ada", "bob"]);
    let accounts = document
        .acl
        .iter()
        .flatten()
        .map(|rule| rule.matches.account.as_deref());
    assert_eq!(accounts.collect::<Vec<_>>(), [Some("a"), Some("b")]);
    assert_eq!(document.services.as_deref(), Some(&["registry".to_owned()][..]));
    assert_eq!(
        document.token.unwrap().key.unwrap().expose(),
        KEY,
        "with its last newline"
    );
    let files = ["a.yml", "b.yml", "c.yml", "key.pem"].map(|name| case.folder.path().join(name));
    assert_eq!(origin.files(), files);
}

#[test]
fn what_stands_in_two_files_is_an_error_that_names_both() {
    let case = Case::of(&[
        ("a.yml", "token: {issuer: i, key: k}\nusers:\n  ada: {}\nacl: []\n"),
        ("b.yml", "users:\n  bob: {}\n  ada: {labels: {}}\ntoken: {issuer: i}\n"),
    ]);
    let Loaded { problems, origin, .. } = case.load();
    insta::assert_snapshot!(case.shown(&origin.report(&problems)), @r##"
    error: `users.ada` stands in b.yml:3, and in a.yml:3 before
     --> b.yml:3:3
      |
    3 |   ada: {labels: {}}
      |   ^^^
     ::: a.yml:3:3
      |
    3 |   ada: {}
      |   --- here before
      |
      = help: keep one of them

    error: `token.issuer` stands in b.yml:4, and in a.yml:1 before
     --> b.yml:4:9
      |
    4 | token: {issuer: i}
      |         ^^^^^^
     ::: a.yml:1:9
      |
    1 | token: {issuer: i, key: ***}
      |         ------ here before
      |
      = help: keep one of them

    error: token.key: cannot read `k`: no such file
     --> a.yml:1:25
      |
    1 | token: {issuer: i, key: ***}
      |                         ^^^

    3 errors in a.yml, b.yml
    "##);
}

#[test]
fn a_fault_is_shown_in_the_file_it_is_in() {
    let case = Case::of(&[
        ("a.yml", "users: {}\n"),
        ("b.yml", "acl:\n- {match: {}, actions: []}\n- {}\n"),
        ("c.yml", "a: [\n"),
    ]);
    insta::assert_snapshot!(case.report(), @r##"
    error: this is no YAML: unclosed bracket '['
     --> c.yml:1:4
      |
    1 | a: [
      |    ^
      |
      = help: close `[` with `]`, and `{` with `}`

    1 error in a.yml, b.yml, c.yml
    "##);
    let case = Case::of(&[
        ("a.yml", "users: {}\n"),
        ("b.yml", "acl:\n- {match: {}, actions: []}\n- {match: {}}\n"),
    ]);
    insta::assert_snapshot!(case.report(), @r##"
    error: acl[1].actions: is missing
     --> b.yml:3:3
      |
    3 | - {match: {}}
      |   ^^^^^^^^^^^
      |
      = help: write `actions: []` for a rule that denies

    error: token: is missing
    --> a.yml, b.yml
     = help: it needs `issuer` and `key`

    2 errors in a.yml, b.yml
    "##);
}

#[test]
fn a_variable_that_is_not_set_is_an_error_at_its_place_and_what_is_set_is_never_told() {
    insta::assert_snapshot!(report("users: {}\nacl: []\nserver:\n  addr: \"a-${ENV:X}:${ENV:EMPTY}\"\n  net: ${ENV:WORD\n  hsts: ${ENV:WORD}\naudit: ${ENV:WORD}\n"), @r##"
    error: environment variable `X` is not set
     --> auth_config.yml:4:12
      |
    4 |   addr: "a-${ENV:X}:${ENV:EMPTY}"
      |            ^^^^^^^^
      |
      = help: set it, or write the value in its place

    error: environment variable `EMPTY` is not set
     --> auth_config.yml:4:21
      |
    4 |   addr: "a-${ENV:X}:${ENV:EMPTY}"
      |                     ^^^^^^^^^^^^
      |
      = help: set it, or write the value in its place

    error: `${ENV:` is never closed
     --> auth_config.yml:5:8
      |
    5 |   net: ${ENV:WORD
      |        ^^^^^^
      |
      = help: close it with `}`

    error: server.hsts: must be `true` or `false`, not a text
     --> auth_config.yml:6:9
      |
    6 |   hsts: ${ENV:WORD}
      |         ^^^^^^^^^^^

    error: audit: must be one of `access_log`, `log`, `off`, not `${ENV:WORD}`
     --> auth_config.yml:7:8
      |
    7 | audit: ${ENV:WORD}
      |        ^^^^^^^^^^^

    5 errors in auth_config.yml
    "##);
    let loaded = Case::of(&[(
        "a.yml",
        "token: {issuer: '${ENV:ISSUER}!', key: '${ENV:WORD}'}\nusers: {'${ENV:WORD}': {}}\n",
    )])
    .load();
    let told = format!("{} {:?}", loaded.origin.report(&loaded.problems), loaded.problems);
    assert!(!told.contains("hunter2"), "{told}");
    let document = loaded.document.unwrap();
    assert_eq!(document.token.unwrap().issuer.as_deref(), Some("from the environment!"));
    assert_eq!(document.users.unwrap()[0].name, "${ENV:WORD}");
}

#[test]
fn no_secret_is_shown_though_its_line_is() {
    let shown = report(
        "users:\n  ada: {password: hunter2, labls: {}}\n  bob: {pass: \"$2y$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijkl\"}\n  eve: {password:\"hunter2\"}\nacl: []\n\
        token: {issuer: i, key: hunter2, certificate: '-----BEGIN hunter2'}\nhttp_auth: {url: \"http://a:hunter2@b/\", client_secret: hunter2}\n",
    );
    assert!(
        !shown.contains("hunter2") || shown.contains("cannot read `hunter2`"),
        "{shown}"
    );
    insta::assert_snapshot!(shown.replace("cannot read `hunter2`", "cannot read"), @r##"
    error: token.key: cannot read: no such file
     --> auth_config.yml:6:25
      |
    6 | token: {issuer: i, key: ***, certificate: ***}
      |                         ^^^

    error: users.ada.labls: unknown key
     --> auth_config.yml:2:28
      |
    2 |   ada: {password: ***, labls: {}}
      |                        ^^^^^
      |
      = help: did you mean `labels`?

    error: users.bob.pass: unknown key
     --> auth_config.yml:3:9
      |
    3 |   bob: {pass: ***}
      |         ^^^^
      |
      = help: known here are `password`, `labels`

    error: users.eve["***"]: unknown key
     --> auth_config.yml:4:9
      |
    4 |   eve: {***}
      |         ^^^
      |
      = help: known here are `password`, `labels`

    error: users.ada.password: is no password hash
     --> auth_config.yml:2:19
      |
    2 |   ada: {password: ***, labls: {}}
      |                   ^^^
      |
      = help: write one of bcrypt (`$2y$...`), argon2id (`$argon2id$...`) or `sha256:` and 64 hex digits

    5 errors in auth_config.yml
    "##);
    for text in [
        "token: {}\nusers: {ada: {password: \"hunter2}}\n",
        "token: {issuer: i, key: hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2}\n",
        "token: {}\nusers:\n  ada:\n    password:\n      hunter2: [\n",
        "token:\n  key: hunter2\n   certificate: x\n",
        "token:\n  key: |\n  hunter2hunter2hunter2\n",
    ] {
        let shown = report(text);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn of_a_very_long_line_a_part_is_shown_and_the_column_is_that_of_the_file() {
    let long = "x".repeat(100_000);
    let shown = report(&format!(
        "users: {{}}\nacl: [{{match: {{account: \"{long}\", name: \"[a\", service: \"{long}\"}}, actions: []}}]\n"
    ));
    assert!(shown.contains("auth_config.yml:2:"), "{shown}");
    assert!(shown.contains("`[` is never closed"), "{shown}");
    assert!(shown.len() < 5_000, "{}", shown.len());
}

#[test]
fn a_file_that_a_section_names_is_remembered_though_it_is_not_there() {
    let case = Case::of(&[("a.yml", "users: {}\n"), ("secret", "hunter2\n")]);
    let mut loaded = case.load();
    let [secret, other, folder] = ["secret", "other", "."].map(|name| case.folder.path().join(name));
    let mut problems = Problems::default();
    let place = Place::root().key("filter").key("secret_file");
    let read = loaded.origin.with_sources(&environment, |sources| {
        [&secret, &other, &folder, &secret].map(|path| sources.file(path.to_str().unwrap(), &place, &mut problems))
    });
    assert_eq!(read[0].as_ref().unwrap().expose(), "hunter2\n");
    let told = case.shown(&problems.to_string());
    assert!(told.contains("cannot read `other`: no such file"), "{told}");
    assert!(told.contains("it is no file"), "{told}");
    assert_eq!(
        loaded.origin.files(),
        [case.folder.path().join("a.yml"), secret, other, folder]
    );
    std::fs::write(case.folder.path().join("big"), vec![b'x'; (8 << 20) + 1]).unwrap();
    let big = case.folder.path().join("big");
    let read = loaded
        .origin
        .with_sources(&environment, |sources| sources.files.unwrap()(big.to_str().unwrap()));
    assert_eq!(read.unwrap_err(), "it is longer than 8388608 bytes");
}

/// All that docker_auth's file can say, as far as it is built.
const FULL: &str = r#"# A comment
server:
  addr: ":5001"
  net: tcp
  path_prefix: "/registry"
  real_ip_header: X-Forwarded-For
  real_ip_pos: -0x2
  hsts: on
  certificate: ""
  tls_min_version: TLS12
  tls_curve_preferences: [P256, X25519]
  tls_cipher_suites: [0xc02f]
token: &token
  issuer: "Acme auth server"
  expiration: 0x384
  key: KEYFILE
  disable_legacy_key_id: No
users:
  "admin":
    password: "$2y$05$LO.vzwpWC5LZGqThvEfznu8qhb5SGqvBSWY1J3yZ4AxtMRZ3kN5jC" # badmin
  'test': {password: $2y$05$WuwBasGDAgr.QCbGIjKJaep4dhxeai9gNZdmBnQXqpKly57oNutya}
  007: &any
    labels: {team: [a, yes, 1.0]}
  other: *any
  merged:
    <<: *any
    labels:
      team:
      - 'b'
  "": {}
acl:
- match: {account: "admin"}
  actions: ["*"]
  comment: >-
    Admin has full access
    to everything.
- match: {account: "/^(.+)@acme.com$/", name: "${account:1}/*"}
  actions: [push, pull]
- match: {ip: 192.168.0.0/24, labels: {team: yes}}
  actions: ["pull"]
- match: {account: "/.+/", type: repository, service: !!str 5000}
  actions: []
ext_auth:
  command: /bin/true
  args: ["--flag", yes]
ext_authz: {command: "/bin/true", args: []}
"#;

#[test]
fn a_file_of_docker_auth_is_read_as_it_is() {
    let case = Case::of(&[("key.pem", KEY)]);
    let key = case.folder.path().join("key.pem").display().to_string();
    let case = Case {
        names: vec!["a.yml"],
        ..case
    };
    std::fs::write(case.folder.path().join("a.yml"), FULL.replace("KEYFILE", &key)).unwrap();
    let Loaded {
        document,
        problems,
        origin,
    } = case.load();
    assert_eq!(problems, Problems::default(), "{}", origin.report(&problems));
    let document = document.unwrap();
    assert_eq!(document.server.real_ip_pos, Some(-2));
    assert!(document.server.hsts);
    let token = document.token.as_ref().unwrap();
    assert_eq!((token.expiration, token.disable_legacy_key_id), (Some(900), false));
    let users = document.users.as_deref().unwrap();
    let labels = users
        .iter()
        .map(|user| (user.name.as_str(), user.labels.get("team").cloned().unwrap_or_default()));
    let abc = ["a", "yes", "1.0"].map(str::to_owned).to_vec();
    assert_eq!(
        labels.collect::<Vec<_>>(),
        [
            ("admin", vec![]),
            ("test", vec![]),
            ("007", abc.clone()),
            ("other", abc),
            ("merged", vec!["b".to_owned()]),
            ("", vec![]),
        ]
    );
    let acl = document.acl.as_deref().unwrap();
    assert_eq!(acl[0].comment.as_deref(), Some("Admin has full access to everything."));
    assert_eq!(acl[2].matches.labels, [("team".to_owned(), "yes".to_owned())]);
    assert_eq!(acl[3].matches.service.as_deref(), Some("5000"));
    let program = document.program.as_ref().unwrap();
    assert_eq!((program.backends.authn.len(), program.backends.authz.len()), (1, 1));
    let problems = all_problems(Some(document), problems);
    assert!(!problems.is_refusal(), "{}", origin.report(&problems));
}
