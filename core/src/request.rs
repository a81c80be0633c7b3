//! The only parser of what a client sends: method, path, query, form, `Authorization` and address.
//!
//! [`Head`] is what is known when the headers are there; with the body it becomes a [`TokenRequest`], or a refusal.
//! Read out of the distribution specification, `docs/spec/auth/{token,oauth}.md`, and of what the clients send.

pub mod basic;
pub mod form;
pub mod route;

use std::net::IpAddr;

use basic::{Basic, BasicError};
use form::Pairs;
use thiserror::Error;

use crate::account::{Account, AccountError};
use crate::authn::hash::MAX_PASSWORD_BYTES;
use crate::client_address::AddressError;
use crate::reply::Refusal;
use crate::scope::{ScopeError, Scopes};
use crate::secret::Secret;
use crate::service::{Service, ServiceError};

/// The longest body of a POST, in bytes. Below Envoy's buffer limit, whose own 413 is plain text.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A method that the token endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET, and HEAD, whose answer has no body.
    Get,
    /// POST: the OAuth form, or docker_auth's.
    Post,
}

/// A request to the token endpoint as far as its headers tell.
#[derive(Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// What follows `?` in the path.
    pub query: Vec<u8>,
    /// The value of `Authorization`.
    pub authorization: Option<Secret<Vec<u8>>>,
    /// The value of `Content-Type`.
    pub content_type: Option<Vec<u8>>,
    /// The client's address.
    pub address: Result<IpAddr, AddressError>,
}

/// A request for a token, parsed.
#[derive(Debug)]
pub struct TokenRequest {
    /// Who says they ask, and how they prove it.
    pub credentials: Credentials,
    /// The registry that the token is for.
    pub service: Service,
    /// What is asked for.
    pub scopes: Scopes,
    /// From where.
    pub address: IpAddr,
    /// How the question was put, which the answer follows.
    pub method: Method,
    /// Whether a refresh token is asked for.
    pub offline: bool,
}

/// What a client proves itself by.
#[derive(Debug)]
pub enum Credentials {
    /// Nothing was sent.
    Anonymous,
    /// A name and a password.
    Password {
        /// The name; not empty.
        account: Account,
        /// The password; may be empty.
        password: Secret<Vec<u8>>,
    },
    /// A refresh token.
    RefreshToken(Secret<String>),
}

