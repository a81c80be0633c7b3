//! Requests to try for a rule: accounts, labels, services, names and addresses that it may take.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use registry_auth_core::account::{Account, Labels, LabelsArePatterns};
use registry_auth_core::acl::relation::{Extent, Texts};
use registry_auth_core::config::acl::{Match, Options};
use registry_auth_core::service::Service;

use super::example::{Aim, Ruled, Seeker, Side, USUAL, Who, is_locked, labels, serves};
use super::rules::{grants, grants_all};
use super::texts::{ANY, ANYBODY, Pattern, Values, filled, texts, texts_with};
use crate::command::who::cells::Cell;

/// So many static users are tried where it is known which of them a rule is for, and where it is not.
const MAX_USERS: [usize; 2] = [4, 64];
/// So many values are tried of each label.
pub(super) const MAX_VALUES: usize = 4;
/// What no registry asks for, but `["*"]` grants.
const OTHER: &str = "other";

impl<'r> Seeker<'r> {
    /// Accounts that the rule may be for.
    pub(super) fn whos(&self, aim: Aim<'_, 'r>) -> Vec<Who> {
        let matches = &aim.target.rule.matches;
        let pattern = (matches.account.as_deref(), aim.target.options);
        let extent = match pattern.0 {
            Some(text) => Extent::of(text, Texts::Any, pattern.1),
            None => Some(Extent::everything(Texts::Any)),
        };
        let near: Vec<Pattern<'_>> = aim
            .near
            .iter()
            .map(|near| (near.rule.matches.account.as_deref(), near.options))
            .filter(|(text, _)| text.is_some())
            .collect();
        let folders = folders(aim);
        let mut around = near;
        if matches.name.as_deref().is_some_and(|name| name.contains("${account")) {
            around.extend(folders.iter().map(|folder| (Some(folder.as_str()), Options::default())));
        }
        let made = texts_with(ANYBODY, pattern, &around, Texts::Any);
        if extent.as_ref().is_some_and(|extent| extent.literal().is_some()) {
            return made.iter().flat_map(|name| self.as_whom(name, aim)).collect();
        }
        let [few, many] = MAX_USERS;
        let both = self.to.users.iter().filter(|there| {
            let here = self.user(Side::From, &there.name);
            !is_locked(there) && here.is_some_and(|here| !is_locked(here))
        });
        let both = both.filter(|user| extent.as_ref().is_none_or(|extent| extent.takes(&user.name)));
        let most = if extent.is_some() { few } else { many };
        let mut names: Vec<String> = both.map(|user| user.name.clone()).take(most).collect();
        if extent.is_none() {
            let rules = self.to.rules.iter().chain(&self.from.rules);
            let of_rules = rules.filter_map(|rule| {
                let text = rule.matches.account.as_deref()?;
                let extent = Extent::of(text, Texts::Any, Options::default())?;
                extent.literal().map(str::to_owned)
            });
            names.extend(of_rules.take(many));
        }
        // One that neither file has can be anybody's, and comes behind those who are there.
        let made = made.into_iter().filter(|name| self.is_nowhere_or_in_both(name));
        names.extend(made);
        let mut seen: Vec<&String> = Vec::new();
        for name in &names {
            if !seen.contains(&name) {
                seen.push(name);
            }
        }
        seen.into_iter().flat_map(|name| self.as_whom(name, aim)).collect()
    }

    fn is_nowhere_or_in_both(&self, name: &str) -> bool {
        self.user(Side::From, name).is_some() == self.user(Side::To, name).is_some()
    }

    /// The account of that name as each side knows it; if neither has it, as a back-end could let it in for this rule.
    fn as_whom(&self, name: &str, aim: Aim<'_, 'r>) -> Vec<Who> {
        let Ok(account) = Account::parse(name) else {
            return Vec::new();
        };
        let who = |from: Option<Labels>, to: Option<Labels>| Who {
            account: account.clone(),
            from,
            to,
        };
        match (self.user(Side::From, name), self.user(Side::To, name)) {
            (None, None) => {
                let made = made_labels(aim).into_iter();
                let made = made.map(|values| Labels::new(values, LabelsArePatterns::Glob));
                made.map(|labels| who(Some(labels.clone()), Some(labels))).collect()
            }
            (Some(here), Some(there)) => vec![who(Some(labels(here)), Some(labels(there)))],
            (here, there) => vec![who(here.map(labels), there.map(labels))],
        }
    }

    /// Services that both sides serve.
    pub(super) fn services(&self, aim: Aim<'_, 'r>, near: &[Pattern<'r>]) -> Vec<Service> {
        let pattern = aim.target.rule.matches.service.as_deref();
        let served = [&self.to.services, &self.from.services];
        let mut names: Vec<String> = served.into_iter().flatten().flatten().cloned().collect();
        names.push(String::new());
        if pattern.is_some() || !near.is_empty() {
            names.extend(texts((pattern, aim.target.options), near, Texts::Any));
        }
        let mut services: Vec<Service> = Vec::new();
        for service in names.iter().filter_map(|name| Service::parse(name).ok()) {
            if serves(self.to, &service) && serves(self.from, &service) && !services.contains(&service) {
                services.push(service);
            }
        }
        if pattern.is_none() && near.is_empty() {
            services.truncate(1);
        }
        services
    }
}

/// Names that the target's pattern takes for these values.
pub(super) fn names(aim: Aim<'_, '_>, values: Values<'_>) -> Vec<String> {
    /// So many fillings of a pattern that is only near are looked at.
    const FEW: usize = 3;
    let filled = |ruled: &Ruled<'_>, most: usize| -> Vec<(String, Options)> {
        let name = ruled.rule.matches.name.as_deref().into_iter();
        let filled = name.flat_map(|name| filled(name, values));
        filled.take(most).map(|name| (name, ruled.options)).collect()
    };
    let near: Vec<(String, Options)> = aim.near.iter().flat_map(|near| filled(near, FEW)).collect();
    let near: Vec<Pattern<'_>> = near
        .iter()
        .map(|(name, options)| (Some(name.as_str()), *options))
        .collect();
    if aim.target.rule.matches.name.is_none() {
        return texts((None, aim.target.options), &near, Texts::Names);
    }
    let own = filled(&aim.target, usize::MAX);
    let mut names: Vec<String> = Vec::new();
    for (name, options) in &own {
        names.extend(texts((Some(name), *options), &near, Texts::Names));
    }
    if names.is_empty() {
        // What the pattern takes is not known: perhaps what others name.
        names = near
            .iter()
            .flat_map(|near| texts(*near, &[], Texts::Names))
            .chain([ANY.to_owned()])
            .collect();
    }
    names
}

