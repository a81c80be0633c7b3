//! Sockets: how they are opened, and both kinds as one.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseport};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream, lookup_host};

use super::Peer;
use crate::listen::Address;

/// So many connections may wait to be accepted; the kernel takes less where `somaxconn` says so.
const BACKLOG: u32 = 4_096;

/// Why nothing listens at an address.
#[derive(Debug, Error)]
pub enum BindError {
    /// The host's name has no address.
    #[error("cannot find the address of `{host}`")]
    Name {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The system refused; most often somebody listens there already.
    #[error("cannot listen at `{address}`")]
    Bind {
        /// Where.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// What stands at the path is not removed, since it is something else.
    #[error("cannot listen at `{path}`: there is a file that is no socket; move it away")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
}

/// Where a listener was opened in effect: port 0 is a real one here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Address and port.
    Tcp(SocketAddr),
    /// A socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listening {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, SocketFile),
}

/// A connection, not encrypted yet.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The file of a Unix socket; removed with it, unless another one stands there by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: Option<(u64, u64)>,
}

impl Listening {
    /// Opens `address`. `overlapping` are sockets of ours that are about to close and may hold the same port for more
    /// or fewer addresses: those let this one in beside them, for otherwise there would be a moment with none.
    pub(super) async fn open(address: &Address, overlapping: &[BorrowedFd<'_>]) -> Result<Self, BindError> {
        let told = |source| BindError::Bind {
            address: address.to_string(),
            source,
        };
        match address {
            Address::Unix { path, mode } => open_unix(path, *mode),
            Address::Tcp { host, port } if host.is_empty() => {
                // As Go: both families by one socket, or IPv4 alone where there is no IPv6.
                let all_v6 = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, *port));
                let all_v4 = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, *port));
                open_tcp(all_v6, overlapping)
                    .or_else(|error| match error.raw_os_error() {
                        Some(code) if is_without_ipv6(code) => open_tcp(all_v4, overlapping),
                        _ => Err(error),
                    })
                    .map_err(told)
            }
            Address::Tcp { host, port } => {
                let found = lookup_host((host.as_str(), *port)).await;
                let found = found.map_err(|source| BindError::Name {
                    host: host.clone(),
                    source,
                })?;
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in found {
                    match open_tcp(address, overlapping) {
                        Ok(listening) => return Ok(listening),
                        Err(error) => last = error,
                    }
                }
                Err(told(last))
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are one piece; waiting for more to send only delays them.
                let _ = stream.set_nodelay(true);
                Ok((Socket::Tcp(stream), Peer::Tcp(peer)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), Peer::Unix))
            }
        }
    }

    pub(super) fn bound(&self) -> Bound {
        match self {
            Self::Tcp(_, address) => Bound::Tcp(*address),
            Self::Unix(_, file) => Bound::Unix(file.path.clone()),
        }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener, _) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

fn is_without_ipv6(code: i32) -> bool {
    [rustix::io::Errno::AFNOSUPPORT, rustix::io::Errno::ADDRNOTAVAIL]
        .iter()
        .any(|errno| errno.raw_os_error() == code)
}

fn open_tcp(address: SocketAddr, overlapping: &[BorrowedFd<'_>]) -> io::Result<Listening> {
    match bind_tcp(address, false) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !overlapping.is_empty() => {
            // For this moment alone: with it left on, a second program would share the port, and half of the clients.
            for socket in overlapping {
                let _ = set_socket_reuseport(socket, true);
            }
            let bound = bind_tcp(address, true);
            for socket in overlapping {
                let _ = set_socket_reuseport(socket, false);
            }
            bound
        }
        bound => bound,
    }
}

fn bind_tcp(address: SocketAddr, shares: bool) -> io::Result<Listening> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, !address.ip().is_unspecified())?;
    }
    // Else the port is taken for a minute after a restart.
    socket.set_reuseaddr(true)?;
    if shares {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    if shares {
        set_socket_reuseport(&listener, false)?;
    }
    let bound = listener.local_addr()?;
    Ok(Listening::Tcp(listener, bound))
}

fn open_unix(path: &Path, mode: Option<u32>) -> Result<Listening, BindError> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => std::fs::remove_file(path).map_err(|source| cannot_bind(path, source))?,
        // Whatever is wrong with the path, binding says it.
        Err(_) => {}
    }
    bind_unix(path, mode).map_err(|source| cannot_bind(path, source))
}

fn cannot_bind(path: &Path, source: io::Error) -> BindError {
    BindError::Bind {
        address: format!("unix:{}", path.display()),
        source,
    }
}

fn bind_unix(path: &Path, mode: Option<u32>) -> io::Result<Listening> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let mut file = SocketFile {
        path: path.to_owned(),
        identity: None,
    };
    file.identity = identity(path);
    // Before anybody can connect: until it listens, the system refuses everybody.
    file.set_mode(mode)?;
    Ok(Listening::Unix(socket.listen(BACKLOG)?, file))
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let there = std::fs::symlink_metadata(path).ok()?;
    Some((there.dev(), there.ino()))
}

impl SocketFile {
    /// Who may connect; nothing is changed with `None`.
    pub(super) fn set_mode(&self, mode: Option<u32>) -> io::Result<()> {
        match mode {
            Some(mode) => std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A program that was started meanwhile has put its own socket there.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
