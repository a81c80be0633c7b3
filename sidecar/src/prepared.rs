//! All that a configuration amounts to before anything listens: what `serve` puts in force, and what `check` looks at.
//!
//! Both come here, so what the one refuses the other reports. Nothing is listened on, no program is run, no hook asked.

use std::sync::Arc;

use registry_auth_core::config::backend::Backends;
use registry_auth_core::config::{Document, Sources};
use registry_auth_core::problem::{Place, Problem, Problems};
use registry_auth_core::time::Timestamp;

use crate::chain::{Chain, Observer};
use crate::config::Origin;
use crate::generation::Generation;
use crate::listen::{self, Address, Listen};

/// A configuration without a fault, but for what only the moment of opening its listeners can show.
#[derive(Debug)]
pub struct Prepared {
    /// What is decided and answered by.
    pub generation: Generation,
    /// Where.
    pub listeners: Listeners,
    /// What an operator should know of it.
    pub warnings: Vec<Problem>,
}

/// Where the program listens, by a configuration.
#[derive(Debug, Default)]
pub struct Listeners {
    /// `server`: token requests.
    pub token: Option<listen::Token>,
    /// `filter`: the filter's calls.
    pub filter: Option<listen::Filter>,
    /// `admin`: health and metrics.
    pub admin: Option<listen::Admin>,
}

/// What does not stand in the configuration itself.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Environment variables by name.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// What the command line says of the token endpoint's listener.
    pub listen: &'a Listen,
    /// Who is told of each question to a back-end.
    pub observer: &'a Arc<dyn Observer>,
    /// The generation's number.
    pub number: u64,
    /// The time by which certificates are judged.
    pub now: Timestamp,
}

/// Compiles `document`, in which `problems` were found so far, and all of its sections.
///
/// # Errors
/// All problems, if one of them is a fault.
pub fn prepare(
    document: Document,
    origin: &mut Origin,
    mut problems: Problems,
    circumstances: Circumstances<'_>,
) -> Result<Prepared, Problems> {
    let before = problems.errors().len();
    let (listeners, chain) = open_sections(&document, origin, &mut problems, circumstances);
    problems.drop_behind(before, |place| origin.lacks(place));
    let Circumstances { number, now, .. } = circumstances;
    let compiled = Generation::compile(document, chain, number, now, problems);
    let (generation, warnings) = compiled.map_err(Problems::without_echoes)?;
    Ok(Prepared {
        generation,
        listeners,
        warnings,
    })
}

/// What of `document` core leaves to the program: where to listen, and the back-ends.
fn open_sections(
    document: &Document,
    origin: &mut Origin,
    problems: &mut Problems,
    circumstances: Circumstances<'_>,
) -> (Listeners, Chain) {
    let Circumstances {
        environment,
        listen,
        observer,
        ..
    } = circumstances;
    let Some(program) = document.program.clone() else {
        let none = Sources::of_a_proxy(&|_| None);
        let chain = Chain::open(Backends::default(), none, observer, problems);
        return (Listeners::default(), chain);
    };
    origin.with_sources(environment, |sources| {
        let filter = program.filter;
        let listeners = Listeners {
            token: listen::Token::read(program.listener, &document.server, listen, problems),
            filter: filter.and_then(|section| listen::Filter::read(section, sources, problems)),
            admin: program.admin.and_then(|section| listen::Admin::read(section, problems)),
        };
        listeners.refuse_the_same_place_twice(problems);
        let chain = Chain::open(program.backends, sources, observer, problems);
        (listeners, chain)
    })
}

impl Listeners {
    fn refuse_the_same_place_twice(&self, problems: &mut Problems) {
        let token = self.token.as_ref().and_then(|token| token.listener.as_ref());
        let filter = self.filter.as_ref().map(|filter| &filter.listener);
        let admin = self.admin.as_ref().map(|admin| &admin.listener);
        let named = [
            ("server", "addr", token),
            ("filter", "listen", filter),
            ("admin", "listen", admin),
        ];
        let mut before: Vec<(String, &Address)> = Vec::new();
        for (section, key, listener) in named {
            let Some(listener) = listener else { continue };
            let address = &listener.address;
            if let Some((name, _)) = before.iter().find(|(_, other)| other.is_same_place(address)) {
                problems.error(
                    &Place::root().key(section).key(key),
                    format_args!("is that of `{name}` too, `{address}`; give each an address of its own"),
                );
            }
            before.push((format!("{section}.{key}"), address));
        }
    }
}
