//! A password hash as text. None is computed.

use registry_auth_core::authn::hash::crypt::{Crypt, MAX_CRYPT_ROUNDS};
use registry_auth_core::authn::hash::{Hash, MAX_ARGON2, MAX_BCRYPT_COST};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Some(Ok(hash)) = Crypt::parse(text) {
        let (_, rounds) = hash.cost();
        assert!((1_000..=MAX_CRYPT_ROUNDS).contains(&rounds));
        assert_eq!(Hash::Crypt(hash).to_text().expose(), text);
        // In `users` there is none.
        assert!(Hash::parse(text).is_err());
    }
    match Hash::parse(text) {
        Ok(Hash::Bcrypt(hash)) => assert!((4..=MAX_BCRYPT_COST).contains(&hash.cost())),
        Ok(Hash::Argon2id(hash)) => {
            let cost = hash.cost();
            assert!(cost.memory_kib <= MAX_ARGON2.memory_kib && cost.memory_kib >= 8 * cost.lanes);
            assert!((1..=MAX_ARGON2.passes).contains(&cost.passes));
            assert!((1..=MAX_ARGON2.lanes).contains(&cost.lanes));
        }
        Ok(Hash::Sha256(digest)) => {
            let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text.to_ascii_lowercase(), format!("sha256:{}", hex.concat()));
        }
        Ok(Hash::Crypt(_)) => unreachable!("it is read elsewhere"),
        Err(_) => return,
    }
    let hash = Hash::parse(text).expect("as before");
    assert_eq!(
        Hash::parse(text).map(|again| again.fingerprint()),
        Ok(hash.fingerprint())
    );
    // Nothing is passed over in front.
    assert!(Hash::parse(&format!(" {text}")).is_err());
}
