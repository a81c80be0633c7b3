//! `dial_info` as a map, with docker_auth's keys: those of Go's driver mgo in lower case, two of its own, and ours.

use std::ops::RangeInclusive;
use std::time::Duration;

use mongodb::options::{AuthMechanism, ClientOptions, Credential, ServerAddress};
use registry_auth_core::config::{Section, Sources, choice};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;

use super::super::required_text;
use super::fault::told;
use super::options::{Dialled, is_database};
use super::tls;

/// What is taken for `timeout`: docker_auth's own examples have 10 s. What is longer than the section's is that one.
const TIMEOUTS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);

/// Keys of mgo that have no effect in docker_auth or here, and what stands in for them.
const WITHOUT_EFFECT: [(&str, &str); 9] = [
    ("service", "it is for Kerberos"),
    ("servicehost", "it is for Kerberos"),
    ("poollimit", "`parallel` says how many connections there are"),
    ("pooltimeout", "`timeout` is for the whole question"),
    ("readtimeout", "`timeout` is for the whole question"),
    ("writetimeout", "`timeout` is for the whole question"),
    ("minpoolsize", "connections are opened when they are needed"),
    ("maxidletimems", "connections are kept"),
    ("appname", "the server is told that this is `registry-auth`"),
];

/// How an account of the database is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Sha1,
    Sha256,
    Plain,
    Certificate,
}

const MECHANISMS: [(&str, Mechanism); 4] = [
    ("SCRAM-SHA-1", Mechanism::Sha1),
    ("SCRAM-SHA-256", Mechanism::Sha256),
    ("PLAIN", Mechanism::Plain),
    ("MONGODB-X509", Mechanism::Certificate),
];

