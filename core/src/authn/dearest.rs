//! What a failure has to cost, so that its time does not tell which names there are.

#[cfg(feature = "crypt")]
use super::hash::crypt::{Crypt, CryptKind};
use super::hash::{Argon2Cost, Argon2id, Bcrypt, Hash, MAX_BCRYPT_COST};

/// The least that bcrypt can cost.
const LEAST_BCRYPT_COST: u32 = 4;

/// The dearest hash of each kind. A failure pays for every kind, so that it does not tell which of them an account has.
#[derive(Clone, Debug, Default)]
pub struct Dearest {
    bcrypt_cost: Option<u32>,
    argon2: Option<Argon2Cost>,
    sha256: bool,
    /// The most rounds of SHA-256 and of SHA-512.
    #[cfg(feature = "crypt")]
    crypt: [Option<u32>; 2],
}

impl Dearest {
    /// Counts `hash` among those that a failure pays for.
    pub fn note(&mut self, hash: &Hash) {
        match hash {
            Hash::Bcrypt(hash) => self.bcrypt_cost = self.bcrypt_cost.max(Some(hash.cost())),
            Hash::Argon2id(hash) if self.argon2.is_none_or(|known| known.work() < hash.cost().work()) => {
                self.argon2 = Some(hash.cost());
            }
            Hash::Argon2id(_) => {}
            Hash::Sha256(_) => self.sha256 = true,
            #[cfg(feature = "crypt")]
            Hash::Crypt(hash) => {
                let (kind, rounds) = hash.cost();
                let [sha256, sha512] = &mut self.crypt;
                let known = match kind {
                    CryptKind::Sha256 => sha256,
                    CryptKind::Sha512 => sha512,
                };
                *known = (*known).max(Some(rounds));
            }
        }
    }

    /// Counts a bcrypt hash of `cost`, of which no more is known.
    pub fn note_bcrypt(&mut self, cost: u32) {
        self.bcrypt_cost = self
            .bcrypt_cost
            .max(Some(cost.clamp(LEAST_BCRYPT_COST, MAX_BCRYPT_COST)));
    }

    /// The dearest bcrypt cost, and the most work of an argon2id hash in KiB, if there is one of that kind.
    #[must_use]
    pub fn costs(&self) -> (Option<u32>, Option<u32>) {
        (self.bcrypt_cost, self.argon2.map(Argon2Cost::work))
    }

    /// The hashes that are still to be computed so that a failure costs what every other one costs: all but `spent`,
    /// which was.
    #[must_use]
    pub fn decoys(&self, spent: Option<&Hash>) -> Vec<Hash> {
        let mut decoys = self.bcrypt_decoys(spent);
        decoys.extend(self.argon2_decoy(spent));
        let sha256_due = self.sha256 && !matches!(spent, Some(Hash::Sha256(_)));
        decoys.extend(sha256_due.then_some(Hash::Sha256([0; 32])));
        #[cfg(feature = "crypt")]
        decoys.extend(self.crypt_decoys(spent));
        decoys
    }

    /// 2^5 rounds were done and 2^8 are due: 2^5 + 2^6 + 2^7 more make that, for any two costs.
    fn bcrypt_decoys(&self, spent: Option<&Hash>) -> Vec<Hash> {
        let Some(due) = self.bcrypt_cost else { return Vec::new() };
        let costs = match spent {
            Some(Hash::Bcrypt(hash)) => hash.cost()..due,
            _ => due..due.saturating_add(1),
        };
        costs.map(|cost| Hash::Bcrypt(Bcrypt::decoy(cost))).collect()
    }

    /// The time of argon2id goes by memory times passes: what is missing is filled in the passes of the dearest.
    fn argon2_decoy(&self, spent: Option<&Hash>) -> Option<Hash> {
        let due = self.argon2?;
        let done = match spent {
            Some(Hash::Argon2id(hash)) => hash.cost().work(),
            _ => 0,
        };
        if done == 0 {
            return Argon2id::decoy(due).map(Hash::Argon2id);
        }
        let memory_kib = due.work().saturating_sub(done).checked_div(due.passes)?;
        Argon2id::decoy(Argon2Cost {
            memory_kib,
            passes: due.passes,
            lanes: 1,
        })
        .map(Hash::Argon2id)
    }

    /// What is missing in rounds, of each of the two.
    #[cfg(feature = "crypt")]
    fn crypt_decoys(&self, spent: Option<&Hash>) -> impl Iterator<Item = Hash> {
        let spent = match spent {
            Some(Hash::Crypt(hash)) => Some(hash.cost()),
            _ => None,
        };
        let kinds = [CryptKind::Sha256, CryptKind::Sha512];
        kinds.into_iter().zip(self.crypt).filter_map(move |(kind, due)| {
            let done = spent.map_or(0, |(of, rounds)| if of == kind { rounds } else { 0 });
            let missing = due?.saturating_sub(done);
            (missing > 0).then(|| Hash::Crypt(Crypt::decoy(kind, missing)))
        })
    }
}

#[cfg(all(test, feature = "crypt"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_in_rounds_is_filled_for_each_function_of_sha_crypt() {
        let hash = |kind, rounds| Hash::Crypt(Crypt::decoy(kind, rounds));
        let (sha256, sha512) = (CryptKind::Sha256, CryptKind::Sha512);
        let mut dearest = Dearest::default();
        for known in [hash(sha512, 5_000), hash(sha512, 8_000), hash(sha256, 5_000)] {
            dearest.note(&known);
        }
        for (spent, missing) in [
            (None, vec![hash(sha256, 5_000), hash(sha512, 8_000)]),
            (
                Some(hash(sha512, 5_000)),
                vec![hash(sha256, 5_000), hash(sha512, 3_000)],
            ),
            (Some(hash(sha512, 8_000)), vec![hash(sha256, 5_000)]),
            (Some(hash(sha256, 5_000)), vec![hash(sha512, 8_000)]),
        ] {
            assert_eq!(dearest.decoys(spent.as_ref()), missing, "{spent:?}");
        }
    }
}
