//! The account becomes what the directory calls it.
//!
//! Directories compare names without regard to case and to spaces, and rules do not: `BOB` that is let in as `bob` would
//! pass by a rule that is about `bob`.

use registry_auth_core::account::{Account, folded};

use super::entry::Entry;

/// Where the name of an account stands in its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// In this attribute: `account_attribute`.
    Attribute(String),
    /// In one of these, which the filter compares with the account.
    Compared(Vec<String>),
}

impl Spelling {
    /// The attributes that are needed for it.
    pub(super) fn attributes(&self) -> &[String] {
        match self {
            Self::Attribute(attribute) => std::slice::from_ref(attribute),
            Self::Compared(attributes) => attributes,
        }
    }

    /// What `entry` calls the account that was `typed`; `None` if it cannot be told.
    pub(super) fn of(&self, typed: &Account, entry: &Entry) -> Option<Account> {
        let typed = folded(typed.as_str());
        let mut values = self.attributes().iter().flat_map(|attribute| entry.values(attribute));
        let found = values.find(|value| folded(value) == typed);
        let found = match self {
            // An entry that has several is not known by any of them alone.
            Self::Attribute(attribute) => found.or(match entry.values(attribute) {
                [only] => Some(only),
                _ => None,
            }),
            Self::Compared(_) => found,
        };
        name(found?)
    }

    /// Under which name guesses at `entry` count, whichever of its names was typed: the same for all of them.
    pub(super) fn counted(&self, entry: &Entry) -> Option<Account> {
        let mut values = self.attributes().iter().map(|attribute| entry.values(attribute));
        let values = values.find(|values| !values.is_empty())?;
        // A server may tell them in another order the next time.
        name(values.iter().min()?)
    }
}

/// A name of nothing but spaces is as good as none.
fn name(text: &str) -> Option<Account> {
    let account = Account::parse(text).ok()?;
    (!folded(account.as_str()).is_empty()).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(spelling: &Spelling, typed: &str) -> Option<String> {
        let entry = Entry::for_test(&[
            ("uid", &["bob", "Bobby  Tables"]),
            ("Mail", &["Bob@corp.example"]),
            ("cn", &["Robert"]),
            ("employeeNumber", &[" "]),
            ("title", &["a\u{7}b"]),
        ]);
        let account = spelling.of(&Account::parse(typed).unwrap(), &entry);
        account.map(|account| account.as_str().to_owned())
    }

    #[test]
    fn it_is_the_value_that_was_meant_as_the_entry_has_it() {
        let by_filter = Spelling::Compared(vec!["uid".to_owned(), "mail".to_owned()]);
        for (typed, expected) in [
            ("bob", Some("bob")),
            ("BOB", Some("bob")),
            (" bob ", Some("bob")),
            ("bobby tables", Some("Bobby  Tables")),
            ("BOB@corp.example", Some("Bob@corp.example")),
            ("robert", None),
            ("bo", None),
            (" ", None),
        ] {
            assert_eq!(spelt(&by_filter, typed).as_deref(), expected, "{typed}");
        }
        assert_eq!(spelt(&Spelling::Compared(vec![]), "bob"), None);
    }

    #[test]
    fn guesses_count_under_one_name_whichever_was_typed() {
        let counted = |attributes: &[(&str, &[&str])], by: &[&str]| {
            let by = Spelling::Compared(by.iter().map(ToString::to_string).collect());
            let account = by.counted(&Entry::for_test(attributes));
            account.map(|account| account.as_str().to_owned())
        };
        for order in [["bob", "bobby"], ["bobby", "bob"]] {
            let entry: &[(&str, &[&str])] = &[("uid", &order), ("mail", &["a@corp.example"])];
            assert_eq!(counted(entry, &["uid", "mail"]).as_deref(), Some("bob"));
        }
        let mail: &[(&str, &[&str])] = &[("mail", &["a@corp.example"])];
        assert_eq!(counted(mail, &["uid", "mail"]).as_deref(), Some("a@corp.example"));
        assert_eq!(counted(mail, &["uid"]), None);
        assert_eq!(counted(&[("uid", &[" "])], &["uid"]), None);
    }

    #[test]
    fn the_attribute_that_is_named_counts_if_it_says_one_thing() {
        let named = |attribute: &str| Spelling::Attribute(attribute.to_owned());
        assert_eq!(spelt(&named("cn"), "whoever").as_deref(), Some("Robert"));
        assert_eq!(spelt(&named("uid"), "BOB").as_deref(), Some("bob"));
        assert_eq!(spelt(&named("uid"), "robert"), None, "it has two");
        assert_eq!(spelt(&named("sn"), "bob"), None, "it has none");
        assert_eq!(spelt(&named("employeeNumber"), "bob"), None, "nothing but a space");
        assert_eq!(spelt(&named("title"), "bob"), None, "no name of an account");
    }
}
