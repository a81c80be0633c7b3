//! Accounts as an operator reads them.

use serde::Serialize;

use super::super::shown::shown;
use crate::tables::{Password, StoredAccount, WrittenLabels};

/// An account in JSON.
#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    /// How it is kept; null where no password fits.
    password: Option<&'a str>,
    labels: Option<&'a WrittenLabels>,
    fault: Option<String>,
    outdone: bool,
}

/// All of them, a line each, or as JSON.
pub(super) fn listed(accounts: &[StoredAccount], as_json: bool) -> String {
    let told: Vec<Told<'_>> = accounts.iter().map(Told::of).collect();
    if as_json {
        // Texts and lists of them: this cannot fail.
        return serde_json::to_string(&told).unwrap_or_default() + "\n";
    }
    let width = told
        .iter()
        .map(|told| shown(told.name).chars().count())
        .max()
        .unwrap_or_default();
    told.iter().map(|told| told.line(width) + "\n").collect()
}

impl<'a> Told<'a> {
    fn of(account: &'a StoredAccount) -> Self {
        let labels_fault = account.labels.as_ref().err().map(|why| format!("it has {why}"));
        let (password, password_fault) = match &account.password {
            Password::Hash(kind) => (Some(kind.as_str()), None),
            Password::Any => (Some("any"), None),
            Password::Unfit(why) => (None, Some(format!("its password {why}"))),
        };
        let faults: Vec<String> = password_fault.into_iter().chain(labels_fault).collect();
        Self {
            name: &account.name,
            password,
            labels: account.labels.as_ref().ok(),
            fault: (!faults.is_empty()).then(|| faults.join(", and ")),
            outdone: account.is_outdone,
        }
    }

    fn line(&self, width: usize) -> String {
        let name = shown(self.name);
        let mut line = format!("{name:width$}  {}", self.password.unwrap_or("no password fits"));
        for (label, values) in self.labels.into_iter().flatten() {
            for value in values {
                line.push_str("  ");
                line.push_str(&shown(&format!("{label}={value}")));
            }
        }
        if let Some(fault) = &self.fault {
            line.push_str("  (");
            line.push_str(&shown(fault));
            line.push(')');
        }
        if self.outdone {
            line.push_str("  (a newer entry of this name counts)");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_told_a_line_each_and_as_json() {
        let account = |name: &str, password: Password| StoredAccount {
            name: name.to_owned(),
            labels: Ok(WrittenLabels::new()),
            password,
            is_outdone: false,
        };
        let mut ada = account("ada", Password::Hash("bcrypt 10".to_owned()));
        ada.labels = Ok([("team".to_owned(), vec!["blue".to_owned(), "r*d".to_owned()])].into());
        let mut old = account("grace", Password::Unfit("is no hash that is known here".to_owned()));
        old.labels = Err("`labels` that are not of the form".to_owned());
        old.is_outdone = true;
        let accounts = [ada, account("eve\n", Password::Any), old];
        insta::assert_snapshot!(format!("{}{}", listed(&accounts, false), listed(&accounts, true)));
        assert_eq!(
            (listed(&[], false), listed(&[], true)),
            (String::new(), "[]\n".to_owned())
        );
    }
}
