//! `registry-auth acl`: the rules of a database, so that nobody writes JSON or numbers by hand.

mod order;
mod report;

use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use clap::{Args, Subcommand};
use registry_auth_core::acl::Acl;
use registry_auth_core::config::acl::{Options, Rule};
use registry_auth_core::config::backend::RuleList;
use thiserror::Error;

use super::target::{Environment, Found, List, TargetError, Where};
use super::{Exit, answer};
use crate::backend::BackendError;
use crate::backends::mongo::rules::MongoRules;
use crate::backends::sql::SqlRules;
use crate::config::{self, Loaded};
use crate::lists::{Refusal, judge};
use crate::lock::held;
use crate::tables::RuleTable;
use order::{Destination, NotMoved};

/// `registry-auth acl`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(
    after_help = "Each change is one step: the list is as it was, or as it is to be.\n\n\
    Examples:\n  \
    registry-auth acl export auth_config.yml > rules.yml\n  \
    registry-auth acl import auth_config.yml rules.yml"
)]
pub struct AclCommand {
    #[command(subcommand)]
    what: What,
}

/// What becomes of the rules.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
enum What {
    /// Lists them in the order in which they are tried: exit code 0 some, 1 none, 2 could not tell
    #[command(after_help = "With --json: [{\"seq\", \"match\", \"actions\", \"comment\"}].\n\n\
        Examples:\n  \
        registry-auth acl list auth_config.yml\n  \
        registry-auth acl list auth_config.yml --json")]
    List(List),
    /// Puts the rules of a file in place of the list, numbered by tens: exit code 0 done, 1 the file is wrong, 2 could not
    #[command(after_help = "Examples:\n  \
        registry-auth acl import auth_config.yml rules.yml\n  \
        registry-auth acl import auth_config.yml rules.yml --in acl_xorm")]
    Import(Import),
    /// Prints the list as a file with `acl`, as `import` and every configuration take it
    #[command(after_help = "Examples:\n  \
        registry-auth acl export auth_config.yml > rules.yml\n  \
        registry-auth acl export auth_config.yml --in acl_xorm")]
    Export(Where),
    /// Moves a rule, and numbers all by tens: exit code 0 moved, 1 there is no such rule, 2 could not
    #[command(after_help = "Examples:\n  \
        registry-auth acl move auth_config.yml 70 --before 20\n  \
        registry-auth acl move auth_config.yml 70 --last")]
    Move(Move),
    /// Says whether the list, or that of a file, would be taken: exit code 0 it would, 1 it would not, 2 could not tell
    #[command(after_help = "Examples:\n  \
        registry-auth acl test auth_config.yml\n  \
        registry-auth acl test auth_config.yml --rules rules.yml")]
    Test(Test),
    /// Prints what has the database tell of each change, whoever makes it: exit code 0 it can, 1 it cannot, 2 could not tell
    #[command(after_help = "Examples:\n  \
        registry-auth acl listen auth_config.yml --sql | psql accounts\n  \
        registry-auth acl listen auth_config.yml --sql --in acl_xorm")]
    Listen(Listen),
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Import {
    #[command(flatten)]
    place: Where,
    /// A file with `acl`
    #[arg(value_name = "RULES")]
    rules: PathBuf,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Move {
    #[command(flatten)]
    place: Where,
    /// The `seq` of the rule
    #[arg(value_name = "SEQ", allow_negative_numbers = true)]
    seq: i64,
    #[command(flatten)]
    to: Destination,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Test {
    #[command(flatten)]
    place: Where,
    /// A file with `acl`, in place of the list of the database
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
struct Listen {
    #[command(flatten)]
    place: Where,
    /// As SQL, for the database's own client
    #[arg(long, required = true)]
    sql: bool,
}

/// Why nothing was done.
#[derive(Debug, Error)]
pub enum AclError {
    /// No database.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It could not be asked.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The answer cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// A list of a database, and the configuration that names it.
struct Opened {
    which: RuleList,
    table: Box<dyn RuleTable>,
    found: Found,
}

/// Does it, and says so.
///
/// # Errors
/// See [`AclError`].
pub async fn run(acl: &AclCommand, environment: Environment<'_>) -> Result<Exit, AclError> {
    match &acl.what {
        What::List(List { place, json }) => {
            let entries = open(place, environment)?.table.entries().await?;
            answer(&report::listed(&entries, *json))?;
            Ok(if entries.is_empty() { Exit::No } else { Exit::Yes })
        }
        What::Import(import) => imported(import, environment).await,
        What::Export(place) => {
            let entries = open(place, environment)?.table.entries().await?;
            answer(&report::exported(&entries))?;
            Ok(Exit::Yes)
        }
        What::Move(asked) => moved(asked, environment).await,
        What::Test(test) => tested(test, environment).await,
        What::Listen(Listen { place, .. }) => {
            let Some(sql) = open(place, environment)?.table.telling() else {
                eprintln!(
                    "only PostgreSQL tells of changes; this list is read each `cache_ttl`, and after a change by \
                     `registry-auth` at once"
                );
                return Ok(Exit::No);
            };
            answer(sql)?;
            Ok(Exit::Yes)
        }
    }
}

async fn imported(import: &Import, environment: Environment<'_>) -> Result<Exit, AclError> {
    let opened = open(&import.place, environment)?;
    let rules = match rules(&import.rules, opened.options(), environment) {
        Ok(rules) => rules,
        Err(report) => {
            eprintln!("the list of the database stays as it is\n\n{report}");
            return Ok(Exit::No);
        }
    };
    let entries = order::numbered(rules.iter().map(report::node).collect());
    let replaced = Mutex::new(0);
    opened
        .table
        .rewrite(&|before| {
            *held(&replaced) = before.len();
            Some(entries.clone())
        })
        .await?;
    let replaced = *held(&replaced);
    let told = opened.found.tell().await;
    answer(&format!("{} rules in place of {replaced}\n", entries.len()))?;
    eprintln!("{told}");
    Ok(Exit::Yes)
}

async fn moved(asked: &Move, environment: Environment<'_>) -> Result<Exit, AclError> {
    let opened = open(&asked.place, environment)?;
    let outcome: Mutex<Result<String, NotMoved>> = Mutex::new(Ok(String::new()));
    opened
        .table
        .rewrite(&|before| match order::moved(before, asked.seq, asked.to) {
            Ok(after) => {
                *held(&outcome) = Ok(report::listed(&after, false));
                Some(after)
            }
            Err(error) => {
                *held(&outcome) = Err(error);
                None
            }
        })
        .await?;
    let outcome = std::mem::replace(&mut *held(&outcome), Ok(String::new()));
    match outcome {
        Ok(list) => {
            let told = opened.found.tell().await;
            answer(&list)?;
            eprintln!("{told}");
            Ok(Exit::Yes)
        }
        Err(error) => {
            eprintln!("{error}");
            Ok(Exit::No)
        }
    }
}

async fn tested(test: &Test, environment: Environment<'_>) -> Result<Exit, AclError> {
    let opened = open(&test.place, environment)?;
    if let Some(file) = &test.rules {
        return Ok(match rules(file, opened.options(), environment) {
            Ok(rules) => told(rules.len())?,
            Err(report) => {
                answer(&report)?;
                Exit::No
            }
        });
    }
    let entries = opened.table.entries().await?;
    match judge(opened.which.key(), opened.options(), entries) {
        Ok((rules, warnings)) => {
            for warning in warnings {
                eprintln!("warning: {warning}");
            }
            Ok(told(rules.len())?)
        }
        Err(Refusal { why, .. }) => {
            answer(&format!("error: {why}\nthe list is refused as a whole\n"))?;
            Ok(Exit::No)
        }
    }
}

fn told(rules: usize) -> io::Result<Exit> {
    answer(&format!("{rules} rules, nothing wrong\n"))?;
    Ok(Exit::Yes)
}

/// The rules of a file, or what is wrong with it.
fn rules(file: &std::path::Path, options: Options, environment: Environment<'_>) -> Result<Vec<Rule>, String> {
    let Loaded {
        document,
        mut problems,
        origin,
    } = config::load(&[file.to_owned()], environment);
    let rules = document.and_then(|document| document.acl);
    match rules {
        Some(rules) if !problems.is_refusal() => {
            drop(Acl::compile(&rules, options, &mut problems));
            if problems.is_refusal() {
                return Err(origin.report(&problems));
            }
            Ok(rules)
        }
        None if !problems.is_refusal() => Err(format!(
            "`{}` has no `acl`; write the rules as in a configuration, `acl: [...]`\n",
            file.display()
        )),
        _ => Err(origin.report(&problems)),
    }
}

impl Opened {
    fn options(&self) -> Options {
        self.found.document.acl_options
    }
}

/// The list, and the configuration that names it.
fn open(place: &Where, environment: Environment<'_>) -> Result<Opened, AclError> {
    let mut found = place.files.read(environment)?;
    let backends = found.document.program.as_ref().map(|program| &program.backends);
    let lists = backends.into_iter().flat_map(|backends| backends.lists.iter());
    let lists = lists.map(|(list, section)| (list.key(), (*list, section.clone())));
    let lists = lists.collect();
    let (which, mut section) = found.choose(lists, place.key.as_deref(), "`acl_xorm` and no `acl_mongo`", "rules")?;
    let table = found.open(environment, |sources, problems| -> Option<Box<dyn RuleTable>> {
        match which {
            RuleList::Mongo => MongoRules::open(&mut section, sources, problems).map(|table| Box::new(table) as _),
            RuleList::Sql => SqlRules::open(&mut section, sources, problems).map(|table| Box::new(table) as _),
        }
    })?;
    Ok(Opened { which, table, found })
}
