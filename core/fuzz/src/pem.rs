//! A PEM text, as a key and as the certificates of one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use registry_auth_core::token::certificate::MAX_CERTIFICATES;
use registry_auth_core::token::{Chain, Header, KidForm, SigningKey};

/// The key that the certificates among the seeds are of.
const KEY: &str = include_str!("../../src/token/testdata/p256.pem");

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match SigningKey::from_pem(&Secret::new(text.to_owned())) {
        Ok(key) => {
            let again = pem("PRIVATE KEY", key.pkcs8_der().expose());
            let again = SigningKey::from_pem(&Secret::new(again)).expect("a key is read as it is written");
            assert_eq!(again.pkcs8_der(), key.pkcs8_der());
            assert_eq!(again.algorithm(), key.algorithm());
            for form in [KidForm::Libtrust, KidForm::Thumbprint] {
                assert_eq!(again.kid(form), key.kid(form));
                let _ = Header::new(&key, form, None);
            }
        }
        Err(error) => check_error(&error.to_string(), text),
    }
    let key = SigningKey::from_pem(&Secret::new(KEY.to_owned())).expect("a good key");
    match Chain::from_pem(text, &key) {
        Ok(chain) => {
            assert!((1..=MAX_CERTIFICATES).contains(&chain.der().count()));
            let again: String = chain.der().map(|der| pem("CERTIFICATE", der)).collect();
            assert_eq!(Chain::from_pem(&again, &key).as_ref(), Ok(&chain));
            let end = chain.valid_until();
            assert!(
                chain.validity(end.plus(std::time::Duration::from_secs(1))).is_err() || end.seconds() > 253_402_300_000
            );
            let _ = chain.validity(Timestamp::from_seconds(1_800_000_000));
            let _ = Header::new(&key, KidForm::Libtrust, Some(&chain));
        }
        Err(error) => check_error(&error.to_string(), text),
    }
}

/// The text with the bytes that its first block encodes changed by `change`, which gets them, their number, and room for
/// more.
#[must_use]
pub fn with_contents_changed(
    data: &[u8],
    seed: u32,
    change: impl FnOnce(&mut [u8], usize) -> usize,
) -> Option<Vec<u8>> {
    let text = str::from_utf8(data).ok()?;
    let (_, begun) = text.split_once("-----BEGIN ")?;
    let (label, body) = begun.split_once("-----")?;
    let (body, after) = body.split_once("-----END ")?;
    let packed: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let mut der = STANDARD.decode(packed).ok()?;
    let size = der.len();
    der.resize(size + 64, 0);
    let size = change(&mut der, size);
    der.truncate(size);
    let changed = pem(label, &der);
    // What stands behind the block stays, every other time.
    let rest = after.split_once("-----").map_or("", |(_, rest)| rest);
    Some(
        if seed.is_multiple_of(2) {
            changed
        } else {
            changed + rest
        }
        .into_bytes(),
    )
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// An error is short, and has no line of the contents in it.
fn check_error(error: &str, text: &str) {
    assert!(error.len() < 4_096, "{error}");
    let mut contents = text.lines().filter(|line| line.len() >= 40 && !line.contains('-'));
    assert!(!contents.any(|line| error.contains(line)), "{error}");
}
