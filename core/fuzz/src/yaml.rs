//! The program's configuration files as YAML, two of them if a line `====` parts them: up to the report that an operator
//! reads. What is JSON besides says the same as JSON.

use registry_auth_core::config::{Document, Node, Sources};
use registry_auth_core::policy::Policy;
use registry_auth_core::problem::Problems;
use registry_auth_core::time::Timestamp;
use registry_auth_sidecar::config::{self, Loaded};

/// The value of `${ENV:SECRET}`, which nobody is ever told.
const SECRET: &str = "never-to-be-told";

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut files = Vec::new();
    for (i, text) in text.splitn(2, "====\n").enumerate() {
        let file = folder.path().join(format!("{i}.yml"));
        std::fs::write(&file, text).expect("a file in it can be written");
        files.push(file);
    }
    let environment = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
    let Loaded {
        document,
        problems,
        origin,
    } = config::load(&files, &environment);
    assert!(document.is_some() || problems.is_refusal(), "what is refused says why");
    let mut reports = vec![origin.report(&problems)];
    if let Some(document) = document {
        if !problems.is_refusal() && files.len() == 1 {
            says_the_same_as_json(text, &document);
        }
        let now = Timestamp::from_seconds(1_800_000_000);
        match Policy::compile(document, now, problems) {
            Ok((_, warnings)) => reports.extend(warnings.iter().map(|warning| origin.warning(warning))),
            Err(problems) => {
                assert!(problems.is_refusal(), "what is refused says why");
                reports.push(origin.report(&problems));
            }
        }
    }
    if !text.contains(SECRET) {
        assert!(!reports.iter().any(|report| report.contains(SECRET)), "{reports:?}");
    }
}

/// Every JSON text is a YAML text as well.
fn says_the_same_as_json(text: &str, document: &Document) {
    let Ok(node) = serde_json::from_str::<Node>(text) else {
        return;
    };
    let mut problems = Problems::default();
    let environment = |_: &str| None;
    let json = Document::read(node, Sources::of_a_proxy(&environment), &mut problems);
    let rules = |document: &Document| format!("{:?} {:?}", document.acl, document.acl_options);
    let users = |document: &Document| {
        let users = document.users.iter().flatten();
        let users = users.map(|user| (user.name.clone(), user.password.is_some(), user.labels.clone()));
        users.collect::<Vec<_>>()
    };
    let is_at_fault = |key: &str| {
        problems
            .errors()
            .iter()
            .any(|problem| problem.place().path().starts_with(key))
    };
    if !is_at_fault("acl") {
        assert_eq!(rules(document), rules(&json));
    }
    if !is_at_fault("users") {
        assert_eq!(users(document), users(&json));
    }
}
