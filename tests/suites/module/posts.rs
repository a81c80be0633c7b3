use std::time::Duration;

use registry_auth_tests::module::{Level, Module, Outcome, Request, Stream};

use crate::*;

const FORM: &str = "grant_type=password&username=ada&password=ada-secret&service=r";

fn form_post() -> Request {
    Request::post("/token").header("content-type", "application/x-www-form-urlencoded")
}

/// A POST whose headers are there.
fn opened(module: &mut Module) -> Stream {
    let stream = module.open(form_post());
    assert_eq!(module.outcome(stream), Outcome::Paused);
    stream
}

fn tick_after(module: &mut Module, duration: Duration) {
    module.advance(duration);
    module.tick();
}

#[test]
fn a_body_may_arrive_in_single_bytes() {
    let mut module = start(config());
    let stream = opened(&mut module);
    for byte in FORM.as_bytes() {
        module.body(stream, [*byte], false);
        assert_eq!(module.outcome(stream), Outcome::Paused);
    }
    module.body(stream, b"", true);
    assert_eq!(claims(&module.reply(stream))["sub"], "ada");
}

#[test]
fn a_body_may_take_its_time_but_not_for_ever() {
    let mut module = start(config());
    let stream = opened(&mut module);
    module.body(stream, &FORM[..10], false);
    tick_after(&mut module, Duration::from_millis(9_900));
    assert_eq!(module.outcome(stream), Outcome::Paused);
    module.body(stream, &FORM[10..], true);
    assert_eq!(module.reply(stream).status, 200);

    let slow = opened(&mut module);
    tick_after(&mut module, Duration::from_secs(10));
    assert_error(&module.reply(slow), 408, "TIMEOUT");
    module.body(slow, FORM, true); // too late: the one reply was sent
}

#[test]
fn a_body_above_64_kib_is_413_before_it_ends() {
    let mut module = start(config());
    let stream = opened(&mut module);
    module.body(stream, vec![b'x'; 64 * 1024], false);
    assert_eq!(module.outcome(stream), Outcome::Paused);
    module.body(stream, b"x", false);
    assert_error(&module.reply(stream), 413, "UNSUPPORTED");
}

#[test]
fn a_body_that_is_no_form_is_415_before_it_is_read() {
    let mut module = start(config());
    let stream = module.open(Request::post("/token").header("content-type", "multipart/form-data; boundary=x"));
    assert_error(&module.reply(stream), 415, "UNSUPPORTED");
}

#[test]
fn where_bodies_do_not_arrive_a_post_is_404_and_the_log_says_what_to_set() {
    let mut module = settings(config()).without_stop_iteration().start().unwrap();
    let stream = opened(&mut module);
    tick_after(&mut module, Duration::from_millis(100));
    assert_eq!(
        module.outcome(stream),
        Outcome::Paused,
        "nothing was sent yet, which proves nothing"
    );
    module.body(stream, FORM, true);
    assert_eq!(
        module.outcome(stream),
        Outcome::Paused,
        "the body does not reach the filter"
    );
    tick_after(&mut module, Duration::from_millis(100));
    assert_error(&module.reply(stream), 404, "UNSUPPORTED");
    let warnings = |module: &Module| module.logs().iter().filter(|log| log.level == Level::Warn).count();
    assert_eq!(warnings(&module), 1);
    assert!(
        module
            .logs()
            .iter()
            .any(|log| log.text.contains("allow_on_headers_stop_iteration: true"))
    );

    let next = module.open(form_post());
    assert_error(&module.reply(next), 404, "UNSUPPORTED"); // at once, from now on
    assert_eq!(warnings(&module), 1, "said once");
    let empty = module.post("/token").send();
    assert_eq!(empty.status, 200, "a POST without a body needs none");
    assert_eq!(
        module.get("/token?service=r").basic("ada", "ada-secret").send().status,
        200
    );
}

#[test]
fn clients_that_send_no_body_teach_the_worker_nothing() {
    let mut module = start(config());
    let silent: Vec<Stream> = (0..100).map(|_| opened(&mut module)).collect();
    tick_after(&mut module, Duration::from_millis(100));
    let stream = opened(&mut module);
    module.body(stream, FORM, true);
    assert_eq!(module.reply(stream).status, 200);
    tick_after(&mut module, Duration::from_secs(10));
    // Few are ended in one callback: Envoy answers each within the one before.
    while module.tick_period() != Some(Duration::from_millis(100)) {
        module.tick();
    }
    for stream in silent {
        assert_error(&module.reply(stream), 408, "TIMEOUT");
    }
    assert_eq!(module.post("/token").form(FORM).send().status, 200);
}

#[test]
fn a_worker_that_had_a_body_never_learns_that_there_are_none() {
    let mut module = start(config());
    assert_eq!(module.post("/token").form(FORM).send().status, 200);
    let stream = opened(&mut module);
    module.set_total_size(stream, 100_000);
    tick_after(&mut module, Duration::from_millis(100));
    assert_eq!(module.outcome(stream), Outcome::Paused);
}

#[test]
fn a_client_that_leaves_is_forgotten() {
    let mut module = start(config());
    let streams: Vec<Stream> = (0..50).map(|_| opened(&mut module)).collect();
    for stream in streams {
        module.drop_stream(stream);
    }
    tick_after(&mut module, Duration::from_secs(20));
    assert_eq!(module.open_streams(), 0);
    assert!(module.faults().is_empty(), "{:?}", module.faults());
}

#[test]
fn with_request_body_route_a_post_passes_with_its_body() {
    let mut module = start(config_with("request_body", "route".into()));
    let stream = module.open(form_post());
    assert_eq!(module.outcome(stream), Outcome::Continued);
    module.body(stream, FORM, true);
    assert_eq!(module.outcome(stream), Outcome::Continued);
    assert_eq!(
        module.get("/token?service=r").send().status,
        200,
        "GET is answered all the same"
    );
}
