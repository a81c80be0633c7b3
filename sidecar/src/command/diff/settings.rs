//! What beside users and rules says who gets a token for what: back-ends, services, and how long a token lives.

use registry_auth_core::acl::relation::Texts;
use registry_auth_core::config::Section;
use registry_auth_core::problem::Place;
use registry_auth_core::service::Service;

use super::Sides;
use super::change::{Found, Way};
use super::example::{Aim, Seeker};
use super::rules::{Lists, grants};
use super::texts::{ANY, texts};
use crate::command::span::span;
use crate::rulebook::Rulebook;

/// So many services are tried.
const MAX_SERVICES: usize = 16;

/// A back-end: its key, and its section.
type Backend<'s> = (&'static str, &'s Section);

/// How the back-ends of one kind stand to each other.
struct Backends {
    /// Those that `to` alone has.
    new: Vec<(Place, &'static str)>,
    /// Those that are written otherwise there.
    other: Vec<(Place, &'static str)>,
    /// Those that `from` alone has.
    gone: Vec<(Place, &'static str)>,
    are_any_left: bool,
}

/// Compares them, one way.
pub(super) fn compare<'r>(sides: Sides<'r>, lists: &mut Lists<'r>, seeker: &mut Seeker<'r>, found: &mut Found) {
    let accounts = |rulebook: &'r Rulebook| -> Vec<Backend<'r>> {
        let backends = rulebook.backends.authn.iter();
        backends.map(|(backend, section)| (backend.key(), section)).collect()
    };
    let rights = |rulebook: &'r Rulebook| -> Vec<Backend<'r>> {
        let backends = rulebook.backends.authz.iter();
        backends.map(|(backend, section)| (backend.key(), section)).collect()
    };
    Backends::of(&accounts(sides.from), &accounts(sides.to)).tell(
        "which accounts it knows",
        "accounts that it refused are asked of the others",
        sides,
        found,
    );
    Backends::of(&rights(sides.from), &rights(sides.to)).tell(
        "what it grants where no rule matches",
        "what it denied is asked of the others",
        sides,
        found,
    );
    refused(sides, found);
    services(sides, lists, seeker, found);
    lifetime(sides, found);
    if sides.way == Way::Grants && sides.from.options != sides.to.options {
        let spans = if sides.to.options.double_star {
            "now spans `/`"
        } else {
            "no longer spans `/`"
        };
        found
            .notes
            .push(format!("`**` {spans}; each rule is compared as its own file reads it"));
    }
}

/// Whether a back-end decides on both sides alike about what no rule takes.
pub(super) fn are_authorizers_the_same(one: &Rulebook, other: &Rulebook) -> bool {
    let (one, other) = (&one.backends.authz, &other.backends.authz);
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((a, one), (b, other))| a == b && one.holds_the_same_as(other))
}

impl Backends {
    fn of(from: &[Backend<'_>], to: &[Backend<'_>]) -> Self {
        let mut backends = Self {
            new: Vec::new(),
            other: Vec::new(),
            gone: Vec::new(),
            are_any_left: !to.is_empty(),
        };
        for (key, there) in to {
            match from.iter().find(|(other, _)| other == key) {
                None => backends.new.push((there.place().clone(), *key)),
                Some((_, here)) if !here.holds_the_same_as(there) => backends.other.push((there.place().clone(), *key)),
                Some(_) => {}
            }
        }
        for (key, here) in from {
            if !to.iter().any(|(other, _)| other == key) {
                backends.gone.push((here.place().clone(), *key));
            }
        }
        backends
    }

