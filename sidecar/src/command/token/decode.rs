//! What a token is good for, by the key or certificate of a configuration.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use registry_auth_core::config::token::Token;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::{Chain, KidForm, SigningKey, VerifyingKey};
use serde_json::json;

use super::super::Exit;
use super::super::jwt::Jwt;
use super::super::serve::Environment;
use super::super::shown::shown;
use super::super::span::span;
use super::TokenError;
use crate::config::{self, Loaded, Origin};

/// Registries go by a clock that may be off by so much.
const LEEWAY: Duration = Duration::from_mins(1);

/// What a configuration says of its tokens.
struct Expected {
    key: VerifyingKey,
    issuer: Option<String>,
    services: Option<Vec<String>>,
    /// The files, as they were named.
    named: String,
}

/// What there is to say of a token.
pub(super) struct Verdict {
    jwt: Jwt,
    problems: Vec<String>,
    now: Timestamp,
    named: String,
}

pub(super) fn decode(
    files: &[PathBuf],
    environment: Environment,
    token: &Secret<String>,
    now: Timestamp,
) -> Result<Verdict, TokenError> {
    let expected = expected(files, environment)?;
    let jwt = Jwt::parse(token.expose())?;
    let mut problems = Vec::new();
    let of_signature = expected.fault_of_signature(&jwt);
    // Of certificates that are another key's there is nothing to say.
    let of_certificates = of_signature
        .is_none()
        .then(|| expected.fault_of_certificates(&jwt, now))
        .flatten();
    problems.extend(of_signature);
    problems.extend(expected.fault_of_issuer(&jwt));
    problems.extend(expected.fault_of_service(&jwt));
    problems.extend(faults_of_time(&jwt, now));
    problems.extend(of_certificates);
    Ok(Verdict {
        jwt,
        problems,
        now,
        named: expected.named,
    })
}

/// What the files say of tokens. Nothing else of them is looked at, so that a token is judged also where their users
/// and back-ends are not.
fn expected(files: &[PathBuf], environment: Environment) -> Result<Expected, TokenError> {
    let Loaded {
        document,
        problems: found,
        origin,
    } = config::load(files, &environment);
    let Some(document) = document else {
        return Err(TokenError::Configuration(origin.report(&found)));
    };
    let token = document.token.unwrap_or_default().or_of_the_server(&document.server);
    let issuer = token.issuer.clone();
    let named: Vec<_> = files.iter().map(|file| format!("`{}`", file.display())).collect();
    Ok(Expected {
        key: key(&token, &found, &origin)?,
        issuer,
        services: document.services,
        named: named.join(", "),
    })
}

/// The key's public half: by the key, or by its certificate where there is no more than that.
fn key(token: &Token, found: &Problems, origin: &Origin) -> Result<VerifyingKey, TokenError> {
    let section = Place::root().key("token");
    let refused = |name: &str, what: &dyn std::fmt::Display| {
        let mut problems = Problems::default();
        problems.error(&section.key(name), what);
        TokenError::Configuration(origin.report(&problems))
    };
    if let Some(pem) = &token.key {
        let key = SigningKey::from_pem(pem).map_err(|error| refused("key", &error))?;
        return Ok(VerifyingKey::of(&key));
    }
    if let Some(certificate) = &token.certificate {
        return VerifyingKey::from_certificate(certificate).map_err(|error| refused("certificate", &error));
    }
    // Most likely a file that cannot be read.
    let mut problems = Problems::default();
    let of_keys = found.errors().iter().filter(|problem| {
        let path = problem.place().path();
        ["token", "server"].iter().any(|section| path.starts_with(section))
    });
    for problem in of_keys {
        problems.error(problem.place(), problem.what());
    }
    if problems.is_refusal() {
        return Err(TokenError::Configuration(origin.report(&problems)));
    }
    Err(TokenError::NoKey)
}

