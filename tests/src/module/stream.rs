//! The life of one client request in the VM, as Envoy's filter manager leads it.
//!
//! Created with the headers; held or let go by what the callbacks return; ended by a local reply, by the upstream's
//! answer or by the client. A reply passes the filter's response callbacks on its way out, then come `on_log`,
//! `on_done` and `on_delete`.

use std::collections::BTreeMap;

use super::request::{Reply, Request};
use super::state::{Context, Deferred};
use super::status::Fault;
use super::vm::Vm;
use super::wire::Header;

/// Envoy's default `per_connection_buffer_limit_bytes`: above it, a held body is answered 413 without the filter.
const BUFFER_LIMIT: usize = 1024 * 1024;

/// A request in the VM. Ask [`Module::outcome`](super::Module::outcome) what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream(pub(super) u32);

/// What became of a request so far.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    Continued,
    Paused,
    Replied(Reply),
    /// Reset by the filter, or left by the client.
    Gone,
}

impl Standing {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Continued => "let pass",
            Self::Paused => "held",
            Self::Replied(_) => "answered",
            Self::Gone => "closed",
        }
    }
}

pub(super) struct StreamState {
    pub(super) root: u32,
    pub(super) standing: Standing,
    pub(super) method: String,
    pub(super) request_headers: Vec<Header>,
    /// Whether the module may still read the request's headers: not after they were let go on.
    pub(super) headers_open: bool,
    /// What the module may read of the body.
    pub(super) body: Option<Vec<u8>>,
    /// The filter holds the body: further pieces are added to it.
    buffering: bool,
    /// Held in the header callback, with Envoy keeping the body to itself: what has come, and whether it ended.
    withheld: Option<(Vec<u8>, bool)>,
    pub(super) response_headers: Vec<Header>,
    pub(super) properties: BTreeMap<String, Vec<u8>>,
    pub(super) filter_state: BTreeMap<String, Vec<u8>>,
    /// Header and body bytes that have reached the proxy.
    pub(super) total_size: u64,
    replied: bool,
}

impl Vm {
    /// Creates the stream's context under root `root` and runs the header callback.
    pub(super) fn open(&mut self, root: u32, request: Request, end_of_stream: bool) -> u32 {
        let id = self.host().last_context + 1;
        let headers = request.lines(id);
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let count = headers.len();
        let made = self.host_mut().add(Context::Stream(Box::new(StreamState {
            root,
            standing: Standing::Paused,
            method: request.method,
            request_headers: headers,
            headers_open: true,
            body: None,
            buffering: false,
            withheld: None,
            response_headers: Vec::new(),
            properties: request.properties,
            filter_state: BTreeMap::new(),
            total_size: size as u64,
            replied: false,
        })));
        debug_assert_eq!(id, made);
        if self.call(id, "proxy_on_context_create", &[id, root]).is_some() {
            let action = self.call(
                id,
                "proxy_on_request_headers",
                &[id, number(count), u32::from(end_of_stream)],
            );
            self.after_headers(id, action);
        }
        self.settle();
        self.fail_if_trapped(id);
        id
    }

    fn after_headers(&mut self, id: u32, action: Option<u32>) {
        let Some(action) = action else { return };
        // 4 is `StopAllIterationAndWatermark`: the body waits outside, whatever the plugin allows.
        let withhold = !self.host().settings.stop_iteration || action == 4;
        let replying = self.replying(id);
        let Some(stream) = self.host_mut().stream_mut(id) else {
            return;
        };
        if action == 0 && !replying {
            stream.standing = Standing::Continued;
            stream.headers_open = false;
        } else if withhold || replying {
            stream.withheld = Some((Vec::new(), false));
        }
    }

    /// A piece of the request's body arrives. Nothing happens on a stream that has ended.
    pub(super) fn body(&mut self, id: u32, piece: &[u8], end_of_stream: bool) {
        let Some(stream) = self.host_mut().stream_mut(id) else {
            return;
        };
        stream.total_size += piece.len() as u64;
        if let Some((kept, ended)) = &mut stream.withheld {
            kept.extend(piece);
            *ended |= end_of_stream;
            if kept.len() > BUFFER_LIMIT {
                self.too_large(id);
            }
        } else {
            self.tell_body(id, piece, end_of_stream);
        }
        self.settle();
        self.fail_if_trapped(id);
    }

    fn tell_body(&mut self, id: u32, piece: &[u8], end_of_stream: bool) {
        let Some(stream) = self.host_mut().stream_mut(id) else {
            return;
        };
        let held = if stream.buffering {
            stream.body.take().unwrap_or_default()
        } else {
            Vec::new()
        };
        let body = [held, piece.to_vec()].concat();
        let length = body.len();
        stream.body = Some(body);
        if stream.buffering && length > BUFFER_LIMIT {
            return self.too_large(id);
        }
        let action = self.call(
            id,
            "proxy_on_request_body",
            &[id, number(length), u32::from(end_of_stream)],
        );
        let replying = self.replying(id);
        let (Some(action), Some(stream)) = (action, self.host_mut().stream_mut(id)) else {
            return;
        };
        stream.buffering = action == 1 && !replying;
        if action == 0 && !replying {
            stream.standing = Standing::Continued;
            (stream.headers_open, stream.body) = (false, None);
        } else {
            stream.standing = Standing::Paused;
        }
    }

