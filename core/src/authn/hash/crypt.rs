//! SHA-crypt, as the C library's `crypt` makes it and Apache's `htpasswd` writes it: for the program beside the proxy alone.

use sha_crypt::{PasswordVerifier, ShaCrypt};
use sha2::{Digest, Sha256};

use super::{FINGERPRINT_BYTES, HashError, fingerprint};

/// So many rounds are done where none are named.
const USUAL_ROUNDS: u32 = 5_000;
/// The least that there is; `crypt` does as many where fewer are named, and says so in what it writes.
const LEAST_ROUNDS: u32 = 1_000;
/// The most that are taken: half a second.
pub const MAX_CRYPT_ROUNDS: u32 = 500_000;
const MAX_SALT: usize = 16;

/// Which function the rounds are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptKind {
    /// `$5$`.
    Sha256,
    /// `$6$`.
    Sha512,
}

/// A hash that begins with `$5$` or `$6$`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crypt {
    kind: CryptKind,
    rounds: u32,
    text: Box<str>,
}

impl CryptKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Sha256 => "$5$",
            Self::Sha512 => "$6$",
        }
    }

    const fn digest_length(self) -> usize {
        match self {
            Self::Sha256 => 43,
            Self::Sha512 => 86,
        }
    }
}

impl Crypt {
    /// Reads `$5$` or `$6$`, `rounds=5000$` or nothing, salt, `$`, digest. `None` if it begins in another way.
    ///
    /// # Errors
    /// [`HashError::Malformed`], [`HashError::DearCrypt`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Result<Self, HashError>> {
        [CryptKind::Sha256, CryptKind::Sha512]
            .into_iter()
            .find_map(|kind| Some(Self::read(kind, text, text.strip_prefix(kind.prefix())?)))
    }

    fn read(kind: CryptKind, text: &str, rest: &str) -> Result<Self, HashError> {
        let malformed = HashError::Malformed("SHA-crypt");
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            None => (USUAL_ROUNDS, rest),
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(malformed)?;
                let is_number = !rounds.starts_with('0') && rounds.bytes().all(|b| b.is_ascii_digit());
                let rounds = rounds.parse().ok().filter(|_| is_number).ok_or(malformed)?;
                (rounds, rest)
            }
        };
        let (salt, digest) = rest.split_once('$').ok_or(malformed)?;
        let is_plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'))
        };
        let is_whole = digest.len() == kind.digest_length() && salt.len() <= MAX_SALT;
        if rounds < LEAST_ROUNDS || !is_whole || !is_plain(salt) || !is_plain(digest) {
            return Err(malformed);
        }
        if rounds > MAX_CRYPT_ROUNDS {
            return Err(HashError::DearCrypt(rounds));
        }
        Ok(Self {
            kind,
            rounds,
            text: text.into(),
        })
    }

    /// A hash of so many rounds that no password fits.
    pub(in crate::authn) fn decoy(kind: CryptKind, rounds: u32) -> Self {
        let rounds = rounds.clamp(LEAST_ROUNDS, MAX_CRYPT_ROUNDS);
        let digest = ".".repeat(kind.digest_length());
        Self {
            kind,
            rounds,
            text: format!("{}rounds={rounds}$decoy${digest}", kind.prefix()).into(),
        }
    }

    /// Which function, and how often: what the time goes by.
    #[must_use]
    pub fn cost(&self) -> (CryptKind, u32) {
        (self.kind, self.rounds)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        fingerprint(5, [self.rounds, 0, 0], &[], &Sha256::digest(self.text.as_bytes()))
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        ShaCrypt::default().verify_password(password, &*self.text).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `ada-secret`, by the C library.
    const SHA256: &str = "$5$Zt3mLvC0qWbKe7Ry$bCINQqUXvaoBKnM/JjX2t..pkKC7jjze2XiS38aE4Q2";
    const SHA512: &str =
        "$6$b4ZtqWbKe7Ry5uNs$2QB7J1HSiaYwkpowakpgG5539LM98slNYxzrINssT03G1NyCV05QyhaeUso94wJuuIkPqMD.rYNJ9VT1l0HEv0";
    const ROUNDS: &str =
        "$6$rounds=1000$b4Zt$pgXM7s4XagkYi1gQISDPeiKtqxQEGeC0ABslRkn9.3dMKNCUhHcWpZuySgzUZG4iODmQhbP7QOXnBU1nURmJ1/";

    fn read(text: &str) -> Result<Crypt, HashError> {
        Crypt::parse(text).unwrap()
    }

    #[test]
    fn what_the_c_library_writes_fits_its_password_alone() {
        for (text, cost) in [
            (SHA256, (CryptKind::Sha256, 5_000)),
            (SHA512, (CryptKind::Sha512, 5_000)),
            (ROUNDS, (CryptKind::Sha512, 1_000)),
        ] {
            let hash = read(text).unwrap();
            assert_eq!((hash.cost(), hash.text()), (cost, text));
            assert!(hash.fits(b"ada-secret"), "{text}");
            for wrong in ["ada-secre", "ada-secret\0", "", "Ada-secret"] {
                assert!(!hash.fits(wrong.as_bytes()), "{text} {wrong}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_out_of_place_is_malformed() {
        let odd = [
            "$6$",
            "$6$salt",
            "$6$salt$",
            &SHA512[..SHA512.len() - 1],
            &format!("{SHA512}x"),
            &format!("{SHA512}$"),
            &SHA512.replace("$6$", "$5$"),
            &SHA512.replace("$6$", "$6$rounds=999$"),
            &SHA512.replace("$6$", "$6$rounds=05000$"),
            &SHA512.replace("$6$", "$6$rounds=+5000$"),
            &SHA512.replace("$6$", "$6$rounds=99999999999$"),
            &SHA512.replace("$6$", "$6$12345678901234567"),
            &SHA512.replace("$6$", "$6$ä"),
        ];
        for text in odd {
            assert_eq!(read(text), Err(HashError::Malformed("SHA-crypt")), "{text}");
        }
        let dear = SHA512.replace("$6$", "$6$rounds=500001$");
        assert_eq!(read(&dear), Err(HashError::DearCrypt(500_001)));
        assert_eq!(Crypt::parse("$2b$05$x"), None);
    }

    #[test]
    fn a_decoy_is_a_hash_that_nothing_fits() {
        for kind in [CryptKind::Sha256, CryptKind::Sha512] {
            let decoy = Crypt::decoy(kind, 1);
            assert_eq!(read(decoy.text()).as_ref(), Ok(&decoy));
            assert_eq!(decoy.cost(), (kind, LEAST_ROUNDS));
            assert!(!decoy.fits(b""));
        }
    }
}
