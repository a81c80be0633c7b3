//! Request lines, targets and headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Case, Message, Sees, UNPROVEN, UNREADABLE};
use crate::http;

pub(super) fn lines() -> Vec<Case> {
    let line = |line: &str, sees| Case::new(line.escape_debug().to_string(), Message::line(line).end(), sees);
    let mut cases = vec![
        line("", Sees::Envoy(400)),
        line("\r\n\r\n\r\n", Sees::Envoy(400)),
        line("GET", Sees::Envoy(400)),
        line("GET /token", Sees::Envoy(426)),
        line("GET  /token  HTTP/1.1", Sees::Token("")),
        line("/token GET HTTP/1.1", Sees::Envoy(400)),
        line("GET /token HTTP/0.9", Sees::Envoy(426)),
        line("GET /token HTTP/1.0", Sees::Envoy(426)),
        line("GET /token HTTP/2.0", Sees::Envoy(426)),
        line("GET /token HTTP/9.9", Sees::Envoy(426)),
        line("GET /token http/1.1", Sees::Envoy(400)),
        line("get /token HTTP/1.1", Sees::Envoy(400)),
        line("G\0T /token HTTP/1.1", Sees::Envoy(400)),
        line("G\u{e9}T /token HTTP/1.1", Sees::Envoy(400)),
        line("PRI * HTTP/2.0", Sees::Nothing),
        line("CONNECT /token HTTP/1.1", Sees::Envoy(400)),
        line("CONNECT 127.0.0.1:22 HTTP/1.1", Sees::Envoy(404)),
        line("JUNK /token HTTP/1.1", Sees::Envoy(400)),
    ];
    for method in ["DELETE", "OPTIONS", "PATCH", "PUT", "TRACE"] {
        cases.push(line(
            &format!("{method} /token HTTP/1.1"),
            Sees::Error(405, "UNSUPPORTED"),
        ));
    }
    let long = Message::line(format!("{} /token HTTP/1.1", "G".repeat(100_000)));
    cases.push(Case::new("a method of 100,000 letters", long.end(), Sees::Envoy(431)));
    cases.push(Case::new(
        "TLS to a plain port",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20),
        Sees::Envoy(400),
    ));
    cases.push(Case::new("a megabyte of zeros", vec![0; 1 << 20], Sees::Envoy(400)));
    cases.push(Case::new(
        "a megabyte of one line",
        vec![b'a'; 1 << 20],
        Sees::Envoy(431),
    ));
    cases
}

pub(super) fn paths() -> Vec<Case> {
    let path = |path: &str, sees| {
        Case::new(
            format!("GET {path}"),
            Message::line(format!("GET {path} HTTP/1.1")).end(),
            sees,
        )
    };
    let not_found = Sees::Error(404, "NOT_FOUND");
    vec![
        path("/token/", not_found),
        path("/token/../../../token", Sees::Token("")),
        path("//token", Sees::Token("")),
        path("/%74oken", Sees::Token("")),
        path("/token/%00", Sees::Envoy(400)),
        path("/token%00", Sees::Envoy(400)),
        path("/token%2f", Sees::Envoy(400)),
        path("/token\\", not_found),
        path("/token%5c", Sees::Envoy(400)),
        path("/token#?service=registry", Sees::Envoy(400)),
        path("/token/%zz", not_found),
        path("/token/%", not_found),
        path("token", Sees::Envoy(400)),
        path("http://elsewhere.test/token", Sees::Token("")),
        path("http://[::1/token", Sees::Envoy(400)),
        path("/token/\u{fc}", Sees::Envoy(400)),
        path("/token??&&==&=", Sees::Token("")),
        path(&format!("/{}token", "a/../".repeat(10_000)), Sees::Token("")),
    ]
}

pub(super) fn queries() -> Vec<Case> {
    let query = |name: &str, query: String, sees| Case::new(name, Message::get(query).end(), sees);
    let mut cases = vec![
        query("10,000 pairs", "a=b&".repeat(10_000), UNREADABLE),
        query("50,000 times &", "&".repeat(50_000), Sees::Token("")),
        query(
            "a scope that is none, 50,000 long",
            format!("scope={}", ":".repeat(50_000)),
            UNREADABLE,
        ),
        query("2,000 scopes", format!("scope={}", scopes(2_000)), UNREADABLE),
        query(
            "a megabyte of scopes",
            format!("scope={}", scopes(55_000)),
            Sees::Envoy(431),
        ),
        query(
            "the same scope 2,000 times",
            format!("scope={}", "repository:a:pull+".repeat(2_000)),
            Sees::Token(""),
        ),
        query(
            "25,000 actions",
            format!("scope=repository:a:{}", "a,".repeat(25_000)),
            Sees::Token(""),
        ),
        query(
            "a service of 50,000",
            format!("service={}", "s".repeat(50_000)),
            UNREADABLE,
        ),
        query(
            "a secret in the query",
            "username=ada&password=ada-secret".to_owned(),
            Sees::Error(400, "UNSUPPORTED"),
        ),
    ];
    // Broken codes, codes that mean a byte no text has, and codes that would break a line of the answer or of a log.
    for code in [
        "%",
        "%4",
        "%zz",
        "%%",
        "%-1",
        "%+1",
        "%u0041",
        "%00",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "%f4%90%80%80",
        "%0d%0aset-cookie:a",
        "%1b[2J",
        "%c2%85",
    ] {
        for (parameter, value) in [
            ("service", code.to_owned()),
            ("scope", format!("repository:{code}:pull")),
        ] {
            let pair = format!("{parameter}={value}");
            cases.push(query(&pair.clone(), pair, UNREADABLE));
        }
    }
    cases
}

