//! What is answered, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use registry_auth_core::acl::Because;
use registry_auth_core::acl::explain::listed;
use registry_auth_core::scope::Actions;
use serde::Serialize;

use super::super::shown::quoted;
use super::patterns::{Other, is_plain};
use super::{Answered, Exit, Reached};
use crate::rulebook::Located;

/// So many rules and accounts are named one by one in a note.
const MOST_NAMED: usize = 5;

/// The answer.
pub(super) struct Report {
    head: String,
    rows: Vec<Row>,
    json: Json,
}

/// One line below the head: who, where, and what.
struct Row {
    who: String,
    place: String,
    text: String,
}

#[derive(Serialize)]
struct Json {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    asked: Actions,
    accounts: Vec<JsonAccount>,
    others: Vec<JsonOther>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct JsonAccount {
    account: String,
    granted: Actions,
    rule: Option<Located>,
    addresses: Option<Vec<String>>,
    service: Option<String>,
}

#[derive(Serialize)]
struct JsonOther {
    rule: Located,
    granted: Actions,
    account: Option<String>,
    labels: BTreeMap<String, String>,
    ip: Option<String>,
    service: Option<String>,
    name: Option<String>,
    after: Vec<usize>,
}

impl Report {
    pub(super) fn of(answered: &Answered<'_>, exit: Exit) -> Self {
        let others: Vec<Other<'_>> = answered.others().collect();
        let mut rows: Vec<Row> = answered
            .accounts
            .iter()
            .map(|reached| Row::of_account(answered, reached))
            .collect();
        rows.extend(others.iter().map(|other| Row::of_others(answered, other)));
        let resource = answered.scope.resource();
        Self {
            head: head(answered, exit),
            rows,
            json: Json {
                kind: resource.kind().to_owned(),
                name: resource.name().to_owned(),
                asked: answered.scope.actions().clone(),
                accounts: answered
                    .accounts
                    .iter()
                    .map(|reached| JsonAccount::of(answered, reached))
                    .collect(),
                others: others.iter().map(|other| JsonOther::of(answered, other)).collect(),
                notes: notes(answered, &others),
            },
        }
    }

    pub(super) fn json(&self) -> String {
        // Texts, numbers and lists alone: there is nothing that could fail.
        let mut text = serde_json::to_string_pretty(&self.json).unwrap_or_default();
        text.push('\n');
        text
    }

