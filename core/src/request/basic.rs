//! The `Authorization` header: HTTP Basic, RFC 7617.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use crate::secret::Secret;

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub enum Basic {
    /// Both parts are empty: what docker sends for nobody.
    Nobody,
    /// A name, which is not empty, and a password.
    Password {
        /// The part before the first colon.
        name: String,
        /// All after it.
        password: Secret<Vec<u8>>,
    },
}

/// Why the header cannot be used. None of these is an anonymous request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BasicError {
    /// Two headers, which arrive as one value joined by a comma.
    #[error("two Authorization headers")]
    Two,
    /// Another scheme, such as Bearer.
    #[error("an Authorization header of another scheme than Basic")]
    Foreign,
    /// Not base64, no colon, a name that is not UTF-8, or an empty name with a password.
    #[error("a broken Authorization header")]
    Broken,
}

/// Reads the value of the header.
///
/// # Errors
/// See [`BasicError`].
pub fn parse(value: &[u8]) -> Result<Basic, BasicError> {
    let value = value.trim_ascii();
    let (scheme, rest) = value.split_at_checked(6).ok_or(BasicError::Foreign)?;
    if joined(value) {
        return Err(BasicError::Two);
    }
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return Err(BasicError::Foreign);
    }
    let decoded = Secret::new(base64().decode(rest.trim_ascii()).map_err(|_| BasicError::Broken)?);
    let colon = decoded
        .expose()
        .iter()
        .position(|b| *b == b':')
        .ok_or(BasicError::Broken)?;
    let (name, password) = decoded.expose().split_at(colon);
    let password = password.get(1..).unwrap_or_default();
    if name.is_empty() {
        return if password.is_empty() {
            Ok(Basic::Nobody)
        } else {
            Err(BasicError::Broken)
        };
    }
    let name = str::from_utf8(name).map_err(|_| BasicError::Broken)?.to_owned();
    Ok(Basic::Password {
        name,
        password: Secret::new(password.to_vec()),
    })
}

/// Whether the value is that of two headers: base64 has no comma, so in Basic any comma says so; other schemes list
/// their parameters with commas, and then a second scheme must follow one.
fn joined(value: &[u8]) -> bool {
    let mut parts = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let first_is_basic = parts.next().is_some_and(starts_basic);
    first_is_basic && parts.next().is_some() || parts.any(starts_basic)
}

fn starts_basic(part: &[u8]) -> bool {
    part.split_at_checked(6)
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic "))
}

/// RFC 4648 section 4; clients that leave the padding away are understood.
fn base64() -> GeneralPurpose {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, CONFIG)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn basic(credentials: &[u8]) -> Result<Basic, BasicError> {
        parse(format!("Basic {}", STANDARD.encode(credentials)).as_bytes())
    }

    #[expect(clippy::unnecessary_wraps, reason = "what it is compared with is wrapped")]
    fn password(name: &str, password: &[u8]) -> Result<Basic, BasicError> {
        Ok(Basic::Password {
            name: name.to_owned(),
            password: Secret::new(password.to_vec()),
        })
    }

    #[test]
    fn a_password_is_all_after_the_first_colon() {
        assert_eq!(basic(b"ada:secret"), password("ada", b"secret"));
        assert_eq!(basic(b"ada:se:cret"), password("ada", b"se:cret"));
        assert_eq!(basic(b"ada:"), password("ada", b""));
        assert_eq!(basic("über:pä\0ss".as_bytes()), password("über", "pä\0ss".as_bytes()));
        assert_eq!(basic(b"ada:\xff"), password("ada", b"\xff"));
        assert_eq!(parse(b"bAsIc  YWRhOnNlY3JldA=="), password("ada", b"secret"));
        assert_eq!(parse(b"Basic YWRhOnNlY3JldA"), password("ada", b"secret"));
    }

    #[test]
    fn both_parts_empty_is_nobody_and_an_empty_name_with_a_password_is_broken() {
        assert_eq!(parse(b"Basic Og=="), Ok(Basic::Nobody));
        assert_eq!(basic(b":secret"), Err(BasicError::Broken));
    }

    #[test]
    fn a_broken_or_foreign_header_is_told_apart_from_two_of_them() {
        for value in ["Basic", "Basic ", "Basic !!!", "Basic YWRh", "Basic YWRhOnN=lY3JldA=="] {
            assert!(
                matches!(parse(value.as_bytes()), Err(BasicError::Broken | BasicError::Foreign)),
                "{value}"
            );
        }
        assert_eq!(basic(b"\xff:x"), Err(BasicError::Broken));
        for value in [
            "",
            "Bearer abc",
            "Digest username=\"ada\", realm=\"x\"",
            "YWRhOnNlY3JldA==",
            "\u{fffd}",
        ] {
            assert_eq!(parse(value.as_bytes()), Err(BasicError::Foreign), "{value}");
        }
        for value in [
            "Basic YTpi,Basic YTpi",
            "Basic YTpi, Bearer x",
            "Bearer x,basic YTpi",
            "Basic YTpi,",
        ] {
            assert_eq!(parse(value.as_bytes()), Err(BasicError::Two), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
            let _ = basic(&bytes);
        }
    }
}
