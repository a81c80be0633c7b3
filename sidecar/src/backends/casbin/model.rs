//! The file of the model, as Casbin's Go library reads it.
//!
//! `#` and `;` begin a comment, inside of quotes too. A backslash at the end of a line goes on in the next one; an empty
//! line or a comment in between ends the definition.

use super::fault::{ASKED, Fault, What};
use super::text::{At, Text, shown};

/// A model.
#[derive(Debug)]
pub(super) struct Model {
    /// What the seven fields of a request are called.
    pub(super) request: Vec<String>,
    /// What the fields of a row are called.
    pub(super) policy: Vec<String>,
    pub(super) roles: Vec<Role>,
    pub(super) effect: Effect,
    pub(super) matcher: Text,
}

/// A kind of roles.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// `g`, `g2` and so on.
    pub(super) name: String,
    pub(super) has_domains: bool,
}

/// How what several rows say becomes one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// One row allows.
    Allow,
    /// One row allows, and none denies.
    AllowAndNoDeny,
    /// No row denies.
    NoDeny,
    /// The first row counts that allows or denies.
    Priority,
}

/// `key = value` in a section.
struct Definition {
    section: String,
    key: Text,
    value: Text,
}

const SECTIONS: [(&str, &str); 5] = [
    ("request_definition", "r"),
    ("policy_definition", "p"),
    ("role_definition", "g"),
    ("policy_effect", "e"),
    ("matchers", "m"),
];

impl Model {
    /// Reads the text of a model.
    ///
    /// # Errors
    /// All faults that do not follow from others.
    pub(super) fn read(content: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let definitions = definitions(content, &mut faults);
        let definitions = known(definitions, &mut faults);
        let mut value = |section: &'static str, key: &'static str| {
            let found = definitions.iter().find(|definition| definition.key.to_string() == key);
            let value = found.map(|definition| definition.value.clone());
            if value.is_none() {
                faults.push(Fault {
                    at: None,
                    what: What::Missing { section, key },
                });
            }
            value
        };
        let request = value("request_definition", "r");
        let policy = value("policy_definition", "p");
        let effect = value("policy_effect", "e");
        let matcher = value("matchers", "m");
        let request = request.and_then(|text| kept(request_fields(&text), &mut faults));
        let policy = policy.and_then(|text| kept(fields(&text), &mut faults));
        let effect = effect.and_then(|text| kept(effect_of(&text, policy.as_deref()), &mut faults));
        let roles = definitions
            .iter()
            .filter(|definition| definition.section == "role_definition");
        let roles: Vec<_> = roles
            .filter_map(|definition| kept(role(definition), &mut faults))
            .collect();
        match (request, policy, effect, matcher) {
            (Some(request), Some(policy), Some(effect), Some(matcher)) if faults.is_empty() => Ok(Self {
                request,
                policy,
                roles,
                effect,
                matcher,
            }),
            _ => Err(faults),
        }
    }

    /// The place of a field among those of a row.
    pub(super) fn field(&self, name: &str) -> Option<usize> {
        self.policy.iter().position(|field| field == name)
    }

    /// Where the matcher begins.
    pub(super) fn matcher_at(&self) -> At {
        self.matcher.at()
    }
}

