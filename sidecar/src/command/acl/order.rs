//! The order of a list, and how it changes.

use clap::Args;
use registry_auth_core::config::Node;
use thiserror::Error;

use crate::backend::Entry;

/// From one rule to the next, so that there is room for more between.
const STEP: i64 = 10;

/// Where a rule goes.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[group(required = true, multiple = false)]
pub(super) struct Destination {
    /// Before the rule with this `seq`
    #[arg(long, value_name = "SEQ", allow_negative_numbers = true)]
    before: Option<i64>,
    /// Behind the rule with this `seq`
    #[arg(long, value_name = "SEQ", allow_negative_numbers = true)]
    after: Option<i64>,
    /// To the beginning
    #[arg(long)]
    first: bool,
    /// To the end
    #[arg(long)]
    last: bool,
}

/// Why a rule stays where it is.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum NotMoved {
    #[error("no rule has `seq` {0}; `registry-auth acl list` tells which there are")]
    Unknown(i64),
    #[error("{1} rules have `seq` {0}; `acl export` and `acl import` give each a number of its own")]
    Several(i64, usize),
    #[error("a rule is neither before nor behind itself")]
    Itself,
}

/// The entries, numbered by tens.
pub(super) fn numbered(nodes: Vec<Node>) -> Vec<Entry> {
    let numbers = (1_i64..).map(|number| number.saturating_mul(STEP));
    let entries = nodes.into_iter().zip(numbers).map(|(node, seq)| Entry {
        name: format!("seq {seq}"),
        seq: Some(seq),
        node,
    });
    entries.collect()
}

/// The list with the rule numbered `seq` elsewhere, numbered anew.
pub(super) fn moved(mut entries: Vec<Entry>, seq: i64, to: Destination) -> Result<Vec<Entry>, NotMoved> {
    let from = position(&entries, seq)?;
    let target = to.before.or(to.after);
    if target == Some(seq) {
        return Err(NotMoved::Itself);
    }
    // Looked for before anything moves.
    let target = target.map(|target| position(&entries, target)).transpose()?;
    let entry = entries.remove(from);
    let to = match target {
        // What was behind it has come nearer by one.
        Some(target) => {
            let target = if target > from {
                target.saturating_sub(1)
            } else {
                target
            };
            target.saturating_add(usize::from(to.after.is_some()))
        }
        None if to.first => 0,
        None => entries.len(),
    };
    entries.insert(to.min(entries.len()), entry);
    Ok(numbered(entries.into_iter().map(|entry| entry.node).collect()))
}

fn position(entries: &[Entry], seq: i64) -> Result<usize, NotMoved> {
    let found = entries.iter().enumerate().filter(|(_, entry)| entry.seq == Some(seq));
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    match found[..] {
        [] => Err(NotMoved::Unknown(seq)),
        [at] => Ok(at),
        _ => Err(NotMoved::Several(seq, found.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(seqs: &[i64]) -> Vec<Entry> {
        let entries = seqs.iter().map(|seq| Entry {
            name: String::new(),
            seq: Some(*seq),
            node: Node::Text(seq.to_string()),
        });
        entries.collect()
    }

    fn to(before: Option<i64>, after: Option<i64>, first: bool) -> Destination {
        Destination {
            before,
            after,
            first,
            last: false,
        }
    }

    #[test]
    fn a_rule_goes_where_it_is_told_and_all_are_numbered_by_tens() {
        for (seq, destination, expected) in [
            (3, to(Some(1), None, false), ["3", "1", "2", "4"]),
            (1, to(Some(3), None, false), ["2", "1", "3", "4"]),
            (1, to(None, Some(3), false), ["2", "3", "1", "4"]),
            (4, to(None, Some(1), false), ["1", "4", "2", "3"]),
            (2, to(None, None, true), ["2", "1", "3", "4"]),
            (2, to(None, None, false), ["1", "3", "4", "2"]),
        ] {
            let after = moved(list(&[1, 2, 3, 4]), seq, destination).unwrap();
            let seqs: Vec<_> = after.iter().map(|entry| entry.seq.unwrap()).collect();
            assert_eq!(seqs, [10, 20, 30, 40]);
            let texts: Vec<_> = after.into_iter().map(|entry| entry.node).collect();
            assert_eq!(
                texts,
                expected.map(|text| Node::Text(text.to_owned())),
                "{seq} {destination:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_moved_stays() {
        let first = to(None, None, true);
        assert_eq!(moved(list(&[1]), 7, first), Err(NotMoved::Unknown(7)));
        assert_eq!(moved(list(&[1, 1]), 1, first), Err(NotMoved::Several(1, 2)));
        assert_eq!(
            moved(list(&[1, 2]), 1, to(Some(9), None, false)),
            Err(NotMoved::Unknown(9))
        );
        assert_eq!(moved(list(&[1, 2]), 1, to(Some(1), None, false)), Err(NotMoved::Itself));
    }
}
