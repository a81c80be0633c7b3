//! Names that two back-ends may both have.

use registry_auth_core::config::Document;
use registry_auth_core::config::backend::AuthnBackend;
use registry_auth_core::problem::Problems;

/// Where two back-ends can make up the same account, rules cannot tell one from the other.
pub(super) fn warn(document: &Document, problems: &mut Problems) {
    let Some(program) = &document.program else { return };
    // What stands in a file is chosen by whoever writes it, and decides before all others, as `users` does.
    let made_up = |backend: &AuthnBackend| *backend != AuthnBackend::Htpasswd;
    let backends = program.backends.authn.iter();
    let mut backends = backends.filter(|(backend, _)| made_up(backend));
    let Some((first, _)) = backends.next() else { return };
    for (_, section) in backends {
        problems.warn(
            section.place(),
            format_args!(
                "can make up the same names as `{0}`, and rules cannot tell whose an account is: whoever chooses a name \
                 in the one has the rights of that name in the other; keep one of them, or give the names of one a \
                 beginning of their own, and the rules patterns for it",
                first.key(),
            ),
        );
    }
}
