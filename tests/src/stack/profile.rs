//! The profiles of `docker-compose.yml`, each with a back-end and sample accounts.

use std::sync::{Mutex, PoisonError};

use crate::docker::Docker;
use crate::stand_in::StandIn;

/// `docker compose --profile NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Ldap,
    Postgres,
    MariaDb,
    Sqlite,
    Mongo,
    Htpasswd,
    Casbin,
}

/// Makes an image under whose name there is a public one.
type Make = fn() -> StandIn;

impl Profile {
    /// The quickest with a server comes first.
    pub const ALL: [Self; 7] = [
        Self::Ldap,
        Self::Postgres,
        Self::MariaDb,
        Self::Sqlite,
        Self::Mongo,
        Self::Htpasswd,
        Self::Casbin,
    ];

    /// As in `docker-compose.yml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
            Self::Mongo => "mongo",
            Self::Htpasswd => "htpasswd",
            Self::Casbin => "casbin",
        }
    }

    /// What it starts beside the stack, by the names of services, each with the user that it runs as.
    pub fn services(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ldap => &[("ldap", "10003:10003"), ("use-ldap", "10001:10001")],
            Self::Postgres => &[("postgres", "postgres"), ("use-postgres", "10001:10001")],
            Self::MariaDb => &[("mariadb", "mysql"), ("use-mariadb", "10001:10001")],
            Self::Sqlite => &[("sqlite", "10001:10001"), ("use-sqlite", "10001:10001")],
            Self::Mongo => &[("mongo", "ferretdb"), ("use-mongo", "10001:10001")],
            Self::Htpasswd => &[("use-htpasswd", "10001:10001")],
            Self::Casbin => &[("use-casbin", "10001:10001")],
        }
    }

    /// The image that it needs beside those of the stack, as in `docker-compose.yml`.
    fn image(self) -> Option<(&'static str, Make)> {
        match self {
            Self::Ldap => Some(("vegardit/openldap:2.6.x", StandIn::openldap)),
            Self::Postgres => Some(("postgres:17", StandIn::postgres)),
            Self::MariaDb => Some(("mariadb:11.8", StandIn::mariadb)),
            Self::Sqlite => Some(("keinos/sqlite3:3.50.4", StandIn::sqlite)),
            Self::Mongo => Some(("ferretdb/ferretdb:1.24.2", StandIn::ferretdb)),
            Self::Htpasswd | Self::Casbin => None,
        }
    }

    /// Gives the daemon its image, once for all stacks of this process.
    #[track_caller]
    pub(super) fn import(self, docker: &Docker) {
        static THERE: Mutex<Vec<&str>> = Mutex::new(Vec::new());
        let Some((name, make)) = self.image() else { return };
        let mut there = THERE.lock().unwrap_or_else(PoisonError::into_inner);
        if !there.contains(&name) {
            make().import(docker, name);
            there.push(name);
        }
    }
}
