//! As much of the protobuf wire format as passes between Envoy and the module: `google.protobuf.Struct`, and the
//! messages of the foreign function `sign`.

use registry_auth_core::config::Node;
use thiserror::Error;

/// How deep a `Struct` may nest.
const MAX_DEPTH: u32 = 64;

/// Bytes that are not of the wire format, or not of the message that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// They end inside a field.
    #[error("the message is cut short")]
    Short,
    /// A number of more than 64 bits, or a field of a kind that no message here has.
    #[error("a field is malformed")]
    Field,
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// Deeper than a configuration is.
    #[error("values are nested more than {MAX_DEPTH} deep")]
    Deep,
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: text, bytes or a message.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// The fields of a message, with their numbers, in order.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of `message`.
    #[must_use]
    pub fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn next_field(&mut self) -> Result<(u64, Field<'a>), WireError> {
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(*self.chunk()?)),
            2 => {
                let size = usize::try_from(self.varint()?).map_err(|_| WireError::Short)?;
                let (bytes, rest) = self.0.split_at_checked(size).ok_or(WireError::Short)?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(*self.chunk()?)),
            _ => return Err(WireError::Field),
        };
        Ok((tag >> 3, field))
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(WireError::Short)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Field)
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(chunk)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.next_field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Adds a field of wire type 2 to `message`.
pub fn put_bytes(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    let mut size = bytes.len();
    while size >= 0x80 {
        message.push(u8::try_from(size & 0x7f).unwrap_or_default() | 0x80);
        size >>= 7;
    }
    message.push(u8::try_from(size).unwrap_or_default());
    message.extend_from_slice(bytes);
}

/// Reads a `google.protobuf.Struct`: field 1 is a map of names to values.
///
/// # Errors
/// See [`WireError`].
pub fn read_struct(message: &[u8]) -> Result<Node, WireError> {
    read_map(message, MAX_DEPTH)
}

fn read_map(message: &[u8], depth: u32) -> Result<Node, WireError> {
    let mut entries = Vec::new();
    for field in Fields::of(message) {
        let (1, Field::Bytes(entry)) = field? else {
            return Err(WireError::Field);
        };
        let (mut name, mut value) = (String::new(), Node::Null);
        for field in Fields::of(entry) {
            match field? {
                (1, Field::Bytes(text)) => name = read_text(text)?,
                (2, Field::Bytes(bytes)) => value = read_value(bytes, depth)?,
                _ => return Err(WireError::Field),
            }
        }
        entries.push((name, value));
    }
    Ok(Node::Map(entries))
}

/// Reads a `google.protobuf.Value`, a union of six kinds.
fn read_value(message: &[u8], depth: u32) -> Result<Node, WireError> {
    let depth = depth.checked_sub(1).ok_or(WireError::Deep)?;
    let mut value = Node::Null;
    for field in Fields::of(message) {
        value = match field? {
            (1, Field::Varint(_)) => Node::Null,
            (2, Field::Fixed64(bits)) => Node::Number(f64::from_bits(bits)),
            (3, Field::Bytes(text)) => Node::Text(read_text(text)?),
            (4, Field::Varint(flag)) => Node::Bool(flag != 0),
            (5, Field::Bytes(map)) => read_map(map, depth)?,
            (6, Field::Bytes(list)) => read_list(list, depth)?,
            _ => return Err(WireError::Field),
        };
    }
    Ok(value)
}

fn read_list(message: &[u8], depth: u32) -> Result<Node, WireError> {
    let values = Fields::of(message).map(|field| match field? {
        (1, Field::Bytes(value)) => read_value(value, depth),
        _ => Err(WireError::Field),
    });
    values.collect::<Result<_, _>>().map(Node::List)
}

fn read_text(bytes: &[u8]) -> Result<String, WireError> {
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| WireError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, bytes) in fields {
            put_bytes(&mut message, *number, bytes);
        }
        message
    }

    fn entry(name: &str, value: &[u8]) -> Vec<u8> {
        message(&[(1, &message(&[(1, name.as_bytes()), (2, value)]))])
    }

    #[test]
    fn a_struct_is_read_with_every_kind_of_value() {
        let number = [&[0x11_u8][..], &900_f64.to_le_bytes()].concat();
        let list = message(&[(6, &message(&[(1, &message(&[(3, b"a")])), (1, &[0x20, 1])]))]);
        let bytes = [
            entry("null", &[0x08, 0]),
            entry("number", &number),
            entry("text", &message(&[(3, "ä".as_bytes())])),
            entry("bool", &[0x20, 1]),
            entry("map", &message(&[(5, &entry("inner", &[0x20, 0]))])),
            entry("list", &list),
            entry("unset", &[]),
        ]
        .concat();
        let Node::Map(entries) = read_struct(&bytes).unwrap() else {
            panic!()
        };
        let expected = [
            ("null", Node::Null),
            ("number", Node::Number(900.0)),
            ("text", Node::Text("ä".to_owned())),
            ("bool", Node::Bool(true)),
            ("map", Node::Map(vec![("inner".to_owned(), Node::Bool(false))])),
            ("list", Node::List(vec![Node::Text("a".to_owned()), Node::Bool(true)])),
            ("unset", Node::Null),
        ];
        assert_eq!(entries, expected.map(|(name, node)| (name.to_owned(), node)));
    }

    #[test]
    fn malformed_bytes_are_an_error() {
        assert_eq!(read_struct(&[0x0a]), Err(WireError::Short));
        assert_eq!(read_struct(&[0x0a, 5, 1]), Err(WireError::Short));
        assert_eq!(
            read_struct(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Err(WireError::Short)
        );
        assert_eq!(read_struct(&[0xff; 12]), Err(WireError::Field));
        assert_eq!(read_struct(&[0x0b]), Err(WireError::Field));
        assert_eq!(read_struct(b"plain"), Err(WireError::Field));
        assert_eq!(
            read_struct(&entry("a", &message(&[(3, b"\xff")]))),
            Err(WireError::NotUtf8)
        );
    }

    #[test]
    fn deep_nesting_is_refused_before_the_stack_ends() {
        let mut value = message(&[(3, b"x".as_slice())]);
        for _ in 0..100 {
            value = message(&[(5, &entry("a", &value))]);
        }
        assert_eq!(read_struct(&entry("a", &value)), Err(WireError::Deep));
    }

    #[test]
    fn long_fields_are_written_as_they_are_read() {
        for size in [0, 127, 128, 300, 70_000] {
            let bytes = vec![7; size];
            let message = message(&[(3, &bytes)]);
            let fields: Vec<_> = Fields::of(&message).collect();
            assert_eq!(fields, [Ok((3, Field::Bytes(bytes.as_slice())))]);
        }
    }
}
