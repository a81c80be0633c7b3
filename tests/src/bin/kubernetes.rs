//! A part of `make soak`: a real Kubernetes API takes what is rendered, and refuses what is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use registry_auth_tests::kubernetes::Kubernetes;
use registry_auth_tests::manifests::{SHIPPED, WRONG, rendered, shipped};
use registry_auth_tests::parts;
use registry_auth_tests::process::Ran;

fn main() {
    let kubernetes = Kubernetes::start();
    println!("an API server is ready");
    let (_, definitions) = parts::crd_check();
    kubernetes.define(&definitions);
    println!("it has the definitions of Istio and Envoy Gateway");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let apply = |what: &str, text: &str, options: &[&str]| apply(&kubernetes, folder.path(), what, text, options);

    let rendered = rendered(folder.path());
    for namespace in namespaces(&(SHIPPED.map(shipped).concat() + &rendered)) {
        let _ = kubernetes.kubectl(&["create", "namespace", namespace]).ok();
    }
    for file in SHIPPED {
        // Twice: what is there already is no obstacle.
        for _ in 0..2 {
            print!("{}", apply(file, &shipped(file), &[]).ok().stdout);
        }
    }
    // Many of the others share their names.
    let taken = apply("what else is rendered", &rendered, &["--dry-run=server"]).ok();
    println!("{} other objects are taken", taken.stdout.lines().count());
    for wrong in WRONG {
        apply("what is wrong", &wrong.text(), &["--dry-run=server"])
            .fails()
            .says(wrong.says);
    }
    println!("each of {} wrong ones is refused", WRONG.len());
}

#[track_caller]
fn apply(kubernetes: &Kubernetes, folder: &Path, what: &str, text: &str, options: &[&str]) -> Ran {
    println!("applying {what}");
    let file = folder.join("objects.yaml");
    fs::write(&file, text).expect("a file in a temporary folder can be written");
    let file = file.to_string_lossy();
    let arguments = [&["apply", "--validate=strict", "--filename", &file], options].concat();
    kubernetes.kubectl(&arguments)
}

/// Where these objects are to be.
fn namespaces(objects: &str) -> BTreeSet<&str> {
    let after = objects.split("namespace: ").skip(1);
    let names = after.filter_map(|text| text.split([',', '}', '\n']).next());
    names.filter(|name| *name != "default").collect()
}
