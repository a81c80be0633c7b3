//! Rules that are only nearly right, and how they were perhaps meant.

use strsim::damerau_levenshtein;

use super::super::Asked;
use super::super::patterns::PatternMemo;
use super::super::search::Subject;
use super::hints::{Hint, anchored, expression, key};
use super::wording::quoted;
use super::{Condition, Known, mended};
use crate::account::{Account, Identity};
use crate::config::acl::{Options, Rule};
use crate::scope::Scope;
use crate::service::Service;

impl Known<'_> {
    /// How the rule would match if it, or the request, were written a little otherwise. `failing` are the conditions that
    /// do not hold.
    pub(super) fn nearly(&self, failing: &[&Condition], asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<Hint> {
        self.deeper(failing, asked, patterns)
            .or_else(|| self.in_another_case(asked, patterns))
            .or_else(|| self.as_an_expression(failing, asked, patterns))
            .or_else(|| self.distinguished_name(asked, patterns))
            .or_else(|| self.label_of_another_name(asked, patterns))
    }

    /// The subjects of those conditions with patterns that fail.
    fn failing(&self, failing: &[&Condition]) -> Vec<Subject> {
        let subjects = self.subjects();
        subjects
            .filter(|subject| failing.contains(&&Condition::of(subject)))
            .collect()
    }

    /// A glob with too few slashes.
    fn deeper(&self, failing: &[&Condition], asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<Hint> {
        let subjects = self.failing(failing);
        let [subject @ Subject::Field(field)] = &subjects[..] else {
            return None;
        };
        let pattern = self.pattern(subject)?;
        let spans = Options { double_star: true };
        let spanning = mended::spanning(pattern)?;
        if !mended::matches(&self.with_pattern(subject, spanning.clone()), spans, asked, patterns) {
            return None;
        }
        let last = *mended::stars(pattern).last()?;
        let deeper = (1..=field.of(asked).matches('/').count()).find_map(|more| {
            let (before, behind) = pattern.split_at_checked(last)?;
            let deeper = format!("{before}{}{behind}", "*/".repeat(more));
            let rule = self.with_pattern(subject, deeper.clone());
            mended::matches(&rule, self.options, asked, patterns).then_some(deeper)
        });
        let spanning = quoted(&spanning);
        let spanning = if self.options.double_star {
            format!("{spanning} for any depth")
        } else {
            format!("{spanning} with `acl_options: {{double_star: true}}` for any depth")
        };
        let deeper = deeper.map(|deeper| format!("{} for this depth, or ", quoted(&deeper)));
        Some(self.hint(format!(
            "has too few slashes for {}: write {}{spanning}",
            quoted(field.of(asked)),
            deeper.unwrap_or_default()
        )))
    }

    /// Upper and lower case.
    fn in_another_case(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<Hint> {
        let mut lower = self.written.clone();
        for subject in self.subjects() {
            let pattern = self.pattern(&subject)?;
            let pattern = match expression(pattern) {
                Some(inside) => format!("/(?i){inside}/"),
                None => lower_case(pattern),
            };
            lower = Known {
                written: &lower,
                ..*self
            }
            .with_pattern(&subject, pattern);
        }
        let identity = Identity {
            account: Account::parse(&asked.identity.account.as_str().to_lowercase()).ok()?,
            labels: asked.identity.labels.map(str::to_lowercase),
        };
        let service = Service::parse(&asked.service.as_str().to_lowercase()).ok()?;
        let asked = Asked {
            identity: &identity,
            address: asked.address,
            service: &service,
            scope: &Scope::parse(&asked.scope.to_string().to_lowercase()).ok()?,
        };
        let matches = mended::matches(&lower, self.options, &asked, patterns);
        matches.then(|| self.hint("would match but for upper and lower case, which count".to_owned()))
    }

    /// A regular expression without its slashes, or braces, which mean nothing.
    fn as_an_expression(&self, failing: &[&Condition], asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<Hint> {
        let subjects = self.failing(failing);
        let [subject] = &subjects[..] else {
            return None;
        };
        let pattern = self.pattern(subject)?;
        if expression(pattern).is_some() {
            return None;
        }
        let of = |rule: Rule, patterns: &mut PatternMemo| mended::matches(&rule, self.options, asked, patterns);
        if pattern.contains(['.', '^', '|', '(', '+']) {
            let inside = pattern.strip_prefix('^').unwrap_or(pattern);
            let inside = inside.strip_suffix('$').unwrap_or(inside);
            let whole = anchored(inside);
            if of(self.with_pattern(subject, whole.clone()), patterns) {
                return Some(self.hint(format!(
                    "{} {} is taken for a glob, in which only `*`, `?` and `[...]` are special; a regular expression stands \
                     between slashes: {}",
                    key(subject),
                    quoted(pattern),
                    quoted(&whole)
                )));
            }
        }
        let (before, rest) = pattern.split_once('{').filter(|(before, _)| !before.ends_with('$'))?;
        let (choices, behind) = rest.split_once('}')?;
        let mut choices = choices.split(',').map(|choice| format!("{before}{choice}{behind}"));
        let fitting = choices.find(|choice| of(self.with_pattern(subject, choice.clone()), patterns))?;
        Some(self.hint(format!(
            "braces mean nothing in a glob such as {}; write a rule for each of the texts in them, such as {}",
            quoted(pattern),
            quoted(&fitting)
        )))
    }

    /// A label's value that is the DN of an entry where its name is wanted.
    fn distinguished_name(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<Hint> {
        let identity = Identity {
            account: asked.identity.account.clone(),
            labels: asked
                .identity
                .labels
                .map(|value| first_name(value).unwrap_or(value).to_owned()),
        };
        let with_names = Asked {
            identity: &identity,
            ..*asked
        };
        if !mended::matches(self.written, self.options, &with_names, patterns) {
            return None;
        }
        // It matters, or the rule would have matched.
        let label = asked.identity.labels.iter().find_map(|(label, values)| {
            let value = values
                .iter()
                .find(|value| first_name(value).is_some() && self.names(label))?;
            Some((label, value))
        });
        let (label, dn) = label?;
        let name = first_name(dn)?;
        let longer = self.pattern(&Subject::Label(label.into())).map(|pattern| {
            let (kind, _) = dn.split_once('=').unwrap_or_default();
            format!("{kind}={pattern},*")
        });
        let longer = longer.filter(|longer| {
            let rule = self.with_pattern(&Subject::Label(label.into()), longer.clone());
            mended::matches(&rule, self.options, asked, patterns)
        });
        let longer = longer.map(|longer| format!(", or write `{label}: \"{longer}\"`"));
        Some(self.hint(format!(
            "label `{label}` holds a DN, {}, where the rule wants a name such as `{name}`: have the back-end send the name \
             alone{}",
            quoted(dn),
            longer.unwrap_or_default()
        )))
    }

    /// Whether the rule looks at this label.
    fn names(&self, label: &str) -> bool {
        let variable = format!("${{labels:{label}}}");
        self.subjects().any(|subject| {
            matches!(&subject, Subject::Label(name) if **name == *label)
                || self
                    .pattern(&subject)
                    .is_some_and(|pattern| pattern.contains(&variable))
        })
    }

    /// A label that the account has under nearly the same name.
    fn label_of_another_name(&self, asked: &Asked<'_>, patterns: &mut PatternMemo) -> Option<Hint> {
        let wanted = self.written.matches.labels.iter().map(|(name, _)| name);
        let wanted: Vec<&String> = wanted
            .filter(|name| asked.identity.labels.get(name).is_empty())
            .collect();
        let [wanted] = wanted[..] else { return None };
        let near = asked
            .identity
            .labels
            .iter()
            .map(|(name, _)| name)
            .find(|name| damerau_levenshtein(&name.to_lowercase(), &wanted.to_lowercase()) <= 2)?;
        let mut renamed = self.written.clone();
        for (name, _) in &mut renamed.matches.labels {
            if name == wanted {
                near.clone_into(name);
            }
        }
        let matches = mended::matches(&renamed, self.options, asked, patterns);
        matches.then(|| {
            self.hint(format!(
                "looks at label `{wanted}`, and the account has one called `{near}`"
            ))
        })
    }
}

/// The glob in lower case, its variables as they are.
fn lower_case(glob: &str) -> String {
    let mut lower = String::new();
    let mut rest = glob;
    while let Some((before, behind)) = rest.split_once("${") {
        let (variable, after) = behind.split_once('}').unwrap_or((behind, ""));
        lower.push_str(&before.to_lowercase());
        lower.push_str("${");
        lower.push_str(variable);
        lower.push('}');
        rest = after;
    }
    lower.push_str(&rest.to_lowercase());
    lower
}

/// `admins` of `cn=admins,ou=groups,dc=example`; nothing of what looks like no DN.
fn first_name(value: &str) -> Option<&str> {
    let (first, rest) = value.split_once(',')?;
    let (kind, name) = first.split_once('=')?;
    let is_word = |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let (next, _) = rest.trim_start().split_once('=')?;
    (is_word(kind.trim()) && is_word(next.trim()) && !name.is_empty()).then_some(name)
}
