//! HTTP/2 with prior knowledge (RFC 9113 section 3.3): several streams of one connection, and streams that are reset.

use bytes::Bytes;
use h2::{Reason, client};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{LIMIT, Response, header};

/// One stream.
#[derive(Clone, Debug)]
pub struct Stream {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    /// A DATA frame each.
    pieces: Vec<Bytes>,
    reset: bool,
}

impl Stream {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            pieces: Vec::new(),
            reset: false,
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
        self.pieces.push(Bytes::copy_from_slice(bytes));
        self
    }

    /// Ends with `RST_STREAM` where the body would have ended: the client has left.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.reset = true;
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
    let (mut client, connection) = client::handshake(tcp).await?;
    tokio::spawn(connection);
    let mut open = Vec::new();
    for stream in streams {
        client = client.ready().await?;
        let (answer, mut body) = client.send_request(request(stream), stream.pieces.is_empty() && !stream.reset)?;
        for (i, piece) in stream.pieces.iter().enumerate() {
            body.send_data(piece.clone(), i + 1 == stream.pieces.len() && !stream.reset)?;
            // Lets the connection write: a frame each, and the reset after them.
            tokio::task::yield_now().await;
        }
        open.push((answer, body));
    }
    let mut answers = Vec::new();
    for ((answer, mut body), stream) in open.into_iter().zip(streams) {
        if stream.reset {
            body.send_reset(Reason::CANCEL);
        }
        answers.push(read(answer).await.ok());
    }
    Ok(answers)
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
