//! What programs and hooks are asked in JSON, in docker_auth's words, and what they answer in it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use registry_auth_core::account::{Labels, LabelsArePatterns};
use registry_auth_core::scope::Actions;
use registry_auth_core::secret::Secret;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::backend::{Access, Login};

/// `{"Account","Password","Service","IP"}`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoginQuestion<'a> {
    account: &'a str,
    password: &'a str,
    service: &'a str,
    #[serde(rename = "IP")]
    address: IpAddr,
}

/// `{"Account","Type","Name","Service","IP","Actions","Labels"}`; `Labels` is null without any.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessQuestion<'a> {
    account: &'a str,
    #[serde(rename = "Type")]
    kind: &'a str,
    name: &'a str,
    service: &'a str,
    #[serde(rename = "IP")]
    address: IpAddr,
    actions: Vec<&'a str>,
    labels: Option<BTreeMap<&'a str, &'a [String]>>,
}

/// Why something cannot be asked in JSON.
#[derive(Debug, Error)]
pub(super) enum Unaskable {
    /// The password is not UTF-8, which is all that JSON has.
    #[error("its password is not UTF-8")]
    NotText,
    /// It cannot be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Why an answer is none.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// More than [`super::MAX_ANSWER_BYTES`].
    #[error("an answer of more than {} bytes", super::MAX_ANSWER_BYTES)]
    TooLong,
    /// Something else than JSON.
    #[error("an answer that is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, and no object.
    #[error("an answer that is not a JSON object")]
    NoObject,
    /// Labels of another form.
    #[error("an answer whose `labels` are not of the form `{{\"name\": [\"value\"]}}`")]
    Labels,
    /// Actions of another form, or none.
    #[error("an answer without `actions` of the form `[\"action\"]`")]
    Actions,
}

/// Asks who somebody is.
pub(super) fn login(login: &Login<'_>) -> Result<Secret<Vec<u8>>, Unaskable> {
    let password = login.password.expose();
    let question = LoginQuestion {
        account: login.account.as_str(),
        password: std::str::from_utf8(password).map_err(|_| Unaskable::NotText)?,
        service: login.service.as_str(),
        address: login.address.to_canonical(),
    };
    // A buffer that grows leaves copies of the password behind.
    let room = room_for([password, question.account.as_bytes(), question.service.as_bytes()]);
    let mut text = Secret::new(Vec::with_capacity(room));
    serde_json::to_writer(text.expose_mut(), &question)?;
    Ok(text)
}

/// The most that a login takes: a text grows to six times its length, and what surrounds them is within 128 bytes.
fn room_for(texts: [&[u8]; 3]) -> usize {
    let length = texts.into_iter().map(<[u8]>::len).fold(0, usize::saturating_add);
    length.saturating_mul(6).saturating_add(128)
}

/// Asks what somebody may do.
pub(super) fn access(access: &Access<'_>) -> Result<Secret<Vec<u8>>, Unaskable> {
    let labels: BTreeMap<_, _> = access.identity.labels.iter().collect();
    let question = AccessQuestion {
        account: access.identity.account.as_str(),
        kind: access.scope.resource().kind(),
        name: access.scope.resource().name(),
        service: access.service.as_str(),
        address: access.address.to_canonical(),
        actions: access.scope.actions().iter().collect(),
        labels: (!labels.is_empty()).then_some(labels),
    };
    Ok(Secret::new(serde_json::to_vec(&question)?))
}

/// Reads `{"labels": {name: [values]}}`. Other keys are passed over, and so is the case of letters in this one, as Go
/// does; null is nothing.
pub(super) fn sent_labels(answer: Option<&[u8]>, are_patterns: LabelsArePatterns) -> Result<Labels, NoAnswer> {
    match answer {
        Some([]) => Ok(Labels::new(BTreeMap::new(), are_patterns)),
        Some(answer) => labels(answer, are_patterns),
        None => Err(NoAnswer::TooLong),
    }
}

fn labels(answer: &[u8], are_patterns: LabelsArePatterns) -> Result<Labels, NoAnswer> {
    let values = match member(answer, "labels")? {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(labels)) => {
            let labels = labels.into_iter();
            let labels = labels.map(|(name, values)| Some((name, texts_or_null(values)?)));
            labels.collect::<Option<_>>().ok_or(NoAnswer::Labels)?
        }
        Some(_) => return Err(NoAnswer::Labels),
    };
    Ok(Labels::new(values, are_patterns))
}

/// Reads `{"actions": [action]}`.
pub(super) fn actions(answer: &[u8]) -> Result<Actions, NoAnswer> {
    let actions = member(answer, "actions")?.and_then(texts);
    Ok(actions.ok_or(NoAnswer::Actions)?.into_iter().collect())
}

/// The last member of that name.
fn member(answer: &[u8], name: &str) -> Result<Option<Value>, NoAnswer> {
    let Value::Object(members) = serde_json::from_slice(answer)? else {
        return Err(NoAnswer::NoObject);
    };
    let mut members = members.into_iter();
    Ok(members
        .rfind(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value))
}

fn texts_or_null(values: Value) -> Option<Vec<String>> {
    match values {
        Value::Null => Some(Vec::new()),
        values => texts(values),
    }
}

