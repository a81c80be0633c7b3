//! HTTP/2 with prior knowledge (RFC 9113 section 3.3): several streams of one connection, late, reset or without end.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream, client};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{LIMIT, Response, header};

/// For answers that are not read yet, on one connection, in bytes.
const ROOM: u32 = 16 << 20;

/// One stream.
#[derive(Clone, Debug)]
pub struct Stream {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<Part>,
    end: End,
}

#[derive(Clone, Debug)]
enum Part {
    /// A DATA frame of its own.
    Piece(Bytes),
    Pause(Duration),
}

#[derive(Clone, Debug)]
enum End {
    /// With the last piece.
    Whole,
    /// It does not.
    Open,
    Reset,
    /// These bytes again and again.
    Never(Bytes),
}

impl Stream {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            end: End::Whole,
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a piece of the body, sent in a frame of its own.
    #[must_use]
    pub fn piece(mut self, bytes: &[u8]) -> Self {
        self.body.push(Part::Piece(Bytes::copy_from_slice(bytes)));
        self
    }

    /// Lets this time pass before what follows: a client that is late.
    #[must_use]
    pub fn pause(mut self, time: Duration) -> Self {
        self.body.push(Part::Pause(time));
        self
    }

    /// Ends with `RST_STREAM` where the body would have ended: the client has left.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.end = End::Reset;
        self
    }

    /// After the pieces sends nothing more, and does not end: a client that is awaited in vain.
    #[must_use]
    pub fn left_open(mut self) -> Self {
        self.end = End::Open;
        self
    }

    /// After the pieces sends this one again and again, until there is an answer.
    #[must_use]
    pub fn without_end(mut self, bytes: &[u8]) -> Self {
        self.end = End::Never(Bytes::copy_from_slice(bytes));
        self
    }
}

/// Sends all streams on one connection before it reads the first answer. `None` stands for a stream that ended without
/// one.
#[track_caller]
pub fn send(port: u16, streams: &[Stream]) -> Vec<Option<Response>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime
        .block_on(async { timeout(LIMIT, exchange(port, streams)).await })
        .unwrap_or_else(|_| panic!("no answers within {LIMIT:?}"))
        .unwrap_or_else(|error| panic!("the connection failed: {error}"))
}

async fn exchange(port: u16, streams: &[Stream]) -> Result<Vec<Option<Response>>, h2::Error> {
    let tcp = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("the server takes connections");
    // Answers come in any order, and are read in that of the streams: all of them find room until then.
    let mut client = client::Builder::new();
    client.initial_connection_window_size(ROOM);
    let (mut client, connection) = client.handshake(tcp).await?;
    tokio::spawn(connection);
    let (mut open, mut left_open) = (Vec::new(), Vec::new());
    for stream in streams {
        client = client.ready().await?;
        let whole = matches!(stream.end, End::Whole);
        let (answer, mut body) = client.send_request(request(stream), whole && stream.body.is_empty())?;
        for (i, part) in stream.body.iter().enumerate() {
            match part {
                Part::Pause(time) => sleep(*time).await,
                Part::Piece(piece) => {
                    // An error says that the server has answered already: reading the answer will tell.
                    let _ = body.send_data(piece.clone(), whole && i + 1 == stream.body.len());
                    // Lets the connection write: a frame each.
                    tokio::task::yield_now().await;
                }
            }
        }
        let mut feeder = None;
        match &stream.end {
            End::Never(piece) => feeder = Some(tokio::spawn(feed(body, piece.clone()))),
            End::Reset => {
                // A reset takes back what is not written yet.
                tokio::task::yield_now().await;
                body.send_reset(Reason::CANCEL);
            }
            // To drop it would end it.
            End::Open => left_open.push(body),
            End::Whole => {}
        }
        open.push((answer, feeder));
    }
    let mut answers = Vec::new();
    for (answer, feeder) in open {
        answers.push(read(answer).await.ok());
        if let Some(feeder) = feeder {
            feeder.abort();
        }
    }
    Ok(answers)
}

/// Sends as much as the server's windows allow.
async fn feed(mut body: SendStream<Bytes>, piece: Bytes) {
    loop {
        body.reserve_capacity(piece.len());
        while body.capacity() == 0 {
            let Some(Ok(_)) = poll_fn(|context| body.poll_capacity(context)).await else {
                return;
            };
        }
        let length = piece.len().min(body.capacity());
        if body.send_data(piece.slice(..length), false).is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn read(answer: client::ResponseFuture) -> Result<Response, h2::Error> {
    let (head, mut stream) = answer.await?.into_parts();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| header(name.as_str(), value.as_bytes()))
        .collect();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(Response {
        status: head.status.as_u16(),
        headers,
        body,
    })
}

fn request(stream: &Stream) -> http::Request<()> {
    let mut request = http::Request::builder()
        .method(stream.method)
        .uri(format!("http://127.0.0.1{}", stream.path));
    for (name, value) in &stream.headers {
        request = request.header(name, value);
    }
    request.body(()).expect("a test writes a request that can be sent")
}
