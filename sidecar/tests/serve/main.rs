//! The real program, as an operator starts it: its command line, its files, its signals, and what it answers.

mod config_calls;
mod endpoint;
mod process;
mod programs;
mod reloading;
mod secrets;
mod stopping;
