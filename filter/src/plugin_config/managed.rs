//! `managed`: the cluster of the program that has the configuration, and how it is asked.

use std::time::Duration;

use registry_auth_core::config::{Environment, Node, Section};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;

const KEY: &str = "managed";

/// The longest interval, an hour: for so long a change could go unseen.
const LONGEST_INTERVAL: Duration = Duration::from_hours(1);
/// The longest that a configuration serves unconfirmed, thirty days.
const LONGEST_STALE: Duration = Duration::from_hours(30 * 24);
/// The longest that an answer is waited for.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How the program beside the proxy is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// Envoy's cluster.
    pub cluster: String,
    /// What the calls have as `:authority`.
    pub authority: String,
    /// What the calls prove themselves by, where the listener is not proof enough.
    pub secret: Option<Secret<String>>,
    /// How long to wait between two tries to get a configuration, at most.
    pub poll_interval: Duration,
    /// How long a configuration serves that nobody confirms.
    pub max_stale: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

/// Whether `node` says where everything is to be had.
pub(super) fn is_there(node: &Node) -> bool {
    matches!(node, Node::Map(entries) if entries.iter().any(|(key, _)| key == KEY))
}

impl Managed {
    pub(super) fn read(node: Node, environment: Environment, problems: &mut Problems) -> Option<Self> {
        let mut root = Section::open(node, Place::root(), problems)?;
        let section = root.section(KEY, problems);
        for key in root.remaining() {
            problems.error(
                &root.place_of(key),
                "stands beside `managed`, and belongs into the configuration of the program that is asked",
            );
        }
        if section.is_none() && !problems.is_refusal_at(&root.place_of(KEY)) {
            problems.error(&root.place_of(KEY), "is empty; it needs `cluster`");
        }
        let mut section = section?;
        let cluster = name("cluster", &mut section, problems);
        if cluster.is_none() && !problems.is_refusal_at(&section.place_of("cluster")) {
            problems.error(
                &section.place_of("cluster"),
                "is missing; name the cluster of Envoy's that leads to `registry-auth`",
            );
        }
        let authority = name("authority", &mut section, problems);
        let secret = secret(&mut section, environment, problems);
        let second = Duration::from_secs(1);
        let poll_interval = section.duration("poll_interval", second..=LONGEST_INTERVAL, problems);
        let max_stale = section.duration("max_stale", Duration::from_mins(1)..=LONGEST_STALE, problems);
        let timeout = section.duration("timeout", second..=LONGEST_TIMEOUT, problems);
        section.finish(problems);
        let cluster = cluster?;
        Some(Self {
            authority: authority.unwrap_or_else(|| cluster.clone()),
            cluster,
            secret,
            poll_interval: poll_interval.unwrap_or(Duration::from_secs(5)),
            max_stale: max_stale.unwrap_or(Duration::from_hours(24)),
            timeout: timeout.unwrap_or(Duration::from_secs(3)),
        })
    }
}

/// A text that may stand in a header.
fn name(key: &'static str, section: &mut Section, problems: &mut Problems) -> Option<String> {
    let text = section.text(key, problems)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.error(&section.place_of(key), "must be a name without spaces");
        return None;
    }
    Some(text)
}

