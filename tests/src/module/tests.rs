//! The host's own rules, on modules small enough to be written as text.

use serde_json::json;

use super::{Call, Clusters, Code, Fault, Level, Module, Outcome, Request, Settings};

mod sign;

const IMPORTS: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $select (param i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_get_status" (func $status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call"
    (func $http (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_nonsense" (func $nonsense (result i32)))
  (import "env" "proxy_send_local_response" (func $local (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
"#;

/// Address 64 and 68 take what a call gives, 100 and up what the test reads as the reply's body.
const COMMON: &str = r#"
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 4096))
  (data (i32.const 0) "key")
  (data (i32.const 8) "x-a")
  (data (i32.const 16) "request\00total_size")
  (data (i32.const 40) "metric")
  (data (i32.const 48) "not today")
  (func (export "malloc") (param i32) (result i32)
    global.get $free
    (global.set $free (i32.add (global.get $free) (local.get 0))))
  (func $reply (param $status i32) (param $body i32) (param $size i32)
    (drop (call $local (local.get $status) (i32.const 0) (i32.const 0) (local.get $body) (local.get $size)
      (i32.const 0) (i32.const 0) (i32.const -1))))
"#;

fn module(functions: &str) -> Settings {
    let text = format!("(module {IMPORTS} {COMMON} {functions})");
    Module::with(json!({})).code(Code::compile(text.as_bytes()))
}

/// A module whose header callback does `work` and holds the request.
fn on_headers(work: &str) -> Module {
    let callback =
        format!("(func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32) {work} (i32.const 1))");
    module(&callback).start().unwrap()
}

const COMPARE_AND_SWAP: &str = r"
  (i32.store8 (i32.const 100) (call $get (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 68) (i32.const 72)))
  (i32.store8 (i32.const 101) (call $set (i32.const 0) (i32.const 3) (i32.const 8) (i32.const 3) (i32.const 7777)))
  (i32.store8 (i32.const 102) (call $get (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 68) (i32.const 72)))
  (i32.store8 (i32.const 103)
    (call $set (i32.const 0) (i32.const 3) (i32.const 8) (i32.const 3)
      (i32.add (i32.load (i32.const 72)) (i32.const 1))))
  (i32.store8 (i32.const 104)
    (call $set (i32.const 0) (i32.const 3) (i32.const 8) (i32.const 3) (i32.load (i32.const 72))))
  (i32.store8 (i32.const 105)
    (call $set (i32.const 0) (i32.const 3) (i32.const 8) (i32.const 3) (i32.load (i32.const 72))))
  (call $reply (i32.const 200) (i32.const 100) (i32.const 6))";

#[test]
fn a_set_that_creates_a_key_compares_nothing_and_a_later_one_does() {
    let mut module = on_headers(COMPARE_AND_SWAP);
    assert_eq!(module.get("/").send().body, [1, 0, 0, 8, 0, 8]);
    assert_eq!(module.shared_keys(), ["key"]);
}

#[test]
fn workers_see_each_others_shared_data() {
    let mut module = on_headers(COMPARE_AND_SWAP);
    let mut worker = module.worker();
    module.get("/").send();
    assert_eq!(worker.get("/").send().body, [0, 8, 0, 8, 0, 8]);
}

#[test]
fn an_import_nobody_implements_traps_with_its_name_and_ends_the_vm() {
    let mut module = on_headers("(drop (call $nonsense))");
    assert_eq!(module.get("/").send().status, 503);
    assert_eq!(module.get("/").send().details, "wasm_fail_stream");
    let [Fault::Trap { during, text }] = module.faults() else {
        panic!("{:?}", module.faults())
    };
    assert_eq!(during, "proxy_on_request_headers");
    assert!(text.contains("proxy_nonsense"), "{text}");
}

#[test]
fn a_call_before_the_first_context_traps() {
    let refused = module("(func (export \"_initialize\") (drop (call $tick (i32.const 5))))")
        .start()
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("`proxy_set_tick_period_milliseconds` is not allowed"),
        "{refused}"
    );
}

#[test]
fn a_second_reply_is_a_fault_and_the_first_is_sent() {
    let mut module = on_headers(
        "(call $reply (i32.const 401) (i32.const 0) (i32.const 0))
        (call $reply (i32.const 200) (i32.const 0) (i32.const 0))",
    );
    assert_eq!(module.get("/").send().status, 401);
    assert!(matches!(module.faults(), [Fault::SecondReply { status: 200, .. }]));
}

#[test]
fn what_follows_a_failed_selection_is_a_fault_and_acts_on_the_stream_before() {
    let mut module = on_headers(
        "(i32.store8 (i32.const 100) (call $select (i32.const 99)))
        (call $reply (i32.const 200) (i32.const 100) (i32.const 1))",
    );
    assert_eq!(module.get("/").send().body, [2]);
    assert!(matches!(
        module.faults(),
        [Fault::SelectionFailed {
            call: "proxy_send_local_response",
            ..
        }]
    ));
}

#[test]
fn a_reply_from_the_tick_without_a_selection_is_a_fault() {
    let functions = r#"
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $tick (i32.const 500))) (i32.const 1))
      (func (export "proxy_on_tick") (param i32) (call $reply (i32.const 200) (i32.const 0) (i32.const 0)))"#;
    let mut module = module(functions).start().unwrap();
    assert_eq!(module.tick_period().unwrap().as_millis(), 500);
    module.tick();
    assert_eq!(
        module.faults(),
        [Fault::NoStream {
            call: "proxy_send_local_response"
        }]
    );
}

