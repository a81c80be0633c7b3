//! The host calls of proxy-wasm ABI 0.2.1 that are not about HTTP, and what all of them use.
//!
//! Each call reads its arguments out of the module's memory, does its work on [`Host`], and answers a status. What a
//! call returns is put into memory that the module's own allocator gave.

use std::time::Duration;

use wasmtime::{Caller, Extern, Linker, Memory, Result, bail};

use super::sign::sign;
use super::state::{Context, Deferred, Host, MetricKind, Root, Stage};
use super::status::{Fault, Status};
use super::vm::Allocate;
use super::{Level, Log};

/// Why a host call does not answer Ok.
pub(super) enum Stop {
    /// With a status.
    Status(Status),
    /// Not at all: the module trapped inside its own allocator, or may not make this call.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// One host call in progress.
pub(super) struct Call<'a> {
    caller: Caller<'a, Host>,
    name: &'static str,
    memory: Memory,
}

impl<'a> Call<'a> {
    /// Runs `work` as the host call `name`.
    pub(super) fn run(
        mut caller: Caller<'a, Host>,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<u32> {
        // Envoy forbids nearly everything before the first context exists.
        if matches!(caller.data().running, "_initialize" | "_start") && name != "proxy_log" {
            bail!("`{name}` is not allowed in `{}`", caller.data().running);
        }
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
            bail!("the module exports no `memory`")
        };
        let mut call = Self { caller, name, memory };
        match work(&mut call) {
            Ok(()) => Ok(0),
            Err(Stop::Status(status)) => Ok(status as u32),
            Err(Stop::Trap(error)) => Err(error),
        }
    }

    pub(super) fn host(&mut self) -> &mut Host {
        self.caller.data_mut()
    }

    /// The stream this call acts on; `None` where it acts on a root, which is noted as a fault.
    pub(super) fn stream(&mut self) -> Option<u32> {
        let name = self.name;
        self.host().acting_stream(name)
    }

    pub(super) fn bytes(&mut self, at: u32, size: u32) -> Result<Vec<u8>, Stop> {
        let (start, size) = (at as usize, size as usize);
        let found = self
            .memory
            .data(&self.caller)
            .get(start..start + size)
            .map(<[u8]>::to_vec);
        found.ok_or_else(|| self.outside())
    }

    pub(super) fn text(&mut self, at: u32, size: u32) -> Result<String, Stop> {
        Ok(String::from_utf8_lossy(&self.bytes(at, size)?).into_owned())
    }

    pub(super) fn put(&mut self, at: u32, bytes: &[u8]) -> Result<(), Stop> {
        self.memory
            .write(&mut self.caller, at as usize, bytes)
            .map_err(|_| self.outside())
    }

    pub(super) fn put_u32(&mut self, at: u32, value: u32) -> Result<(), Stop> {
        self.put(at, &value.to_le_bytes())
    }

    /// Hands `bytes` over in new memory of the module; none at all when there are no bytes.
    pub(super) fn give(&mut self, bytes: &[u8], at: u32, size_at: u32) -> Result<(), Stop> {
        let mut place = 0;
        if !bytes.is_empty() {
            let allocator = ["malloc", "proxy_on_memory_allocate"]
                .iter()
                .find_map(|name| self.caller.get_export(name));
            let Some(Extern::Func(allocator)) = allocator else {
                return Err(Stop::Trap(wasmtime::format_err!("the module exports no allocator")));
            };
            let allocator: Allocate = allocator.typed(&self.caller)?;
            place = allocator.call(&mut self.caller, super::stream::number(bytes.len()))?;
            self.put(place, bytes)?;
        }
        self.put_u32(at, place)?;
        self.put_u32(size_at, super::stream::number(bytes.len()))
    }

    fn outside(&mut self) -> Stop {
        let call = self.name;
        self.host().faults.push(Fault::OutsideMemory { call });
        Stop::Status(Status::InvalidMemoryAccess)
    }
}

/// Adds a host function whose parameters are all 32 bit wide.
macro_rules! host_call {
    ($linker:ident, $name:literal, ($($argument:ident),*), $work:expr) => {
        $linker.func_wrap("env", $name, |caller: Caller<'_, Host>, $($argument: u32),*| {
            Call::run(caller, $name, |call| ($work)(call, $($argument),*))
        })?
    };
}
pub(super) use host_call;

