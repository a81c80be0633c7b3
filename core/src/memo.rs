//! What need not be found out twice, within bounds.

mod credentials;
mod decisions;
pub mod table;
mod tokens;

pub use credentials::CredentialMemo;
pub use decisions::DecisionMemo;
pub use table::{Seed, Table};
pub use tokens::{TokenKey, TokenMemo};
