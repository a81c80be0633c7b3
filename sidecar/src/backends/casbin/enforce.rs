//! The crate's part: it walks over the rows, evaluates the matcher for each, and joins what they say.
//!
//! All that it is handed was read, compiled and written anew here, since it panics at what it does not know: an effect, a
//! malformed pattern, a number that grows too large.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use casbin::function_map::{OperatorFunction, dynamic_to_str};
use casbin::rhai::Dynamic;
use casbin::{CoreApi, DefaultModel, EnforceArgs, Enforcer, Model as _, NullAdapter};
use parking_lot::RwLock;
use registry_auth_core::scope::Actions;
use thiserror::Error;
use tokio::time::Instant;

use super::matcher::Truth;
use super::model::Model;
use super::patterns::{Function, Labels, Patterns};
use super::policy::Row;
use super::rewrite;
use super::roles::Roles;

/// The place of the action among what is asked.
const ACTION: usize = 5;

/// A policy that is in force.
pub(super) struct Enforcement {
    enforcer: Enforcer,
    patterns: Arc<Patterns>,
}

/// What is asked: the seven fields but the action, of which there may be several.
#[derive(Debug)]
pub(super) struct Question {
    /// In docker_auth's order, with nothing in the place of the action.
    pub(super) fields: [String; 7],
    pub(super) address: IpAddr,
    pub(super) labels: Labels,
    pub(super) actions: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum Unanswered {
    #[error(
        "the policy has so many rows that `timeout` ended before all were looked at; raise it, or split the policy"
    )]
    Late,
    #[error("the policy could not be evaluated: {0}")]
    Fault(#[from] casbin::Error),
}

/// What the functions of a matcher look at, as a value of the crate's language.
#[derive(Clone)]
struct Given(Arc<Looked>);

struct Looked {
    patterns: Arc<Patterns>,
    address: IpAddr,
    labels: Labels,
}

struct Arguments(Vec<Dynamic>);

impl Enforcement {
    /// Hands everything to the crate.
    ///
    /// # Errors
    /// What the crate makes of it; nothing that is read here comes to that.
    pub(super) fn new(model: &Model, truth: &Truth, rows: Vec<Row>, patterns: Patterns) -> Result<Self, casbin::Error> {
        let mut written = DefaultModel::default();
        let asked = (0..model.request.len()).map(rewrite::asked);
        let asked: Vec<_> = asked.chain([rewrite::GIVEN.to_owned()]).collect();
        written.add_def("r", "r", &asked.join(", "));
        // What nothing looks at is not handed over: each row of each request would pay for it.
        let looked_at = truth.fields();
        let mut fields: Vec<usize> = looked_at.iter().copied().collect();
        fields.extend(model.field("eft").filter(|eft| !looked_at.contains(eft)));
        let names: Vec<_> = fields.iter().map(|field| rewrite::field(*field, model)).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        written.add_def("p", "p", &names);
        written.add_def("e", "e", model.effect.written());
        written.add_def("m", "m", &rewrite::matcher(truth, model));
        for role in &model.roles {
            written.add_def("g", &role.name, "_, _, _");
        }
        let mut known = HashSet::new();
        for row in rows {
            if row.kind != "p" {
                let mut values = row.values.into_iter();
                let (account, role) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
                let domain = rewrite::domain(&row.kind, values.next().as_deref());
                written.add_policy("g", &row.kind, vec![account, role, domain]);
            } else if !looked_at.is_empty() {
                // A matcher that looks at no row is decided once, as if there were none.
                let values: Vec<_> = fields
                    .iter()
                    .filter_map(|field| row.values.get(*field).cloned())
                    .collect();
                // The first of two alike counts; the crate would put it behind all others.
                if known.insert(values.clone()) {
                    written.add_policy("p", "p", values);
                }
            }
        }
        let mut enforcer = at_once(Enforcer::new_raw(written, NullAdapter))?;
        enforcer.set_role_manager(Arc::new(RwLock::new(Roles::default())))?;
        for (name, function) in functions() {
            enforcer.add_function(name, function);
        }
        Ok(Self {
            enforcer,
            patterns: Arc::new(patterns),
        })
    }

