//! Labels as docker_auth keeps them: `{"name": ["value"]}` in JSON, read as Go reads it.

use std::collections::BTreeMap;

use registry_auth_core::account::{Labels, LabelsArePatterns};
use thiserror::Error;

/// Why a value is none.
#[derive(Debug, Error)]
pub(super) enum BadLabels {
    #[error("`labels` that are not of the form `{{\"name\": [\"value\"]}}`, at line {line}, column {column}")]
    Malformed { line: usize, column: usize },
    #[error("`labels` of more than {} bytes", super::super::MAX_ANSWER_BYTES)]
    TooLong,
}

/// Reads the value of a column. NULL, an empty text and JSON's null are no labels; in it null is an empty list, or the
/// empty text; of equal names the last one counts.
pub(super) fn read(column: Option<&[u8]>, are_patterns: LabelsArePatterns) -> Result<Labels, BadLabels> {
    type Written = Option<BTreeMap<String, Option<Vec<Option<String>>>>>;
    let text = column.unwrap_or_default();
    if text.len() > super::super::MAX_ANSWER_BYTES {
        return Err(BadLabels::TooLong);
    }
    if text.is_empty() {
        return Ok(Labels::new(BTreeMap::new(), are_patterns));
    }
    let written: Written = serde_json::from_slice(text).map_err(|error| BadLabels::Malformed {
        line: error.line(),
        column: error.column(),
    })?;
    let labels = written.unwrap_or_default().into_iter().map(|(name, values)| {
        let values = values.unwrap_or_default().into_iter();
        (name, values.map(Option::unwrap_or_default).collect())
    });
    Ok(Labels::new(labels.collect(), are_patterns))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels_of(text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
        let labels = read(Some(text.as_bytes()), LabelsArePatterns::Glob).map_err(|error| error.to_string())?;
        Ok(labels
            .iter()
            .map(|(name, values)| (name.to_owned(), values.to_vec()))
            .collect())
    }

    #[test]
    fn labels_are_read_as_go_reads_a_map_of_lists() {
        assert!(read(None, LabelsArePatterns::Glob).is_ok_and(|labels| labels.iter().count() == 0));
        for none in ["", "null", " {} "] {
            assert_eq!(labels_of(none).unwrap(), [], "{none}");
        }
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            labels_of(r#"{"Team":["a*",null],"team":null,"x":["lost"],"x":["kept"]}"#).unwrap(),
            [
                ("Team".to_owned(), texts(&["a*", ""])),
                ("team".to_owned(), texts(&[])),
                ("x".to_owned(), texts(&["kept"])),
            ]
        );
        for bad in ["[]", "x", r#"{"a":"b"}"#, r#"{"a":[1]}"#, "{} {}", r#"{"a":[["b"]]}"#] {
            let error = labels_of(bad).unwrap_err();
            assert!(error.contains("are not of the form"), "{bad}: {error}");
        }
        let long = format!(r#"{{"a":["{}"]}}"#, "x".repeat(70_000));
        assert_eq!(labels_of(&long).unwrap_err(), "`labels` of more than 65536 bytes");
    }

    proptest! {
        #[test]
        fn labels_that_are_written_are_read(
            written in prop::collection::btree_map("(?s).{0,6}", prop::collection::vec("(?s).{0,6}", 0..4), 0..4),
        ) {
            let text = serde_json::to_string(&written).unwrap();
            prop_assert_eq!(labels_of(&text).unwrap(), written.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn no_value_makes_it_stumble(text: Vec<u8>) {
            let _ = read(Some(&text), LabelsArePatterns::Glob);
        }
    }
}
