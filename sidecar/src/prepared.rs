//! All that a configuration amounts to before anything listens: what `serve` puts in force, and what `check` looks at.
//!
//! Both come here, so what the one refuses the other reports. Nothing is listened on, no program is run, no hook asked.

use std::sync::Arc;

use registry_auth_core::config::backend::Backends;
use registry_auth_core::config::{Document, Sources};
use registry_auth_core::problem::{Place, Problem, Problems};
use tokio::task::JoinSet;

use crate::chain::{Chain, Observer};
use crate::config::Origin;
use crate::generation::{Edition, Generation};
use crate::listen::{self, Address, Listen};
use crate::lists::{Lists, News};

/// A configuration without a fault, but for what only the moment of opening its listeners can show.
#[derive(Debug)]
pub struct Prepared {
    /// What is decided and answered by, as long as nothing is known of lists.
    pub generation: Generation,
    /// What the next generation is made of, when a list is read.
    pub base: Base,
    /// Where.
    pub listeners: Listeners,
    /// What an operator should know of it.
    pub warnings: Vec<Problem>,
}

/// What a generation is made of, but for what lists hold.
#[derive(Debug)]
pub struct Base {
    /// `None` where nothing changes but with the files.
    document: Option<Document>,
    chain: Arc<Chain>,
    /// The lists.
    pub lists: Lists,
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
    /// What tells the generation from others.
    pub edition: Edition,
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
    let (listeners, chain, lists) = open_sections(&document, origin, &mut problems, circumstances);
    problems.drop_behind(before, |place| origin.lacks(place));
    let chain = Arc::new(chain);
    let base = Base {
        document: (!lists.is_empty() || !chain.is_empty()).then(|| document.clone()),
        chain: Arc::clone(&chain),
        lists,
    };
    let compiled = Generation::compile(document, chain, circumstances.edition, problems);
    let (generation, warnings) = compiled.map_err(Problems::without_echoes)?;
    Ok(Prepared {
        generation,
        base,
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
) -> (Listeners, Chain, Lists) {
    let Circumstances {
        environment,
        listen,
        observer,
        ..
    } = circumstances;
    let Some(program) = document.program.clone() else {
        let none = Sources::of_a_proxy(&|_| None);
        let chain = Chain::open(Backends::default(), none, observer, problems);
        return (Listeners::default(), chain, Lists::default());
    };
    origin.with_sources(environment, |sources| {
        let filter = program.filter;
        let listeners = Listeners {
            token: listen::Token::read(program.listener, &document.server, listen, problems),
            filter: filter.and_then(|section| listen::Filter::read(section, sources, problems)),
            admin: program.admin.and_then(|section| listen::Admin::read(section, problems)),
        };
        listeners.refuse_the_same_place_twice(problems);
        let lists = &program.backends.lists;
        let lists = Lists::open(lists, document.acl_options, sources, observer, problems);
        let chain = Chain::open(program.backends, sources, observer, problems);
        (listeners, chain, lists)
    })
}

impl Base {
    /// Reads the lists, and listens to back-ends, for as long as what it returns lives; `news` hears of changes.
    #[must_use]
    pub fn follow(&self, news: &Arc<News>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        self.lists.follow(news, &mut tasks);
        self.chain.hear(news, &mut tasks);
        tasks
    }

    /// The generation with what the lists hold now; `None` where nothing changes but with the files.
    ///
    /// # Errors
    /// When all together is too much.
    #[must_use]
    pub fn compile(&self, edition: Edition) -> Option<Result<Generation, Problems>> {
        let mut document = self.document.clone()?;
        let mut problems = Problems::default();
        self.lists.complete(&mut document, &mut problems);
        if problems.is_refusal() {
            return Some(Err(problems));
        }
        let compiled = Generation::compile(document, Arc::clone(&self.chain), edition, problems);
        Some(compiled.map(|(generation, _)| generation))
    }
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
