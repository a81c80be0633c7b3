use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{pending, ready};
use std::sync::Mutex;
use std::time::Duration;

use registry_auth_core::account::{Account, Identity, Labels, LabelsArePatterns};
use registry_auth_core::config::{Document, Node};
use registry_auth_core::secret::Secret;

use super::*;
use crate::backend::{Asking, Fault};
use crate::lock::held;

/// A back-end that says one thing, and then something else.
#[derive(Debug)]
struct Says<T> {
    answers: Mutex<Vec<Option<T>>>,
    fault: Fault,
}

/// Says the answers in turn; `None` is a fault. When there is none left, it never answers.
fn says<T>(answers: impl IntoIterator<Item = Option<T>>) -> Says<T> {
    let mut answers: Vec<_> = answers.into_iter().collect();
    answers.reverse();
    Says {
        answers: Mutex::new(answers),
        fault: Fault::Unreached,
    }
}

impl<T: Send> Says<T> {
    fn answer(&self) -> Asking<'_, T> {
        let answers = &self.answers;
        Box::pin(async {
            // Only whoever is asked says something.
            let answer = held(answers).pop();
            match answer {
                Some(answer) => answer.ok_or_else(|| broken(self.fault)),
                None => pending().await,
            }
        })
    }
}

fn broken(fault: Fault) -> BackendError {
    BackendError {
        backend: "test",
        fault,
        what: "is broken".to_owned(),
    }
}

impl Authenticator for Says<Outcome> {
    fn authenticate<'a>(&'a self, _: Login<'a>, _: Instant) -> Asking<'a, Outcome> {
        self.answer()
    }
}

impl Authorizer for Says<Ruling> {
    fn authorize<'a>(&'a self, _: Access<'a>, _: Instant) -> Asking<'a, Ruling> {
        self.answer()
    }
}

fn soon() -> Instant {
    Instant::now().checked_add(Duration::from_millis(100)).unwrap()
}

#[derive(Debug, Default)]
struct Noted(Mutex<Vec<(&'static str, Asked)>>, Mutex<BTreeSet<&'static str>>);

impl Observer for Noted {
    fn asked(&self, backend: &'static str, result: Asked, _: Duration) {
        held(&self.0).push((backend, result));
    }

    fn circuit(&self, backend: &'static str, is_open: bool) {
        let mut open = held(&self.1);
        if is_open {
            open.insert(backend);
        } else {
            open.remove(backend);
        }
    }
}

struct Fixture {
    chain: Chain,
    noted: Arc<Noted>,
}

fn chain(accounts: Vec<Says<Outcome>>, rights: Vec<Says<Ruling>>) -> Fixture {
    const NAMES: [&str; 3] = ["first", "second", "third"];
    let noted = Arc::new(Noted::default());
    let observer: Arc<dyn Observer> = noted.clone();
    let watch = |name| Watch::new(name, &observer);
    let accounts = NAMES.into_iter().zip(accounts);
    let rights = NAMES.into_iter().zip(rights);
    let authenticator = |(name, says): (_, Says<Outcome>)| (watch(name), Box::new(says) as Box<dyn Authenticator>);
    let authorizer = |(name, says): (_, Says<Ruling>)| (watch(name), Box::new(says) as Box<dyn Authorizer>);
    let chain = Chain {
        authn: accounts.map(authenticator).collect(),
        authz: rights.map(authorizer).collect(),
    };
    Fixture { chain, noted }
}

impl Fixture {
    async fn login(&self, account: &str) -> Result<Answer, String> {
        self.compared(account, |_| ready(Ok(false))).await
    }

    /// Whatever the password is compared with, `compare` says whether it fits.
    async fn compared<F>(&self, account: &str, compare: impl Fn(Work) -> F) -> Result<Answer, String>
    where
        F: Future<Output = Result<bool, BackendError>>,
    {
        let login = Login {
            account: &Account::parse(account).unwrap(),
            password: &Secret::new(b"secret".to_vec()),
            service: &Service::default(),
            address: [192, 0, 2, 7].into(),
        };
        let answer = self.chain.authenticate(login, soon(), compare).await;
        answer.map_err(|error| error.to_string())
    }

    async fn access(&self, scopes: &[&str]) -> Result<Vec<String>, String> {
        let known = Known::user(identity("ada", "x"), Proof::Password);
        let scopes: Vec<Scope> = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
        let (service, address) = (Service::default(), [192, 0, 2, 7].into());
        let found = self.chain.authorize(&known, &service, address, &scopes, soon()).await;
        let found = found.map_err(|error| error.to_string())?;
        let texts = found.iter().map(|(actions, because)| format!("{actions}: {because}"));
        Ok(texts.collect())
    }

    /// Whose circuit is open.
    fn open(&self) -> Vec<&'static str> {
        held(&self.noted.1).iter().copied().collect()
    }

    fn noted(&self) -> Vec<(&'static str, Asked)> {
        std::mem::take(&mut held(&self.noted.0))
    }
}

