//! `registry-auth health`: asks a running program whether it is ready, for a container's health check.

use std::process::ExitCode;
use std::time::Duration;

use axum::body::Body;
use http::header::HOST;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::health::{CHANGED, READYZ};
use crate::listen::Address;

/// Whoever asks gives up sooner or later: Docker after 30 s, Kubernetes after one.
const PATIENCE: Duration = Duration::from_secs(5);
/// What an answer may have.
const MOST_BYTES: usize = 64 * 1024;

/// What the running program says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it can answer.
    pub is_ready: bool,
    /// What it says about it: one JSON object.
    pub report: String,
}

/// Why it could not be asked.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("cannot connect to `{address}`; is `registry-auth` running, with this `admin.listen`?")]
    Connect {
        /// Where.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is something else.
    #[error("`{address}` does not answer as `registry-auth` does: {what}")]
    Answer {
        /// Where.
        address: String,
        /// What is wrong with the answer.
        what: String,
    },
    /// It hangs.
    #[error("`{address}` does not answer within {} s", PATIENCE.as_secs())]
    TooSlow {
        /// Where.
        address: String,
    },
}

/// Prints what is heard from the program whose `admin.listen` is `address`: 0 ready, 1 not ready, 2 could not ask.
pub async fn run(address: &Address) -> ExitCode {
    match ask(address).await {
        Ok(health) => {
            let _ = print(&health.report);
            ExitCode::from(u8::from(!health.is_ready))
        }
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::from(2)
        }
    }
}

/// Says whether anybody listens at `address`, where a program without `admin.listen` answers token requests: 0 or 1.
pub async fn connect(address: &Address) -> ExitCode {
    let connected = timeout(PATIENCE, async {
        match address {
            Address::Tcp { host, port } => TcpStream::connect((on_this_machine(host), *port)).await.map(drop),
            Address::Unix { path, .. } => UnixStream::connect(path).await.map(drop),
        }
    });
    match connected.await {
        Ok(Ok(())) => {
            let _ = print(&format!(
                "`{address}` takes connections; with `admin.listen` it would tell more"
            ));
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => {
            eprintln!("error: {}", told(&no_connection(address, error)));
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// A closed pipe is no failure: the answer is the exit code.
fn print(report: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report.trim_end())
}

fn told(error: &AskError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Asks the program whose `admin.listen` is `address`.
///
/// # Errors
/// See [`AskError`].
pub async fn ask(address: &Address) -> Result<Health, AskError> {
    let (status, report) = exchange(address, Method::GET, READYZ).await?;
    match status {
        StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE if report.starts_with('{') => Ok(Health {
            is_ready: status == StatusCode::OK,
            report,
        }),
        other => Err(odd(address, format!("it says {other}"))),
    }
}

/// Tells the program whose `admin.listen` is `address` that a database was changed.
///
/// # Errors
/// See [`AskError`].
pub async fn tell_of_change(address: &Address) -> Result<(), AskError> {
    match exchange(address, Method::POST, CHANGED).await? {
        (StatusCode::ACCEPTED, _) => Ok(()),
        (other, _) => Err(odd(address, format!("it says {other}"))),
    }
}

async fn exchange(address: &Address, method: Method, path: &str) -> Result<(StatusCode, String), AskError> {
    let exchanged = timeout(PATIENCE, async {
        match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((on_this_machine(host), *port)).await;
                let stream = stream.map_err(|source| no_connection(address, source))?;
                send(stream, address, method, path).await
            }
            Address::Unix { path: socket, .. } => {
                let stream = UnixStream::connect(socket).await;
                let stream = stream.map_err(|source| no_connection(address, source))?;
                send(stream, address, method, path).await
            }
        }
    });
    exchanged.await.unwrap_or_else(|_| {
        Err(AskError::TooSlow {
            address: address.to_string(),
        })
    })
}

fn odd(address: &Address, what: String) -> AskError {
    AskError::Answer {
        address: address.to_string(),
        what,
    }
}

/// Who listens everywhere listens on loopback.
fn on_this_machine(host: &str) -> &str {
    match host {
        "" | "0.0.0.0" | "::" => "localhost",
        host => host,
    }
}

fn no_connection(address: &Address, source: std::io::Error) -> AskError {
    AskError::Connect {
        address: address.to_string(),
        source,
    }
}

async fn send<S>(stream: S, address: &Address, method: Method, path: &str) -> Result<(StatusCode, String), AskError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let odd = |what: String| odd(address, what);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| odd(error.to_string()))?;
    let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
    let request = request.body(Body::empty());
    let request = request.map_err(|error| odd(error.to_string()))?;
    let answered = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| odd(error.to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| odd(error.to_string()))?.to_bytes();
        // Let go of it, so that the connection ends.
        drop(sender);
        Ok((status, body))
    };
    let (answer, _) = tokio::join!(answered, connection);
    let (status, body) = answer?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::{Readiness, router};
    use crate::listen::Listener;
    use crate::metrics::Metrics;
    use crate::server::{Endpoint, Limits, Server};

    async fn admin(address: Address, readiness: Arc<Readiness>) -> Server {
        let metrics = Metrics::new();
        let mut server = Server::new(Arc::clone(&metrics));
        let endpoint = Endpoint {
            name: "admin",
            listener: Listener { address, tls: None },
            router: router(readiness, metrics, Arc::default()),
            limits: Limits::ADMIN,
        };
        let opened = server.open(vec![endpoint]).await.unwrap();
        server.install(opened);
        server
    }

    #[tokio::test]
    async fn it_says_ready_not_ready_and_nobody_there() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse(&format!("unix:{}/admin.sock", folder.path().display())).unwrap();
        assert!(matches!(ask(&address).await, Err(AskError::Connect { .. })));
        assert_eq!(run(&address).await, ExitCode::from(2));
        let readiness = Arc::new(Readiness::default());
        let server = admin(address.clone(), Arc::clone(&readiness)).await;
        assert!(!ask(&address).await.unwrap().is_ready);
        assert_eq!(run(&address).await, ExitCode::from(1));
        readiness.in_force(7);
        let health = ask(&address).await.unwrap();
        assert!(
            health.is_ready && health.report.contains("\"generation\":7"),
            "{health:?}"
        );
        assert_eq!(run(&address).await, ExitCode::SUCCESS);
        server.stop(Duration::from_mins(1)).await;
    }

    #[tokio::test]
    async fn something_else_that_answers_is_not_health() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let other = axum::Router::new().fallback(|| async { "<html>" });
        let metrics = Metrics::new();
        let mut server = Server::new(metrics);
        drop(listener);
        let endpoint = Endpoint {
            name: "token",
            listener: Listener {
                address: address.clone(),
                tls: None,
            },
            router: other,
            limits: Limits::CLIENTS,
        };
        let opened = server.open(vec![endpoint]).await.unwrap();
        server.install(opened);
        assert!(matches!(ask(&address).await, Err(AskError::Answer { .. })));
        server.stop(Duration::from_mins(1)).await;
    }
}
