//! Which registry finds the key of which token: each algorithm, each form of header and key id, each registry, each way
//! to tell it the keys.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::envoy::{Envoy, EnvoyRelease, Swap};
use registry_auth_tests::registry::{Registry, RegistryRelease};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::{asked, is_taken, shown, token};

use Expected::{Refused, Taken};
use KeyHeader::{Kid, X5c};
use KeyId::{Libtrust, Thumbprint};
use RegistryRelease::{V2_8, V3_0, V3_1};
use Source::{Bundle, KeySet};

/// `token.key_header`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyHeader {
    X5c,
    Kid,
}

/// What `kid` is: `token.disable_legacy_key_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyId {
    Libtrust,
    Thumbprint,
}

/// What a registry has its keys from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// `rootcertbundle`, with all certificates.
    Bundle,
    /// `jwks`, with all public keys under both their ids.
    KeySet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Taken,
    Refused {
        because: &'static str,
        /// What the registry logs then.
        logs: &'static str,
    },
}

const UNKNOWN_ID: &str = "token signed by untrusted key with ID";

const YES: Expected = Taken;
const LIBTRUST: Expected = Refused {
    because: "2.8 knows the key of a certificate by libtrust's id alone",
    logs: UNKNOWN_ID,
};
const THUMBPRINT: Expected = Refused {
    because: "3 knows the key of a certificate by its thumbprint alone",
    logs: UNKNOWN_ID,
};
const GENERATOR: Expected = Refused {
    because: "3.0 takes the thumbprint of the curve's generator for that of the key",
    logs: UNKNOWN_ID,
};
const NOTHING: Expected = Refused {
    because: "3.0 makes no thumbprint of an Ed25519 key and leaves it out",
    logs: UNKNOWN_ID,
};
const SHORTENED: Expected = Refused {
    because: "3.1 leaves out the zero bytes before x and y, which RFC 7518 section 6.2.1.2 has in their full length",
    logs: UNKNOWN_ID,
};
const NO_ED25519: Expected = Refused {
    because: "2.8 does not even start with an Ed25519 certificate in its bundle, so it is not there",
    logs: UNKNOWN_ID,
};
const NO_ED25519_CHAIN: Expected = Refused {
    because: "2.8 does not even start with an Ed25519 certificate in its bundle, so it is not there",
    logs: "certificate signed by unknown authority",
};
const NO_ROOT: Expected = Refused {
    because: "where there is a chain nothing else is looked at, and without a bundle there is no root",
    logs: "certificate signed by unknown authority",
};

/// The keys, in the order of the table's columns. The last one has a zero byte before x or y, the others of the curves
/// have none: of three keys on P-521 no more than one is so, for its numbers have 521 bits in 66 bytes.
const KEYS: [(Algorithm, Numbers); 6] = [
    (Algorithm::Es256, Numbers::Full),
    (Algorithm::Es384, Numbers::Full),
    (Algorithm::Es512, Numbers::Full),
    (Algorithm::Rs256, Numbers::Full),
    (Algorithm::EdDsa, Numbers::Full),
    (Algorithm::Es512, Numbers::Short),
];

/// Whether both coordinates of a key need all their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    Full,
    Short,
}

type Row = (RegistryRelease, Source, KeyHeader, KeyId, [Expected; KEYS.len()]);

#[rustfmt::skip]
const TABLE: [Row; 20] = [
    //                                  ES256       ES384       ES512       RS256       EdDSA             ES512, short
    (V2_8, Bundle, X5c, Libtrust,   [YES,        YES,        YES,        YES,        NO_ED25519_CHAIN, YES]),
    (V2_8, Bundle, X5c, Thumbprint, [YES,        YES,        YES,        YES,        NO_ED25519_CHAIN, YES]),
    (V2_8, Bundle, Kid, Libtrust,   [YES,        YES,        YES,        YES,        NO_ED25519,       YES]),
    (V2_8, Bundle, Kid, Thumbprint, [LIBTRUST,   LIBTRUST,   LIBTRUST,   LIBTRUST,   NO_ED25519,       LIBTRUST]),

    (V3_0, Bundle, X5c, Libtrust,   [YES,        YES,        YES,        YES,        YES,              YES]),
    (V3_0, Bundle, X5c, Thumbprint, [YES,        YES,        YES,        YES,        YES,              YES]),
    (V3_0, Bundle, Kid, Libtrust,   [THUMBPRINT, THUMBPRINT, THUMBPRINT, THUMBPRINT, THUMBPRINT,       THUMBPRINT]),
    (V3_0, Bundle, Kid, Thumbprint, [GENERATOR,  GENERATOR,  GENERATOR,  YES,        NOTHING,          GENERATOR]),

    (V3_0, KeySet, X5c, Libtrust,   [NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,          NO_ROOT]),
    (V3_0, KeySet, X5c, Thumbprint, [NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,          NO_ROOT]),
    (V3_0, KeySet, Kid, Libtrust,   [YES,        YES,        YES,        YES,        YES,              YES]),
    (V3_0, KeySet, Kid, Thumbprint, [YES,        YES,        YES,        YES,        YES,              YES]),

    (V3_1, Bundle, X5c, Libtrust,   [YES,        YES,        YES,        YES,        YES,              YES]),
    (V3_1, Bundle, X5c, Thumbprint, [YES,        YES,        YES,        YES,        YES,              YES]),
    (V3_1, Bundle, Kid, Libtrust,   [THUMBPRINT, THUMBPRINT, THUMBPRINT, THUMBPRINT, THUMBPRINT,       THUMBPRINT]),
    (V3_1, Bundle, Kid, Thumbprint, [YES,        YES,        YES,        YES,        YES,              SHORTENED]),

    (V3_1, KeySet, X5c, Libtrust,   [NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,          NO_ROOT]),
    (V3_1, KeySet, X5c, Thumbprint, [NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,    NO_ROOT,          NO_ROOT]),
    (V3_1, KeySet, Kid, Libtrust,   [YES,        YES,        YES,        YES,        YES,              YES]),
    (V3_1, KeySet, Kid, Thumbprint, [YES,        YES,        YES,        YES,        YES,              YES]),
];