/// Why a request is malformed: 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// No address to decide by.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A query or form that cannot be read.
    #[error(transparent)]
    Form(#[from] form::FormError),
    /// A scope that does not parse.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A name that cannot be an account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A service that cannot be one.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A service that is not served here.
    #[error("service `{0}` is not served here")]
    ForeignService(Service),
    /// Two `Authorization` headers.
    #[error("two Authorization headers; send one")]
    TwoAuthorizations,
    /// A parameter that must be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A parameter with a value that is not known.
    #[error("`{parameter}` must be {wanted}")]
    Unsupported {
        /// The parameter.
        parameter: &'static str,
        /// The values that are known.
        wanted: &'static str,
    },
    /// Two names for the account.
    #[error("`{0}` is not the account that the credentials are for")]
    OtherAccount(&'static str),
    /// A password above [`MAX_PASSWORD_BYTES`].
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    LongPassword,
    /// A secret in the query, where every log shows it.
    #[error("`{0}` must not stand in the query; send it in the body or in an Authorization header")]
    SecretInQuery(&'static str),
}

/// Why credentials are not accepted: 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    /// The header cannot be read, or names nobody and has a password.
    #[error("a broken Authorization header")]
    BrokenHeader,
    /// Another scheme than Basic.
    #[error("an Authorization header of another scheme than Basic")]
    ForeignScheme,
    /// A password without a name in the form.
    #[error("a password without a name")]
    NoName,
    /// A refresh token that is not known.
    #[error("an unknown refresh token")]
    RefreshToken,
    /// An unknown account or a wrong password: which of them, nobody is told.
    #[error("wrong credentials")]
    WrongCredentials,
}

impl TokenRequest {
    /// Who they say they are, and what they prove it by: the anonymous account, and nothing, where nothing was sent.
    /// `None` with a refresh token, which names nobody by itself.
    #[must_use]
    pub fn claim(&self) -> Option<(&Account, &Secret<Vec<u8>>)> {
        static ANONYMOUS: Account = Account::anonymous();
        static NOTHING: Secret<Vec<u8>> = Secret::new(Vec::new());
        match &self.credentials {
            Credentials::Anonymous => Some((&ANONYMOUS, &NOTHING)),
            Credentials::Password { account, password } => Some((account, password)),
            Credentials::RefreshToken(_) => None,
        }
    }
}

impl Method {
    /// Reads a method; `None` for one that the token endpoint does not answer.
    #[must_use]
    pub fn parse(method: &[u8]) -> Option<Self> {
        match method {
            b"GET" | b"HEAD" => Some(Self::Get),
            b"POST" => Some(Self::Post),
            _ => None,
        }
    }
}

impl Head {
    /// What can be refused before the body is there.
    ///
    /// # Errors
    /// [`Refusal::NotAForm`] for a POST that says so itself.
    pub fn check(&self) -> Result<(), Refusal> {
        match &self.content_type {
            Some(content_type) if self.method == Method::Post && !is_form(content_type) => Err(Refusal::NotAForm),
            _ => Ok(()),
        }
    }

    /// Reads the whole request. `body` counts for a POST alone.
    ///
    /// # Errors
    /// Each of a request's faults as the refusal that it earns; the first one found.
    pub fn with_body(&self, body: &[u8]) -> Result<TokenRequest, Refusal> {
        self.check()?;
        let address = self.address.map_err(Malformed::from)?;
        let body = match self.method {
            Method::Get => b"",
            Method::Post if body.len() > MAX_BODY_BYTES => return Err(Refusal::BodyTooLarge),
            Method::Post if self.content_type.is_none() && !body.is_empty() => return Err(Refusal::NotAForm),
            Method::Post => body,
        };
        let parameters = Parameters::read(body, &self.query)?;
        let credentials = self.credentials(&parameters)?;
        let service = parameters.one("service")?.unwrap_or_default();
        Ok(TokenRequest {
            credentials,
            service: Service::parse(service).map_err(Malformed::from)?,
            scopes: Scopes::parse(parameters.all("scope")).map_err(Malformed::from)?,
            address,
            method: self.method,
            offline: parameters.offline()?,
        })
    }

    /// The header's credentials, or the form's; and no word in the form may contradict them.
    fn credentials(&self, parameters: &Parameters<'_>) -> Result<Credentials, Refusal> {
        let grant_type = parameters.body.one("grant_type").map_err(Malformed::from)?;
        if !matches!(grant_type, None | Some("password" | "refresh_token")) {
            let wanted = "`password` or `refresh_token`";
            return Err(Malformed::Unsupported {
                parameter: "grant_type",
                wanted,
            }
            .into());
        }
        // A header that names nobody brings nothing: what the form brings must not hide behind it.
        let brought = match &self.authorization {
            Some(header) => header_credentials(header.expose())?,
            None => None,
        };
        let credentials = match brought {
            Some(credentials) => credentials,
            None if grant_type == Some("refresh_token") => {
                let token = parameters.body.one("refresh_token").map_err(Malformed::from)?;
                let token = token
                    .filter(|token| !token.is_empty())
                    .ok_or(Malformed::Missing("refresh_token"))?;
                Credentials::RefreshToken(Secret::new(token.to_owned()))
            }
            None => form_credentials(&parameters.body, grant_type.is_some())?,
        };
        if let Credentials::Password { account, password } = &credentials {
            if password.expose().len() > MAX_PASSWORD_BYTES {
                return Err(Malformed::LongPassword.into());
            }
            parameters.agree(account)?;
        }
        Ok(credentials)
    }
}

/// The parameters of a request: the body's come before the query's, and secrets are read from the body alone.
struct Parameters<'a> {
    body: Pairs<'a>,
    query: Pairs<'a>,
}

