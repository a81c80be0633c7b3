//! The two serial forms between host and module: lists of header lines, and the little of protobuf that Envoy uses.

use serde_json::Value;

/// A header line: name in lower case, value as the bytes that came.
pub type Header = (String, Vec<u8>);

/// Count, the lengths of each name and value, then each name and value with a NUL behind it.
pub(super) fn pairs(headers: &[Header]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(length(headers.len()));
    for (name, value) in headers {
        out.extend(length(name.len()));
        out.extend(length(value.len()));
    }
    for (name, value) in headers {
        for part in [name.as_bytes(), value] {
            out.extend(part);
            out.push(0);
        }
    }
    out
}

/// The reverse of [`pairs`]. `None` where the lengths do not fit the bytes. Names come out in lower case, as Envoy
/// makes them.
pub(super) fn unpair(bytes: &[u8]) -> Option<Vec<Header>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let count = number(0)?;
    let mut at = 4usize.checked_add(count.checked_mul(8)?)?;
    let mut part = |len: usize| {
        let end = at.checked_add(len)?;
        let text = bytes.get(at..end)?;
        at = end + 1;
        Some(text.to_vec())
    };
    (0..count)
        .map(|i| {
            let name = part(number(4 + 8 * i)?)?;
            let value = part(number(8 + 8 * i)?)?;
            Some((String::from_utf8_lossy(&name).to_ascii_lowercase(), value))
        })
        .collect()
}

/// A `google.protobuf.Struct`, serialized: the form in which Envoy hands over a configuration written as one.
/// Panics unless `config` is an object, which is all a Struct can be.
pub(super) fn as_struct(config: &Value) -> Vec<u8> {
    let Value::Object(fields) = config else {
        panic!("a protobuf Struct holds an object, not `{config}`")
    };
    let mut out = Vec::new();
    for (key, value) in fields {
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, key.as_bytes());
        put_bytes(&mut entry, 2, &as_value(value));
        put_bytes(&mut out, 1, &entry);
    }
    out
}

fn as_value(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Null => put_varint(&mut out, 1, 0),
        Value::Number(number) => {
            out.push(2 << 3 | 1);
            out.extend(number.as_f64().expect("a number is a double").to_le_bytes());
        }
        Value::String(text) => put_bytes(&mut out, 3, text.as_bytes()),
        Value::Bool(yes) => put_varint(&mut out, 4, u64::from(*yes)),
        Value::Object(_) => put_bytes(&mut out, 5, &as_struct(value)),
        Value::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                put_bytes(&mut list, 1, &as_value(item));
            }
            put_bytes(&mut out, 6, &list);
        }
    }
    out
}

/// Appends field `number` as a length and bytes (wire type 2).
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Appends field `number` as a varint (wire type 0).
pub(super) fn put_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

/// The fields of a message that are bytes, in order. `None` for what is no protobuf message.
pub(super) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        match tag & 7 {
            0 => drop(take_varint(&mut bytes)?),
            1 => bytes = bytes.get(8..)?,
            2 => {
                let len = usize::try_from(take_varint(&mut bytes)?).ok()?;
                found.push((tag >> 3, bytes.get(..len)?.to_vec()));
                bytes = &bytes[len..];
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(found)
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).expect("a list of headers fits 4 GiB").to_le_bytes()
}
