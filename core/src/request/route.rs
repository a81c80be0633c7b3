//! Which endpoint a path is, on which host.

use crate::config::server::Server;
use crate::problem::{Place, Problems};

/// Where token requests are answered.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    prefix: String,
    /// In lower case; an entry without a port stands for every port.
    hosts: Option<Vec<String>>,
    own_host: bool,
}

/// What a path on a host is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Not ours: it goes where the proxy's route leads, untouched.
    Pass,
    /// The token endpoint.
    Token,
    /// The front page of a host that is the token server's own.
    Home,
    /// `/v2/` on such a host: somebody takes it for the registry.
    Registry,
    /// Ours, and nothing stands there.
    Unknown,
}

/// The token endpoint under its own name, and under docker_auth's: registries of release 2.8 redirect to `/auth/token`.
const TOKEN_PATHS: [&str; 3] = ["/token", "/auth/token", "/auth"];

impl Endpoint {
    /// Compiles what `server` says of paths and hosts.
    pub fn compile(server: &Server, problems: &mut Problems) -> Self {
        let place = Place::root().key("server");
        let prefix = server.path_prefix.clone().unwrap_or_default();
        if let Some(reason) = prefix_fault(&prefix) {
            problems.error(&place.key("path_prefix"), reason);
        }
        for (i, host) in server.hosts.iter().flatten().enumerate() {
            if host.is_empty() || host.contains('/') || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
                problems.error(
                    &place.key("hosts").index(i),
                    "must be a host name, with or without `:port`",
                );
            }
        }
        let hosts = server
            .hosts
            .as_ref()
            .map(|hosts| hosts.iter().map(|host| host.to_ascii_lowercase()).collect());
        Self {
            prefix,
            hosts,
            own_host: server.own_host,
        }
    }

    /// The same paths on a server that is nothing but this, whatever the host is called.
    #[must_use]
    pub fn on_a_server_of_its_own(mut self) -> Self {
        self.hosts = None;
        self.own_host = true;
        self
    }

    /// What `path`, which may have a query, is on the host `authority`.
    #[must_use]
    pub fn route(&self, authority: &[u8], path: &[u8]) -> Route {
        if !self.acts_on(authority) {
            return Route::Pass;
        }
        let path = path.split(|b| *b == b'?').next().unwrap_or_default();
        let below_prefix = path.strip_prefix(self.prefix.as_bytes());
        match below_prefix {
            Some(below) if TOKEN_PATHS.iter().any(|token| below == token.as_bytes()) => Route::Token,
            // JSON, since a client that gets a web page here says only `invalid character '<'`.
            Some(below) if TOKEN_PATHS.iter().any(|token| is_below(below, token)) => Route::Unknown,
            _ if !self.own_host => Route::Pass,
            _ if path == b"/" || below_prefix == Some(b"/") => Route::Home,
            _ if path == b"/v2" || path.starts_with(b"/v2/") => Route::Registry,
            _ => Route::Unknown,
        }
    }

    fn acts_on(&self, authority: &[u8]) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        let name = without_port(authority);
        hosts.iter().any(|host| {
            let host = host.as_bytes();
            host.eq_ignore_ascii_case(authority) || host.eq_ignore_ascii_case(name)
        })
    }
}

fn prefix_fault(prefix: &str) -> Option<&'static str> {
    if prefix.is_empty() {
        return None;
    }
    if !prefix.starts_with('/') {
        return Some("must begin with `/`");
    }
    if prefix.ends_with('/') {
        return Some("must not end in `/`, since it is put before `/token` as it is");
    }
    let odd = prefix
        .chars()
        .any(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '%' | '\\'));
    odd.then_some("must be a plain path, without query or encoded characters")
}

fn is_below(path: &[u8], token: &str) -> bool {
    path.strip_prefix(token.as_bytes())
        .is_some_and(|rest| rest.starts_with(b"/"))
}

/// `host:5000` and `[::1]:5000` without the port.
fn without_port(authority: &[u8]) -> &[u8] {
    let colon = authority.iter().rposition(|b| *b == b':');
    match colon.and_then(|at| authority.split_at_checked(at)) {
        Some((host, port)) if port.iter().skip(1).all(u8::is_ascii_digit) && !host.ends_with(b":") => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(server: &Server) -> Endpoint {
        let mut problems = Problems::default();
        let endpoint = Endpoint::compile(server, &mut problems);
        assert!(!problems.is_refusal(), "{problems}");
        endpoint
    }

    #[test]
    fn the_token_paths_are_ours_and_all_else_passes_to_the_registry() {
        let endpoint = endpoint(&Server::default());
        for (path, route) in [
            ("/token", Route::Token),
            ("/token?service=a", Route::Token),
            ("/auth", Route::Token),
            ("/auth/token?x", Route::Token),
            ("/token/", Route::Unknown),
            ("/auth/other", Route::Unknown),
            ("/", Route::Pass),
            ("/v2/", Route::Pass),
            ("/tokens", Route::Pass),
            ("/Token", Route::Pass),
            ("/authors", Route::Pass),
            ("", Route::Pass),
        ] {
            assert_eq!(
                endpoint.route(b"registry.example.test", path.as_bytes()),
                route,
                "{path}"
            );
        }
    }

    #[test]
    fn a_host_of_our_own_answers_every_path() {
        let endpoint = endpoint(&Server {
            own_host: true,
            path_prefix: Some("/r".to_owned()),
            ..Server::default()
        });
        for (path, route) in [
            ("/r/token", Route::Token),
            ("/token", Route::Unknown),
            ("/", Route::Home),
            ("/r/", Route::Home),
            ("/v2/", Route::Registry),
            ("/v2", Route::Registry),
            ("/v2/a/tags/list", Route::Registry),
            ("/v20", Route::Unknown),
            ("/favicon.ico", Route::Unknown),
        ] {
            assert_eq!(endpoint.route(b"auth.example.test", path.as_bytes()), route, "{path}");
        }
    }

    #[test]
    fn other_hosts_are_not_touched() {
        let hosts = ["Registry.example.test", "local:5000", "[::1]"]
            .map(str::to_owned)
            .to_vec();
        let endpoint = endpoint(&Server {
            hosts: Some(hosts),
            own_host: true,
            ..Server::default()
        });
        for (authority, ours) in [
            ("registry.example.test", true),
            ("REGISTRY.example.test:443", true),
            ("local:5000", true),
            ("local", false),
            ("local:5001", false),
            ("[::1]:5000", true),
            ("other.example.test", false),
            ("", false),
        ] {
            let route = endpoint.route(authority.as_bytes(), b"/token");
            assert_eq!(route, if ours { Route::Token } else { Route::Pass }, "{authority}");
        }
    }

    #[test]
    fn a_prefix_that_breaks_the_paths_is_refused() {
        for prefix in ["auth", "/auth/", "/", "/a b", "/a?b", "/%41"] {
            let mut problems = Problems::default();
            Endpoint::compile(
                &Server {
                    path_prefix: Some(prefix.to_owned()),
                    ..Server::default()
                },
                &mut problems,
            );
            assert!(problems.is_refusal(), "{prefix}");
        }
    }
}
