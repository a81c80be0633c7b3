//! A bounded table: what was not used for long makes room.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use siphasher::sip::SipHasher13;

/// What makes a table's hashes unpredictable: keys come from clients, who could otherwise choose such as collide. Random,
/// one for each process or VM.
#[derive(Clone, Copy)]
pub struct Seed([u8; 16]);

/// At most [`capacity`](Self::capacity) entries, which are found by key in constant time.
///
/// Two halves: what is new or used goes to the young one; when that is full the old one is emptied and the two change
/// places. So an entry is kept for at least half a capacity of other ones that are used after it, and nothing needs a
/// list of who was used when.
#[derive(Debug)]
pub struct Table<K, V> {
    young: HashMap<K, V, Seed>,
    old: HashMap<K, V, Seed>,
    half: usize,
}

impl Seed {
    /// Of sixteen random bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }
}

impl BuildHasher for Seed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

/// Nobody is to know it.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed")
    }
}

impl<K: Hash + Eq, V> Table<K, V> {
    /// An empty one for up to `capacity` entries, rounded to an even number; below two it holds nothing.
    #[must_use]
    pub fn new(capacity: usize, seed: Seed) -> Self {
        Self {
            young: HashMap::with_hasher(seed),
            old: HashMap::with_hasher(seed),
            half: capacity / 2,
        }
    }

    /// The value of `key`, which counts as used now.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Puts in `value`, in the place of what `key` had.
    pub fn insert(&mut self, key: K, value: V) {
        if self.half == 0 {
            return;
        }
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            std::mem::swap(&mut self.young, &mut self.old);
            // Keeps what it has allocated: memory that a module has had it does not give back anyway.
            self.young.clear();
        }
        self.young.insert(key, value);
    }

    /// Takes out the value of `key`.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries there can be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.half.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(capacity: usize) -> Table<u32, u32> {
        Table::new(capacity, Seed::new([7; 16]))
    }

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let mut table = table(10);
        for number in 0..1_000 {
            table.insert(number, number);
            assert_eq!(table.get(&0), Some(&mut 0));
            assert!(table.len() <= table.capacity());
        }
        assert_eq!(table.get(&1), None);
        assert_eq!(table.get(&999), Some(&mut 999));
    }

    #[test]
    fn a_table_without_room_holds_nothing() {
        let mut table = table(1);
        table.insert(1, 1);
        assert_eq!(table.get(&1), None);
    }

    proptest! {
        /// A value that is found is the one put in last, and the last half of a capacity is always found.
        #[test]
        fn a_table_never_gives_another_value(steps in proptest::collection::vec((0u32..30, any::<u32>(), 0u8..4), 0..200)) {
            let mut table = table(16);
            let mut last = HashMap::new();
            let mut recent: Vec<u32> = Vec::new();
            for (key, value, what) in steps {
                match what {
                    0 => {
                        table.remove(&key);
                        prop_assert_eq!(table.get(&key), None);
                        recent.retain(|known| *known != key);
                        last.remove(&key);
                    }
                    1 => {
                        let found = table.get(&key).copied();
                        prop_assert!(found.is_none() || found == last.get(&key).copied());
                        prop_assert!(found.is_some() || !recent.contains(&key));
                        if found.is_some() {
                            recent.retain(|known| *known != key);
                            recent.push(key);
                        }
                    }
                    _ => {
                        table.insert(key, value);
                        last.insert(key, value);
                        recent.retain(|known| *known != key);
                        recent.push(key);
                    }
                }
                let surplus = recent.len().saturating_sub(8);
                recent.drain(..surplus);
                prop_assert!(table.len() <= table.capacity());
            }
        }
    }
}
