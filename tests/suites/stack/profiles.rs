//! Each profile: a back-end beside the stack, with accounts that are told in the README.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use registry_auth_tests::client::Client as _;
use registry_auth_tests::image::Image;
use registry_auth_tests::process::run;
use registry_auth_tests::stack::{Profile, Service, Stack};
use registry_auth_tests::{keys, parts, soak};

use crate::{file, has_no_more_rights_than_it_needs, readme_lines};

const WITH_PROFILE: &str = "docker compose --profile";
const WITHOUT: &str = "docker compose up --detach";

/// The first one as often as tests run; all of them take minutes.
#[test]
fn with_a_profile_the_stack_knows_the_accounts_of_its_back_end() {
    let stacks = [
        ("with-ldap", 5011),
        ("with-postgres", 5012),
        ("with-mariadb", 5013),
        ("with-sqlite", 5014),
        ("with-mongo", 5015),
        ("with-htpasswd", 5016),
        ("with-casbin", 5017),
    ];
    let so_many = usize::try_from(soak::times(1)).unwrap_or(usize::MAX);
    for (profile, (name, port)) in Profile::ALL.into_iter().zip(stacks).take(so_many) {
        is_as_told(profile, &Stack::for_profile(name, port, profile));
    }
}

#[track_caller]
fn is_as_told(profile: Profile, stack: &Stack) {
    let lines = readme_lines(WITH_PROFILE).into_iter();
    let lines: Vec<_> = lines.map(|line| line.replace("ldap", profile.name())).collect();
    let [up, down] = &*lines else {
        panic!("two commands were expected: {lines:?}");
    };
    let _ = stack.shell(up).ok();
    stack.wait_until_healthy();

    let (client, address) = (stack.client(), stack.address());
    let reference = |repository: &str| format!("{address}/{repository}:1");
    let image = Image::new(profile.name());
    let _ = client.login(&address, "ada", "hopper").fails();
    let _ = client.login(&address, "ada", "lovelace").ok();
    let _ = client.push(&image, &reference("team/app")).ok();
    let _ = client.push(&image, &reference("ada/app")).ok();
    let _ = client.login(&address, "grace", "hopper").ok();
    let _ = client.pull(&reference("team/app")).fails();
    let _ = client.push(&image, &reference("grace/app")).ok();
    let _ = client.login(&address, "admin", &stack.password()).ok();
    let _ = client.pull(&reference("team/app")).ok();
    for (service, user) in profile.services() {
        has_no_more_rights_than_it_needs(stack, service, user);
    }

    // Restarted with all else it has its accounts again; without the profile they are gone.
    let _ = stack.shell(down).ok();
    let _ = stack.shell(up).ok();
    stack.wait_until_healthy();
    let _ = client.login(&address, "ada", "lovelace").ok();
    let _ = stack.shell(WITHOUT).ok();
    stack.soon("the account is out", || {
        !client.login(&address, "ada", "lovelace").succeeded()
    });
    let _ = client.login(&address, "grace", "hopper").fails();
    let log = stack.log(Service::RegistryAuth);
    assert!(!log.contains("ERROR"), "{log}");

    let _ = stack.shell(&format!("{down} --volumes")).ok();
    assert_eq!(stack.leftovers(), "");
}

/// Each file of a profile with those of the stack, at other places.
#[test]
fn the_configuration_of_each_profile_is_right() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let here = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file can be written");
    write("token.key", keys::ES256);
    write("token.crt", keys::ES256_CERTIFICATE);
    write("ldap.password", "reader-secret\n");
    for name in ["htpasswd", "casbin.conf", "casbin.csv"] {
        write(name, &file(&format!("docker/config/backends/{name}")));
    }
    let moved = |text: &str| {
        let places = [
            ("/key/token.key", here("token.key")),
            ("/certificate/token.crt", here("token.crt")),
            ("/key/ldap.password", here("ldap.password")),
            ("/config/backends/", here("")),
            ("/accounts/", here("")),
            ("unix:/run/registry-auth/", format!("unix:{}", here(""))),
        ];
        places
            .iter()
            .fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    };
    write("auth_config.yml", &moved(&file("docker/config/auth_config.yml")));
    for profile in Profile::ALL {
        let name = format!("{}.yml", profile.name());
        write(&name, &moved(&file(&format!("docker/config/backends/{name}"))));
    }
    let check = |profiles: &[Profile]| {
        let mut check = Command::new(parts::program());
        check.args(["check", "--listen", "none"]).arg(here("auth_config.yml"));
        check.args(profiles.iter().map(|profile| here(&format!("{}.yml", profile.name()))));
        run(check.current_dir(Path::new("/")), Duration::from_secs(30))
    };
    for profile in Profile::ALL {
        let _ = check(&[profile]).ok();
    }
    // Several at once, but one database.
    let databases = [Profile::Postgres, Profile::MariaDb, Profile::Sqlite];
    for (number, one) in databases.into_iter().enumerate() {
        let _ = check(&[Profile::Ldap, one, Profile::Htpasswd, Profile::Casbin]).ok();
        for other in databases.into_iter().skip(number + 1) {
            check(&[one, other]).fails().says("`xorm_auth.database_type` stands in");
        }
    }
}
