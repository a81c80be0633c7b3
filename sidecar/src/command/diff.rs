//! `registry-auth diff`: what a change of the file grants and takes away.
//!
//! Rules are compared for every account, whether a file has it or not, and static users by what becomes of each. Nothing
//! is said to widen that was not decided by both files; nothing is passed over that is not surely harmless.

mod accounts;
mod candidates;
mod change;
mod example;
mod report;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod texts;
mod words;

use std::path::PathBuf;

use clap::Args;
use thiserror::Error;

use super::shown::quoted;
use super::{Exit, answer};
use crate::rulebook::{self, Rulebook};
use change::{Found, Way};
use example::{Aim, Seeker, Side};
use report::Report;
use rules::{Doubt, Lists};

/// What the help ends with.
pub const AFTER_HELP: &str = "\
Not compared: keys, listeners, throttle, cache, and what back-ends answer. An account with so many or such labels that a \
rule cannot be judged for it is left out of account.

With --json: {\"widens\": true, false or null, \"grants\": [CHANGE], \"takes_away\": [CHANGE], \"cannot_tell\": [CHANGE with \
\"whether\": \"grants\" or \"takes_away\"], \"notes\": [...]}; a CHANGE is {\"key\", \"file\", \"line\", \"what\", \"example\": \
{\"account\", \"labels\": {...}, \"ip\", \"service\", \"scope\", \"old\": RULE or null, \"new\": RULE or null} or null}, and a \
RULE, the one that decides, {\"index\", \"file\", \"line\", \"comment\"}.

Examples:
  registry-auth diff old.yml auth_config.yml
  git show main:auth_config.yml > old.yml && registry-auth diff --json old.yml auth_config.yml";

/// `registry-auth diff`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// Another file that `serve` gets beside either, merged as there; may be given several times
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// The configuration before the change
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The configuration after it
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum DiffError {
    /// Standard output cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A configuration; told with file and line already.
    #[error("cannot read the rules\n\n{0}")]
    Rulebook(String),
}

/// The two files, seen one way: what `to` grants beyond `from`.
#[derive(Clone, Copy)]
struct Sides<'r> {
    way: Way,
    from: &'r Rulebook,
    to: &'r Rulebook,
}

/// What the change comes to.
struct Answered<'r> {
    old: &'r Rulebook,
    new: &'r Rulebook,
    files: [Vec<PathBuf>; 2],
    seekers: [Seeker<'r>; 2],
    found: Found,
}

/// Answers on standard output.
///
/// # Errors
/// See [`DiffError`].
pub fn run(diff: &Diff, environment: &dyn Fn(&str) -> Option<String>) -> Result<Exit, DiffError> {
    let (text, exit) = answered(diff, environment)?;
    answer(&text)?;
    Ok(exit)
}

/// The answer, and how the command ends.
fn answered(diff: &Diff, environment: &dyn Fn(&str) -> Option<String>) -> Result<(String, Exit), DiffError> {
    let files = [&diff.old, &diff.new].map(|file| -> Vec<PathBuf> {
        let files = std::iter::once(file).chain(&diff.with);
        files.cloned().collect()
    });
    let [old, new] = files
        .each_ref()
        .map(|files| rulebook::read(files, environment).map_err(DiffError::Rulebook));
    let (old, new) = (old?, new?);
    let answered = Answered::to(&old, &new, files);
    let exit = answered.exit();
    let report = Report::of(&answered, exit);
    Ok((if diff.json { report.json() } else { report.text() }, exit))
}

impl<'r> Sides<'r> {
    fn new(way: Way, old: &'r Rulebook, new: &'r Rulebook) -> Self {
        let (from, to) = match way {
            Way::Grants => (old, new),
            Way::TakesAway => (new, old),
        };
        Self { way, from, to }
    }

    fn side(self, side: Side) -> &'r Rulebook {
        match side {
            Side::From => self.from,
            Side::To => self.to,
        }
    }

    /// The back-ends of `to` that know accounts, as in ``` `ext_auth` or `http_auth` ```.
    fn authenticators(self) -> String {
        quoted(&self.to.authenticators()).join(" or ")
    }

    /// The back-ends of `to` that know rights.
    fn authorizers(self) -> String {
        quoted(&self.to.authorizers()).join(" or ")
    }
}