    fn too_large(&mut self, stream: u32) {
        let body = b"Payload Too Large".to_vec();
        let details = "request_payload_too_large".to_owned();
        self.host_mut().deferred.push(Deferred::Reply {
            stream,
            status: 413,
            headers: Vec::new(),
            body,
            details,
        });
    }

    fn replying(&self, id: u32) -> bool {
        self.host()
            .deferred
            .iter()
            .any(|what| matches!(what, Deferred::Reply { stream, .. } if *stream == id))
    }

    /// Does what the module asked for while it ran, until nothing is left to do.
    pub(super) fn settle(&mut self) {
        loop {
            let waiting = std::mem::take(&mut self.host_mut().deferred);
            if waiting.is_empty() {
                return;
            }
            for what in waiting {
                match what {
                    Deferred::Reply {
                        stream,
                        status,
                        headers,
                        body,
                        details,
                    } => {
                        self.reply(
                            stream,
                            Reply {
                                status,
                                headers,
                                body,
                                details,
                                ..Reply::default()
                            },
                        );
                    }
                    Deferred::Continue { stream } => self.go_on(stream),
                    Deferred::Close { stream } => self.end(stream, Standing::Gone),
                    Deferred::Delete { root } => self.delete_root(root),
                }
            }
        }
    }

    fn go_on(&mut self, id: u32) {
        let held = self
            .host_mut()
            .stream_mut(id)
            .filter(|stream| matches!(stream.standing, Standing::Paused));
        let Some(stream) = held else {
            return self.host_mut().faults.push(Fault::NotPaused { stream: id });
        };
        stream.standing = Standing::Continued;
        (stream.headers_open, stream.body, stream.buffering) = (false, None, false);
        if let Some((body, ended)) = stream.withheld.take()
            && (ended || !body.is_empty())
        {
            self.tell_body(id, &body, ended);
        }
    }

    /// The upstream's answer to a request that was let go on.
    pub(super) fn upstream(&mut self, id: u32, reply: Reply) {
        self.send_back(id, reply);
        self.settle();
    }

    fn reply(&mut self, id: u32, mut reply: Reply) {
        // One that is no longer there was answered or closed earlier in the same call.
        if self.host().stream(id).is_none_or(|stream| stream.replied) {
            return self.host_mut().faults.push(Fault::SecondReply {
                stream: id,
                status: reply.status,
            });
        }
        if let Some(why) = reply.unsendable() {
            self.host_mut().faults.push(Fault::BadReply { stream: id, why });
        }
        reply.complete();
        self.send_back(id, reply);
    }

    fn send_back(&mut self, id: u32, mut reply: Reply) {
        let Some(stream) = self.host_mut().stream_mut(id) else {
            return;
        };
        stream.replied = true;
        if stream.method == "HEAD" {
            reply.body.clear();
        }
        stream.response_headers = std::mem::take(&mut reply.headers);
        stream
            .response_headers
            .insert(0, (":status".to_owned(), reply.status.to_string().into_bytes()));
        let (count, bodyless) = (number(stream.response_headers.len()), reply.body.is_empty());
        let mut held = self.call(id, "proxy_on_response_headers", &[id, count, u32::from(bodyless)]);
        if !bodyless && held == Some(0) {
            held = self.call(id, "proxy_on_response_body", &[id, number(reply.body.len()), 1]);
        }
        if held.is_some_and(|action| action != 0) {
            self.host_mut().faults.push(Fault::HeldReply { stream: id });
        }
        let Some(stream) = self.host_mut().stream_mut(id) else {
            return;
        };
        reply.headers = stream
            .response_headers
            .iter()
            .filter(|(name, _)| name != ":status")
            .cloned()
            .collect();
        self.end(id, Standing::Replied(reply));
    }

    /// The client leaves.
    pub(super) fn leave(&mut self, id: u32) {
        self.end(id, Standing::Gone);
        self.settle();
    }

    fn end(&mut self, id: u32, standing: Standing) {
        let Some(stream) = self.host_mut().stream_mut(id) else {
            return;
        };
        stream.headers_open = true; // the access log reads them
        self.call(id, "proxy_on_log", &[id]);
        self.call(id, "proxy_on_done", &[id]);
        self.call(id, "proxy_on_delete", &[id]);
        let Some(Context::Stream(stream)) = self.host_mut().contexts.remove(&id) else {
            return;
        };
        let standing = match standing {
            Standing::Replied(reply) => Standing::Replied(Reply {
                filter_state: stream.filter_state,
                ..reply
            }),
            other => other,
        };
        self.ended.insert(id, (standing, stream.request_headers));
        self.retire(stream.root);
    }

    /// Under `FAIL_CLOSED`, the request in which the module trapped is answered 503, and so is every one after it.
    pub(super) fn fail_if_trapped(&mut self, id: u32) {
        if !self.failed {
            return;
        }
        if let Some(Context::Stream(stream)) = self.host_mut().contexts.remove(&id) {
            let details = "wasm_fail_stream".to_owned();
            let reply = Reply {
                status: 503,
                details,
                filter_state: stream.filter_state,
                ..Reply::default()
            };
            self.ended
                .insert(id, (Standing::Replied(reply), stream.request_headers));
        }
    }
}

pub(super) fn number(len: usize) -> u32 {
    u32::try_from(len).expect("nothing here is 4 GiB long")
}
