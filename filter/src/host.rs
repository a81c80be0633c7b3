//! The only file that calls the host: its own imports, bytes in, `Result` out, never a trap.
//!
//! Every function of `proxy_wasm::hostcalls` panics on a status that it does not list, and its getters on a header
//! that is not UTF-8; a panic ends the module for every client of the worker. So the imports are declared here anew,
//! with the status as a number.

#![expect(unsafe_code, reason = "the host's functions take and give addresses")]

use std::borrow::Cow;
use std::ops::Range;
use std::ptr::{null_mut, slice_from_raw_parts_mut};

use registry_auth_core::secret::Secret;

/// A host call that did not do what it should: the status it answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostError(pub(crate) u32);

/// How a line of Envoy's log is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// A kind of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Metric {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// The bytes that a callback may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Buffer {
    RequestBody = 0,
    CallResponseBody = 4,
    PluginConfiguration = 7,
}

/// The headers that a callback may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    CallResponse = 6,
}

/// Headers, pseudo headers too, as many lines as were sent.
pub(crate) struct Headers {
    /// As the host wrote them.
    bytes: Vec<u8>,
    /// Where in them each name is, and its value.
    lines: Vec<(Range<usize>, Range<usize>)>,
}

const OK: u32 = 0;
const REQUEST: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;

mod imports {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_set_effective_context(context_id: u32) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            max_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub(super) fn proxy_continue_stream(kind: u32) -> u32;
        pub(super) fn proxy_http_call(
            cluster: *const u8,
            cluster_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout: u32,
            call: *mut u32,
        ) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            version: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            size: usize,
            version: u32,
        ) -> u32;
        pub(super) fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            arguments: *const u8,
            arguments_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
    }

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn random_get(data: *mut u8, size: usize) -> u32;
        pub(super) fn environ_sizes_get(count: *mut usize, size: *mut usize) -> u32;
        pub(super) fn environ_get(pointers: *mut *mut u8, data: *mut u8) -> u32;
    }
}

fn checked(status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError(status)) }
}

