//! What is rendered for Istio and Envoy Gateway is what Kubernetes takes, by the projects' own definitions: their schemas,
//! no unknown field, and their rules in CEL. `make soak` asks a real API server the same.

use std::process::Command;
use std::time::Duration;

use registry_auth_tests::manifests::{SHIPPED, WRONG, rendered, shipped};
use registry_auth_tests::parts;
use registry_auth_tests::process::{Ran, run};

use crate::*;

const LIMIT: Duration = Duration::from_mins(1);

/// Judges objects.
#[track_caller]
fn judge(objects: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("objects.yaml");
    fs::write(&file, objects).expect("a file can be written");
    let (program, definitions) = parts::crd_check();
    let mut command = Command::new(program);
    command.arg(file).args(definitions);
    run(&command, LIMIT)
}

#[test]
fn kubernetes_takes_what_ships_and_what_else_is_rendered() {
    for file in SHIPPED {
        judge(&shipped(file)).ok().says(" 0 faults");
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    judge(&rendered(folder.path())).ok().says(" 0 faults");
}

#[test]
fn what_is_wrong_is_refused() {
    for wrong in WRONG {
        judge(&wrong.text()).fails().says(wrong.says);
    }
}
