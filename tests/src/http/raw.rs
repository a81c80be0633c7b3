//! HTTP/1.1 byte by byte (RFC 9112): a body in single bytes, late, chunked, cut off, or without end.
//!
//! ```no_run
//! use registry_auth_tests::http::raw::{Connection, head};
//!
//! let mut connection = Connection::open(5001);
//! let body = b"grant_type=password";
//! connection.send(head("POST", "/token", &[("content-length", "19")]).as_bytes());
//! connection.send_one_by_one(body);
//! assert_eq!(connection.answer().unwrap().status, 400);
//! ```

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use super::{LIMIT, Response, header};

/// A connection to a server on loopback.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Read and not yet part of an answer.
    unread: Vec<u8>,
}

/// Nothing came in time.
struct TooLate;

/// A request line and headers, `Host` included, with the empty line after them.
pub fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text + "\r\n"
}

impl Connection {
    #[track_caller]
    pub fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket can be told not to wait");
        stream
            .set_write_timeout(Some(LIMIT))
            .expect("a socket takes a time limit");
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Sends these bytes; that the server has closed is for [`Self::answer`] to find.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends these bytes when this time has passed: a client that is late.
    pub fn send_after(&mut self, time: Duration, bytes: &[u8]) {
        thread::sleep(time);
        self.send(bytes);
    }

    /// Sends each byte as a packet of its own.
    pub fn send_one_by_one(&mut self, bytes: &[u8]) {
        for byte in bytes.chunks(1) {
            self.send(byte);
            thread::yield_now();
        }
    }

    /// Sends a chunk of a body with `transfer-encoding: chunked`.
    pub fn send_chunk(&mut self, bytes: &[u8]) {
        self.send(format!("{:x}\r\n", bytes.len()).as_bytes());
        self.send(bytes);
        self.send(b"\r\n");
    }

    /// Ends a body with `transfer-encoding: chunked`.
    pub fn send_last_chunk(&mut self) {
        self.send(b"0\r\n\r\n");
    }

    /// Sends `piece` again and again until the server answers or closes; answers how many bytes went out.
    #[track_caller]
    pub fn send_without_end(&mut self, piece: &[u8]) -> usize {
        let deadline = Instant::now() + LIMIT;
        let (mut sent, mut at) = (0, 0);
        self.stream
            .set_nonblocking(true)
            .expect("a socket can be told not to block");
        loop {
            assert!(Instant::now() < deadline, "no answer after {sent} bytes and {LIMIT:?}");
            if !matches!(self.stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock) {
                break;
            }
            // A full socket takes a part of the piece: the rest goes first then, for a chunk must stay a chunk.
            match self.stream.write(&piece[at..]) {
                Ok(count) => (sent, at) = (sent + count, (at + count) % piece.len()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
                Err(_) => break,
            }
        }
        self.stream
            .set_nonblocking(false)
            .expect("a socket can be told to block");
        sent
    }

    /// Ends the sending side in the middle of whatever was being sent.
    pub fn cut_off(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Gives up the connection with a TCP reset: whoever sent or awaited something is not even told that it ended.
    pub fn reset(self) {
        // What cannot be set on a socket that is gone needs no reset.
        let _ = TcpSocket::from_std_stream(self.stream).set_zero_linger();
    }

    /// Waits until the server has sent something or closed, and leaves it unread.
    #[track_caller]
    pub fn wait_for_answer(&mut self) {
        self.stream
            .set_read_timeout(Some(LIMIT))
            .expect("a socket takes a time limit");
        let sent = self.stream.peek(&mut [0]);
        assert!(
            !matches!(&sent, Err(error) if error.kind() == ErrorKind::WouldBlock),
            "no answer within {LIMIT:?}"
        );
    }

    /// All that the server has sent, once that is `enough` or the server has closed; for what is no HTTP/1.1.
    #[track_caller]
    pub fn received_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> &[u8] {
        let deadline = Instant::now() + LIMIT;
        while !enough(&self.unread) {
            match self.read_before(deadline) {
                Ok(0) => break,
                Ok(_) => {}
                Err(TooLate) => panic!("not enough within {LIMIT:?}: {}", self.unread.escape_ascii()),
            }
        }
        &self.unread
    }

    /// The next answer, or `None` if the server closes without one.
    #[track_caller]
    pub fn answer(&mut self) -> Option<Response> {
        self.answer_within(LIMIT)
            .unwrap_or_else(|| panic!("no answer within {LIMIT:?}"))
    }

    /// The answer to a HEAD with `connection: close`, and whatever comes behind its headers although nothing may.
    #[track_caller]
    pub fn answer_to_head(&mut self) -> Option<Response> {
        let bytes = self.received_until(|_| false);
        let (head, at) = split_head(bytes)?;
        Some(Response {
            status: status(head)?,
            headers: headers(head),
            body: bytes[at..].to_vec(),
        })
    }

    /// As [`Self::answer`]; the outer `None` says that nothing whole came in this time, and nothing is lost.
    pub fn answer_within(&mut self, limit: Duration) -> Option<Option<Response>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some((response, length)) = parse(&self.unread, false) {
                self.unread.drain(..length);
                return Some(Some(response));
            }
            match self.read_before(deadline) {
                Ok(0) => {
                    let last = parse(&self.unread, true).map(|(response, _)| response);
                    self.unread.clear();
                    return Some(last);
                }
                Ok(_) => {}
                Err(TooLate) => return None,
            }
        }
    }

