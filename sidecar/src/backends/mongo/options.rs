//! Which collection, and how its database is reached: `dial_info` and `collection`.

use std::time::Duration;

use mongodb::options::{ClientOptions, ServerAddress};
use registry_auth_core::config::{Node, Section, Sources};
use registry_auth_core::problem::{Place, Problems};
use registry_auth_core::secret::Secret;

use super::super::{is_loopback, required_text};
use super::{dial_info, tls, url};

/// Of `timeout`, so much is for connecting to a server, and so much for finding one that can be asked: what is left is for
/// the question.
const SHARE_TO_CONNECT: f64 = 0.4;
const SHARE_TO_FIND: f64 = 0.6;

/// The same with `failfast`. Servers are looked at twice a second at the most, and a restarted one is to be found.
const SHARE_TO_FIND_FAST: f64 = 0.2;
const LEAST_TO_FIND: Duration = Duration::from_millis(700);

/// How often a server is looked at while nobody asks: one that is back is known by then, and one that hangs.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The port of MongoDB.
const DEFAULT_PORT: u16 = 27_017;

/// What nobody may name a database.
const NOT_IN_DATABASES: [char; 7] = ['/', '\\', '.', ' ', '"', '$', '\0'];

/// A collection and the way to it.
pub(super) struct Options {
    /// They hold a password.
    pub(super) client: ClientOptions,
    pub(super) database: String,
    pub(super) collection: String,
    /// What it is called in logs: `users of accounts at db.example:27017`.
    pub(super) shown: String,
}

/// What `dial_info` says, in either form.
pub(super) struct Dialled {
    pub(super) client: ClientOptions,
    pub(super) database: String,
    /// How long connecting and finding a server may take, if it says so.
    pub(super) within: Option<Duration>,
    /// Whether it is to be told soon that no server is there.
    pub(super) fails_fast: bool,
}

impl Options {
    /// Reads `dial_info` and `collection`. Nothing is connected to. A question is waited for within `timeout`, and there are
    /// `most` at once.
    pub(super) fn read(
        section: &mut Section,
        timeout: Duration,
        most: usize,
        sources: Sources<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let place = section.place_of("dial_info");
        let dialled = match section.take("dial_info") {
            Some(node @ Node::Map(_)) => {
                let inside = Section::open(node, place.clone(), problems);
                inside.and_then(|inside| dial_info::read(inside, sources, problems))
            }
            Some(Node::Text(text) | Node::Plain(text)) => url::read(&Secret::new(text), &place, sources, problems),
            Some(other) => {
                let kind = other.kind();
                problems.error(
                    &place,
                    format_args!("must be a map, or an address as `mongodb://db.example/accounts`, not {kind}"),
                );
                None
            }
            None => {
                problems.error(
                    &place,
                    "is missing; write where the database is, as `{addrs: [\"db.example\"], database: accounts}` or \
                     `mongodb://db.example/accounts`",
                );
                None
            }
        };
        let collection = collection(section, problems);
        let Dialled {
            mut client,
            database,
            within,
            fails_fast,
        } = dialled?;
        warn_of_clear_text(&client, &place, problems);
        pace(&mut client, timeout, within, fails_fast);
        // One more: the changes of a list are waited for on a connection of their own.
        client.max_pool_size = u32::try_from(most.saturating_add(1)).ok();
        client.app_name.get_or_insert_with(|| "registry-auth".to_owned());
        let collection = collection?;
        let hosts: Vec<String> = client.hosts.iter().map(shown).collect();
        Some(Self {
            shown: format!("{collection} of {database} at {}", hosts.join(",")),
            client,
            database,
            collection,
        })
    }
}

/// A server as it is told; the driver leaves out the brackets of an address of version 6.
pub(super) fn shown(address: &ServerAddress) -> String {
    match address {
        ServerAddress::Tcp { host, port } if host.contains(':') => {
            format!("[{host}]:{}", port.unwrap_or(DEFAULT_PORT))
        }
        other => other.to_string(),
    }
}

/// Whether a database can have that name, else it is told of the value at `place`.
pub(super) fn is_database(name: &str, place: &Place, problems: &mut Problems) -> bool {
    let bad = name.chars().find(|c| NOT_IN_DATABASES.contains(c));
    if let Some(bad) = bad {
        problems.error(place, format_args!("must not have {bad:?} in a database's name"));
    }
    bad.is_none()
}

fn collection(section: &mut Section, problems: &mut Problems) -> Option<String> {
    let place = section.place_of("collection");
    let name = required_text(section, "collection", "write what the collection is called", problems)?;
    if name.contains(['$', '\0']) || name.starts_with("system.") {
        problems.error(&place, "is no name that a collection of one's own can have");
        return None;
    }
    Some(name)
}

/// The driver's own limits are within ours, so that it says what is wrong before nobody waits any longer.
fn pace(client: &mut ClientOptions, timeout: Duration, within: Option<Duration>, fails_fast: bool) {
    // The driver takes none for no limit.
    let said = |said: Option<Duration>| said.filter(|limit| !limit.is_zero());
    let least = |limit: Duration, said: Option<Duration>| said.map_or(limit, |said| said.min(limit));
    let connect = least(timeout.mul_f64(SHARE_TO_CONNECT), said(client.connect_timeout));
    let find = if fails_fast { SHARE_TO_FIND_FAST } else { SHARE_TO_FIND };
    let find = least(timeout.mul_f64(find), said(client.server_selection_timeout));
    client.connect_timeout = Some(least(connect, said(within)));
    client.server_selection_timeout = Some(least(find, said(within)).max(LEAST_TO_FIND.min(timeout)));
    client.heartbeat_freq = Some(least(HEARTBEAT, said(client.heartbeat_freq)));
}

fn warn_of_clear_text(client: &ClientOptions, place: &Place, problems: &mut Problems) {
    let is_away = |address: &ServerAddress| match address {
        ServerAddress::Tcp { host, .. } => !is_loopback(host),
        _ => false,
    };
    if !tls::is_on(client) && client.hosts.iter().any(is_away) {
        problems.warn(
            place,
            "has password hashes and rules go in clear over the network, where they can be changed; write `enable_tls: true`, \
             or `tls=true` into an address",
        );
    }
}
