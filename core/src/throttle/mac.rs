//! Names for accounts, addresses and passwords that nobody can make or read without the key.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::account::Account;
use crate::authn::attempt::Attempt;
use crate::authn::hash::{Bcrypt, Hash};
use crate::client_address::AddressGroup;

/// The key of all MACs. Random; whoever has it could try passwords on what is remembered.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

/// One attempt: account, password, back-end and the hash it is compared with. Another hash makes it another attempt, so
/// that what is known of a password ends with the hash it is known of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialMac([u8; 32]);

/// An account and the address, or IPv6 network of 64 bits, that somebody tries it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PairTag([u8; 16]);

/// What a MAC is of: no two kinds have the same input.
const CREDENTIAL: u8 = 1;
const PAIR: u8 = 2;

/// The static users among the back-ends.
const USERS: &[u8] = b"users";

impl MacKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        // A key that is shorter than a block is filled up with zeros (RFC 2104 section 2).
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(random) {
            *place = byte;
        }
        Self(<Hmac<Sha256> as KeyInit>::new(&block.into()))
    }

    /// The name of an attempt on a static user. Takes the same time whether the account exists or not.
    #[must_use]
    pub fn credential(&self, attempt: &Attempt<'_>) -> CredentialMac {
        // A hash that nobody has, since bcrypt has no cost of 0.
        let nothing = || Hash::Bcrypt(Bcrypt::decoy(0)).fingerprint();
        let stored = attempt.stored.map_or_else(nothing, Hash::fingerprint);
        let name = attempt.account.as_str().as_bytes();
        CredentialMac(self.mac(CREDENTIAL, [USERS, name, &stored, attempt.password.expose()]))
    }

    /// The name of an account at an address.
    #[must_use]
    pub fn pair(&self, account: &Account, address: IpAddr) -> PairTag {
        let group = AddressGroup::of(address).octets();
        let mac = self.mac(PAIR, [account.as_str().as_bytes(), &group, &[], &[]]);
        PairTag(first(&mac))
    }

    /// Each text with its length before it, so that none can stand for another.
    fn mac(&self, kind: u8, texts: [&[u8]; 4]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&[kind]);
        for text in texts {
            mac.update(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            mac.update(text);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

impl CredentialMac {
    /// What is kept of a wrong password: half of the MAC, which nobody can hit either.
    #[must_use]
    pub fn short(&self) -> [u8; 16] {
        first(&self.0)
    }
}

impl PairTag {
    /// Which of `count` buckets the pair is in.
    #[must_use]
    pub fn bucket(&self, count: usize) -> usize {
        let number = u64::from_le_bytes(first(&self.0));
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        number
            .checked_rem(count)
            .and_then(|index| usize::try_from(index).ok())
            .unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// The first `N` bytes of at least as many.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const B5: &str = "$2y$05$LCzJ13o5lkRuC7g4DZ1Yb.w4ZFJcw9BLJAOeCuKFeAIqRHbEu5vFu";

    fn credential(key: u8, account: &str, stored: Option<&str>, password: &[u8]) -> CredentialMac {
        let stored = stored.map(|text| Hash::parse(text).unwrap());
        MacKey::new([key; 32]).credential(&Attempt {
            account: &Account::parse(account).unwrap(),
            address: IpAddr::from([127, 0, 0, 1]),
            stored: stored.as_ref(),
            password: &Secret::new(password.to_vec()),
        })
    }

    #[test]
    fn another_key_account_hash_or_password_is_another_attempt() {
        let one = credential(1, "ada", Some(B5), b"x");
        assert_eq!(one, credential(1, "ada", Some(B5), b"x"));
        for other in [
            credential(2, "ada", Some(B5), b"x"),
            credential(1, "bob", Some(B5), b"x"),
            credential(1, "ada", Some(&B5.replace("$05$", "$06$")), b"x"),
            credential(1, "ada", Some(&B5.replace("LCz", "LCy")), b"x"),
            credential(1, "ada", Some(&B5.replace("vFu", "vFt")), b"x"),
            credential(1, "ada", None, b"x"),
            credential(1, "ada", Some(B5), b""),
            credential(1, "ad", Some(B5), b"x"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn an_address_of_ipv6_counts_with_its_network() {
        let key = MacKey::new([1; 32]);
        let pair = |account: &str, address: &str| key.pair(&Account::parse(account).unwrap(), address.parse().unwrap());
        assert_eq!(pair("ada", "2001:db8::1"), pair("ada", "2001:db8::ffff:1"));
        assert_ne!(pair("ada", "2001:db8::1"), pair("ada", "2001:db8:0:1::1"));
        assert_ne!(pair("ada", "192.0.2.1"), pair("ada", "192.0.2.2"));
        assert_ne!(pair("ada", "192.0.2.1"), pair("bob", "192.0.2.1"));
        assert_eq!(pair("ada", "192.0.2.1"), pair("ada", "::ffff:192.0.2.1"));
    }
}
