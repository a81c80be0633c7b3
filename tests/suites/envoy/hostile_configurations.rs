//! What an operator, or a program of theirs, can hand over as a configuration by mistake. Each is swapped in while a good
//! one serves: it is refused by name and the good one serves on, or taken and then decides as it says.

mod keys;
mod patterns;
mod sizes;
mod texts;

use std::fs;

use base64::engine::general_purpose::STANDARD;
use registry_auth_tests::certificates::write_in_one_step;

use super::hostile::Target;
use crate::*;

/// A configuration, in the form in which Envoy has it.
pub(super) enum Given {
    /// Reaches the module as it is.
    Text(String),
    /// The same, where it is no text.
    Bytes(Vec<u8>),
    /// As YAML, of which Envoy makes a `google.protobuf.Struct`.
    Struct(String),
}

/// A configuration that is refused, with these words in the log.
pub(super) struct Refused {
    name: String,
    given: Given,
    faults: Vec<String>,
}

#[test]
fn whatever_a_configuration_is_it_is_refused_by_name_and_the_last_good_one_serves() {
    let mut target = Target::start();
    let swap = Swapper::of(&target.envoy);
    let mut broken = Vec::new();
    for case in texts::wrong() {
        swap.assert_refused(&mut target, &case, &mut broken);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // A good one is taken after all these.
    let good = Given::Text(config_with("token.expiration", json!(1_000)).to_string());
    assert_eq!(swap.hand_over(&mut target.envoy, &good), Swap::Taken);
    wait_for_expiration(&mut target.envoy, 1_000);
    target.pass_over_canaries();
    target.assert_unharmed("a good configuration");
}

#[test]
fn whatever_a_key_or_a_certificate_is_it_is_refused_by_name_and_the_last_good_one_signs() {
    let mut target = Target::start();
    let swap = Swapper::of(&target.envoy);
    let mut broken = Vec::new();
    for case in keys::wrong() {
        swap.assert_refused(&mut target, &case, &mut broken);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    keys::assert_an_expired_certificate_is_taken_where_no_token_carries_it(&mut target, &swap);
}

#[test]
fn a_pattern_that_would_blow_up_decides_the_longest_names() {
    let mut target = Target::start();
    let swap = Swapper::of(&target.envoy);
    for ((pattern, matches), expiration) in patterns::SLOW_ELSEWHERE.iter().zip(1_000..) {
        let mut config = config_with("token.expiration", json!(expiration));
        config["acl"][1] = json!({"match": {"name": pattern}, "actions": ["delete"]});
        let given = Given::Text(config.to_string());
        assert_eq!(swap.hand_over(&mut target.envoy, &given), Swap::Taken, "{pattern}");
        wait_for_expiration(&mut target.envoy, expiration);
        for (name, matches) in ["a".repeat(255), "a".repeat(254) + "b"].iter().zip(matches) {
            let answer = http::get(
                &format!(
                    "{}/token?service=registry&scope=repository:{name}:delete",
                    target.envoy.url()
                ),
                &[],
            );
            let actions = if *matches { json!(["delete"]) } else { json!([]) };
            assert_eq!(granted(&answer)[name], actions, "{pattern} {name}");
        }
        target.pass_over_canaries();
        target.assert_unharmed(pattern);
    }
}

/// Puts configurations of every form into the filter's file.
pub(super) struct Swapper {
    /// The file up to the configuration.
    before: String,
}

impl Swapper {
    #[track_caller]
    fn of(envoy: &Envoy) -> Self {
        let file = fs::read_to_string(envoy.filter_file()).expect("the filter's file is there");
        let (before, _) = file
            .split_once("        configuration:\n")
            .expect("the file has a configuration");
        Self {
            before: before.to_owned(),
        }
    }

    #[track_caller]
    fn hand_over(&self, envoy: &mut Envoy, given: &Given) -> Swap {
        let (kind, value) = match given {
            Given::Text(text) => ("StringValue", Value::from(text.as_str()).to_string()),
            Given::Bytes(bytes) => ("BytesValue", STANDARD.encode(bytes)),
            Given::Struct(yaml) => ("Struct", yaml.clone()),
        };
        let configuration =
            format!("        configuration:\n          \"@type\": type.googleapis.com/google.protobuf.{kind}\n");
        let logged = envoy.log().len();
        write_in_one_step(
            &envoy.filter_file(),
            &format!("{}{configuration}          value: {value}\n", self.before),
        );
        // By the log alone: Envoy's main thread, which answers for its counters, has up to fifty megabytes to read.
        envoy.wait_until("an answer to the configuration", |envoy| {
            let log = envoy.log();
            let log = log.get(logged..).unwrap_or_default();
            if log.contains("Filesystem config update ") {
                Some(Swap::Refused(log.to_owned()))
            } else {
                log.contains("registry_auth: configuration in force")
                    .then_some(Swap::Taken)
            }
        })
    }

    #[track_caller]
    fn assert_refused(&self, target: &mut Target, case: &Refused, broken: &mut Vec<String>) {
        match self.hand_over(&mut target.envoy, &case.given) {
            Swap::Taken => broken.push(format!("{} was taken", case.name)),
            Swap::Refused(log) => {
                for fault in case.faults.iter().filter(|fault| !log.contains(fault.as_str())) {
                    let log: String = log.chars().take(3_000).collect();
                    broken.push(format!("{}: no `{fault}` in {log}", case.name));
                }
            }
        }
        target.pass_over_canaries();
        target.assert_unharmed(&case.name);
    }
}

impl Refused {
    /// Refused for these faults, each told after the words that open every fault.
    fn new(name: &str, given: Given, faults: &[&str]) -> Self {
        let told = faults
            .iter()
            .map(|fault| format!("registry_auth: configuration refused: {fault}"));
        Self {
            name: name.to_owned(),
            given,
            faults: told.collect(),
        }
    }

    /// Refused by Envoy itself, in these words.
    fn by_envoy(name: &str, given: Given, words: &str) -> Self {
        Self {
            name: name.to_owned(),
            given,
            faults: vec![words.to_owned()],
        }
    }
}
