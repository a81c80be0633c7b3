//! A configuration as JSON text, up to what it decides. Its key and certificate are named as `KEY` and `CERTIFICATE` in
//! the environment, so that chance need not find one.

use registry_auth::plugin_config::{self, PluginConfig};
use registry_auth_core::acl::PatternMemo;
use registry_auth_core::authn::attempt::{Attempt, Recall, Verifier, Withheld};
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::client_address::AddressError;
use registry_auth_core::decide::{Step, decide};
use registry_auth_core::memo::Seed;
use registry_auth_core::policy::Policy;
use registry_auth_core::problem::{Problem, Problems};
use registry_auth_core::request::{Head, Method};
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Jti, ModuleSigner};

pub(crate) const KEY: &str = include_str!("../../src/token/testdata/p256.pem");
pub(crate) const CERTIFICATE: &str = include_str!("../../src/token/testdata/certificate/self_p256.pem");

/// Computes nothing: every password fits.
struct Trusting;

pub(crate) fn run(data: &[u8]) {
    let environment = |name: &str| match name {
        "KEY" => Some(Secret::new(KEY.to_owned())),
        "CERTIFICATE" => Some(Secret::new(CERTIFICATE.to_owned())),
        _ => None,
    };
    let mut problems = Problems::default();
    let document = match plugin_config::read(data, &environment, &mut problems) {
        Ok(PluginConfig::Standalone(document)) => *document,
        Ok(PluginConfig::Managed(program)) => {
            assert!(program.is_some() || problems.is_refusal(), "what is refused says why");
            check(problems.errors());
            return;
        }
        Err(_) => return,
    };
    let now = Timestamp::from_seconds(1_800_000_000);
    let policy = match Policy::compile(document, now, problems) {
        Ok((policy, warnings)) => {
            check(&warnings);
            policy
        }
        Err(problems) => {
            assert!(problems.is_refusal(), "what is refused says why");
            check(problems.errors());
            check(problems.warnings());
            return;
        }
    };
    let _ = policy
        .endpoint
        .route(b"registry.test:5000", b"/auth/token?service=registry");
    let real_ip = policy.real_ip.as_ref();
    let picked = real_ip.map_or(Err(AddressError::NoHeader), |real_ip| {
        real_ip.pick([b"192.0.2.1, 192.0.2.7".as_slice()].into_iter())
    });
    let head = Head {
        method: Method::Get,
        query: b"service=registry&scope=repository:ada/app:pull,push&scope=registry:catalog:*".to_vec(),
        authorization: Some(Secret::new(b"Basic YWRhOnNlY3JldA==".to_vec())),
        content_type: None,
        address: picked.or_else(|_| "192.0.2.7".parse().map_err(|_| AddressError::NoAddress)),
    };
    let request = head.with_body(b"").expect("a good request");
    let mut patterns = PatternMemo::new(Seed::new([7; 16]));
    let Ok(Step::Decided(decision)) = decide(&policy, &request, &mut Trusting, &mut patterns) else {
        return;
    };
    for grant in decision.grants() {
        let asked: Vec<&str> = grant.scope().actions().iter().collect();
        assert!(grant.actions().iter().all(|action| asked.contains(&action)));
    }
    let jti = Jti::from_random([7; 16]);
    let token = policy
        .mint
        .issue(&decision, now, &jti, &ModuleSigner::new(&policy.key))
        .expect("what compiles can sign");
    let reply = policy.replies.token(&token, &decision, Method::Get, now);
    serde_json::from_str::<serde_json::Value>(&reply.body).expect("JSON");
}

fn check(problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.what().is_empty());
        let text = problem.to_string();
        assert!(!text.contains("MIGHAgEAMBMG"), "the key is never told: {text}");
    }
}

impl Verifier for Trusting {
    fn recall(&mut self, _: &Attempt<'_>) -> Result<Recall, Withheld> {
        Ok(Recall::Fits)
    }

    fn computes(&self, _: &Hash) -> bool {
        true
    }

    fn verify(&mut self, _: &Hash, _: &Secret<Vec<u8>>) -> Result<bool, Withheld> {
        Ok(true)
    }

    fn settle(&mut self, _: &Attempt<'_>, _: bool) {}

    fn settle_as(&mut self, _: &Attempt<'_>, _: bool) -> Result<(), Withheld> {
        Ok(())
    }
}