    pub(super) fn text(&self) -> String {
        let width = |of: fn(&Row) -> &str| {
            self.rows
                .iter()
                .map(|row| of(row).chars().count())
                .max()
                .unwrap_or_default()
        };
        let (who, place) = (width(|row| &row.who), width(|row| &row.place));
        // Writing to a string cannot fail.
        let mut text = format!("{}\n", self.head);
        for row in &self.rows {
            let _ = writeln!(text, "  {:<who$}  {:<place$}  {}", row.who, row.place, row.text);
        }
        if !self.json.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.json.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

impl Row {
    fn of_account(answered: &Answered<'_>, reached: &Reached) -> Self {
        let rule = decider(reached).map(|index| answered.rulebook.located(index));
        let named = rule.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut text = format!("{named} grants {}", granted(answered, reached.grant.actions()));
        if let Some(addresses) = &reached.addresses {
            let _ = write!(text, ", from {}", listed(addresses.iter().map(String::as_str), "or"));
        }
        if let Some(service) = &reached.service {
            let _ = write!(text, ", for service `{service}`");
        } else if answered.is_by_service(&reached.account) {
            text.push_str(", for any other service");
        }
        Self {
            who: shown(&reached.account),
            place: rule.and_then(|rule| rule.place()).unwrap_or_default(),
            text,
        }
    }

    fn of_others(answered: &Answered<'_>, other: &Other<'_>) -> Self {
        let rule = answered.rulebook.located(other.bearing.index);
        let matches = &other.rule.matches;
        let granted = granted(answered, &other.bearing.grants);
        let comma = if granted.contains(", not ") { "," } else { "" };
        let mut text = format!("{rule} grants {granted}{comma} to ");
        let _ = match matches.account.as_deref() {
            None => write!(text, "every account"),
            Some(account) if is_plain(account) => write!(text, "account `{account}`"),
            Some(pattern) => write!(text, "accounts like `{pattern}`"),
        };
        if !matches.labels.is_empty() {
            let labels: Vec<String> = matches
                .labels
                .iter()
                .map(|(name, pattern)| format!("`{name}: {pattern}`"))
                .collect();
            let word = if labels.len() == 1 { "label" } else { "labels" };
            let _ = write!(
                text,
                " with {word} {}",
                listed(labels.iter().map(String::as_str), "and")
            );
        }
        if !other.bearing.is_sure {
            let name = matches.name.as_deref().unwrap_or_default();
            let _ = write!(text, ", if name `{name}` matches with its values");
        }
        if let Some(ip) = &matches.ip {
            let _ = write!(text, ", from {ip}");
        }
        if let Some(service) = &matches.service {
            let _ = write!(text, ", for service `{service}`");
        }
        if !other.after.is_empty() {
            let mut after: Vec<String> = other
                .after
                .iter()
                .take(MOST_NAMED)
                .map(|index| format!("acl[{index}]"))
                .collect();
            if other.after.len() > MOST_NAMED {
                after.push(format!("{} more above", other.after.len().saturating_sub(MOST_NAMED)));
            }
            let verb = if other.after.len() == 1 { "takes" } else { "take" };
            let _ = write!(
                text,
                ", unless {} {verb} it first",
                listed(after.iter().map(String::as_str), "or")
            );
        }
        Self {
            who: "others".to_owned(),
            place: rule.place().unwrap_or_default(),
            text,
        }
    }
}

impl Answered<'_> {
    /// Whether what the account gets hangs on the service.
    fn is_by_service(&self, account: &str) -> bool {
        self.accounts
            .iter()
            .any(|reached| reached.account == account && reached.service.is_some())
    }
}

impl JsonAccount {
    fn of(answered: &Answered<'_>, reached: &Reached) -> Self {
        Self {
            account: reached.account.clone(),
            granted: reached.grant.actions().clone(),
            rule: decider(reached).map(|index| answered.rulebook.located(index)),
            addresses: reached.addresses.clone(),
            service: reached.service.clone(),
        }
    }
}

impl JsonOther {
    fn of(answered: &Answered<'_>, other: &Other<'_>) -> Self {
        let matches = &other.rule.matches;
        Self {
            rule: answered.rulebook.located(other.bearing.index),
            granted: other.bearing.grants.clone(),
            account: matches.account.clone(),
            labels: matches.labels.iter().cloned().collect(),
            ip: matches.ip.clone(),
            service: matches.service.clone(),
            name: matches.name.clone().filter(|_| !other.bearing.is_sure),
            after: other.after.clone(),
        }
    }
}

fn head(answered: &Answered<'_>, exit: Exit) -> String {
    let scope = answered.scope;
    let asked = scope.actions().iter().collect::<Vec<_>>().join(", ");
    let full = answered
        .accounts
        .iter()
        .filter(|reached| answered.is_all(reached.grant.actions().iter().len()));
    let mut accounts: Vec<&str> = full.map(|reached| reached.account.as_str()).collect();
    accounts.dedup();
    let outcome = match (exit, accounts.len()) {
        (Exit::Yes, 1) => "1 static account could get it".to_owned(),
        (Exit::Yes, count) => format!("{count} static accounts could get it"),
        (Exit::CouldNotTell, _) => "no static account could get it, others perhaps".to_owned(),
        (Exit::No, _) => "nobody could get it".to_owned(),
    };
    format!(
        "{}:{}  {asked}: {outcome}",
        scope.resource().kind(),
        scope.resource().name()
    )
}

/// What has to be said beside.
fn notes(answered: &Answered<'_>, others: &[Other<'_>]) -> Vec<String> {
    let rulebook = answered.rulebook;
    let mut notes = Vec::new();
    let accounts_of = quoted(&rulebook.authenticators());
    if !others.is_empty() {
        notes.push(if accounts_of.is_empty() {
            "`others` are accounts that are not in `users`; this file names no back-end that could know any, so nobody signs \
             in as one"
                .to_owned()
        } else {
            format!(
                "`others` are accounts that are not in `users`; which of them there are, {} knows",
                listed(accounts_of.iter().map(String::as_str), "or")
            )
        });
    }
    let rights_of = quoted(&rulebook.authorizers());
    if !rights_of.is_empty() {
        let mut who: Vec<String> = answered
            .open
            .iter()
            .take(MOST_NAMED)
            .map(|account| shown(account))
            .collect();
        if answered.open.len() > MOST_NAMED {
            who.push(format!("{} more", answered.open.len().saturating_sub(MOST_NAMED)));
        }
        let who = if who.is_empty() {
            "accounts".to_owned()
        } else {
            listed(who.iter().map(String::as_str), "and")
        };
        notes.push(format!(
            "where no rule matches it is up to {}, not asked here; that can be so for {who}",
            listed(rights_of.iter().map(String::as_str), "and then")
        ));
    }
    for (index, pattern) in &answered.services.unknown {
        notes.push(format!(
            "which services `{pattern}` of acl[{index}] holds is not looked into; ask for one with --service"
        ));
    }
    for account in answered.locked.iter().take(MOST_NAMED) {
        notes.push(format!(
            "account `{account}` has `password: \"\"`, so nobody signs in as it"
        ));
    }
    notes
}

fn decider(reached: &Reached) -> Option<usize> {
    match reached.grant.because() {
        Because::Rule { index, .. } | Because::CannotJudge { index, .. } => Some(*index),
        Because::NoRule | Because::Backend(_) => None,
    }
}

/// What is granted, and what is lacking.
fn granted(answered: &Answered<'_>, granted: &Actions) -> String {
    let granted: Vec<&str> = granted.iter().collect();
    let asked = answered.scope.actions().iter();
    let lacking: Vec<&str> = asked.filter(|action| !granted.contains(action)).collect();
    let granted = granted.join(", ");
    if lacking.is_empty() {
        granted
    } else {
        format!("{granted}, not {}", lacking.join(" or "))
    }
}

/// The anonymous account has no name.
fn shown(account: &str) -> String {
    if account.is_empty() {
        "\"\"".to_owned()
    } else {
        account.to_owned()
    }
}