impl<'r> Answered<'r> {
    fn to(old: &'r Rulebook, new: &'r Rulebook, files: [Vec<PathBuf>; 2]) -> Self {
        let mut found = Found::default();
        let seekers = [Way::Grants, Way::TakesAway].map(|way| {
            let sides = Sides::new(way, old, new);
            let mut lists = Lists::new(sides.from, sides.to);
            let mut seeker = Seeker::new(sides.from, sides.to);
            accounts::compare(sides, &mut lists, &mut seeker, &mut found);
            for doubt in lists.doubts(settings::are_authorizers_the_same(old, new)) {
                tell(sides, &doubt, &lists, &mut seeker, &mut found);
            }
            settings::compare(sides, &mut lists, &mut seeker, &mut found);
            seeker
        });
        Self {
            old,
            new,
            files,
            seekers,
            found,
        }
    }

    fn exit(&self) -> Exit {
        let any = |is_sure| self.found.of(Way::Grants, is_sure).next().is_some();
        match (any(true), any(false)) {
            (true, _) => Exit::No,
            (false, true) => Exit::CouldNotTell,
            (false, false) => Exit::Yes,
        }
    }

    fn sides(&self, way: Way) -> Sides<'r> {
        Sides::new(way, self.old, self.new)
    }

    fn seeker(&self, way: Way) -> &Seeker<'r> {
        let [grants, takes_away] = &self.seekers;
        match way {
            Way::Grants => grants,
            Way::TakesAway => takes_away,
        }
    }

    /// The files of the side that grants.
    fn files(&self, way: Way) -> &[PathBuf] {
        let [old, new] = &self.files;
        match way {
            Way::Grants => new,
            Way::TakesAway => old,
        }
    }
}

/// Looks for an example of what a rule in doubt grants, and tells what is known of it.
fn tell<'r>(sides: Sides<'r>, doubt: &Doubt, lists: &Lists<'r>, seeker: &mut Seeker<'r>, found: &mut Found) {
    let Some(target) = lists.target(doubt.index) else {
        return tell_left_over(sides, doubt, found);
    };
    if doubt.is_cut {
        let what = format!(
            "acl[{}] and the rules behind it are not compared: there are too many that could come before them",
            doubt.index
        );
        return found.perhaps(sides.way, (sides.to, &target.rule.place), what);
    }
    let near = lists.near(doubt.index, &doubt.above);
    let example = seeker.seek(Aim {
        target,
        decider: Some(doubt.index),
        near: &near,
        whos: None,
        services: None,
    });
    let at = (sides.to, &target.rule.place);
    let otherwise = lists.same(doubt.index).filter(|_| !lists.is_as_before(doubt.index));
    let otherwise = otherwise.and_then(|index| sides.from.rules.get(index));
    let mut what = words::rule(sides, doubt.index, otherwise);
    if example.is_some() {
        if lists.is_as_before(doubt.index) {
            what.push_str(match sides.way {
                Way::Grants => ", as before; but fewer requests are taken above it",
                Way::TakesAway => ", and still does; but more requests are taken above it",
            });
        }
        return found.surely(sides.way, at, what, example);
    }
    let whether = match sides.way {
        Way::Grants => "perhaps more than before",
        Way::TakesAway => "perhaps no longer all of it",
    };
    found.perhaps(
        sides.way,
        at,
        format!("{what}, {whether}: {}", words::doubt(sides, doubt)),
    );
}

/// What no rule takes is left to back-ends.
fn tell_left_over(sides: Sides<'_>, doubt: &Doubt, found: &mut Found) {
    let first = doubt.above.iter().find_map(|index| sides.from.rules.get(*index));
    let backends = sides.authorizers();
    let Some(rule) = first else {
        // That the back-end is new is told already.
        return;
    };
    let what = match sides.way {
        Way::Grants => format!("some of what it took is left to {backends}, which may grant more"),
        Way::TakesAway => format!("takes what was left to {backends}, which may have granted more"),
    };
    found.perhaps(
        sides.way,
        (sides.from, &rule.place),
        format!("acl[{}]: {what}", rule_index(doubt)),
    );
}

fn rule_index(doubt: &Doubt) -> usize {
    doubt.above.first().copied().unwrap_or_default()
}
