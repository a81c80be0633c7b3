//! The HTTP calls the module makes, and the test that answers them.

use std::time::Duration;

use super::Module;
use super::stream::number;
use super::wire::Header;

/// Whether the clusters that callouts name exist and have a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clusters {
    /// Calls are taken and wait for an answer.
    #[default]
    Up,
    /// The cluster has no host: the call fails at once with `InternalFailure`.
    Empty,
    /// There is no such cluster: `BadArgument`.
    Missing,
}

/// One HTTP call the module made and that has not been answered.
#[derive(Clone, Debug)]
pub struct Callout {
    pub id: u32,
    pub cluster: String,
    pub headers: Vec<Header>,
    pub body: Vec<u8>,
    pub timeout: Duration,
    /// The root context it belongs to: with that, it is cancelled; a client that leaves cancels nothing.
    pub(super) root: u32,
}

impl Callout {
    /// The value of the first line of this name, as text; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let line = self.headers.iter().find(|(key, _)| key == name);
        line.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// `:path`, query included.
    pub fn path(&self) -> String {
        self.header(":path")
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the callout's body is JSON")
    }
}

/// What a callout was answered with, readable while the module is told of it.
pub(super) struct CalloutAnswer {
    pub(super) root: u32,
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
}

impl Module {
    /// The calls the module made and that have no answer yet, oldest first.
    pub fn callouts(&self) -> Vec<Callout> {
        self.vm.host().callouts.values().cloned().collect()
    }

    /// Answers a callout.
    #[track_caller]
    pub fn answer(&mut self, callout: u32, status: u32, headers: &[(&str, &str)], body: impl AsRef<[u8]>) {
        let status = (":status".to_owned(), status.to_string().into_bytes());
        let given = headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        let headers = std::iter::once(status).chain(given).collect();
        self.tell(callout, headers, body.as_ref().to_vec(), false);
    }

    /// Fails a callout as Envoy does when the connection breaks in the middle of the answer: no headers at all.
    #[track_caller]
    pub fn fail(&mut self, callout: u32) {
        self.tell(callout, Vec::new(), Vec::new(), true);
    }

    /// Answers a callout as Envoy does when its time is over.
    #[track_caller]
    pub fn time_out(&mut self, callout: u32) {
        self.answer(
            callout,
            504,
            &[("content-type", "text/plain")],
            "upstream request timeout",
        );
    }

    #[track_caller]
    fn tell(&mut self, callout: u32, headers: Vec<Header>, body: Vec<u8>, reset: bool) {
        self.vm.fuel_used = 0;
        let host = self.vm.host_mut();
        let Some(Callout { root, .. }) = host.callouts.remove(&callout) else {
            panic!("callout {callout} was never made, or has been answered");
        };
        let (lines, size) = (number(headers.len()), number(body.len()));
        host.reset = reset;
        host.answer = (!reset).then_some(CalloutAnswer { root, headers, body });
        self.vm
            .call(root, "proxy_on_http_call_response", &[root, callout, lines, size, 0]);
        let host = self.vm.host_mut();
        (host.answer, host.reset) = (None, false);
        self.vm.settle();
    }

    /// From now on the clusters that callouts name are up, empty or missing.
    pub fn set_clusters(&mut self, clusters: Clusters) {
        self.vm.host_mut().clusters = clusters;
    }
}
