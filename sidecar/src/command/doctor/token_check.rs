//! What can be told of a token before, and after, the registry looks at it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Chain, VerifyingKey};
use sha2::{Digest, Sha256};

use super::super::jwt::Jwt;
use super::super::shown::shown;
use super::super::span::span;
use super::chart::Step;

/// Registries go by a clock that may be off by so much.
const LEEWAY: u64 = 60;

/// The clocks that were seen, in seconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    pub(super) registry: Option<u64>,
    pub(super) token_server: Option<u64>,
    pub(super) here: u64,
}

/// Whether the clocks are together.
pub(super) fn clocks(clocks: Clocks, jwt: &Jwt) -> Step {
    const STEP: &str = "clock";
    const MEND: &str =
        "set both clocks by a time server (NTP); tokens are good from ten seconds before they are issued";
    let registry = clocks.registry.unwrap_or(clocks.here);
    let whose = if clocks.registry.is_some() {
        "the registry's"
    } else {
        "this machine's"
    };
    // By when it was issued only if that lies ahead: a token may be handed out again.
    let issued = jwt
        .time("iat")
        .map(Timestamp::seconds)
        .filter(|issued| *issued > registry);
    let server = issued.or(clocks.token_server).unwrap_or(registry);
    if server.abs_diff(registry) > LEEWAY {
        let apart = span(Duration::from_secs(server.abs_diff(registry)));
        let direction = if server > registry { "ahead of" } else { "behind" };
        return Step::off(
            STEP,
            format!("the token server's clock is {apart} {direction} {whose}"),
            MEND,
        );
    }
    if let Some(end) = jwt
        .time("exp")
        .map(Timestamp::seconds)
        .filter(|end| end.saturating_add(LEEWAY) < registry)
    {
        let ago = span(Duration::from_secs(registry.saturating_sub(end)));
        return Step::off(STEP, format!("the token expired {ago} ago by {whose} clock"), MEND);
    }
    let here = clocks.here.abs_diff(registry);
    let here = if here > LEEWAY {
        format!("; this machine's clock is {} off", span(Duration::from_secs(here)))
    } else {
        String::new()
    };
    Step::ok(STEP, format!("the token server's and {whose} are together{here}"))
}

/// What is wrong with a token in itself: whatever the registry trusts, it cannot take it.
pub(super) fn in_itself(jwt: &Jwt, service: &str, now: Timestamp) -> Option<Step> {
    const STEP: &str = "token";
    if !jwt.is_for(service) {
        let services = shown(&jwt.services().join(", "));
        return Some(Step::off(
            STEP,
            format!(
                "the token is for the service `{services}`, and the registry is `{}`",
                shown(service)
            ),
            "have the token server answer with the `service` that it is asked for; the registry has it as \
             `auth.token.service`",
        ));
    }
    let carried = jwt.certificates();
    if carried.is_empty() {
        return None;
    }
    let off = |seen: String, mend: &str| Some(Step::off(STEP, seen, mend));
    let key = match VerifyingKey::from_certificate(&carried) {
        Ok(key) => key,
        Err(error) => {
            return off(
                format!("the certificate in the token is of no use: {error}"),
                "mend `token.certificate`",
            );
        }
    };
    if key.algorithm().as_str() != jwt.of_header("alg") || !key.verifies(jwt.signed.expose().as_bytes(), &jwt.signature)
    {
        return off(
            "the token is not signed by the key of the certificate that it carries".to_owned(),
            "put the certificate of `token.key` into `token.certificate`",
        );
    }
    match Chain::of(&key, &carried).map(|chain| chain.validity(now)) {
        Ok(Ok(())) => None,
        Ok(Err(not_valid)) => off(
            format!("of the certificates in the token one does not hold: {not_valid}"),
            "make a new one, `registry-auth keygen --from KEY`, and give it to the registry as well",
        ),
        Err(error) => off(
            format!("the certificates in the token are no chain: {error}"),
            "mend `token.certificate`",
        ),
    }
}

/// What to compare by hand if the registry's configuration is not at hand.
pub(super) fn to_compare(jwt: &Jwt, service: &str) -> String {
    let issuer = shown(jwt.claim("iss"));
    let bundle = match fingerprint(jwt) {
        Some(fingerprint) => format!(
            "`rootcertbundle` must hold the certificate with the SHA-256 fingerprint {fingerprint}, or the one that issued it"
        ),
        None => format!(
            "its `jwks`, or a certificate of its `rootcertbundle`, must have the key id `{}`",
            shown(jwt.of_header("kid"))
        ),
    };
    let old = if jwt.of_header("alg") == "EdDSA" {
        "; a registry 2.8 takes no Ed25519 at all"
    } else {
        ""
    };
    format!(
        "of the registry's `auth.token`, `issuer` must be `{issuer}`, `service` `{}`, and {bundle}{old}; `--registry \
         config.yml` compares all that here",
        shown(service)
    )
}

/// The SHA-256 of the token's own certificate, as `openssl x509 -fingerprint -sha256` prints it.
fn fingerprint(jwt: &Jwt) -> Option<String> {
    let leaf = jwt.header.get("x5c")?.get(0)?.as_str()?;
    let digest = Sha256::digest(STANDARD.decode(leaf).ok()?);
    let bytes: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    Some(bytes.join(":"))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::super::chart::Outcome;
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn issued(at: u64) -> Jwt {
        let claims = URL_SAFE_NO_PAD.encode(json!({"iat": at, "exp": at.saturating_add(900)}).to_string());
        Jwt::parse(&format!("e30.{claims}.AAAA")).unwrap()
    }

    #[test]
    fn clocks_that_are_more_than_a_minute_apart_are_told_and_tokens_that_are_handed_out_again_are_not() {
        for (registry, token_server, here, iat, outcome, told) in [
            (Some(NOW), Some(NOW), NOW, NOW, Outcome::Ok, "are together"),
            (Some(NOW), Some(NOW + 60), NOW, NOW, Outcome::Ok, "are together"),
            (
                Some(NOW),
                Some(NOW + 61),
                NOW,
                NOW,
                Outcome::Off,
                "1 min 1 s ahead of the registry's",
            ),
            (
                Some(NOW),
                Some(NOW - 300),
                NOW,
                NOW - 300,
                Outcome::Off,
                "5 min behind the registry's",
            ),
            // One of five minutes ago, out of the memo.
            (Some(NOW), Some(NOW), NOW, NOW - 300, Outcome::Ok, "are together"),
            (
                Some(NOW),
                None,
                NOW,
                NOW + 120,
                Outcome::Off,
                "2 min ahead of the registry's",
            ),
            (
                Some(NOW),
                None,
                NOW,
                NOW - 1_000,
                Outcome::Off,
                "the token expired 1 min 40 s ago",
            ),
            (
                None,
                Some(NOW),
                NOW + 90,
                NOW,
                Outcome::Off,
                "1 min 30 s behind this machine's",
            ),
            (
                Some(NOW),
                Some(NOW),
                NOW - 600,
                NOW,
                Outcome::Ok,
                "this machine's clock is 10 min off",
            ),
        ] {
            let step = clocks(
                Clocks {
                    registry,
                    token_server,
                    here,
                },
                &issued(iat),
            );
            assert_eq!(step.outcome, outcome, "{}", step.seen);
            assert!(step.seen.contains(told), "{}: {told}", step.seen);
        }
    }
}
