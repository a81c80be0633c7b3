//! What the host calls: the exports of the proxy-wasm ABI 0.2.1, and which root or exchange each of them is for.
//!
//! The SDK's dispatcher panics on an id that it does not know, and keeps an entry for each call that never answers; here
//! an id that is not known is nothing. What is not exported the host does without: response callbacks, whose traffic
//! then never enters the module, and those at the end of a stream before the last.

#![expect(
    unsafe_code,
    reason = "the host finds the exports by name, and fills memory that it is given"
)]

use std::alloc::{Layout, alloc};
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;

use crate::exchange::{Exchange, Next};
use crate::root::Root;
use crate::{host, vm};

/// The one there is: no value holds the version.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {}

/// Memory for what a host call returns, which the module takes over. A null address is a status to the host, where a
/// failed allocation would be a trap.
#[unsafe(export_name = "malloc")]
extern "C" fn allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        Ok(layout) if layout.size() == 0 => NonNull::dangling().as_ptr(),
        // SAFETY: the layout has a size.
        Ok(layout) => unsafe { alloc(layout) },
        Err(_) => null_mut(),
    }
}

/// A root context, which has none above it, or a stream of one.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context_id: u32, root_id: u32) {
    if root_id == 0 {
        vm::add_root(context_id, Rc::new(Root::new(context_id)));
    } else if let Some(root) = vm::root(root_id) {
        vm::add_exchange(context_id, Rc::new(Exchange::new(context_id, root.worker())));
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context_id: u32, size: usize) -> u32 {
    vm::root(context_id).is_some_and(|root| root.configure(size)).into()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(context_id: u32) {
    if let Some(root) = vm::root(context_id) {
        root.tick();
    }
}

/// A stream that is not known is refused: nothing is decided about it, so nothing may let it pass.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context_id: u32, _: usize, end_of_stream: u32) -> u32 {
    let Some(exchange) = vm::exchange(context_id) else {
        let _ = host::reply(503, &[], b"");
        return Next::Hold as u32;
    };
    exchange.headers(end_of_stream != 0) as u32
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context_id: u32, size: usize, end_of_stream: u32) -> u32 {
    let next = vm::exchange(context_id).map_or(Next::Hold, |exchange| exchange.body(size, end_of_stream != 0));
    next as u32
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context_id: u32, _: usize) -> u32 {
    vm::exchange(context_id).map_or(Next::Hold, |exchange| exchange.trailers()) as u32
}

/// Comes for the root that made the call, whichever stream it was made for.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(context_id: u32, call: u32, headers: usize, size: usize, _: usize) {
    if let Some(root) = vm::root(context_id) {
        root.answered(call, headers, size);
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context_id: u32) {
    vm::remove(context_id);
}
