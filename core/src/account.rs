//! Who asks: the account's name, its labels, and how far their values may be trusted as patterns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

/// The longest account name, in bytes: above the 254 of an e-mail address, below anything that bloats a token.
pub const MAX_ACCOUNT_BYTES: usize = 256;

/// The name under which somebody signs in; `""` is the anonymous account. Holds no control character.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

/// Why a text cannot be an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccountError {
    /// A control character, which a log line or an external program could take for the end of the name.
    #[error("an account must not contain control characters")]
    ControlCharacter,
    /// More than [`MAX_ACCOUNT_BYTES`].
    #[error("an account must not be longer than {MAX_ACCOUNT_BYTES} bytes")]
    TooLong,
}

/// What is known of an account beside its name: each label has any number of values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    values: BTreeMap<String, Vec<String>>,
    are_patterns: LabelsArePatterns,
    /// From which one on the values of a label stand for themselves, where not all are of one kind.
    claims: BTreeMap<String, usize>,
}

/// Whether a label's value may act as a pattern where a rule names it as `${labels:…}`.
///
/// Only values that an operator wrote may: a claim or a directory attribute is data, and `*` in it means a star.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelsArePatterns {
    /// Values stand for themselves everywhere.
    None,
    /// Values keep their wildcards in globs, and are quoted in regular expressions. What users and databases that an
    /// operator writes get.
    #[default]
    Glob,
    /// Values keep their meaning in globs and in regular expressions.
    Regex,
}

/// An account that was let in, with its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The name, as the back-end that let it in spells it.
    pub account: Account,
    /// Its labels, of that back-end alone.
    pub labels: Labels,
}

impl Account {
    /// Reads an account's name.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        if text.len() > MAX_ACCOUNT_BYTES {
            return Err(AccountError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AccountError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The account of those who send no credentials.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self(String::new())
    }

    /// Whether this is the anonymous account.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.is_empty()
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` without regard to case, outer and repeated spaces, as directories compare names (RFC 4517 section 4.2.11).
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
    {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    Cow::Owned(folded)
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Labels {
    /// Labels whose values mean what `are_patterns` says.
    #[must_use]
    pub fn new(values: BTreeMap<String, Vec<String>>, are_patterns: LabelsArePatterns) -> Self {
        Self {
            values,
            are_patterns,
            claims: BTreeMap::new(),
        }
    }

    /// The same with one more value, which stands for itself. No account that is let in has values of both kinds; who
    /// asks what would be may mix them.
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: &str) -> Self {
        let values = self.values.entry(name.to_owned()).or_default();
        self.claims.entry(name.to_owned()).or_insert(values.len());
        values.push(value.to_owned());
        self
    }

    /// The same labels with other values, each of the kind that it was of.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let mut changed = self.clone();
        for value in changed.values.values_mut().flatten() {
            *value = change(value);
        }
        changed
    }

    /// The values of the label `name`; none if there is no such label.
    #[must_use]
    pub fn get(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every label with its values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.values
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Whether a value may act as a pattern.
    #[must_use]
    pub fn are_patterns(&self) -> LabelsArePatterns {
        self.are_patterns
    }

    /// The same of the value number `index` of the label `name`.
    pub(crate) fn is_pattern(&self, name: &str, index: usize) -> LabelsArePatterns {
        let is_claim = !self.claims.is_empty() && self.claims.get(name).is_some_and(|first| index >= *first);
        if is_claim {
            LabelsArePatterns::None
        } else {
            self.are_patterns
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_names_differ_in_more_than_case_and_spaces() {
        assert_eq!(folded("  Ada   LOVELACE "), "ada lovelace");
        assert_eq!(folded("ÜBER"), "über");
        assert_eq!(folded("   "), "");
        assert_ne!(folded("ada.l"), folded("adal"));
    }

    #[test]
    fn an_account_is_any_text_without_control_characters_up_to_256_bytes() {
        assert_eq!(
            Account::parse("über@example.test").unwrap().as_str(),
            "über@example.test"
        );
        assert!(Account::parse("").unwrap().is_anonymous());
        assert_eq!(Account::parse("a\nb"), Err(AccountError::ControlCharacter));
        assert_eq!(Account::parse("a\u{85}b"), Err(AccountError::ControlCharacter));
        assert!(Account::parse(&"x".repeat(256)).is_ok());
        assert_eq!(Account::parse(&"x".repeat(257)), Err(AccountError::TooLong));
    }
}
