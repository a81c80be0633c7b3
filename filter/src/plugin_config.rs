//! The plugin's configuration, in each form in which it reaches the module.
//!
//! Envoy hands over a `StringValue` or `BytesValue` as its content, and Istio its `pluginConfig` as JSON text; a
//! `google.protobuf.Struct` arrives as the serialized message, whatever Envoy's documentation says.

mod managed;

use registry_auth_core::config::{Document, Environment, Node, Sources};
use registry_auth_core::problem::Problems;
use thiserror::Error;

pub use managed::Managed;

use crate::protobuf::{self, WireError};

/// The largest configuration, in bytes.
pub const MAX_CONFIGURATION_BYTES: usize = 32 * 1024 * 1024;

/// Bytes that hold no configuration at all. None of these quotes the text: it holds secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PluginConfigError {
    /// There are none.
    #[error("there is no configuration; set `configuration` of the plugin")]
    Empty,
    /// More than [`MAX_CONFIGURATION_BYTES`].
    #[error("the configuration has {0} bytes; at most {MAX_CONFIGURATION_BYTES} are taken")]
    TooLarge(usize),
    /// A text that is not JSON.
    #[error("the configuration is not JSON: line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Neither a text nor a `Struct`.
    #[error("the configuration is neither JSON nor a `google.protobuf.Struct`: {0}")]
    NotStruct(#[from] WireError),
}

/// Whether a configuration of so many bytes is taken.
///
/// # Errors
/// [`PluginConfigError::TooLarge`].
pub fn check_size(bytes: usize) -> Result<(), PluginConfigError> {
    if bytes > MAX_CONFIGURATION_BYTES {
        return Err(PluginConfigError::TooLarge(bytes));
    }
    Ok(())
}

/// What a configuration says.
#[derive(Clone, Debug)]
pub enum PluginConfig {
    /// Everything: there is nobody to ask.
    Standalone(Box<Document>),
    /// Where everything is to be had; `None` if that cannot be told.
    Managed(Option<Managed>),
}

/// Reads a configuration; what is wrong inside of it is noted in `problems`.
///
/// # Errors
/// When there is nothing that could be looked into.
pub fn read(
    bytes: &[u8],
    environment: Environment,
    problems: &mut Problems,
) -> Result<PluginConfig, PluginConfigError> {
    let node = node(bytes)?;
    if managed::is_there(&node) {
        return Ok(PluginConfig::Managed(Managed::read(node, environment, problems)));
    }
    let document = Document::read(node, Sources::of_a_proxy(environment), problems);
    Ok(PluginConfig::Standalone(Box::new(document)))
}

fn node(bytes: &[u8]) -> Result<Node, PluginConfigError> {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(PluginConfigError::Empty);
    }
    check_size(bytes.len())?;
    if !text.starts_with(b"{") {
        // What begins like the first field of a Struct is one; any other text is broken JSON, and said to be so.
        let is_struct = bytes.first() == Some(&0x0a);
        return if is_struct {
            Ok(protobuf::read_struct(bytes)?)
        } else {
            json(text)
        };
    }
    // A Struct may begin like JSON: its first byte is a line break, and a name of 123 bytes has the length `{`.
    json(text).or_else(|not_json| protobuf::read_struct(bytes).map_err(|_| not_json))
}

fn json(text: &[u8]) -> Result<Node, PluginConfigError> {
    serde_json::from_slice(text).map_err(|error| PluginConfigError::NotJson {
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_struct_are_told_apart() {
        let json = br#" {"audit": "log"} "#;
        let mut value = Vec::new();
        protobuf::put_bytes(&mut value, 3, b"log");
        let mut entry = Vec::new();
        protobuf::put_bytes(&mut entry, 1, b"audit");
        protobuf::put_bytes(&mut entry, 2, &value);
        let mut message = Vec::new();
        protobuf::put_bytes(&mut message, 1, &entry);
        assert_eq!(node(json).unwrap(), node(&message).unwrap());
    }

    #[test]
    fn what_holds_no_configuration_is_told_without_quoting_it() {
        assert_eq!(node(b""), Err(PluginConfigError::Empty));
        assert_eq!(node(b" \n"), Err(PluginConfigError::Empty));
        assert_eq!(
            node(b"{\"a\": secret}"),
            Err(PluginConfigError::NotJson { line: 1, column: 7 })
        );
        assert_eq!(
            node(b"server: {}"),
            Err(PluginConfigError::NotJson { line: 1, column: 1 })
        );
        assert!(matches!(node(b"\x0a\xff\xff"), Err(PluginConfigError::NotStruct(_))));
        let deep = [b"{\"a\":".repeat(200), b"1".to_vec(), b"}".repeat(200)].concat();
        assert!(matches!(node(&deep), Err(PluginConfigError::NotJson { .. })));
        let large = vec![b'x'; MAX_CONFIGURATION_BYTES + 1];
        assert_eq!(
            node(&large),
            Err(PluginConfigError::TooLarge(MAX_CONFIGURATION_BYTES + 1))
        );
    }
}