/// Each byte by itself in a query.
pub(super) fn bytes_in_queries() -> Vec<Case> {
    let bytes = 0..=255;
    let cases = bytes.map(|byte: u8| {
        let sees = match byte {
            b'\n' => Sees::Envoy(426),
            b'%' => UNREADABLE,
            b'#' | 0..=b' ' | 0x7f.. => Sees::Envoy(400),
            _ => Sees::Token(""),
        };
        Case::new(
            format!("the byte {byte:#04x} in a query"),
            Message::get([b"service=", [byte].as_slice(), b"a"].concat()).end(),
            sees,
        )
    });
    cases.collect()
}

/// What is waited for until its time is up.
pub(super) fn slow() -> Vec<Case> {
    let late = Sees::Envoy(408);
    vec![
        Case::new("half a request line", b"GET /tok".to_vec(), late),
        Case::new(
            "half a header",
            b"GET /token HTTP/1.1\r\nhost: 127.0.0.1\r\nauthoriz".to_vec(),
            late,
        ),
        Case::new(
            "carriage returns alone",
            b"GET /token HTTP/1.1\rhost: 127.0.0.1\r\r".to_vec(),
            late,
        ),
        Case::new("headers without end", Message::get("").0, late),
    ]
}

/// So many scopes, each another one.
pub(super) fn scopes(count: usize) -> String {
    let scopes: Vec<String> = (0..count).map(|number| format!("repository:{number}:pull")).collect();
    scopes.join("+")
}

pub(super) fn authorizations() -> Vec<Case> {
    let basic = |credentials: &[u8]| format!("Basic {}", STANDARD.encode(credentials));
    let right = http::basic("ada", "ada-secret");
    let authorization = |name: &str, value: &[u8], sees| with(name, "authorization", value, sees);
    let credentials = |name: &str, value: &[u8], sees| authorization(name, basic(value).as_bytes(), sees);
    vec![
        authorization("empty", b"", UNPROVEN),
        authorization("Basic alone", b"Basic", UNPROVEN),
        authorization("not base64", b"Basic !!!", UNPROVEN),
        authorization("base64 for URLs", b"Basic __-_", UNPROVEN),
        authorization("base64 with a tail", b"Basic YWRhOmE=YQ==", UNPROVEN),
        authorization("Bearer", b"Bearer eyJhbGciOiJub25lIn0.e30.", UNPROVEN),
        authorization("Digest", b"Digest username=\"ada\", realm=\"x\", nonce=\"\"", UNPROVEN),
        authorization(
            "a comma behind",
            [right.as_bytes(), b","].concat().as_slice(),
            Sees::Error(400, "UNSUPPORTED"),
        ),
        authorization(
            "a thousand spaces",
            right.replace(' ', &" ".repeat(1_000)).as_bytes(),
            Sees::Token("ada"),
        ),
        authorization("a tab", right.replace(' ', "\t").as_bytes(), UNPROVEN),
        authorization("not UTF-8", b"\xff\xfe\xfd \x80", UNPROVEN),
        authorization("50,000 bytes of no scheme", &vec![b'x'; 50_000], UNPROVEN),
        authorization("64 KiB", basic(&vec![b'x'; 48 << 10]).as_bytes(), Sees::Envoy(431)),
        credentials("no colon", b"ada", UNPROVEN),
        credentials("nobody", b":", Sees::Token("")),
        credentials("nobody's password", b":x", UNPROVEN),
        credentials("NUL in the name", b"a\0da:x", UNREADABLE),
        credentials("NUL in the password", b"zoe:x\0y", UNPROVEN),
        credentials("a name that is not UTF-8", b"\xff:x", UNPROVEN),
        credentials("a password that is not UTF-8", b"zoe:\xff", UNPROVEN),
        credentials("a line break in the name", b"zoe\r\nx: y:x", UNREADABLE),
        credentials("a pattern as the name", b"*:x", UNPROVEN),
        credentials("a refresh token", b"x:REFRESH", UNPROVEN),
        credentials(
            "a name of 35,000",
            format!("{}:x", "x".repeat(35_000)).as_bytes(),
            UNREADABLE,
        ),
        credentials(
            "a password of 1,024",
            format!("zoe:{}", "x".repeat(1_024)).as_bytes(),
            UNPROVEN,
        ),
        credentials(
            "a password of 1,025",
            format!("zoe:{}", "x".repeat(1_025)).as_bytes(),
            UNREADABLE,
        ),
        credentials(
            "a password of 35,000",
            format!("zoe:{}", "x".repeat(35_000)).as_bytes(),
            UNREADABLE,
        ),
    ]
}

