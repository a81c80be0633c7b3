//! Asking the token server, by GET as every client does, and by POST as some do first.

use registry_auth_core::secret::Secret;
use reqwest::StatusCode;

use super::super::jwt::Jwt;
use super::super::shown::shown;
use super::chart::{Chart, Step, said};
use super::reach::Whom;
use super::visit::{Asked, Given, Login, Visit};
use super::web::{Answered, Proof, form_pair};

impl Visit {
    /// Fetches a token by GET.
    pub(super) async fn fetch(&self, asked: &Asked, chart: &mut Chart) -> Result<Given, Step> {
        const STEP: &str = "token";
        let mut url = asked.realm.clone();
        url.query_pairs_mut().append_pair("service", &asked.service);
        if let Some(scope) = &self.scope {
            url.query_pairs_mut().append_pair("scope", &scope.to_string());
        }
        let proof = match &self.login {
            Some(Login { account, password }) => {
                url.query_pairs_mut().append_pair("account", account);
                Proof::basic(account, password)
            }
            None => Proof::None,
        };
        let answered = self.get(&url, &proof, Whom::TokenServer).await?;
        if answered.status != StatusCode::OK {
            return Err(self.no_token(asked, &answered));
        }
        let answer = answered.json();
        let text = ["token", "access_token"]
            .into_iter()
            .find_map(|name| answer.get(name)?.as_str());
        let Some(text) = text else {
            return Err(Step::off(
                STEP,
                format!("`{}` answers, but no token: it is something else", asked.realm),
                "have `auth.token.realm` end in `/token` (`/auth` and `/auth/token` will do), below `server.path_prefix`",
            ));
        };
        let text = Secret::new(text.to_owned());
        let jwt = Jwt::parse(text.expose()).map_err(|error| {
            let mend = "have `auth.token.realm` lead to the token server that signs for this registry";
            Step::off(STEP, format!("what `{}` gives {error}", asked.realm), mend)
        })?;
        let whom = self.who();
        let mut step = Step::ok(STEP, format!("`{}` gives one to {whom}", asked.realm));
        step.rows = jwt.in_words((self.now)());
        chart.claims = Some(jwt.claims.clone());
        chart.steps.push(step);
        Ok(Given {
            text,
            jwt,
            date: answered.date(),
        })
    }

    fn no_token(&self, asked: &Asked, answered: &Answered) -> Step {
        const STEP: &str = "token";
        let (realm, status) = (&asked.realm, answered.status);
        let said = said(&answered.json(), &answered.text());
        let mut seen = format!("`{realm}` answers {status} {said}");
        if answered.url.origin() != realm.origin() {
            seen = format!(
                "`{realm}` redirects to {}, where no client sends a password along; {seen}",
                answered.url.authority()
            );
        }
        match (status, &self.login) {
            (StatusCode::UNAUTHORIZED, None) => Step::unknown(
                STEP,
                format!("{seen}: nobody gets a token without a name"),
                "go on as somebody, with `--account`",
            ),
            (StatusCode::UNAUTHORIZED, Some(Login { account, .. })) => Step::off(
                STEP,
                format!("{seen}: `{account}` is not let in"),
                "look up the account in `users`, or in the back-ends; the audit record of this request says which was asked",
            ),
            (StatusCode::BAD_REQUEST, _) => Step::off(
                STEP,
                seen,
                format!(
                    "if it is the service: put `{}` among `services`, or make `auth.token.service` one of them",
                    shown(&asked.service)
                ),
            ),
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => Step::off(
                STEP,
                format!("{seen}: no tokens are given there"),
                "have `auth.token.realm` end in `/token` (`/auth` and `/auth/token` will do), below `server.path_prefix`, on \
                 a host among `server.hosts`",
            ),
            (StatusCode::TOO_MANY_REQUESTS, _) => Step::unknown(
                STEP,
                seen,
                format!("ask again in {} s", shown(answered.header("retry-after"))),
            ),
            (status, _) if status.is_server_error() => Step::off(
                STEP,
                seen,
                "see what the token server logs: its configuration may be refused, or a back-end may not answer",
            ),
            _ => Step::off(STEP, seen, "have `auth.token.realm` lead to the token server"),
        }
    }

    /// Asks for a token once more, as containerd and buildkit do first.
    pub(super) async fn post(&self, asked: &Asked) -> Result<Step, Step> {
        const STEP: &str = "POST";
        const MEND: &str = "let the filter have the body: `allow_on_headers_stop_iteration: true` in its plugin (Envoy 1.35 \
            and up); where that cannot be set, set `request_body: route` and have POSTs of this path lead to `registry-auth`";
        let mut form = Secret::new(String::with_capacity(4096));
        form_pair(&mut form, "service", asked.service.as_bytes());
        form_pair(&mut form, "client_id", b"registry-auth-doctor");
        if let Some(scope) = &self.scope {
            form_pair(&mut form, "scope", scope.to_string().as_bytes());
        }
        if let Some(Login { account, password }) = &self.login {
            form_pair(&mut form, "grant_type", b"password");
            form_pair(&mut form, "username", account.as_bytes());
            form_pair(&mut form, "password", password.expose());
        }
        let off = |seen: String| Step::off(STEP, seen, MEND);
        let answered = match self.web.post(&asked.realm, form).await {
            Ok(answered) => answered,
            Err(fault) => {
                return Err(off(format!(
                    "a POST to `{}` comes to nothing: {}",
                    asked.realm,
                    fault.told()
                )));
            }
        };
        let answer = answered.json();
        match answered.status {
            StatusCode::OK if answer.get("access_token").is_some() => Ok(Step::ok(STEP, "gives a token as well")),
            // Somebody else's token server may want a grant type, and then has read the body.
            StatusCode::BAD_REQUEST if self.login.is_none() && answer.is_object() => {
                Ok(Step::ok(STEP, "is read; without an account it gives no token"))
            }
            status => Err(off(format!(
                "a POST to `{}` is answered {status} {}: containerd and buildkit ask so first, and not all of them go on to GET",
                asked.realm,
                said(&answer, &answered.text())
            ))),
        }
    }
}
