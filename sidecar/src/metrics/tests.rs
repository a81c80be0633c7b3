use super::*;

#[tokio::test]
async fn a_scrape_has_every_name_and_what_was_counted() {
    let metrics = Metrics::new();
    metrics.call("decide", "decided", Duration::from_micros(300));
    metrics.token_request("issued", Duration::from_micros(40));
    metrics.backend_request("ext_auth", "denied", Duration::from_millis(3));
    metrics.backend_is_down("http_auth", true);
    metrics.backend_circuit("http_auth", true);
    metrics.hash_pool(PoolUse {
        running: 1,
        queued: 2,
        computed: 1,
    });
    metrics.remembered("token");
    metrics.memo("tokens", 5);
    metrics.brake();
    metrics.reload("refused");
    metrics.generation(1_700_000_000_000);
    let waiting = metrics.hanging_get();
    drop(metrics.connection("token"));
    metrics.connection_ended("token", "client");
    let refused = |entry: &str| Reading::Refused {
        entry: entry.to_owned(),
        why: String::new(),
    };
    metrics.list_read("acl_mongo", &refused("seq 1"), Duration::from_millis(3));
    metrics.list_read("acl_xorm", &refused("seq 3"), Duration::from_millis(3));
    metrics.list_read("acl_xorm", &refused("seq 4"), Duration::from_millis(3));
    metrics.list_read("acl_xorm", &Reading::Unchanged(7), Duration::from_millis(3));
    let page = metrics.text();
    for line in [
        r#"registry_auth_calls_total{kind="decide",result="decided"} 1"#,
        r#"registry_auth_call_seconds_bucket{le="0.0005",kind="decide",result="decided"} 1"#,
        r#"registry_auth_token_requests_total{result="issued"} 1"#,
        r#"registry_auth_backend_requests_total{backend="ext_auth",result="denied"} 1"#,
        r#"registry_auth_backend_seconds_bucket{le="0.005",backend="ext_auth",result="denied"} 1"#,
        r#"registry_auth_backend_down{backend="http_auth"} 1"#,
        r#"registry_auth_backend_circuit_open{backend="http_auth"} 1"#,
        "registry_auth_hashes_total 1",
        "registry_auth_hash_pool_running 1",
        "registry_auth_hash_pool_queued 2",
        r#"registry_auth_remembered_total{what="token"} 1"#,
        r#"registry_auth_memo{of="tokens"} 5"#,
        "registry_auth_brakes_total 1",
        r#"registry_auth_reloads_total{result="refused"} 1"#,
        "registry_auth_configuration_generation 1700000000000",
        "registry_auth_hanging_gets 1",
        r#"registry_auth_connections{listener="token"} 0"#,
        r#"registry_auth_connections_ended_total{listener="token",reason="client"} 1"#,
        r#"registry_auth_lists_read_total{list="acl_xorm",result="refused"} 2"#,
        r#"registry_auth_list_read_seconds_bucket{le="0.005",list="acl_xorm"} 3"#,
        r#"registry_auth_list_rules{list="acl_xorm"} 7"#,
        r#"registry_auth_list_refused{list="acl_mongo",entry="seq 1"} 1"#,
    ] {
        assert!(page.lines().any(|have| have == line), "{line} in\n{page}");
    }
    assert!(
        !page.contains(r#"registry_auth_list_refused{list="acl_xorm""#),
        "{page}"
    );
    metrics.backends_anew();
    assert!(!metrics.text().contains("http_auth\"} 1"));
    drop(waiting);
    assert!(metrics.text().contains("registry_auth_hanging_gets 0\n"));
}

#[test]
fn every_name_is_documented() {
    let documented = include_str!("../../../docs/metrics.md");
    let metrics = Metrics::new();
    for line in metrics.text().lines() {
        let Some(name) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) else {
            continue;
        };
        assert!(documented.contains(&format!("| `{name}")), "{name}");
    }
}
