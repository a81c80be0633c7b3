//! The addresses and services between which no rule tells any difference: one of each is asked for all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use registry_auth_core::acl::bearing::Bearing;
use registry_auth_core::acl::glob::{DoubleStar, Glob};
use registry_auth_core::service::Service;

use crate::rulebook::Rulebook;

/// A network without those in it that some rule names: all its addresses are decided alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) struct Cell {
    network: IpNet,
    /// One of them.
    pub(in crate::command) address: IpAddr,
}

/// The services to ask for.
#[derive(Debug)]
pub(super) struct Services {
    /// With the name that is told of each; none is told of all that no rule names.
    services: Vec<(Service, Option<String>)>,
    /// Patterns of services of which it is not known what they hold: the rule, and the pattern.
    pub(super) unknown: Vec<(usize, String)>,
}

impl Cell {
    /// The cells that `networks` cut all addresses into.
    pub(in crate::command) fn all(networks: impl Iterator<Item = IpNet>) -> Vec<Self> {
        let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        let mut all: Vec<IpNet> = networks.chain(everything).collect();
        all.sort_unstable();
        all.dedup();
        let cells = all.iter().filter_map(|network| {
            let inner = all.iter().filter(|inner| *inner != network && network.contains(*inner));
            let inner: Vec<IpNet> = inner.copied().collect();
            // What is left of the network begins where it does, or behind one of those in it.
            let behind = inner.iter().filter_map(|inner| next(inner.broadcast()));
            let mut candidates = std::iter::once(network.network()).chain(behind);
            let address = candidates.find(|address| {
                let is_inside = network.contains(address) && !inner.iter().any(|inner| inner.contains(address));
                is_inside && address.to_canonical() == *address
            })?;
            Some(Self {
                network: *network,
                address,
            })
        });
        cells.collect()
    }

    fn is_everything(&self) -> bool {
        self.network.prefix_len() == 0
    }
}

/// The address behind this one, of the same family.
fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

/// The addresses of those cells that are `chosen`, as they are told; `None` if these are all.
pub(super) fn told(cells: &[Cell], chosen: &[bool]) -> Option<Vec<String>> {
    if chosen.iter().all(|chosen| *chosen) {
        return None;
    }
    let is_in = |wanted: bool| {
        let cells = cells.iter().zip(chosen);
        cells
            .filter(move |(_, chosen)| **chosen == wanted)
            .map(|(cell, _)| cell)
    };
    let everywhere = is_in(true).filter(|cell| cell.is_everything()).count() > 1;
    let mut told = Vec::new();
    let mut but = Vec::new();
    for cell in is_in(true) {
        let parent = is_in(true).any(|outer| outer.network != cell.network && outer.network.contains(&cell.network));
        // Told with the one around it, if nothing between them differs.
        let between = is_in(false).any(|other| other.network.contains(&cell.network) && !other.is_everything());
        if parent && !between {
            continue;
        }
        let lacking: Vec<IpNet> = is_in(false)
            .map(|inner| inner.network)
            .filter(|inner| cell.network.contains(inner))
            .collect();
        let outermost = |inner: &&IpNet| !lacking.iter().any(|outer| outer != *inner && outer.contains(*inner));
        let outermost: Vec<String> = lacking.iter().filter(outermost).map(|inner| shown(*inner)).collect();
        if everywhere && cell.is_everything() {
            but.extend(outermost);
        } else if outermost.is_empty() {
            told.push(shown(cell.network));
        } else {
            told.push(format!("{} but not {}", shown(cell.network), outermost.join(" and ")));
        }
    }
    if everywhere {
        told.insert(0, format!("anywhere but {}", but.join(" and ")));
    }
    Some(told)
}

/// A network of one address is that address.
fn shown(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

impl Services {
    /// Those that are asked for, that the file serves or, where it serves any, those that rules name and one that none
    /// names.
    pub(super) fn of(rulebook: &Rulebook, bearing: &[Bearing], asked: Option<&Service>) -> Self {
        let named = |service: &Service| (service.clone(), Some(service.to_string()));
        let mut found = Self {
            services: Vec::new(),
            unknown: Vec::new(),
        };
        if let Some(service) = asked {
            found.services.push(named(service));
            return found;
        }
        if let Some(served) = &rulebook.services {
            let served = served.iter().filter_map(|service| Service::parse(service).ok());
            found.services.extend(served.map(|service| named(&service)));
            return found;
        }
        for bearing in bearing {
            let Some(rule) = rulebook.rules.get(bearing.index) else {
                continue;
            };
            let matches = &rule.matches;
            let patterns = [&matches.account, &matches.kind, &matches.name].into_iter().flatten();
            let mut patterns = patterns.chain(matches.labels.iter().map(|(_, pattern)| pattern));
            if let Some(pattern) = patterns.find(|pattern| pattern.contains("${service")) {
                found.unknown.push((bearing.index, pattern.clone()));
            }
            if let Some(pattern) = &matches.service {
                match literal(pattern) {
                    Some(service) => found.services.push(named(&service)),
                    None => found.unknown.push((bearing.index, pattern.clone())),
                }
            }
        }
        found.services.sort_unstable();
        found.services.dedup();
        found.services.retain(|(service, _)| !service.as_str().is_empty());
        found.services.push((Service::default(), None));
        found
    }

    /// Whether a condition may hold for one that is asked for.
    pub(super) fn may_be(&self, pattern: Option<&str>) -> bool {
        let any = self.services.iter().any(|(_, name)| name.is_none());
        match pattern.and_then(literal) {
            Some(only) if !any => self.services.iter().any(|(service, _)| *service == only),
            _ => true,
        }
    }

    /// Each, with the name that is told of it.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Service, Option<&str>)> {
        self.services.iter().map(|(service, name)| (service, name.as_deref()))
    }
}

/// The one service that a pattern holds, if it is no more than a text.
fn literal(pattern: &str) -> Option<Service> {
    let is_expression = pattern.len() > 2 && pattern.starts_with('/') && pattern.ends_with('/');
    if is_expression || pattern.contains("${") {
        return None;
    }
    let glob = Glob::parse(pattern, DoubleStar::Star).ok()?;
    Service::parse(glob.literal()?).ok()
}
