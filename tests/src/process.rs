//! Programs that run: in the background with a log, or to their end within a time limit.
//!
//! Each is the leader of a process group of its own and hears SIGTERM when this process ends, however it ends: nothing
//! stays behind on the machine of somebody who pressed Ctrl-C.

mod cores;

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::parts;
pub use cores::{move_to_core, on_core, stay_on_core};

/// How long a program may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How many lines of its log are shown when a test fails.
const SHOWN: usize = 50;
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A program in the background; stopped, with all it started, when dropped.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to `name.out` and `name.err` in `folder`.
    #[track_caller]
    pub fn start(name: &'static str, command: &Command, folder: &Path) -> Self {
        let (stdout, stderr) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let file = |path: &Path| {
            File::create(path).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()))
        };
        let mut bound = bound_to_us(command);
        bound.stdin(Stdio::null()).stdout(file(&stdout)).stderr(file(&stderr));
        let child = spawn(bound).unwrap_or_else(|error| panic!("cannot start {}: {error}", line(command)));
        Self {
            name,
            child,
            stdout,
            stderr,
        }
    }

    /// Waits until `ready` answers something; panics if the program ends or `limit` passes before. Its log
    /// is shown then, as whenever a test fails.
    #[track_caller]
    pub fn wait_until<T>(&mut self, what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
        let value = poll(limit, || ready().map(Ok).or_else(|| self.has_ended().map(Err)));
        match value {
            Some(Ok(value)) => value,
            Some(Err(status)) => panic!("{} ended ({status}) before {what}", self.name),
            None => panic!("{}: not {what} after {limit:?}", self.name),
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait_for_end(&mut self, limit: Duration) -> ExitStatus {
        let status = poll(limit, || self.has_ended());
        status.unwrap_or_else(|| panic!("{} still runs after {limit:?}", self.name))
    }

    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        reap(&mut self.child)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal. One that has ended hears nothing.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(group(&self.child), signal);
    }

    /// Stops it, until [`Signal::CONT`]: its connections stay open, and new ones are taken by the kernel.
    #[track_caller]
    pub fn hang(&self) {
        self.signal(Signal::STOP);
        // Each of its threads stops at its next turn, and could answer until then.
        let threads = format!("/proc/{}/task", self.id());
        let has_stopped = |thread: &Path| {
            let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
            let state = stat.rsplit(')').next();
            state.is_some_and(|rest| rest.trim_start().starts_with('T'))
        };
        wait_until("all its threads have stopped", GRACE, || {
            let mut threads = fs::read_dir(&threads).expect("the kernel tells a program's threads");
            let all = threads.all(|thread| has_stopped(&thread.expect("a folder can be read").path()));
            all.then_some(())
        });
    }

    /// What it has printed to stdout so far.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has printed to stderr so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Both, for a reader.
    pub fn log(&self) -> String {
        format!("{}{}", self.stdout(), self.stderr())
    }

    /// Ends it: SIGTERM, and SIGKILL for what is left of its group. Done already if it has ended.
    pub fn stop(&mut self) {
        end(&mut self.child, GRACE);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let last = lines
                .get(lines.len().saturating_sub(SHOWN)..)
                .unwrap_or_default()
                .join("\n");
            eprintln!("---- the last that {} logged ----\n{last}\n---- end ----", self.name);
        }
    }
}

/// The resident memory of the process `id`, in bytes.
#[track_caller]
pub fn resident_bytes(id: u32) -> u64 {
    let file = format!("/proc/{id}/status");
    let status = fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read `{file}`: {error}"));
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = kib.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("the kernel tells a program's memory") * 1024
}

/// A program that ran to its end.
#[derive(Debug)]
#[must_use = "say `.ok()` or `.fails()`"]
pub struct Ran {
    /// As one would type it.
    pub line: String,
    /// `None` if it took longer than it may and was killed.
    pub status: Option<ExitStatus>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Panics, with all it printed, unless it succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.succeeded(), "should have succeeded: {}", self.report());
        self
    }

    /// Panics, with all it printed, unless it ended with a failure of its own.
    #[track_caller]
    pub fn fails(self) -> Self {
        assert!(
            self.status.is_some_and(|status| !status.success()),
            "should have failed: {}",
            self.report()
        );
        self
    }

    /// Panics, with all it printed, unless this is among it.
    #[track_caller]
    pub fn says(&self, text: &str) {
        assert!(
            self.output().contains(text),
            "should have said `{text}`: {}",
            self.report()
        );
    }

    /// Both outputs.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Command, end and output, for a reader.
    pub fn report(&self) -> String {
        let end = self
            .status
            .map_or_else(|| "killed: it took too long".to_owned(), |status| status.to_string());
        format!("{}\n({end})\n{}", self.line, self.output())
    }
}

