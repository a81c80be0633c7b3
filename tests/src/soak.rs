//! How long the long ones take: as often as a developer waits for, or `SOAK_TIMES` times that, as `make soak` sets it.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

/// The longest input that is shown, in bytes.
const SHOWN: usize = 4_000;

/// `usual`, or a multiple of it.
///
/// # Panics
///
/// If `SOAK_TIMES` is there and no number.
#[track_caller]
pub fn times(usual: u32) -> u32 {
    let times = std::env::var("SOAK_TIMES").map_or(1, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("`SOAK_TIMES` is `{text}`; give a number, such as 10"))
    });
    usual.saturating_mul(times)
}

/// Asks `test` about so many random inputs, or a multiple. Panics with what it said, and a short input.
#[track_caller]
pub fn run<S: Strategy>(usual: u32, inputs: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(Config {
        cases: times(usual),
        failure_persistence: None,
        ..Config::default()
    });
    match runner.run(inputs, test) {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => {
            let input = format!("{input:?}");
            let shown = if input.len() <= SHOWN {
                &input
            } else {
                "its input is too long to show"
            };
            panic!("{reason}\n{shown}")
        }
        Err(error) => panic!("{error}"),
    }
}
