//! The proxy-wasm filter: host calls in, local replies out. What it decides, and how, is `registry_auth_core`.
//!
//! The way of a request begins in `exchange.rs`. `abi.rs` is what the host calls, and `host.rs` the only file that calls
//! the host; both, and what needs them, exist in the module alone, the rest is plain Rust.

pub mod plugin_config;
pub mod protobuf;
pub mod succession;
pub mod wait;

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod callout;
#[cfg(target_arch = "wasm32")]
mod exchange;
#[cfg(target_arch = "wasm32")]
mod generation;
#[cfg(target_arch = "wasm32")]
mod held;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(target_arch = "wasm32")]
mod managed;
#[cfg(target_arch = "wasm32")]
mod metrics;
#[cfg(target_arch = "wasm32")]
mod root;
#[cfg(target_arch = "wasm32")]
mod signer;
#[cfg(target_arch = "wasm32")]
mod throttle;
#[cfg(target_arch = "wasm32")]
mod vm;
#[cfg(target_arch = "wasm32")]
mod waiting;
