//! `dial_info` as an address, `mongodb://name:password@host/database?option=value`, read as MongoDB's drivers read it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mongodb::error::Error;
use mongodb::options::{ClientOptions, Tls};
use registry_auth_core::config::Sources;
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;

use super::fault::told;
use super::options::{Dialled, is_database};
use super::tls;

const SCHEME: &str = "mongodb://";

/// The scheme by which the DNS is asked for the servers.
const BY_DNS: &str = "mongodb+srv://";

/// What stands in for a name and a password where an address without them is read.
const SOMEBODY: &str = "name:password";

/// Reads the address at `place`, which may hold a password. What is said of it never does.
pub(super) fn read(
    text: &Secret<String>,
    place: &Place,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<Dialled> {
    let text = text.expose();
    if text.starts_with(BY_DNS) {
        problems.error(
            place,
            "asks the DNS for its servers, which is not in this release; write them down, as \
             `mongodb://a.example,b.example/accounts?replicaSet=rs0`",
        );
        return None;
    }
    let Some(rest) = text.strip_prefix(SCHEME) else {
        problems.error(place, "must begin with `mongodb://`, or be a map");
        return None;
    };
    if !is_escaped(rest) {
        problems.error(
            place,
            "has a `%` with no two hexadecimal digits behind it; write it as `%25`",
        );
        return None;
    }
    let mut client = match parsed(text) {
        Ok(client) => client,
        Err(error) => {
            problems.error(place, without_secret(rest, &error));
            return None;
        }
    };
    let tls = match client.tls.take() {
        Some(Tls::Enabled(options)) => tls::checked(options, place, sources, problems).map(Tls::Enabled),
        other => Some(other.unwrap_or(Tls::Disabled)),
    };
    let Some(database) = client.default_database.clone() else {
        problems.error(
            place,
            "names no database behind its servers; write it there, as `mongodb://db.example/accounts`",
        );
        return None;
    };
    if !is_database(&database, place, problems) {
        return None;
    }
    client.tls = Some(tls?);
    Some(Dialled {
        client,
        database,
        within: None,
        fails_fast: false,
    })
}

/// The driver cuts a text apart behind each `%`, wherever that is.
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|behind| {
        let mut bytes = behind.bytes();
        let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        is_digit() && is_digit()
    })
}

/// As the driver reads it. Nothing is waited for: that it could be is for [`BY_DNS`].
fn parsed(text: &str) -> Result<ClientOptions, String> {
    let parsing = pin!(IntoFuture::into_future(ClientOptions::parse(text)));
    match parsing.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(parsed) => parsed.map_err(|error| in_our_words(&error)),
        Poll::Pending => Err("cannot be read without asking somebody".to_owned()),
    }
}

/// What the driver says, where it can be said better by who knows what it is for.
fn in_our_words(error: &Error) -> String {
    let told = told(error);
    if told.contains("hostname cannot be empty") {
        return "names no server; write it behind the slashes, as `mongodb://db.example/accounts`".to_owned();
    }
    if told.contains("socketTimeoutMS") {
        return "has `socketTimeoutMS`, which is not taken: the section's `timeout` is for all of a question"
            .to_owned();
    }
    if let Some((option, near)) = told.split_once(" is an invalid option") {
        let near = near.rsplit_once(": ");
        let near = near.map_or_else(String::new, |(_, near)| format!("; did you mean `{near}`?"));
        return format!("has the option `{option}`, which MongoDB's addresses do not have{near}");
    }
    told.replace("'heartbeat_freq'", "`heartbeatFrequencyMS`")
}

/// What the driver says of the address, if it says the same of one with another name and another password.
fn without_secret(rest: &str, error: &str) -> String {
    let Some((_, behind)) = rest.rsplit_once('@') else {
        return without_ports(rest, error);
    };
    match parsed(&format!("{SCHEME}{SOMEBODY}@{behind}")) {
        Err(error) => error,
        Ok(_) => "has a character in its name or password that must be written in another way: `@` as `%40`, `:` as `%3A`, `/` \
                  as `%2F`, `%` as `%25`"
            .to_owned(),
    }
}

/// The same for an address without an `@`: what stands where a port does is a password whose server was forgotten, perhaps.
fn without_ports(rest: &str, error: &str) -> String {
    let servers = rest.split(['/', '?']).next().unwrap_or_default();
    let mut behind = servers.split(',').filter_map(|server| server.split_once(':'));
    let is_number = |port: &str| port.parse::<u16>().is_ok();
    if behind.any(|(_, port)| !port.is_empty() && !is_number(port) && error.contains(port)) {
        return "has a server with a port that is no number from 1 to 65535; a name and a password stand before an `@`, as \
                `mongodb://name:password@db.example/accounts`"
            .to_owned();
    }
    error.to_owned()
}
