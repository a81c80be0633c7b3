//! One question on the way, and what to tell of one who cannot be reached.

use std::net::IpAddr;

use reqwest::Url;

use super::super::shown::shown;
use super::chart::Step;
use super::visit::Visit;
use super::web::{Answered, CertificateFault, Proof, Unreachable, addresses};

/// Who was to be reached, to tell whose fault it is.
#[derive(Clone, Copy)]
pub(super) enum Whom {
    Registry,
    TokenServer,
}

impl Visit {
    pub(super) async fn get(&self, url: &Url, proof: &Proof, whom: Whom) -> Result<Answered, Step> {
        match self.web.get(url, proof).await {
            // What expects TLS may say so in plain words.
            Ok(answered) if url.scheme() == "http" && answered.text().contains("HTTP request to an HTTPS server") => {
                Err(whom.off(url, &Unreachable::Broken(String::new()), true))
            }
            Ok(answered) => Ok(answered),
            Err(fault) => {
                let breaks = matches!(fault, Unreachable::Broken(_) | Unreachable::Other(_));
                let speaks_tls = url.scheme() == "http" && breaks && self.speaks_tls(url).await;
                Err(whom.off(url, &fault, speaks_tls))
            }
        }
    }

    /// Whether it has TLS, of whatever certificate. Nobody's password goes there.
    async fn speaks_tls(&self, url: &Url) -> bool {
        let mut url = url.clone();
        url.set_query(None);
        // The port stays, if it is written.
        let port = url.port_or_known_default();
        if url.set_scheme("https").is_err() || url.set_port(port).is_err() {
            return false;
        }
        matches!(
            self.web.get(&url, &Proof::None).await,
            Ok(_) | Err(Unreachable::Certificate(_))
        )
    }
}

/// Whether the host has an address; nothing to tell if it is one.
pub(super) async fn find(url: &Url, whom: Whom) -> Result<Option<Step>, Step> {
    let host = url.host_str().unwrap_or_default();
    let addresses = addresses(url).await.map_err(|fault| whom.off(url, &fault, false))?;
    let listed: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    Ok((!is_address).then(|| Step::ok("name", format!("`{host}` is {}", listed.join(", ")))))
}

impl Whom {
    /// What to tell of one who cannot be reached.
    fn off(self, url: &Url, fault: &Unreachable, speaks_tls: bool) -> Step {
        let mut url = url.clone();
        url.set_query(None);
        let (step, which, key) = match self {
            Self::Registry => ("registry", "the registry", "the address"),
            Self::TokenServer => ("realm", "the token server", "`auth.token.realm`"),
        };
        if speaks_tls {
            return Step::off(
                step,
                format!("{which} `{url}` speaks TLS, and is asked without"),
                format!("begin {key} with `https://`"),
            );
        }
        let seen = format!("{which} `{url}` cannot be reached: {}", fault.told());
        let mend = match fault {
            Unreachable::NoName(_) => {
                format!("mend {key}, or the name in DNS; clients resolve it where they are, not where the registry is")
            }
            Unreachable::Refused(_) => {
                format!("see whether it runs, and listens there; clients must reach {key} from where they are")
            }
            Unreachable::Slow(_) => "see what filters packets on the way, and whether it hangs".to_owned(),
            Unreachable::NoTls => format!("begin {key} with `http://`, or turn TLS on there"),
            Unreachable::Certificate(fault) => fault.mend(url.host_str().unwrap_or_default()),
            Unreachable::Downgrade(_) => "redirect to `https://`: passwords and tokens go along".to_owned(),
            Unreachable::Broken(_) | Unreachable::TooLong | Unreachable::Other(_) => {
                format!("see what it logs, and whether {key} leads to it")
            }
        };
        Step::off(step, seen, mend)
    }
}

impl Unreachable {
    pub(super) fn told(&self) -> String {
        match self {
            Self::NoName(why) => format!("its name has no address ({})", shown(why)),
            Self::Refused(_) => "nobody listens there".to_owned(),
            Self::Slow(what) => format!("{what} in time"),
            Self::Certificate(fault) => fault.told(),
            Self::NoTls => "it does not speak TLS".to_owned(),
            Self::Broken(why) => format!("it breaks off ({})", shown(why)),
            Self::Downgrade(to) => format!("it redirects to `{}`, without TLS", shown(to)),
            Self::TooLong => "its answer has no end".to_owned(),
            Self::Other(why) => shown(why),
        }
    }
}

impl CertificateFault {
    fn told(&self) -> String {
        match self {
            Self::UnknownIssuer => "its certificate is by an authority that is not trusted here".to_owned(),
            Self::OtherName => "its certificate is for another name".to_owned(),
            Self::Expired => "its certificate has expired".to_owned(),
            Self::NotYet => "its certificate is not valid yet".to_owned(),
            Self::Other(why) => format!("its certificate is refused ({})", shown(why)),
        }
    }

    fn mend(&self, host: &str) -> String {
        match self {
            Self::UnknownIssuer => {
                "name the authority with `--cacert`, and give it to every client too; or serve the whole chain"
                    .to_owned()
            }
            Self::OtherName => format!("make one with `{host}` among its names (`subjectAltName`)"),
            Self::Expired => "renew it".to_owned(),
            Self::NotYet => "set the clock of this machine, or of the one that made it".to_owned(),
            Self::Other(_) => "make a new one".to_owned(),
        }
    }
}
