//! What of a request a policy can look at, and what it costs.

use proptest::prelude::*;

use super::*;

/// A policy in the shape of docker_auth's example: an account, a role, networks, labels as JSON in quotes.
const LIKE_THE_EXAMPLE: [&str; 2] = [
    "[request_definition]\nr = account, type, name, service, ip, action, labels\n\n\
     [policy_definition]\np = account, type, name, service, ip, action, labels\n\n[role_definition]\ng = _, _\n\n\
     [policy_effect]\ne = some(where (p.eft == allow))\n\n[matchers]\n\
     m = r.account == \"root\" || (g(r.account, p.account) && r.type == p.type && r.name == p.name \\\n\
     && r.service == p.service && ipMatch(r.ip, p.ip) && r.action == p.action && labelMatch(r.labels, p.labels))",
    "p, ada, repository, app, registry, 192.0.2.7, pull, \"{\"\"team\"\":[\"\"blue\"\"]}\"\n\
     p, ada, repository, app, registry, 192.0.2.7, push, \"{\"\"team\"\":[\"\"blue\"\"]}\"\n\
     p, staff, repository, lib, registry, 198.51.100.0/24, pull, \"{\"\"team\"\":[\"\"blue\"\",\"\"red\"\"]}\"\n\n\
     g, bob, staff",
];

#[test]
fn all_seven_fields_are_looked_at() {
    let [model, policy] = LIKE_THE_EXAMPLE;
    let authorizer = open(model, policy).unwrap();
    let blue = r#"{"team":["blue"]}"#;
    let both = r#"{"team":["red","blue"],"more":["x"]}"#;
    for (account, scope, service, address, labels, expected) in [
        (
            "ada",
            "repository:app:delete,pull,push",
            "registry",
            "192.0.2.7",
            blue,
            "pull,push",
        ),
        (
            "ada",
            "repository:app:pull,push",
            "registry",
            "::ffff:192.0.2.7",
            both,
            "pull,push",
        ),
        ("ada", "repository:app:pull,push", "registry", "192.0.2.8", blue, ""),
        ("ada", "repository:app:pull,push", "mirror", "192.0.2.7", blue, ""),
        ("ada", "repository:app:pull,push", "registry", "192.0.2.7", "{}", ""),
        ("ada", "repository:lib:pull,push", "registry", "192.0.2.7", blue, ""),
        ("ada", "registry:app:pull,push", "registry", "192.0.2.7", blue, ""),
        (
            "bob",
            "repository:lib:pull,push",
            "registry",
            "198.51.100.9",
            both,
            "pull",
        ),
        ("bob", "repository:lib:pull,push", "registry", "198.51.100.9", blue, ""),
        ("bob", "repository:lib:pull,push", "registry", "2001:db8::1", both, ""),
        ("root", "registry:catalog:*", "", "2001:db8::1", "{}", "*"),
    ] {
        let asker = Asker {
            account,
            service,
            address,
            labels,
        };
        assert_eq!(
            asker.granted(&authorizer, scope),
            expected,
            "{account} {scope} {service} {address} {labels}"
        );
    }
}

