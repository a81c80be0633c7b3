//! The proxy-wasm filter: host calls in, local replies out. What it decides, and how, is `registry_auth_core`.
//!
//! The way of a request begins in `exchange.rs`. `host.rs` is the only file that calls the host; it and what calls it
//! exist in the module alone, the rest is plain Rust.

pub mod plugin_config;
pub mod protobuf;

#[cfg(target_arch = "wasm32")]
mod exchange;
#[cfg(target_arch = "wasm32")]
mod held;
#[cfg(target_arch = "wasm32")]
mod host;
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
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|context_id| Box::new(super::root::Root::new(context_id)));
    }}
}
