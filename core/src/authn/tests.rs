#![expect(clippy::arithmetic_side_effects, reason = "sums of small numbers")]

use std::net::Ipv4Addr;

use super::*;
use crate::config::{Document, Node, Sources};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn users(json: &str) -> StaticUsers {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(&format!(r#"{{"users": {json}}}"#)).unwrap();
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    let users = StaticUsers::compile(document.users.unwrap(), &mut problems);
    assert_eq!(problems.errors(), []);
    users
}

fn refusals(json: &str) -> String {
    let mut problems = Problems::default();
    let node: Node = serde_json::from_str(&format!(r#"{{"users": {json}}}"#)).unwrap();
    let document = Document::read(node, Sources::of_a_proxy(&|_| None), &mut problems);
    StaticUsers::compile(document.users.unwrap_or_default(), &mut problems);
    problems.to_string()
}

fn outcome(users: &StaticUsers, account: &str, password: &str) -> Outcome {
    let account = Account::parse(account).unwrap();
    users
        .authenticate(
            &account,
            &Secret::new(password.as_bytes().to_vec()),
            HERE,
            Strangers::AreRefused,
            &mut attempt::InPlace,
        )
        .unwrap()
}

/// Answers "wrong" and remembers what each answer would have cost.
#[derive(Default)]
struct Bill {
    bcrypt_rounds: u64,
    argon2_kib: u64,
}

impl Verifier for Bill {
    fn recall(&mut self, _: &Attempt<'_>) -> Result<Recall, Withheld> {
        Ok(Recall::Unknown)
    }

    fn computes(&self, _: &Hash) -> bool {
        true
    }

    fn verify(&mut self, hash: &Hash, _: &Secret<Vec<u8>>) -> Result<bool, Withheld> {
        match hash {
            Hash::Bcrypt(hash) => self.bcrypt_rounds += 1 << hash.cost(),
            Hash::Argon2id(hash) => self.argon2_kib += u64::from(hash.cost().work()),
            Hash::Sha256(_) => {}
            #[cfg(feature = "crypt")]
            Hash::Crypt(_) => unreachable!("no static user has one"),
        }
        Ok(false)
    }

    fn settle(&mut self, _: &Attempt<'_>, fits: bool) {
        assert!(!fits);
    }

    fn settle_as(&mut self, _: &Attempt<'_>, _: bool) -> Result<(), Withheld> {
        unreachable!("static users have one name")
    }
}

const B5: &str = "$2y$05$LCzJ13o5lkRuC7g4DZ1Yb.w4ZFJcw9BLJAOeCuKFeAIqRHbEu5vFu";

#[test]
fn an_account_without_password_lets_anybody_in_and_says_so() {
    let users = users(r#"{"guest": {"labels": {"team": ["a"]}}, "": {}}"#);
    let Outcome::Accept(identity, Proof::Open) = outcome(&users, "guest", "anything") else {
        panic!()
    };
    assert_eq!(identity.labels.get("team"), ["a"]);
    assert!(matches!(outcome(&users, "", ""), Outcome::Accept(_, Proof::Open)));
    assert_eq!(outcome(&users, "Guest", ""), Outcome::NoMatch);
}

#[test]
fn an_empty_password_text_lets_nobody_in() {
    let users = users(r#"{"ghost": {"password": ""}}"#);
    assert_eq!(outcome(&users, "ghost", ""), Outcome::Deny);
}

#[test]
fn every_failure_costs_what_the_dearest_of_each_kind_costs() {
    let b7 = B5.replace("$05$", "$07$");
    let argon =
        |cost: &str| format!("$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let (dear, cheap) = (argon("m=19456,t=2,p=1"), argon("m=1024,t=1,p=1"));
    let sha = format!("sha256:{}", "0".repeat(64));
    let users = users(&format!(
        r#"{{"b5": {{"password": "{B5}"}}, "b7": {{"password": "{b7}"}}, "dear": {{"password": "{dear}"}},
            "cheap": {{"password": "{cheap}"}}, "sha": {{"password": "{sha}"}}, "never": {{"password": ""}}}}"#
    ));
    for account in ["b5", "b7", "dear", "cheap", "sha", "never", "unknown"] {
        let mut bill = Bill::default();
        let password = Secret::new(b"wrong".to_vec());
        let outcome = users
            .authenticate(
                &Account::parse(account).unwrap(),
                &password,
                HERE,
                Strangers::AreRefused,
                &mut bill,
            )
            .unwrap();
        assert!(matches!(outcome, Outcome::Deny | Outcome::NoMatch));
        assert_eq!(bill.bcrypt_rounds, 1 << 7, "{account}");
        assert_eq!(bill.argon2_kib, 19_456 * 2, "{account}");
    }
}

#[test]
fn what_cannot_be_a_user_is_refused_with_its_place_and_without_its_hash() {
    let text = refusals(
        r#"{"ada": {"password": "plain-text-secret"}, "bob": {"password": null}, "eve": {"pasword": "x"},
            "a\u0001b": {}, "max": {"labels": {"team": "dev"}}, "tim": {"password": 5}, "low": null}"#,
    );
    insta::assert_snapshot!(text, @r#"
    users.bob.password: is empty; write a hash, or `""` to let nobody in, or `{}` for an account that any password lets in
    users.eve.pasword: unknown key; did you mean `password`?
    users.max.labels.team: must be a list, not a text
    users.tim.password: must be a text, not a number; put it in quotes
    users.ada.password: is no password hash; write one of bcrypt (`$2y$...`), argon2id (`$argon2id$...`) or `sha256:` and 64 hex digits
    users["a\u{1}b"]: an account must not contain control characters
    "#);
}
