//! The kinds of models that Casbin's documentation has, their request widened to docker_auth's seven fields. Casbin's Go
//! library, in docker_auth's version, gave the same answers.

use super::*;

/// A request for something, and what of it is granted: account, scope, actions.
type Decision = (&'static str, &'static str, &'static str);

const REQUEST: &str = "[request_definition]\nr = sub, kind, obj, srv, addr, act, lbl\n";

#[track_caller]
fn assert_decides(rest: &str, policy: &str, decisions: &[Decision]) {
    let authorizer = open(&format!("{REQUEST}{rest}"), policy).unwrap();
    for (account, scope, expected) in decisions {
        let asker = Asker { account, ..ADA };
        assert_eq!(asker.granted(&authorizer, scope), *expected, "{account} {scope}");
    }
}

#[test]
fn a_list_of_who_may_do_what() {
    assert_decides(
        "[policy_definition]\np = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = r.sub == p.sub && r.obj == p.obj && r.act == p.act\n",
        "p, ada, team/app, pull\np, grace, team/lib, push\n",
        &[
            ("ada", "repository:team/app:pull,push", "pull"),
            ("ada", "repository:team/lib:pull,push", ""),
            ("grace", "repository:team/lib:pull,push", "push"),
            ("Ada", "repository:team/app:pull", ""),
            ("", "repository:team/app:pull", ""),
        ],
    );
}

#[test]
fn one_who_may_do_everything() {
    assert_decides(
        "[policy_definition]\np = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = r.sub == p.sub && r.obj == p.obj && r.act == p.act || r.sub == \"root\"\n",
        "p, ada, team/app, pull\n",
        &[
            ("root", "repository:any:delete,pull,push", "delete,pull,push"),
            ("ada", "repository:any:pull", ""),
            ("ada", "repository:team/app:pull", "pull"),
        ],
    );
}

#[test]
fn roles_and_roles_of_roles() {
    assert_decides(
        "[policy_definition]\np = sub, obj, act\n[role_definition]\ng = _, _\n\
         [policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act\n",
        "p, ada, team/app, pull\np, readers, team/lib, pull\np, writers, team/lib, push\n\
         g, ada, writers\ng, writers, readers\ng, bob, readers\ng, loop, loop2\ng, loop2, loop\n",
        &[
            ("ada", "repository:team/app:pull", "pull"),
            ("ada", "repository:team/lib:pull,push", "pull,push"),
            ("bob", "repository:team/lib:pull,push", "pull"),
            ("readers", "repository:team/lib:pull,push", "pull"),
            ("loop", "repository:team/lib:pull,push", ""),
            ("nobody", "repository:team/lib:pull,push", ""),
        ],
    );
}

#[test]
fn a_chain_of_roles_ends_where_it_does_in_go() {
    let chain: Vec<_> = (0..12).map(|n| format!("g, r{n}, r{}", n + 1)).collect();
    let chain = chain.join("\n");
    let authorizer = open(
        &format!(
            "{REQUEST}[policy_definition]\np = sub, obj\n[role_definition]\ng = _, _\n\
             [policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = g(r.sub, p.sub) && r.obj == p.obj\n"
        ),
        &format!("p, r12, app\n{chain}"),
    )
    .unwrap();
    for (account, expected) in [("r1", ""), ("r2", "pull"), ("r3", "pull"), ("r12", "pull")] {
        assert_eq!(
            Asker { account, ..ADA }.granted(&authorizer, "repository:app:pull"),
            expected,
            "{account}"
        );
    }
}

#[test]
fn roles_of_repositories_are_others_than_those_of_accounts() {
    assert_decides(
        "[policy_definition]\np = sub, obj, act\n[role_definition]\ng = _, _\ng2 = _, _\n\
         [policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = g(r.sub, p.sub) && g2(r.obj, p.obj) && r.act == p.act\n",
        "p, readers, public, pull\ng, ada, readers\ng2, team/app, public\ng2, mallory, readers\ng, team/lib, public\n",
        &[
            ("ada", "repository:team/app:pull,push", "pull"),
            ("ada", "repository:public:pull", "pull"),
            ("ada", "repository:team/lib:pull", ""),
            ("mallory", "repository:team/app:pull", ""),
        ],
    );
}

#[test]
fn roles_in_domains() {
    assert_decides(
        "[policy_definition]\np = sub, dom, obj, act\n[role_definition]\ng = _, _, _\n\
         [policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = g(r.sub, p.sub, r.srv) && r.srv == p.dom && r.obj == p.obj && r.act == p.act\n",
        "p, admin, registry, app, push\np, admin, mirror, app, push\np, admin, mirror, app, pull\n\
         g, ada, admin, registry\ng, grace, admin, mirror\n",
        &[
            ("ada", "repository:app:pull,push", "push"),
            ("grace", "repository:app:pull,push", ""),
            ("admin", "repository:app:pull,push", "push"),
        ],
    );
}

#[test]
fn one_row_that_denies_outweighs_all_that_allow() {
    let rest = |effect: &str| {
        format!(
            "[policy_definition]\np = sub, obj, act, eft\n[role_definition]\ng = _, _\n[policy_effect]\ne = {effect}\n\
             [matchers]\nm = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act\n"
        )
    };
    let policy = "p, staff, app, pull, allow\np, ada, app, pull, deny\np, staff, app, push, allow\np, eve, app, push, deny\n\
                  g, ada, staff\ng, bob, staff\n";
    assert_decides(
        &rest("some(where (p.eft == allow)) && !some(where (p.eft == deny))"),
        policy,
        &[
            ("ada", "repository:app:pull,push", "push"),
            ("bob", "repository:app:pull,push", "pull,push"),
            ("eve", "repository:app:pull,push", ""),
            ("bob", "repository:app:delete", ""),
        ],
    );
    assert_decides(
        &rest("!some(where (p.eft == deny))"),
        policy,
        &[
            ("ada", "repository:app:pull,push", "push"),
            ("eve", "repository:app:delete,pull,push", "delete,pull"),
            ("nobody", "repository:app:pull", "pull"),
        ],
    );
}

#[test]
fn the_first_row_that_fits_decides_where_there_is_a_priority() {
    let rest = |fields: &str| {
        format!(
            "[policy_definition]\np = {fields}\n[role_definition]\ng = _, _\n[policy_effect]\ne = priority(p.eft) || deny\n\
             [matchers]\nm = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act\n"
        )
    };
    assert_decides(
        &rest("sub, obj, act, eft"),
        "p, ada, app, pull, allow\np, blocked, app, pull, deny\np, blocked, app, push, deny\np, ada, app, push, allow\n\
         p, ada, app, delete, indeterminate\np, ada, app, delete, allow\np, staff, lib, pull, allow\ng, ada, blocked\ng, bob, staff\ng, eve, blocked\n",
        &[
            ("ada", "repository:app:delete,pull,push", "delete,pull"),
            ("eve", "repository:app:pull,push", ""),
            ("bob", "repository:lib:pull,push", "pull"),
            ("nobody", "repository:lib:pull", ""),
        ],
    );
    assert_decides(
        &rest("priority, sub, obj, act, eft"),
        "p, 10, staff, app, pull, deny\np, 10, staff, app, push, allow\np, 1, ada, app, pull, allow\np, 9, ada, app, push, deny\n\
         p, -3, bob, app, push, deny\ng, ada, staff\ng, bob, staff\n",
        &[
            ("ada", "repository:app:pull,push", "pull"),
            ("bob", "repository:app:pull,push", ""),
            ("staff", "repository:app:pull,push", "push"),
        ],
    );
}

#[test]
fn keys_of_paths() {
    assert_decides(
        "[policy_definition]\np = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = r.sub == p.sub && keyMatch(r.obj, p.obj) && regexMatch(r.act, p.act)\n",
        "p, ada, ada/*, (pull)|(push)\np, ada, shared/*, ^pull$\np, bob, *, .\n",
        &[
            ("ada", "repository:ada/app:delete,pull,push", "pull,push"),
            ("ada", "repository:shared/a/b:pull,push", "pull"),
            ("ada", "repository:other:pull", ""),
            ("bob", "repository:any/thing:delete,pull", "delete,pull"),
        ],
    );
    assert_decides(
        "[policy_definition]\np = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = r.sub == p.sub && keyMatch2(r.obj, p.obj) && r.act =~ p.act\n",
        "p, ada, :team/app, ^pu\np, ada, free/*, ^pull$\n",
        &[
            ("ada", "repository:blue/app:delete,pull,push", "pull,push"),
            ("ada", "repository:blue/green/app:pull", ""),
            ("ada", "repository:free/a/b:pull,push", "pull"),
        ],
    );
}

#[test]
fn rows_without_accounts_or_without_repositories() {
    assert_decides(
        "[policy_definition]\np = obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = r.obj == p.obj && r.act == p.act\n",
        "p, app, pull\n",
        &[
            ("anybody", "repository:app:pull,push", "pull"),
            ("", "repository:app:pull", "pull"),
        ],
    );
    // What looks at no row is decided as if there were none.
    assert_decides(
        "[policy_definition]\np = sub, eft\n[policy_effect]\ne = some(where (p.eft == allow))\n\
         [matchers]\nm = r.sub == 'root' || r.obj in ('public', 'free') && r.act == 'pull'\n",
        "p, nobody, deny\n",
        &[
            ("root", "repository:app:pull,push", "pull,push"),
            ("ada", "repository:free:pull,push", "pull"),
            ("ada", "repository:app:pull", ""),
        ],
    );
}
