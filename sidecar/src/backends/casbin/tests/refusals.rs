//! What an operator reads of files that cannot be used.

use super::*;

#[track_caller]
fn refused(model: &str, policy: &str) -> String {
    open(model, policy).unwrap_err()
}

/// The refusals of these matchers, each below it.
fn of_matchers(matchers: &[&str]) -> String {
    let refusals = matchers.iter().map(|matcher| {
        let model = model(matcher).replace("[policy_effect]", "[role_definition]\ng = _, _\n[policy_effect]");
        format!("{matcher}\n  {}\n", refused(&model, "p, a, b, c\n"))
    });
    refusals.collect()
}

#[test]
fn a_matcher_that_cannot_be_read() {
    insta::assert_snapshot!(of_matchers(&[
        "r.account == p.account &&",
        "r.account == p.account)",
        "(r.account == p.account",
        "r.account",
        "r.account == true",
        "r.acount == p.account",
        "q.account == p.account",
        "r.account.Name == p.account",
        "r.account == \"ada",
        "r.account == 'a\"b'",
        "r.name =~ 'a\\.b'",
        "r.service == 'r.example'",
        "r.name == '2026-01-31'",
        "r.name == 7",
        "r.name == p.name == true",
        "r.name - p.name",
        "r.name == p.name ? true : false",
        "r.name in ('a')",
        "r.name in p.name",
        "eval(p.name)",
        "keyGet(r.name, p.name) == 'x'",
        "g(r.account)",
        "g2(r.account, p.account)",
        "keyMatch(p.name, r.name)",
        "keyMatch(r.name, r.account + '/*')",
        "ipMatch(r.name, p.name)",
        "labelMatch(p.name, p.name)",
        "regexMatch(r.name, '[a')",
        "r.name == `x`",
        "r.name == p.name &&!(r.name == r.account)",
        "r.name =~ r.account",
        "g(r.account == p.account, p.account)",
        "",
    ]));
}

#[test]
fn a_model_that_cannot_be_read() {
    let good = model("r.account == p.account");
    let models = [
        good.replace("account, type, name, service, ip, action, labels", "sub, obj, act"),
        good.replace("account, type, name", "account, name, type"),
        good.replace("[request_definition]", "[request_defintion]"),
        good.replace("e = some(where (p.eft == allow))", "e = some(where (p.eft == alow))"),
        good.replace("e = some(where (p.eft == allow))", "e = !some(where (p.eft == deny))"),
        good.replace("account, name, action\n", "account, name, name\n"),
        good.replace("account, name, action\n", "account, a-b\n"),
        good.replace("p = ", "p2 = "),
        format!("{good}m2 = r.name == p.name\n"),
        format!("{good}m = r.name == p.name\n"),
        format!("{good}[role_definition]\ng = _\ng3 = _, _\n"),
        format!("{good}a line\n"),
        String::new(),
    ];
    let refusals = models
        .iter()
        .map(|model| format!("{}\n\n", refused(model, "p, a, b, c\n")));
    insta::assert_snapshot!(refusals.collect::<String>());
}

#[test]
fn rows_that_cannot_be_used() {
    let model = model("g(r.account, p.account) && keyMatch2(r.name, p.name) && regexMatch(r.action, p.action)")
        .replace("account, name, action\n", "account, name, action, eft, priority\n")
        .replace("[policy_effect]", "[role_definition]\ng = _, _\n[policy_effect]");
    insta::assert_snapshot!(refused(
        &model,
        "# kind, account, name, action, effect, priority\n\
         p, ada, team/app, pull, allow, 1\n\
         p, ada, team/app, pull, allow\n\
         p, ada, team/app, pull, Allow, 1\n\
         p, ada, team/app, pull, allow, first\n\
         p, ada, team/(, pull, allow, 1\n\
         p, ada, team/app, pu[sh, allow, 1\n\
         p, ada , team/app, pull, allow, 1\n\
         p, \"ada, team/app, pull, allow, 1\n\
         p, a\"da, team/app, pull, allow, 1\n\
         p, \"ada\"x, team/app, pull, allow, 1\n\
         g, ada\n\
         g2, ada, staff\n\
         \"\"\n\
         q\n"
    ));
    let with_labels = super::model("labelMatch(r.labels, p.name) && ipMatch(r.ip, p.action)");
    insta::assert_snapshot!(refused(
        &with_labels,
        "p, ada, \"\", 192.0.2.7\np, ada, team=blue, 192.0.2.0/255.255.255.0\np, ada, {}, localhost\np, ada, null, ::/0\n"
    ));
    assert_eq!(
        refused(&with_labels, "# nothing\n"),
        "policy_path: `policy.csv` has no row `p`; write one"
    );
    let many = refused(&with_labels, &"p\n".repeat(100));
    assert_eq!(many.lines().count(), 21);
    assert!(many.ends_with("80 more lines of `policy.csv` are wrong"), "{many}");
}

#[test]
fn comments_and_lines_that_go_on_are_read_as_go_reads_them() {
    let long = "# a model\n; of ours\n[request_definition]\nr = account, type, name, \\\n  service, ip, action, labels # seven\n\
                [policy_definition]\np = account, name\n[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\n\
                m = r.account == p.account \\\n && r.name == p.name ; both\n";
    let authorizer = open(long, "p, ada, app\n").unwrap();
    assert_eq!(ADA.granted(&authorizer, "repository:app:pull"), "pull");
    assert_eq!(ADA.granted(&authorizer, "repository:lib:pull"), "");
    // An empty line ends what would go on.
    let ended = long.replace("\\\n &&", "\\\n\n &&");
    assert!(
        refused(&ended, "p, ada, app\n").starts_with("model_path: line 13, column 2"),
        "{}",
        refused(&ended, "")
    );
}
