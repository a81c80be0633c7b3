//! Load by wrk: one thread, sixteen connections, as fast as Envoy answers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::parts;
use crate::process::{on_core, run};

/// How long each is measured at a time; twice in all, in turns, and the better one counts.
pub(super) const SECONDS: u64 = 4;

/// What a client asks, again and again.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) url: String,
    /// The value of `Authorization`.
    pub(super) authorization: Option<String>,
    /// A program for wrk, in Lua, that makes each request another one.
    pub(super) script: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers {
    pub(super) count: u64,
    pub(super) per_second: f64,
}

/// Accounts that ask in turn, each for what is below its home.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accounts {
    /// Before `-` and the account's number.
    pub(super) prefix: &'static str,
    /// Of each of them.
    pub(super) password: &'static str,
    /// The number in the repository's name: which rule grants it.
    pub(super) home: usize,
    pub(super) count: usize,
}

impl Question {
    /// The same again and again.
    pub(super) fn new(url: String, authorization: Option<String>) -> Self {
        Self {
            url,
            authorization,
            script: None,
        }
    }
}

/// Requests a second over so many seconds. Panics if an answer is none of 200.
#[track_caller]
pub(super) fn requests_per_second(question: &Question, seconds: u64, folder: &Path) -> f64 {
    ask(Command::new(parts::system("wrk")), question, seconds, folder).per_second
}

/// The same from this core.
#[track_caller]
pub(super) fn ask_from_core(core: u32, question: &Question, seconds: u64, folder: &Path) -> Answers {
    ask(on_core(core, parts::system("wrk")), question, seconds, folder)
}

/// The best of two rates of each, from this core and in turns.
#[track_caller]
pub(super) fn best_rates<const N: usize>(core: u32, questions: &[(&str, Question); N], folder: &Path) -> [f64; N] {
    let mut best = [0.0_f64; N];
    for _ in 0..2 {
        for ((name, question), best) in questions.iter().zip(&mut best) {
            let rate = ask_from_core(core, question, SECONDS, folder).per_second;
            println!("{name:28} {rate:>9.0}/s");
            *best = best.max(rate);
        }
    }
    best
}

#[track_caller]
fn ask(mut wrk: Command, question: &Question, seconds: u64, folder: &Path) -> Answers {
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
    answers(&ran.stdout).unwrap_or_else(|| panic!("wrk told no rate: {}", ran.stdout))
}

/// What wrk says.
fn answers(text: &str) -> Option<Answers> {
    let count = text.lines().find_map(|line| line.split_once(" requests in "));
    let per_second = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Some(Answers {
        count: count?.0.trim().parse().ok()?,
        per_second: per_second?.trim().parse().ok()?,
    })
}

impl Accounts {
    /// A wrk program that asks for each account once, and from the beginning when all have asked.
    pub(super) fn script(&self) -> String {
        self.script_with("")
    }

    /// The same, each account from another address, as a proxy in front tells it.
    pub(super) fn script_of_clients(&self) -> String {
        self.script_with("headers['X-Forwarded-For'] = ('10.0.%d.%d'):format(math.floor(i / 256), i % 256)")
    }

    /// Each request with what these lines add to `headers`.
    fn script_with(&self, more: &str) -> String {
        let Self {
            prefix,
            password,
            home,
            count,
        } = self;
        format!(
            r"
local alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
local function base64(text)
  local bits = text:gsub('.', function(c)
    local byte, out = c:byte(), ''
    for i = 7, 0, -1 do out = out .. (math.floor(byte / 2 ^ i) % 2) end
    return out
  end) .. '0000'
  return (bits:gsub('%d%d%d?%d?%d?%d?', function(six)
    if #six < 6 then return '' end
    return alphabet:sub(tonumber(six, 2) + 1, tonumber(six, 2) + 1)
  end)) .. ({{ '', '==', '=' }})[#text % 3 + 1]
end
local path = '/token?service=registry&scope=repository:home-{home}/%s/app:pull'
local requests, number = {{}}, 0
function init()
  for i = 0, {count} - 1 do
    local name = '{prefix}-' .. i
    local headers = {{ Host = 'x', Authorization = 'Basic ' .. base64(name .. ':{password}') }}
    {more}
    requests[i] = wrk.format('GET', path:format(name), headers)
  end
end
function request()
  local this = requests[number]
  number = (number + 1) % {count}
  return this
end
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let text =
            "Running 4s test\n  93921 requests in 4.00s, 103.09MB read\nRequests/sec:  23478.76\nTransfer/sec:  1MB\n";
        let answers = answers(text).unwrap();
        assert_eq!(answers.count, 93_921);
        assert!((answers.per_second - 23_478.76).abs() < 1e-9);
    }
}
