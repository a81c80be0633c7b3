//! Names for accounts, addresses and passwords that nobody can make or read without the key.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::account::{Account, LabelsArePatterns, folded};
use crate::authn::Proof;
use crate::authn::attempt::Attempt;
use crate::authn::hash::{Bcrypt, Hash};
use crate::client_address::AddressGroup;
use crate::decide::{Known, Question};
use crate::request::{Credentials, TokenRequest};

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

/// One question to somebody else, with all that they may look at: who asks and how they prove it, or who they are known to
/// be with all labels; the service, every scope with its actions, and the full address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuestionMac([u8; 32]);

/// What a MAC is of: no two kinds have the same input.
const CREDENTIAL: u8 = 1;
const PAIR: u8 = 2;
const AUTHENTICATE: u8 = 3;
const AUTHORIZE: u8 = 4;

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
        let mut mac = self.begin(CREDENTIAL);
        for text in [USERS, name, &stored, attempt.password.expose()] {
            add(&mut mac, text);
        }
        CredentialMac(mac.finalize().into_bytes().into())
    }

    /// The name of an account at an address, in whatever case and with whatever spaces it is typed: directories take all of
    /// those for one account, and each would be a fresh start for who guesses.
    #[must_use]
    pub fn pair(&self, account: &Account, address: IpAddr) -> PairTag {
        let group = AddressGroup::of(address).octets();
        let mut mac = self.begin(PAIR);
        let account = folded(account.as_str());
        for text in [account.as_bytes(), &group, &[], &[]] {
            add(&mut mac, text);
        }
        PairTag(first(&mac.finalize().into_bytes()))
    }

    /// The name of a question about `request`; `None` for one whose answer is remembered as a credential.
    #[must_use]
    pub fn question(&self, question: &Question, request: &TokenRequest) -> Option<QuestionMac> {
        let mut mac;
        let scopes = match question {
            Question::Verify(_) => return None,
            Question::Authenticate => {
                mac = self.begin(AUTHENTICATE);
                match &request.credentials {
                    Credentials::Anonymous => add(&mut mac, b"anonymous"),
                    Credentials::Password { account, password } => {
                        add(&mut mac, b"password");
                        add(&mut mac, account.as_str().as_bytes());
                        add(&mut mac, password.expose());
                    }
                    Credentials::RefreshToken(token) => {
                        add(&mut mac, b"refresh_token");
                        add(&mut mac, token.expose().as_bytes());
                    }
                }
                request.scopes.iter()
            }
            Question::Authorize(undetermined) => {
                mac = self.begin(AUTHORIZE);
                add_known(&mut mac, undetermined.known());
                undetermined.scopes().iter()
            }
        };
        add(&mut mac, request.service.as_str().as_bytes());
        match request.address {
            IpAddr::V4(address) => add(&mut mac, &address.octets()),
            IpAddr::V6(address) => add(&mut mac, &address.octets()),
        }
        add_number(&mut mac, scopes.len());
        for scope in scopes {
            add(&mut mac, scope.resource().kind().as_bytes());
            add(&mut mac, scope.resource().name().as_bytes());
            add_number(&mut mac, scope.actions().iter().len());
            for action in scope.actions().iter() {
                add(&mut mac, action.as_bytes());
            }
        }
        Some(QuestionMac(mac.finalize().into_bytes().into()))
    }

    fn begin(&self, kind: u8) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&[kind]);
        mac
    }
}

/// Each text has its length before it, so that none can stand for another.
fn add(mac: &mut Hmac<Sha256>, text: &[u8]) {
    add_number(mac, text.len());
    mac.update(text);
}

