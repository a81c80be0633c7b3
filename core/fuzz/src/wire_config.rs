//! A configuration of the wire, and behind a line `====` the one that follows it. `@KEY@` and `@CERTIFICATE@` stand for
//! the contents of such files, so that chance need not find them.

use std::net::{IpAddr, Ipv4Addr};

use registry_auth_core::account::Account;
use registry_auth_core::acl::PatternMemo;
use registry_auth_core::authn::attempt::InPlace;
use registry_auth_core::decide::{Known, Step, authorize, decide};
use registry_auth_core::memo::Seed;
use registry_auth_core::policy::{Assembly, Policy, Progress};
use registry_auth_core::request::{Credentials, Method, TokenRequest};
use registry_auth_core::scope::Scopes;
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;
use registry_auth_core::time::Timestamp;

use crate::configuration::{CERTIFICATE, KEY};

/// More steps than the longest input has.
const MOST_STEPS: usize = 1_000_000;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        let _ = assembled(data.to_vec(), None);
        return;
    };
    let escaped = |pem: &str| pem.trim_end().replace('\n', "\\n");
    let text = text
        .replace("@KEY@", &escaped(KEY))
        .replace("@CERTIFICATE@", &escaped(CERTIFICATE));
    let (first, second) = text.split_once("====\n").unwrap_or((&text, ""));
    let before = assembled(first.into(), None);
    if let Ok(policy) = &before {
        decides(policy);
    }
    let anew = assembled(second.into(), None);
    let taken_over = assembled(second.into(), before.as_ref().ok());
    match (&anew, &taken_over) {
        (Ok(anew), Ok(taken_over)) => {
            assert_eq!(
                decides(anew),
                decides(taken_over),
                "it is no matter what was taken over"
            );
            assert_eq!(anew.users.dearest(), taken_over.users.dearest());
            assert!(anew.same_key(taken_over));
        }
        (Err(anew), Err(taken_over)) => assert_eq!(anew, taken_over),
        (anew, taken_over) => panic!("{:?} and {:?}", anew.as_ref().err(), taken_over.as_ref().err()),
    }
    for policy in [before, anew, taken_over].into_iter().flatten() {
        let mut remains = policy.dismantle();
        while remains.step() == Progress::More {}
    }
}

/// The policy, or why there is none.
fn assembled(body: Vec<u8>, before: Option<&Policy>) -> Result<Policy, String> {
    let now = Timestamp::from_seconds(1_800_000_000);
    let mut assembly = Assembly::begin(Secret::new(body), before, now).map_err(|error| error.to_string())?;
    let mut steps = 0;
    while assembly.step() == Progress::More {
        steps += 1;
        assert!(steps < MOST_STEPS, "it ends");
    }
    let (policy, _) = assembly.finish().map_err(|problems| {
        assert!(problems.is_refusal(), "what is refused says why");
        problems.to_string()
    })?;
    Ok(policy)
}

/// What it decides about a known account and about a stranger, in words.
fn decides(policy: &Policy) -> Vec<String> {
    let mut patterns = PatternMemo::new(Seed::new([7; 16]));
    let mut request = TokenRequest {
        credentials: Credentials::Anonymous,
        service: Service::parse("registry").expect("a service"),
        scopes: Scopes::parse(["repository:ada/app:pull,push registry:catalog:*"]).expect("scopes"),
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        method: Method::Get,
        offline: false,
    };
    let said = |step: &Step| match step {
        Step::Decided(decision) => format!("{:?}", decision.grants()),
        Step::Ask(question) => format!("{question:?}"),
    };
    let anonymous = decide(policy, &request, &mut InPlace, &mut patterns);
    let mut all = vec![anonymous.map_or_else(|undecided| undecided.to_string(), |step| said(&step))];
    let account = Account::parse("ada").expect("an account");
    let known = policy.users.knows(&account);
    let identity = registry_auth_core::account::Identity {
        account: account.clone(),
        ..Default::default()
    };
    request.credentials = Credentials::Password {
        account,
        password: Secret::new(b"secret".to_vec()),
    };
    let known_step = authorize(
        policy,
        &request,
        Known::user(identity, registry_auth_core::authn::Proof::Open),
        &mut patterns,
    );
    all.extend([known.to_string(), said(&known_step)]);
    all
}
