//! `make demo`, and with `--check` `make demo-check`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, panic, thread};

use registry_auth_tests::demo::{Demo, Event};
use registry_auth_tests::parts;
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
Shows a registry with the token server inside Envoy, on this machine.

usage: demo [--check]

Starts a registry and Envoy, prints accounts and commands to try, and runs until Ctrl-C.
Its files are in demo/state below the checkout; delete that folder to begin anew.

  --check   run the printed commands instead, in a folder that is deleted afterwards;
            exit 0 if each does what it says, 1 if one does not, 2 if the demo cannot start

examples:
  make demo
  make demo-check
";

fn main() -> ExitCode {
    // What the harness cannot do it says by a panic; here that is an error like any other.
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("something unexpected happened");
        eprintln!("error: {text}");
    }));
    let arguments: Vec<_> = env::args().skip(1).collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => panic::catch_unwind(show),
        ["--check"] => panic::catch_unwind(check),
        ["--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("error: unknown arguments `{}`; see `--help`", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    ended.unwrap_or(ExitCode::from(2))
}

fn show() -> ExitCode {
    let stop = signals();
    let state = parts::checkout().join("demo/state");
    let mut demo = Demo::start(&state);
    println!("{}", demo.introduction());
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(Duration::from_millis(100)) {
        for event in demo.look() {
            match event {
                Event::Audit(line) => println!("{line}"),
                Event::Taken => println!("The edited file is in force."),
                Event::Refused(reason) => println!("The edited file is refused, the one before serves on:\n{reason}"),
            }
        }
    }
    println!("Stopping.");
    ExitCode::SUCCESS
}

fn check() -> ExitCode {
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    let folder: PathBuf = state.path().canonicalize().expect("the folder just made exists");
    let wrong = Demo::start(&folder).check(&folder);
    if wrong == 0 {
        println!("\nEach command did what it says.");
        ExitCode::SUCCESS
    } else {
        println!("\n{wrong} did something else than they say.");
        ExitCode::from(1)
    }
}

/// Hears Ctrl-C and SIGTERM from now on, so that what was started is stopped in order.
fn signals() -> mpsc::Receiver<()> {
    let (stop, stopped) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // Nobody waits any more: the demo is ending already.
            let _ = stop.send(());
            std::io::Result::Ok(())
        })
    });
    stopped
}
