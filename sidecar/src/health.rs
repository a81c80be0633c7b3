//! What an orchestrator asks: is this alive, is it ready, how much did it do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tokio::sync::watch;

use crate::lists::News;
use crate::metrics::Metrics;

/// Whether this process runs.
pub const HEALTHZ: &str = "/healthz";
/// Whether it can answer.
pub const READYZ: &str = "/readyz";
/// Told after a change in a database, by POST: what is remembered may be wrong.
pub const CHANGED: &str = "/changed";
/// What it counted.
pub const METRICS: &str = "/metrics";

/// What the text of `/metrics` is called; Prometheus reads it by this.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Whether this process can answer, told by those who know it.
#[derive(Debug)]
pub struct Readiness(watch::Sender<Condition>);

/// What is known of it at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// How far it is.
    pub phase: Phase,
    /// The back-ends that did not answer their last question, by their keys in the configuration.
    pub down: BTreeSet<&'static str>,
    /// The lists of rules that are refused, by their keys, and why: the last good ones stay.
    pub refused: BTreeMap<&'static str, String>,
}

/// How far this process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// No configuration is in force yet.
    #[default]
    Starting,
    /// This generation is in force.
    InForce(u64),
    /// It finishes what is in flight.
    Stopping,
}

/// The body of `/readyz`.
#[derive(Serialize)]
struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    down: BTreeSet<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    refused: BTreeMap<&'static str, String>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(watch::Sender::new(Condition::default()))
    }
}

impl Readiness {
    /// A generation is in force. A process that stops stays stopping.
    pub fn in_force(&self, generation: u64) {
        self.0.send_modify(|condition| {
            if condition.phase != Phase::Stopping {
                condition.phase = Phase::InForce(generation);
            }
        });
    }

    /// The back-ends are others from now on, and begin as if they answered; but for `lists`, which were read already.
    pub fn forget_backends(&self, lists: &[&'static str]) {
        self.0.send_modify(|condition| {
            condition.down.retain(|key| lists.contains(key));
            condition.refused.retain(|key, _| lists.contains(key));
        });
    }

    /// A list of rules is refused, and why, or is good again.
    pub fn list_is_refused(&self, key: &'static str, why: Option<&str>) {
        self.0.send_if_modified(|condition| match why {
            Some(why) => condition.refused.insert(key, why.to_owned()).as_deref() != Some(why),
            None => condition.refused.remove(key).is_some(),
        });
    }

    /// A back-end did not answer the last question, or has answered again.
    pub fn backend_is_down(&self, key: &'static str, is_down: bool) {
        self.0.send_if_modified(|condition| {
            if is_down {
                condition.down.insert(key)
            } else {
                condition.down.remove(key)
            }
        });
    }

    /// The end has begun: nobody should send anything new.
    pub fn stopping(&self) {
        self.0.send_modify(|condition| condition.phase = Phase::Stopping);
    }

    /// What is known now, and each change of it: what waits for the end waits here.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Condition> {
        self.0.subscribe()
    }
}

/// The routes of `admin.listen`.
pub fn router(readiness: Arc<Readiness>, metrics: Arc<Metrics>, news: Arc<News>) -> Router {
    Router::new()
        .route(CHANGED, post(changed).with_state(news))
        .route(HEALTHZ, get(|| async { "ok\n" }))
        .route(READYZ, get(readyz).with_state(readiness))
        .route(METRICS, get(scrape).with_state(metrics))
}

/// A back-end that is down does not make this unready: all others, and the static users, are served.
async fn readyz(State(readiness): State<Arc<Readiness>>) -> Response {
    let Condition { phase, down, refused } = readiness.0.borrow().clone();
    let (code, status, generation) = match phase {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting", None),
        Phase::InForce(generation) => (StatusCode::OK, "ready", Some(generation)),
        Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", None),
    };
    let report = Report {
        status,
        generation,
        down,
        refused,
    };
    // Words and a number: this cannot fail.
    let body = serde_json::to_string(&report).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (code, headers, body + "\n").into_response()
}

/// Whoever made the change waits for no more than that it was heard.
async fn changed(State(news): State<Arc<News>>) -> StatusCode {
    news.asked();
    StatusCode::ACCEPTED
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], metrics.text()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;

    async fn ask(router: &Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().call(request).await.unwrap();
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_is_ready_while_a_configuration_is_in_force() {
        let readiness = Arc::new(Readiness::default());
        let router = router(Arc::clone(&readiness), Metrics::new(), Arc::default());
        assert_eq!(ask(&router, HEALTHZ).await, (200, "ok\n".to_owned()));
        let starting = "{\"status\":\"starting\",\"down\":[]}\n";
        assert_eq!(ask(&router, READYZ).await, (503, starting.to_owned()));
        readiness.in_force(42);
        let ready = "{\"status\":\"ready\",\"generation\":42,\"down\":[]}\n";
        assert_eq!(ask(&router, READYZ).await, (200, ready.to_owned()));
        readiness.stopping();
        readiness.in_force(43);
        let stopping = "{\"status\":\"stopping\",\"down\":[]}\n";
        assert_eq!(ask(&router, READYZ).await, (503, stopping.to_owned()));
        assert_eq!(ask(&router, HEALTHZ).await.0, 200);
    }

    #[tokio::test]
    async fn a_back_end_that_is_down_is_named_and_the_rest_stays_ready() {
        let readiness = Arc::new(Readiness::default());
        let router = router(Arc::clone(&readiness), Metrics::new(), Arc::default());
        readiness.in_force(42);
        readiness.backend_is_down("ext_auth", true);
        let one_down = "{\"status\":\"ready\",\"generation\":42,\"down\":[\"ext_auth\"]}\n";
        assert_eq!(ask(&router, READYZ).await, (200, one_down.to_owned()));
        readiness.backend_is_down("ext_auth", false);
        assert!(ask(&router, READYZ).await.1.contains("\"down\":[]"));
    }

    #[tokio::test]
    async fn a_list_that_is_refused_is_named_with_its_entry() {
        let readiness = Arc::new(Readiness::default());
        let router = router(Arc::clone(&readiness), Metrics::new(), Arc::default());
        readiness.in_force(42);
        readiness.list_is_refused("acl_xorm", Some("acl_xorm[\"seq 3\"].match.name: `[` is never closed"));
        let (code, page) = ask(&router, READYZ).await;
        assert_eq!(code, 200, "the last good list is in force");
        let refused = r#""refused":{"acl_xorm":"acl_xorm[\"seq 3\"].match.name: `[` is never closed"}"#;
        assert!(page.contains(refused), "{page}");
        readiness.forget_backends(&["acl_xorm"]);
        assert!(ask(&router, READYZ).await.1.contains(refused));
        readiness.list_is_refused("acl_xorm", None);
        assert!(!ask(&router, READYZ).await.1.contains("refused"));
    }

    #[tokio::test]
    async fn metrics_are_text_that_prometheus_reads() {
        let metrics = Metrics::new();
        metrics.brake();
        let router = router(Arc::default(), metrics, Arc::default());
        let (code, page) = ask(&router, METRICS).await;
        assert_eq!(code, 200);
        assert!(page.contains("registry_auth_brakes_total 1\n"));
        assert!(page.ends_with("# EOF\n"));
    }
}
