//! `filter` and `bind_dn`: texts with `${account}` in them, each with the escaping of its own place.

use std::ops::Range;

use ldap3::{dn_escape, ldap_escape, parse_filter};
use thiserror::Error;

/// What stands for the account.
const ACCOUNT: &str = "${account}";

/// How deep parentheses may nest: what reads them recurses, at each search anew.
const DEEPEST: usize = 32;

/// A search filter (RFC 4515).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    /// What stands before, between and behind the accounts.
    pieces: Vec<String>,
    /// The attributes that are compared with the account and nothing else, in their order.
    compared: Vec<String>,
}

/// As whom somebody is bound before they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnName {
    pieces: Vec<String>,
    /// A DN (RFC 4514); what is none, such as `${account}@corp.example`, has no escaping.
    is_dn: bool,
}

/// Why a text is no filter.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum FilterError {
    #[error("has no `${{account}}`, so it would find the same entries for everybody")]
    NoAccount,
    #[error("`${{` begins no variable; `${{account}}` is the only one here")]
    OtherVariable(Range<usize>),
    #[error("`${{account}}` must stand where a value does, as in `(uid=${{account}})`")]
    NoValue(Range<usize>),
    #[error("has parentheses more than {DEEPEST} deep")]
    TooDeep(Range<usize>),
    #[error("is no filter of RFC 4515, such as `(&(uid=${{account}})(objectClass=person))`")]
    Malformed,
}

impl FilterError {
    /// The bytes of the text that are meant, if not all of it.
    pub(super) fn at(&self) -> Option<Range<usize>> {
        match self {
            Self::OtherVariable(at) | Self::NoValue(at) | Self::TooDeep(at) => Some(at.clone()),
            Self::NoAccount | Self::Malformed => None,
        }
    }
}

impl Filter {
    /// Reads a filter.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        let pieces: Vec<String> = text.split(ACCOUNT).map(str::to_owned).collect();
        let mut at = 0_usize;
        for piece in &pieces {
            if let Some(start) = piece.find("${") {
                let start = at.saturating_add(start);
                return Err(FilterError::OtherVariable(start..start.saturating_add(2)));
            }
            at = at.saturating_add(piece.len()).saturating_add(ACCOUNT.len());
        }
        if pieces.len() < 2 {
            return Err(FilterError::NoAccount);
        }
        // `(` and `)` in a value are always escaped, by whoever wrote the filter and in the account.
        let mut at = 0_usize;
        let mut before = String::new();
        for (i, piece) in pieces.iter().enumerate() {
            if i > 0 {
                let item = before.rsplit('(').next().unwrap_or_default();
                if !item.contains('=') {
                    return Err(FilterError::NoValue(at..at.saturating_add(ACCOUNT.len())));
                }
                at = at.saturating_add(ACCOUNT.len());
                before.push('x');
            }
            before.push_str(piece);
            at = at.saturating_add(piece.len());
        }
        if let Some(at) = too_deep(text) {
            return Err(FilterError::TooDeep(at..at.saturating_add(1)));
        }
        let filter = Self {
            compared: compared(&pieces),
            pieces,
        };
        parse_filter(filter.of("x")).map_err(|()| FilterError::Malformed)?;
        Ok(filter)
    }

    /// The filter that finds `account`.
    pub(super) fn of(&self, account: &str) -> String {
        self.pieces.join(&ldap_escape(account))
    }

    /// The attributes that are compared with the account and nothing else, in their order.
    pub(super) fn compared(&self) -> &[String] {
        &self.compared
    }
}

/// The parenthesis that opens one level too many. In a value they are escaped, and none.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.bytes().position(|byte| {
        depth = match byte {
            b'(' => depth.saturating_add(1),
            b')' => depth.saturating_sub(1),
            _ => depth,
        };
        depth > DEEPEST
    })
}

/// `attribute` of each `(attribute=${account})`.
fn compared(pieces: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (before, behind) in pieces.iter().zip(pieces.iter().skip(1)) {
        let is_whole = behind.is_empty() || behind.starts_with(')');
        let Some(attribute) = before.strip_suffix('=').filter(|_| is_whole) else {
            continue;
        };
        let attribute = attribute.rsplit('(').next().unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';');
        // `>=`, `<=`, `~=` and `:=` compare otherwise.
        if attribute.is_empty() || !attribute.chars().all(is_name) {
            continue;
        }
        if !found.iter().any(|known| known.eq_ignore_ascii_case(attribute)) {
            found.push(attribute.to_owned());
        }
    }
    found
}

