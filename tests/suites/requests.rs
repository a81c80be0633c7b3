//! One corpus of requests, every server that answers them, and one answer: the filter in Envoy, the sidecar's own token
//! endpoint, and the sidecar behind Envoy where a POST is routed to it.

use registry_auth_tests::envoy::{Envoy, EnvoyRelease};
use registry_auth_tests::requests::{self, Case, canonical};
use registry_auth_tests::sidecar::Sidecar;
use serde_json::{Value, json};

/// A server, and what it answered to each case.
struct Asked {
    server: String,
    /// `None` where the connection was closed.
    answers: Vec<Option<String>>,
}

/// Everything that is wrong, case by case.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    /// Asks the server on this port all of them, and notes what is not as promised.
    fn ask(&mut self, server: &str, port: u16, cases: &[Case]) -> Asked {
        let answers = cases.iter().map(|case| {
            let Some(answer) = case.send(port) else {
                self.note(server, case, &["no answer".to_owned()], "");
                return None;
            };
            let text = canonical(&answer);
            let faults = case.faults(&answer);
            if !faults.is_empty() {
                self.note(server, case, &faults, &text);
            }
            Some(text)
        });
        Asked {
            answers: answers.collect(),
            server: server.to_owned(),
        }
    }

    /// Notes where the two answered differently.
    fn compare(&mut self, one: &Asked, other: &Asked, cases: &[Case]) {
        for ((case, one_answer), other_answer) in cases.iter().zip(&one.answers).zip(&other.answers) {
            if one_answer != other_answer {
                let shown = |answer: &Option<String>| answer.clone().unwrap_or_else(|| "no answer".to_owned());
                self.note(
                    &format!("{} and {}", one.server, other.server),
                    case,
                    &["the answers differ".to_owned()],
                    &format!("{}\n{}", shown(one_answer), shown(other_answer)),
                );
            }
        }
    }

    fn note(&mut self, server: &str, case: &Case, faults: &[String], answer: &str) {
        let Case {
            file, name, request, ..
        } = case;
        let request: String = request.chars().take(300).collect();
        let answer: Vec<String> = answer.lines().map(|line| format!("\n    {line:.300}")).collect();
        self.0.push(format!(
            "{server}: {file}: {name}\n  {request}\n  {}{}",
            faults.join("\n  "),
            answer.concat()
        ));
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(
            self.0.is_empty(),
            "{} findings\n\n{}",
            self.0.len(),
            self.0.join("\n\n")
        );
    }
}

#[test]
fn the_filter_answers_every_request_as_the_protocol_says() {
    let cases = requests::all();
    let mut findings = Findings::default();
    let [oldest, newest] = EnvoyRelease::ENDS.map(|release| {
        let envoy = Envoy::standalone(&requests::site()).release(release).start();
        findings.ask(&format!("the filter in {release:?}"), envoy.port(), &cases)
    });
    findings.compare(&oldest, &newest, &cases);
    findings.assert_none();
}

#[test]
fn the_sidecar_answers_every_request_as_the_filter_does() {
    let cases = requests::all();
    let mut findings = Findings::default();
    let envoy = Envoy::standalone(&requests::site()).start();
    let filter = findings.ask("the filter", envoy.port(), &cases);
    drop(envoy);
    let sidecar = Sidecar::serve(&requests::site());
    let by_itself = findings.ask("the sidecar", sidecar.port(), &cases);
    findings.compare(&filter, &by_itself, &cases);
    drop(sidecar);

    let sidecar = Sidecar::serve(&behind_a_proxy(requests::site()));
    let envoy = Envoy::standalone(&requests::site())
        .request_body("route")
        .registry(sidecar.port())
        .start();
    let routed = findings.ask("Envoy with POST routed to the sidecar", envoy.port(), &cases);
    findings.compare(&filter, &routed, &cases);
    let posts = cases.iter().filter(|case| case.method() == "POST").count();
    assert!(posts >= 100, "only {posts} requests could be routed");
    findings.assert_none();
}

/// The configuration for a sidecar that Envoy stands in front of: a client's address is what Envoy says. Of a client on
/// loopback it tells the machine's own address, whatever that is.
#[track_caller]
fn behind_a_proxy(mut site: Value) -> Value {
    site["server"]["trusted_proxies"] = json!(["127.0.0.1/32"]);
    let rules = site["acl"].as_array_mut().expect("the site has rules");
    let of_loopback = rules.iter_mut().find(|rule| rule["match"]["ip"] == "127.0.0.0/8");
    of_loopback.expect("the site has a rule for loopback")["match"]["ip"] = "0.0.0.0/0".into();
    site
}

#[test]
fn the_corpus_is_several_hundred_requests_with_a_promise_each() {
    let cases = requests::all();
    assert!(cases.len() >= 300, "only {} cases", cases.len());
    let mut names: Vec<_> = cases.iter().map(|case| (&case.file, &case.name)).collect();
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "a name says what one case promises: {twice:?}");
}
