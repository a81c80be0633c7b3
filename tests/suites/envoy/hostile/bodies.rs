//! Bodies of POSTs: forms that are none.

use super::heads::scopes;
use super::{Case, Message, Sees, UNREADABLE};

const NO_FORM: Sees = Sees::Error(415, "UNSUPPORTED");
pub(super) const TOO_LARGE: Sees = Sees::Error(413, "UNSUPPORTED");
pub(super) const ADA: &str = "grant_type=password&service=registry&client_id=test&username=ada&password=ada-secret";

pub(super) fn forms() -> Vec<Case> {
    let form = |name: &str, form: &[u8], sees| Case::new(name, Message::post().form(form), sees);
    let typed = |name: &str, kind: &[u8], body: &[u8], sees| {
        Case::new(name, Message::post().header("content-type", kind).body(body), sees)
    };
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    let multipart = b"--x\r\ncontent-disposition: form-data; name=\"username\"\r\n\r\nada\r\n--x--\r\n";
    let mut cases = vec![
        form("an empty form", b"", Sees::Token("")),
        Case::new("an empty POST", Message::post().body(""), Sees::Token("")),
        Case::new("a POST without a length", Message::post().end(), Sees::Token("")),
        Case::new("a form without its type", Message::post().body(ADA), NO_FORM),
        typed("JSON of 10,000 levels", b"application/json", deep.as_bytes(), NO_FORM),
        typed(
            "a multipart form",
            b"multipart/form-data; boundary=x",
            multipart,
            NO_FORM,
        ),
        typed("a text", b"text/plain", ADA.as_bytes(), NO_FORM),
        typed("a type that is empty", b"", ADA.as_bytes(), NO_FORM),
        typed("a type of any bytes", b"\x80\xff\xfe", ADA.as_bytes(), NO_FORM),
        typed("a type of 50,000 bytes", &vec![b'a'; 50_000], ADA.as_bytes(), NO_FORM),
        typed(
            "two types in one",
            b"application/x-www-form-urlencoded, application/json",
            ADA.as_bytes(),
            NO_FORM,
        ),
        form("JSON of 10,000 levels as a form", deep.as_bytes(), Sees::Token("")),
        form(
            "JSON as a form",
            br#"{"username": "ada", "password": "ada-secret"}"#,
            Sees::Token(""),
        ),
        form("NUL in a name", b"username=a%00da&password=x", UNREADABLE),
        form("a plain NUL in a name", b"username=a\0da&password=x", UNREADABLE),
        form("a plain NUL in a parameter's name", b"\0=\0", Sees::Token("")),
        form("a line break in a name", b"username=zoe%0d%0ax&password=x", UNREADABLE),
        form("half a code", b"username=%&password=x", UNREADABLE),
        form("a code of other letters", b"%zz=x", UNREADABLE),
        form("a code cut off by the end", b"username=ada&password=x%4", UNREADABLE),
        form(
            "a parameter that is not UTF-8",
            b"scope=repository:\xff:pull",
            UNREADABLE,
        ),
        form("a code that is not UTF-8", b"username=%ff&password=x", UNREADABLE),
        form("every byte", &(0..=255).collect::<Vec<u8>>(), UNREADABLE),
        form("10,000 pairs", "a=b&".repeat(10_000).as_bytes(), UNREADABLE),
        form("two names", b"username=ada&username=bob&password=x", UNREADABLE),
        form(
            "2,000 scopes",
            format!("scope={}", scopes(2_000)).as_bytes(),
            UNREADABLE,
        ),
        form(
            "a megabyte of scopes",
            format!("scope={}", scopes(55_000)).as_bytes(),
            TOO_LARGE,
        ),
        form("64 KiB of nothing", &vec![b'&'; 64 << 10], Sees::Token("")),
        form(
            "64 KiB of spaces in a scope",
            format!("scope={}", "+".repeat(65_530)).as_bytes(),
            Sees::Token(""),
        ),
        form("a byte above 64 KiB", &vec![b'&'; (64 << 10) + 1], TOO_LARGE),
        form("ten thousand actions, and then one at a time", &actions(), UNREADABLE),
        form(
            "compressed",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00",
            UNREADABLE,
        ),
    ];
    let two = Message::post().header("content-type", "application/json").form(ADA);
    cases.push(Case::new("two types in two headers", two, NO_FORM));
    let waits = Message::post().header("expect", "100-continue").form(ADA);
    cases.push(Case::new("a client that waits to be told", waits, Sees::Envoy(100)).and(Sees::Token("ada")));
    let dreams = Message::post().header("expect", "1000-continue").form(ADA);
    cases.push(Case::new(
        "a client that expects the unknown",
        dreams,
        Sees::Token("ada"),
    ));
    cases.push(Case::new(
        "a GET with a body",
        Message::get("").form(ADA),
        Sees::Token(""),
    ));
    cases.push(Case::new(
        "a GET with a megabyte",
        Message::get("").body(vec![b'a'; 1 << 20]),
        Sees::Token(""),
    ));
    cases
}

/// A scope of many actions, and more of the same resource behind it, up to the limit of a body.
fn actions() -> Vec<u8> {
    let letters = |number: usize| {
        [number / 676, number / 26 % 26, number % 26].map(|at| char::from(b"abcdefghijklmnopqrstuvwxyz"[at % 26]))
    };
    let many: Vec<String> = (0..10_000).map(|number| String::from_iter(letters(number))).collect();
    let many = many.join(",");
    let more = "+a:b:c".repeat((64_000 - many.len()) / 6);
    format!("scope=a:b:{many}{more}").into_bytes()
}
