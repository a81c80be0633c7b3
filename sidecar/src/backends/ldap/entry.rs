//! What a search finds.

use std::collections::HashMap;

use ldap3::SearchEntry;

/// An entry of the directory, with the attributes that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name.
    pub(super) dn: String,
    /// By their names in lower case.
    attributes: HashMap<String, Vec<String>>,
    /// The names, in lower case, of those that hold something else than text.
    binary: Vec<String>,
}

impl Entry {
    /// The values of an attribute, in whatever case it is named; none if it is not there.
    pub(super) fn values(&self, attribute: &str) -> &[String] {
        let values = self.attributes.get(&attribute.to_ascii_lowercase());
        values.map_or(&[], Vec::as_slice)
    }

    /// Whether an attribute holds something else than text.
    pub(super) fn is_binary(&self, attribute: &str) -> bool {
        self.binary.iter().any(|name| name.eq_ignore_ascii_case(attribute))
    }

    /// One with these attributes.
    #[cfg(test)]
    pub(super) fn for_test(attributes: &[(&str, &[&str])]) -> Self {
        let owned = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        let attributes = attributes.iter();
        SearchEntry {
            dn: "uid=test,dc=corp,dc=example".to_owned(),
            attrs: attributes
                .map(|(name, values)| ((*name).to_owned(), owned(values)))
                .collect(),
            bin_attrs: HashMap::new(),
        }
        .into()
    }
}

impl From<SearchEntry> for Entry {
    fn from(entry: SearchEntry) -> Self {
        let attributes = entry.attrs.into_iter();
        Self {
            dn: entry.dn,
            attributes: attributes
                .map(|(name, values)| (name.to_ascii_lowercase(), values))
                .collect(),
            binary: entry
                .bin_attrs
                .into_keys()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        }
    }
}
