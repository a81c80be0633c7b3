use std::fs;
use std::os::unix::fs::symlink;

use rustix::process::Signal;

use crate::process::{ADA, Site, wait};

fn granting(action: &str) -> String {
    format!("users: {{ada: {{password: \"{ADA}\"}}, \"\": {{}}}}\nacl: [{{match: {{name: a}}, actions: [{action}]}}]\n")
}

fn granted(server: &crate::process::Running) -> Vec<String> {
    server.login("", "repository:a:pull,push").granted()
}

#[test]
fn a_changed_file_counts_and_a_bad_one_does_not() {
    let site = Site::new();
    site.configure(&granting("pull"));
    let server = site.start();
    assert_eq!(granted(&server), ["a:pull"]);
    site.configure(&granting("push"));
    wait("the change", || (granted(&server) == ["a:push"]).then_some(()));
    site.configure("users: {}\nacl: 7\n");
    server.wait_for("the last good one stays");
    assert!(server.log().contains("must be a list"), "{}", server.log());
    assert_eq!(granted(&server), ["a:push"]);
    fs::remove_file(site.folder.path().join("auth.yml")).unwrap();
    server.wait_for_nth("the last good one stays", 2);
    assert_eq!(granted(&server), ["a:push"]);
    site.configure(&granting("pull"));
    wait("the file that came back", || {
        (granted(&server) == ["a:pull"]).then_some(())
    });
}

#[test]
fn a_hang_up_reads_everything_again() {
    let site = Site::new();
    site.configure(&granting("pull"));
    let server = site.start();
    server.signal(Signal::HUP);
    server.wait_for_nth("configuration in force", 2);
    assert!(server.log().contains("SIGHUP"), "{}", server.log());
}

#[test]
fn key_and_certificate_change_as_a_pair_or_not_at_all() {
    let site = Site::new();
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/keys");
    let read = |name: &str| fs::read_to_string(format!("{keys}/{name}")).unwrap();
    site.write("token.crt", &read("es256.crt"));
    let listeners = "server: {addr: \"127.0.0.1:0\"}\ntoken: {issuer: i, key: token.pem, certificate: token.crt}\n";
    site.write("auth.yml", &format!("{listeners}{}", granting("pull")));
    let server = site.start();
    site.write("token.pem", &read("es384.pem"));
    server.wait_for("the last good one stays");
    assert_eq!(granted(&server), ["a:pull"]);
    site.write("token.pem", &read("es256.pem"));
    server.wait_for_nth("configuration in force", 2);
}

#[test]
fn what_kubernetes_swaps_by_a_symlink_is_seen() {
    let site = Site::new();
    let root = site.folder.path();
    let listeners = "server: {addr: \"127.0.0.1:0\"}\ntoken: {issuer: i, key: token.pem}\n";
    for (folder, action) in [("..1", "pull"), ("..2", "push")] {
        fs::create_dir(root.join(folder)).unwrap();
        fs::write(
            root.join(folder).join("auth.yml"),
            format!("{listeners}{}", granting(action)),
        )
        .unwrap();
    }
    symlink("..1", root.join("..data")).unwrap();
    symlink("..data/auth.yml", root.join("auth.yml")).unwrap();
    let server = site.start();
    assert_eq!(granted(&server), ["a:pull"]);
    symlink("..2", root.join("..new")).unwrap();
    fs::rename(root.join("..new"), root.join("..data")).unwrap();
    wait("the swap", || (granted(&server) == ["a:push"]).then_some(()));
}

#[test]
fn a_listener_that_moves_is_there_before_the_old_one_is_gone() {
    let site = Site::new();
    site.configure(&granting("pull"));
    let server = site.start();
    let before = server.address("token");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let moved = format!(
        "server: {{addr: \"127.0.0.1:{port}\"}}\ntoken: {{issuer: i, key: token.pem}}\n{}",
        granting("push")
    );
    site.write("auth.yml", &moved);
    server.wait_for_nth("configuration in force", 2);
    assert_eq!(granted(&server), ["a:push"]);
    wait("the new one", || (server.address("token") != before).then_some(()));
    wait("the old one to close", || {
        std::net::TcpStream::connect(&before).is_err().then_some(())
    });
}
