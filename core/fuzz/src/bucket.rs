//! A bucket of the throttle: steps of three bytes (what, who, seconds later) up to a zero byte, then the bucket's bytes.

use std::net::IpAddr;
use std::time::Duration;

use registry_auth_core::account::Account;
use registry_auth_core::authn::attempt::Attempt;
use registry_auth_core::secret::Secret;
use registry_auth_core::throttle::bucket::{RECORDS, Standing};
use registry_auth_core::throttle::{Bucket, MacKey, Settings};
use registry_auth_core::time::Timestamp;

const MOST_STEPS: usize = 32;
/// A pair, two counts, a time, and 255 failures of a password and a time.
const LONGEST_RECORD: usize = 16 + 2 + 8 + 255 * 24;

pub(crate) fn run(data: &[u8]) {
    let (steps, bytes) = split(data);
    let mut bucket = Bucket::read(bytes);
    check(&bucket);
    let key = MacKey::new([7; 32]);
    let settings = Settings::default();
    let mut now = Timestamp::from_seconds(1_800_000_000);
    for &[what, who, later] in steps {
        now = now.plus(Duration::from_secs(u64::from(later)));
        if what & 4 != 0 {
            now = now.minus(Duration::from_hours(1)); // a clock that was set back
        }
        let account = Account::parse(&format!("account{}", who % 4)).expect("a name");
        let password = Secret::new(vec![who / 4]);
        let address = IpAddr::from([192, 0, 2, 1]);
        let attempt = key.credential(&Attempt {
            account: &account,
            address,
            stored: None,
            password: &password,
        });
        let pair = key.pair(&account, address);
        if what & 1 == 0 {
            bucket.fail(pair, attempt, now, &settings);
            assert!(bucket.knows(pair));
            assert_ne!(bucket.standing(pair, attempt, now, &settings), Standing::Free);
        } else {
            let known = bucket.knows(pair);
            assert_eq!(bucket.forgive(pair), known);
            assert!(!bucket.knows(pair));
            assert_eq!(bucket.standing(pair, attempt, now, &settings), Standing::Free);
        }
        if let Standing::Braked(seconds) = bucket.standing(pair, attempt, now, &settings) {
            assert!((1..=settings.brake_max.as_secs()).contains(&seconds), "{seconds}");
        }
        check(&bucket);
    }
}

fn check(bucket: &Bucket) {
    let bytes = bucket.write();
    assert!(bytes.len() <= RECORDS * LONGEST_RECORD);
    assert_eq!(&Bucket::read(&bytes), bucket);
}

fn split(data: &[u8]) -> (&[[u8; 3]], &[u8]) {
    let (chunks, _) = data.as_chunks();
    let count = chunks.iter().take_while(|chunk: &&[u8; 3]| chunk[0] != 0).count();
    let bytes = data.get(count * 3 + 1..).unwrap_or_default();
    (&chunks[..count.min(MOST_STEPS)], bytes)
}
