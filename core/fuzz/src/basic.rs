//! The value of an `Authorization` header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry_auth_core::request::basic::{Basic, parse};

pub(crate) fn run(data: &[u8]) {
    if let Ok(Basic::Password { name, password }) = parse(data) {
        assert!(!name.is_empty() && !name.contains(':'), "{name:?}");
        let credentials = [name.as_bytes(), b":", password.expose()].concat();
        assert_eq!(encoded(&credentials), Ok(Basic::Password { name, password }));
    }
    // What is encoded properly is read as it is.
    let colon = data.iter().position(|b| *b == b':');
    match (encoded(data), colon.map(|at| (&data[..at], &data[at + 1..]))) {
        (Ok(Basic::Nobody), parts) => assert_eq!(parts, Some((&b""[..], &b""[..]))),
        (Ok(Basic::Password { name, password }), parts) => {
            assert_eq!(parts, Some((name.as_bytes(), password.expose().as_slice())));
        }
        (Err(_), Some((name, password))) => {
            assert!(
                str::from_utf8(name).is_err() || name.is_empty() && !password.is_empty(),
                "{data:?}"
            );
        }
        (Err(_), None) => {}
    }
}

fn encoded(credentials: &[u8]) -> Result<Basic, registry_auth_core::request::basic::BasicError> {
    parse(format!("Basic {}", STANDARD.encode(credentials)).as_bytes())
}
