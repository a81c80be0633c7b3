//! `server`'s TLS keys, by Envoy's names. What Envoy cannot do is refused, not left out: a list without it would be
//! another one than the operator's.

use registry_auth_core::config::Section;
use registry_auth_core::problem::{Place, Problems};
use serde_json::json;

use super::site::Pem;
use super::template::{Filled, Hole, Misfit, Template, comment, entry};
use crate::listen::tls::names;

/// How Envoy's listener is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tls {
    certificate: String,
    key: String,
    minimum: &'static str,
    curves: Vec<&'static str>,
    suites: Vec<&'static str>,
}

const TLS12: &str = "TLSv1_2";
const TLS13: &str = "TLSv1_3";

/// Those of Envoy; its TLS library has no older one.
const VERSIONS: [(u16, &str); 4] = [
    (0x0301, "TLSv1_0"),
    (0x0302, "TLSv1_1"),
    (0x0303, TLS12),
    (0x0304, TLS13),
];

/// Those that Envoy's TLS library has in each supported release.
const CURVES: [(u16, &str); 5] = [
    (23, "P-256"),
    (24, "P-384"),
    (25, "P-521"),
    (29, "X25519"),
    (4588, "X25519MLKEM768"),
];

/// Likewise, of TLS 1.2 and before.
const SUITES: [(u16, &str); 16] = [
    (0x000a, "DES-CBC3-SHA"),
    (0x002f, "AES128-SHA"),
    (0x0035, "AES256-SHA"),
    (0x009c, "AES128-GCM-SHA256"),
    (0x009d, "AES256-GCM-SHA384"),
    (0xc009, "ECDHE-ECDSA-AES128-SHA"),
    (0xc00a, "ECDHE-ECDSA-AES256-SHA"),
    (0xc013, "ECDHE-RSA-AES128-SHA"),
    (0xc014, "ECDHE-RSA-AES256-SHA"),
    (0xc027, "ECDHE-RSA-AES128-SHA256"),
    (0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xc030, "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"),
    (0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"),
];

/// What Go offers, and Envoy does not by itself, where a version before 1.2 is to be spoken: that has no other ones.
const BEFORE_12: [&str; 4] = [
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
];

/// What Envoy offers by itself.
const BY_DEFAULT: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];

impl Tls {
    /// Reads docker_auth's three keys beside `pair`, the certificate and the key; TLS is on with both of these.
    pub(super) fn read(section: &mut Section, pair: &[Pem; 2], problems: &mut Problems) -> Option<Self> {
        let version_place = section.place_of("tls_min_version");
        let version = section
            .text("tls_min_version", problems)
            .filter(|text| !text.is_empty());
        let minimum = match &version {
            Some(text) => minimum(text, &version_place, problems),
            None => Some(TLS12),
        };
        let curves = of_a_list(section, "tls_curve_preferences", names::curve, &CURVES, problems);
        let suites_place = section.place_of("tls_cipher_suites");
        let mut suites = of_a_list(section, "tls_cipher_suites", names::suite, &SUITES, problems);
        if !suites.is_empty() && minimum == Some(TLS13) {
            problems.error(
                &suites_place,
                "cannot be chosen with `tls_min_version: TLS13`; leave them out",
            );
        }
        if suites.is_empty() && minimum.is_some_and(|minimum| minimum < TLS12) {
            suites = [&BY_DEFAULT[..], &BEFORE_12].concat();
        }
        let [certificate, key] = [(0, "certificate"), (1, "key")].map(|(i, name)| {
            let other = if i == 0 { "key" } else { "certificate" };
            let place = section.place_of(name);
            match (pair.get(i), pair.get(1_usize.abs_diff(i))) {
                (Some(Pem::File(path)), _) => Some(path.clone()),
                (Some(Pem::Written), _) => {
                    problems.error(
                        &place,
                        "stands here itself, and what is rendered names a file; write it to one, and name that",
                    );
                    None
                }
                (_, Some(Pem::File(_) | Pem::Written)) => {
                    problems.error(
                        &place,
                        format_args!("is missing beside `{other}`; give both or neither"),
                    );
                    None
                }
                _ => None,
            }
        });
        Some(Self {
            certificate: certificate?,
            key: key?,
            minimum: minimum?,
            curves,
            suites,
        })
    }

    /// The `transport_socket` of a filter chain.
    pub(super) fn lines(&self) -> Result<Filled, Misfit> {
        let mut more = Filled::default();
        if self.minimum < TLS12 {
            let note = "CHANGE: nobody should speak TLS before 1.2 any longer, nor the suites with SHA that it needs.";
            more = more.and(&comment(note));
        }
        for (key, names) in [("cipher_suites", &self.suites), ("ecdh_curves", &self.curves)] {
            if !names.is_empty() {
                more = more.and(&entry(key, &json!(names)));
            }
        }
        Template(include_str!("envoy/tls.yaml")).fill(&[
            ("minimum", Hole::text(self.minimum)),
            ("more", more.into()),
            ("certificate", Hole::Value(json!({"filename": self.certificate}))),
            ("key", Hole::Value(json!({"filename": self.key}))),
        ])
    }
}

fn minimum(text: &str, place: &Place, problems: &mut Problems) -> Option<&'static str> {
    let found = names::version(text).map(|number| named(number, &VERSIONS));
    match found {
        Some(Some(name)) => Some(name),
        Some(None) => {
            problems.error(
                place,
                format_args!("is `{text}`, which Envoy does not speak; write `TLS12` or `TLS13`"),
            );
            None
        }
        None => {
            problems.error(
                place,
                format_args!("is no version of TLS: `{text}`; write `TLS12` or `TLS13`"),
            );
            None
        }
    }
}

/// The entries by Envoy's names, each once. What is of TLS 1.3 cannot be chosen, in Go and in Envoy, and is always there.
fn of_a_list(
    section: &mut Section,
    key: &'static str,
    number: fn(&str) -> Option<u16>,
    here: &[(u16, &'static str)],
    problems: &mut Problems,
) -> Vec<&'static str> {
    let place = section.place_of(key);
    let list = section.texts(key, problems).unwrap_or_default();
    let mut found = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        match number(entry).map(|number| (number, named(number, here))) {
            Some((0x1301..=0x1303 | 0x5600, _)) => {}
            Some((_, Some(name))) if found.contains(&name) => {}
            Some((_, Some(name))) => found.push(name),
            Some((_, None)) => problems.error(
                &place.index(i),
                format_args!("is `{entry}`, which Envoy does not have; leave it out"),
            ),
            None => problems.error(
                &place.index(i),
                format_args!("is nothing that can be chosen: `{entry}`; write a name or number as Go has it"),
            ),
        }
    }
    found
}

fn named(number: u16, names: &[(u16, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
