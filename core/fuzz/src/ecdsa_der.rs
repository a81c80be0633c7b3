//! An ECDSA signature as a host gives it.

use registry_auth_core::token::{Algorithm, ecdsa_der};

const FIELDS: [(Algorithm, usize); 3] = [(Algorithm::Es256, 32), (Algorithm::Es384, 48), (Algorithm::Es512, 66)];

pub(crate) fn run(data: &[u8]) {
    for (algorithm, field) in FIELDS {
        let Ok(jose) = ecdsa_der::to_jose(algorithm, data) else {
            continue;
        };
        assert_eq!(jose.len(), 2 * field);
        let (r, s) = jose.split_at(field);
        let body = [integer(r), integer(s)].concat();
        let written = [sequence(body.len()), body].concat();
        assert_eq!(written, data, "DER has one form");
    }
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
        assert!(ecdsa_der::to_jose(algorithm, data).is_err());
    }
}

fn integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).expect("not zero");
    let sign = if number[start] > 0x7f { &[0][..] } else { &[] };
    let digits = [sign, &number[start..]].concat();
    let length = u8::try_from(digits.len()).expect("short");
    [vec![2, length], digits].concat()
}

fn sequence(length: usize) -> Vec<u8> {
    let length = u8::try_from(length).expect("short");
    if length > 0x7f {
        vec![0x30, 0x81, length]
    } else {
        vec![0x30, length]
    }
}