fn add_number(mac: &mut Hmac<Sha256>, number: usize) {
    mac.update(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn add_known(mac: &mut Hmac<Sha256>, known: &Known) {
    add(mac, known.identity.account.as_str().as_bytes());
    add(mac, known.backend.as_bytes());
    let labels = &known.identity.labels;
    let proof = match known.proof {
        Proof::Password => 0,
        Proof::Open => 1,
    };
    let are_patterns = match labels.are_patterns() {
        LabelsArePatterns::None => 0,
        LabelsArePatterns::Glob => 1,
        LabelsArePatterns::Regex => 2,
    };
    mac.update(&[proof, are_patterns]);
    add_number(mac, labels.iter().count());
    for (name, values) in labels.iter() {
        add(mac, name.as_bytes());
        add_number(mac, values.len());
        for value in values {
            add(mac, value.as_bytes());
        }
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
    use crate::account::{Identity, Labels};
    use crate::decide::Undetermined;
    use crate::request::Method;
    use crate::scope::Scopes;
    use crate::secret::Secret;
    use crate::service::Service;

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
    fn an_account_is_one_for_the_brake_however_it_is_typed() {
        let key = MacKey::new([1; 32]);
        let pair = |account: &str, address: [u8; 4]| key.pair(&Account::parse(account).unwrap(), address.into());
        let one = pair("ada l", [192, 0, 2, 1]);
        for typed in ["ADA L", " ada l", "ada  l ", "Ada L"] {
            assert_eq!(pair(typed, [192, 0, 2, 1]), one, "{typed}");
        }
        for other in ["adal", "ada", "bob", ""] {
            assert_ne!(pair(other, [192, 0, 2, 1]), one, "{other}");
        }
        assert_ne!(pair("ada l", [192, 0, 2, 2]), one);
    }

    fn request(account: &str, password: &[u8], service: &str, scopes: &[&str], address: &str) -> TokenRequest {
        TokenRequest {
            credentials: Credentials::Password {
                account: Account::parse(account).unwrap(),
                password: Secret::new(password.to_vec()),
            },
            service: Service::parse(service).unwrap(),
            scopes: Scopes::parse(scopes.iter().copied()).unwrap(),
            address: address.parse().unwrap(),
            method: Method::Get,
            offline: false,
        }
    }

    #[test]
    fn another_account_password_service_scope_or_address_is_another_question() {
        let key = MacKey::new([1; 32]);
        let name = |account, password, service, scopes: &[&str], address| {
            let request = request(account, password, service, scopes, address);
            key.question(&Question::Authenticate, &request).unwrap()
        };
        let asked = ["repository:a:pull,push"];
        let one = name("eve", b"pw", "r", &asked, "2001:db8::1");
        assert_eq!(one, name("eve", b"pw", "r", &["repository:a:push,pull"], "2001:db8::1"));
        for other in [
            name("eva", b"pw", "r", &asked, "2001:db8::1"),
            name("eve", b"pv", "r", &asked, "2001:db8::1"),
            name("evep", b"w", "r", &asked, "2001:db8::1"),
            name("eve", b"pw", "s", &asked, "2001:db8::1"),
            // Of the same network, for which the brake counts as one.
            name("eve", b"pw", "r", &asked, "2001:db8::2"),
            name("eve", b"pw", "r", &["repository:a:pull"], "2001:db8::1"),
            name("eve", b"pw", "r", &["plugin:a:pull,push"], "2001:db8::1"),
            name(
                "eve",
                b"pw",
                "r",
                &["repository:a:pull,push", "repository:b:"],
                "2001:db8::1",
            ),
            name("eve", b"pw", "r", &[], "2001:db8::1"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn somebody_who_is_known_is_another_question_by_each_label_proof_and_back_end() {
        let key = MacKey::new([1; 32]);
        let request = request("eve", b"pw", "r", &["repository:a:pull"], "192.0.2.1");
        let name = |known: Known| {
            let undetermined = Undetermined::for_test(known, request.scopes.iter().cloned().collect());
            key.question(&Question::Authorize(undetermined), &request).unwrap()
        };
        let known = |labels: &[(&str, &[&str])], are, proof, backend: &'static str| Known {
            identity: Identity {
                account: Account::parse("eve").unwrap(),
                labels: Labels::new(
                    labels
                        .iter()
                        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
                        .collect(),
                    are,
                ),
            },
            proof,
            backend: backend.into(),
        };
        let team: &[(&str, &[&str])] = &[("team", &["a", "b"])];
        let one = || known(team, LabelsArePatterns::Glob, Proof::Password, "users");
        assert_eq!(name(one()), name(one()));
        for other in [
            known(&[("team", &["ab"])], LabelsArePatterns::Glob, Proof::Password, "users"),
            known(
                &[("team", &["a"]), ("b", &[])],
                LabelsArePatterns::Glob,
                Proof::Password,
                "users",
            ),
            known(
                &[("tea", &["m", "a", "b"])],
                LabelsArePatterns::Glob,
                Proof::Password,
                "users",
            ),
            known(&[], LabelsArePatterns::Glob, Proof::Password, "users"),
            known(team, LabelsArePatterns::None, Proof::Password, "users"),
            known(team, LabelsArePatterns::Regex, Proof::Password, "users"),
            known(team, LabelsArePatterns::Glob, Proof::Open, "users"),
            known(team, LabelsArePatterns::Glob, Proof::Password, "ext_auth"),
        ] {
            assert_ne!(name(one()), name(other));
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
