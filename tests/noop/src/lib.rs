//! Answers every request as long as a token answer is, and decides nothing.
//!
//! The configuration is two words: `bare` or `calls`, and the length of the answer in bytes. With `calls` it makes the
//! host calls that any answer needs: all headers, the address, the clock, one shared get, three counters, filter state,
//! and an audit record of 300 bytes. What Envoy then serves is the most that a filter with these duties can.
#![cfg(target_arch = "wasm32")]

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, Bytes, ContextType, MapType, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(None)));
}}

struct Root(Option<Rc<Work>>);

/// What each answer takes.
struct Work {
    calls: bool,
    counters: [u32; 3],
    body: String,
    record: String,
}

struct Answer(Rc<Work>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        let configuration = String::from_utf8_lossy(&configuration);
        let Some((way, length)) = configuration.trim_matches('"').split_once(' ') else {
            return false;
        };
        let Ok(length) = length.trim().parse() else {
            return false;
        };
        let counter = |name: &str| hostcalls::define_metric(MetricType::Counter, name).unwrap_or_default();
        self.0 = Some(Rc::new(Work {
            calls: way == "calls",
            counters: ["noop.one", "noop.two", "noop.three"].map(counter),
            body: "x".repeat(length),
            record: "x".repeat(300),
        }));
        let _ = hostcalls::set_shared_data("noop", Some(&[0; 64]), None);
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        self.0
            .clone()
            .map(|work| Box::new(Answer(work)) as Box<dyn HttpContext>)
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Answer {}

impl HttpContext for Answer {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if self.0.calls {
            self.0.call();
        }
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
        ];
        let _ = hostcalls::send_http_response(200, headers.to_vec(), Some(self.0.body.as_bytes()));
        Action::Pause
    }
}

impl Work {
    fn call(&self) {
        let headers: Vec<(String, Bytes)> = hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default();
        let _ = hostcalls::get_property(vec!["source", "address"]);
        let _ = hostcalls::get_current_time();
        let _ = hostcalls::get_shared_data("noop");
        for counter in self.counters {
            let _ = hostcalls::increment_metric(counter, 1);
        }
        let _ = hostcalls::set_property(vec!["registry_auth_account"], Some(b"robot"));
        let _ = hostcalls::set_property(vec!["registry_auth_decision"], Some(b"issued"));
        let _ = hostcalls::set_property(vec!["registry_auth_audit"], Some(self.record.as_bytes()));
        drop(headers);
    }
}
