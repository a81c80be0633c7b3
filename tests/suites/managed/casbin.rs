//! Rights in a model and a policy of Casbin, through the program and Envoy.

use registry_auth_tests::sidecar::{Running, Site};

use crate::*;

const MODEL: &str = "[request_definition]\nr = account, type, name, service, ip, action, labels\n\n\
                     [policy_definition]\np = account, name, action, labels\n\n[role_definition]\ng = _, _\n\n\
                     [policy_effect]\ne = some(where (p.eft == allow))\n\n[matchers]\n\
                     m = g(r.account, p.account) && keyMatch(r.name, p.name) && r.action == p.action \\\n\
                         && labelMatch(r.labels, p.labels)\n";

const POLICY: &str =
    "p, readers, team/*, pull, {}\np, bea, blue/*, pull, \"{\"\"team\"\":[\"\"blue\"\"]}\"\ng, ada, readers\n";

struct Target {
    site: Site,
    program: Running,
    proxy: Envoy,
}

impl Target {
    /// Without a rule: the policy alone says what anybody may do.
    #[track_caller]
    fn start() -> Self {
        let mut config = config_with_program();
        config.as_object_mut().expect("a map").remove("acl");
        config["casbin_authz"] = json!({"model_path": "model.conf", "policy_path": "policy.csv"});
        let site = Site::new(&config);
        site.write_program("auth.sh", AUTH);
        site.write("model.conf", MODEL);
        site.write("policy.csv", POLICY);
        let program = site.start();
        let mut proxy = Envoy::managed(&site.socket()).start();
        proxy.wait_until("ada is served", |envoy| (ask_as_ada(envoy).status == 200).then_some(()));
        Self { site, program, proxy }
    }

    /// What ada is granted of this.
    #[track_caller]
    fn granted(&self, scope: &str) -> Value {
        let answer = ask(&self.proxy, "ada", "ada-secret", &format!("repository:{scope}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (_, granted) = claims(&answer);
        let granted = granted.as_object().and_then(|granted| granted.values().next());
        granted.expect("one scope").clone()
    }

    #[track_caller]
    fn wait_until_granted(&mut self, scope: &str, actions: &Value, when: &str) {
        registry_auth_tests::process::wait_until(when, SOON, || (self.granted(scope) == *actions).then_some(()));
    }
}

#[test]
fn a_policy_alone_says_what_accounts_may_do_and_counts_as_soon_as_it_changes() {
    let mut target = Target::start();
    assert_eq!(target.granted("team/app:pull,push"), json!(["pull"]));
    assert_eq!(target.granted("other/app:pull,push"), json!([]));
    let answer = ask(&target.proxy, "bea", "secret-of-bea", "repository:blue/app:pull,push");
    assert_granted(&answer, "bea", &json!({"blue/app": ["pull"]}), "labels of a program");
    let answer = ask(&target.proxy, "", "", "repository:team/app:pull");
    assert_granted(&answer, "", &json!({"team/app": []}), "anonymous");
    assert_error(
        &ask(&target.proxy, "ada", "wrong", "repository:team/app:pull"),
        401,
        "UNAUTHORIZED",
    );

    target
        .site
        .write("policy.csv", &format!("{POLICY}p, ada, team/*, push, {{}}\n"));
    target.wait_until_granted("team/app:pull,push", &json!(["pull", "push"]), "the new row counts");

    // A deny that is misspelt, or a row that lost a value, must not pass for none.
    target.site.write("policy.csv", "p, ada, team/*, pull\n");
    target
        .program
        .wait_for_log("line 1 of `policy.csv` has the length 3, and a row of `p` has 4");
    assert_eq!(target.granted("team/app:pull,push"), json!(["pull", "push"]));
    let broken = MODEL.replace("&& labelMatch", "&& labelsMatch");
    target.site.write("model.conf", &broken);
    target
        .program
        .wait_for_log("column 4 of `model.conf` asks for `labelsMatch`");
    assert_eq!(target.granted("team/app:pull,push"), json!(["pull", "push"]));

    target.site.write(
        "model.conf",
        &MODEL.replace("r.action == p.action", "r.action != p.action"),
    );
    target.site.write("policy.csv", "p, ada, team/*, pull, {}\n");
    target.wait_until_granted("team/app:pull,push", &json!(["push"]), "both files are another");
    assert_at_rest(&mut target.proxy, "policies");
}
