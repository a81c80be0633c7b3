//! One run of a program: it gets its input, has a time limit, and leaves nothing behind.
//!
//! The run is a task of its own, so that it ends in order also when nobody waits for it any more: the process group is
//! killed, the program reaped, and only then may the next one run.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use registry_auth_core::secret::Secret;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpgid};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::MAX_ANSWER_BYTES;
use super::super::gate::Turn;
use super::Kept;

/// The most of stderr that is kept, in bytes.
const MAX_SAID_BYTES: usize = 8 * 1024;

/// What was said on stderr before the end is in the pipe; it is not waited for who else holds it open.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// What a run came to.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// Its stdout, if that was a pipe.
    pub(super) output: Kept,
    /// Its stderr.
    pub(super) said: Kept,
}

/// Why there is no end.
#[derive(Debug)]
pub(super) enum Unended {
    /// The time was over; this is what it had said.
    TooSlow(Kept),
    /// It did not begin, or cannot be watched.
    Broken(io::Error),
}

/// Runs `command` with `input` as its stdin until it has ended and its stdout is closed, at most `until` then. If the
/// future is dropped, the run ends.
pub(super) async fn run(
    mut command: Command,
    input: Secret<Vec<u8>>,
    until: Instant,
    turn: Turn,
) -> Result<Ended, Unended> {
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it starts can be killed with it.
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(Unended::Broken)?;
    let group = Group::of(&child);
    let pipes = Pipes::of(&mut child);
    let (answer, answered) = oneshot::channel();
    tokio::spawn(supervise(child, group, pipes, input, until, turn, answer));
    let gone = |_| Unended::Broken(io::Error::other("the run was given up"));
    answered.await.map_err(gone).and_then(|ended| ended)
}

async fn supervise(
    mut child: Child,
    mut group: Group,
    mut pipes: Pipes,
    input: Secret<Vec<u8>>,
    until: Instant,
    turn: Turn,
    mut answer: oneshot::Sender<Result<Ended, Unended>>,
) {
    let status = tokio::select! {
        biased;
        status = pipes.talk(&mut child, &input) => Some(status),
        () = answer.closed() => None,
        () = sleep_until(until) => None,
    };
    match status {
        Some(Ok(status)) => {
            let left = group.spare();
            let Pipes { output, said, .. } = pipes;
            drop(answer.send(Ok(Ended { status, output, said })));
            drop(turn);
            reap(left).await;
        }
        failed => {
            let left = group.kill();
            let fault = match failed {
                Some(Err(error)) => Unended::Broken(error),
                Some(Ok(_)) | None => Unended::TooSlow(pipes.said),
            };
            // Nobody waits for what cannot be killed yet, such as a program that reads from a server that is gone.
            drop(answer.send(Err(fault)));
            drop(child.wait().await);
            drop(turn);
            reap(left).await;
        }
    }
}

/// The streams of a program, and what was read from them.
struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    output: Kept,
    said: Kept,
}

impl Pipes {
    fn of(child: &mut Child) -> Self {
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            output: Kept::new(MAX_ANSWER_BYTES),
            said: Kept::new(MAX_SAID_BYTES),
        }
    }

    /// Writes and reads all at once, so that neither side waits for the other, until stdout is closed and the program has
    /// ended; in this order, for a process that is not reaped keeps the number of its group.
    async fn talk(&mut self, child: &mut Child, input: &Secret<Vec<u8>>) -> io::Result<ExitStatus> {
        let (stdin, stdout, stderr) = (self.stdin.take(), self.stdout.take(), self.stderr.take());
        let (output, said) = (&mut self.output, &mut self.said);
        let mut feed = pin!(async move {
            if let Some(mut stdin) = stdin {
                // A program need not read what it is asked.
                drop(stdin.write_all(input.expose()).await);
            }
        });
        let mut listen = pin!(async move {
            if let Some(stderr) = stderr {
                said.read(stderr).await;
            }
        });
        let mut end = pin!(async move {
            if let Some(stdout) = stdout {
                output.read(stdout).await;
            }
            child.wait().await
        });
        let (mut is_fed, mut is_silent) = (false, false);
        let status = loop {
            tokio::select! {
                status = &mut end => break status?,
                () = &mut feed, if !is_fed => is_fed = true,
                () = &mut listen, if !is_silent => is_silent = true,
            }
        };
        if !is_silent {
            drop(timeout(LAST_WORDS, listen).await);
        }
        Ok(status)
    }
}

/// The process group of a program that runs: killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// The program has ended, and is reaped: what it left running in its group runs on, as with docker_auth.
    fn spare(&mut self) -> Option<Pid> {
        self.0.take()
    }

    fn kill(&mut self) -> Option<Pid> {
        let group = self.0.take()?;
        // It fails only if there is nobody left to kill.
        let _ = kill_process_group(group, Signal::KILL);
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reaps what a program left behind, if that falls to us: in a container this is often the first process, which inherits
/// every orphan. Elsewhere there is nothing to wait for.
async fn reap(group: Option<Pid>) {
    let Some(group) = group else { return };
    let is_left = || loop {
        match waitpgid(group, WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    };
    if !is_left() {
        return;
    }
    let Ok(mut deaths) = signal(SignalKind::child()) else {
        return;
    };
    while is_left() && deaths.recv().await.is_some() {}
}
