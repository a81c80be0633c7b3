//! What whoever logs in, pushes and pulls sees, with every client and the oldest and the newest registry.

use registry_auth_tests::client::Client as _;
use registry_auth_tests::crane::Crane;
use registry_auth_tests::envoy::EnvoyRelease;
use registry_auth_tests::image::Image;
use registry_auth_tests::oras::Oras;
use registry_auth_tests::process::Ran;
use registry_auth_tests::registry::RegistryRelease;
use registry_auth_tests::skopeo::Skopeo;
use serde_json::Value;

use super::site::{CLIENTS, Site, WRONG, sites};

#[test]
fn what_one_account_pushes_another_pulls_until_it_logs_out() {
    for site in &*sites() {
        for kind in &CLIENTS {
            let name = format!("team/pulled-{}", kind.name);
            let reference = site.reference(&format!("{name}:1"));
            let image = Image::new(&reference);
            let ada = (kind.new)();
            site.login(&*ada, "ada");
            let _ = ada.push(&image, &reference).ok();
            // docker's images go with its client: the next one has to fetch all of it.
            drop(ada);
            let pushed = site.digest(&name).expect("what was pushed is there");
            if kind.verbatim {
                assert_eq!(pushed, image.digest(), "{reference}");
            }
            let bob = (kind.new)();
            site.login(&*bob, "bob");
            let _ = bob.pull(&reference).ok();
            assert_eq!(bob.pulled(&reference), pushed, "{reference}");
            let _ = bob.logout(&site.address()).ok();
            bob.pull(&reference).fails().says(kind.denied);
        }
    }
}

#[test]
fn on_each_release_of_envoy_an_image_goes_up_and_down() {
    for release in EnvoyRelease::ALL {
        let site = Site::start(release, RegistryRelease::V3_1);
        let reference = site.reference("team/app:1");
        let ada = Skopeo::new();
        site.login(&ada, "ada");
        let _ = ada.push(&Image::new(&reference), &reference).ok();
        let bob = Skopeo::new();
        site.login(&bob, "bob");
        let _ = bob.pull(&reference).ok();
        assert_eq!(Some(bob.pulled(&reference)), site.digest("team/app"), "{release:?}");
        bob.push(&Image::new(&reference), &reference)
            .fails()
            .says("denied: requested access to the resource is denied");
    }
}

#[test]
fn a_wrong_password_is_refused_and_the_client_says_so() {
    for site in &*sites() {
        for kind in &CLIENTS {
            let ada = (kind.new)();
            let login = ada.login(&site.address(), "ada", WRONG);
            if kind.name == "crane" {
                // It stores whatever it is given, and asks with its next command.
                let _ = login.ok();
                ada.pull(&site.reference("public/app:1")).fails().says(kind.wrong);
            } else {
                login.fails().says(kind.wrong);
            }
            // The right one goes on to work.
            site.login(&*ada, "ada");
        }
    }
}

#[test]
fn an_account_that_may_pull_does_not_push() {
    for site in &*sites() {
        for kind in &CLIENTS {
            let name = format!("team/not-pushed-{}", kind.name);
            let reference = site.reference(&format!("{name}:1"));
            let bob = (kind.new)();
            site.login(&*bob, "bob");
            bob.push(&Image::new(&reference), &reference).fails().says(kind.denied);
            assert_eq!(site.digest(&name), None, "{reference}");
        }
    }
}

#[test]
fn whoever_is_not_logged_in_pulls_what_is_public_and_pushes_nothing() {
    for site in &*sites() {
        for kind in &CLIENTS {
            let name = format!("public/{}", kind.name);
            let reference = site.reference(&format!("{name}:1"));
            let ada = (kind.new)();
            site.login(&*ada, "ada");
            let _ = ada.push(&Image::new(&reference), &reference).ok();
            drop(ada);
            let nobody = (kind.new)();
            let _ = nobody.pull(&reference).ok();
            assert_eq!(Some(nobody.pulled(&reference)), site.digest(&name), "{reference}");
            let other = format!("{name}-other");
            let reference = site.reference(&format!("{other}:1"));
            nobody
                .push(&Image::new(&reference), &reference)
                .fails()
                .says(kind.denied);
            assert_eq!(site.digest(&other), None, "{reference}");
        }
    }
}