fn secret(section: &mut Section, environment: Environment, problems: &mut Problems) -> Option<Secret<String>> {
    let variable = section.text("secret_env", problems)?;
    let place = section.place_of("secret_env");
    match environment(&variable) {
        Some(secret) if secret.expose().trim().is_empty() => {
            problems.error(&place, format_args!("environment variable `{variable}` is empty"));
            None
        }
        Some(secret) if !secret.expose().trim().bytes().all(|byte| byte.is_ascii_graphic()) => {
            problems.error(
                &place,
                format_args!("environment variable `{variable}` holds what no header can"),
            );
            None
        }
        // A file that the variable was filled from ends in a line break.
        Some(secret) => Some(Secret::new(secret.expose().trim().to_owned())),
        None => {
            problems.error(
                &place,
                format_args!(
                    "environment variable `{variable}` is not set; set it for Envoy, and name it in \
                     `vm_config.environment_variables.host_env_keys`"
                ),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Option<Managed>, Problems) {
        let node: Node = serde_json::from_str(json).unwrap();
        assert!(is_there(&node));
        let mut problems = Problems::default();
        let environment = |name: &str| match name {
            "SET" => Some(Secret::new("s3cret\n".to_owned())),
            "EMPTY" => Some(Secret::new(String::new())),
            "ODD" => Some(Secret::new("a b\u{1}".to_owned())),
            _ => None,
        };
        (Managed::read(node, &environment, &mut problems), problems)
    }

    #[test]
    fn three_lines_are_enough() {
        let (managed, problems) = read(r#"{"managed": {"cluster": "registry-auth"}}"#);
        assert!(!problems.is_refusal(), "{problems}");
        assert_eq!(
            managed,
            Some(Managed {
                cluster: "registry-auth".to_owned(),
                authority: "registry-auth".to_owned(),
                secret: None,
                poll_interval: Duration::from_secs(5),
                max_stale: Duration::from_hours(24),
                timeout: Duration::from_secs(3),
            })
        );
    }

    #[test]
    fn all_of_it_can_be_set() {
        let (managed, problems) = read(
            r#"{"managed": {"cluster": "a", "authority": "auth.internal:80", "secret_env": "SET",
                "poll_interval": "1s", "max_stale": "10m", "timeout": "2s"}}"#,
        );
        assert!(!problems.is_refusal(), "{problems}");
        let managed = managed.unwrap();
        assert_eq!(managed.authority, "auth.internal:80");
        assert_eq!(managed.secret.unwrap().expose(), "s3cret");
        assert_eq!(managed.poll_interval, Duration::from_secs(1));
        assert_eq!(managed.max_stale, Duration::from_mins(10));
        assert_eq!(managed.timeout, Duration::from_secs(2));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, place, what) in [
            (r#"{"managed": {}}"#, "managed.cluster", "is missing"),
            (r#"{"managed": null}"#, "managed", "is empty"),
            (r#"{"managed": {"cluster": ""}}"#, "managed.cluster", "must be a name"),
            (
                r#"{"managed": {"cluster": "a\nb"}}"#,
                "managed.cluster",
                "must be a name",
            ),
            (
                r#"{"managed": {"cluster": "a"}, "users": {}}"#,
                "users",
                "stands beside `managed`",
            ),
            (
                r#"{"managed": {"cluster": "a", "polling": "5s"}}"#,
                "managed.polling",
                "unknown key",
            ),
            (
                r#"{"managed": {"cluster": "a", "secret_env": "GONE"}}"#,
                "managed.secret_env",
                "is not set",
            ),
            (
                r#"{"managed": {"cluster": "a", "secret_env": "EMPTY"}}"#,
                "managed.secret_env",
                "is empty",
            ),
            (
                r#"{"managed": {"cluster": "a", "secret_env": "ODD"}}"#,
                "managed.secret_env",
                "no header can",
            ),
            (
                r#"{"managed": {"cluster": "a", "timeout": "100s"}}"#,
                "managed.timeout",
                "must be from",
            ),
            (
                r#"{"managed": {"cluster": "a", "poll_interval": 5}}"#,
                "managed.poll_interval",
                "needs a unit",
            ),
        ] {
            let (_, problems) = read(json);
            assert!(problems.is_refusal(), "{json}");
            let [problem] = problems.errors() else {
                panic!("{json}: {problems}")
            };
            assert_eq!(problem.place().path(), place, "{json}");
            assert!(problem.what().contains(what), "{json}: {problem}");
            assert!(!problem.what().contains("s3cret"));
        }
    }
}