#[test]
fn each_registry_takes_the_tokens_whose_key_it_can_find() {
    let keys = keys();
    let tokens = issued(EnvoyRelease::Current, &keys, &[X5c, Kid], &[Libtrust, Thumbprint]);
    assert_eq!(tokens.len(), 4 * KEYS.len());
    let files = Files::of(&keys, &tokens);
    let mut wrong = Vec::new();
    for (release, source) in [
        (V2_8, Bundle),
        (V3_0, Bundle),
        (V3_0, KeySet),
        (V3_1, Bundle),
        (V3_1, KeySet),
    ] {
        let registry = files.registry(release, source);
        for (_, _, header, key_id, row) in TABLE.iter().filter(|row| (row.0, row.1) == (release, source)) {
            for (key, expected) in row.iter().enumerate() {
                let mut of_row = tokens.iter();
                let token = of_row.find(|it| (it.key, it.header, it.key_id) == (key, *header, *key_id));
                let token = token.expect("a token of each configuration was issued");
                if let Err(told) = compare(&registry, token, *expected) {
                    wrong.push(format!(
                        "{release:?} {source:?} {header:?} {key_id:?} {:?}: {told}",
                        KEYS[key]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Before 1.37 Envoy has no `sign`.
#[test]
fn what_the_module_signs_by_itself_a_registry_takes() {
    let keys = keys();
    let tokens = issued(EnvoyRelease::Oldest, &keys, &[X5c], &[Libtrust]);
    assert_eq!(tokens.len(), KEYS.len());
    let registry = Files::of(&keys, &tokens).registry(V3_1, Bundle);
    for token in tokens {
        assert!(is_taken(&shown(&registry, &token.text)), "{:?}", KEYS[token.key]);
    }
}

#[test]
fn an_ed25519_certificate_in_its_bundle_ends_registry_2_8() {
    let key = Certified::self_signed(Algorithm::EdDsa);
    let setup = Registry::v2_8()
        .realm("http://127.0.0.1:1/token")
        .root(&key.root_file());
    let log = setup.start_refused();
    assert!(
        log.contains("unable to get public key from token auth root certificate"),
        "{log}"
    );
}

/// A token as one configuration of the filter makes it.
struct Issued {
    /// An index into [`KEYS`].
    key: usize,
    header: KeyHeader,
    key_id: KeyId,
    kid: String,
    text: String,
}

/// What registries read their keys from.
struct Files {
    folder: TempDir,
}

impl Files {
    #[track_caller]
    fn of(keys: &[Certified], tokens: &[Issued]) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let bundle = |keys: &[&Certified]| keys.iter().map(|key| key.certificate()).collect::<String>();
        let (old, new): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.algorithm() != Algorithm::EdDsa);
        fs::write(files.bundle(V2_8), bundle(&old)).unwrap();
        fs::write(files.bundle(V3_1), bundle(&[old, new].concat())).unwrap();
        let member = |token: &Issued| {
            let mut jwk = keys[token.key].jwk();
            jwk["kid"] = token.kid.as_str().into();
            jwk
        };
        let members: Vec<_> = tokens.iter().filter(|token| token.header == Kid).map(member).collect();
        fs::write(files.key_set(), json!({"keys": members}).to_string()).unwrap();
        files
    }

    #[track_caller]
    fn registry(&self, release: RegistryRelease, source: Source) -> Registry {
        let setup = Registry::of(release).realm("http://127.0.0.1:1/token");
        let setup = match source {
            Bundle => setup.root(&self.bundle(release)),
            KeySet => setup.jwks(&self.key_set()),
        };
        setup.start()
    }

    fn bundle(&self, release: RegistryRelease) -> PathBuf {
        self.folder.path().join(match release {
            V2_8 => "without-ed25519.pem",
            V3_0 | V3_1 => "all.pem",
        })
    }

    fn key_set(&self) -> PathBuf {
        self.folder.path().join("jwks.json")
    }
}

/// An error is what the registry did instead.
fn compare(registry: &Registry, issued: &Issued, expected: Expected) -> Result<(), String> {
    let logged = registry.log().len();
    let taken = is_taken(&shown(registry, &issued.text));
    let log = registry.log();
    let log = log.get(logged..).unwrap_or_default();
    match expected {
        Taken if !taken => Err(format!("should be taken; the registry says\n{log}")),
        Refused { because, .. } if taken => Err(format!("is taken; should be refused, because {because}")),
        Refused { because, logs } if !log.contains(logs) => Err(format!(
            "refused, but not because {because}: that would log `{logs}`; the registry says\n{log}"
        )),
        Taken | Refused { .. } => Ok(()),
    }
}

/// Keys as [`KEYS`] says.
#[track_caller]
fn keys() -> Vec<Certified> {
    let fits = |key: &Certified, numbers| {
        let jwk = key.jwk();
        let begins_with_zero = |name: &str| {
            let text = jwk[name].as_str().unwrap_or_default();
            URL_SAFE_NO_PAD.decode(text).unwrap().first() == Some(&0)
        };
        // RSA has neither; of Ed25519's `x` registries take all bytes.
        jwk["kty"] != "EC" || (begins_with_zero("x") || begins_with_zero("y")) == (numbers == Numbers::Short)
    };
    let key = |(algorithm, numbers)| {
        let mut tries = (0..500).map(|_| Certified::self_signed(algorithm));
        tries
            .find(|key| fits(key, numbers))
            .expect("one key of four is of the rarer kind")
    };
    KEYS.map(key).into()
}

/// Asks Envoy for a token of each key in each form, one configuration after the other.
#[track_caller]
fn issued(release: EnvoyRelease, keys: &[Certified], headers: &[KeyHeader], key_ids: &[KeyId]) -> Vec<Issued> {
    let mut setup = Envoy::standalone(&config(0, X5c, Libtrust, 0)).release(release);
    for (i, key) in keys.iter().enumerate() {
        setup = setup
            .env(&format!("KEY_{i}"), &key.key())
            .env(&format!("CERTIFICATE_{i}"), &key.certificate());
    }
    let mut envoy = setup.start();
    let mut tokens = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        for (header, key_id) in headers
            .iter()
            .flat_map(|header| key_ids.iter().map(move |id| (*header, *id)))
        {
            // The worker takes a configuration a moment after Envoy has it: a life of its own tells whose a token is.
            let expiration = 1000 + tokens.len();
            assert_eq!(envoy.swap_config(&config(i, header, key_id, expiration)), Swap::Taken);
            let text = envoy.wait_until("a token of the new configuration", |envoy| {
                let answer = asked(envoy);
                (answer["expires_in"] == expiration).then(|| token(&answer))
            });
            tokens.push(Issued::read(i, key, header, key_id, text));
        }
    }
    tokens
}

impl Issued {
    /// Panics unless the header is as the configuration asks for.
    #[track_caller]
    fn read(index: usize, key: &Certified, header: KeyHeader, key_id: KeyId, text: String) -> Self {
        let json = URL_SAFE_NO_PAD
            .decode(text.split('.').next().unwrap_or_default())
            .unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        let kid = json["kid"].as_str().unwrap_or_default().to_owned();
        assert_eq!(json["alg"], key.algorithm().name());
        assert_eq!(json["x5c"].is_array(), header == X5c, "{json}");
        match key_id {
            Libtrust => assert_eq!(kid.split(':').map(str::len).collect::<Vec<_>>(), [4; 12], "{json}"),
            Thumbprint => {
                let thumbprint = Sha256::digest(key.jwk().to_string());
                assert_eq!(kid, URL_SAFE_NO_PAD.encode(thumbprint), "{json}");
            }
        }
        Self {
            key: index,
            header,
            key_id,
            kid,
            text,
        }
    }
}

fn config(key: usize, header: KeyHeader, key_id: KeyId, expiration: usize) -> Value {
    json!({
        "token": {
            "issuer": "registry-auth",
            "expiration": expiration,
            "key_env": format!("KEY_{key}"),
            "certificate_env": format!("CERTIFICATE_{key}"),
            "key_header": match header { X5c => "x5c", Kid => "kid" },
            "disable_legacy_key_id": key_id == Thumbprint,
        },
        "users": {"": {}},
        "acl": [{"match": {"name": "public/*"}, "actions": ["pull"]}],
    })
}
