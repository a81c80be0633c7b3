//! The way of a client, step by step, up to the first thing that is off.

use registry_auth_core::scope::Scope;
use registry_auth_core::secret::Secret;
use registry_auth_core::time::Timestamp;
use reqwest::{StatusCode, Url};

use super::super::jwt::{Access, Jwt};
use super::super::shown::shown;
use super::challenge::Challenge;
use super::chart::{Chart, Outcome, Step, said};
use super::reach::{Whom, find};
use super::registry_file::RegistryFile;
use super::token_check::{self, Clocks};
use super::web::{Answered, Proof, Web};

/// What is needed for it.
pub(super) struct Visit {
    pub(super) web: Web,
    /// `/v2/` of the registry.
    pub(super) url: Url,
    pub(super) login: Option<Login>,
    pub(super) scope: Option<Scope>,
    pub(super) file: Option<RegistryFile>,
    pub(super) now: fn() -> Timestamp,
}

/// Who signs in.
pub(super) struct Login {
    pub(super) account: String,
    pub(super) password: Secret<Vec<u8>>,
}

/// What a registry wants, and where.
pub(super) struct Asked {
    /// `/v2/`, where redirects led to it: no client sends a token along when it is redirected to another host.
    pub(super) at: Url,
    pub(super) realm: Url,
    pub(super) service: String,
    pub(super) date: Option<u64>,
}

/// A token that was given.
pub(super) struct Given {
    pub(super) text: Secret<String>,
    pub(super) jwt: Jwt,
    pub(super) date: Option<u64>,
}

impl Visit {
    pub(super) async fn make(&self) -> Chart {
        let mut chart = Chart::default();
        // The first thing that is off ends it.
        if let Err(step) = self.go(&mut chart).await {
            chart.steps.push(step);
        }
        chart
    }

    async fn go(&self, chart: &mut Chart) -> Result<(), Step> {
        chart.steps.extend(find(&self.url, Whom::Registry).await?);
        let asked = self.knock(chart).await?;
        chart.steps.extend(find(&asked.realm, Whom::TokenServer).await?);
        let given = self.fetch(&asked, chart).await?;
        if let Some(step) = token_check::in_itself(&given.jwt, &asked.service, (self.now)()) {
            return Err(step);
        }
        let clocks = Clocks {
            registry: asked.date,
            token_server: given.date,
            here: (self.now)().seconds(),
        };
        let step = token_check::clocks(clocks, &given.jwt);
        if step.outcome == Outcome::Off {
            return Err(step);
        }
        chart.steps.push(step);
        chart.steps.push(self.show(&asked, &given).await?);
        if let Some(scope) = &self.scope {
            chart.steps.push(self.use_it(scope, &asked, &given).await?);
        }
        chart.steps.push(self.post(&asked).await?);
        Ok(())
    }

    /// Asks `/v2/` without a token, and reads what is wanted.
    async fn knock(&self, chart: &mut Chart) -> Result<Asked, Step> {
        const STEP: &str = "registry";
        let answered = self.get(&self.url, &Proof::None, Whom::Registry).await?;
        let (url, status) = (&answered.url, answered.status);
        let off = |seen: String, mend: &str| Err(Step::off(STEP, seen, mend));
        match status {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::OK => {
                return off(
                    format!("`{url}` lets everybody in, without a token"),
                    "set `auth.token` in the registry's configuration, and let nobody reach it but by this address",
                );
            }
            StatusCode::NOT_FOUND => {
                return off(
                    format!("`{url}` answers 404: there is no registry"),
                    "have `/v2/` of this host lead to the registry",
                );
            }
            other if other.is_server_error() => {
                return off(
                    format!("`{url}` answers {other} {}", said(&answered.json(), &answered.text())),
                    "see whether the registry runs, and what the proxy in front of it logs",
                );
            }
            other => {
                return off(
                    format!(
                        "`{url}` answers {other} {}, and no registry does",
                        said(&answered.json(), &answered.text())
                    ),
                    "write the address as clients have it",
                );
            }
        }
        let challenges: Vec<_> = answered.challenges().map(Challenge::parse).collect();
        let Some(challenge) = challenges.iter().find(|challenge| challenge.is_bearer()) else {
            let scheme = challenges
                .first()
                .map_or("nothing", |challenge| challenge.scheme.as_str());
            return off(
                format!("`{url}` does not ask for a token, but for `{}`", shown(scheme)),
                "set `auth.token` in the registry's configuration, in the place of another `auth`",
            );
        };
        let asked = self.wanted(challenge, &answered)?;
        let from = if *url == self.url {
            String::new()
        } else {
            format!("`{}` leads to ", self.url)
        };
        chart.steps.push(Step::ok(
            STEP,
            format!(
                "{from}`{url}` asks for a token of `{}` for the service `{}`",
                asked.realm,
                shown(&asked.service)
            ),
        ));
        Ok(asked)
    }

