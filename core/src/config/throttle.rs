//! `throttle`: how guessing is braked, as written.

use std::time::Duration;

use super::scalar;
use super::{Node, Section};
use crate::problem::{Place, Problems};
use crate::throttle::{HashShare, Settings};

/// The longest window and brake, a day: nobody who mistyped a password waits longer.
const LONGEST: Duration = Duration::from_hours(24);

/// Reads `throttle`: the defaults if it is absent, `None` for `false`.
pub(super) fn read(root: &mut Section, problems: &mut Problems) -> Option<Settings> {
    let place = root.place_of("throttle");
    match root.take("throttle") {
        None => Some(Settings::default()),
        Some(Node::Bool(false)) => None,
        Some(Node::Plain(text)) if scalar::flag(&text) == Some(false) => None,
        Some(node @ Node::Map(_)) => Some(settings(node, place, problems)),
        Some(other) => {
            problems.error(&place, format_args!("must be a map or `false`, not {}", other.kind()));
            None
        }
    }
}

fn settings(node: Node, place: Place, problems: &mut Problems) -> Settings {
    let mut settings = Settings::default();
    let Some(mut section) = Section::open(node, place, problems) else {
        return settings;
    };
    let second = Duration::from_secs(1);
    if let Some(failures) = section.count("failures", 1..=20, problems) {
        settings.failures = failures;
    }
    for (key, value) in [
        ("window", &mut settings.window),
        ("brake", &mut settings.brake),
        ("brake_max", &mut settings.brake_max),
    ] {
        if let Some(duration) = section.duration(key, second..=LONGEST, problems) {
            *value = duration;
        }
    }
    if let Some(entries) = section.count("entries", 16..=1_048_576, problems) {
        settings.entries = entries;
    }
    let place = section.place_of("hash_share");
    if let Some(share) = section.number("hash_share", problems) {
        match HashShare::new(share) {
            Some(share) => settings.hash_share = share,
            None => problems.error(&place, "must be above 0 and at most 1"),
        }
    }
    if settings.brake_max < settings.brake {
        problems.error(&section.place_of("brake_max"), "must not be shorter than `brake`");
    }
    section.finish(problems);
    settings
}