/// Runs a program to its end, at most `limit` long.
#[track_caller]
pub fn run(command: &Command, limit: Duration) -> Ran {
    run_with_input(command, "", limit)
}

/// As [`run`], with `input` on stdin.
#[track_caller]
pub fn run_with_input(command: &Command, input: &str, limit: Duration) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name| folder.path().join(name);
    let create = |name| File::create(path(name)).expect("a file in a temporary folder can be written");
    fs::write(path("in"), input).expect("a file in a temporary folder can be written");
    let mut bound = bound_to_us(command);
    // Files, not pipes: a grandchild that keeps a pipe open would keep us reading.
    bound.stdin(File::open(path("in")).expect("the file just written can be read"));
    bound.stdout(create("out")).stderr(create("err"));
    let mut child = spawn(bound).unwrap_or_else(|error| panic!("cannot start {}: {error}", line(command)));
    let status = poll(limit, || reap(&mut child));
    if status.is_none() {
        end(&mut child, Duration::ZERO);
    }
    Ran {
        line: line(command),
        status,
        stdout: read(&path("out")),
        stderr: read(&path("err")),
    }
}

/// Waits until `condition` answers something, and panics in the caller's line if that takes longer than `limit`.
#[track_caller]
pub fn wait_until<T>(what: &str, limit: Duration, condition: impl FnMut() -> Option<T>) -> T {
    poll(limit, condition).unwrap_or_else(|| panic!("not so after {limit:?}: {what}"))
}

/// What `condition` answers, asked again and again; `None` after `limit`.
pub fn poll<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let value = condition();
        if value.is_some() || Instant::now() >= deadline {
            return value;
        }
        thread::sleep(POLL);
    }
}

/// The command as one would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,%+".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same command, told to end with us. The kernel's order is only to be had before the program starts, hence by a
/// program that gives it and becomes the other.
fn bound_to_us(command: &Command) -> Command {
    let mut bound = Command::new(parts::system("setpriv"));
    bound
        .args(["--pdeathsig", "TERM", "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .process_group(0);
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(key, value),
            None => bound.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    bound
}

/// Spawns in a thread that lives as long as the process: for the kernel a child's parent is the thread that started it,
/// and the thread of one test ends while what it started may serve others.
fn spawn(command: Command) -> io::Result<Child> {
    type Job = (Command, Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in queue {
                // Whoever asked has left: then the child is dropped, and its program runs until we end.
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let (answer, child) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts programs has ended");
    SPAWNER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// Ends a child and its group, and reaps it.
fn end(child: &mut Child, grace: Duration) {
    if reap(child).is_some() {
        return;
    }
    let group = group(child);
    let _ = kill_process_group(group, Signal::TERM);
    // What a test has stopped hears it only then.
    let _ = kill_process_group(group, Signal::CONT);
    let deadline = Instant::now() + grace;
    while reap(child).is_none() {
        if Instant::now() >= deadline {
            let _ = kill_process_group(group, Signal::KILL);
        }
        thread::sleep(POLL);
    }
}

/// How the child ended, if it has. What it left behind in its group is killed before it is reaped: its number, which is
/// the group's, belongs to nobody else until then.
fn reap(child: &mut Child) -> Option<ExitStatus> {
    let group = group(child);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // An error says that it has been reaped before: `try_wait` remembers how it ended.
    if let Ok(ended) = waitid(WaitId::Pid(group), options) {
        ended?;
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.try_wait().ok().flatten()
}

fn group(child: &Child) -> Pid {
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a child has a number above zero")
}

fn read(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_end_of_a_command_are_reported() {
        let ran = run(&shell("echo out; echo err >&2; exit 3"), SHORT).fails();
        ran.says("err");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(
            ran.report(),
            "sh -c 'echo out; echo err >&2; exit 3'\n(exit status: 3)\nout\nerr\n"
        );
        assert_eq!(run_with_input(&shell("cat"), "given", SHORT).ok().stdout, "given");
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
        let ran = run(&shell("sleep 1000 & echo $!; wait"), Duration::from_millis(300));
        assert!(ran.status.is_none());
        let sleeper = ran.stdout.trim().to_owned();
        wait_until("the sleeper is gone", SHORT, || (!alive(&sleeper)).then_some(()));
    }

    #[test]
    fn a_process_stops_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start("shell", &shell("echo ready; exec sleep 1000"), folder.path());
        let output = folder.path().join("shell.out");
        process.wait_until("ready", SHORT, || read(&output).contains("ready").then_some(()));
        let id = process.id().to_string();
        assert!(alive(&id));
        drop(process);
        assert!(!alive(&id));
    }

    fn alive(id: &str) -> bool {
        // A killed child of somebody else may stay a zombie for a moment.
        fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
    }
}
