//! Rules as an operator reads and writes them.

use registry_auth_core::config::Node;
use registry_auth_core::config::acl::{Match, Rule};
use serde_json::{Map, Value};

use super::super::shown::shown;
use super::super::yaml;
use crate::backend::Entry;
use crate::config::json;

/// All entries, a line each with its number in front, or as JSON.
pub(super) fn listed(entries: &[Entry], as_json: bool) -> String {
    if as_json {
        let told: Vec<Value> = entries.iter().map(with_seq).collect();
        return Value::Array(told).to_string() + "\n";
    }
    let numbers: Vec<String> = entries.iter().map(number).collect();
    let width = numbers.iter().map(String::len).max().unwrap_or_default();
    let lines = entries.iter().zip(&numbers).map(|(entry, number)| {
        let rule = yaml::flow(&value(&entry.node));
        format!("{number:>width$}  {}\n", shown(&rule))
    });
    lines.collect()
}

/// A file with `acl`, a rule on each line.
pub(super) fn exported(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "acl: []\n".to_owned();
    }
    let rules = entries
        .iter()
        .map(|entry| format!("  - {}\n", yaml::flow(&value(&entry.node))));
    format!("acl:\n{}", rules.collect::<String>())
}

/// A rule as an entry of a list.
pub(super) fn node(rule: &Rule) -> Node {
    let Rule {
        place: _,
        matches,
        actions,
        comment,
    } = rule;
    let actions = actions.iter().map(|action| Node::Text(action.clone())).collect();
    let mut entry = vec![
        ("match".to_owned(), conditions(matches)),
        ("actions".to_owned(), Node::List(actions)),
    ];
    let comment = comment
        .as_ref()
        .map(|comment| ("comment".to_owned(), Node::Text(comment.clone())));
    entry.extend(comment);
    Node::Map(entry)
}

fn conditions(matches: &Match) -> Node {
    let Match {
        account,
        kind,
        name,
        service,
        ip,
        labels,
    } = matches;
    let texts = [
        ("account", account),
        ("type", kind),
        ("name", name),
        ("service", service),
        ("ip", ip),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), Node::Text(text.clone()?))));
    let mut conditions: Vec<(String, Node)> = texts.collect();
    if !labels.is_empty() {
        let labels = labels
            .iter()
            .map(|(name, pattern)| (name.clone(), Node::Text(pattern.clone())));
        conditions.push(("labels".to_owned(), Node::Map(labels.collect())));
    }
    Node::Map(conditions)
}

fn number(entry: &Entry) -> String {
    entry.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string())
}

/// The entry without what is not there.
fn value(node: &Node) -> Value {
    let mut value = serde_json::from_str(&json(node)).unwrap_or_default();
    if let Value::Object(entry) = &mut value {
        entry.retain(|_, value| !value.is_null());
    }
    value
}

fn with_seq(entry: &Entry) -> Value {
    let mut told = Map::new();
    told.insert("seq".to_owned(), entry.seq.into());
    match value(&entry.node) {
        Value::Object(rule) => told.extend(rule),
        other => {
            told.insert("entry".to_owned(), other);
        }
    }
    Value::Object(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_a_line_each_as_json_and_as_a_file() {
        let entry = |seq: Option<i64>, text: &str| Entry {
            name: String::new(),
            seq,
            node: serde_json::from_str(text).unwrap(),
        };
        let entries = [
            entry(
                Some(-5),
                r#"{"match":{"account":"ada","labels":{"team":"*"}},"actions":["*"],"comment":"her own"}"#,
            ),
            entry(
                Some(20),
                r#"{"match":{"name":"a: b\u001b"},"actions":["pull","push"],"comment":null}"#,
            ),
            entry(None, r#"{"match":{},"actions":[]}"#),
        ];
        insta::assert_snapshot!(format!(
            "{}{}{}{}",
            listed(&entries, false),
            listed(&entries, true),
            exported(&entries),
            exported(&[])
        ));
    }
}
