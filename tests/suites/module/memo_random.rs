//! What is remembered changes no answer: the same happens to a module that remembers and to one that does not.
//!
//! `SOAK_TIMES=100 cargo test --test module memo_random` plays for longer.

mod site;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::test_runner::TestCaseError;
use registry_auth_core::time::Timestamp;
use registry_auth_tests::soak;
use serde_json::json;

use crate::*;
use site::{Play, Question, Site, Step, Way};

#[test]
fn what_is_remembered_changes_no_answer() {
    let seen = play(150, 0.2, &json!(false));
    assert!(seen.is_worth_it(), "{seen:?}");
}

#[test]
fn what_is_remembered_brakes_nobody_and_frees_nobody() {
    let throttle = json!({"failures": 2, "window": "2m", "brake": "1m", "brake_max": "4m", "entries": 64});
    let seen = play(150, 0.4, &throttle);
    let all = seen.all.get();
    assert!(
        seen.is_worth_it() && seen.braked.get() * 50 > all && seen.freed.get() * 200 > all,
        "{seen:?}"
    );
}

/// How often something happened, over all plays.
#[derive(Debug, Default)]
struct Seen {
    /// Questions.
    all: Cell<u64>,
    /// Those that got a token.
    issued: Cell<u64>,
    refused: Cell<u64>,
    braked: Cell<u64>,
    /// Right passwords that were remembered while failures of the same pair were, too.
    freed: Cell<u64>,
    /// Credentials and tokens that came from a memo.
    credentials: Cell<u64>,
    tokens: Cell<u64>,
    /// Questions that were asked before and were granted something else then.
    turned: Cell<u64>,
    /// Configurations that differ from the one before.
    configured: Cell<u64>,
}

impl Seen {
    /// Whether a memo that answers another question than the one that is asked would have been found out.
    fn is_worth_it(&self) -> bool {
        let (all, issued) = (self.all.get(), self.issued.get());
        self.tokens.get() * 4 > issued
            && self.turned.get() * 30 > issued
            && self.credentials.get() * 8 > all
            && self.refused.get() * 8 > all
            && self.configured.get() * 10 > all
    }
}

fn count(what: &Cell<u64>, more: u64) {
    what.set(what.get() + more);
}

/// Plays so many plays, or a multiple; `others` of the passwords are not just the right one.
#[track_caller]
fn play(cases: u32, others: f64, throttle: &Value) -> Seen {
    let seen = Seen::default();
    soak::run(cases, &site::plays(others), |play| {
        let mut both = Both::start(&play.site, throttle);
        both.play(&play, &seen)
            .map_err(|fault| TestCaseError::fail(format!("{fault}\nafter this:\n{}", both.told.join("\n"))))
    });
    seen
}

/// Two modules in two Envoys, to which the same happens.
struct Both<'t> {
    /// Remembers, as it does where nothing is said of it.
    memo: Module,
    plain: Module,
    throttle: &'t Value,
    site: Site,
    now: u64,
    /// What happened, for whoever has to find out why.
    told: Vec<String>,
    /// What was granted to each question when it was asked last.
    granted: BTreeMap<Question, Value>,
    /// Accounts and addresses that failed since they were let in.
    failed: BTreeSet<(&'static str, &'static str)>,
}

impl<'t> Both<'t> {
    fn start(site: &Site, throttle: &'t Value) -> Self {
        let [memo, plain] = configurations(site, throttle);
        Self {
            told: vec![format!("{:#}", readable(&memo))],
            // Other random numbers, so that no token of one is a token of the other.
            memo: settings(memo)
                .seed(1)
                .start()
                .unwrap_or_else(|refused| panic!("{refused}")),
            plain: settings(plain)
                .seed(2)
                .start()
                .unwrap_or_else(|refused| panic!("{refused}")),
            throttle,
            site: site.clone(),
            now: NOW,
            granted: BTreeMap::new(),
            failed: BTreeSet::new(),
        }
    }

    fn play(&mut self, play: &Play, seen: &Seen) -> Result<(), String> {
        for step in &play.steps {
            match step {
                Step::Ask(which, way) => self.ask(which.get(&play.questions), way, seen)?,
                Step::Wait(seconds) => {
                    self.told.push(format!("{seconds} s go by"));
                    self.now += seconds;
                    self.memo.advance(Duration::from_secs(*seconds));
                    self.plain.advance(Duration::from_secs(*seconds));
                }
                Step::Configure(change) => {
                    let site = self.site.changed(change, &play.site);
                    let [memo, plain] = configurations(&site, self.throttle);
                    self.told.push(readable(&memo).to_string());
                    self.memo.reconfigure(memo).map_err(|refused| refused.text())?;
                    self.plain.reconfigure(plain).map_err(|refused| refused.text())?;
                    count(&seen.configured, u64::from(site != self.site));
                    self.site = site;
                }
            }
        }
        let remembered = [CREDENTIALS, TOKENS].map(|name| self.plain.counter(name));
        if remembered != [0, 0] {
            return Err(format!("without a memo, {remembered:?} were remembered"));
        }
        let [memo, plain] = [&self.memo, &self.plain].map(what_is_counted);
        count(&seen.credentials, self.memo.counter(CREDENTIALS));
        count(&seen.tokens, self.memo.counter(TOKENS));
        same("the counters", &json!(memo), &json!(plain))
    }

