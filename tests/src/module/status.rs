//! What a host call answers, and what it counts as misuse.

use std::fmt;

/// The result of a host call, as proxy-wasm ABI 0.2.1 numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    NotFound = 1,
    BadArgument = 2,
    InvalidMemoryAccess = 6,
    CasMismatch = 8,
    InternalFailure = 10,
    Unimplemented = 12,
}

/// Something that the proxy would not notice, or would end the process for, and that is wrong in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A stream that has its reply was given another; Envoy sends the first.
    SecondReply { stream: u32, status: u32 },
    /// A call that acts on a stream was made where none was selected: it does nothing, or acts on the root.
    NoStream { call: &'static str },
    /// `proxy_set_effective_context` failed and a call that acts on a stream followed. It acts on the stream that was
    /// selected before: this is how one client's token reaches another.
    SelectionFailed { call: &'static str, selected: u32 },
    /// A stream was let go on that does not wait, or has its reply.
    NotPaused { stream: u32 },
    /// A response callback held back the filter's own reply.
    HeldReply { stream: u32 },
    /// A local reply with a status Envoy does not send, or a header with a line break or NUL in it.
    BadReply { stream: u32, why: String },
    /// A pointer from the module lies outside its memory.
    OutsideMemory { call: &'static str },
    /// The module trapped: Envoy's `FAIL_CLOSED`, nothing of this VM is called any more.
    Trap { during: String, text: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecondReply { stream, status } => {
                write!(f, "stream {stream} was answered a second time, with {status}")
            }
            Self::NoStream { call } => write!(f, "`{call}` where no stream is selected"),
            Self::SelectionFailed { call, selected } => {
                write!(
                    f,
                    "`{call}` after a failed selection acts on context {selected}, selected before"
                )
            }
            Self::NotPaused { stream } => write!(f, "stream {stream} was let go on but does not wait"),
            Self::HeldReply { stream } => write!(f, "the filter held back its own reply on stream {stream}"),
            Self::BadReply { stream, why } => write!(f, "stream {stream} was given a reply that cannot be sent: {why}"),
            Self::OutsideMemory { call } => write!(f, "`{call}` was given a pointer outside the module's memory"),
            Self::Trap { during, text } => write!(f, "trap in `{during}`: {text}"),
        }
    }
}
