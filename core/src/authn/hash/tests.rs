use proptest::prelude::*;

use super::*;

const SECRET: &str = "ada-secret";
/// Of `ada-secret`, cost 5, made by the `bcrypt` package of Python.
const BCRYPT: &str = "$2b$05$uDKdZk2I3Vqqf1ttynmV1.g2oK16S/n/Xdsvtd7PLQg6QHrX88iOe";
const SHA256: &str = "sha256:cb3ac4f9f4ba2da6f063a94debb6009ec2ee2abcf28f90cd97fdb92fdc44d736";

fn fits(hash: &str, password: &[u8]) -> bool {
    Hash::parse(hash).unwrap().fits(password).unwrap()
}

#[test]
fn bcrypt_is_read_with_any_letter_or_none() {
    for version in ["$2a$", "$2b$", "$2y$", "$2x$", "$2$"] {
        let hash = BCRYPT.replace("$2b$", version);
        assert!(fits(&hash, SECRET.as_bytes()), "{version}");
        assert!(!fits(&hash, b"wrong"), "{version}");
        assert!(!fits(&hash, b""), "{version}");
    }
}

#[test]
fn bcrypt_passes_over_what_go_passes_over() {
    assert!(fits(&format!("{BCRYPT}\n"), SECRET.as_bytes()));
    assert!(fits(&format!("{BCRYPT}garbage"), SECRET.as_bytes()));
    // The salt's last character holds two bits that count for nothing: `.` and `/` differ in one of them.
    assert!(fits(&BCRYPT.replace("V1.g2o", "V1/g2o"), SECRET.as_bytes()));
}

#[test]
fn bcrypt_takes_72_bytes_of_a_password_and_does_not_end_at_a_nul() {
    let x72 = "$2b$05$DxAGG02poNe5qUuzFG3sSuNWQsVzD0ks9g4M0jsiQXXwzxF7qDmQO";
    let y72 = "$2b$05$ieU82GpRKLv1OO9ZlaUupOtUlRc.nYZEw3BvN4yYs7IXo7A3cG64i";
    let nul = "$2b$05$AxBdo2LVz4B3ilV/iUSmuejPk6EyUmASe2xDKfD5yhBJ7obt6glju";
    let empty = "$2b$05$tHdN0GPWqkY1Sqwgni2.HewOKLYka8VIjc2c/Fnthzqk2DqhdL3Ry";
    assert!(fits(x72, &[b'x'; 72]));
    assert!(fits(x72, &[b'x'; 100]));
    assert!(!fits(x72, &[b'x'; 71]));
    assert!(fits(y72, &[b'y'; 80]));
    assert!(fits(nul, "pä\0ss".as_bytes()));
    assert!(!fits(nul, "pä\0xx".as_bytes()));
    assert!(!fits(nul, "pä".as_bytes()));
    assert!(fits(empty, b""));
}

#[test]
fn argon2id_and_sha256_fit_their_password_alone() {
    let hashes = [
        "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHRzYWx0MTIzNA$2gr91l6tZFh0cerWU+C51nmRpgXy5uJN8KhhbGSzvV0",
        "$argon2id$v=19$m=64,t=1,p=2$c2FsdHNhbHRzYWx0MTIzNA$A//8A9GCAkmnEwKk5Gm6AATdIjt3pW90uqo4JGFFD9Q",
        SHA256,
    ];
    for hash in hashes {
        assert!(fits(hash, SECRET.as_bytes()), "{hash}");
        assert!(!fits(hash, b"ada-secreT"), "{hash}");
        assert!(!fits(hash, b""), "{hash}");
    }
    assert!(fits(
        &SHA256.to_uppercase().replace("SHA256", "sha256"),
        SECRET.as_bytes()
    ));
}

#[test]
fn what_is_no_hash_or_too_dear_is_refused_by_kind() {
    let argon =
        |cost: &str| format!("$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for (text, error) in [
        ("plain".to_owned(), HashError::Unknown),
        ("$1$abc$def".to_owned(), HashError::Unknown),
        ("$2y$05$short".to_owned(), HashError::Malformed("bcrypt")),
        (BCRYPT.replace("$05$", "$5$"), HashError::Malformed("bcrypt")),
        (BCRYPT.replace("$05$", "$+5$"), HashError::Malformed("bcrypt")),
        (BCRYPT.replace("$05$", "$03$"), HashError::NoBcryptCost(3)),
        (BCRYPT.replace("$05$", "$32$"), HashError::NoBcryptCost(32)),
        (BCRYPT.replace("$05$", "$15$"), HashError::DearBcrypt(15)),
        (BCRYPT.replace("uDKdZ", "uD=dZ"), HashError::Malformed("bcrypt")),
        (
            "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA".to_owned(),
            HashError::OtherArgon2,
        ),
        (argon("m=19457,t=1,p=1"), HashError::DearArgon2),
        (argon("m=64,t=5,p=1"), HashError::DearArgon2),
        (argon("m=64,t=1,p=5"), HashError::DearArgon2),
        (argon("m=64,t=1,p=1,x=1"), HashError::Malformed("argon2id")),
        (argon("m=4,t=1,p=1"), HashError::Malformed("argon2id")),
        ("sha256:abc".to_owned(), HashError::Malformed("SHA-256")),
        (SHA256.replace("cb", "+b"), HashError::Malformed("SHA-256")),
    ] {
        assert_eq!(Hash::parse(&text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(
        text in "\\PC{0,40}|\\$2[a-z]?\\$[0-9]{2}\\$[./A-Za-z0-9=ä]{40,60}|\\$argon2id\\$[a-z0-9=,$/+]{0,80}|sha256:.{60,66}"
    ) {
        let _ = Hash::parse(&text);
    }
}
