//! What the program never says, and what may sit in its place: no answer is a yes.

use registry_auth_tests::sidecar::{Answers, Call};

use crate::*;

/// More than anybody reads.
const TOO_MUCH: usize = 50 << 20;

const YES: &str = r#"{"decided":{"identity":{"account":"truncated","proof":"password","backend":"ext_auth"},"grants":[{"actions":["pull"],"because":{"backend":"ext_authz"}}]}}"#;

fn ok(body: &str) -> Answers {
    Answers::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn status(line: &str) -> Answers {
    Answers::Bytes(format!("HTTP/1.1 {line}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes())
}

/// Each with a name that the accounts begin with, in groups that are asked about at once.
fn odd_answers() -> [Vec<(&'static str, Answers)>; 4] {
    let cut_off = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", YES.len(), &YES[..40]);
    [
        vec![
            (
                "no-content",
                Answers::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            ),
            ("html", ok("<html><body>It works!</body></html>")),
            ("truncated", ok(&YES[..YES.len() - 20])),
            ("cut-off", Answers::Bytes(cut_off.into_bytes())),
        ],
        vec![
            ("empty", ok("")),
            ("other-json", ok("{\"decided\": true}")),
            ("no-http", Answers::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())),
            ("closing", Answers::Closing),
        ],
        vec![
            ("silent", Answers::Later),
            (
                "redirected",
                Answers::Bytes(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".to_vec()),
            ),
            ("unauthorized", status("401 Unauthorized")),
            ("teapot", status("418 I'm a teapot")),
        ],
        vec![("too-much", Answers::Spaces(TOO_MUCH))],
    ]
}

struct Target {
    _folder: tempfile::TempDir,
    stand_in: StandIn,
    proxy: Proxy,
}

impl Target {
    #[track_caller]
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let socket = folder.path().join("filter.sock");
        let stand_in = StandIn::start(&socket, &config(), 1_700_000_000_000);
        let proxy = Proxy::start(Envoy::managed(&socket).http1_to_the_program());
        Self {
            _folder: folder,
            stand_in,
            proxy,
        }
    }

    #[track_caller]
    fn assert_next_is_answered(&mut self, after: &str) {
        let account = fresh("next", 1).remove(0);
        let answer = ask_rightly(&self.proxy.envoy, &account);
        assert_granted(&answer, &account, &json!({"blue/app": ["pull"]}), after);
        self.proxy.assert_at_rest(after);
    }
}

#[test]
fn an_odd_answer_to_a_question_is_no_answer() {
    let mut target = Target::start();
    target.assert_next_is_answered("the start");
    for group in odd_answers() {
        for (name, answers) in &group {
            target.stand_in.answer_about(name, answers.clone());
        }
        for _ in 0..requests() / 50 {
            let accounts: Vec<_> = group.iter().flat_map(|(name, _)| fresh(name, 50)).collect();
            let sent: Vec<_> = accounts.iter().map(|account| get_rightly(account)).collect();
            let connections = send_all(target.proxy.port(), &sent);
            assert_granted(
                &ask_as_ada(&target.proxy.envoy),
                "ada",
                &json!({"ada/app": ["push"]}),
                "meanwhile",
            );
            for (mut connection, account) in connections.into_iter().zip(&accounts) {
                let answer = connection.answer().unwrap_or_else(|| panic!("{account}: no answer"));
                assert_eq!(answer.status, 503, "{account}: {answer:?} {}", answer.text());
                assert_error(&answer, 503, "UNAVAILABLE");
            }
        }
        target.assert_next_is_answered(group[0].0);
    }
}

#[test]
fn an_odd_answer_in_place_of_a_configuration_changes_nothing() {
    let mut target = Target::start();
    let odd = odd_answers()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "silent");
    for (round, (name, answers)) in odd.enumerate() {
        let before = target.stand_in.asked(Call::Config);
        target.stand_in.answer(Call::Config, answers);
        // By the worker and by Envoy's main thread, each twice.
        target.stand_in.wait_until_asked(Call::Config, before + 4);
        target.assert_next_is_answered(name);
        let mut config = config();
        config["users"]["added"] = json!({"password": keys::ADA_SECRET_SHA256});
        config["token"]["expiration"] = json!(1_000 + round);
        target.stand_in.configure(&config, 1_700_000_000_001 + round as u64);
        target.stand_in.answer(Call::Config, Answers::Rightly);
        target
            .proxy
            .envoy
            .wait_until(&format!("the next configuration after {name}"), |envoy| {
                let answer = ask(envoy, "added", "ada-secret", "repository:public/app:pull");
                (answer.status == 200 && answer.json()["expires_in"] == 1_000 + round).then_some(())
            });
    }
}

#[test]
fn what_a_configuration_says_beyond_this_release_is_not_passed_over() {
    let mut target = Target::start();
    let newer = StandIn::body(&config(), 1_800_000_000_000);
    let (head, rest) = newer.split_once('\n').expect("a configuration has lines");
    let mut head: Value = serde_json::from_str(head).expect("the head is JSON");
    head["etag"] = json!("0123456789abcdef");
    head["release"] = json!("9.8.7");
    let rest = rest.replacen("{\"match\":{", "{\"match\":{\"weekday\":\"monday\",", 1);
    assert!(rest.contains("weekday"), "{rest}");
    target.stand_in.answer(Call::Config, ok(&format!("{head}\n{rest}")));
    let log = target.proxy.envoy.wait_until("it is refused", |envoy| {
        let log = envoy.log();
        let line = log.lines().find(|line| line.contains("weekday"))?;
        Some(line.to_owned())
    });
    assert!(log.contains("9.8.7"), "the release that knows it is named: {log}");
    assert_granted(
        &ask_as_ada(&target.proxy.envoy),
        "ada",
        &json!({"ada/app": ["push"]}),
        "a newer one",
    );
}