    /// Reads what is there, at least a byte; zero says that the server has closed, or reset.
    fn read_before(&mut self, deadline: Instant) -> Result<usize, TooLate> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TooLate);
        }
        self.stream
            .set_read_timeout(Some(left))
            .expect("a socket takes a time limit");
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(count)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(TooLate),
            Err(_) => Ok(0),
        }
    }
}

/// An answer and its length, if it is whole. A body without a length ends with the connection.
fn parse(bytes: &[u8], closed: bool) -> Option<(Response, usize)> {
    let (head, at) = split_head(bytes)?;
    let status = status(head)?;
    let headers = headers(head);
    let (body, end) = match body(&headers, bytes, at)? {
        Some(found) => found,
        None if status < 200 || status == 204 || status == 304 => (Vec::new(), at),
        None if closed => (bytes[at..].to_vec(), bytes.len()),
        None => return None,
    };
    let response = Response { status, headers, body };
    Some((response, end))
}

/// The status in the first line of an answer.
fn status(head: &[u8]) -> Option<u16> {
    let line = str::from_utf8(head.split(|byte| *byte == b'\n').next()?).ok()?;
    line.trim().split(' ').nth(1)?.parse().ok()
}

/// The first line with the headers, without the empty line after them, and where that line ends.
pub(super) fn split_head(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((bytes.get(..end)?, end + 4))
}

/// The headers below the first line.
pub(crate) fn headers(head: &[u8]) -> Vec<(String, String)> {
    let lines = head.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii);
    lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some(header(
                &String::from_utf8_lossy(&line[..colon]),
                line[colon + 1..].trim_ascii(),
            ))
        })
        .collect()
}

/// The body that begins at `at`, and where it ends; the outer `None` if it is not whole yet, the inner one if no header
/// says how long it is.
#[expect(clippy::option_option, reason = "not whole and not announced are two things")]
pub(super) fn body(headers: &[(String, String)], bytes: &[u8], at: usize) -> Option<Option<(Vec<u8>, usize)>> {
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    if value("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        let (mut body, mut at) = (Vec::new(), at);
        loop {
            let line = at + bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
            let size = usize::from_str_radix(str::from_utf8(bytes.get(at..line)?).ok()?.trim(), 16).ok()?;
            body.extend_from_slice(bytes.get(line + 2..line + 2 + size)?);
            at = line + 2 + size + 2;
            bytes.get(..at)?;
            if size == 0 {
                return Some(Some((body, at)));
            }
        }
    }
    match value("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => Some(Some((bytes.get(at..at + length)?.to_vec(), at + length))),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 No";
        let (response, length) = parse(text, false).unwrap();
        assert_eq!((response.status, response.text().as_str(), length), (200, "ok", 40));
        assert!(parse(&text[..39], false).is_none());
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, false).unwrap().0.text(), "abc");
        assert!(parse(&chunked[..chunked.len() - 1], false).is_none());
        let open = b"HTTP/1.0 200 OK\r\n\r\nall";
        assert!(parse(open, false).is_none());
        assert_eq!(parse(open, true).unwrap().0.text(), "all");
    }
}