type Outcome = Result<(), Stop>;

pub(super) fn link(linker: &mut Linker<Host>) -> Result<()> {
    host_call!(linker, "proxy_log", (level, at, size), log);
    host_call!(linker, "proxy_get_log_level", (out), get_log_level);
    host_call!(linker, "proxy_get_current_time_nanoseconds", (out), get_time);
    host_call!(linker, "proxy_set_tick_period_milliseconds", (period), set_tick);
    host_call!(
        linker,
        "proxy_get_buffer_bytes",
        (kind, start, max, at, size),
        get_buffer
    );
    host_call!(
        linker,
        "proxy_get_shared_data",
        (key, key_size, at, size, cas),
        get_shared
    );
    host_call!(
        linker,
        "proxy_set_shared_data",
        (key, key_size, value, size, cas),
        set_shared
    );
    host_call!(linker, "proxy_define_metric", (kind, name, size, out), define_metric);
    host_call!(linker, "proxy_get_metric", (id, out), get_metric);
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |caller: Caller<'_, Host>, id: u32, by: i64| {
            Call::run(caller, "proxy_increment_metric", |call| increment_metric(call, id, by))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |caller: Caller<'_, Host>, id: u32, value: u64| {
            Call::run(caller, "proxy_record_metric", |call| record_metric(call, id, value))
        },
    )?;
    host_call!(linker, "proxy_set_effective_context", (id), select);
    host_call!(linker, "proxy_done", (), done);
    host_call!(linker, "proxy_get_status", (code, at, size), get_status);
    host_call!(
        linker,
        "proxy_call_foreign_function",
        (name, name_size, from, from_size, at, size),
        foreign
    );
    Ok(())
}

fn log(call: &mut Call, level: u32, at: u32, size: u32) -> Outcome {
    let text = call.text(at, size)?;
    let level = Level::of(level).ok_or(Status::BadArgument)?;
    if level >= call.host().settings.log_level {
        call.host().logs.push(Log { level, text });
    }
    Ok(())
}

fn get_log_level(call: &mut Call, out: u32) -> Outcome {
    let level = call.host().settings.log_level;
    call.put_u32(out, level as u32)
}

fn get_time(call: &mut Call, out: u32) -> Outcome {
    let now = call.host().shared().now;
    call.put(out, &now.to_le_bytes())
}

fn set_tick(call: &mut Call, period: u32) -> Outcome {
    let root = call.host().acting_root();
    let root = call.host().root_mut(root).ok_or(Status::BadArgument)?;
    root.tick = (period > 0).then(|| Duration::from_millis(period.into()));
    Ok(())
}

fn get_buffer(call: &mut Call, kind: u32, start: u32, max: u32, at: u32, size: u32) -> Outcome {
    let host = call.host();
    let acting = host.acting();
    let buffer = match kind {
        0 => host.stream(acting).and_then(|stream| stream.body.clone()),
        4 => host
            .answer
            .as_ref()
            .filter(|answer| answer.root == host.acting_root())
            .map(|answer| answer.body.clone()),
        6 => Some(host.settings.vm_configuration.clone()),
        7 => host.configuration.clone(),
        1..=8 => None,
        _ => return Err(Status::BadArgument.into()),
    };
    let buffer = buffer.ok_or(Status::NotFound)?;
    let end = start.checked_add(max).ok_or(Status::BadArgument)?;
    let start = buffer.len().min(start as usize);
    let end = buffer.len().min(end as usize);
    call.give(&buffer[start..end], at, size)
}

fn get_shared(call: &mut Call, key: u32, key_size: u32, at: u32, size: u32, cas_at: u32) -> Outcome {
    let key = call.text(key, key_size)?;
    let (value, cas) = call.host().shared().data.get(&key).cloned().ok_or(Status::NotFound)?;
    call.give(&value, at, size)?;
    call.put_u32(cas_at, cas)
}

/// A compare value of 0 compares nothing, and neither does a set that creates the key.
fn set_shared(call: &mut Call, key: u32, key_size: u32, value: u32, size: u32, cas: u32) -> Outcome {
    let (key, value) = (call.text(key, key_size)?, call.bytes(value, size)?);
    let mut shared = call.host().shared();
    if shared
        .data
        .get(&key)
        .is_some_and(|(_, found)| cas != 0 && cas != *found)
    {
        return Err(Status::CasMismatch.into());
    }
    shared.last_cas += 1;
    let cas = shared.last_cas;
    shared.data.insert(key, (value, cas));
    Ok(())
}

