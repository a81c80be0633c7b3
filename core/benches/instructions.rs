//! What the steps of a request cost, as instructions, which a noisy machine does not move: `make bench-core`.
//!
//! Beside each count stands that of the run before. What a step needs is made ready first, and neither that nor what is
//! dropped afterwards counts.

#![allow(missing_docs, reason = "the macros make public items, for nobody to read")]
#![allow(clippy::expect_used, reason = "a bench, like a test, speaks by it")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use registry_auth_core::account::{Account, Identity, Labels};
use registry_auth_core::acl::{Asked, Grant, PatternMemo};
use registry_auth_core::authn::attempt::{Attempt, InPlace};
use registry_auth_core::authn::hash::Hash;
use registry_auth_core::config::{Document, Sources};
use registry_auth_core::decide::{Decision, Step, decide};
use registry_auth_core::memo::{CredentialMemo, Seed, TokenKey, TokenMemo};
use registry_auth_core::policy::Policy;
use registry_auth_core::problem::Problems;
use registry_auth_core::request::{Credentials, Method, TokenRequest};
use registry_auth_core::scope::{Scope, Scopes};
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;
use registry_auth_core::throttle::MacKey;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Jti, ModuleSigner, Token};
use serde_json::{Value, json};

const KEY: &str = include_str!("../src/token/testdata/p256.pem");
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn seed() -> Seed {
    Seed::new([7; 16])
}

/// As many rules as `make bench` has: each third one plain, with a variable, and with two expressions.
fn policy(rules: usize) -> Policy {
    let rule = |i: usize| {
        let matches = match i % 3 {
            0 => json!({"account": format!("robot-{i}"), "name": format!("robots/{i}/*")}),
            1 => json!({"account": "?*", "name": format!("home-{i}/${{account}}/*")}),
            _ => json!({"account": format!("/^team-{i}-.+$/"), "name": format!(r"/^team-{i}\/(app|lib)-[0-9]+$/")}),
        };
        json!({"match": matches, "actions": ["*"]})
    };
    let config = json!({
        "token": {"issuer": "registry token server", "key": KEY},
        "users": {"ada": {}},
        "acl": (0..rules).map(rule).collect::<Value>(),
    });
    let mut problems = Problems::default();
    let node = serde_json::from_value(config).expect("a configuration");
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    let (policy, _) = Policy::compile(document, now(), problems).expect("a good configuration");
    policy
}

/// A list, and who asks it for what.
struct Question {
    policy: Policy,
    patterns: PatternMemo,
    identity: Identity,
    service: Service,
    scope: Scope,
}

impl Question {
    fn new(rules: usize, account: &str, scope: &str) -> Self {
        let parse = |scope| Scope::parse(scope).expect("a scope");
        let mut question = Self {
            policy: policy(rules),
            patterns: PatternMemo::new(seed()),
            identity: Identity {
                account: Account::parse(account).expect("an account"),
                labels: Labels::default(),
            },
            service: Service::parse("registry").expect("a service"),
            scope: parse("repository:another/app:pull,push"),
        };
        // The allocator puts in order what the configuration freed when it is asked next: a hundred times what is counted.
        question.decide();
        question.scope = parse(scope);
        question
    }

    fn decide(&mut self) -> Grant {
        let asked = Asked {
            identity: &self.identity,
            address: ADDRESS,
            service: &self.service,
            scope: &self.scope,
        };
        self.policy.acl.decide(&asked, &mut self.patterns)
    }
}

/// The last rule with plain texts decides.
fn plain(rules: usize) -> Question {
    let last = (0..rules).rev().find(|i| i % 3 == 0).unwrap_or_default();
    let (account, scope) = (
        format!("robot-{last}"),
        format!("repository:robots/{last}/app:pull,push"),
    );
    Question::new(rules, &account, &scope)
}

/// The last rule with a variable decides.
fn variable(rules: usize) -> Question {
    let last = (0..rules).rev().find(|i| i % 3 == 1).unwrap_or_default();
    Question::new(rules, "ada", &format!("repository:home-{last}/ada/app:pull,push"))
}

/// The last rule with expressions decides.
fn expressions(rules: usize) -> Question {
    let last = (0..rules).rev().find(|i| i % 3 == 2).unwrap_or_default();
    let (account, scope) = (
        format!("team-{last}-ada"),
        format!("repository:team-{last}/app-7:pull,push"),
    );
    Question::new(rules, &account, &scope)
}