    /// The actions that are allowed. Takes as long as there are rows, at most until `deadline` and one action more.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub(super) fn allowed(&self, question: Question, deadline: Instant) -> Result<Actions, Unanswered> {
        let given = Dynamic::from(Given(Arc::new(Looked {
            patterns: Arc::clone(&self.patterns),
            address: question.address,
            labels: question.labels,
        })));
        let fields = question.fields.into_iter().map(Dynamic::from).chain([given]);
        let fields: Vec<Dynamic> = fields.collect();
        let mut allowed = Vec::new();
        for action in question.actions {
            if Instant::now() >= deadline {
                return Err(Unanswered::Late);
            }
            let mut arguments = fields.clone();
            if let Some(field) = arguments.get_mut(ACTION) {
                *field = Dynamic::from(action.clone());
            }
            if self.enforcer.enforce(Arguments(arguments))? {
                allowed.push(action);
            }
        }
        Ok(allowed.into_iter().collect())
    }
}

/// What is there at once, from a function that might have waited for a file.
fn at_once<T>(asking: impl Future<Output = casbin::Result<T>>) -> casbin::Result<T> {
    match pin!(asking).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(std::io::Error::from(std::io::ErrorKind::WouldBlock).into()),
    }
}

impl EnforceArgs for Arguments {
    fn try_into_vec(self) -> casbin::Result<Vec<Dynamic>> {
        Ok(self.0)
    }

    /// For caches, of which there is none.
    fn cache_key(&self) -> u64 {
        0
    }
}

/// The functions of a matcher. They are plain functions, so all that they look at is handed to them.
fn functions() -> [(&'static str, OperatorFunction); 10] {
    use Function::{Glob, Ip, Key, Key2, Key3, Key4, Key5, Labels, LabelsOfRequest, Regex};
    let of = |function, body| (rewrite::called(function), OperatorFunction::Arg3(body));
    [
        of(Regex, |given, text, pattern| matches(Regex, &given, &text, &pattern)),
        of(Key, |given, text, pattern| matches(Key, &given, &text, &pattern)),
        of(Key2, |given, text, pattern| matches(Key2, &given, &text, &pattern)),
        of(Key3, |given, text, pattern| matches(Key3, &given, &text, &pattern)),
        of(Key4, |given, text, pattern| matches(Key4, &given, &text, &pattern)),
        of(Key5, |given, text, pattern| matches(Key5, &given, &text, &pattern)),
        of(Glob, |given, text, pattern| matches(Glob, &given, &text, &pattern)),
        of(Ip, |given, text, pattern| matches(Ip, &given, &text, &pattern)),
        of(Labels, |given, text, pattern| matches(Labels, &given, &text, &pattern)),
        of(LabelsOfRequest, |given, text, pattern| {
            matches(LabelsOfRequest, &given, &text, &pattern)
        }),
    ]
}

/// Nothing, which no operator takes, if a pattern is met that nobody compiled: that ends the question.
fn matches(function: Function, given: &Dynamic, text: &Dynamic, pattern: &Dynamic) -> Dynamic {
    let Some(given) = given.read_lock::<Given>() else {
        return Dynamic::UNIT;
    };
    let looked = &given.0;
    let pattern = dynamic_to_str(pattern);
    let found = match function {
        Function::Ip => looked.patterns.holds(looked.address, &pattern),
        Function::Labels | Function::LabelsOfRequest => looked.patterns.fits(function, &looked.labels, &pattern),
        _ => looked.patterns.matches(function, &dynamic_to_str(text), &pattern),
    };
    found.map_or(Dynamic::UNIT, Dynamic::from)
}

impl fmt::Debug for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforcement").finish_non_exhaustive()
    }
}
