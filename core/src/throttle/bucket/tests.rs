use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::account::Account;
use crate::authn::attempt::Attempt;
use crate::secret::Secret;
use crate::throttle::MacKey;

const NOW: u64 = 1_800_000_000;

/// A pair and its tries at a password, as the shared bytes have them.
struct Guesser {
    bytes: Vec<u8>,
    now: u64,
    settings: Settings,
}

fn pair(account: &str) -> PairTag {
    MacKey::new([1; 32]).pair(&Account::parse(account).unwrap(), IpAddr::from([192, 0, 2, 1]))
}

fn attempt(account: &str, password: &str) -> CredentialMac {
    MacKey::new([1; 32]).credential(&Attempt {
        account: &Account::parse(account).unwrap(),
        address: IpAddr::from([192, 0, 2, 1]),
        stored: None,
        password: &Secret::new(password.as_bytes().to_vec()),
    })
}

impl Guesser {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            now: NOW,
            settings: Settings::default(),
        }
    }

    fn standing(&self, account: &str, password: &str) -> Standing {
        let now = Timestamp::from_seconds(self.now);
        Bucket::read(&self.bytes).standing(pair(account), attempt(account, password), now, &self.settings)
    }

    fn fail(&mut self, account: &str, password: &str) {
        let mut bucket = Bucket::read(&self.bytes);
        let now = Timestamp::from_seconds(self.now);
        bucket.fail(pair(account), attempt(account, password), now, &self.settings);
        self.bytes = bucket.write();
    }

    fn fail_often(&mut self, passwords: std::ops::Range<u32>) {
        for number in passwords {
            self.fail("ada", &format!("wrong {number}"));
        }
    }
}

#[test]
fn five_distinct_wrong_passwords_brake_for_thirty_seconds() {
    let mut guesser = Guesser::new();
    guesser.fail_often(0..4);
    assert_eq!(guesser.standing("ada", "another"), Standing::Free);
    guesser.fail_often(4..5);
    assert_eq!(guesser.standing("ada", "another"), Standing::Braked(30));
    assert_eq!(guesser.standing("ada", "wrong 1"), Standing::Braked(30));
    assert_eq!(guesser.standing("bob", "another"), Standing::Free);
    guesser.now += 29;
    assert_eq!(guesser.standing("ada", "another"), Standing::Braked(1));
    guesser.now += 1;
    assert_eq!(guesser.standing("ada", "another"), Standing::Free);
}

#[test]
fn each_failure_after_a_brake_doubles_it_up_to_the_longest() {
    let mut guesser = Guesser::new();
    guesser.fail_often(0..5);
    let mut last = 30;
    for (number, seconds) in (5..).zip([60, 120, 240, 480, 900, 900]) {
        guesser.now += last;
        last = seconds;
        guesser.fail_often(number..number + 1);
        assert_eq!(guesser.standing("ada", "another"), Standing::Braked(seconds));
    }
}

#[test]
fn a_brake_is_forgotten_a_window_after_its_end() {
    let mut guesser = Guesser::new();
    guesser.fail_often(0..5);
    guesser.now += 30 + 601;
    guesser.fail_often(5..9);
    assert_eq!(guesser.standing("ada", "another"), Standing::Free);
    guesser.fail_often(9..10);
    assert_eq!(guesser.standing("ada", "another"), Standing::Braked(30));
}

#[test]
fn one_wrong_password_counts_once_and_is_known_for_a_window() {
    let mut guesser = Guesser::new();
    for _ in 0..50 {
        guesser.fail("ada", "stale");
    }
    assert_eq!(guesser.standing("ada", "stale"), Standing::KnownWrong);
    assert_eq!(guesser.standing("ada", "right"), Standing::Free);
    guesser.now += 600;
    assert_eq!(guesser.standing("ada", "stale"), Standing::Free);
}

#[test]
fn failures_that_are_spread_over_more_than_a_window_brake_nobody() {
    let mut guesser = Guesser::new();
    for number in 0..40 {
        guesser.fail_often(number..number + 1);
        guesser.now += 151;
        assert_eq!(guesser.standing("ada", "another"), Standing::Free);
    }
}

#[test]
fn what_was_tried_before_the_brake_was_set_does_not_double_it() {
    let mut guesser = Guesser::new();
    guesser.fail_often(0..9);
    assert_eq!(guesser.standing("ada", "another"), Standing::Braked(30));
}

#[test]
fn a_right_password_clears_its_pair() {
    let mut guesser = Guesser::new();
    guesser.fail_often(0..4);
    let mut bucket = Bucket::read(&guesser.bytes);
    assert!(bucket.forgive(pair("ada")));
    assert!(!bucket.forgive(pair("ada")));
    assert!(bucket.write().is_empty());
}

#[test]
fn a_clock_that_was_set_back_braked_nobody_for_longer() {
    let mut guesser = Guesser::new();
    guesser.fail_often(0..5);
    guesser.now -= 3_600;
    assert_eq!(guesser.standing("ada", "another"), Standing::Free);
    guesser.fail("ada", "another");
    assert_eq!(guesser.standing("ada", "another"), Standing::Braked(60));
    guesser.now += 60;
    assert_eq!(guesser.standing("ada", "right"), Standing::Free);
}

#[test]
fn a_full_bucket_forgets_the_pair_that_failed_longest_ago() {
    let mut guesser = Guesser::new();
    for number in 0..RECORDS {
        guesser.fail(&format!("account {number}"), "wrong");
    }
    guesser.fail("account 0", "wrong again");
    guesser.fail("one more", "wrong");
    assert_eq!(guesser.standing("account 0", "wrong"), Standing::KnownWrong);
    assert_eq!(guesser.standing("account 1", "wrong"), Standing::Free);
    assert_eq!(guesser.standing("one more", "wrong"), Standing::KnownWrong);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..600), now in any::<u64>()) {
        let mut guesser = Guesser { bytes, now, settings: Settings::default() };
        let bucket = Bucket::read(&guesser.bytes);
        prop_assert_eq!(&Bucket::read(&bucket.write()), &bucket);
        guesser.standing("ada", "x");
        guesser.fail("ada", "x");
        prop_assert!(guesser.standing("ada", "x") != Standing::Free);
    }
}
