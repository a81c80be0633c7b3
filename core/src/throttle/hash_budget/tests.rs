#![expect(clippy::arithmetic_side_effects, reason = "sums of small numbers")]

use super::*;

const HASH: Duration = Duration::from_millis(50);

fn budget() -> HashBudget {
    HashBudget::new(HashShare::HALF, Seed::new([1; 16]))
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// Hashes as often as it may for so long, the clock moving with each, and answers the time spent.
fn hash_for(
    budget: &mut HashBudget,
    from: &mut Duration,
    time: Duration,
    mut who: impl FnMut(u32) -> IpAddr,
) -> Duration {
    let end = *from + time;
    let (mut spent, mut number) = (Duration::ZERO, 0);
    while *from < end {
        number += 1;
        let address = who(number);
        if budget.admit(address, *from).is_ok() {
            budget.charge(address, *from, HASH);
            spent += HASH;
            *from += HASH;
        } else {
            *from += Duration::from_millis(1);
        }
    }
    spent
}

#[test]
fn many_addresses_get_half_of_the_time_and_one_a_quarter() {
    let minute = Duration::from_mins(1);
    let mut now = Duration::from_secs(10_000);
    let all = hash_for(&mut budget(), &mut now, minute, |number| {
        address(u8::try_from(number % 200).unwrap())
    });
    assert!((0.49..0.54).contains(&(all.as_secs_f64() / 60.0)), "{all:?}");
    let one = hash_for(&mut budget(), &mut now, minute, |_| address(1));
    assert!((0.24..0.27).contains(&(one.as_secs_f64() / 60.0)), "{one:?}");
}

#[test]
fn an_address_that_takes_all_it_may_leaves_time_for_others() {
    let (mut budget, mut now) = (budget(), Duration::from_secs(1_000));
    hash_for(&mut budget, &mut now, Duration::from_mins(1), |_| address(1));
    assert!(budget.admit(address(1), now).is_err() || budget.admit(address(2), now).is_ok());
    assert_eq!(budget.admit(address(2), now), Ok(()));
}

#[test]
fn the_wait_is_told_and_is_enough() {
    let (mut budget, now) = (budget(), Duration::from_secs(10_000));
    budget.charge(address(1), now, Duration::from_secs(9));
    let seconds = budget.admit(address(2), now).unwrap_err();
    let an_hour_back = Duration::from_secs(6_400);
    assert!(
        budget.admit(address(2), an_hour_back).is_err(),
        "a clock that was set back opens nothing"
    );
    assert!(
        budget
            .admit(address(2), an_hour_back + Duration::from_secs(seconds))
            .is_ok()
    );
}

#[test]
fn a_share_is_above_nothing_and_at_most_all() {
    for share in [0.0, -1.0, 1.001, f64::NAN, f64::INFINITY] {
        assert_eq!(HashShare::new(share), None, "{share}");
    }
    assert_eq!(HashShare::new(0.5), Some(HashShare::HALF));
}

#[test]
fn a_clock_that_is_set_forward_during_a_hash_keeps_nobody_waiting_for_the_difference() {
    let mut budget = budget();
    let (begun, day) = (Duration::from_hours(1), Duration::from_hours(24));
    assert_eq!(budget.admit(address(1), begun), Ok(()));
    budget.charge(address(1), begun, day);
    assert_eq!(budget.admit(address(2), begun + day), Ok(()));
    assert_eq!(budget.admit(address(1), begun + day), Ok(()));
    // As well where the machine stood still and the clock did not move.
    budget.charge(address(1), begun + day, day);
    assert!(budget.admit(address(2), begun + day).is_err_and(|wait| wait <= 8));
}
