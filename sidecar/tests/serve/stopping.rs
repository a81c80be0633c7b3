use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use crate::process::{Site, wait};

const NOTHING: &str = "users: {\"\": {}}\nacl: []\n";

#[test]
fn whoever_only_waits_is_sent_away_and_it_ends_well() {
    let site = Site::new();
    site.configure(NOTHING);
    let mut server = site.start();
    let etag = server
        .socket(
            "filter.sock",
            "GET /v1/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .headers["etag"]
        .clone();
    let mut waiting = UnixStream::connect(site.folder.path().join("filter.sock")).unwrap();
    let request = format!("GET /v1/config?wait=30s HTTP/1.1\r\nHost: x\r\nIf-None-Match: {etag}\r\n\r\n");
    waiting.write_all(request.as_bytes()).unwrap();
    wait("somebody who waits", || {
        let metrics = server.socket(
            "admin.sock",
            "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        );
        metrics.body.contains("registry_auth_hanging_gets 1").then_some(())
    });
    // A connection on which nothing happens holds nobody up.
    let _idle = TcpStream::connect(server.address("token")).unwrap();
    server.signal(Signal::TERM);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 304"), "{answer}");
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn health_is_told_to_whoever_asks() {
    let site = Site::new();
    site.configure(NOTHING);
    let server = site.start();
    let ask = |path: &str| {
        server.socket(
            "admin.sock",
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        )
    };
    assert_eq!(ask("/healthz").status, 200);
    assert_eq!(ask("/readyz").status, 200);
    let metrics = ask("/metrics").body;
    assert!(metrics.contains("# TYPE"), "{metrics}");
    let mut health = site.spawn(&["health", "--admin", "unix:admin.sock"]);
    assert_eq!(health.ended().code(), Some(0), "{}", health.log());
    // Without `admin` it is known whether somebody listens.
    let address = server.address("token");
    site.write(
        "other.yml",
        &format!("server: {{addr: \"{address}\"}}\ntoken: {{issuer: i, key: token.pem}}\n{NOTHING}"),
    );
    assert_eq!(site.spawn(&["health", "other.yml"]).ended().code(), Some(0));
    drop(server);
    assert_eq!(site.spawn(&["health", "other.yml"]).ended().code(), Some(1));
    let mut health = site.spawn(&["health", "--admin", "unix:admin.sock"]);
    assert_eq!(health.ended().code(), Some(2), "{}", health.log());
}
