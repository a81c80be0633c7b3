//! The host calls about HTTP: header maps, properties, local replies, letting go on, and callouts.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result};

use super::abi::{Call, Stop, host_call};
use super::callout::{Callout, Clusters};
use super::state::{Deferred, Host};
use super::status::{Fault, Status};
use super::wire::{Header, pairs, unpair};

type Outcome = Result<(), Stop>;

const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const CALLOUT_HEADERS: u32 = 6;
/// The last of the maps that the ABI numbers: callout trailers.
const LAST_MAP: u32 = 7;

pub(super) fn link(linker: &mut Linker<Host>) -> Result<()> {
    host_call!(linker, "proxy_get_header_map_pairs", (map, at, size), get_pairs);
    host_call!(
        linker,
        "proxy_get_header_map_value",
        (map, key, key_size, at, size),
        get_value
    );
    host_call!(
        linker,
        "proxy_add_header_map_value",
        (map, key, key_size, value, size),
        add_value
    );
    host_call!(
        linker,
        "proxy_replace_header_map_value",
        (map, key, key_size, value, size),
        replace_value
    );
    host_call!(
        linker,
        "proxy_remove_header_map_value",
        (map, key, key_size),
        remove_value
    );
    host_call!(linker, "proxy_get_property", (path, path_size, at, size), get_property);
    host_call!(
        linker,
        "proxy_set_property",
        (path, path_size, value, size),
        set_property
    );
    host_call!(linker, "proxy_continue_stream", (kind), continue_stream);
    host_call!(linker, "proxy_close_stream", (kind), close_stream);
    host_call!(
        linker,
        "proxy_send_local_response",
        (
            status,
            details,
            details_size,
            body,
            body_size,
            headers,
            headers_size,
            _grpc_status
        ),
        send_local_response
    );
    host_call!(
        linker,
        "proxy_http_call",
        (
            cluster,
            cluster_size,
            headers,
            headers_size,
            body,
            body_size,
            trailers,
            trailers_size,
            timeout,
            out
        ),
        http_call
    );
    Ok(())
}

/// The lines of a map the module may read now. `None` where Envoy has no such map at this moment.
fn lines(call: &mut Call, map: u32) -> Result<Option<Vec<Header>>, Stop> {
    let host = call.host();
    let acting = host.acting();
    Ok(match map {
        REQUEST_HEADERS => host
            .stream(acting)
            .filter(|stream| stream.headers_open)
            .map(|s| s.request_headers.clone()),
        RESPONSE_HEADERS => host
            .stream(acting)
            .filter(|s| !s.response_headers.is_empty())
            .map(|s| s.response_headers.clone()),
        CALLOUT_HEADERS => {
            let root = host.acting_root();
            host.answer
                .as_ref()
                .filter(|answer| answer.root == root)
                .map(|answer| answer.headers.clone())
        }
        map if map <= LAST_MAP => None,
        _ => return Err(Status::BadArgument.into()),
    })
}

/// A map that is not there has no lines: Ok, and empty.
fn get_pairs(call: &mut Call, map: u32, at: u32, size: u32) -> Outcome {
    let found = lines(call, map)?.unwrap_or_default();
    let bytes = if found.is_empty() { Vec::new() } else { pairs(&found) };
    call.give(&bytes, at, size)
}

/// The first line of that name only, as Envoy does.
fn get_value(call: &mut Call, map: u32, key: u32, key_size: u32, at: u32, size: u32) -> Outcome {
    let key = call.text(key, key_size)?.to_ascii_lowercase();
    // A map that is not there is a wrong question, but for the access log, which sees streams without a reply.
    let absent = if call.host().running == "proxy_on_log" {
        Status::NotFound
    } else {
        Status::BadArgument
    };
    let lines = lines(call, map)?.ok_or(absent)?;
    let (_, value) = lines
        .into_iter()
        .find(|(name, _)| *name == key)
        .ok_or(Status::NotFound)?;
    call.give(&value, at, size)
}

/// Lets `edit` change the map, where it may be changed.
fn edit(call: &mut Call, map: u32, edit: impl FnOnce(&mut Vec<Header>)) -> Outcome {
    let stream = call.stream().ok_or(Status::BadArgument)?;
    let stream = call.host().stream_mut(stream).ok_or(Status::BadArgument)?;
    match map {
        REQUEST_HEADERS if stream.headers_open => edit(&mut stream.request_headers),
        RESPONSE_HEADERS if !stream.response_headers.is_empty() => edit(&mut stream.response_headers),
        _ => return Err(Status::BadArgument.into()),
    }
    Ok(())
}

