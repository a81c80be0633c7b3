//! Which endpoint a path is: prefix, host and authority, a line each, then the path.

use registry_auth_core::config::server::Server;
use registry_auth_core::problem::Problems;
use registry_auth_core::request::route::{Endpoint, Route};

use crate::lines;

pub(crate) fn run(data: &[u8]) {
    let [prefix, host, authority, path] = lines(data);
    let (Ok(prefix), Ok(host)) = (str::from_utf8(prefix), str::from_utf8(host)) else {
        return;
    };
    let mut server = Server {
        path_prefix: Some(prefix.to_owned()),
        ..Server::default()
    };
    let mut problems = Problems::default();
    let everywhere = Endpoint::compile(&server, &mut problems);
    if problems.is_refusal() {
        return;
    }
    let route = everywhere.route(authority, path);
    let plain = path.split(|b| *b == b'?').next().unwrap_or_default();
    let is_token = ["/token", "/auth", "/auth/token"]
        .into_iter()
        .any(|token| plain == format!("{prefix}{token}").as_bytes());
    assert_eq!(route == Route::Token, is_token);
    assert!(matches!(route, Route::Token | Route::Unknown | Route::Pass));

    server.hosts = Some(vec![host.to_owned()]);
    let on_host = Endpoint::compile(&server, &mut problems);
    if problems.is_refusal() {
        return;
    }
    assert_eq!(on_host.route(host.to_ascii_uppercase().as_bytes(), path), route);
    if !host.contains(':') {
        assert_eq!(on_host.route(format!("{host}:5000").as_bytes(), path), route);
    }
    assert!([Route::Pass, route].contains(&on_host.route(authority, path)));
}
