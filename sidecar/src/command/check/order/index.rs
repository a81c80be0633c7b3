//! Finds the rules that can have anything in common with another, by what their accounts and names begin with.

use std::collections::BTreeMap;
use std::ops::Bound;

use registry_auth_core::acl::relation::Reach;

/// Rules by what they begin with.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_account: Beginnings,
    by_name: Beginnings,
}

#[derive(Debug, Default)]
struct Beginnings(BTreeMap<Box<str>, Vec<usize>>);

impl Index {
    pub(super) fn add(&mut self, number: usize, reach: &Reach) {
        self.by_account.add(number, reach.account_prefix());
        self.by_name.add(number, reach.name_prefix());
    }

    /// Those that can have something in common with `reach`, in their order; some have not.
    pub(super) fn candidates(&self, reach: &Reach) -> Vec<usize> {
        let by_account = || self.by_account.akin(reach.account_prefix());
        let by_name = || self.by_name.akin(reach.name_prefix());
        let count = |numbers: &mut dyn Iterator<Item = &Vec<usize>>| numbers.map(Vec::len).sum::<usize>();
        let mut numbers: Vec<usize> = if count(&mut by_account()) <= count(&mut by_name()) {
            by_account().flatten().copied().collect()
        } else {
            by_name().flatten().copied().collect()
        };
        numbers.sort_unstable();
        numbers
    }
}

impl Beginnings {
    fn add(&mut self, number: usize, prefix: &str) {
        match self.0.get_mut(prefix) {
            Some(numbers) => numbers.push(number),
            None => {
                self.0.insert(prefix.into(), vec![number]);
            }
        }
    }

    /// Those that begin with `prefix`, and those that `prefix` begins with.
    fn akin<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Vec<usize>> {
        let longer = self.0.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let longer = longer.take_while(move |(begin, _)| begin.starts_with(prefix));
        let cuts = prefix
            .char_indices()
            .map(|(at, _)| prefix.get(..at).unwrap_or_default());
        let shorter = cuts.filter_map(|cut| self.0.get(cut));
        longer.map(|(_, numbers)| numbers).chain(shorter)
    }
}