#[test]
#[should_panic(expected = "nobody asked for these faults")]
fn a_fault_nobody_asked_for_fails_the_test() {
    let mut module = on_headers("(drop (call $nonsense))");
    module.open(Request::get("/"));
}

#[test]
fn a_header_value_is_that_of_its_first_line_and_the_pairs_are_all() {
    let value = "(drop (call $header (i32.const 0) (i32.const 8) (i32.const 3) (i32.const 64) (i32.const 68)))
      (call $reply (i32.const 200) (i32.load (i32.const 64)) (i32.load (i32.const 68)))";
    let pairs = "(drop (call $pairs (i32.const 0) (i32.const 64) (i32.const 68)))
      (call $reply (i32.const 200) (i32.load (i32.const 64)) (i32.load (i32.const 68)))";
    let ask = |call: Call| call.header("x-a", "one").header("X-A", b"\xff two").send().body;
    assert_eq!(ask(on_headers(value).get("/")), b"one");
    let all = super::wire::unpair(&ask(on_headers(pairs).get("/"))).unwrap();
    let lines: Vec<&[u8]> = all
        .iter()
        .filter(|(name, _)| name == "x-a")
        .map(|(_, value)| value.as_slice())
        .collect();
    assert_eq!(lines, [b"one".as_slice(), b"\xff two"]);
}

const ANSWER_BODY: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (if (local.get 2) (then
      (drop (call $buffer (i32.const 0) (i32.const 0) (local.get 1) (i32.const 64) (i32.const 68)))
      (call $reply (i32.const 200) (i32.load (i32.const 64)) (i32.load (i32.const 68)))))
    (i32.const 1))"#;

#[test]
fn a_held_body_is_gathered_until_it_ends() {
    let mut module = module(ANSWER_BODY).start().unwrap();
    let stream = module.open(Request::post("/token"));
    module.body(stream, "grant_type=", false);
    assert_eq!(module.outcome(stream), Outcome::Paused);
    module.body(stream, "password", true);
    assert_eq!(module.reply(stream).text(), "grant_type=password");
    assert_eq!(module.open_streams(), 0);
}

#[test]
fn without_stop_iteration_no_body_arrives() {
    let mut module = module(ANSWER_BODY).without_stop_iteration().start().unwrap();
    let stream = module.open(Request::post("/token").form("grant_type=password"));
    assert_eq!(module.outcome(stream), Outcome::Paused);
    module.drop_stream(stream);
    assert_eq!((module.outcome(stream), module.open_streams()), (Outcome::Gone, 0));
}

#[test]
fn a_body_over_the_buffer_limit_is_answered_by_the_proxy() {
    let mut module = module(ANSWER_BODY).start().unwrap();
    let stream = module.open(Request::post("/token"));
    module.body(stream, vec![b'a'; 1024 * 1024], false);
    module.body(stream, b"a", false);
    assert_eq!(module.reply(stream).status, 413);
}

#[test]
fn the_total_size_grows_with_the_body_and_can_be_set() {
    let ask = "(drop (call $property (i32.const 16) (i32.const 18) (i32.const 64) (i32.const 68)))
      (call $reply (i32.const 200) (i32.load (i32.const 64)) (i32.load (i32.const 68)))";
    let functions = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $tick (i32.const 1))) (i32.const 1))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) (drop (call $select (i32.const 2))) {ask})"#
    );
    let size = |set: Option<u64>| {
        let mut module = module(&functions).without_stop_iteration().start().unwrap();
        let stream = module.open(Request::post("/token"));
        let headers = module.vm.host().stream(stream.0).unwrap().total_size;
        module.body(stream, b"12345", false);
        if let Some(bytes) = set {
            module.set_total_size(stream, bytes);
        }
        module.tick();
        (
            headers,
            u64::from_le_bytes(module.reply(stream).body.try_into().unwrap()),
        )
    };
    let (headers, with_body) = size(None);
    assert_eq!(with_body, headers + 5);
    assert_eq!(size(Some(9)).1, 9);
}