fn identity(account: &str, label: &str) -> Identity {
    let labels = BTreeMap::from([("label".to_owned(), vec![label.to_owned()])]);
    Identity {
        account: Account::parse(account).unwrap(),
        labels: Labels::new(labels, LabelsArePatterns::None),
    }
}

fn accepted(label: &str) -> Outcome {
    Outcome::Accept(identity("ada", label))
}

fn grant(actions: &[&str]) -> Ruling {
    Ruling::Grant(actions.iter().copied().collect())
}

#[tokio::test]
async fn the_first_that_knows_the_account_decides_and_nobody_is_denied() {
    let fixture = chain(
        vec![
            says([Some(Outcome::NoMatch), Some(Outcome::NoMatch), Some(Outcome::NoMatch)]),
            says([
                Some(accepted("second")),
                Some(Outcome::Deny(Denial::default())),
                Some(Outcome::NoMatch),
            ]),
            says([Some(Outcome::NoMatch)]),
        ],
        vec![],
    );
    let known = Known {
        identity: identity("ada", "second"),
        proof: Proof::Password,
        backend: "second".into(),
    };
    assert_eq!(fixture.login("ada").await, Ok(Answer::Accepted(known)));
    assert_eq!(
        fixture.noted(),
        [("first", Asked::NoMatch), ("second", Asked::Accepted)]
    );
    assert_eq!(fixture.login("ada").await, Ok(Answer::Denied(Denial::default())));
    assert_eq!(fixture.noted(), [("first", Asked::NoMatch), ("second", Asked::Denied)]);
    assert_eq!(fixture.login("ada").await, Ok(Answer::Denied(Denial::default())));
    assert_eq!(fixture.noted().len(), 3);
}

#[tokio::test]
async fn a_password_that_is_compared_decides_and_one_of_nobody_goes_on() {
    let compare = |found: Option<Identity>| {
        let work = Work {
            stored: None,
            decoys: Vec::new(),
        };
        Some(Outcome::Compare(Comparison { found, work }))
    };
    let fixture = chain(
        vec![
            says([
                compare(None),
                compare(Some(identity("ada", "first"))),
                compare(Some(identity("ada", "first"))),
            ]),
            says([Some(Outcome::NoMatch)]),
        ],
        vec![],
    );
    let compared = |fits: bool| fixture.compared("ada", move |_| ready(Ok(fits)));
    assert_eq!(compared(true).await, Ok(Answer::Denied(Denial::default())));
    assert_eq!(fixture.noted(), [("first", Asked::NoMatch), ("second", Asked::NoMatch)]);
    assert_eq!(compared(false).await, Ok(Answer::Denied(Denial::default())));
    assert_eq!(fixture.noted(), [("first", Asked::Found)]);
    let Ok(Answer::Accepted(known)) = compared(true).await else {
        panic!("not accepted")
    };
    assert_eq!(
        (known.identity, known.proof),
        (identity("ada", "first"), Proof::Password)
    );
}

