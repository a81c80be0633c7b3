//! A plugin configuration in bytes, JSON or a protobuf `Struct`.

use registry_auth::plugin_config;
use registry_auth::protobuf::{Field, Fields, put_bytes, read_struct};
use registry_auth_core::config::Node;
use registry_auth_core::problem::Problems;

pub(crate) fn run(data: &[u8]) {
    let fields = Fields::of(data).count();
    assert!(fields <= data.len());
    for (number, field) in Fields::of(data).flatten() {
        if let (Ok(number @ 1..=15), Field::Bytes(bytes)) = (u8::try_from(number), field) {
            let mut message = Vec::new();
            put_bytes(&mut message, number, bytes);
            let read: Vec<_> = Fields::of(&message).collect();
            assert_eq!(read, [Ok((u64::from(number), Field::Bytes(bytes)))]);
        }
    }
    if let Ok(node) = read_struct(data) {
        let Node::Map(entries) = &node else {
            panic!("a struct is a map")
        };
        // As text, for a NaN is not equal to itself.
        let again = read_struct(&written_map(entries)).expect("what was read can be written");
        assert_eq!(format!("{again:?}"), format!("{node:?}"));
    }
    let mut problems = Problems::default();
    if let Err(error) = plugin_config::read(data, &|_| None, &mut problems) {
        assert!(!error.to_string().is_empty());
    }
}

fn written_map(entries: &[(String, Node)]) -> Vec<u8> {
    let mut map = Vec::new();
    for (name, value) in entries {
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, name.as_bytes());
        put_bytes(&mut entry, 2, &written_value(value));
        put_bytes(&mut map, 1, &entry);
    }
    map
}

fn written_value(node: &Node) -> Vec<u8> {
    let mut value = Vec::new();
    match node {
        Node::Null => value.extend([0x08, 0]),
        Node::Number(number) => {
            value.push(0x11);
            value.extend(number.to_le_bytes());
        }
        Node::Plain(text) => panic!("a `Struct` has no text without quotes: {text}"),
        Node::Text(text) => put_bytes(&mut value, 3, text.as_bytes()),
        Node::Bool(flag) => value.extend([0x20, u8::from(*flag)]),
        Node::Map(entries) => put_bytes(&mut value, 5, &written_map(entries)),
        Node::List(nodes) => {
            let mut list = Vec::new();
            for node in nodes {
                put_bytes(&mut list, 1, &written_value(node));
            }
            put_bytes(&mut value, 6, &list);
        }
    }
    value
}
