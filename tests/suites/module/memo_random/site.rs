//! Random configurations, and what happens to them: of so few names that the same question comes again and again, and
//! such that most of what changes between two times makes for another answer.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use registry_auth_tests::cases::Labels;
use registry_auth_tests::keys;
use registry_auth_tests::module::Request;
use serde_json::{Map, Value, json};

/// A configuration at the start, some questions, and what happens one after the other.
#[derive(Clone, Debug)]
pub(super) struct Play {
    pub(super) site: Site,
    pub(super) questions: Vec<Question>,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One of the questions is asked.
    Ask(Index, Way),
    /// So many seconds go by.
    Wait(u64),
    Configure(Change),
}

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) account: &'static str,
    service: &'static str,
    scopes: Vec<&'static str>,
}

/// How it is asked.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// `None` for the one that is right.
    password: Option<&'static str>,
    pub(super) address: &'static str,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Get,
    /// All of it in the body.
    Post,
    /// The password in a header.
    PostWithBasic,
}

/// What varies of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Site {
    users: BTreeMap<&'static str, User>,
    rules: Vec<Value>,
    minting: Minting,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct User {
    secret: Secret,
    labels: Labels,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Secret {
    /// `None` for an account that any password lets in.
    stored: Option<&'static str>,
    fits: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Minting {
    issuer: &'static str,
    key: &'static str,
    life: u64,
}

/// What an operator does to a configuration.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// An account comes, or is another one of that name.
    Comes(&'static str, User),
    Secret(&'static str, Secret),
    Labels(&'static str, Labels),
    Leaves(&'static str),
    Rules(Vec<Value>),
    /// So many rules from the front go to the end.
    RulesMove(Index),
    RuleGoes(Index),
    Minting(Minting),
    /// It comes again as it was at the start.
    Back,
    /// It comes again as it is.
    Again,
}

const ACCOUNTS: &[&str] = &["", "a", "b", "a-b"];
const STRANGER: &str = "c";

const PASSWORDS: &[&str] = &["x", "y", "z", ""];

const X: Secret = Secret {
    stored: Some("sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
    fits: "x",
};
const Y: Secret = Secret {
    stored: Some("sha256:a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"),
    fits: "y",
};
/// The password of [`X`] under another hash.
const SLOW_X: Secret = Secret {
    stored: Some("$2b$04$Z0kq5dW1hQ3mS7tYb9cRvekFTuXytRoTJW2RRhySiFbiy317vDZzm"),
    fits: "x",
};
const ANY: Secret = Secret {
    stored: None,
    fits: "z",
};
const NONE: Secret = Secret {
    stored: Some(""),
    fits: "x",
};

const SHORT: Minting = Minting {
    issuer: "i",
    key: keys::EDDSA,
    life: 90,
};
const USUAL: Minting = Minting { life: 900, ..SHORT };
const SHORTEST: Minting = Minting {
    issuer: "j",
    life: 60,
    ..SHORT
};
/// A key that the host signs with. It takes ten times as long to read.
const OTHER_KEY: Minting = Minting {
    key: keys::ES256,
    ..USUAL
};

/// Two are one address, and two more are one network to the brake.
const ADDRESSES: &[&str] = &[
    "10.1.2.3:1",
    "[::ffff:10.1.2.3]:2",
    "10.9.9.9:3",
    "[2001:db8::1]:4",
    "[2001:db8::2]:5",
];

const SERVICES: &[&str] = &["a", "b"];

const SCOPES: &[&str] = &[
    "repository:a/x:pull",
    "repository:a/x:pull,push",
    "repository:b/x:delete,pull",
    "repository:a:push",
    "registry:catalog:*",
];

const ACTIONS: &[&[&str]] = &[&["*"], &["*"], &["pull"], &["pull", "push"], &[]];

/// Of all passwords `others` are picked without a look at the one that is right.
pub(super) fn plays(others: f64) -> impl Strategy<Value = Play> {
    (site(), vec(question(), 1..5), vec(step(others), 20..50)).prop_map(|(site, questions, steps)| Play {
        site,
        questions,
        steps,
    })
}

fn step(others: f64) -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (any::<Index>(), way(others)).prop_map(|(index, way)| Step::Ask(index, way)),
        3 => wait().prop_map(Step::Wait),
        3 => change().prop_map(Step::Configure),
    ]
}

fn wait() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 1_u64..30,
        2 => select(&[29, 30, 31, 59, 60, 61, 299, 300, 301][..]),
        1 => 300_u64..20_000,
    ]
}

fn question() -> impl Strategy<Value = Question> {
    let account = prop_oneof![19 => select(ACCOUNTS), 1 => Just(STRANGER)];
    let scopes = prop_oneof![1 => Just(vec![]), 9 => vec(select(SCOPES), 1..4)];
    (account, select(SERVICES), scopes).prop_map(|(account, service, scopes)| Question {
        account,
        service,
        scopes,
    })
}

fn way(others: f64) -> impl Strategy<Value = Way> {
    let password = option::weighted(others, select(PASSWORDS));
    let form = prop_oneof![4 => Just(Form::Get), 1 => Just(Form::Post), 1 => Just(Form::PostWithBasic)];
    (password, select(ADDRESSES), form).prop_map(|(password, address, form)| Way {
        password,
        address,
        form,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => (prop_oneof![4 => select(ACCOUNTS), 1 => Just(STRANGER)], user())
            .prop_map(|(account, user)| Change::Comes(account, user)),
        4 => (select(ACCOUNTS), secret()).prop_map(|(account, secret)| Change::Secret(account, secret)),
        4 => (select(ACCOUNTS), labels()).prop_map(|(account, labels)| Change::Labels(account, labels)),
        2 => select(ACCOUNTS).prop_map(Change::Leaves),
        2 => vec(rule(), 1..6).prop_map(Change::Rules),
        3 => any::<Index>().prop_map(Change::RulesMove),
        2 => any::<Index>().prop_map(Change::RuleGoes),
        2 => minting().prop_map(Change::Minting),
        2 => Just(Change::Back),
        1 => Just(Change::Again),
    ]
}

fn site() -> impl Strategy<Value = Site> {
    let users = btree_map(select(ACCOUNTS), user(), ACCOUNTS.len());
    let anonymous = option::weighted(0.8, labels().prop_map(|labels| User { secret: ANY, labels }));
    (users, anonymous, vec(rule(), 1..6), minting()).prop_map(|(mut users, anonymous, rules, minting)| {
        users.extend(anonymous.map(|user| ("", user)));
        Site { users, rules, minting }
    })
}

fn user() -> impl Strategy<Value = User> {
    (secret(), labels()).prop_map(|(secret, labels)| User { secret, labels })
}

fn secret() -> impl Strategy<Value = Secret> {
    prop_oneof![5 => Just(X), 5 => Just(Y), 2 => Just(SLOW_X), 4 => Just(ANY), 1 => Just(NONE)]
}

fn minting() -> impl Strategy<Value = Minting> {
    prop_oneof![5 => Just(USUAL), 3 => Just(SHORT), 2 => Just(SHORTEST), 1 => Just(OTHER_KEY)]
}

fn labels() -> impl Strategy<Value = Labels> {
    let values = vec(select(&["a", "b", "*"][..]).prop_map(str::to_owned), 0..3);
    btree_map(select(&["g", "h"][..]).prop_map(str::to_owned), values, 0..3)
}

fn rule() -> impl Strategy<Value = Value> {
    let texts = (
        account_and_name(),
        option::weighted(0.1, select(&["repository", "r*", "registry"][..])),
        option::weighted(0.2, select(&["a", "?", "${labels:h}", "/^${labels:g}$/"][..])),
    );
    let network = option::weighted(0.5, select(&["10.1.2.3", "10.0.0.0/8", "2001:db8::/127", "::/0"][..]));
    let label = option::weighted(
        0.3,
        (
            select(&["g", "h"][..]),
            select(&["a", "?", "${account}", "${service}"][..]),
        ),
    );
    let actions = select(ACTIONS);
    (texts, network, label, actions).prop_map(|(((account, name), kind, service), network, label, actions)| {
        let mut matches = Map::new();
        let texts = [
            ("account", account),
            ("name", name),
            ("type", kind),
            ("service", service),
            ("ip", network),
        ];
        for (key, text) in texts {
            matches.extend(text.map(|text| (key.to_owned(), text.into())));
        }
        matches.extend(label.map(|(label, pattern)| ("labels".to_owned(), json!({label: pattern}))));
        json!({"match": matches, "actions": actions})
    })
}

fn account_and_name() -> impl Strategy<Value = (Option<&'static str>, Option<&'static str>)> {
    let account = select(&["a", "?*", "", "a*", "${labels:g}", "/^(a|b)$/"][..]);
    let name = select(
        &[
            "*",
            "*/*",
            "a/*",
            "${account}/*",
            "${account}*",
            "${labels:g}/*",
            "${labels:g}*",
            "${service}/x",
            "/^${labels:h}\\/x$/",
        ][..],
    );
    let captured = (
        select(&["/^(.)/", "/^.*?(b?)$/"][..]),
        select(&["${account:1}/*", "*${account:1}*"][..]),
    );
    prop_oneof![
        5 => (option::weighted(0.3, account), option::weighted(0.6, name)),
        1 => captured.prop_map(|(account, name)| (Some(account), Some(name))),
    ]
}

impl Site {
    /// The configuration, with `cache` if something is to be said of it.
    pub(super) fn config(&self, cache: Option<Value>, throttle: &Value) -> Value {
        let users = self.users.iter().map(|(account, user)| {
            let mut entry = json!({"labels": user.labels});
            if let Some(stored) = user.secret.stored {
                entry["password"] = stored.into();
            }
            ((*account).to_owned(), entry)
        });
        let mut config = json!({
            "token": {"issuer": self.minting.issuer, "key": self.minting.key, "expiration": self.minting.life},
            "users": users.collect::<Map<_, _>>(),
            "acl": self.rules,
            "throttle": throttle,
        });
        if let Some(cache) = cache {
            config["cache"] = cache;
        }
        config
    }

    /// How long a token lives, in seconds.
    pub(super) fn life(&self) -> u64 {
        self.minting.life
    }

    /// What it becomes, if it was `first` at the start.
    pub(super) fn changed(&self, change: &Change, first: &Self) -> Self {
        let mut site = self.clone();
        match change {
            Change::Comes(account, user) => {
                site.users.insert(account, user.clone());
            }
            Change::Secret(account, secret) => {
                if let Some(user) = site.users.get_mut(account) {
                    user.secret = *secret;
                }
            }
            Change::Labels(account, labels) => {
                if let Some(user) = site.users.get_mut(account) {
                    user.labels.clone_from(labels);
                }
            }
            Change::Leaves(account) => {
                site.users.remove(account);
            }
            Change::Rules(rules) => site.rules.clone_from(rules),
            Change::RulesMove(_) | Change::RuleGoes(_) if site.rules.is_empty() => {}
            Change::RulesMove(by) => site.rules.rotate_left(by.index(self.rules.len())),
            Change::RuleGoes(which) => {
                site.rules.remove(which.index(self.rules.len()));
            }
            Change::Minting(minting) => site.minting = *minting,
            Change::Back => site = first.clone(),
            Change::Again => {}
        }
        site
    }

    /// The request that puts `question` in that way.
    pub(super) fn request(&self, question: &Question, way: &Way) -> Request {
        let account = question.account;
        let right = || self.users.get(account).map_or("x", |user| user.secret.fits);
        let password = way.password.unwrap_or_else(right);
        let scopes = question.scopes.iter().map(|scope| format!("scope={scope}"));
        let parameters: Vec<String> = scopes.chain([format!("service={}", question.service)]).collect();
        let parameters = parameters.join("&");
        let named = !account.is_empty();
        let request = match way.form {
            Form::Get => Request::get(&format!("/token?{parameters}")),
            Form::Post if named => {
                let credentials = format!("grant_type=password&username={account}&password={password}");
                Request::post("/token").form(&format!("{credentials}&{parameters}"))
            }
            Form::Post | Form::PostWithBasic => Request::post("/token").form(&parameters),
        };
        let request = match way.form {
            Form::Get | Form::PostWithBasic if named => request.basic(account, password),
            _ => request,
        };
        request.source(way.address)
    }
}
