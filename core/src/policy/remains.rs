//! A policy that is taken apart in small steps.

use crate::piecemeal::Progress;
use crate::wire::config::Body;
use crate::{acl, authn};

/// What is left of a policy, or of an [`Assembly`](super::Assembly).
#[must_use = "what is dropped is freed at once"]
pub struct Remains {
    users: Option<authn::Remains>,
    acl: Option<acl::Remains>,
    body: Option<Body>,
}

impl Remains {
    pub(super) fn of(users: authn::Remains, acl: acl::Remains) -> Self {
        Self {
            users: Some(users),
            acl: Some(acl),
            body: None,
        }
    }

    /// With a body that is still to be wiped.
    pub(super) fn and(self, body: Body) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// Frees a small part: some tens of microseconds of work.
    pub fn step(&mut self) -> Progress {
        if self
            .body
            .as_mut()
            .is_some_and(|body| body.wipe_some() == Progress::More)
            || self.users.as_mut().is_some_and(|users| users.step() == Progress::More)
            || self.acl.as_mut().is_some_and(|acl| acl.step() == Progress::More)
        {
            return Progress::More;
        }
        (self.body, self.users, self.acl) = (None, None, None);
        Progress::Done
    }
}
