//! HTTP/2 by hand: frames (RFC 9113) and their fields (RFC 7541), right or wrong.

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const NONE: u8 = 0;
pub(super) const END_STREAM: u8 = 1;
/// Of SETTINGS and PING.
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const WHOLE: u8 = END_STREAM | END_HEADERS;

/// RFC 9113 section 4.1.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub(super) fn get() -> Vec<u8> {
    block(&[
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", b"127.0.0.1"),
        (":path", b"/token?service=registry"),
    ])
}

pub(super) fn post() -> Vec<u8> {
    block(&[
        (":method", b"POST"),
        (":scheme", b"http"),
        (":authority", b"127.0.0.1"),
        (":path", b"/token"),
        ("content-type", b"application/x-www-form-urlencoded"),
    ])
}

/// Fields that are written out and not remembered (RFC 7541 section 6.2.2).
pub(super) fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_bytes(), value] {
            // An integer with a prefix of seven bits (section 5.1).
            match text.len().checked_sub(127) {
                None => block.push(u8::try_from(text.len()).unwrap_or_default()),
                Some(mut rest) => {
                    block.push(127);
                    while rest >= 128 {
                        block.push(u8::try_from(rest % 128).unwrap_or_default() | 128);
                        rest /= 128;
                    }
                    block.push(u8::try_from(rest).unwrap_or_default());
                }
            }
            block.extend_from_slice(text);
        }
    }
    block
}
