//! What is done in small steps, so that nothing else has to wait for it.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

/// How far something came that is done in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// Nothing is left.
    Done,
}

/// What stands for a text that may come again: equal texts have equal ones, and of two others nobody will find them equal
/// by accident. The key is no secret, since both texts are by the same operator, who would only deceive themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextMark([u64; 2]);

/// Takes a number that is as good as random as its own hash.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

/// Makes [`AsItIs`].
pub(crate) type BuildAsItIs = BuildHasherDefault<AsItIs>;

impl TextMark {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(text);
        let hash = hasher.finish128();
        Self([hash.h1, hash.h2])
    }
}

impl Hash for TextMark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [first, _] = self.0;
        state.write_u64(first);
    }
}

/// It is made of secrets, and could serve to guess at one.
impl fmt::Debug for TextMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TextMark")
    }
}

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
