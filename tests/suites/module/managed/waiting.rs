use super::*;

const FORM: &str = "grant_type=password&username=ada&password=ada-secret&service=registry";

#[test]
fn requests_wait_for_the_first_configuration() {
    let mut module = started();
    let token = held(&mut module, Request::get("/token?service=r").basic("ada", "ada-secret"));
    let passes = held(&mut module, Request::get("/v2/"));
    let wrong = held(&mut module, Request::get("/token?service=r").basic("ada", "wrong"));
    assert_eq!(module.counter("registry_auth.waiting"), 3);
    let call = fetch(&mut module);
    after(&mut module, seconds(2));
    module.answer(call.id, 200, &[], written(&config(), NOTHING, FIRST).body);
    module.tick();
    assert_eq!(claims(&module.reply(token))["sub"], "ada");
    assert_eq!(module.outcome(passes), Outcome::Continued);
    assert_eq!(module.reply(wrong).status, 401);
    module.drop_stream(passes);
    assert_at_rest(&mut module);
}

#[test]
fn after_three_seconds_without_one_they_are_503() {
    let mut module = started();
    let streams: Vec<Stream> = ["/token", "/v2/", "/"]
        .map(|path| held(&mut module, Request::get(path)))
        .into();
    after(&mut module, milliseconds(2_999));
    assert!(streams.iter().all(|stream| module.outcome(*stream) == Outcome::Paused));
    after(&mut module, milliseconds(1));
    for stream in streams {
        let reply = module.reply(stream);
        assert_error(&reply, 503, "UNAVAILABLE");
        assert!(reply.header("retry-after").is_some());
    }
    assert_at_rest(&mut module);
}

#[test]
fn a_form_may_come_before_the_configuration_or_after_it() {
    let mut module = started();
    let form = |module: &mut Module| {
        let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        held(module, request)
    };
    let streams: Vec<Stream> = (0..4).map(|_| form(&mut module)).collect();
    module.body(streams[0], FORM, true);
    module.body(streams[1], &FORM[..10], false);
    module.body(streams[2], vec![b'x'; 70_000], false);
    let call = fetch(&mut module);
    module.answer(call.id, 200, &[], written(&config(), NOTHING, FIRST).body);
    module.tick();
    assert_eq!(claims(&module.reply(streams[0]))["sub"], "ada");
    assert_eq!(module.outcome(streams[1]), Outcome::Paused);
    module.body(streams[1], &FORM[10..], true);
    assert_eq!(claims(&module.reply(streams[1]))["sub"], "ada");
    assert_error(&module.reply(streams[2]), 413, "UNSUPPORTED");
    module.body(streams[3], FORM, true);
    assert_eq!(claims(&module.reply(streams[3]))["sub"], "ada");
    assert_at_rest(&mut module);
}

#[test]
fn an_upload_that_came_too_early_goes_on_whole() {
    let mut module = started();
    let uploads = [
        Request::new("PATCH", "/v2/a/blobs/uploads/1"),
        Request::post("/v2/a/blobs/uploads/"),
    ];
    let streams = uploads.map(|request| held(&mut module, request));
    for stream in streams {
        for _ in 0..3 {
            module.body(stream, vec![b'x'; 200_000], false);
            assert_eq!(module.outcome(stream), Outcome::Paused);
        }
    }
    give(&mut module, &written(&config(), NOTHING, FIRST));
    for stream in streams {
        assert_eq!(module.outcome(stream), Outcome::Continued);
        module.body(stream, b"the end", true);
        module.upstream(stream, 202, &[], b"");
    }
    assert_at_rest(&mut module);
}

#[test]
fn where_bodies_do_not_arrive_a_form_that_came_too_early_is_404() {
    let mut module = settings(plugin()).without_stop_iteration().start().unwrap();
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let stream = held(&mut module, request);
    module.body(stream, FORM, true);
    give(&mut module, &written(&config(), NOTHING, FIRST));
    module.tick();
    assert_error(&module.reply(stream), 404, "UNSUPPORTED");
    assert_at_rest(&mut module);
}

#[test]
fn beyond_1024_that_wait_others_are_503_at_once() {
    let mut module = started();
    let streams: Vec<Stream> = (0..1_024).map(|_| held(&mut module, Request::get("/v2/"))).collect();
    assert_error(&module.get("/v2/").send(), 503, "UNAVAILABLE");
    module.drop_stream(streams[0]);
    held(&mut module, Request::get("/v2/"));
    give(&mut module, &written(&config(), NOTHING, FIRST));
    assert_eq!(module.outcome(streams[1]), Outcome::Continued);
    assert_eq!(module.counter("registry_auth.waiting"), 0);
}

/// A thousand wait while the program restarts; some leave, at every moment, and each of the others gets its own token.
#[test]
fn a_thousand_that_wait_each_get_their_own_token() {
    for without_configuration in [true, false] {
        let mut module = if without_configuration {
            started()
        } else {
            following(&config(), ALL)
        };
        if !without_configuration {
            module.set_clusters(registry_auth_tests::module::Clusters::Missing);
        }
        let mut streams: Vec<(String, Stream)> = Vec::new();
        for n in 0..1_000 {
            let account = format!("account-{n}");
            let stream = held(&mut module, sign_in(&account, "pw"));
            streams.push((account, stream));
        }
        let mut left = 0;
        let mut leave = |module: &mut Module, streams: &mut Vec<(String, Stream)>, every: usize| {
            let mut n = 0;
            streams.retain(|(_, stream)| {
                n += 1;
                let leaves = n % every == 0 && module.outcome(*stream) == Outcome::Paused;
                if leaves {
                    module.drop_stream(*stream);
                    left += 1;
                }
                !leaves
            });
        };
        leave(&mut module, &mut streams, 7);
        if without_configuration {
            give(&mut module, &written(&config(), ALL, FIRST));
        } else {
            module.set_clusters(registry_auth_tests::module::Clusters::Up);
        }
        for round in 0..100 {
            after(&mut module, milliseconds(20));
            leave(&mut module, &mut streams, 97);
            let open = questions(&module);
            for (n, call) in open.into_iter().enumerate() {
                // Out of order, some late, and one in ten by a connection that breaks.
                if (n + round) % 3 == 0 {
                    continue;
                }
                if (n + round) % 10 == 0 {
                    module.fail(call.id);
                    continue;
                }
                let account = call.json()["who"]["password"]["account"].as_str().unwrap().to_owned();
                answer(&mut module, &call, &decided(&account, &[&["pull"]]));
            }
        }
        assert!(left > 100, "{left}");
        let mut unanswered = 0;
        for (account, stream) in streams {
            match module.outcome(stream) {
                Outcome::Replied(reply) if reply.status == 200 => assert_eq!(claims(&reply)["sub"], account),
                other => {
                    unanswered += 1;
                    assert!(unanswered < 50, "{account}: {other:?}");
                }
            }
        }
        after(&mut module, seconds(10));
        for call in questions(&module) {
            module.fail(call.id);
        }
        assert_at_rest(&mut module);
    }
}
