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
/// `ada-secret`, bcrypt of cost 10: too dear for a proxy's worker.
pub const ADA_SECRET_COST_10: &str = "$2b$10$Zt3mLvC0qWbKe7Ry5uNsa.IgvJQm8EzgtDEWffS.0cGsMUDdL7DdS";
/// `ada-secret`, as a machine's long secret may be kept: SHA-256, which costs nothing.
pub const ADA_SECRET_SHA256: &str = "sha256:cb3ac4f9f4ba2da6f063a94debb6009ec2ee2abcf28f90cd97fdb92fdc44d736";
