//! Blobs that a push takes from another repository of the registry instead of sending them.

use std::fmt::Write as _;
use std::fs;

use registry_auth_tests::client::Client as _;
use registry_auth_tests::crane::Crane;
use registry_auth_tests::docker::Docker;
use registry_auth_tests::http::Response;
use registry_auth_tests::image::Image;
use registry_auth_tests::skopeo::Skopeo;
use sha2::{Digest as _, Sha256};

use super::site::{Site, sites};

#[test]
fn who_may_pull_the_source_mounts_its_blobs() {
    for site in &*sites() {
        let [source, target] = ["ada/source:1", "team/mounted:1"].map(|name| site.reference(name));
        let crane = Crane::new();
        site.login(&crane, "ada");
        let _ = crane.push(&Image::new(&source), &source).ok();
        crane.copy(&source, &target).ok().says("mounted blob: sha256:");
        assert_eq!(site.digest("team/mounted"), site.digest("ada/source"));

        let image = Image::new(&target);
        let docker = Docker::new();
        site.login(&docker, "ada");
        docker
            .push(&image, &site.reference("ada/docker:1"))
            .ok()
            .says(": Pushed");
        docker
            .push(&image, &site.reference("team/docker:1"))
            .ok()
            .says(": Mounted from ada/docker");
    }
}

#[test]
fn who_may_not_pull_the_source_uploads_instead() {
    for site in &*sites() {
        // docker's daemon remembers where the registry has a layer, and skopeo remembers it in its cache: both ask for
        // it there when bob pushes, in vain.
        let [source, target] = ["ada/known:1", "bob/known:1"].map(|name| site.reference(name));
        let image = Image::new(&source);
        let (ada, bob) = (Docker::new(), Docker::new());
        site.login(&ada, "ada");
        site.login(&bob, "bob");
        ada.push(&image, &source).ok().says(": Pushed");
        bob.push(&image, &target).ok().says(": Pushed");
        assert!(
            site.registry
                .log()
                .contains("/v2/bob/known/blobs/uploads/?from=ada%2Fknown&mount=")
        );
        drop(ada);
        let _ = bob.pull(&target).ok();

        let [source, target] = ["ada/cached:1", "bob/cached:1"].map(|name| site.reference(name));
        let image = Image::new(&source);
        let skopeo = Skopeo::new();
        site.login(&skopeo, "ada");
        let _ = skopeo.push(&image, &source).ok();
        site.login(&skopeo, "bob");
        let _ = skopeo.push(&image, &target).ok();
        let _ = skopeo.pull(&target).ok();
    }
}

#[test]
fn a_refused_mount_tells_nothing_of_its_source() {
    for site in &*sites() {
        let source = site.reference("ada/hidden:1");
        let image = Image::new(&source);
        let crane = Crane::new();
        site.login(&crane, "ada");
        let _ = crane.push(&image, &source).ok();
        let [there, absent] = [digest(&fs::read(image.layer()).unwrap()), digest(b"absent")];
        let asked = [("ada/hidden", &there), ("ada/hidden", &absent), ("ada/nowhere", &there)];

        let allowed = asked.map(|(from, digest)| mount(site, "ada", digest, from).status);
        assert_eq!(allowed, [201, 202, 202], "mounted, and an upload begun in its stead");
        let [hidden, no_blob, no_repository] = asked.map(|(from, digest)| {
            let answer = mount(site, "bob", digest, from);
            let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
            (answer.status, names, answer.text().replace(from, "the source"))
        });
        assert_eq!(hidden.0, 401);
        assert_eq!(hidden, no_blob);
        assert_eq!(hidden, no_repository);
    }
}

/// Asks for a mount of a blob into a repository of `account`'s own.
#[track_caller]
fn mount(site: &Site, account: &str, digest: &str, from: &str) -> Response {
    let scope = format!("repository:{account}/target:pull,push repository:{from}:pull");
    let path = format!("/v2/{account}/target/blobs/uploads/?mount={digest}&from={from}");
    site.bearing(account, &scope, "POST", &path, &[])
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold("sha256:".to_owned(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