/// An address for each part of the networks that the rules tell apart.
pub(super) fn addresses(aim: Aim<'_, '_>) -> Vec<IpAddr> {
    let networks = aim.near.iter().chain([&aim.target]).filter_map(|ruled| ruled.network);
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let mut networks = networks.peekable();
    if networks.peek().is_some() {
        // The first address of a network is hardly a client's.
        let next = |address: IpAddr| match address {
            IpAddr::V4(v4) => Some(IpAddr::V4(u32::from(v4).checked_add(1)?.into())),
            IpAddr::V6(v6) => Some(IpAddr::V6(u128::from(v6).checked_add(1)?.into())),
        };
        let cells = Cell::all(networks);
        let cells = cells.iter().map(|cell| cell.address);
        addresses.extend(cells.flat_map(|address| next(address).into_iter().chain([address])));
    }
    addresses
}

/// What is asked for: all that the target grants.
pub(super) fn asked<'r>(aim: Aim<'_, 'r>) -> Vec<&'r str> {
    /// As a request may ask for, with some room.
    const MOST: usize = 24;
    if !grants_all(aim.target.rule) {
        return grants(aim.target.rule).into_iter().take(MOST).collect();
    }
    let mut asked: Vec<&str> = USUAL.to_vec();
    asked.extend(["*", OTHER]);
    for action in aim.near.iter().flat_map(|near| grants(near.rule)) {
        if asked.len() < MOST && !asked.contains(&action) {
            asked.push(action);
        }
    }
    asked
}

/// Patterns of what the names begin with that rules near the target name: values of variables are often folders.
fn folders(aim: Aim<'_, '_>) -> Vec<String> {
    let names = aim.near.iter().filter_map(|near| near.rule.matches.name.as_deref());
    let folders = names.filter_map(|name| {
        let (folder, _) = name.trim_start_matches("/^").split_once(['/', '\\'])?;
        let is_plain = !folder.is_empty() && folder.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_plain.then(|| format!("/{folder}/"))
    });
    folders.collect()
}

/// Labels that an account could have for the target to be for it, and for rules near it to be so too.
fn made_labels(aim: Aim<'_, '_>) -> Vec<BTreeMap<String, Vec<String>>> {
    let folders = folders(aim);
    let folders: Vec<Pattern<'_>> = folders
        .iter()
        .map(|folder| (Some(folder.as_str()), Options::default()))
        .collect();
    let wanted = |ruled: &Ruled<'_>| -> BTreeMap<String, Vec<String>> {
        let matches = &ruled.rule.matches;
        let mut wanted = BTreeMap::new();
        for (label, pattern) in &matches.labels {
            let near = aim.near.iter().flat_map(|near| {
                let labels = near.rule.matches.labels.iter().filter(|(other, _)| other == label);
                labels.map(|(_, pattern)| (Some(pattern.as_str()), near.options))
            });
            let near: Vec<Pattern<'_>> = near.collect();
            let values = texts((Some(pattern), ruled.options), &near, Texts::Any);
            wanted.insert(label.clone(), values.into_iter().take(MAX_VALUES).collect());
        }
        for label in named_labels(matches) {
            let values = || texts((None, Options::default()), &folders, Texts::Any);
            wanted
                .entry(label.to_owned())
                .or_insert_with(|| values().into_iter().take(MAX_VALUES).collect());
        }
        wanted
    };
    let own = wanted(&aim.target);
    let one_each = |which: usize| -> BTreeMap<String, Vec<String>> {
        let each = own.iter().map(|(label, values)| {
            let value = values.get(which).or_else(|| values.first());
            (label.clone(), value.cloned().into_iter().collect())
        });
        each.collect()
    };
    let mut made = vec![one_each(0)];
    let mut add = |labels: BTreeMap<String, Vec<String>>| {
        if !made.contains(&labels) {
            made.push(labels);
        }
    };
    for near in aim.near {
        let mut labels = one_each(0);
        for (label, values) in wanted(near) {
            let all = labels.entry(label).or_default();
            for value in values.into_iter().take(1) {
                if !all.contains(&value) {
                    all.push(value);
                }
            }
        }
        add(labels);
    }
    (1..MAX_VALUES).for_each(|which| add(one_each(which)));
    made
}

/// The labels that patterns of a rule name as variables.
pub(super) fn named_labels(matches: &Match) -> impl Iterator<Item = &str> {
    let fields = [&matches.account, &matches.kind, &matches.name, &matches.service];
    let texts = fields
        .into_iter()
        .flatten()
        .chain(matches.labels.iter().map(|(_, text)| text));
    texts.flat_map(|text| {
        let parts = text.split("${labels:").skip(1);
        parts.filter_map(|part| part.split_once('}').map(|(label, _)| label))
    })
}
