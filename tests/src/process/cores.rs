//! On which core something runs.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

use super::run;
use crate::parts;

/// A program that the kernel keeps on this core, counted from 0.
#[track_caller]
pub fn on_core(core: u32, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(parts::system("taskset"));
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// Keeps this thread, and what threads it starts, on this core.
#[track_caller]
pub fn stay_on_core(core: u32) {
    let mut cores = CpuSet::new();
    cores.set(usize::try_from(core).expect("a machine counts its cores"));
    sched_setaffinity(None, &cores).expect("this machine has the core");
}

/// Keeps a running program, with all its threads and what they start, on this core.
#[track_caller]
pub fn move_to_core(core: u32, id: u32) {
    let mut command = Command::new(parts::system("taskset"));
    command.args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &id.to_string()]);
    let _ = run(&command, Duration::from_secs(10)).ok();
}