/// Headers beside `Authorization`.
pub(super) fn headers() -> Vec<Case> {
    vec![
        with("rubbish", "host", b"\xff\xfe", Sees::Envoy(400)),
        with("a second one", "host", b"elsewhere.test", Sees::Token("")),
        with(
            "addresses that are none",
            "x-forwarded-for",
            b"999.1.1.1, ::::, \xff, ,,",
            Sees::Token(""),
        ),
        with(
            "6,000 addresses",
            "x-forwarded-for",
            "1.1.1.1,".repeat(6_000).as_bytes(),
            Sees::Token(""),
        ),
        with("50,000 bytes", "x-request-id", &vec![0xff; 50_000], Sees::Token("")),
        with(
            "50,000 bytes",
            "cookie",
            "a=b; ".repeat(10_000).as_bytes(),
            Sees::Token(""),
        ),
        with("50,000 bytes", "content-type", &vec![0xff; 50_000], Sees::Token("")),
        with("an underscore", "a_b", b"x", Sees::Envoy(400)),
        with("a space", "a b", b"x", Sees::Envoy(400)),
        with("not ASCII", "\u{fc}", b"x", Sees::Envoy(400)),
        with("no name", "", b"x", Sees::Envoy(400)),
        with("a name of Envoy's", ":path", b"/v2/", Sees::Envoy(400)),
        with("a name of 50,000", &"a".repeat(50_000), b"x", Sees::Token("")),
        with("websocket", "upgrade", b"websocket", Sees::Token("")),
        with("h2c", "upgrade", b"h2c", Sees::Token("")),
    ]
}

pub(super) fn several_headers() -> Vec<Case> {
    let right = http::basic("ada", "ada-secret");
    let two = |name: &str, second: &[u8]| {
        let message = Message::get("")
            .header("authorization", &right)
            .header("authorization", second);
        Case::new(name, message.end(), Sees::Error(400, "UNSUPPORTED"))
    };
    let many = (0..200).fold(Message::get(""), |message, _| message.header("authorization", &right));
    let others = (0..200).fold(Message::get(""), |message, number| {
        message.header(&format!("a{number}"), "")
    });
    let beside_empty = Message::get("")
        .header("authorization", "")
        .header("authorization", &right);
    let folded = Message::get("").header("authorization", right.replace(' ', "\r\n "));
    let no_host = b"GET /token HTTP/1.1\r\n\r\n".to_vec();
    vec![
        two("two Authorization headers", right.as_bytes()),
        two("two Authorization headers of two schemes", b"Bearer x"),
        Case::new("200 Authorization headers", many.end(), Sees::Error(400, "UNSUPPORTED")),
        Case::new("200 headers", others.end(), Sees::Envoy(431)),
        Case::new(
            "an Authorization header beside an empty one",
            beside_empty.end(),
            Sees::Token("ada"),
        ),
        Case::new("a folded header", folded.end(), Sees::Token("ada")),
        Case::new("no Host", no_host, Sees::Envoy(400)),
    ]
}

/// Each byte by itself in each header that the filter or Envoy reads.
pub(super) fn bytes_in_headers() -> Vec<Case> {
    let bytes = 0..=255;
    let cases = bytes.map(|byte: u8| {
        let sees = match byte {
            b'\t' | b'\r' => UNPROVEN,
            0..b' ' | 0x7f => Sees::Envoy(400),
            b',' => Sees::Error(400, "UNSUPPORTED"),
            _ => UNPROVEN,
        };
        let value = [b"Basic YWRh", [byte].as_slice(), b"a"].concat();
        let names = [
            "authorization",
            "content-type",
            "x-forwarded-for",
            "x-request-id",
            "user-agent",
            "cookie",
            "accept",
        ];
        let message = names
            .iter()
            .fold(Message::get(""), |message, name| message.header(name, &value));
        Case::new(format!("the byte {byte:#04x} in headers"), message.end(), sees)
    });
    cases.collect()
}

/// A GET with this header too.
fn with(name: &str, header: &str, value: &[u8], sees: Sees) -> Case {
    Case::new(
        format!("{header}: {name}"),
        Message::get("service=registry").header(header, value).end(),
        sees,
    )
}