    fn wanted(&self, challenge: &Challenge, answered: &Answered) -> Result<Asked, Step> {
        const STEP: &str = "realm";
        let realm = shown(&challenge.realm);
        let parsed = Url::parse(&challenge.realm).ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "https" | "http") && url.host_str().is_some());
        let Some(url) = parsed else {
            return Err(Step::off(
                STEP,
                format!("the registry sends clients to `{realm}`, which is no address"),
                "write `auth.token.realm` as `https://registry.example/token`",
            ));
        };
        if answered.url.scheme() == "https" && url.scheme() == "http" {
            return Err(Step::off(
                STEP,
                format!("the registry has `https`, and sends clients with their passwords to `{realm}`, in clear"),
                "begin `auth.token.realm` with `https://`",
            ));
        }
        if challenge.service.is_empty() {
            return Err(Step::off(
                STEP,
                "the registry names no service",
                "set `auth.token.service`",
            ));
        }
        if let Some(file) = &self.file {
            for (key, written, seen) in [
                ("realm", &file.auth.realm, &challenge.realm),
                ("service", &file.auth.service, &challenge.service),
            ] {
                // A realm may be left to the registry (`autoredirect`).
                let Some(written) = written else { continue };
                if written != seen {
                    return Err(Step::off(
                        STEP,
                        format!(
                            "the registry's {key} is `{}`, and in `{}` it is `{written}`",
                            shown(seen),
                            file.name
                        ),
                        "start the registry again with that file, or name the one that it has with `--registry`",
                    ));
                }
            }
        }
        Ok(Asked {
            at: answered.url.clone(),
            realm: url,
            service: challenge.service.clone(),
            date: answered.date(),
        })
    }

    /// Shows the token to the registry, which takes any of its own, whatever it allows.
    async fn show(&self, asked: &Asked, given: &Given) -> Result<Step, Step> {
        const STEP: &str = "accepted";
        let answered = self.get(&asked.at, &bearer(given), Whom::Registry).await?;
        let status = answered.status;
        match status {
            StatusCode::OK => Ok(Step::ok(STEP, "the registry takes the token")),
            StatusCode::UNAUTHORIZED => {
                let fault = self.file.as_ref().and_then(|file| file.fault(&given.jwt));
                Err(match fault {
                    Some((why, mend)) => Step::off(STEP, format!("the registry does not take the token: {why}"), mend),
                    None => Step::off(
                        STEP,
                        "the registry does not take the token, and does not say why",
                        token_check::to_compare(&given.jwt, &asked.service),
                    ),
                })
            }
            other => Err(Step::off(
                STEP,
                format!(
                    "with a token the registry answers {other} {}",
                    said(&answered.json(), &answered.text())
                ),
                "see what the registry logs",
            )),
        }
    }

    /// Whether the token allows what was asked for, and the registry agrees.
    async fn use_it(&self, scope: &Scope, asked: &Asked, given: &Given) -> Result<Step, Step> {
        const STEP: &str = "rights";
        let resource = scope.resource();
        let access = given.jwt.access();
        let of_scope = |access: &&Access| access.kind == resource.kind() && access.name == resource.name();
        let granted = access
            .iter()
            .find(of_scope)
            .map(|access| access.actions.clone())
            .unwrap_or_default();
        let missing: Vec<_> = scope
            .actions()
            .iter()
            .filter(|action| !granted.iter().any(|it| it == action))
            .collect();
        if !missing.is_empty() {
            let whom = self.who();
            return Err(Step::off(
                STEP,
                format!(
                    "the token does not allow {} of `{}` to {whom}",
                    missing.join(", "),
                    resource.name()
                ),
                "the rules say so: the audit record of this request, under the token's number, names the one that did",
            ));
        }
        if resource.kind() != "repository" || !granted.iter().any(|action| action == "pull" || action == "*") {
            return Ok(Step::ok(STEP, format!("the token allows {scope}")));
        }
        let mut url = asked.at.clone();
        url.set_path(&format!("/v2/{}/tags/list", resource.name()));
        let answered = self.get(&url, &bearer(given), Whom::Registry).await?;
        match answered.status {
            StatusCode::OK => Ok(Step::ok(STEP, format!("the registry lists `{}`", resource.name()))),
            StatusCode::NOT_FOUND => Ok(Step::ok(
                STEP,
                format!(
                    "the registry would list `{}`, which nobody has pushed yet",
                    resource.name()
                ),
            )),
            other => Err(Step::off(
                STEP,
                format!(
                    "the token allows {scope}, but the registry answers {other} {}",
                    said(&answered.json(), &answered.text())
                ),
                "see what the registry logs, and whether another proxy stands in between",
            )),
        }
    }

    /// Whom a token is for, in words.
    pub(super) fn who(&self) -> &str {
        self.login
            .as_ref()
            .map_or("whoever asks", |login| login.account.as_str())
    }
}

fn bearer(given: &Given) -> Proof {
    Proof::Bearer(given.text.clone())
}
