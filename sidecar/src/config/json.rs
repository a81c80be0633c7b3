//! The tree of a configuration written as JSON, which is YAML, too.

use registry_auth_core::config::Node;
use serde::{Serialize, Serializer};

/// The node as JSON, on one line.
#[must_use]
pub fn json(node: &Node) -> String {
    // Texts are its only keys, and it has an end: this cannot fail.
    serde_json::to_string(&Written(node)).unwrap_or_default()
}

struct Written<'a>(&'a Node);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(flag) => serializer.serialize_bool(*flag),
            Node::Number(number) => serializer.serialize_f64(*number),
            Node::Text(text) | Node::Plain(text) => serializer.serialize_str(text),
            Node::List(nodes) => serializer.collect_seq(nodes.iter().map(Written)),
            Node::Map(entries) => serializer.collect_map(entries.iter().map(|(key, node)| (key, Written(node)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = r#"{"a":["b\n",true,null],"match":{"é":{}}}"#;
        let node: Node = serde_json::from_str(text).unwrap();
        assert_eq!(json(&node), text);
        assert_eq!(json(&Node::Plain("007".to_owned())), "\"007\"");
    }
}
