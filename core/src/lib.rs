//! Every decision of a registry's token server, without I/O, clock or randomness: those come in as arguments.
//!
//! The way of a request, file by file:
//!
//! 1. [`request`] reads method, path, query, form, `Authorization` and the client's address ([`client_address`])
//!    into a request for a token, whose scopes are parsed by [`scope`].
//! 2. [`throttle`] turns away who failed too often, before any hash is computed;
//! 3. [`decide`] asks [`authn`] who this is, and
//! 4. [`acl`] what of each scope they may do; the outcome is a decision, which nothing else can make.
//! 5. [`token`] turns a decision into a signed JWT, if [`memo`] has none for it.
//! 6. [`reply`] is the one table from a token or a refusal to status, headers and body.
//!
//! Where somebody else has to be asked, [`wire`] is what is said.
//!
//! What all of it goes by is a [`policy`], compiled from a [`config`] document; what is wrong with a document is
//! told as [`problem`]s, each with its place. What was decided is written down by [`audit`].

pub mod account;
pub mod acl;
pub mod audit;
pub mod authn;
pub mod client_address;
pub mod config;
pub mod decide;
pub mod memo;
pub mod piecemeal;
pub mod policy;
pub mod problem;
pub mod reply;
pub mod request;
pub mod scope;
pub mod secret;
pub mod service;
pub mod throttle;
pub mod time;
pub mod token;
pub mod wire;
