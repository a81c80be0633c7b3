//! From words to what they mean.

mod call;

use super::super::fault::{Fault, What};
use super::super::model::Model;
use super::super::patterns::Function;
use super::super::text::{At, shown};
use super::lexer::{Placed, Token};
use super::{Comparison, Pattern, Term, Truth};

/// How deep parentheses and `!` may nest: what evaluates them recurses.
const DEEPEST: usize = 32;

struct Parser<'m> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Placed>>,
    model: &'m Model,
    depth: usize,
    end: At,
}

/// What an expression comes to.
enum Value {
    Truth(Truth),
    Term(Term),
}

/// Reads a whole matcher.
pub(super) fn parse(tokens: Vec<Placed>, model: &Model) -> Result<Truth, Fault> {
    let at = model.matcher_at();
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        model,
        depth: 0,
        end: model.matcher.end(),
    };
    let value = parser.any()?;
    if let Some((token, at)) = parser.tokens.next() {
        return Err(unexpected(&token, at, "`&&`, `||` or the end"));
    }
    truth(value, at)
}

fn truth(value: Value, at: At) -> Result<Truth, Fault> {
    match value {
        Value::Truth(truth) => Ok(truth),
        Value::Term(_) => Err(Fault::at(at, What::NoTruth)),
    }
}

fn term(value: Value, at: At) -> Result<Term, Fault> {
    match value {
        Value::Term(term) => Ok(term),
        Value::Truth(_) => Err(Fault::at(at, What::NoText)),
    }
}

fn unexpected(token: &Token, at: At, wanted: &'static str) -> Fault {
    let found = match token {
        Token::Name(name) => shown(name),
        Token::Text(text) => format!("\"{}\"", shown(text)),
        Token::Sign("?" | "??") => return Fault::at(at, What::Operator("?".to_owned())),
        Token::Sign(sign @ (":" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "**" | "<<" | ">>")) => {
            return Fault::at(at, What::Operator((*sign).to_owned()));
        }
        Token::Sign(sign) => (*sign).to_owned(),
    };
    Fault::at(at, What::Unexpected { found, wanted })
}

