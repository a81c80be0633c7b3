//! Decisions, and what an operator reads of files that give none.

mod kinds;
mod refusals;
mod requests;

use std::time::Duration;

use registry_auth_core::account::{Account, Identity, LabelsArePatterns};
use registry_auth_core::config::Node;
use registry_auth_core::scope::Scope;
use registry_auth_core::secret::Secret;
use registry_auth_core::service::Service;

use super::*;

/// A model as docker_auth's users have it, with a matcher of its own.
fn model(matcher: &str) -> String {
    format!(
        "[request_definition]\nr = account, type, name, service, ip, action, labels\n\n\
         [policy_definition]\np = account, name, action\n\n[policy_effect]\ne = some(where (p.eft == allow))\n\n\
         [matchers]\nm = {matcher}\n"
    )
}

/// What opening these files comes to.
fn open(model: &str, policy: &str) -> Result<CasbinAuthorizer, String> {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(r#"{"model_path": "model.conf", "policy_path": "policy.csv"}"#).unwrap();
    let section = Section::open(node, Place::root().key("casbin_authz"), &mut problems).unwrap();
    let file = |path: &str| {
        let content = if path == "model.conf" { model } else { policy };
        Ok(Secret::new(content.to_owned()))
    };
    let sources = Sources {
        environment: &|_| None,
        files: Some(&file),
    };
    let opened = CasbinAuthorizer::open(section, sources, &mut problems);
    let told = problems.to_string().replace("casbin_authz.", "");
    assert_eq!(opened.is_some(), told.is_empty(), "{told}");
    opened.ok_or(told)
}

/// Somebody who asks.
struct Asker<'a> {
    account: &'a str,
    service: &'a str,
    address: &'a str,
    labels: &'a str,
}

/// ada, who asks the registry from the address of a document.
const ADA: Asker<'static> = Asker {
    account: "ada",
    service: "registry",
    address: "192.0.2.7",
    labels: "{}",
};

impl Asker<'_> {
    /// What is granted of a scope.
    fn granted(&self, authorizer: &CasbinAuthorizer, scope: &str) -> String {
        let labels: Labels = serde_json::from_str(self.labels).unwrap();
        let identity = Identity {
            account: Account::parse(self.account).unwrap(),
            labels: registry_auth_core::account::Labels::new(labels, LabelsArePatterns::None),
        };
        let access = Access {
            identity: &identity,
            service: &Service::parse(self.service).unwrap(),
            address: self.address.parse().unwrap(),
            scope: &Scope::parse(scope).unwrap(),
        };
        let far = Instant::now().checked_add(Duration::from_mins(1)).unwrap();
        let allowed = authorizer.enforcement.allowed(question(&access).unwrap(), far);
        allowed.unwrap().to_string()
    }
}

/// What is granted of `scope` by a policy of `account, name, action`.
fn granted(matcher: &str, policy: &str, account: &str, scope: &str) -> String {
    let authorizer = open(&model(matcher), policy).unwrap();
    Asker { account, ..ADA }.granted(&authorizer, scope)
}

/// What docker_auth's version of Casbin's Go library decides by random models and policies, in the region where its reading
/// and ours are the same. A line is a model, a policy, and questions: account, type, name, service, address, labels, and
/// what is granted of `delete,pull,push`.
#[test]
fn decisions_of_the_go_library() {
    #[derive(serde::Deserialize)]
    struct Line {
        model: String,
        policy: String,
        asks: Vec<[String; 7]>,
    }
    let mut decided = 0;
    for line in include_str!("testdata/decisions.jsonl").lines() {
        let Line { model, policy, asks } = serde_json::from_str(line).unwrap();
        let authorizer = open(&model, &policy).unwrap();
        for [account, kind, name, service, address, labels, expected] in &asks {
            let labels = if labels == "null" { "{}" } else { labels };
            let asker = Asker {
                account,
                service,
                address,
                labels,
            };
            let granted = asker.granted(&authorizer, &format!("{kind}:{name}:delete,pull,push"));
            assert_eq!(
                granted, *expected,
                "{account} {kind}:{name} {service} {address} {labels}\n{model}\n{policy}"
            );
            decided += 1;
        }
    }
    assert!(decided >= 1_800, "{decided}");
}