#[test]
fn what_belongs_to_one_account_no_other_pulls() {
    for site in &*sites() {
        let reference = site.reference("ada/secret:1");
        let ada = Skopeo::new();
        site.login(&ada, "ada");
        let _ = ada.push(&Image::new(&reference), &reference).ok();
        for kind in &CLIENTS {
            let client = (kind.new)();
            client.pull(&reference).fails().says(kind.denied);
            site.login(&*client, "bob");
            client.pull(&reference).fails().says(kind.denied);
            // What is there and what is not look the same to bob.
            client.pull(&site.reference("ada/nothing:1")).fails().says(kind.denied);
        }
    }
}

#[test]
fn the_catalog_is_for_whom_a_rule_says() {
    for site in &*sites() {
        let ada = Crane::new();
        ada.catalog(&site.address())
            .fails()
            .says("UNAUTHORIZED: authentication required");
        site.login(&ada, "ada");
        let reference = site.reference("ada/listed:1");
        let _ = ada.push(&Image::new(&reference), &reference).ok();
        ada.catalog(&site.address())
            .fails()
            .says("UNAUTHORIZED: authentication required");
        let admin = Crane::new();
        site.login(&admin, "admin");
        let listed = admin.catalog(&site.address()).ok().stdout;
        assert!(listed.lines().any(|name| name == "ada/listed"), "{listed}");
        // Names are all that the rule gives.
        admin
            .pull(&reference)
            .fails()
            .says("UNAUTHORIZED: authentication required");
    }
}

#[test]
fn tags_are_listed_inspected_and_deleted_where_a_rule_says() {
    const DENIED: &str = "authentication required";
    for site in &*sites() {
        let [own, team] = ["ada/listing", "team/listing"].map(|name| site.reference(name));
        let one = format!("{team}:1");
        let (skopeo, crane, oras) = (Skopeo::new(), Crane::new(), Oras::new());
        site.login(&skopeo, "ada");
        site.login(&crane, "ada");
        site.login(&oras, "ada");
        for name in ["ada/listing:1", "ada/listing:2", "team/listing:1"] {
            let reference = site.reference(name);
            let _ = crane.push(&Image::new(&reference), &reference).ok();
        }
        let tags = parsed(&skopeo.list_tags(&own).ok())["Tags"].to_string();
        for listed in [
            tags,
            crane.list_tags(&own).ok().stdout,
            oras.list_tags(&own).ok().stdout,
        ] {
            // Registry 2.8 lists them in no order.
            let mut tags: Vec<_> = listed
                .split(|c: char| !c.is_ascii_digit())
                .filter(|tag| !tag.is_empty())
                .collect();
            tags.sort_unstable();
            assert_eq!(tags, ["1", "2"]);
        }
        let inspected = parsed(&skopeo.inspect(&one).ok());
        assert_eq!(inspected["Digest"].as_str(), site.digest("team/listing").as_deref());

        // Of the team's repositories she may pull and push; her own are hers to delete from too.
        skopeo.delete(&one).fails().says(DENIED);
        crane.delete(&one).fails().says(DENIED);
        oras.delete(&one).fails().says(DENIED);
        assert!(site.digest("team/listing").is_some());
        let _ = skopeo.delete(&format!("{own}:1")).ok();
        assert_eq!(site.digest("ada/listing"), None);

        let foreign = site.reference("bob/listing");
        skopeo.list_tags(&foreign).fails().says(DENIED);
        crane.list_tags(&foreign).fails().says(DENIED);
        oras.list_tags(&foreign).fails().says(DENIED);
    }
}

#[track_caller]
fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ran.report()))
}
