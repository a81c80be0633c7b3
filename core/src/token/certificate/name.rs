//! A distinguished name as people write it.

use std::fmt::Write as _;

use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc3280, rfc4519};
use x509_cert::name::Name;

/// The attributes that certificates name somebody by. The whole table of names that the parser has would be a tenth of
/// the module.
const ATTRIBUTES: [(ObjectIdentifier, &str); 8] = [
    (rfc4519::CN, "CN"),
    (rfc4519::OU, "OU"),
    (rfc4519::O, "O"),
    (rfc4519::L, "L"),
    (rfc4519::ST, "ST"),
    (rfc4519::C, "C"),
    (rfc4519::SERIAL_NUMBER, "serialNumber"),
    (rfc3280::EMAIL_ADDRESS, "emailAddress"),
];

/// `CN=auth.test,O=Acme`, the last attribute first (RFC 4514 section 2.1); an attribute that is not known by its number.
pub(super) fn text(name: &Name) -> String {
    let mut text = String::new();
    for set in name.iter_rdn().collect::<Vec<_>>().into_iter().rev() {
        for (i, attribute) in set.iter().enumerate() {
            if !text.is_empty() {
                text.push(if i == 0 { ',' } else { '+' });
            }
            let known = ATTRIBUTES.iter().find(|(oid, _)| *oid == attribute.oid);
            let _ = match known {
                Some((_, name)) => write!(text, "{name}="),
                None => write!(text, "{}=", attribute.oid),
            };
            let value = String::from_utf8_lossy(attribute.value.value());
            text.extend(value.chars().flat_map(char::escape_debug));
        }
    }
    text
}