    /// What a back-end answers is not known here, so none of it is sure.
    fn tell(&self, does: &str, then: &str, sides: Sides<'_>, found: &mut Found) {
        if sides.way == Way::TakesAway {
            // Seen from the old side: what it alone has is gone now.
            for (place, key) in &self.new {
                let what = format!("`{key}` is no longer asked; {does} is not looked at");
                found.perhaps(sides.way, (sides.to, place), what);
            }
            return;
        }
        for (place, key) in &self.new {
            let what = format!("`{key}` is asked; {does} is not looked at");
            found.perhaps(sides.way, (sides.to, place), what);
        }
        for (place, key) in &self.other {
            let what = format!("`{key}` is not written as it was; {does} is not looked at");
            found.perhaps(sides.way, (sides.to, place), what);
        }
        for (place, key) in self.gone.iter().filter(|_| self.are_any_left) {
            found.perhaps(
                sides.way,
                (sides.from, place),
                format!("`{key}` is no longer asked, and {then}"),
            );
        }
    }
}

/// What `serve` refuses stands for something, such as a back-end that is not here yet.
fn refused(sides: Sides<'_>, found: &mut Found) {
    if sides.way == Way::TakesAway {
        return;
    }
    for (rulebook, place) in [sides.from, sides.to]
        .into_iter()
        .flat_map(|rulebook| rulebook.refused.iter().map(move |place| (rulebook, place)))
    {
        let what = format!(
            "`{place}` is refused, so what it comes to is not known; `registry-auth check {}` says why",
            rulebook.origin.names()
        );
        found.perhaps(sides.way, (rulebook, place), what);
    }
}

/// Services that `to` alone serves.
fn services<'r>(sides: Sides<'r>, lists: &mut Lists<'r>, seeker: &mut Seeker<'r>, found: &mut Found) {
    let Some(served) = &sides.from.services else { return };
    let new: Vec<&String> = match &sides.to.services {
        Some(services) => services.iter().filter(|service| !served.contains(service)).collect(),
        None => Vec::new(),
    };
    let (place, what, names) = match &sides.to.services {
        Some(_) if new.is_empty() => return,
        Some(_) => {
            let listed: Vec<String> = new.iter().map(|service| format!("`{service}`")).collect();
            let names: Vec<String> = new.into_iter().cloned().collect();
            let word = if names.len() == 1 { "service" } else { "services" };
            let what = match sides.way {
                Way::Grants => format!("{word} {} served as well", are(&listed)),
                Way::TakesAway => format!("{word} {} no longer served", are(&listed)),
            };
            ((sides.to, Place::root().key("services")), what, names)
        }
        None => {
            let what = match sides.way {
                Way::Grants => "any service is served, for `services` is gone",
                Way::TakesAway => "only the services that `services` names are served",
            };
            let names = if served.iter().any(|service| service == ANY) {
                vec![String::new()]
            } else {
                vec![ANY.to_owned(), String::new()]
            };
            ((sides.from, Place::root().key("services")), what.to_owned(), names)
        }
    };
    let at = (place.0, &place.1);
    let services: Vec<Service> = names.iter().filter_map(|name| Service::parse(name).ok()).collect();
    let services: Vec<Service> = services.into_iter().take(MAX_SERVICES).collect();
    let mut is_possible = sides.to.asks.scopes;
    for index in 0..sides.to.rules.len() {
        let Some(target) = lists.target(index).filter(|target| !grants(target.rule).is_empty()) else {
            continue;
        };
        is_possible = true;
        let near = lists.near(index, &[]);
        let mut services = services.clone();
        if sides.to.services.is_none() {
            let of_rule = texts(
                (target.rule.matches.service.as_deref(), target.options),
                &[],
                Texts::Any,
            );
            let new = of_rule.iter().filter(|service| !served.contains(service));
            services.extend(new.filter_map(|service| Service::parse(service).ok()));
        }
        let example = seeker.seek(Aim {
            target,
            decider: None,
            near: &near,
            whos: None,
            services: Some(&services),
        });
        if example.is_some() {
            return found.surely(sides.way, at, what, example);
        }
    }
    if is_possible {
        found.perhaps(
            sides.way,
            at,
            format!("{what}; no request was found that is granted something for that"),
        );
    }
}

/// ``` `a` and `b` are ```.
fn are(listed: &[String]) -> String {
    match listed {
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

/// A right that was taken away lasts until the last token with it ends.
fn lifetime(sides: Sides<'_>, found: &mut Found) {
    let (Some(before), Some(after)) = (sides.from.lifetime, sides.to.lifetime) else {
        return;
    };
    if after <= before {
        return;
    }
    let what = match sides.way {
        Way::Grants => format!("tokens live longer: {} instead of {}", span(after), span(before)),
        Way::TakesAway => format!("tokens live shorter: {} instead of {}", span(before), span(after)),
    };
    let place = Place::root().key("token").key("expiration");
    found.surely(sides.way, (sides.to, &place), what, None);
}