fn add_value(call: &mut Call, map: u32, key: u32, key_size: u32, value: u32, size: u32) -> Outcome {
    let line = (call.text(key, key_size)?.to_ascii_lowercase(), call.bytes(value, size)?);
    edit(call, map, |lines| lines.push(line))
}

fn replace_value(call: &mut Call, map: u32, key: u32, key_size: u32, value: u32, size: u32) -> Outcome {
    let (key, value) = (call.text(key, key_size)?.to_ascii_lowercase(), call.bytes(value, size)?);
    edit(call, map, |lines| {
        let place = lines.iter().position(|(name, _)| *name == key).unwrap_or(lines.len());
        lines.retain(|(name, _)| *name != key);
        lines.insert(place.min(lines.len()), (key, value));
    })
}

fn remove_value(call: &mut Call, map: u32, key: u32, key_size: u32) -> Outcome {
    let key = call.text(key, key_size)?.to_ascii_lowercase();
    edit(call, map, |lines| lines.retain(|(name, _)| *name != key))
}

/// `source\0address` and the like: what the request was given, what can be told from it, then the filter's own state.
fn get_property(call: &mut Call, path: u32, path_size: u32, at: u32, size: u32) -> Outcome {
    let path = call.text(path, path_size)?.trim_end_matches('\0').replace('\0', ".");
    let host = call.host();
    let value = match path.as_str() {
        "plugin_name" => Some(host.settings.plugin_name.clone().into_bytes()),
        "plugin_root_id" | "plugin_vm_id" => Some(Vec::new()),
        _ => host.stream(host.acting()).and_then(|stream| stream.property(&path)),
    };
    let value = value.ok_or(Status::NotFound)?;
    call.give(&value, at, size)
}

fn set_property(call: &mut Call, path: u32, path_size: u32, value: u32, size: u32) -> Outcome {
    let path = call.text(path, path_size)?.trim_end_matches('\0').to_owned();
    let value = call.bytes(value, size)?;
    let stream = call.stream().ok_or(Status::NotFound)?;
    let stream = call.host().stream_mut(stream).ok_or(Status::NotFound)?;
    stream.filter_state.insert(path, value);
    Ok(())
}

/// Without a stream Envoy answers Ok and does nothing, here and in the two below.
fn continue_stream(call: &mut Call, kind: u32) -> Outcome {
    match kind {
        0 => {
            if let Some(stream) = call.stream() {
                call.host().deferred.push(Deferred::Continue { stream });
            }
            Ok(())
        }
        // The filter holds no response back, so there is none to let go.
        1 | 3 => Err(Status::Unimplemented.into()),
        _ => Err(Status::BadArgument.into()),
    }
}

fn close_stream(call: &mut Call, kind: u32) -> Outcome {
    if kind > 3 {
        return Err(Status::BadArgument.into());
    }
    if let Some(stream) = call.stream() {
        call.host().deferred.push(Deferred::Close { stream });
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's own list")]
fn send_local_response(
    call: &mut Call,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    _grpc_status: u32,
) -> Outcome {
    let (details, body) = (call.text(details, details_size)?, call.bytes(body, body_size)?);
    let headers = call.bytes(headers, headers_size)?;
    let Some(stream) = call.stream() else { return Ok(()) };
    let headers = unpair(&headers).unwrap_or_else(|| {
        let why = "its headers are no list of pairs".to_owned();
        call.host().faults.push(Fault::BadReply { stream, why });
        Vec::new()
    });
    call.host().deferred.push(Deferred::Reply {
        stream,
        status,
        headers,
        body,
        details,
    });
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's own list")]
fn http_call(
    call: &mut Call,
    cluster: u32,
    cluster_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout: u32,
    out: u32,
) -> Outcome {
    let (cluster, body) = (call.text(cluster, cluster_size)?, call.bytes(body, body_size)?);
    let headers = call.bytes(headers, headers_size)?;
    call.bytes(trailers, trailers_size)?;
    call.put_u32(out, 0)?;
    let headers = unpair(&headers).ok_or(Status::BadArgument)?;
    let complete = [":path", ":method", ":authority"]
        .iter()
        .all(|name| headers.iter().any(|(key, _)| key == name));
    let host = call.host();
    if host.clusters == Clusters::Missing || !complete || timeout.cast_signed() < 0 {
        return Err(Status::BadArgument.into());
    }
    // Envoy numbers the call before it finds that nobody is there to take it.
    host.last_callout += 1;
    if host.clusters == Clusters::Empty {
        return Err(Status::InternalFailure.into());
    }
    let (id, root) = (host.last_callout, host.acting_root());
    let timeout = Duration::from_millis(timeout.into());
    host.callouts.insert(
        id,
        Callout {
            id,
            cluster,
            headers,
            body,
            timeout,
            root,
        },
    );
    call.put_u32(out, id)
}
