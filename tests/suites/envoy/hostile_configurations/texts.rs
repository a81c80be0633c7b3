//! Texts that are no configuration, and configurations that no registry has.

use super::{Given, Refused, patterns, sizes};
use crate::*;

pub(super) fn wrong() -> Vec<Refused> {
    [
        forms(),
        depths(),
        kinds(),
        numbers(),
        characters(),
        amounts(),
        patterns::wrong(),
        sizes::wrong(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is no configuration at all.
fn forms() -> Vec<Refused> {
    let text =
        |text: &str, faults: &[&str]| Refused::new(&format!("the text {text:?}"), Given::Text(text.to_owned()), faults);
    let bytes = |bytes: &[u8], faults: &[&str]| {
        Refused::new(&format!("the bytes {bytes:?}"), Given::Bytes(bytes.to_vec()), faults)
    };
    let none = "there is no configuration; set `configuration` of the plugin";
    let not_json = "the configuration is not JSON: line 1, column 1";
    let by_envoy = |yaml: &str| {
        let given = Given::Struct(yaml.to_owned());
        Refused::by_envoy(
            &format!("a Struct that is {yaml}"),
            given,
            "Unable to parse JSON as proto",
        )
    };
    vec![
        text("", &[none]),
        text(" \r\n\t ", &[none]),
        text("null", &["the configuration: must be a map, not nothing"]),
        text("true", &["the configuration: must be a map, not a truth value"]),
        text("7", &["the configuration: must be a map, not a number"]),
        text("\"{}\"", &["the configuration: must be a map, not a text"]),
        text("[]", &["the configuration: must be a map, not a list"]),
        text("[{}]", &["the configuration: must be a map, not a list"]),
        text("{}", &["users: is missing", "acl: is missing", "token: is missing"]),
        text("{", &[not_json]),
        text("{}}", &["the configuration is not JSON: line 1, column 3"]),
        text("{\"acl\": [],}", &["the configuration is not JSON: line 1, column 12"]),
        text("\u{feff}{}", &[not_json]),
        text("acl: []", &[not_json]),
        text("\0", &[not_json]),
        text("{\"acl\0\": []}", &["the configuration is not JSON: line 1, column 6"]),
        text(
            "{\"acl\\u0000\": []}",
            &["[\"acl\\0\"]: unknown key; did you mean `acl`?"],
        ),
        text(
            "{\"acl\": \"\\ud800\"}",
            &["the configuration is not JSON: line 1, column 16"],
        ),
        bytes(b"\xff\xfe{\0}\0", &[not_json]),
        bytes(
            b"{\"acl\": \"\xff\"}",
            &["the configuration is not JSON: line 1, column 10"],
        ),
        bytes(
            b"\x0a\xff\xff\xff\xff\x0f",
            &["the configuration is neither JSON nor a `google.protobuf.Struct`: the message is cut short"],
        ),
        bytes(&[0; 64], &[not_json]),
        Refused::new("an empty Struct", Given::Struct("{}".to_owned()), &[none]),
        by_envoy("[]"),
        by_envoy("7"),
        by_envoy("text"),
    ]
}

fn depths() -> Vec<Refused> {
    let nested =
        |open: &str, close: &str, depth| format!("{{\"acl\": {}1{}}}", open.repeat(depth), close.repeat(depth));
    let text = |name, text, fault| Refused::new(name, Given::Text(text), &[fault]);
    vec![
        text(
            "lists of 10,000 levels",
            nested("[", "]", 10_000),
            "the configuration is not JSON: line 1, column 1",
        ),
        text(
            "maps of 10,000 levels",
            nested("{\"a\":", "}", 10_000),
            "the configuration is not JSON: line 1, column ",
        ),
        text(
            "a million lists that are never closed",
            "[".repeat(1_000_000),
            "the configuration is not JSON: line 1, column 1",
        ),
        text(
            "lists of 100 levels",
            nested("[", "]", 100),
            "acl[0]: must be a map, not a list",
        ),
        Refused::new(
            "a Struct of 80 levels",
            Given::Struct(nested("[", "]", 80)),
            &["the configuration is neither JSON nor a `google.protobuf.Struct`: values are nested more than 64 deep"],
        ),
        Refused::by_envoy(
            "a Struct of 10,000 levels",
            Given::Struct(nested("[", "]", 10_000)),
            "yaml-cpp: error at line ",
        ),
    ]
}

/// A value of the wrong kind in each place.
fn kinds() -> Vec<Refused> {
    let sections = json!({
        "server": 7, "token": [], "users": "ada", "acl": {}, "acl_options": [], "services": "registry",
        "request_body": 7, "audit": {}, "cache": true, "throttle": true,
    });
    let inner = json!({
        "server": {"path_prefix": 7, "real_ip_header": [], "real_ip_pos": "last", "hosts": "a", "own_host": 1, "hsts": "yes"},
        "token": {"issuer": {}, "key": 7, "certificate": [], "expiration": "900", "key_header": "kid2", "disable_legacy_key_id": 0},
        "users": {"ada": [], "bob": {"password": 7}, "eve": {"password": null}, "zoe": {"labels": []}, "max": {"labels": {"a": "b"}}},
        "acl": [7, null, {"match": [], "actions": "*"}, {"match": {"account": 7, "ip": [], "name": null, "labels": "a"}, "actions": [7]}],
        "acl_options": {"double_star": 1},
        "services": [7, []],
        "request_body": "drop",
        "audit": "file",
        "cache": {"credentials_ttl": true, "tokens": "no"},
        "throttle": {"failures": "five", "window": {}, "hash_share": []},
    });
    let in_sections = [
        "server: must be a map, not a number",
        "token: must be a map, not a list",
        "users: must be a map, not a text",
        "acl: must be a list, not a map",
        "acl_options: must be a map, not a list",
        "services: must be a list, not a text",
        "request_body: must be a text, not a number; put it in quotes",
        "audit: must be a text, not a map",
        "cache: must be a map, not a truth value",
        "throttle: must be a map or `false`, not a truth value",
    ];
    let in_values = [
        "server.path_prefix: must be a text, not a number; put it in quotes",
        "server.real_ip_header: must be a text, not a list",
        "server.real_ip_pos: must be a whole number, not a text",
        "server.hosts: must be a list, not a text",
        "server.own_host: must be `true` or `false`, not a number",
        "server.hsts: must be `true` or `false`, not a text",
        "token.issuer: must be a text, not a map",
        "token.key: must be a text, not a number; put it in quotes",
        "token.certificate: must be a text, not a list",
        "token.expiration: must be whole seconds, or a span of time",
        "token.key_header: must be one of `x5c`, `kid`, not `kid2`",
        "token.disable_legacy_key_id: must be `true` or `false`, not a number",
        "users.ada: must be a map, not a list",
        "users.bob.password: must be a text, not a number; put it in quotes",
        "users.eve.password: is empty",
        "users.zoe.labels: must be a map, not a list",
        "users.max.labels.a: must be a list, not a text",
        "acl[0]: must be a map, not a number",
        "acl[1]: must be a map, not nothing",
        "acl[2].match: must be a map, not a list",
        "acl[2].actions: must be a list, not a text",
        "acl[3].match.account: must be a text, not a number; put it in quotes",
        "acl[3].match.ip: must be a text, not a list",
        "acl[3].match.name: is empty",
        "acl[3].match.labels: must be a map, not a text",
        "acl[3].actions[0]: must be a text, not a number; put it in quotes",
        "acl_options.double_star: must be `true` or `false`, not a number",
        "services[0]: must be a text, not a number; put it in quotes",
        "services[1]: must be a text, not a list",
        "request_body: must be one of `read`, `route`, not `drop`",
        "audit: must be one of `access_log`, `log`, `off`, not `file`",
        "cache.credentials_ttl: must be a span of time as `60s`, not a truth value",
        "cache.tokens: must be `true` or `false`, not a text",
        "throttle.failures: must be a whole number, not a text",
        "throttle.window: must be a span of time as `60s`, not a map",
        "throttle.hash_share: must be a number, not a list",
    ];
    vec![
        Refused::new(
            "a wrong kind for each section",
            Given::Text(sections.to_string()),
            &in_sections,
        ),
        Refused::new(
            "the same as a Struct",
            Given::Struct(sections.to_string()),
            &in_sections,
        ),
        Refused::new(
            "a wrong kind for each value",
            Given::Text(inner.to_string()),
            &in_values,
        ),
    ]
}

/// [`config`] with a value of the right kind that cannot be meant.
fn with(name: &str, path: &str, value: Value, fault: &str) -> Refused {
    Refused::new(name, Given::Text(config_with(path, value).to_string()), &[fault])
}

fn numbers() -> Vec<Refused> {
    let expires = |number: &str, fault: &str| {
        let config = config_with("token.expiration", json!("NUMBER"))
            .to_string()
            .replace("\"NUMBER\"", number);
        Refused::new(&format!("an expiration of {number}"), Given::Text(config), &[fault])
    };
    vec![
        expires(
            "-1",
            "token.expiration: must be a number of seconds from 1 to 31622400, not -1",
        ),
        expires(
            "0",
            "token.expiration: must be a number of seconds from 1 to 31622400, not 0",
        ),
        expires("0.5", "token.expiration: must be a whole number, without a fraction"),
        expires(
            "31622401",
            "token.expiration: must be a number of seconds from 1 to 31622400",
        ),
        expires("9223372036854775808", "token.expiration: must be a whole number"),
        expires("1e308", "token.expiration: must be a whole number"),
        expires("1e999", "the configuration is not JSON: "),
        expires("NaN", "the configuration is not JSON: "),
        expires("-0.0e-99999", "token.expiration: must be"),
        Refused::new(
            "an endless expiration in a Struct",
            Given::Struct(
                config_with("token.expiration", json!("NUMBER"))
                    .to_string()
                    .replace("\"NUMBER\"", ".inf"),
            ),
            &["token.expiration: must be"],
        ),
    ]
}

/// Characters that would end a name, a header or a line elsewhere.
fn characters() -> Vec<Refused> {
    vec![
        with(
            "NUL in the issuer",
            "token.issuer",
            json!("a\0b"),
            "token.issuer: must not contain control characters",
        ),
        with(
            "NUL in a variable's name",
            "token.key_env",
            json!("TOKEN_KEY\0"),
            "token.key_env: environment variable `TOKEN_KEY",
        ),
        with("NUL in an account", "users.a\0da", json!({}), "users[\"a\\0da\"]: "),
        with(
            "an account of 257 bytes",
            "users",
            json!({"x".repeat(257): {}}),
            "users.xxx",
        ),
        with(
            "NUL in a service",
            "services",
            json!(["a\0"]),
            "services[0]: `service` must not contain control characters",
        ),
        with(
            "NUL in a host",
            "server.hosts",
            json!(["a\0"]),
            "server.hosts[0]: must be a host name",
        ),
        with(
            "a line break in a header's name",
            "server.real_ip_header",
            json!("x\r\ny"),
            "server.real_ip_header: must be the name of a header",
        ),
        with(
            "a line break in a path",
            "server.path_prefix",
            json!("/a\r\nb"),
            "server.path_prefix: must be a plain path",
        ),
        with(
            "NUL in a hash",
            "users.ada",
            json!({"password": keys::ADA_SECRET.replace('k', "\0")}),
            "users.ada.password: ",
        ),
    ]
}

/// Costs and limits beyond all.
fn amounts() -> Vec<Refused> {
    vec![
        with(
            "a hash of cost 31",
            "users.ada",
            json!({"password": keys::ADA_SECRET.replace("$05$", "$31$")}),
            "users.ada.password: ",
        ),
        with(
            "an argon2 hash of 4 GiB",
            "users.ada",
            json!({"password": "$argon2id$v=19$m=4194304,t=9,p=9$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"}),
            "users.ada.password: ",
        ),
        with(
            "a window of ages",
            "throttle",
            json!({"window": "99999999999999999999h"}),
            "throttle.window: ",
        ),
        with(
            "entries beyond memory",
            "throttle",
            json!({"entries": 9_007_199_254_740_992_u64}),
            "throttle.entries: must be from 16 to 1048576",
        ),
        with(
            "all of the time and more",
            "throttle",
            json!({"hash_share": 1e308}),
            "throttle.hash_share: must be above 0 and at most 1",
        ),
        with(
            "a network of 33 bits",
            "acl",
            json!([{"match": {"ip": "10.0.0.0/33"}, "actions": []}]),
            "acl[0].match.ip: ",
        ),
    ]
}
