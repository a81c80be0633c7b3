//! The few functions of `wasi_snapshot_preview1` a module without an operating system asks for, as Envoy answers them.
//! They are allowed before the first context exists.

use wasmtime::{Caller, Extern, Linker, Memory, Result, bail};

use super::state::Host;
use super::{Level, Log};

const MODULE: &str = "wasi_snapshot_preview1";
const BAD_DESCRIPTOR: u32 = 8;
const FAULT: u32 = 21;
const NOT_SUPPORTED: u32 = 58;

pub(super) fn link(linker: &mut Linker<Host>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "random_get",
        |mut caller: Caller<'_, Host>, at: u32, size: u32| {
            let bytes: Vec<u8> = (0..size).map(|_| caller.data_mut().random()).collect();
            write(&mut caller, &[(at, &bytes)])
        },
    )?;
    linker.func_wrap(
        MODULE,
        "environ_sizes_get",
        |mut caller: Caller<'_, Host>, count: u32, size: u32| {
            let lines = environment(caller.data());
            let total: usize = lines.iter().map(Vec::len).sum();
            write(&mut caller, &[(count, &word(lines.len())), (size, &word(total))])
        },
    )?;
    linker.func_wrap(
        MODULE,
        "environ_get",
        |mut caller: Caller<'_, Host>, mut list: u32, mut text: u32| {
            for line in environment(caller.data()) {
                let errno = write(&mut caller, &[(list, &text.to_le_bytes()), (text, &line)])?;
                if errno != 0 {
                    return Ok(errno);
                }
                list += 4;
                text += super::stream::number(line.len());
            }
            Ok(0)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "args_sizes_get",
        |mut caller: Caller<'_, Host>, count: u32, size: u32| {
            write(&mut caller, &[(count, &word(0)), (size, &word(0))])
        },
    )?;
    linker.func_wrap(MODULE, "args_get", |_: u32, _: u32| 0_u32)?;
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, Host>, clock: u32, _: u64, out: u32| {
            let now = caller.data().shared().now;
            // Real time and the monotonic clock; the two CPU clocks are not there.
            if clock > 1 {
                Ok(NOT_SUPPORTED)
            } else {
                write(&mut caller, &[(out, &now.to_le_bytes())])
            }
        },
    )?;
    linker.func_wrap(MODULE, "fd_write", fd_write)?;
    linker.func_wrap(MODULE, "proc_exit", |code: u32| -> Result<()> {
        bail!("the module left with exit code {code}")
    })?;
    Ok(())
}

/// Standard output is a log line at info, standard error one at error.
fn fd_write(mut caller: Caller<'_, Host>, fd: u32, list: u32, count: u32, out: u32) -> Result<u32> {
    let level = match fd {
        1 => Level::Info,
        2 => Level::Error,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    let Some(text) = gather(&mut caller, list, count)? else {
        return Ok(FAULT);
    };
    let written = word(text.len());
    let text = String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned();
    caller.data_mut().logs.push(Log { level, text });
    write(&mut caller, &[(out, &written)])
}

fn gather(caller: &mut Caller<'_, Host>, list: u32, count: u32) -> Result<Option<Vec<u8>>> {
    let memory = memory(caller)?;
    let data = memory.data(&caller);
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?) as usize);
    let mut text = Vec::new();
    for i in 0..count as usize {
        let at = list as usize + i * 8;
        let (Some(start), Some(size)) = (word(at), word(at + 4)) else {
            return Ok(None);
        };
        let Some(piece) = data.get(start..start + size) else {
            return Ok(None);
        };
        text.extend(piece);
    }
    Ok(Some(text))
}

fn environment(host: &Host) -> Vec<Vec<u8>> {
    host.settings
        .environment
        .iter()
        .map(|(key, value)| format!("{key}={value}\0").into_bytes())
        .collect()
}

fn word(value: usize) -> [u8; 4] {
    super::stream::number(value).to_le_bytes()
}

fn write(caller: &mut Caller<'_, Host>, pieces: &[(u32, &[u8])]) -> Result<u32> {
    let memory = memory(caller)?;
    let fits = pieces
        .iter()
        .all(|(at, bytes)| memory.write(&mut *caller, *at as usize, bytes).is_ok());
    Ok(if fits { 0 } else { FAULT })
}

fn memory(caller: &mut Caller<'_, Host>) -> Result<Memory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => bail!("the module exports no `memory`"),
    }
}
