//! Decisions as data, for every way there is to run one.
//!
//! - [`decisions`] reads `acl/*.toml`: rules, requests, and for each what is granted and because of which rule.
//! - [`refusals`] reads `config/acl.toml`: rules that are refused, and what is then said.
//! - [`docker_auth`] reads `acl/docker_auth.jsonl`: what docker_auth itself decided for random rules.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use registry_auth_core::account::LabelsArePatterns;
use serde::Deserialize;
use serde_json::Value;

/// The values of each label of an account.
pub type Labels = BTreeMap<String, Vec<String>>;

/// Rules, and what they decide.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is promised, as a sentence.
    pub name: String,
    /// `acl` of the configuration.
    pub acl: Value,
    /// `acl_options.double_star`.
    #[serde(default)]
    pub double_star: bool,
    /// The labels of the accounts that have some; the others have none.
    #[serde(default)]
    pub users: BTreeMap<String, Labels>,
    /// How far label values act as patterns. Static users have `glob`, so only such cases can run through a whole server.
    #[serde(default)]
    pub label_values: LabelValues,
    /// The requests.
    pub asks: Vec<Ask>,
    /// The name of the file without its ending.
    #[serde(skip)]
    pub file: String,
}

/// One request and its decision.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Who asks; `""` is anonymous.
    #[serde(default = "ada")]
    pub account: String,
    /// From where.
    #[serde(default = "somewhere")]
    pub address: IpAddr,
    /// For which registry.
    #[serde(default = "registry")]
    pub service: String,
    /// What: `repository:app:pull`.
    pub scope: String,
    /// The granted actions, in alphabetical order.
    pub grant: Vec<String>,
    /// Why: `rule 0`, `rule 1 "comment"`, `no rule matches`, `rule 0 cannot be judged`.
    pub because: String,
}

/// How far label values act as patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelValues {
    /// Nowhere.
    None,
    /// In globs.
    #[default]
    Glob,
    /// In globs and in regular expressions.
    Regex,
}

/// Rules that are refused, or taken with a warning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What is promised, as a sentence.
    pub name: String,
    /// `acl` of the configuration.
    pub acl: Value,
    /// `acl_options.double_star`.
    #[serde(default)]
    pub double_star: bool,
    /// Every fault, in the order told.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Every warning.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// One fault of a configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Place and text, as they are printed.
    pub line: String,
    /// The offending part of the value, if it is not all of it.
    pub marks: Option<String>,
}

/// Rules, and what docker_auth decided by them.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    /// `acl` of the configuration.
    pub acl: Value,
    /// The requests.
    pub requests: Vec<RecordedRequest>,
    /// For each request the index of the deciding entry, and the granted actions.
    pub answers: Vec<(Option<usize>, Vec<String>)>,
}

/// One request of docker_auth's record.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedRequest {
    /// Who asks.
    pub account: String,
    /// With which labels.
    pub labels: Labels,
    /// From where.
    pub ip: IpAddr,
    /// For which registry.
    pub service: String,
    /// The resource's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The resource's name.
    pub name: String,
    /// The actions asked for.
    pub actions: Vec<String>,
}

/// Every case of `acl/*.toml`, file by file.
#[track_caller]
pub fn decisions() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join("acl"))
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let name = path.file_stem().expect("a file has a name").to_string_lossy();
        let File { cases } = read::<Case>(&path);
        all.extend(cases.into_iter().map(|case| Case {
            file: name.to_string(),
            ..case
        }));
    }
    all
}

/// Every case of `config/acl.toml`.
#[track_caller]
pub fn refusals() -> Vec<Refusal> {
    read(&folder().join("config/acl.toml")).cases
}

/// What docker_auth itself decided.
#[track_caller]
pub fn docker_auth() -> Vec<Recorded> {
    let text = text(&folder().join("acl/docker_auth.jsonl"));
    let lines = text.lines().enumerate();
    lines
        .map(|(i, line)| serde_json::from_str(line).unwrap_or_else(|error| panic!("line {}: {error}", i + 1)))
        .collect()
}

impl Case {
    /// The labels of `account`.
    pub fn labels(&self, account: &str) -> Labels {
        self.users.get(account).cloned().unwrap_or_default()
    }
}

impl From<LabelValues> for LabelsArePatterns {
    fn from(values: LabelValues) -> Self {
        match values {
            LabelValues::None => Self::None,
            LabelValues::Glob => Self::Glob,
            LabelValues::Regex => Self::Regex,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    #[serde(rename = "case")]
    cases: Vec<T>,
}

#[track_caller]
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> File<T> {
    toml::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ada() -> String {
    "ada".to_owned()
}

fn somewhere() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

fn registry() -> String {
    "registry".to_owned()
}