impl Parser<'_> {
    fn at(&mut self) -> At {
        self.tokens.peek().map_or(self.end, |(_, at)| *at)
    }

    /// Whether the next word is this sign, which is then taken.
    fn takes(&mut self, sign: &str) -> bool {
        let is_it = |(token, _): &Placed| matches!(token, Token::Sign(next) if *next == sign);
        self.tokens.next_if(is_it).is_some()
    }

    fn expect(&mut self, sign: &str, wanted: &'static str) -> Result<(), Fault> {
        if self.takes(sign) {
            return Ok(());
        }
        match self.tokens.next() {
            Some((token, at)) => Err(unexpected(&token, at, wanted)),
            None => Err(Fault::at(self.end, What::Ends(wanted))),
        }
    }

    /// `a || b`
    fn any(&mut self) -> Result<Value, Fault> {
        self.chain("||", Self::all, Truth::Any)
    }

    /// `a && b`
    fn all(&mut self) -> Result<Value, Fault> {
        self.chain("&&", Self::comparison, Truth::All)
    }

    fn chain(
        &mut self,
        sign: &str,
        part: impl Fn(&mut Self) -> Result<Value, Fault>,
        joined: impl Fn(Vec<Truth>) -> Truth,
    ) -> Result<Value, Fault> {
        let at = self.at();
        let first = part(self)?;
        if !self.takes(sign) {
            return Ok(first);
        }
        let mut parts = vec![truth(first, at)?];
        loop {
            let at = self.at();
            let next = part(self)?;
            parts.push(truth(next, at)?);
            if !self.takes(sign) {
                return Ok(Value::Truth(joined(parts)));
            }
        }
    }

    /// `a == b` and the like, at most once.
    fn comparison(&mut self) -> Result<Value, Fault> {
        let at = self.at();
        let first = self.sum()?;
        let Some(sign) = self.comparing() else { return Ok(first) };
        let compared = self.compared(first, at, sign)?;
        let next = self.at();
        if self.comparing().is_some() {
            return Err(Fault::at(next, What::Chain));
        }
        Ok(Value::Truth(compared))
    }

    /// The sign of a comparison, or the word `in`.
    fn comparing(&mut self) -> Option<&'static str> {
        const SIGNS: [&str; 8] = ["==", "!=", "<=", ">=", "<", ">", "=~", "!~"];
        let is_in = |(token, _): &Placed| matches!(token, Token::Name(name) if name == "in");
        if self.tokens.next_if(is_in).is_some() {
            return Some("in");
        }
        SIGNS.into_iter().find(|sign| self.takes(sign))
    }

    fn compared(&mut self, first: Value, at: At, sign: &str) -> Result<Truth, Fault> {
        if sign == "in" {
            let one = term(first, at)?;
            let list = self.list()?;
            let equal = |other| Truth::Compare(Comparison::Equal, one.clone(), other);
            return Ok(Truth::Any(list.into_iter().map(equal).collect()));
        }
        let other_at = self.at();
        let other = self.sum()?;
        let comparison = match sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            sign => {
                let text = term(first, at)?;
                let pattern = pattern(other, other_at, sign)?;
                let matches = Truth::Matches {
                    function: Function::Regex,
                    text,
                    pattern,
                };
                return Ok(if sign == "=~" {
                    matches
                } else {
                    Truth::Not(Box::new(matches))
                });
            }
        };
        match (first, other, comparison) {
            (Value::Term(one), Value::Term(other), _) => Ok(Truth::Compare(comparison, one, other)),
            (Value::Truth(one), Value::Truth(other), Comparison::Equal) => {
                Ok(Truth::Same(Box::new(one), Box::new(other)))
            }
            (Value::Truth(one), Value::Truth(other), Comparison::Unequal) => {
                Ok(Truth::Not(Box::new(Truth::Same(Box::new(one), Box::new(other)))))
            }
            _ => Err(Fault::at(other_at, What::Mixed)),
        }
    }

    /// `('a', 'b')`, or the same in brackets.
    fn list(&mut self) -> Result<Vec<Term>, Fault> {
        let at = self.at();
        let close = if self.takes("[") {
            "]"
        } else {
            self.expect("(", "a list in parentheses")?;
            ")"
        };
        let mut terms = Vec::new();
        loop {
            let at = self.at();
            let value = self.sum()?;
            terms.push(term(value, at)?);
            if !self.takes(",") {
                break;
            }
        }
        self.expect(close, "`,` or the end of the list")?;
        if terms.len() == 1 {
            return Err(Fault::at(at, What::ListOfOne));
        }
        Ok(terms)
    }

    /// `a + b`
    fn sum(&mut self) -> Result<Value, Fault> {
        let at = self.at();
        let first = self.single()?;
        if !self.takes("+") {
            return Ok(first);
        }
        let mut parts = vec![term(first, at)?];
        loop {
            let at = self.at();
            let next = self.single()?;
            parts.push(term(next, at)?);
            if !self.takes("+") {
                return Ok(Value::Term(Term::Joined(parts)));
            }
        }
    }

    fn single(&mut self) -> Result<Value, Fault> {
        const WANTED: &str = "a field, a text or a function";
        let Some((token, at)) = self.tokens.next() else {
            return Err(Fault::at(self.end, What::Ends(WANTED)));
        };
        match token {
            Token::Text(text) => Ok(Value::Term(Term::Text(text))),
            Token::Name(name) => self.named(&name, at),
            Token::Sign("!") => {
                let inner_at = self.at();
                let inner = self.deeper(at, Self::single)?;
                Ok(Value::Truth(Truth::Not(Box::new(truth(inner, inner_at)?))))
            }
            Token::Sign("(") => {
                let inner = self.deeper(at, Self::any)?;
                self.expect(")", "`)`")?;
                Ok(inner)
            }
            token @ Token::Sign(_) => Err(unexpected(&token, at, WANTED)),
        }
    }

    fn deeper(&mut self, at: At, read: impl Fn(&mut Self) -> Result<Value, Fault>) -> Result<Value, Fault> {
        if self.depth >= DEEPEST {
            return Err(Fault::at(at, What::TooDeep(DEEPEST)));
        }
        self.depth = self.depth.saturating_add(1);
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    fn named(&mut self, name: &str, at: At) -> Result<Value, Fault> {
        if let Some((_, Token::Sign("("))) = self.tokens.peek().map(|(token, at)| (at, token)) {
            return self.call(name, at);
        }
        match name {
            "true" => return Ok(Value::Truth(Truth::Constant(true))),
            "false" => return Ok(Value::Truth(Truth::Constant(false))),
            _ => {}
        }
        // Casbin itself writes `r.sub` as `r_sub`, and takes it so.
        let parts = name.split_once(['.', '_']);
        let (fields, letter, field) = match parts {
            Some(("r", field)) => (&self.model.request, 'r', field),
            Some(("p", field)) => (&self.model.policy, 'p', field),
            _ => {
                let known = format!("the fields of `r` and `p`, {}", call::functions(self.model));
                return Err(unknown(name, at, known));
            }
        };
        if field.contains('.') {
            return Err(Fault::at(at, What::Member(shown(name))));
        }
        let Some(number) = fields.iter().position(|known| known == field) else {
            let known: Vec<_> = fields.iter().map(|field| format!("`{letter}.{field}`")).collect();
            return Err(unknown(name, at, known.join(", ")));
        };
        let term = if letter == 'r' {
            Term::Asked(number)
        } else {
            Term::Row(number)
        };
        Ok(Value::Term(term))
    }
}

fn unknown(name: &str, at: At, known: String) -> Fault {
    let name = shown(name);
    Fault::at(at, What::Unknown { name, known })
}

fn pattern(value: Value, at: At, function: &str) -> Result<Pattern, Fault> {
    match term(value, at)? {
        Term::Row(field) => Ok(Pattern::Row(field)),
        Term::Text(text) => Ok(Pattern::Text(text, at)),
        Term::Asked(_) | Term::Joined(_) => Err(Fault::at(at, What::RequestAsPattern(function.to_owned()))),
    }
}
