//! `filter`: where the filter asks, and by what it proves that it is the filter.
//!
//! Who can ask here gets keys and password hashes, so each way in is guarded: a socket by its mode, loopback by a
//! secret, every other address by mutual TLS, or by a secret and a mesh that encrypts.

use http::{HeaderMap, HeaderValue};
use registry_auth_core::config::{Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;
use registry_auth_core::wire::SECRET_HEADER;
use subtle::ConstantTimeEq;

use super::{Address, Listener, read_address, tls};

/// Who may use the socket, unless `socket_mode` says otherwise: the account that this runs as.
const SOCKET_MODE: u32 = 0o600;
/// Less than that can be guessed.
const SHORTEST_SECRET: usize = 16;
/// A header must hold it.
const LONGEST_SECRET: usize = 4_096;

/// What `filter` says.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Where.
    pub listener: Listener,
    /// What each call must carry, if anything.
    pub secret: Option<SharedSecret>,
}

/// What the filter and this program both know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSecret(Secret<String>);

impl SharedSecret {
    /// Whether a call carries it, once, in [`SECRET_HEADER`]. Takes the same time for every wrong one of its length.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(SECRET_HEADER).iter();
        match (sent.next(), sent.next()) {
            (Some(sent), None) => sent.as_bytes().ct_eq(self.0.expose().as_bytes()).into(),
            _ => false,
        }
    }
}

impl Filter {
    /// Reads `filter`.
    pub fn read(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Self> {
        let place_of = |key| section.place_of(key);
        let places = Places {
            listen: place_of("listen"),
            socket_mode: place_of("socket_mode"),
            secret_file: place_of("secret_file"),
            tls: place_of("tls"),
            plaintext: place_of("plaintext"),
        };
        let mode = socket_mode(&mut section, problems);
        let address = read_address(&mut section, Some(mode.unwrap_or(SOCKET_MODE)), problems);
        let secret = secret(&mut section, sources, problems);
        let tls_section = section.section("tls", problems);
        let tls_is_given = tls_section.is_some();
        let tls = tls_section.and_then(|section| tls::mutual(section, sources, problems));
        let plaintext = section.flag("plaintext", problems).unwrap_or_default();
        section.finish(problems);
        let address = address?;
        let given = Given {
            mode,
            secret: secret.is_some() || problems.is_refusal_at(&places.secret_file),
            tls: tls_is_given || problems.is_refusal_at(&places.tls),
            plaintext,
        };
        given.judge(&address, &places, problems);
        Some(Self {
            listener: Listener { address, tls },
            secret,
        })
    }
}

struct Places {
    listen: Place,
    socket_mode: Place,
    secret_file: Place,
    tls: Place,
    plaintext: Place,
}

/// What is there to guard the listener; faulty ones count, since their fault is told already.
struct Given {
    mode: Option<u32>,
    secret: bool,
    tls: bool,
    plaintext: bool,
}

impl Given {
    fn judge(&self, address: &Address, places: &Places, problems: &mut Problems) {
        match address {
            Address::Unix { .. } => self.judge_socket(places, problems),
            Address::Tcp { .. } => self.judge_tcp(address, places, problems),
        }
    }

    fn judge_socket(&self, places: &Places, problems: &mut Problems) {
        if self.tls {
            problems.error(&places.tls, "has no use on a Unix socket; leave it out");
        }
        if self.plaintext {
            problems.warn(&places.plaintext, "has no effect on a Unix socket");
        }
        let others = self.mode.is_some_and(|mode| mode & 0o006 != 0);
        if others && !self.secret {
            problems.warn(
                &places.socket_mode,
                "lets every account of this machine read keys and hashes here; close it for others, or add `secret_file`",
            );
        }
    }

    fn judge_tcp(&self, address: &Address, places: &Places, problems: &mut Problems) {
        if self.mode.is_some() {
            problems.warn(&places.socket_mode, "has no effect on an address of the network");
        }
        if self.tls {
            if self.plaintext {
                problems.error(&places.plaintext, "contradicts `tls`; keep one of them");
            }
        } else if address.is_local() || self.plaintext {
            if !self.secret {
                problems.error(
                    &places.secret_file,
                    format_args!("is missing; `{address}` is open to others than the filter without a secret"),
                );
            }
            if self.plaintext && !address.is_local() {
                problems.warn(
                    &places.plaintext,
                    "sends keys and password hashes in the clear: only for a mesh that encrypts by itself",
                );
            }
        } else {
            problems.error(
                &places.listen,
                format_args!(
                    "`{address}` can be reached from elsewhere; add `tls` with `client_ca` and `client_names`, \
                     listen on a Unix socket or loopback, or write `plaintext: true` in a mesh that encrypts"
                ),
            );
        }
    }
}

/// The mode as `chmod` has it. Read as a text, for `600` is meant as `0600` is.
fn socket_mode(section: &mut Section, problems: &mut Problems) -> Option<u32> {
    let text = section.text("socket_mode", problems)?;
    let digits = text.strip_prefix("0o").unwrap_or(&text);
    let octal = !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mode = octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten();
    let mode = mode.filter(|mode| mode & 0o600 == 0o600 && *mode <= 0o777);
    if mode.is_none() {
        problems.error(
            &section.place_of("socket_mode"),
            format_args!("must be a mode from 0600 to 0777 that lets its owner read and write, not `{text}`"),
        );
    }
    mode
}

fn secret(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<SharedSecret> {
    let place = section.place_of("secret_file");
    let path = section.text("secret_file", problems)?;
    let content = sources.file(&path, &place, problems)?;
    let secret = Secret::new(content.expose().trim().to_owned());
    let text = secret.expose();
    if !(SHORTEST_SECRET..=LONGEST_SECRET).contains(&text.len()) {
        problems.error(
            &place,
            format_args!("must hold a secret of {SHORTEST_SECRET} to {LONGEST_SECRET} bytes"),
        );
        return None;
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) || HeaderValue::from_str(text).is_err() {
        problems.error(
            &place,
            "must hold one line of visible ASCII characters without spaces, since a header carries it",
        );
        return None;
    }
    Some(SharedSecret(secret))
}
