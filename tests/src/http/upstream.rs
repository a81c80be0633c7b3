//! A server that answers everything and keeps all it was sent: what is not there, Envoy never let through.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::raw;
use crate::ports::Port;

/// What it answers to each request.
pub const ANSWER: &str = "the upstream";

/// An HTTP/1.1 server on loopback. Its thread ends with this process.
#[derive(Debug)]
pub struct Upstream {
    port: Port,
    seen: Arc<Mutex<Seen>>,
}

/// A request that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Request line and headers, as they came.
    pub head: String,
    /// The body, out of its chunks.
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    bytes: Vec<u8>,
    requests: Vec<Request>,
}

impl Upstream {
    #[track_caller]
    pub fn start() -> Self {
        let port = Port::free();
        let listener = TcpListener::bind(("127.0.0.1", port.number())).expect("the port is free");
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { port, seen }
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Every byte of every connection so far, whole requests or not.
    pub fn received(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&seen.bytes).into_owned()
    }

    /// The requests so far, in the order in which they were whole.
    pub fn requests(&self) -> Vec<Request> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests.clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Seen>) {
    let mut unread = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        unread.extend_from_slice(&buffer[..count]);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.bytes.extend_from_slice(&buffer[..count]);
        while let Some((request, length)) = parse(&unread) {
            unread.drain(..length);
            // Noted before it is answered: whoever has the answer finds the request.
            seen.requests.push(request);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ANSWER}", ANSWER.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// A request and its length, if it is whole.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let (head, at) = raw::split_head(bytes)?;
    let (body, end) = raw::body(&raw::headers(head), bytes, at)?.unwrap_or((Vec::new(), at));
    let head = String::from_utf8_lossy(head).into_owned();
    Some((Request { head, body }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_kept_whole_or_not() {
        let upstream = Upstream::start();
        let mut connection = raw::Connection::open(upstream.port());
        connection.send(raw::head("POST", "/a", &[("transfer-encoding", "chunked")]).as_bytes());
        connection.send_chunk(b"one ");
        connection.send_chunk(b"two");
        connection.send_last_chunk();
        assert_eq!(connection.answer().expect("an answer").text(), ANSWER);
        connection.send(b"GET /b HTTP/1.1\r\n\r\nPOST /half");
        assert_eq!(connection.answer().expect("an answer").status, 200);
        let requests = upstream.requests();
        assert_eq!(requests[0].body, b"one two");
        assert_eq!(requests[1].head, "GET /b HTTP/1.1");
        assert!(upstream.received().contains("4\r\none \r\n"));
    }
}
