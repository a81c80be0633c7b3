//! What a matcher calls: roles, and functions that compare with a pattern.

use super::super::super::fault::{Fault, What};
use super::super::super::model::Model;
use super::super::super::patterns::Function;
use super::super::super::text::At;
use super::super::{Term, Truth};
use super::{Parser, Value, pattern, term, unknown};

/// The fields of a request that are more than text, by their place.
const ADDRESS: usize = 4;
const LABELS: usize = 6;

impl Parser<'_> {
    pub(super) fn call(&mut self, name: &str, at: At) -> Result<Value, Fault> {
        if name == "eval" {
            return Err(Fault::at(at, What::Eval));
        }
        let arguments = self.deeper_arguments(at)?;
        let called = if let Some(role) = self.model.roles.iter().position(|role| role.name == name) {
            self.role(role, arguments, at)?
        } else if let Some(function) = Function::OF_TEXTS.into_iter().find(|function| function.name() == name) {
            let [(text, text_at), (key, key_at)] = two(arguments, at, name, "text, pattern")?;
            Truth::Matches {
                function,
                text: term(text, text_at)?,
                pattern: pattern(key, key_at, name)?,
            }
        } else if name == "ipMatch" {
            let address = format!("r.{}", field(self.model, ADDRESS));
            let [(asked, _), (network, network_at)] = two(arguments, at, name, &format!("{address}, network"))?;
            let Value::Term(text @ Term::Asked(ADDRESS)) = asked else {
                return Err(arguments_fault(at, name, &format!("{address}, network")));
            };
            Truth::Matches {
                function: Function::Ip,
                text,
                pattern: pattern(network, network_at, name)?,
            }
        } else if name == "labelMatch" {
            self.labels(arguments, at)?
        } else {
            return Err(unknown(name, at, functions(self.model)));
        };
        Ok(Value::Truth(called))
    }

    fn deeper_arguments(&mut self, at: At) -> Result<Vec<(Value, At)>, Fault> {
        let mut arguments = Vec::new();
        self.expect("(", "`(`")?;
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            let argument_at = self.at();
            arguments.push((self.deeper(at, Self::any)?, argument_at));
            if !self.takes(",") {
                self.expect(")", "`,` or `)`")?;
                return Ok(arguments);
            }
        }
    }

    fn role(&self, role: usize, arguments: Vec<(Value, At)>, at: At) -> Result<Truth, Fault> {
        let has_domains = self.model.roles.get(role).is_some_and(|role| role.has_domains);
        let name = self.model.roles.get(role).map_or("g", |role| &role.name);
        let (wants, form) = if has_domains {
            (3, "account, role, domain")
        } else {
            (2, "account, role")
        };
        if arguments.len() != wants {
            return Err(arguments_fault(at, name, form));
        }
        let terms: Result<_, _> = arguments.into_iter().map(|(value, at)| term(value, at)).collect();
        Ok(Truth::HasRole { role, terms: terms? })
    }

    fn labels(&self, arguments: Vec<(Value, At)>, at: At) -> Result<Truth, Fault> {
        let form = format!("r.{}, labels", field(self.model, LABELS));
        let [(one, one_at), (other, other_at)] = two(arguments, at, "labelMatch", &form)?;
        let (function, text, pattern) = match (one, other) {
            (Value::Term(text @ Term::Asked(LABELS)), other) => {
                (Function::Labels, text, pattern(other, other_at, "labelMatch")?)
            }
            (one, Value::Term(text @ Term::Asked(LABELS))) => {
                (Function::LabelsOfRequest, text, pattern(one, one_at, "labelMatch")?)
            }
            _ => return Err(arguments_fault(at, "labelMatch", &form)),
        };
        Ok(Truth::Matches {
            function,
            text,
            pattern,
        })
    }
}

fn field(model: &Model, number: usize) -> &str {
    model.request.get(number).map_or("", String::as_str)
}

/// The functions that a matcher of this model may call.
pub(super) fn functions(model: &Model) -> String {
    let mut known: Vec<_> = Function::OF_TEXTS.iter().map(|function| function.name()).collect();
    known.extend(["ipMatch", "labelMatch"]);
    known.extend(model.roles.iter().map(|role| role.name.as_str()));
    let known: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    known.join(", ")
}

fn two(arguments: Vec<(Value, At)>, at: At, function: &str, form: &str) -> Result<[(Value, At); 2], Fault> {
    arguments.try_into().map_err(|_| arguments_fault(at, function, form))
}

fn arguments_fault(at: At, function: &str, form: &str) -> Fault {
    let function = function.to_owned();
    let form = format!("{function}({form})");
    Fault::at(at, What::Arguments { function, form })
}