const REFUSES_LONG: &str = r#"
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define (i32.const 0) (i32.const 40) (i32.const 6) (i32.const 72)))
    (drop (call $increment (i32.load (i32.const 72)) (i64.const 1)))
    (if (i32.gt_u (local.get 1) (i32.const 9)) (then
      (drop (call $log (i32.const 4) (i32.const 48) (i32.const 9)))
      (return (i32.const 0))))
    (i32.const 1))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eqz (local.get 2)) (then (return (i32.const 1))))
    (i32.store8 (i32.const 100) (local.get 0))
    (call $reply (i32.const 200) (i32.const 100) (i32.const 1))
    (i32.const 1))"#;

#[test]
fn a_refused_configuration_is_tried_once_in_a_vm_of_its_own_and_the_old_one_serves_on() {
    let mut module = module(REFUSES_LONG).start().unwrap();
    let canary_and_worker = 2;
    assert_eq!(module.counter("metric"), canary_and_worker);
    for _ in 0..2 {
        let refused = module.reconfigure(json!({ "too": "long" })).unwrap_err();
        assert_eq!(refused.text(), "not today\n");
        assert_eq!(refused.logs[0].level, Level::Error);
    }
    assert_eq!(module.counter("metric"), canary_and_worker + 1);
    assert_eq!(module.logs(), []);
    assert_eq!(module.get("/").send().status, 200);
}

#[test]
fn an_old_configuration_ends_with_its_last_stream() {
    let mut module = module(REFUSES_LONG).start().unwrap();
    let held = module.open(Request::post("/"));
    module.reconfigure(json!([1])).unwrap();
    assert_eq!(module.vm.host().contexts.len(), 3, "both roots and the stream");
    module.drop_stream(held);
    assert_eq!(module.vm.host().contexts.len(), 1, "the root in force");
    assert_eq!(module.get("/").send().status, 200);
}

/// Asks cluster `key`, then replies with what the call's start answered, or its status and number of header lines.
fn asks() -> Settings {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let head = [
        header(":method", "GET"),
        header(":path", "/v1/config"),
        header(":authority", "key"),
    ];
    let head = super::wire::pairs(&head);
    let data = head
        .iter()
        .fold(String::new(), |data, byte| format!("{data}\\{byte:02x}"));
    module(&format!(
        r#"(data (i32.const 512) "{data}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local i32)
          (local.set 3 (call $http (i32.const 0) (i32.const 3) (i32.const 512) (i32.const {size})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 64)))
          (if (local.get 3) (then (call $reply (i32.add (i32.const 500) (local.get 3)) (i32.const 0) (i32.const 0))))
          (i32.const 1))
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
          (drop (call $status (i32.const 100) (i32.const 64) (i32.const 68)))
          (i32.store8 (i32.const 101) (local.get 2))
          (if (i32.eqz (call $select (i32.const 2)))
            (then (call $reply (i32.const 200) (i32.const 100) (i32.const 2)))))"#,
        size = head.len()
    ))
}

#[test]
fn a_callout_is_answered_or_fails_without_headers() {
    let broken_connection = 11;
    for (fails, told) in [(false, [0, 2]), (true, [broken_connection, 0])] {
        let mut module = asks().start().unwrap();
        let stream = module.get("/").open();
        let [callout] = &module.callouts()[..] else {
            panic!("{:?}", module.callouts())
        };
        assert_eq!(
            (callout.cluster.as_str(), callout.path().as_str()),
            ("key", "/v1/config")
        );
        if fails {
            module.fail(callout.id);
        } else {
            module.answer(callout.id, 200, &[("etag", "1")], "");
        }
        assert_eq!(module.reply(stream).body, told);
    }
}

#[test]
fn a_client_that_left_cancels_no_callout_and_cannot_be_selected() {
    let mut module = asks().start().unwrap();
    let stream = module.get("/").open();
    module.drop_stream(stream);
    module.answer(module.callouts()[0].id, 200, &[], "");
    assert_eq!(module.outcome(stream), Outcome::Gone);
}

#[test]
fn a_cluster_without_a_host_or_without_a_name_refuses_at_once() {
    for (clusters, status) in [(Clusters::Empty, 510), (Clusters::Missing, 502)] {
        let mut module = asks().start().unwrap();
        module.set_clusters(clusters);
        assert_eq!(module.get("/").send().status, status);
        assert!(module.callouts().is_empty());
    }
}

#[test]
fn a_request_let_go_on_takes_its_headers_along() {
    let mut module = on_headers("(drop (call $continue (i32.const 0)))");
    let forwarded = module.get("/v2/").header("X-A", "one").pass();
    assert_eq!(
        (forwarded.header(":path"), forwarded.header("x-a")),
        (Some("/v2/"), Some("one"))
    );
}

#[test]
fn a_struct_is_serialized_as_protobuf_does() {
    let bytes = super::wire::as_struct(&json!({ "a": [true, null], "b": "x" }));
    assert_eq!(
        bytes,
        b"\x0a\x0f\x0a\x01a\x12\x0a\x32\x08\x0a\x02\x20\x01\x0a\x02\x08\x00\x0a\x08\x0a\x01b\x12\x03\x1a\x01x"
    );
}
