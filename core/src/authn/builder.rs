//! Static users that are put together in small steps, and such as are taken apart in small steps.

use std::collections::{HashSet, hash_set};
use std::sync::Arc;

use super::hash::Hash;
use super::{ByName, Dearest, Password, StaticUser, StaticUsers};
use crate::account::{Account, Identity, Labels, LabelsArePatterns};
use crate::config::users::User;
use crate::piecemeal::{Progress, TextMark};
use crate::problem::Problems;

/// So many users are freed in one step.
const USERS: usize = 64;

/// [`StaticUsers`] on their way.
pub(crate) struct Builder {
    users: HashSet<ByName>,
    dearest: Dearest,
    before: Option<Arc<HashSet<ByName>>>,
}

/// What is left of static users.
pub(crate) struct Remains(hash_set::IntoIter<ByName>);

impl Builder {
    /// Begins with room for `count` users, since a table that grew would move all at once. They are taken over as far as
    /// they are among those `before`.
    pub(crate) fn new(count: usize, before: Option<&StaticUsers>) -> Self {
        Self {
            users: HashSet::with_capacity(count),
            dearest: Dearest::default(),
            before: before.map(|users| Arc::clone(&users.users)),
        }
    }

    /// Whether there is a user of that name already.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.users.contains(name)
    }

    /// Takes over the user of that name, if there was one of the same text before.
    pub(crate) fn take_over(&mut self, name: &str, mark: TextMark) -> bool {
        let known = self.before.as_ref().and_then(|before| before.get(name));
        let Some(ByName(user)) = known.filter(|ByName(user)| user.mark == Some(mark)) else {
            return false;
        };
        if let Some(hash) = user.stored() {
            self.dearest.note(hash);
        }
        self.users.insert(ByName(Arc::clone(user)));
        true
    }

    /// Adds a user; what is wrong with it is noted in `problems`. Of two with the same name the last counts.
    pub(crate) fn add(&mut self, user: User, mark: Option<TextMark>, problems: &mut Problems) {
        let account = problems.keep(&user.place, Account::parse(&user.name));
        let password = match &user.password {
            None => Some(Password::Any),
            Some(text) if text.expose().is_empty() => Some(Password::Nothing),
            Some(text) => {
                let hash = Hash::parse(text.expose());
                let hash = hash.map_err(|error| problems.error(&user.place.key("password"), error));
                hash.ok().map(Password::Hashed)
            }
        };
        let (Some(account), Some(password)) = (account, password) else {
            return;
        };
        let labels = Labels::new(user.labels, LabelsArePatterns::Glob);
        let user = StaticUser {
            identity: Identity { account, labels },
            password,
            mark,
        };
        if let Some(hash) = user.stored() {
            self.dearest.note(hash);
        }
        self.users.replace(ByName(Arc::new(user)));
    }

    pub(crate) fn finish(self) -> StaticUsers {
        StaticUsers {
            users: Arc::new(self.users),
            dearest: self.dearest,
        }
    }

    /// Begins to take apart what is there.
    pub(crate) fn dismantle(self) -> Remains {
        Remains::new(Some(self.users))
    }
}

impl Remains {
    pub(super) fn new(users: Option<HashSet<ByName>>) -> Self {
        Self(users.unwrap_or_default().into_iter())
    }

    /// Frees a part of them.
    pub(crate) fn step(&mut self) -> Progress {
        match self.0.by_ref().take(USERS).last() {
            Some(_) => Progress::More,
            None => Progress::Done,
        }
    }
}
