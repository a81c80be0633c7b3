//! Go's names and numbers for TLS versions, curves and cipher suites, and which of them there are here.
//!
//! What rustls lacks was left out of it for a reason; a list that names it is taken without it, with a warning.

use registry_auth_core::problem::{Place, Problems};
use rustls::SupportedCipherSuite;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{ALL_CIPHER_SUITES, ALL_KX_GROUPS};

/// The lowest version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Minimum {
    Tls12,
    Tls13,
}

const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

const VERSIONS: [(&str, u16); 5] = [
    ("SSL30", 0x0300),
    ("TLS10", 0x0301),
    ("TLS11", 0x0302),
    ("TLS12", TLS12),
    ("TLS13", TLS13),
];

const CURVES: [(&str, u16); 4] = [("P256", 23), ("P384", 24), ("P521", 25), ("X25519", 29)];

/// Go's `crypto/tls`, old names too.
const SUITES: [(&str, u16); 28] = [
    ("TLS_RSA_WITH_RC4_128_SHA", 0x0005),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003c),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d),
    ("TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    ("TLS_FALLBACK_SCSV", 0x5600),
    ("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", 0xc007),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a),
    ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xc011),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xc012),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xc023),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xc027),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", 0xcca8),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", 0xcca9),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9),
];

/// The number of a version of TLS, by Go's name for it or by itself.
pub(crate) fn version(text: &str) -> Option<u16> {
    number(text, &VERSIONS)
}

/// The number of a curve, likewise.
pub(crate) fn curve(text: &str) -> Option<u16> {
    number(text, &CURVES)
}

/// The number of a cipher suite, likewise.
pub(crate) fn suite(text: &str) -> Option<u16> {
    number(text, &SUITES)
}

/// The lowest version; one below 1.2 is raised.
pub(super) fn minimum(text: &str, place: &Place, problems: &mut Problems) -> Option<Minimum> {
    match number(text, &VERSIONS) {
        Some(TLS13) => Some(Minimum::Tls13),
        Some(TLS12) => Some(Minimum::Tls12),
        Some(0x0300..TLS12) => {
            problems.warn(
                place,
                format_args!("is raised from `{text}` to `TLS12`, the lowest there is here"),
            );
            Some(Minimum::Tls12)
        }
        _ => {
            problems.error(
                place,
                format_args!("is no version of TLS: `{text}`; write `TLS12` or `TLS13`"),
            );
            None
        }
    }
}

/// The curves, in the order of the list.
pub(super) fn curves(
    list: &[String],
    place: &Place,
    problems: &mut Problems,
) -> Option<Vec<&'static dyn SupportedKxGroup>> {
    let here = |number: u16| {
        ALL_KX_GROUPS
            .iter()
            .copied()
            .find(|group| u16::from(group.name()) == number)
    };
    let known = "`P256`, `P384` or `X25519`";
    pick(list, &CURVES, here, known, place, problems)
}

/// The cipher suites of TLS 1.2, in the order of the list.
pub(super) fn suites(list: &[String], place: &Place, problems: &mut Problems) -> Option<Vec<SupportedCipherSuite>> {
    let here = |number: u16| {
        ALL_CIPHER_SUITES
            .iter()
            .copied()
            .find(|suite| u16::from(suite.suite()) == number)
    };
    let known = "one such as `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`";
    let mut picked = pick(list, &SUITES, here, known, place, problems)?;
    picked.retain(|suite| suite.tls13().is_none());
    if picked.is_empty() {
        problems.error(
            place,
            "holds none for TLS 1.2, and those of TLS 1.3 cannot be chosen; write `tls_min_version: TLS13` instead",
        );
        return None;
    }
    Some(picked)
}

/// The entries that there are here. A name that nobody knows is a misspelling, and an error; a number may be one that
/// is newer than this.
fn pick<T>(
    list: &[String],
    names: &[(&str, u16)],
    here: impl Fn(u16) -> Option<T>,
    known: &str,
    place: &Place,
    problems: &mut Problems,
) -> Option<Vec<T>> {
    let mut picked = Vec::with_capacity(names.len());
    let mut taken = Vec::with_capacity(names.len());
    let mut all_are_known = true;
    for (i, entry) in list.iter().enumerate() {
        match number(entry, names) {
            None => {
                problems.error(
                    &place.index(i),
                    format_args!("is nothing that can be chosen: `{entry}`; write {known}, or a number as Go has it"),
                );
                all_are_known = false;
            }
            // Offered once, however often it stands there.
            Some(number) if taken.contains(&number) => {}
            Some(number) => match here(number) {
                Some(found) => {
                    taken.push(number);
                    picked.push(found);
                }
                None => problems.warn(&place.index(i), format_args!("is left out: there is no `{entry}` here")),
            },
        }
    }
    if !all_are_known {
        return None;
    }
    if picked.is_empty() {
        problems.error(place, format_args!("holds nothing that there is here; write {known}"));
        return None;
    }
    Some(picked)
}

/// The number of a name, or the number itself: `0xc014`, `49172`, `0140024`.
fn number(text: &str, names: &[(&str, u16)]) -> Option<u16> {
    if let Some((_, number)) = names.iter().find(|(name, _)| *name == text) {
        return Some(*number);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return digits
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then(|| u16::from_str_radix(digits, 16).ok())
            .flatten();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u16::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}
