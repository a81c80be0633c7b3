//! `application/x-www-form-urlencoded` pairs, of a query and of a body.
//!
//! Strict where docker_auth drops: a pair that cannot be read is an error, not absent, for it may have been the one
//! that narrows the request.

use std::borrow::Cow;

use thiserror::Error;

/// The most pairs that one request may hold.
pub const MAX_PAIRS: usize = 256;

/// The decoded pairs of a request, in their order.
#[derive(Debug, Default)]
pub struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Why pairs cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormError {
    /// A `%` without two hexadecimal digits.
    #[error("a `%` is not followed by two hexadecimal digits")]
    Percent,
    /// Bytes that are not UTF-8.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// More than [`MAX_PAIRS`].
    #[error("more than {MAX_PAIRS} parameters")]
    TooMany,
    /// One parameter, which may stand once, with two values.
    #[error("parameter `{0}` is given twice with different values")]
    Twice(&'static str),
}

impl<'a> Pairs<'a> {
    /// Adds the pairs of `text`.
    ///
    /// # Errors
    /// See [`FormError`]; the first one found.
    pub fn add(&mut self, text: &'a [u8]) -> Result<(), FormError> {
        for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            if self.0.len() >= MAX_PAIRS {
                return Err(FormError::TooMany);
            }
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            self.0.push((name, value));
        }
        Ok(())
    }

    /// The value of a parameter that may stand once.
    ///
    /// # Errors
    /// [`FormError::Twice`] if it stands there with different values.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, FormError> {
        let mut values = self.all(name);
        let first = values.next();
        match first {
            Some(first) if values.any(|value| value != first) => Err(FormError::Twice(name)),
            first => Ok(first),
        }
    }

    /// All values of a parameter.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
    }
}

/// `+` is a space, `%41` is `A`.
fn decode(text: &[u8]) -> Result<Cow<'_, str>, FormError> {
    if !text.iter().any(|b| matches!(b, b'+' | b'%')) {
        return str::from_utf8(text).map(Cow::Borrowed).map_err(|_| FormError::NotUtf8);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next(), rest.next()).ok_or(FormError::Percent)?,
            other => *other,
        });
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| FormError::NotUtf8)
}

fn hex(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &[u8]) -> Result<Pairs<'_>, FormError> {
        let mut pairs = Pairs::default();
        pairs.add(text).map(|()| pairs)
    }

    #[test]
    fn plus_and_percent_20_are_the_same_space() {
        let pairs = pairs(b"service=Docker+registry&s=Docker%20registry&e=&f&&x=a=b%3Dc").unwrap();
        assert_eq!(pairs.one("service"), Ok(Some("Docker registry")));
        assert_eq!(pairs.one("s"), Ok(Some("Docker registry")));
        assert_eq!(pairs.one("e"), Ok(Some("")));
        assert_eq!(pairs.one("f"), Ok(Some("")));
        assert_eq!(pairs.one("x"), Ok(Some("a=b=c")));
        assert_eq!(pairs.one("absent"), Ok(None));
    }

    #[test]
    fn broken_pairs_are_errors_and_never_absent() {
        assert_eq!(pairs(b"scope=%").unwrap_err(), FormError::Percent);
        assert_eq!(pairs(b"scope=%4").unwrap_err(), FormError::Percent);
        assert_eq!(pairs(b"scope=%4g").unwrap_err(), FormError::Percent);
        assert_eq!(pairs(b"%zz=1").unwrap_err(), FormError::Percent);
        assert_eq!(pairs(b"scope=%ff").unwrap_err(), FormError::NotUtf8);
        assert_eq!(pairs(b"scope=\xff").unwrap_err(), FormError::NotUtf8);
        assert_eq!(pairs("a&".repeat(256).as_bytes()).unwrap().all("a").count(), 256);
        assert_eq!(pairs("a&".repeat(257).as_bytes()).unwrap_err(), FormError::TooMany);
    }

    #[test]
    fn a_parameter_that_may_stand_once_stands_with_one_value() {
        let pairs = pairs(b"a=1&a=1&b=1&b=2").unwrap();
        assert_eq!(pairs.one("a"), Ok(Some("1")));
        assert_eq!(pairs.one("b"), Err(FormError::Twice("b")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = pairs(&bytes);
        }

        #[test]
        fn whatever_is_encoded_is_read_back(value in "\\PC{0,20}") {
            let encoded: String = value.bytes().map(|b| format!("%{b:02x}")).collect::<Vec<_>>().concat();
            let text = format!("v={encoded}");
            let read = pairs(text.as_bytes()).unwrap();
            prop_assert_eq!(read.one("v").unwrap(), Some(value.as_str()));
        }
    }
}
