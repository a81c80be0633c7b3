//! Keys and certificates that never change, so that a test of the module needs no program to make them.

/// P-256.
pub const ES256: &str = include_str!("../keys/es256.pem");
/// A certificate of [`ES256`], signed by itself, valid for a hundred years.
pub const ES256_CERTIFICATE: &str = include_str!("../keys/es256.crt");
/// P-384.
pub const ES384: &str = include_str!("../keys/es384.pem");
/// P-521.
pub const ES512: &str = include_str!("../keys/es512.pem");
/// RSA, 2048 bits.
pub const RS256: &str = include_str!("../keys/rs256.pem");
/// Ed25519.
pub const EDDSA: &str = include_str!("../keys/eddsa.pem");

/// `ada-secret`, bcrypt of cost 5.
pub const ADA_SECRET: &str = "$2b$05$uDKdZk2I3Vqqf1ttynmV1.g2oK16S/n/Xdsvtd7PLQg6QHrX88iOe";