#[library_benchmark]
#[bench::plain_10(plain(10))]
#[bench::plain_10_000(plain(10_000))]
#[bench::variable_10(variable(10))]
#[bench::variable_10_000(variable(10_000))]
#[bench::expressions_10(expressions(10))]
#[bench::expressions_10_000(expressions(10_000))]
fn acl(mut question: Question) -> (Grant, Question) {
    let grant = black_box(&mut question).decide();
    (grant, question)
}

const PULL: &str = "repository:team/app:pull";
const PUSH_AND_MOUNT: &str = "repository:team/app:push,pull repository:library/alpine:pull";

fn parsed(value: &str) -> Scopes {
    Scopes::parse([value]).expect("scopes")
}

#[library_benchmark]
#[bench::one(PULL)]
#[bench::two(PUSH_AND_MOUNT)]
fn scope(value: &str) -> Scopes {
    parsed(black_box(value))
}

fn decided(scopes: &str) -> (Policy, Decision) {
    let policy = policy(10);
    let request = TokenRequest {
        credentials: Credentials::Password {
            account: Account::parse("ada").expect("an account"),
            password: Secret::new(Vec::new()),
        },
        service: Service::parse("registry").expect("a service"),
        scopes: parsed(scopes),
        address: ADDRESS,
        method: Method::Get,
        offline: false,
    };
    let step = decide(&policy, &request, &mut InPlace, &mut PatternMemo::new(seed()));
    let decision = match step {
        Ok(Step::Decided(decision)) => Some(decision),
        _ => None,
    };
    (policy, decision.expect("an open account"))
}

fn issue(policy: &Policy, decision: &Decision) -> Token {
    let signer = ModuleSigner::new(&policy.key);
    let jti = Jti::from_random([7; 16]);
    policy.mint.issue(decision, now(), &jti, &signer).expect("a signature")
}

// Claims, their encoding, and an ES256 signature without the host.
#[library_benchmark]
#[bench::one(decided(PULL))]
#[bench::two(decided(PUSH_AND_MOUNT))]
fn token((policy, decision): (Policy, Decision)) -> (Token, Policy, Decision) {
    let token = issue(black_box(&policy), black_box(&decision));
    (token, policy, decision)
}

fn remembered_token() -> (TokenMemo, Decision) {
    let (policy, decision) = decided(PULL);
    let mut memo = TokenMemo::new(seed());
    memo.note(TokenKey::of(&decision), issue(&policy, &decision));
    (memo, decision)
}

#[library_benchmark]
#[bench::hit(remembered_token())]
fn token_memo((mut memo, decision): (TokenMemo, Decision)) -> (Option<Token>, TokenMemo, Decision) {
    let found = memo.find(&TokenKey::of(black_box(&decision)), now()).cloned();
    (found, memo, decision)
}

struct Tried {
    key: MacKey,
    account: Account,
    stored: Hash,
    password: Secret<Vec<u8>>,
    memo: CredentialMemo,
}

impl Tried {
    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            account: &self.account,
            address: ADDRESS,
            stored: Some(&self.stored),
            password: &self.password,
        }
    }
}

fn remembered_credential() -> Tried {
    let mut tried = Tried {
        key: MacKey::new([7; 32]),
        account: Account::parse("ada").expect("an account"),
        stored: Hash::parse(&format!("sha256:{}", "5a".repeat(32))).expect("a hash"),
        password: Secret::new(b"ada-secret".to_vec()),
        memo: CredentialMemo::new(seed()),
    };
    tried.memo.note(tried.key.credential(&tried.attempt()), now());
    tried
}

// Its MAC and the finding.
#[library_benchmark]
#[bench::hit(remembered_credential())]
fn credential_memo(mut tried: Tried) -> (bool, Tried) {
    let mac = black_box(&tried).key.credential(&tried.attempt());
    let holds = tried.memo.holds(&mac, now(), Duration::from_mins(1));
    (holds, tried)
}

library_benchmark_group!(name = steps; benchmarks = scope, acl, token, token_memo, credential_memo);

main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]).format([EventKind::Ir]));
    library_benchmark_groups = steps
);
