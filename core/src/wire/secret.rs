//! Secrets as they go over the wire: what is wrong with one never quotes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret::Secret;

/// A password: any bytes, as base64.
#[derive(Debug)]
pub struct Password(pub Secret<Vec<u8>>);

/// A hash as in a configuration.
#[derive(Debug)]
pub struct HashText(pub Secret<String>);

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Secret::new(STANDARD.encode(self.0.expose()));
        serializer.serialize_str(text.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::new(String::deserialize(deserializer)?);
        let bytes = STANDARD.decode(text.expose());
        // What is wrong with it would quote a part of it.
        bytes
            .map(|bytes| Self(Secret::new(bytes)))
            .map_err(|_| D::Error::custom("a password that is not base64"))
    }
}

impl Serialize for HashText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for HashText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Secret::new(String::deserialize(deserializer)?)))
    }
}