impl OwnName {
    /// Reads `bind_dn`; `None` if the account is not in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let pieces: Vec<String> = text.split(ACCOUNT).map(str::to_owned).collect();
        let is_dn = pieces.first().is_some_and(|before| before.contains('='));
        (pieces.len() > 1).then_some(Self { pieces, is_dn })
    }

    /// The name of `account`.
    pub(super) fn of(&self, account: &str) -> String {
        if self.is_dn {
            self.pieces.join(&dn_escape(account))
        } else {
            self.pieces.join(account)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn an_account_stays_one_value_of_the_filter() {
        let by_uid = filter("(&(uid=${account})(objectClass=person))");
        for (account, expected) in [
            ("ada", "ada"),
            ("*)(uid=*", r"\2a\29\28uid=\2a"),
            (r"\00", r"\5c00"),
            (",ou=x", ",ou=x"),
            ("a+b", "a+b"),
            ("${account}", "${account}"),
            (" ada ", " ada "),
            ("über", "über"),
        ] {
            let filled = by_uid.of(account);
            assert_eq!(filled, format!("(&(uid={expected})(objectClass=person))"));
            assert!(parse_filter(&filled).is_ok(), "{filled}");
        }
    }

    #[test]
    fn an_account_stays_one_value_of_the_dn() {
        let name = OwnName::parse("uid=${account},ou=people,dc=corp,dc=example").unwrap();
        for (account, expected) in [
            ("ada", "ada"),
            ("ada,ou=x", r"ada\2cou\3dx"),
            ("a+b", r"a\2bb"),
            (" a ", r"\20a\20"),
            ("#a", r"\23a"),
            (r"a\", r"a\5c"),
            ("*)(uid=*", "*)(uid\\3d*"),
            ("über", "über"),
        ] {
            assert_eq!(name.of(account), format!("uid={expected},ou=people,dc=corp,dc=example"));
        }
        let name = OwnName::parse("${account}@corp.example").unwrap();
        assert_eq!(name.of("ada+x"), "ada+x@corp.example");
        assert_eq!(OwnName::parse("cn=reader,dc=corp,dc=example"), None);
    }

    #[test]
    fn the_attributes_are_those_that_are_compared_with_the_account_alone() {
        for (text, expected) in [
            ("(uid=${account})", &["uid"][..]),
            ("uid=${account}", &["uid"]),
            (
                "(|(sAMAccountName=${account})(mail=${account})(UID=x))",
                &["sAMAccountName", "mail"],
            ),
            ("(|(mail=${account}@corp.example)(cn=*${account}*))", &[]),
            (
                "(|(uid>=${account})(uid~=${account})(uid:caseExactMatch:=${account}))",
                &[],
            ),
            ("(|(uid=${account})(UID=${account}))", &["uid"]),
            ("(&(!(mail=x))(cn;lang-en=${account}))", &["cn;lang-en"]),
        ] {
            assert_eq!(filter(text).compared(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_told_with_its_place() {
        for (text, expected) in [
            ("(uid=ada)", FilterError::NoAccount),
            ("", FilterError::NoAccount),
            ("(uid=${Account})", FilterError::OtherVariable(5..7)),
            (
                "(&(uid=${account})(ou=${labels:x}))",
                FilterError::OtherVariable(22..24),
            ),
            ("(${account}=x)", FilterError::NoValue(1..11)),
            ("(&(uid=${account})(cn:${account}:=x))", FilterError::NoValue(22..32)),
            ("(uid=${account}", FilterError::Malformed),
            ("(&(uid=${account}) (a=b)) x", FilterError::Malformed),
        ] {
            assert_eq!(Filter::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn one_that_would_take_all_of_the_stack_is_refused() {
        let nested = |depth: usize| {
            let (open, close) = ("(!".repeat(depth), ")".repeat(depth));
            Filter::parse(&format!("{open}(uid=${{account}}){close}"))
        };
        assert!(nested(DEEPEST - 1).is_ok());
        for depth in [DEEPEST, 200_000] {
            assert_eq!(nested(depth), Err(FilterError::TooDeep(64..65)));
        }
        assert_eq!(
            Filter::parse(&format!("(uid=${{account}}){}", "(!".repeat(200_000))),
            Err(FilterError::TooDeep(80..81))
        );
    }

    proptest! {
        #[test]
        fn any_account_is_that_value_and_nothing_else(account in "([*()\\\\&|!=,\0]|.){0,12}") {
            let by_uid = filter("(&(objectClass=person)(uid=${account}))");
            let tag = |filter: &str| format!("{:?}", parse_filter(filter).unwrap());
            let expected = tag(&by_uid.of("x")).replace("[120]", &format!("{:?}", account.as_bytes()));
            prop_assert_eq!(tag(&by_uid.of(&account)), expected);
        }

        #[test]
        fn no_filter_makes_it_stumble(text in "([()&|!=*:~<>\\\\]|\\$\\{account\\}|uid|\\$\\{|.){0,20}") {
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert!(parse_filter(filter.of("*)(uid=*")).is_ok());
            }
        }
    }
}