#[tokio::test]
async fn what_is_computed_for_nobody_is_for_failures_alone() {
    let of_nobody = || {
        let work = Work {
            stored: None,
            decoys: Vec::new(),
        };
        Some(Outcome::Compare(Comparison { found: None, work }))
    };
    let fixture = chain(
        vec![
            says([of_nobody(), of_nobody(), of_nobody()]),
            says([
                Some(Outcome::Accept(identity("ada", "second"))),
                Some(Outcome::Deny(Denial::default())),
                Some(Outcome::NoMatch),
            ]),
        ],
        vec![],
    );
    for (is_let_in, computed) in [(true, 0), (false, 1), (false, 1)] {
        let count = Cell::new(0);
        let compare = |_| {
            count.set(count.get() + 1);
            ready(Ok(false))
        };
        let answer = fixture.compared("ada", compare).await.unwrap();
        assert_eq!(matches!(answer, Answer::Accepted(_)), is_let_in);
        assert_eq!(count.get(), computed);
    }
}

#[tokio::test]
async fn nobody_in_particular_has_proven_nothing() {
    let fixture = chain(vec![says([Some(Outcome::Accept(Identity::default()))])], vec![]);
    let Ok(Answer::Accepted(known)) = fixture.login("").await else {
        panic!("not accepted")
    };
    assert_eq!(known.proof, Proof::Open);
}

#[tokio::test]
async fn a_fault_ends_the_request_and_the_back_end_is_down_until_it_answers_again() {
    let fixture = chain(
        vec![
            says([None, Some(Outcome::NoMatch), Some(Outcome::NoMatch)]),
            says([Some(accepted("second")), None]),
        ],
        vec![],
    );
    assert_eq!(fixture.login("ada").await, Err("test: is broken".to_owned()));
    assert_eq!(fixture.noted(), [("first", Asked::Failed)]);
    assert_eq!(fixture.chain.down(), ["first"]);
    assert!(fixture.login("ada").await.is_ok());
    assert_eq!(fixture.chain.down(), [""; 0]);
    assert!(fixture.login("ada").await.is_err());
    assert_eq!(fixture.chain.down(), ["second"]);
}

#[tokio::test]
async fn one_that_cannot_prepare_is_down_before_anybody_asks() {
    #[derive(Debug)]
    struct Unprepared;
    impl Authenticator for Unprepared {
        fn prepare(&self, _: Instant) -> Option<Asking<'_, ()>> {
            Some(Box::pin(ready(Err(broken(Fault::Unreached)))))
        }

        fn authenticate<'a>(&'a self, _: Login<'a>, _: Instant) -> Asking<'a, Outcome> {
            Box::pin(ready(Ok(Outcome::NoMatch)))
        }
    }
    let mut fixture = chain(vec![says([])], vec![]);
    fixture.chain.prepare(soon()).await;
    assert_eq!(fixture.chain.down(), [""; 0]);
    fixture.chain.authn[0].1 = Box::new(Unprepared);
    fixture.chain.prepare(soon()).await;
    assert_eq!(fixture.chain.down(), ["first"]);
    assert_eq!(fixture.noted(), [("first", Asked::Failed)]);
    assert!(fixture.login("ada").await.is_ok());
    assert_eq!(fixture.chain.down(), [""; 0]);
}

#[tokio::test]
async fn past_the_deadline_it_is_a_fault_and_who_leaves_is_noted() {
    let fixture = chain(vec![says([])], vec![]);
    assert_eq!(
        fixture.login("ada").await,
        Err("first: did not answer while somebody waited for it".to_owned())
    );
    assert_eq!(fixture.noted(), [("first", Asked::Failed)]);
    let left = tokio::time::timeout(Duration::ZERO, fixture.login("ada")).await;
    assert!(left.is_err());
    assert_eq!(fixture.noted(), [("first", Asked::Abandoned)]);
}