/// Reads the map.
pub(super) fn read(mut section: Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Dialled> {
    let hosts = hosts(&mut section, problems);
    let place = section.place_of("database");
    let database = required_text(&mut section, "database", "write what the database is called", problems);
    let database = database.filter(|name| is_database(name, &place, problems));
    let has_certificate = tls::is_with_certificate(&section);
    let tls = tls::read(&mut section, sources, problems);
    let credential = credential(&mut section, has_certificate, sources, problems);
    let within = section.duration("timeout", TIMEOUTS, problems);
    let fails_fast = section.flag("failfast", problems).unwrap_or(false);
    let direct_place = section.place_of("direct");
    let direct = section.flag("direct", problems);
    let replica_set = section.text("replicasetname", problems).filter(|name| !name.is_empty());
    for (key, instead) in WITHOUT_EFFECT {
        if section.remove(key).is_some() {
            problems.warn(&section.place_of(key), format_args!("has no effect: {instead}"));
        }
    }
    section.finish(problems);
    let hosts = hosts?;
    if direct == Some(true) && hosts.len() > 1 {
        problems.error(
            &direct_place,
            "asks one server and no other, and `addrs` names several; leave it out, or name one",
        );
        return None;
    }
    let mut client = ClientOptions::default();
    client.hosts = hosts;
    client.tls = tls?;
    client.credential = credential?;
    client.direct_connection = direct;
    client.repl_set_name = replica_set;
    Some(Dialled {
        client,
        database: database?,
        within,
        fails_fast,
    })
}

fn hosts(section: &mut Section, problems: &mut Problems) -> Option<Vec<ServerAddress>> {
    let place = section.place_of("addrs");
    let written = section.texts("addrs", problems).unwrap_or_default();
    let count = written.len();
    let read = written.into_iter().enumerate();
    let hosts: Vec<_> = read
        .filter_map(|(i, text)| host(&text, &place.index(i), problems))
        .collect();
    if count == 0 && !problems.is_refusal_at(&place) {
        problems.error(
            &place,
            "is missing; write where the servers are, as `[\"db.example:27017\"]`",
        );
    }
    (count > 0 && hosts.len() == count).then_some(hosts)
}

fn host(text: &str, place: &Place, problems: &mut Problems) -> Option<ServerAddress> {
    if text.is_empty() {
        problems.error(place, "names no host; write it as `db.example:27017`");
        return None;
    }
    if text.contains("://") {
        problems.error(
            place,
            "is an address as a whole; write it as `dial_info` itself, or the host and the port alone",
        );
        return None;
    }
    if text.contains('@') {
        problems.error(
            place,
            "must be a host and a port; the name and the password belong into `username` and `password_file`",
        );
        return None;
    }
    let address = ServerAddress::parse(text).map_err(|error| told(&error));
    problems.keep(place, address)
}

/// Of whom the database takes it that they ask; nobody, if there is no `username`.
#[expect(
    clippy::option_option,
    reason = "nobody is an answer, and so is that something is wrong"
)]
fn credential(
    section: &mut Section,
    has_certificate: bool,
    sources: Sources<'_>,
    problems: &mut Problems,
) -> Option<Option<Credential>> {
    let name_place = section.place_of("username");
    let name = section.text("username", problems).filter(|name| !name.is_empty());
    let password_place = section.place_of("password");
    let password = password(section, sources, problems);
    let source = section.text("source", problems).filter(|source| !source.is_empty());
    let mechanism_place = section.place_of("mechanism");
    let mechanism = mechanism(section, problems);
    if problems.is_refusal_at(&name_place) || problems.is_refusal_at(&mechanism_place) {
        return None;
    }
    let password = password?;
    let is_by_certificate = mechanism == Some(Mechanism::Certificate);
    match (&name, &password) {
        (None, Some(_)) => {
            problems.error(&name_place, "is missing, and there is a password; write whose it is");
            return None;
        }
        (Some(_), None) if !is_by_certificate => {
            problems.error(
                &password_place,
                "is missing beside `username`; write it, or the file that holds it as `password_file`",
            );
            return None;
        }
        (_, Some(_)) if is_by_certificate => {
            problems.error(
                &password_place,
                "goes with no `mechanism: MONGODB-X509`, which proves the account by its certificate",
            );
            return None;
        }
        (None, None) if !is_by_certificate => return Some(None),
        _ => {}
    }
    if is_by_certificate && !has_certificate {
        problems.error(
            &mechanism_place,
            "proves the account by a certificate; name its file with `client_certificate`",
        );
        return None;
    }
    if mechanism == Some(Mechanism::Plain) {
        problems.warn(
            &mechanism_place,
            "sends the password as it is, which is safe by TLS alone",
        );
    }
    let mut credential = Credential::default();
    credential.username = name;
    credential.password = password.map(|password| password.expose().clone());
    let outside = matches!(mechanism, Some(Mechanism::Plain | Mechanism::Certificate));
    credential.source = source.or_else(|| Some(if outside { "$external" } else { "admin" }.to_owned()));
    credential.mechanism = mechanism.map(|mechanism| match mechanism {
        Mechanism::Sha1 => AuthMechanism::ScramSha1,
        Mechanism::Sha256 => AuthMechanism::ScramSha256,
        Mechanism::Plain => AuthMechanism::Plain,
        Mechanism::Certificate => AuthMechanism::MongoDbX509,
    });
    Some(Some(credential))
}

/// `password_file`, or `password`.
#[expect(
    clippy::option_option,
    reason = "none is an answer, and so is that something is wrong"
)]
fn password(section: &mut Section, sources: Sources<'_>, problems: &mut Problems) -> Option<Option<Secret<String>>> {
    let written = section.text("password", problems).filter(|text| !text.is_empty());
    let written = written.map(Secret::new);
    let place = section.place_of("password_file");
    let file = section.text("password_file", problems).filter(|path| !path.is_empty());
    if problems.is_refusal_at(&place) || problems.is_refusal_at(&section.place_of("password")) {
        return None;
    }
    let Some(path) = file else { return Some(written) };
    let password = sources.file(&path, &place, problems)?;
    let password = Secret::new(password.expose().trim().to_owned());
    if password.expose().is_empty() {
        problems.error(&place, format_args!("`{path}` holds no password"));
        return None;
    }
    Some(Some(password))
}

fn mechanism(section: &mut Section, problems: &mut Problems) -> Option<Mechanism> {
    for (old, why) in [
        ("", ""),
        (
            "MONGODB-CR",
            "is of servers before 4.0, and no client has it any longer; leave it out",
        ),
        ("GSSAPI", "is Kerberos, which is not in this release"),
    ] {
        if section.is("mechanism", old) {
            let _ = section.take("mechanism");
            if !why.is_empty() {
                problems.error(&section.place_of("mechanism"), format_args!("`{old}` {why}"));
            }
            return None;
        }
    }
    choice(section, "mechanism", problems, &MECHANISMS)
}