/// Takes over what the host allocated by the module's own `malloc`.
fn taken(status: u32, data: *mut u8, size: usize) -> Result<Vec<u8>, HostError> {
    checked(status)?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: on success the host hands over one allocation of exactly `size` bytes, made by this module's `malloc`
    // (the SDK's, a boxed slice), all of them written, and keeps no pointer to it.
    Ok(unsafe { Box::from_raw(slice_from_raw_parts_mut(data, size)) }.into_vec())
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: Level, text: &str) {
    // SAFETY: address and length are those of `text`. A log that cannot be written has nowhere to be reported.
    let _ = unsafe { imports::proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// Nanoseconds since the epoch, by Envoy's clock.
pub(crate) fn now() -> Result<u64, HostError> {
    let mut time = 0;
    // SAFETY: the host writes eight bytes to a place of eight bytes.
    checked(unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

/// Has the root's tick called every `milliseconds`.
pub(crate) fn set_tick_period(milliseconds: u32) -> Result<(), HostError> {
    // SAFETY: takes a number alone.
    checked(unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Does `act` to the stream `context_id`, and selects the root `root_id` again.
///
/// The one way to act on a stream outside of its own callbacks. For a stream that is gone the selection fails and the
/// one before stays in force, so that whatever followed would reach another client: then nothing follows.
pub(crate) fn on_stream<T>(root_id: u32, context_id: u32, act: impl FnOnce() -> T) -> Result<T, HostError> {
    // SAFETY: takes a number alone.
    checked(unsafe { imports::proxy_set_effective_context(context_id) })?;
    let result = act();
    // SAFETY: takes a number alone. If it fails, the next selection or callback selects anew.
    let _ = unsafe { imports::proxy_set_effective_context(root_id) };
    Ok(result)
}

/// Up to `max_size` bytes of a buffer.
pub(crate) fn buffer(buffer: Buffer, max_size: usize) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes an address and a size to places for them.
    let status = unsafe { imports::proxy_get_buffer_bytes(buffer as u32, 0, max_size, &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// All headers of `map`; none where there is no such map now.
pub(crate) fn headers(map: Map) -> Result<Headers, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes an address and a size to places for them.
    let status = unsafe { imports::proxy_get_header_map_pairs(map as u32, &raw mut data, &raw mut size) };
    // The status stands for a host whose bytes are not of the ABI's form.
    Headers::read(taken(status, data, size)?).ok_or(HostError(u32::MAX))
}

/// The property `path`, whose parts are joined by NUL.
pub(crate) fn property(path: &[u8]) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: address and length are those of `path`; the host writes an address and a size to places for them.
    let status = unsafe { imports::proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// Leaves `value` as filter state `wasm.<name>` of the selected stream.
pub(crate) fn set_filter_state(name: &str, value: &[u8]) -> Result<(), HostError> {
    // SAFETY: addresses and lengths are those of `name` and `value`.
    checked(unsafe { imports::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Answers the selected stream.
pub(crate) fn reply(status: u16, headers: &[(&str, Cow<'static, str>)], body: &[u8]) -> Result<(), HostError> {
    const DETAILS: &str = "registry_auth";
    let headers = serialized(headers);
    // SAFETY: addresses and lengths are those of the texts.
    checked(unsafe {
        imports::proxy_send_local_response(
            u32::from(status),
            DETAILS.as_ptr(),
            DETAILS.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Lets the selected stream's request go on that was held.
pub(crate) fn let_go_on() -> Result<(), HostError> {
    // SAFETY: takes a number alone.
    checked(unsafe { imports::proxy_continue_stream(REQUEST) })
}

/// Asks `cluster` over HTTP. Gives the number under which the answer comes, to the root of whatever is selected now: a
/// client that leaves cancels nothing. A call that fails is answered without headers; one that is never answered has to be
/// given up by whoever made it.
pub(crate) fn http_call(
    cluster: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    timeout_ms: u32,
) -> Result<u32, HostError> {
    let headers = serialized(headers);
    let no_trailers = 0_u32.to_le_bytes();
    let mut call = 0;
    // SAFETY: addresses and lengths are those of the texts; the host writes four bytes to a place of four bytes.
    checked(unsafe {
        imports::proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            no_trailers.as_ptr(),
            no_trailers.len(),
            timeout_ms,
            &raw mut call,
        )
    })?;
    Ok(call)
}

/// What all workers share under `key`, with the number of this version of it.
pub(crate) fn shared_data(key: &str) -> Result<(Vec<u8>, u32), HostError> {
    let (mut data, mut size, mut version) = (null_mut(), 0, 0);
    // SAFETY: address and length are those of `key`; the host writes an address, a size and a number to places for them.
    let status = unsafe {
        imports::proxy_get_shared_data(key.as_ptr(), key.len(), &raw mut data, &raw mut size, &raw mut version)
    };
    Ok((taken(status, data, size)?, version))
}

/// Shares `value` under `key`, if what is there is of that version; of version 0, or for a key that is not there yet,
/// in any case.
pub(crate) fn set_shared_data(key: &str, value: &[u8], version: u32) -> Result<(), HostError> {
    // SAFETY: addresses and lengths are those of the texts.
    checked(unsafe { imports::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) })
}

/// The id of the metric `name`, which begins to exist.
pub(crate) fn define_metric(kind: Metric, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    // SAFETY: address and length are those of `name`; the host writes four bytes to a place of four bytes.
    checked(unsafe { imports::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter or gauge. A metric that cannot be had is not worth a request.
pub(crate) fn add_to_metric(metric: u32, difference: i64) {
    // SAFETY: takes numbers alone.
    let _ = unsafe { imports::proxy_increment_metric(metric, difference) };
}

/// Sets a gauge, or notes a value of a histogram.
pub(crate) fn record_metric(metric: u32, value: u64) {
    // SAFETY: takes numbers alone.
    let _ = unsafe { imports::proxy_record_metric(metric, value) };
}

/// Calls a function that Envoy has beside the ABI.
pub(crate) fn foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: addresses and lengths are those of the texts; the host writes an address and a size to places for them.
    let status = unsafe {
        imports::proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &raw mut data,
            &raw mut size,
        )
    };
    taken(status, data, size)
}

/// Sixteen random bytes.
pub(crate) fn random() -> Result<[u8; 16], HostError> {
    let mut bytes = [0; 16];
    // SAFETY: address and length are those of `bytes`.
    checked(unsafe { imports::random_get(bytes.as_mut_ptr(), bytes.len()) })?;
    Ok(bytes)
}

/// The environment variables that Envoy hands over (`host_env_keys`). `std::env` is empty on this target.
pub(crate) fn environment() -> Result<Vec<(String, Secret<String>)>, HostError> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: the host writes two numbers to places for them.
    checked(unsafe { imports::environ_sizes_get(&raw mut count, &raw mut size) })?;
    let mut pointers = vec![null_mut(); count];
    let mut data = Secret::new(vec![0; size]);
    // SAFETY: the host fills what it said it needs: `count` addresses, and `size` bytes of `NAME=value` texts, each
    // with a NUL behind it.
    checked(unsafe { imports::environ_get(pointers.as_mut_ptr(), data.expose_mut().as_mut_ptr()) })?;
    let texts = data
        .expose()
        .split(|b| *b == 0)
        .filter_map(|text| str::from_utf8(text).ok());
    let variables = texts.filter_map(|text| text.split_once('='));
    Ok(variables
        .map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())))
        .collect())
}

/// Headers in the form of the ABI: a count, the sizes, then the texts, each with a NUL behind it.
fn serialized(headers: &[(&str, impl AsRef<str>)]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(headers.len()).to_vec();
    for (name, value) in headers {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.as_ref().len()));
    }
    for text in headers.iter().flat_map(|(name, value)| [*name, value.as_ref()]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

impl Headers {
    /// Reads what [`serialized`] writes.
    fn read(bytes: Vec<u8>) -> Option<Self> {
        let mut lines = Vec::new();
        if !bytes.is_empty() {
            let (count, rest) = number(&bytes)?;
            let (mut sizes, _) = rest.split_at_checked(count.checked_mul(8)?)?;
            let mut at = sizes.len().checked_add(4)?;
            lines.reserve_exact(count);
            while !sizes.is_empty() {
                let (name_size, rest) = number(sizes)?;
                let (value_size, rest) = number(rest)?;
                sizes = rest;
                lines.push((text(&bytes, &mut at, name_size)?, text(&bytes, &mut at, value_size)?));
            }
        }
        Some(Self { bytes, lines })
    }

    /// The lines of the header `name`, which is in lower case, as all names are that Envoy hands over.
    pub(crate) fn lines<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let text = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.lines
            .iter()
            .filter(move |(known, _)| text(known) == name)
            .map(move |(_, value)| text(value))
    }

    /// All lines of the header `name`, joined by commas as RFC 9110 section 5.2 reads them.
    pub(crate) fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let lines: Vec<&[u8]> = self.lines(name).collect();
        (!lines.is_empty()).then(|| lines.join(b",".as_slice()))
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// Where the text of `size` bytes is that begins at `at`, which moves on behind the NUL that ends it.
fn text(bytes: &[u8], at: &mut usize, size: usize) -> Option<Range<usize>> {
    let end = at.checked_add(size)?;
    bytes.get(end)?;
    let range = *at..end;
    *at = end.checked_add(1)?;
    Some(range)
}