impl<'a> Parameters<'a> {
    fn read(body: &'a [u8], query: &'a [u8]) -> Result<Self, Malformed> {
        let mut parameters = Self {
            body: Pairs::default(),
            query: Pairs::default(),
        };
        parameters.body.add(body)?;
        parameters.query.add(query)?;
        for secret in ["password", "refresh_token"] {
            if parameters.query.one(secret)?.is_some() {
                return Err(Malformed::SecretInQuery(secret));
            }
        }
        Ok(parameters)
    }

    fn one(&self, name: &'static str) -> Result<Option<&str>, Malformed> {
        Ok(self.body.one(name)?.or(self.query.one(name)?))
    }

    fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.body.all(name).chain(self.query.all(name))
    }

    /// Whether a refresh token is asked for: `access_type` is the OAuth form's word, `offline_token` the GET's.
    fn offline(&self) -> Result<bool, Malformed> {
        let by_type = match self.one("access_type")? {
            None | Some("" | "online") => false,
            Some("offline") => true,
            Some(_) => {
                return Err(Malformed::Unsupported {
                    parameter: "access_type",
                    wanted: "`online` or `offline`",
                });
            }
        };
        let by_token = match self.one("offline_token")? {
            None | Some("" | "false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => {
                return Err(Malformed::Unsupported {
                    parameter: "offline_token",
                    wanted: "`true` or `false`",
                });
            }
        };
        Ok(by_type || by_token)
    }

    /// docker and podman send `account` beside Basic; another one would be asked for in this one's name.
    fn agree(&self, account: &Account) -> Result<(), Malformed> {
        for name in ["account", "username"] {
            let named = if name == "username" {
                self.body.one(name)?
            } else {
                self.one(name)?
            };
            if named.is_some_and(|named| named != account.as_str()) {
                return Err(Malformed::OtherAccount(name));
            }
        }
        Ok(())
    }
}

fn header_credentials(value: &[u8]) -> Result<Option<Credentials>, Refusal> {
    match basic::parse(value) {
        Ok(Basic::Nobody) => Ok(None),
        // The specification's way to send a refresh token to a GET: `<token>:REFRESH`.
        Ok(Basic::Password { name, password }) if password.expose() == b"REFRESH" => {
            Ok(Some(Credentials::RefreshToken(Secret::new(name))))
        }
        Ok(Basic::Password { name, password }) => Ok(Some(Credentials::Password {
            account: Account::parse(&name).map_err(Malformed::from)?,
            password,
        })),
        Err(BasicError::Two) => Err(Malformed::TwoAuthorizations.into()),
        Err(BasicError::Foreign) => Err(Refusal::Unproven(Unproven::ForeignScheme)),
        Err(BasicError::Broken) => Err(Refusal::Unproven(Unproven::BrokenHeader)),
    }
}

/// `username` and `password` of a form. Where the form says that it brings them, they must be there.
fn form_credentials(body: &Pairs<'_>, required: bool) -> Result<Credentials, Refusal> {
    let name = body.one("username").map_err(Malformed::from)?;
    let password = body.one("password").map_err(Malformed::from)?;
    if required {
        name.filter(|name| !name.is_empty() || password.is_some_and(|password| !password.is_empty()))
            .ok_or(Malformed::Missing("username"))?;
        password.ok_or(Malformed::Missing("password"))?;
    }
    match (name.unwrap_or_default(), password.unwrap_or_default()) {
        ("", "") => Ok(Credentials::Anonymous),
        ("", _) => Err(Refusal::Unproven(Unproven::NoName)),
        (name, password) => Ok(Credentials::Password {
            account: Account::parse(name).map_err(Malformed::from)?,
            password: Secret::new(password.as_bytes().to_vec()),
        }),
    }
}

/// `application/x-www-form-urlencoded`, whatever parameters follow.
fn is_form(content_type: &[u8]) -> bool {
    let kind = content_type.split(|b| *b == b';').next().unwrap_or_default();
    kind.trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests;