fn kept<T>(result: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

/// All definitions as they are written.
fn definitions(content: &str, faults: &mut Vec<Fault>) -> Vec<Definition> {
    let mut definitions = Vec::new();
    let mut section = String::new();
    let mut begun = Text::default();
    let mut end = |begun: &mut Text, section: &str| {
        let text = std::mem::take(begun);
        if text.is_empty() {
            return;
        }
        match text.split_once('=') {
            Some((key, value)) if !key.trimmed().is_empty() => definitions.push(Definition {
                section: section.to_owned(),
                key: key.trimmed(),
                value: value.trimmed(),
            }),
            _ if text.trimmed().is_empty() => {}
            _ => faults.push(Fault::at(text.trimmed().at(), What::NoDefinition)),
        }
    };
    for (number, line) in (1..).zip(content.lines()) {
        let text = Text::of_line(number, line).trimmed();
        let (first, last) = (text.chars().first(), text.chars().last());
        match (first.map(|(c, _)| *c), last.map(|(c, _)| *c)) {
            (None | Some('#' | ';'), _) => end(&mut begun, &section),
            (Some('['), Some(']')) => {
                end(&mut begun, &section);
                let name = text.to_string();
                let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
                name.unwrap_or_default().clone_into(&mut section);
            }
            (_, Some('\\')) => {
                let at = text.end();
                let mut piece = text.up_to(is_comment);
                // Unless a comment has taken it away.
                if piece.end() == at {
                    piece = piece.up_to(|c| c == '\\').trimmed();
                }
                begun.append(piece);
                begun.append(Text::of_line(at.line, " "));
            }
            _ => {
                begun.append(text.up_to(is_comment));
                end(&mut begun, &section);
            }
        }
    }
    end(&mut begun, &section);
    definitions
}

fn is_comment(c: char) -> bool {
    matches!(c, '#' | ';')
}

/// Those that mean something. Whatever nobody asks for is a fault.
fn known(definitions: Vec<Definition>, faults: &mut Vec<Fault>) -> Vec<Definition> {
    let mut known: Vec<Definition> = Vec::new();
    let mut roles = 0_usize;
    for definition in definitions {
        let at = definition.key.at();
        let key = definition.key.to_string();
        let Some((section, letter)) = SECTIONS.iter().find(|(section, _)| *section == definition.section) else {
            faults.push(Fault::at(at, What::Section(shown(&definition.section))));
            continue;
        };
        if let Some(before) = known.iter().find(|before| before.key.to_string() == key) {
            let line = before.key.at().line;
            faults.push(Fault::at(at, What::Twice { key: shown(&key), line }));
            continue;
        }
        let wanted = match (*section, roles) {
            ("role_definition", 0) | ("request_definition" | "policy_definition" | "policy_effect" | "matchers", _) => {
                (*letter).to_owned()
            }
            (_, others) => format!("g{}", others.saturating_add(1)),
        };
        if key != wanted {
            faults.push(Fault::at(
                at,
                What::Key {
                    key: shown(&key),
                    wanted,
                },
            ));
            continue;
        }
        if *section == "role_definition" {
            roles = roles.saturating_add(1);
        }
        // As if it were not there.
        if !definition.value.is_empty() {
            known.push(definition);
        }
    }
    known
}

fn fields(text: &Text) -> Result<Vec<String>, Fault> {
    let mut names: Vec<String> = Vec::new();
    for field in text.listed() {
        let name = field.to_string();
        let at = if field.is_empty() { text.at() } else { field.at() };
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_name {
            return Err(Fault::at(at, What::FieldName(shown(&name))));
        }
        if names.contains(&name) {
            return Err(Fault::at(at, What::FieldTwice(name)));
        }
        names.push(name);
    }
    Ok(names)
}

fn request_fields(text: &Text) -> Result<Vec<String>, Fault> {
    let names = fields(text)?;
    if names.len() != ASKED.len() {
        return Err(Fault::at(text.at(), What::Seven(names.len())));
    }
    for ((name, meant), field) in names.iter().zip(ASKED).zip(text.listed()) {
        // Other names may stand for anything; one of these stands for itself.
        if name != meant && ASKED.contains(&name.as_str()) {
            let name = name.clone();
            return Err(Fault::at(field.at(), What::Order { name, meant }));
        }
    }
    Ok(names)
}

fn role(definition: &Definition) -> Result<Role, Fault> {
    let parts = definition.value.listed();
    let are_roles = parts.iter().all(|part| part.to_string() == "_");
    if !are_roles || !(2..=3).contains(&parts.len()) {
        return Err(Fault::at(definition.value.at(), What::Role));
    }
    Ok(Role {
        name: definition.key.to_string(),
        has_domains: parts.len() == 3,
    })
}

fn effect_of(text: &Text, policy: Option<&[String]>) -> Result<Effect, Fault> {
    let written: String = text.to_string().split_whitespace().collect();
    let effect = match written.replace("p_eft", "p.eft").as_str() {
        "some(where(p.eft==allow))" => Effect::Allow,
        "some(where(p.eft==allow))&&!some(where(p.eft==deny))" => Effect::AllowAndNoDeny,
        "!some(where(p.eft==deny))" => Effect::NoDeny,
        "priority(p.eft)||deny" => Effect::Priority,
        _ => return Err(Fault::at(text.at(), What::Effect)),
    };
    let has_effects = policy.is_none_or(|fields| fields.iter().any(|field| field == "eft"));
    if effect == Effect::NoDeny && !has_effects {
        return Err(Fault::at(text.at(), What::NothingDenies));
    }
    Ok(effect)
}

impl Effect {
    /// As the crate knows it.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Allow => "some(where (p.eft == allow))",
            Self::AllowAndNoDeny => "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
            Self::NoDeny => "!some(where (p.eft == deny))",
            Self::Priority => "priority(p.eft) || deny",
        }
    }
}
