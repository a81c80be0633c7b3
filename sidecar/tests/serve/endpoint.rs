use crate::process::{ADA, Site};

const USERS: &str = r#"
users:
  ada: {password: "HASH", labels: {team: [dev]}}
  "": {}
acl:
  - {match: {account: ada, name: "ada/*"}, actions: ["*"]}
  - {match: {labels: {team: dev}, name: "dev/*"}, actions: [pull]}
  - {match: {name: "public/*"}, actions: [pull]}
"#;

fn site() -> Site {
    let site = Site::new();
    site.configure(&USERS.replace("HASH", ADA));
    site
}

#[test]
fn a_user_gets_what_the_rules_say_and_a_stranger_nothing() {
    let site = site();
    let server = site.start();
    assert_eq!(
        server.login("ada:ada-secret", "repository:ada/app:pull,push").granted(),
        ["ada/app:pull,push"]
    );
    assert_eq!(
        server.login("ada:ada-secret", "repository:dev/app:pull,push").granted(),
        ["dev/app:pull"]
    );
    assert_eq!(
        server.login("", "repository:public/app:pull,push").granted(),
        ["public/app:pull"]
    );
    let refused = server.login("ada:wrong", "repository:ada/app:pull");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"registry-auth\"");
    assert_eq!(refused.json()["errors"][0]["code"], "UNAUTHORIZED");
    assert_eq!(server.login("eve:x", "").status, 401);
}

#[test]
fn docker_auths_paths_forms_and_errors_are_answered() {
    let site = site();
    let server = site.start();
    let ask = |line: &str| server.token(&format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    for path in ["/token", "/auth", "/auth/token"] {
        assert_eq!(ask(&format!("GET {path}?service=registry")).status, 200, "{path}");
    }
    assert_eq!(ask("GET /nowhere").json()["errors"][0]["code"], "NOT_FOUND");
    assert_eq!(ask("GET /v2/").status, 404);
    assert_eq!(ask("GET /").json()["issuer"], "registry-auth");
    let put = ask("PUT /token");
    assert_eq!((put.status, put.headers["allow"].as_str()), (405, "GET, HEAD, POST"));
    let form = "grant_type=password&username=ada&password=ada-secret&service=registry&scope=repository:ada/a:pull";
    let post = |kind: &str, form: &str| {
        server.token(&format!(
            "POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))
    };
    let answer = post("application/x-www-form-urlencoded", form);
    assert_eq!(answer.granted(), ["ada/a:pull"]);
    assert_eq!(answer.json()["scope"], "repository:ada/a:pull");
    assert_eq!(post("text/plain", form).status, 415);
    let long = format!("{form}&x={}", "y".repeat(64 * 1024));
    assert_eq!(post("application/x-www-form-urlencoded", &long).status, 413);
}

#[test]
fn guessing_is_braked_and_a_right_password_from_nobody_else_suffers() {
    let site = site();
    let server = site.start();
    for guess in 0..5 {
        assert_eq!(server.login(&format!("ada:guess-{guess}"), "").status, 401);
    }
    let braked = server.login("ada:ada-secret", "");
    assert_eq!(braked.status, 429);
    assert!(braked.headers["retry-after"].parse::<u64>().unwrap() > 0);
    assert_eq!(server.login("", "").status, 200);
}

#[test]
fn docker_auths_command_line_starts_it_without_a_command() {
    let site = site();
    let server = site.spawn(&["-v=2", "-logtostderr", "-stderrthreshold", "ERROR", "auth.yml"]);
    server.wait_for("configuration in force");
    assert!(
        server.log().contains("stderrthreshold"),
        "a flag that does nothing is told:\n{}",
        server.log()
    );
}

#[test]
fn a_wrong_configuration_is_told_with_its_line_and_ends_the_start() {
    let site = Site::new();
    site.configure("users: {}\nacl:\n  - {match: {name: \"team-[a-z/*\"}, actions: [pull]}\n");
    let mut server = site.spawn(&["serve", "auth.yml"]);
    assert_eq!(server.ended().code(), Some(1));
    // The log is read by a thread, which may be behind.
    server.wait_for("auth.yml:8:");
    server.wait_for("`[` is never closed");
    let mut missing = site.spawn(&["serve", "nowhere.yml"]);
    assert_eq!(missing.ended().code(), Some(1));
    missing.wait_for("nowhere.yml");
}