#[test]
fn labels_are_json_as_go_writes_it_and_null_without_any() {
    let as_text = |labels: &str| {
        let labels: Labels = serde_json::from_str(labels).unwrap();
        labels_as_json(&labels).unwrap()
    };
    assert_eq!(as_text("{}"), "null");
    assert_eq!(as_text(r#"{"b":["2","1"],"a":[]}"#), r#"{"a":[],"b":["2","1"]}"#);
    assert_eq!(as_text(r#"{"a":["<&>\"ä"]}"#), r#"{"a":["\u003c\u0026\u003e\"ä"]}"#);
    let of_nobody = "r.labels == 'null' && r.action == p.action";
    assert_eq!(
        granted(of_nobody, "p, a, b, pull\n", "ada", "repository:app:pull,push"),
        "pull"
    );
    // The other way round: nothing but what the row names.
    let only = open(
        &model("labelMatch(p.name, r.labels)"),
        "p, a, \"{\"\"team\"\":[\"\"blue\"\",\"\"red\"\"]}\", b\n",
    )
    .unwrap();
    for (labels, expected) in [
        (r#"{"team":["blue"]}"#, "pull"),
        (r#"{"team":["green"]}"#, ""),
        ("{}", "pull"),
    ] {
        assert_eq!(
            Asker { labels, ..ADA }.granted(&only, "repository:app:pull"),
            expected,
            "{labels}"
        );
    }
}

#[test]
fn what_a_matcher_says_in_go_it_says_here() {
    let policy = "p, ada, team/app, pull\np, bob, team/lib, push\n";
    for (matcher, ada, bob) in [
        ("r.account == p.account", "pull,push", "pull,push"),
        ("r_account == p_account && r.action==p.action", "pull", "push"),
        ("!(r.account != p.account) && !false", "pull,push", "pull,push"),
        (
            "r.name in ('team/app', \"x\") && r.account == p.account",
            "pull,push",
            "pull,push",
        ),
        ("r.account in ['ada', 'eve']", "pull,push", ""),
        (
            "r.name =~ '^team/' && r.action !~ 'pull' && p.name == p.name",
            "push",
            "push",
        ),
        (
            "regexMatch(r.account, \"(a)|(o)\") == true && p.action == r.action",
            "pull,push",
            "pull,push",
        ),
        (
            "r.account + '/' + r.action == p.account + \"/\" + p.action",
            "pull",
            "push",
        ),
        ("r.account < 'b' || r.action >= 'q'", "pull,push", ""),
        ("globMatch(r.name, p.name) && p.account == r.account", "pull,push", ""),
        (
            "keyMatch3(r.name, '{team}/app') && true != false",
            "pull,push",
            "pull,push",
        ),
        ("r.account == 'a#b'\n", "", ""),
    ] {
        for (account, expected) in [("ada", ada), ("bob", bob)] {
            let authorizer = open(&model(matcher), policy);
            let Ok(authorizer) = authorizer else {
                assert!(matcher.contains('#'), "{matcher}: {authorizer:?}");
                continue;
            };
            let asker = Asker { account, ..ADA };
            assert_eq!(
                asker.granted(&authorizer, "repository:team/app:pull,push"),
                expected,
                "{account}: {matcher}"
            );
        }
    }
}

#[test]
fn a_text_is_data_whatever_it_holds() {
    for text in [
        "eval(1)",
        "${x}",
        "`${1/0}`",
        "r_account",
        "\"\n",
        "\u{1f980}",
        "x;y",
        "p x",
        "a\\",
    ] {
        let row = format!("p, ada, \"{}\", pull\n", text.replace('"', "\"\"").replace('\n', "_"));
        let matcher = "r.account == p.account && p.name != 'a' && r.action == p.action";
        assert_eq!(
            granted(matcher, &row, "ada", "repository:app:pull,push"),
            "pull",
            "{text}"
        );
    }
    for account in ["\" || true || \"", "p_f0", "ada\" + \"", "ada*", ".*"] {
        let matcher = "r.account == p.account && keyMatch(r.name, p.name)";
        assert_eq!(
            granted(matcher, "p, ada, *, pull\n", account, "repository:app:pull"),
            "",
            "{account}"
        );
    }
}

/// On the stack that a thread of tests has, and one of the program's.
#[test]
fn the_deepest_and_the_longest_matcher_are_evaluated() {
    let part = "true && ".repeat(20);
    let nested = format!(
        "{}r.account == p.account{}",
        format!("{part}(").repeat(32),
        ")".repeat(32)
    );
    assert_eq!(granted(&nested, "p, ada, a, b\n", "ada", "repository:app:pull"), "pull");
    let deeper = format!("({nested})");
    let refused = open(&model(&deeper), "p, ada, a, b\n").unwrap_err();
    assert!(
        refused.contains("nests parentheses and `!` more than 32 deep"),
        "{refused}"
    );
    let accounts: Vec<_> = (0..700).map(|n| format!("'n{n}'")).collect();
    let long = format!("r.account in ({}) && r.action == p.action", accounts.join(", "));
    assert_eq!(
        granted(&long, "p, a, a, pull\n", "n699", "repository:app:pull,push"),
        "pull"
    );
    let longer = format!("r.account == '{}'", "a".repeat(9_000));
    let refused = open(&model(&longer), "p, ada, a, b\n").unwrap_err();
    assert!(refused.contains("is longer than 8192 characters"), "{refused}");
}

#[test]
fn a_question_that_comes_too_late_is_no_answer() {
    let authorizer = open(&model("r.account == p.account"), "p, ada, a, b\n").unwrap();
    let access = |actions: &str| Question {
        fields: std::array::from_fn(|_| String::new()),
        address: [192, 0, 2, 7].into(),
        labels: Labels::new(),
        actions: actions.split(',').map(str::to_owned).collect(),
    };
    let late = authorizer.enforcement.allowed(access("pull"), Instant::now());
    assert!(matches!(late, Err(Unanswered::Late)));
}

#[tokio::test]
async fn a_long_policy_is_looked_through_beside_all_else() {
    let rows = (0..10_000).map(|n| format!("p, account-{n}, team-{n}/*, ^pu(ll|sh)$"));
    let rows = rows.collect::<Vec<_>>().join("\n");
    let matcher = "r.account == p.account && keyMatch(r.name, p.name) && regexMatch(r.action, p.action)";
    let authorizer = open(&model(matcher), &rows).unwrap();
    let identity = Identity {
        account: Account::parse("account-9999").unwrap(),
        ..Identity::default()
    };
    let access = Access {
        identity: &identity,
        service: &Service::default(),
        address: [192, 0, 2, 7].into(),
        scope: &Scope::parse("repository:team-9999/app:delete,pull").unwrap(),
    };
    let far = Instant::now() + Duration::from_mins(1);
    let answer = authorizer.authorize(access, far).await.unwrap();
    assert_eq!(answer, Ruling::Grant(["pull".to_owned()].into_iter().collect()));
    // The gate lets in what may run, and tells the others.
    let error = authorizer.authorize(access, Instant::now()).await.unwrap_err();
    assert_eq!(error.backend, "casbin_authz");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Decisions of the Go library are in `testdata`; here nothing stumbles, whatever the values are.
    #[test]
    fn no_value_of_a_row_makes_it_stumble(
        values in prop::collection::vec("([*/:{}()\\[\\]\\\\.a-c|?+^$-]|[^\\n\\r]){0,10}", 6),
        function in prop::sample::select(vec!["regexMatch", "keyMatch", "keyMatch2", "keyMatch3", "keyMatch4", "keyMatch5", "globMatch"]),
    ) {
        let rows: Vec<_> = values.chunks(3).map(|row| {
            let row: Vec<_> = row.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            format!("p, {}", row.join(", "))
        }).collect();
        let rows = rows.join("\n");
        if let Ok(authorizer) = open(&model(&format!("{function}(r.name, p.name) || {function}(r.account, p.account)")), &rows) {
            let granted = ADA.granted(&authorizer, "repository:a/b:pull");
            prop_assert!(["", "pull"].contains(&granted.as_str()));
        }
    }

    #[test]
    fn no_file_makes_it_stumble(
        text in "(r\\.account|p\\.name|'a'|\"|'|&&|\\|\\||==|=~|!|\\(|\\)|in|,|g|keyMatch|#|\\\\\n|\n| |[^a-z]){0,14}",
        policy in "(p|g|,|\"|a| |\n|#|.){0,20}",
    ) {
        let _ = open(&model(&text), &policy);
        let _ = open(&text, &policy);
    }
}
