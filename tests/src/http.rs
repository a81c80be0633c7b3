//! Requests to servers on loopback: plain ones here, byte by byte in [`raw`], over HTTP/2 in [`h2`]; and a server that
//! keeps what it was sent in [`upstream`].

pub mod h2;
pub mod raw;
pub mod upstream;

use std::time::Duration;

use serde_json::Value;

/// No answer of a server on loopback takes longer, on a busy machine either.
const LIMIT: Duration = Duration::from_secs(30);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

#[track_caller]
pub fn get(url: &str, headers: &[(&str, &str)]) -> Response {
    request("GET", url, headers, &[])
}

/// As [`get`], where there may be nobody to answer yet.
pub fn try_get(url: &str, headers: &[(&str, &str)]) -> Result<Response, ureq::Error> {
    try_request("GET", url, headers, &[])
}

/// Posts a form as it is given, percent-encoded already.
#[track_caller]
pub fn post_form(url: &str, headers: &[(&str, &str)], form: &str) -> Response {
    let headers = [headers, &[("content-type", "application/x-www-form-urlencoded")]].concat();
    request("POST", url, &headers, form.as_bytes())
}

/// Any method; redirects are not followed.
#[track_caller]
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    try_request(method, url, headers, body).unwrap_or_else(|error| panic!("no answer to {method} {url}: {error}"))
}

/// The value of an `Authorization` header for these credentials (RFC 7617).
pub fn basic(account: &str, password: &str) -> String {
    use base64::Engine as _;
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(format!("{account}:{password}"))
    )
}

fn try_request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Response, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(LIMIT))
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = if body.is_empty() {
        agent.run(request.body(())?)
    } else {
        agent.run(request.body(body)?)
    }?;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| header(name.as_str(), value.as_bytes()))
        .collect();
    let status = response.status().as_u16();
    Ok(Response {
        status,
        headers,
        body: response.body_mut().read_to_vec()?,
    })
}

fn header(name: &str, value: &[u8]) -> (String, String) {
    (name.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
