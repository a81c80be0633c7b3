//! Runs what the demo prints, as it prints it, and compares.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Demo, Event, Expected, Step, Topic, read, write};
use crate::docker::Docker;
use crate::process::{poll, run};

/// For one command, or one change of the file.
const LIMIT: Duration = Duration::from_mins(2);
const SOON: Duration = Duration::from_secs(10);

impl Demo {
    /// Runs all steps, says what each did, and answers how many did something else than they say.
    #[track_caller]
    pub fn check(&mut self, state: &Path) -> usize {
        let docker = Docker::try_new();
        if let Err(error) = &docker {
            println!("without docker: {error}\n");
        }
        let mut wrong = 0;
        for step in self.steps() {
            let host = match (&docker, step.topic) {
                (Err(_), Topic::Docker) => continue,
                (Ok(docker), _) => Some(docker.host()),
                (Err(_), _) => None,
            };
            // A new rule reaches each worker within milliseconds, not at once.
            let mut outcome = attempt(&step, host, state);
            if step.topic == Topic::Edit && outcome.is_err() {
                poll(SOON, || {
                    outcome = attempt(&step, host, state);
                    outcome.is_ok().then_some(())
                });
            }
            wrong += usize::from(!told(&step, &outcome));
            if step.topic == Topic::Edit && self.edited().is_some_and(|event| event != Event::Taken) {
                println!("WRONG   the edited file was refused");
                wrong += 1;
            }
        }
        wrong + usize::from(!self.check_refusal())
    }

    /// A file that is wrong is refused with its reason, be it a rule or not even YAML.
    fn check_refusal(&mut self) -> bool {
        let good = read(&self.file);
        let wrong_rule = good.replace("actions: [\"*\"]", "actions: 7");
        let mut right = true;
        for (wrong, expected) in [(wrong_rule, "acl[0].actions"), (good + "]", "yaml-cpp: error at line")] {
            write(&self.file, &wrong);
            let reason = match poll(LIMIT, || self.edited()) {
                Some(Event::Refused(reason)) => reason,
                other => format!("{other:?}"),
            };
            let refused = reason.contains(expected);
            println!("{}   A wrong file is refused: {reason}", verdict(refused));
            right &= refused;
        }
        right
    }

    /// What came of the edited file, if it was edited.
    fn edited(&mut self) -> Option<Event> {
        self.look().into_iter().find(|event| !matches!(event, Event::Audit(_)))
    }
}

/// Runs a command; an error is what it did instead of what the step says.
fn attempt(step: &Step, docker: Option<&str>, state: &Path) -> Result<(), String> {
    let mut command = Command::new("sh");
    // Credentials stay in the folder of this check, and no proxy stands between.
    command
        .args(["-c", &step.line])
        .env("HOME", state)
        .env("DOCKER_CONFIG", state.join("docker"));
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    if let Some(host) = docker {
        command.env("DOCKER_HOST", host);
    }
    let ran = run(&command, LIMIT);
    let (ended, text) = match step.expected {
        Expected::Works(text) => (ran.succeeded(), text),
        Expected::Fails(text) => (ran.status.is_some_and(|status| !status.success()), text),
    };
    if ended && ran.output().contains(text) {
        Ok(())
    } else {
        Err(ran.report())
    }
}

/// Says what a step did, and whether that was right.
fn told(step: &Step, outcome: &Result<(), String>) -> bool {
    println!("{}   {}: {}", verdict(outcome.is_ok()), step.topic.title(), step.says);
    if let Err(report) = outcome {
        println!(
            "        expected {:?}\n        {}",
            step.expected,
            report.trim_end().replace('\n', "\n        ")
        );
    }
    outcome.is_ok()
}

fn verdict(right: bool) -> &'static str {
    if right { "ok   " } else { "WRONG" }
}