    fn ask(&mut self, question: &Question, way: &Way, seen: &Seen) -> Result<(), String> {
        self.told.push(format!("{question:?} {way:?}"));
        let request = self.site.request(question, way);
        let remembered = self.memo.counter(CREDENTIALS);
        let [memo, plain] = [&mut self.memo, &mut self.plain].map(|module| module.request(request.clone()).send());
        same("the answers", &without_times(&memo), &without_times(&plain))?;
        count(&seen.all, 1);
        let pair = (question.account, way.address);
        match memo.status {
            200 => {
                self.check_times(&memo, false)?;
                self.check_times(&plain, true)?;
                let access = claims(&memo)["access"].clone();
                count(&seen.issued, 1);
                if self.failed.remove(&pair) {
                    count(&seen.freed, self.memo.counter(CREDENTIALS) - remembered);
                }
                if let Some(before) = self.granted.insert(question.clone(), access.clone()) {
                    count(&seen.turned, u64::from(before != access));
                }
            }
            401 => {
                count(&seen.refused, 1);
                self.failed.insert(pair);
            }
            429 => count(&seen.braked, 1),
            status => return Err(format!("a status of {status}: {}", memo.text())),
        }
        Ok(())
    }

    /// A token is told with what is left of its life, and that is long enough; a new one has all of it.
    fn check_times(&self, reply: &Reply, new: bool) -> Result<(), String> {
        let (body, claims) = (reply.json(), claims(reply));
        let time = |name: &str| claims[name].as_u64().unwrap_or_default();
        let (now, life, issued, left) = (
            self.now,
            self.site.life(),
            time("iat"),
            time("exp").saturating_sub(self.now),
        );
        let good = time("exp") == issued + life
            && time("nbf") == issued - 10
            && issued <= now
            && (issued == now || !new)
            && left >= 60
            && left * 3 > life * 2
            && body["expires_in"] == left
            && body["issued_at"] == Timestamp::from_seconds(now).to_string()
            && audit(reply)["jti"] == claims["jti"];
        let told = || format!("at {now}, of a life of {life} s, {claims} was handed out with {body}");
        if good { Ok(()) } else { Err(told()) }
    }
}

/// One that remembers, and one that does not.
fn configurations(site: &Site, throttle: &Value) -> [Value; 2] {
    let nothing = json!({"credentials_ttl": 0, "tokens": false});
    [None, Some(nothing)].map(|cache| site.config(cache, throttle))
}

/// Without what is the same in all of them.
fn readable(config: &Value) -> Value {
    json!({"users": config["users"], "acl": config["acl"], "life": config["token"]["expiration"]})
}

/// All of an answer but a token's times and number, and what follows from them.
fn without_times(reply: &Reply) -> Value {
    let mut record = audit(reply);
    take(&mut record, &["etag"]);
    let headers = reply.headers.iter().filter(|(name, _)| name != "content-length");
    let mut said = json!({
        "status": reply.status,
        "headers": headers.map(|(name, value)| (name, String::from_utf8_lossy(value))).collect::<Vec<_>>(),
        "body": reply.json(),
        "account": reply.filter_state("registry_auth_account"),
        "decision": reply.filter_state("registry_auth_decision"),
    });
    if reply.status == 200 {
        let mut claims = claims(reply);
        take(&mut claims, &["iat", "nbf", "exp", "jti"]);
        take(&mut record, &["jti"]);
        said["is_one_token"] = (said["body"]["token"] == said["body"]["access_token"]).into();
        take(&mut said["body"], &["token", "access_token", "expires_in", "issued_at"]);
        said["header"] = part(reply, 0);
        said["claims"] = claims;
    }
    said["record"] = record;
    said
}

fn take(value: &mut Value, names: &[&str]) {
    let entries = value.as_object_mut().expect("a map");
    entries.retain(|name, _| !names.contains(&name.as_str()));
}

fn audit(reply: &Reply) -> Value {
    let record = reply.filter_state("registry_auth_audit").expect("an audit record");
    serde_json::from_str(record).expect("a record is JSON")
}

const CREDENTIALS: &str = "registry_auth.remembered.what.credential";
const TOKENS: &str = "registry_auth.remembered.what.token";

/// Every counter that a memo does not change.
fn what_is_counted(module: &Module) -> BTreeMap<String, u64> {
    let others = [
        CREDENTIALS,
        TOKENS,
        "registry_auth.hashes",
        "registry_auth.signatures.",
        "registry_auth.memo.",
        "registry_auth.configuration.",
    ];
    let mut counters = module.counters();
    counters.retain(|name, _| !others.iter().any(|other| name.starts_with(other)));
    counters
}

fn same(what: &str, memo: &Value, plain: &Value) -> Result<(), String> {
    if memo == plain {
        return Ok(());
    }
    Err(format!("{what} differ\nwith a memo    {memo}\nwithout it     {plain}"))
}
