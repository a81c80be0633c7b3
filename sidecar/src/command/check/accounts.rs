//! Accounts that let everybody in.

use registry_auth_core::config::Document;
use registry_auth_core::config::users::User;
use registry_auth_core::problem::Problems;

/// Of each account without a password, but the anonymous one, which is meant to have none.
pub(super) fn warn(document: &Document, problems: &mut Problems) {
    let users = document.users.iter().flatten();
    let is_open = |user: &&User| user.password.is_none() && !user.name.is_empty();
    // Where a key is misspelt, it may be the password's.
    for user in users
        .filter(is_open)
        .filter(|user| !problems.is_refusal_at(&user.place))
        .collect::<Vec<_>>()
    {
        problems.warn(
            &user.place,
            "has no password, so anybody may sign in as this account, with any password or none; give it a `password`, \
             or use the account `\"\"` for those who do not sign in",
        );
    }
}
