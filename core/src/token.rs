//! A decision becomes a signed JWT (RFC 7519), as registries read it: the distribution specification,
//! `docs/spec/auth/token.md` and `jwt.md`.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use registry_auth_core::{decide::Decision, secret::Secret, time::Timestamp};
//! # fn example(pem: String, certificates: &str, decision: &Decision, now: Timestamp, random: [u8; 16]) -> Result<(), Box<dyn std::error::Error>> {
//! use registry_auth_core::token::{Chain, Header, Jti, KidForm, Mint, ModuleSigner, SigningKey};
//!
//! // Once for each configuration.
//! let key = SigningKey::from_pem(&Secret::new(pem))?;
//! let chain = Chain::from_pem(certificates, &key)?;
//! let header = Header::new(&key, KidForm::Libtrust, Some(&chain));
//! let mint = Mint::new("auth.test", Duration::from_mins(15), header);
//! let signer = ModuleSigner::new(&key);
//!
//! // Once for each request.
//! let token = mint.issue(decision, now, &Jti::from_random(random), &signer)?;
//! # Ok(()) }
//! ```

pub mod bundle;
pub mod certificate;
mod claims;
pub mod ecdsa_der;
mod header;
pub mod key;
mod pem;
mod public_key;
mod sign;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use certificate::Chain;
pub use claims::Jti;
pub use header::Header;
pub use key::{Algorithm, KidForm, SigningKey};
pub use pem::{MAX_PEM_BYTES, PemError};
pub use sign::{ModuleSigner, SignError, Signer};
pub use verify::VerifyingKey;

use crate::decide::Decision;
use crate::secret::Secret;
use crate::time::Timestamp;

/// What all tokens of one configuration have in common.
#[derive(Clone, Debug)]
pub struct Mint {
    issuer: String,
    lifetime: Duration,
    header: Header,
}

/// A token, for as long as it is valid.
#[derive(Clone, Debug)]
pub struct Token {
    /// Shared, since one that is remembered is handed out many times.
    text: Arc<Secret<String>>,
    issued_at: Timestamp,
    expires_at: Timestamp,
    jti: Jti,
}

impl Mint {
    /// Tokens with this `iss`, that expire after `lifetime`, in whole seconds. `header` must be that of the key that
    /// will sign.
    #[must_use]
    pub fn new(issuer: &str, lifetime: Duration, header: Header) -> Self {
        Self {
            issuer: issuer.to_owned(),
            lifetime,
            header,
        }
    }

    /// The same, whose tokens live for `lifetime`, if that is no longer than they lived before.
    #[must_use]
    pub fn for_at_most(self, lifetime: Duration) -> Self {
        Self {
            lifetime: self.lifetime.min(lifetime),
            ..self
        }
    }

    /// The claim `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How long tokens live.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A token that says what was decided, issued at `now`.
    ///
    /// # Errors
    /// The signer's; see [`SignError`].
    pub fn issue(
        &self,
        decision: &Decision,
        now: Timestamp,
        jti: &Jti,
        signer: &dyn Signer,
    ) -> Result<Token, SignError> {
        let expires_at = now.plus(self.lifetime);
        let claims = claims::to_json(decision, &self.issuer, jti, now, expires_at)
            .map_err(|error| SignError::Claims(error.to_string()))?;
        let mut text = String::with_capacity(self.length(claims.len()));
        text.push_str(self.header.as_str());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut text);
        let signature = signer.sign(text.as_bytes())?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(Token {
            text: Arc::new(Secret::new(text)),
            issued_at: now,
            expires_at,
            jti: *jti,
        })
    }

    /// How long a token becomes whose claims have that many bytes, so that its text is not moved while it grows.
    fn length(&self, claims: usize) -> usize {
        // ES512; an RSA signature of 2048 bits has 342 characters, and copying once is nothing beside making one.
        const SIGNATURE: usize = 176;
        let claims = claims.saturating_mul(4).div_ceil(3);
        [self.header.as_str().len(), 1, claims, 1, SIGNATURE]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

impl Token {
    /// The JWT in its compact form. Whoever has it may do what it says.
    #[must_use]
    pub fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// The claim `iat`.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// The claim `exp`.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The claim `jti`, under which the token stands in the audit.
    #[must_use]
    pub fn jti(&self) -> Jti {
        self.jti
    }
}

#[cfg(test)]
pub(crate) mod testdata;
#[cfg(test)]
mod tests;