/// Asks a question that nobody waits for.
async fn leave(fixture: &Fixture) {
    assert!(
        tokio::time::timeout(Duration::ZERO, fixture.login("ada"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn one_that_fails_again_and_again_is_left_alone_until_it_answers() {
    let broken = || std::iter::repeat_with(|| None).take(5);
    // The probe, which one leaves and the next one is answered.
    let first = says(broken().chain([None, Some(Outcome::NoMatch), Some(Outcome::NoMatch)]));
    let fixture = chain(
        vec![
            first,
            says([Some(accepted("second")), Some(Outcome::Deny(Denial::default()))]),
        ],
        vec![],
    );
    for _ in 0..5 {
        assert_eq!(fixture.open(), [""; 0]);
        assert!(fixture.login("ada").await.is_err());
    }
    assert_eq!((fixture.open(), fixture.chain.down()), (vec!["first"], vec!["first"]));
    fixture.noted();
    let spared = fixture.login("ada").await.unwrap_err();
    assert!(
        spared.starts_with("first: failed again and again, and is not asked for another "),
        "{spared}"
    );
    assert!(spared.ends_with(" ms: is broken"), "{spared}");
    assert_eq!(fixture.noted(), [("first", Asked::NotAsked)]);
    assert_eq!(fixture.chain.down(), ["first"]);
    fixture.chain.authn[0].0.be_due();
    assert_eq!(fixture.login("ada").await, Err("test: is broken".to_owned()));
    assert!(fixture.login("ada").await.unwrap_err().starts_with("first: "));
    fixture.chain.authn[0].0.be_due();
    assert!(fixture.login("ada").await.is_ok());
    assert_eq!((fixture.open(), fixture.chain.down()), (vec![], vec![]));
    assert!(fixture.login("ada").await.is_ok());
}

#[tokio::test]
async fn a_probe_that_is_abandoned_leaves_room_for_the_next() {
    let fixture = chain(vec![says([None, None, None, None, None])], vec![]);
    for _ in 0..5 {
        assert!(fixture.login("ada").await.is_err());
    }
    fixture.chain.authn[0].0.be_due();
    fixture.noted();
    for _ in 0..3 {
        leave(&fixture).await;
    }
    assert_eq!(fixture.noted(), [("first", Asked::Abandoned); 3]);
    // So does one that takes longer than somebody waits.
    for _ in 0..2 {
        assert!(
            fixture
                .login("ada")
                .await
                .unwrap_err()
                .contains("while somebody waited")
        );
    }
    assert_eq!(fixture.open(), ["first"]);
}

#[tokio::test]
async fn what_is_due_to_one_account_or_to_us_shuts_nobody_out() {
    for (fault, ends) in [
        (Fault::Useless, Asked::Failed),
        (Fault::Silent, Asked::Failed),
        (Fault::Unwaited, Asked::Failed),
        (Fault::NotAsked, Asked::NotAsked),
    ] {
        let mut first = says(
            std::iter::repeat_with(|| None)
                .take(100)
                .chain([Some(accepted("first"))]),
        );
        first.fault = fault;
        let fixture = chain(vec![first], vec![]);
        for _ in 0..100 {
            assert_eq!(
                fixture.login("ada").await,
                Err("test: is broken".to_owned()),
                "{fault:?}"
            );
        }
        assert_eq!(fixture.open(), [""; 0], "{fault:?}");
        assert!(fixture.noted().iter().all(|(_, result)| *result == ends), "{fault:?}");
        assert_eq!(fixture.chain.down().is_empty(), fault == Fault::NotAsked, "{fault:?}");
        assert!(fixture.login("grace").await.is_ok(), "{fault:?}");
    }
    // Silence about two is another thing.
    let mut first = says([None, None, None, None, None]);
    first.fault = Fault::Silent;
    let fixture = chain(vec![first], vec![]);
    for account in ["ada", "bob", "ada", "ada", "ada"] {
        assert!(fixture.login(account).await.is_err());
    }
    assert_eq!(fixture.open(), ["first"]);
}

#[tokio::test]
async fn one_that_says_what_people_may_do_is_left_alone_too() {
    let fixture = chain(vec![], vec![says([None, None, None, None, None])]);
    for _ in 0..5 {
        assert!(fixture.access(&["repository:a:pull"]).await.is_err());
    }
    assert_eq!(fixture.open(), ["first"]);
    let error = fixture.access(&["repository:a:pull"]).await.unwrap_err();
    assert!(error.contains("is not asked for another"), "{error}");
}

#[tokio::test]
async fn scope_by_scope_the_first_that_has_something_to_say_decides_and_none_grants_nothing() {
    let fixture = chain(
        vec![],
        vec![
            says([
                Some(Ruling::NoMatch),
                Some(grant(&["pull", "delete"])),
                Some(Ruling::NoMatch),
            ]),
            says([Some(grant(&[])), Some(Ruling::NoMatch)]),
        ],
    );
    let scopes = ["repository:a:pull", "repository:b:pull,push", "repository:c:pull"];
    assert_eq!(
        fixture.access(&scopes).await.unwrap(),
        [": second says so", "pull: first says so", ": no rule matches"]
    );
    assert_eq!(fixture.access(&[]).await, Ok(vec![]));
}

#[tokio::test]
async fn a_fault_about_one_scope_is_one_about_all() {
    let fixture = chain(vec![], vec![says([Some(grant(&["pull"])), None])]);
    let scopes = ["repository:a:pull", "repository:b:pull"];
    assert_eq!(fixture.access(&scopes).await, Err("test: is broken".to_owned()));
    assert_eq!(fixture.chain.down(), ["first"]);
}

#[tokio::test]
async fn the_back_ends_of_a_configuration_are_opened_in_their_order() {
    let written = r#"{
        "http_auth": {"url": "http://127.0.0.1:1/"},
        "ldap_auth": [{"addr": "127.0.0.1", "filter": "(uid=${account})"}, {"addr": "[::1]", "filter": "(cn=${account})"}],
        "ext_auth": {"command": "sh"},
        "xorm_auth": {"database_type": "sqlite3", "conn_string": "users.db"},
        "casbin_authz": {"model_path": "model.conf", "policy_path": "policy.csv"},
        "http_authz": {"url": "http://127.0.0.1:1/"}, "ext_authz": {"command": "sh"}
    }"#;
    let model = "[request_definition]\nr = account, type, name, service, ip, action, labels\n[policy_definition]\np = account\n\
                 [policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = r.account == p.account\n";
    let file = |path: &str| match path {
        "model.conf" => Ok(Secret::new(model.to_owned())),
        "policy.csv" => Ok(Secret::new("p, ada\n".to_owned())),
        _ => Err("there is none".to_owned()),
    };
    let node: Node = serde_json::from_str(written).unwrap();
    let environment = |name: &str| (name == "PATH").then(|| Secret::new("/usr/bin:/bin".to_owned()));
    let sources = Sources {
        environment: &environment,
        files: Some(&file),
    };
    let mut problems = Problems::default();
    let document = Document::read(node, sources, &mut problems);
    let observer: Arc<dyn Observer> = Arc::new(Unobserved);
    let chain = Chain::open(document.program.unwrap().backends, sources, &observer, &mut problems);
    assert_eq!(problems.to_string(), "");
    let accounts: Vec<_> = chain.authn.iter().map(|(watch, _)| watch.key()).collect();
    assert_eq!(
        accounts,
        ["ext_auth", "ldap_auth[0]", "ldap_auth[1]", "xorm_auth", "http_auth"]
    );
    let rights: Vec<_> = chain.authz.iter().map(|(watch, _)| watch.key()).collect();
    assert_eq!(rights, ["ext_authz", "http_authz", "casbin_authz"]);
}
