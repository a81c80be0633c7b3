//! Whether one pattern takes all that another takes, whether two have a text in common, and the same of whole rules.
//!
//! It is decided exactly for literals, for globs, and for expressions that are no more than plain texts with gaps, such
//! as `/^team-/` or `/^(a|b)$/`. Of others nothing is claimed: variables, classes in expressions, and those globs that
//! Go's matcher reads otherwise than one would think (see [`extent`]).
//!
//! ```
//! use registry_auth_core::acl::relation::{Extent, Found, Texts};
//! use registry_auth_core::config::acl::Options;
//!
//! let extent = |text| Extent::of(text, Texts::Names, Options::default());
//! let (team, apps) = (extent("team/*").unwrap(), extent("*/app").unwrap());
//! assert_eq!(team.common(&apps), Found::Example("team/app".to_owned()));
//! assert_eq!(extent("team/a*").unwrap().beyond(&team), Found::Nothing);
//! assert!(extent("${account}/*").is_none());
//! ```

mod automaton;
pub mod extent;
pub mod reach;

pub use extent::{Extent, Found, Texts};
pub use reach::{Answer, Comparison, Example, Reach};