impl Expected {
    fn fault_of_signature(&self, jwt: &Jwt) -> Option<String> {
        let (algorithm, named) = (self.key.algorithm(), &self.named);
        let alg = jwt.of_header("alg");
        if alg == algorithm.as_str() && self.key.verifies(jwt.signed.expose().as_bytes(), &jwt.signature) {
            return None;
        }
        let kid = jwt.of_header("kid");
        let forms = [KidForm::Libtrust, KidForm::Thumbprint];
        if forms.iter().any(|form| self.key.kid(*form) == kid) {
            return Some(format!(
                "names the key of {named}, which did not sign it: it was altered on its way, or forged"
            ));
        }
        Some(format!(
            "is signed by another key, `{}` ({}), than that of {named}, `{}` ({algorithm}): name the configuration that \
             it is by, and have the registry trust one of the two",
            shown(kid),
            shown(alg),
            self.key.kid(KidForm::Libtrust),
        ))
    }

    fn fault_of_issuer(&self, jwt: &Jwt) -> Option<String> {
        let issuer = self.issuer.as_deref()?;
        let found = jwt.claim("iss");
        (found != issuer).then(|| {
            format!(
                "is by the issuer `{}`, and `token.issuer` of {} is `{issuer}`: a registry takes one alone, its \
                 `auth.token.issuer`",
                shown(found),
                self.named
            )
        })
    }

    fn fault_of_service(&self, jwt: &Jwt) -> Option<String> {
        let services = self.services.as_ref()?;
        let is_served = services.iter().any(|service| jwt.is_for(service));
        (!is_served).then(|| {
            format!(
                "is for the service `{}`, which is not among `services` of {}",
                shown(&jwt.services().join(", ")),
                self.named
            )
        })
    }

    /// Registries look at nothing else where a token carries certificates.
    fn fault_of_certificates(&self, jwt: &Jwt, now: Timestamp) -> Option<String> {
        let text = jwt.certificates();
        if text.is_empty() {
            return None;
        }
        match Chain::of(&self.key, &text).map(|chain| chain.validity(now)) {
            Ok(Ok(())) => None,
            Ok(Err(not_valid)) => Some(format!("carries certificates of which one does not hold: {not_valid}")),
            Err(error) => Some(format!("carries certificates that are not those of its key: {error}")),
        }
    }
}

fn faults_of_time(jwt: &Jwt, now: Timestamp) -> Vec<String> {
    let mut faults = Vec::new();
    match jwt.time("exp") {
        None => faults.push("does not say when it ends (`exp`), so registries refuse it".to_owned()),
        Some(end) if end <= now => {
            let ago = Duration::from_secs(now.seconds().saturating_sub(end.seconds()));
            let still = match LEEWAY.checked_sub(ago) {
                Some(still) if !still.is_zero() => format!("; registries are lenient, for {} more", span(still)),
                _ => "; ask for a new one".to_owned(),
            };
            faults.push(format!("expired {} ago, at {end}{still}", span(ago)));
        }
        Some(_) => {}
    }
    let begin = [jwt.time("nbf"), jwt.time("iat")].into_iter().flatten().max();
    if let Some(begin) = begin.filter(|begin| *begin > now) {
        let ahead = Duration::from_secs(begin.seconds().saturating_sub(now.seconds()));
        faults.push(format!(
            "is not valid yet: it begins in {}, at {begin}; set the clock of whoever issued it, or of this machine",
            span(ahead)
        ));
    }
    faults
}

impl Verdict {
    pub(super) fn exit(&self) -> Exit {
        if self.problems.is_empty() { Exit::Yes } else { Exit::No }
    }

    pub(super) fn json(&self) -> String {
        let told = json!({
            "good": self.problems.is_empty(),
            "problems": self.problems,
            "header": self.jwt.header,
            "claims": self.jwt.claims,
        });
        format!("{told}\n")
    }

    pub(super) fn text(&self) -> String {
        let mut text = match self.problems.as_slice() {
            [] => format!("good: a registry that trusts {} takes it\n", self.named),
            [_] => "not good: it\n".to_owned(),
            several => format!("not good, for {} reasons: it\n", several.len()),
        };
        for problem in &self.problems {
            let _ = writeln!(text, "  - {problem}");
        }
        text.push_str(&self.jwt.in_words(self.now));
        text
    }
}