/// Every definition takes a new id, also of a name that has one: an id leaks when this is called per configuration.
fn define_metric(call: &mut Call, kind: u32, name: u32, size: u32, out: u32) -> Outcome {
    let name = call.text(name, size)?;
    let kind = match kind {
        0 => MetricKind::Counter,
        1 => MetricKind::Gauge,
        2 => MetricKind::Histogram,
        _ => return Err(Status::BadArgument.into()),
    };
    let host = call.host();
    match kind {
        MetricKind::Histogram => _ = host.shared().histograms.entry(name.clone()).or_default(),
        MetricKind::Counter | MetricKind::Gauge => _ = host.shared().metrics.entry(name.clone()).or_default(),
    }
    // The two low bits are the kind, as Envoy numbers them.
    let id = super::stream::number(host.metric_ids.len() + 1) * 4 + kind as u32;
    host.metric_ids.insert(id, (kind, name));
    call.put_u32(out, id)
}

fn metric(call: &mut Call, id: u32) -> Result<(MetricKind, String), Stop> {
    call.host()
        .metric_ids
        .get(&id)
        .cloned()
        .ok_or(Stop::Status(Status::NotFound))
}

fn increment_metric(call: &mut Call, id: u32, by: i64) -> Outcome {
    let (kind, name) = metric(call, id)?;
    if kind == MetricKind::Histogram || (kind == MetricKind::Counter && by <= 0) {
        return Err(Status::BadArgument.into());
    }
    let mut shared = call.host().shared();
    let value = shared.metrics.entry(name).or_default();
    *value = value.wrapping_add_signed(by);
    Ok(())
}

fn record_metric(call: &mut Call, id: u32, value: u64) -> Outcome {
    let (kind, name) = metric(call, id)?;
    let mut shared = call.host().shared();
    match kind {
        MetricKind::Counter => *shared.metrics.entry(name).or_default() += value,
        MetricKind::Gauge => *shared.metrics.entry(name).or_default() = value,
        MetricKind::Histogram => shared.histograms.entry(name).or_default().push(value),
    }
    Ok(())
}

fn get_metric(call: &mut Call, id: u32, out: u32) -> Outcome {
    let (kind, name) = metric(call, id)?;
    if kind == MetricKind::Histogram {
        return Err(Status::BadArgument.into());
    }
    let value = call.host().shared().metrics.get(&name).copied().unwrap_or_default();
    call.put(out, &value.to_le_bytes())
}

/// A context that is gone is refused, and the selection stays what it was.
fn select(call: &mut Call, id: u32) -> Outcome {
    let host = call.host();
    host.unselected = id != 0 && !host.contexts.contains_key(&id);
    if host.unselected {
        return Err(Status::BadArgument.into());
    }
    host.effective = (id != 0).then_some(id);
    Ok(())
}

fn done(call: &mut Call) -> Outcome {
    let host = call.host();
    let root = host.acting_root();
    let ending = matches!(
        host.contexts.get(&root),
        Some(Context::Root(Root {
            stage: Stage::Ending,
            ..
        }))
    );
    if !ending {
        return Err(Status::NotFound.into());
    }
    host.deferred.push(Deferred::Delete { root });
    Ok(())
}

/// Tells a callout that failed from one that was answered.
fn get_status(call: &mut Call, code: u32, at: u32, size: u32) -> Outcome {
    // 11 is BrokenConnection: what Envoy gives while it tells of a reset.
    let (status, message) = if call.host().reset { (11, "reset") } else { (0, "") };
    call.put_u32(code, status)?;
    call.give(message.as_bytes(), at, size)
}

fn foreign(call: &mut Call, name: u32, name_size: u32, from: u32, from_size: u32, at: u32, size: u32) -> Outcome {
    let (name, arguments) = (call.text(name, name_size)?, call.bytes(from, from_size)?);
    if name != "sign" || !call.host().settings.sign {
        return Err(Status::NotFound.into());
    }
    let answer = sign(&arguments)?;
    if at == 0 { Ok(()) } else { call.give(&answer, at, size) }
}