fn texts(values: Value) -> Option<Vec<String>> {
    let Value::Array(values) = values else { return None };
    let texts = values.into_iter().map(|value| match value {
        Value::String(text) => Some(text),
        _ => None,
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use registry_auth_core::account::{Account, Identity};
    use registry_auth_core::scope::Scope;
    use registry_auth_core::service::Service;

    use super::*;

    fn labels_of(answer: &str) -> Result<Vec<(String, Vec<String>)>, String> {
        let labels = labels(answer.as_bytes(), LabelsArePatterns::None).map_err(|error| error.to_string())?;
        Ok(labels
            .iter()
            .map(|(name, values)| (name.to_owned(), values.to_vec()))
            .collect())
    }

    fn login_json(account: &str, password: &[u8]) -> Result<String, String> {
        let question = login(&Login {
            account: &Account::parse(account).unwrap(),
            password: &Secret::new(password.to_vec()),
            service: &Service::parse("registry").unwrap(),
            address: "::ffff:192.0.2.7".parse().unwrap(),
        });
        let question = question.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(question.expose().clone()).unwrap())
    }

    fn access_json(labels: &[(&str, &[&str])]) -> String {
        let texts = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        let labels = labels.iter().map(|(name, values)| ((*name).to_owned(), texts(values)));
        let identity = Identity {
            account: Account::parse("ada").unwrap(),
            labels: Labels::new(labels.collect(), LabelsArePatterns::None),
        };
        let question = access(&Access {
            identity: &identity,
            service: &Service::parse("registry").unwrap(),
            address: "2001:db8::1".parse().unwrap(),
            scope: &Scope::parse("repository:team/app:push,pull").unwrap(),
        });
        String::from_utf8(question.unwrap().expose().clone()).unwrap()
    }

    #[test]
    fn a_login_is_asked_about_in_four_members_and_only_if_the_password_is_text() {
        assert_eq!(
            login_json("ada", b"a \"b\"\n").unwrap(),
            r#"{"Account":"ada","Password":"a \"b\"\n","Service":"registry","IP":"192.0.2.7"}"#
        );
        assert_eq!(login_json("ada", b"\xff").unwrap_err(), "its password is not UTF-8");
    }

    #[test]
    fn an_access_is_asked_about_with_sorted_actions_and_null_without_labels() {
        assert_eq!(
            access_json(&[]),
            r#"{"Account":"ada","Type":"repository","Name":"team/app","Service":"registry","IP":"2001:db8::1","Actions":["pull","push"],"Labels":null}"#
        );
        let labelled = access_json(&[("teams", &["b", "a"]), ("empty", &[])]);
        assert!(
            labelled.ends_with(r#""Labels":{"empty":[],"teams":["b","a"]}}"#),
            "{labelled}"
        );
    }

    #[test]
    fn labels_are_lists_of_texts_and_everything_else_is_no_answer() {
        assert_eq!(labels_of("{}").unwrap(), []);
        assert_eq!(labels_of(r#"{"labels": null, "more": 1}"#).unwrap(), []);
        let teams = ("teams".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        let none = ("none".to_owned(), Vec::new());
        let both = r#"{"labels":{"lost":["x"]},"Labels":{"teams":["a","b"],"none":null}}"#;
        assert_eq!(labels_of(both).unwrap(), [none, teams]);
        for (answer, why) in [
            ("", "not JSON"),
            ("ok", "not JSON"),
            ("{} {}", "not JSON"),
            ("null", "not a JSON object"),
            ("[]", "not a JSON object"),
            (r#"{"labels":["a"]}"#, "whose `labels`"),
            (r#"{"labels":{"a":"b"}}"#, "whose `labels`"),
            (r#"{"labels":{"a":[1]}}"#, "whose `labels`"),
        ] {
            let error = labels_of(answer).unwrap_err();
            assert!(error.contains(why), "{answer}: {error}");
        }
    }

    #[test]
    fn actions_must_be_there() {
        let granted = |answer: &str| actions(answer.as_bytes()).map(|actions| actions.to_string());
        assert_eq!(granted(r#"{"actions":["push","pull","pull"]}"#).unwrap(), "pull,push");
        assert_eq!(granted(r#"{"actions":[]}"#).unwrap(), "");
        for answer in [
            "{}",
            r#"{"actions":null}"#,
            r#"{"actions":"pull"}"#,
            r#"{"actions":[1]}"#,
        ] {
            assert!(matches!(granted(answer), Err(NoAnswer::Actions)), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn labels_that_are_written_are_read(
            written in prop::collection::btree_map("(?s).{0,6}", prop::collection::vec("(?s).{0,6}", 0..4), 0..4),
        ) {
            let answer = serde_json::to_string(&serde_json::json!({ "labels": written })).unwrap();
            prop_assert_eq!(labels_of(&answer).unwrap(), written.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn no_answer_makes_it_stumble(answer: Vec<u8>) {
            let _ = labels(&answer, LabelsArePatterns::None);
            let _ = actions(&answer);
        }

        #[test]
        fn a_password_in_json_never_outgrows_its_buffer(account in "[^\\p{Cc}]{0,64}", password in "(?s).{0,64}|[\\x00-\\x1f]{0,64}") {
            let json = login_json(&account, password.as_bytes()).unwrap();
            prop_assert!(json.len() <= room_for([account.as_bytes(), password.as_bytes(), b"registry"]));
        }
    }
}
