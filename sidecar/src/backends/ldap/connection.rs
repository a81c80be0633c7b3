//! One connection to one server: opened, bound, searched through.

use std::cell::OnceCell;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{
    DerefAliases, Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions,
    SearchResult, StdStream,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::address::Security;
use super::entry::Entry;
use super::fault::{Fault, Step};
use super::options::{Pace, Target};

/// So many entries are asked for: one is what should be there, and a second one shows that it is not the only one.
const MOST_ENTRIES: i32 = 2;

/// What an Active Directory calls itself at the root of its entries (MS-ADTS section 3.1.1.3.4.3).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
const SUPPORTED_CAPABILITIES: &str = "supportedCapabilities";
const DEFAULT_NAMING_CONTEXT: &str = "defaultNamingContext";

/// Asks for no attribute (RFC 4511 section 4.5.1.8).
const NO_ATTRIBUTES: &str = "1.1";

/// Finds every entry.
const ANY_ENTRY: &str = "(objectClass=*)";

/// An open connection.
pub(super) struct Connection {
    ldap: Ldap,
    /// The server's number among those of `addr`.
    pub(super) server: usize,
    pub(super) opened: Instant,
    pace: Pace,
    /// The domain of an Active Directory, once it was asked for.
    domain: OnceCell<Option<String>>,
}

impl Connection {
    /// Opens one to `target`, the server number `server`.
    pub(super) async fn open(target: &Target, server: usize, pace: Pace) -> Result<Self, Fault> {
        let opening = async {
            let address = &target.address;
            let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
            // Each question is written at once and waits for its answer.
            stream.set_nodelay(true)?;
            let stream = StdStream::Tcp(stream.into_std()?);
            let mut settings = LdapConnSettings::new().set_std_stream(stream);
            if let Some(tls) = &target.tls {
                settings = settings.set_config(Arc::clone(tls));
            }
            settings = settings.set_starttls(address.security == Security::StartTls);
            let scheme = if address.security == Security::Always {
                "ldaps"
            } else {
                "ldap"
            };
            LdapConnAsync::with_settings(settings, &address.url(scheme)).await
        };
        let opened = timeout(pace.connect, opening).await.map_err(|_| Fault::Slow {
            step: Step::Connect,
            limit: pace.connect,
        })?;
        let (connection, ldap) = opened.map_err(Fault::of_opening)?;
        // It ends when the last handle is gone. Why it ended is told by the operation that it fails.
        tokio::spawn(connection.drive());
        Ok(Self {
            ldap,
            server,
            opened: Instant::now(),
            pace,
            domain: OnceCell::new(),
        })
    }

    /// Whether the server has closed it.
    pub(super) fn is_closed(&mut self) -> bool {
        self.ldap.is_closed()
    }

    /// Sees that somebody is there who speaks LDAP: asks for the root of the directory, which anybody may, and is content
    /// with every answer.
    pub(super) async fn greet(&mut self) -> Result<(), Fault> {
        let ldap = &mut self.ldap;
        let asking = ldap.search("", Scope::Base, ANY_ENTRY, [NO_ATTRIBUTES]);
        within(self.pace.bind, Step::Bind, asking).await.map(drop)
    }

    /// Binds as `dn`; both texts are for the server alone.
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<LdapResult, Fault> {
        within(self.pace.bind, Step::Bind, self.ldap.simple_bind(dn, password)).await
    }

    /// Where the domain begins, if the server is an Active Directory.
    pub(super) async fn domain(&mut self) -> Result<Option<String>, Fault> {
        if let Some(known) = self.domain.get() {
            return Ok(known.clone());
        }
        let root = match self.read("", &[SUPPORTED_CAPABILITIES, DEFAULT_NAMING_CONTEXT]).await {
            // Who does not say what it is, is none.
            Err(Fault::Answered { .. }) => None,
            root => root?,
        };
        let is_one = |root: &Entry| {
            root.values(SUPPORTED_CAPABILITIES)
                .iter()
                .any(|oid| oid == ACTIVE_DIRECTORY)
        };
        let domain = root.filter(is_one);
        let domain = domain.and_then(|root| root.values(DEFAULT_NAMING_CONTEXT).first().cloned());
        Ok(self.domain.get_or_init(|| domain).clone())
    }

    /// The names of all entries below `base` that `filter` finds; `None` if they are more than `most`.
    pub(super) async fn names(&mut self, base: &str, filter: &str, most: usize) -> Result<Option<Vec<String>>, Fault> {
        let sizelimit = i32::try_from(most).unwrap_or(i32::MAX);
        let options = SearchOptions::new().deref(DerefAliases::Never).sizelimit(sizelimit);
        let ldap = self.ldap.with_search_options(options);
        let searching = ldap.search(base, Scope::Subtree, filter, [NO_ATTRIBUTES]);
        let SearchResult(entries, result) = within(self.pace.search, Step::Search, searching).await?;
        match Fault::of_search(&result, base, filter) {
            Some(Fault::Several { .. }) => return Ok(None),
            Some(fault) => return Err(fault),
            None => {}
        }
        let entries = entries.into_iter();
        let entries = entries.filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        Ok(Some(entries.map(|entry| SearchEntry::construct(entry).dn).collect()))
    }

    /// The entry `dn` with these attributes; `None` if it cannot be seen.
    pub(super) async fn read(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Entry>, Fault> {
        let ldap = &mut self.ldap;
        let reading = ldap.search(dn, Scope::Base, ANY_ENTRY, attributes);
        let SearchResult(entries, result) = within(self.pace.search, Step::Search, reading).await?;
        if let Some(fault) = Fault::of_reading(&result) {
            return Err(fault);
        }
        let entry = entries.into_iter().next();
        Ok(entry.map(|entry| SearchEntry::construct(entry).into()))
    }

    /// The one entry below `base` that `filter` finds, with these attributes; `None` if there is none. References to other
    /// servers are passed over, and aliases not followed.
    pub(super) async fn find(
        &mut self,
        base: &str,
        filter: &str,
        attributes: &[String],
    ) -> Result<Option<Entry>, Fault> {
        let limit = self.pace.search;
        let several = || Fault::Several {
            filter: filter.to_owned(),
        };
        let seconds = i32::try_from(limit.as_secs()).unwrap_or(i32::MAX).saturating_add(1);
        let options = SearchOptions::new()
            .deref(DerefAliases::Never)
            .sizelimit(MOST_ENTRIES)
            .timelimit(seconds);
        let attributes = if attributes.is_empty() {
            vec![NO_ATTRIBUTES.to_owned()]
        } else {
            attributes.to_vec()
        };
        let ldap = &mut self.ldap;
        let searching = async {
            let mut found: Option<Entry> = None;
            let search = ldap.with_search_options(options);
            let mut answers = search
                .streaming_search(base, Scope::Subtree, filter, attributes)
                .await?;
            while let Some(answer) = answers.next().await? {
                if answer.is_ref() || answer.is_intermediate() {
                    continue;
                }
                if found.is_some() {
                    return Ok(Err(several()));
                }
                found = Some(SearchEntry::construct(answer).into());
            }
            let result = answers.finish().await;
            Ok(match Fault::of_search(&result, base, filter) {
                Some(fault) => Err(fault),
                None => Ok(found),
            })
        };
        within(limit, Step::Search, searching).await?
    }
}

/// It is bound as somebody, which is nobody's business.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.server)
    }
}

async fn within<T>(
    limit: Duration,
    step: Step,
    asking: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, Fault> {
    match timeout(limit, asking).await {
        Ok(answer) => answer.map_err(Fault::of),
        Err(_) => Err(Fault::Slow { step, limit }),
    }
}
