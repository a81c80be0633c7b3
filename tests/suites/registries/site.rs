//! Where clients go: registries behind Envoy, with accounts and rules for all who come.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::client::Client;
use registry_auth_tests::crane::Crane;
use registry_auth_tests::docker::Docker;
use registry_auth_tests::envoy::{Envoy, EnvoyRelease};
use registry_auth_tests::http::{self, Response};
use registry_auth_tests::keys;
use registry_auth_tests::oras::Oras;
use registry_auth_tests::podman::Podman;
use registry_auth_tests::registry::{Registry, RegistryRelease};
use registry_auth_tests::skopeo::Skopeo;
use serde_json::{Value, json};

/// Of every account.
pub const PASSWORD: &str = "ada-secret";
/// The only wrong one: several would be a guesser's.
pub const WRONG: &str = "ada-secrets";

/// One registry behind the shipped Envoy.
pub struct Site {
    envoy: Envoy,
    pub registry: Registry,
    _key: Certified,
}

/// The sites, shared by tests that run at the same time: Envoy takes seconds of both processors to compile the module.
#[track_caller]
pub fn sites() -> Arc<[Site; 2]> {
    static RUNNING: Mutex<Weak<[Site; 2]>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let sites = Arc::new(
            [RegistryRelease::V2_8, RegistryRelease::V3_1].map(|registry| Site::start(EnvoyRelease::Current, registry)),
        );
        *running = Arc::downgrade(&sites);
        sites
    })
}

/// One client, and what it says.
pub struct Kind {
    pub name: &'static str,
    /// One that is logged in nowhere.
    pub new: fn() -> Box<dyn Client>,
    /// Where the password is wrong.
    pub wrong: &'static str,
    /// Where the registry takes the token, but not for this.
    pub denied: &'static str,
    /// Whether it pushes an image as it is; the others compress layers, or write a manifest of their own.
    pub verbatim: bool,
}

pub const CLIENTS: [Kind; 5] = [
    Kind {
        name: "skopeo",
        new: || Box::new(Skopeo::new()),
        wrong: "invalid username/password",
        denied: "denied: requested access to the resource is denied",
        verbatim: false,
    },
    Kind {
        name: "docker",
        new: || Box::new(Docker::new()),
        wrong: "unauthorized: authentication failed: check the user name and the password",
        denied: "denied: requested access to the resource is denied",
        verbatim: false,
    },
    Kind {
        name: "podman",
        new: || Box::new(Podman::new()),
        wrong: "invalid username/password",
        denied: "denied: requested access to the resource is denied",
        verbatim: false,
    },
    Kind {
        name: "crane",
        new: || Box::new(Crane::new()),
        wrong: "UNAUTHORIZED: authentication failed: check the user name and the password",
        denied: "UNAUTHORIZED: authentication required",
        verbatim: true,
    },
    Kind {
        name: "oras",
        new: || Box::new(Oras::new()),
        wrong: "unauthorized: authentication failed: check the user name and the password",
        denied: "unauthorized: authentication required",
        verbatim: true,
    },
];

impl Site {
    #[track_caller]
    pub fn start(envoy: EnvoyRelease, registry: RegistryRelease) -> Self {
        let key = Certified::self_signed(Algorithm::Es256);
        let setup = Envoy::standalone(&config()).release(envoy).signed_by(&key);
        let registry = Registry::of(registry)
            .realm(&setup.realm())
            .root(&key.root_file())
            .start();
        let envoy = setup.registry(registry.port()).start();
        Self {
            envoy,
            registry,
            _key: key,
        }
    }

    /// `127.0.0.1:port`, as a client names the registry.
    pub fn address(&self) -> String {
        self.envoy.address()
    }

    /// Logs a client in, which succeeds.
    #[track_caller]
    pub fn login<C: Client + ?Sized>(&self, client: &C, account: &str) {
        let _ = client.login(&self.address(), account, PASSWORD).ok();
    }

    /// A client's name for what is `name` in the registry.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// The digest under which the registry has `repository:1`, or `None` if it has no such tag. Ada may look.
    #[track_caller]
    pub fn digest(&self, repository: &str) -> Option<String> {
        const MANIFESTS: &str =
            "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
        let path = format!("/v2/{repository}/manifests/1");
        let answer = self.bearing(
            "ada",
            &format!("repository:{repository}:pull"),
            "HEAD",
            &path,
            &[("accept", MANIFESTS)],
        );
        match answer.status {
            200 => answer.header("docker-content-digest").map(str::to_owned),
            404 => None,
            _ => panic!("neither there nor absent: {answer:?}"),
        }
    }

    /// A request that bears the token of `account` for `scope`.
    #[track_caller]
    pub fn bearing(&self, account: &str, scope: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let url = format!(
            "{}/token?service=registry&scope={}",
            self.envoy.url(),
            scope.replace(' ', "%20")
        );
        let token = crate::token(&http::get(&url, &[("authorization", &http::basic(account, PASSWORD))]).json());
        let authorization = format!("Bearer {token}");
        let headers = [headers, &[("authorization", &authorization)]].concat();
        http::request(method, &format!("{}{path}", self.envoy.url()), &headers, &[])
    }
}

fn config() -> Value {
    json!({
        "token": {"issuer": "registry-auth", "key_env": "TOKEN_KEY", "certificate_env": "TOKEN_CERTIFICATE"},
        "users": {
            "ada": {"password": keys::ADA_SECRET},
            "bob": {"password": keys::ADA_SECRET},
            "admin": {"password": keys::ADA_SECRET},
            "": {},
        },
        "acl": [
            {"match": {"account": "ada", "name": "ada/*"}, "actions": ["*"]},
            {"match": {"account": "bob", "name": "bob/*"}, "actions": ["*"]},
            {"match": {"account": "ada", "name": "team/*"}, "actions": ["pull", "push"]},
            {"match": {"account": "bob", "name": "team/*"}, "actions": ["pull"]},
            {"match": {"account": "ada", "name": "public/*"}, "actions": ["pull", "push"]},
            {"match": {"name": "public/*"}, "actions": ["pull"]},
            {"match": {"account": "admin", "type": "registry", "name": "catalog"}, "actions": ["*"]},
        ],
    })
}
