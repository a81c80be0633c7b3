//! Load by wrk: one thread, sixteen connections, as fast as Envoy answers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::parts;
use crate::process::run;

/// What a client asks, again and again.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) url: String,
    /// The value of `Authorization`.
    pub(super) authorization: Option<String>,
    /// A program for wrk, in Lua, that makes each request another one.
    pub(super) script: Option<String>,
}

/// Requests a second over so many seconds. Panics if an answer is none of 200.
#[track_caller]
pub(super) fn requests_per_second(question: &Question, seconds: u64, folder: &Path) -> f64 {
    let mut wrk = Command::new(parts::system("wrk"));
    wrk.args(["-t1", "-c16", &format!("-d{seconds}s")]);
    if let Some(authorization) = &question.authorization {
        wrk.args(["-H", &format!("Authorization: {authorization}")]);
    }
    if let Some(script) = &question.script {
        let file = folder.join("wrk.lua");
        fs::write(&file, script).expect("a file in a temporary folder can be written");
        wrk.arg("-s").arg(file);
    }
    let ran = run(wrk.arg(&question.url), Duration::from_secs(seconds + 30)).ok();
    assert!(
        !ran.stdout.contains("Non-2xx") && !ran.stdout.contains("Socket errors"),
        "not every request was answered: {}",
        ran.stdout
    );
    let rate = ran.stdout.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.and_then(|text| text.trim().parse().ok())
        .unwrap_or_else(|| panic!("wrk told no rate: {}", ran.stdout))
}
