//! Captures, checked when the configuration is read: each names a group that exists, and none waits for itself.

use std::ops::Range;

use thiserror::Error;

use super::variables::{Field, Reference, Variable};

/// Why a capture can never have a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum CaptureFault {
    #[error("`{variable}` is a group of `{field}`, which this rule lacks; add `{field}` as an expression between slashes", field = .field.key())]
    NoPattern { variable: Variable, field: Field },
    #[error("`{variable}` is a group of `{field}`, which is no expression here; write it between slashes, as in `/^(.+)$/`", field = .field.key())]
    NoExpression { variable: Variable, field: Field },
    #[error("`{variable}` does not exist, since `{field}` {}", had(*.groups), field = .field.key())]
    NoGroup {
        variable: Variable,
        field: Field,
        groups: usize,
    },
    #[error("`{variable}` stands in a circle, {}: none of them can be known before the others; write one without captures", path(.circle))]
    Circle { variable: Variable, circle: Vec<Field> },
}

/// What is known of the pattern that a capture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Missing,
    Glob,
    Regex {
        groups: usize,
    },
    /// It has a fault of its own, which was told.
    Faulty,
}

/// The fields, in the order in which they can be judged.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Each after those whose groups it names.
    pub(super) fields: Vec<Field>,
    pub(super) circles: Vec<Circle>,
}

/// Fields that wait for each other's groups.
#[derive(Debug)]
pub(super) struct Circle {
    /// Where it begins, and the bytes of the capture there.
    pub(super) field: Field,
    pub(super) at: Range<usize>,
    pub(super) fault: CaptureFault,
}

/// The captures among `references`: the field, the group, and where.
pub(super) fn captures(references: &[Reference]) -> impl Iterator<Item = (Field, usize, &Reference)> {
    references.iter().filter_map(|reference| match reference.variable {
        Variable::Capture { field, group } => Some((field, group, reference)),
        Variable::Field(_) | Variable::Label(_) => None,
    })
}

/// Why the capture `reference` can have no value, given the pattern that it is of.
pub(super) fn check(field: Field, group: usize, reference: &Reference, source: Source) -> Option<CaptureFault> {
    let variable = reference.variable.clone();
    match source {
        Source::Missing => Some(CaptureFault::NoPattern { variable, field }),
        Source::Glob => Some(CaptureFault::NoExpression { variable, field }),
        Source::Regex { groups } if group > groups => Some(CaptureFault::NoGroup {
            variable,
            field,
            groups,
        }),
        Source::Regex { .. } | Source::Faulty => None,
    }
}

/// Puts the fields into an order, given the variables that each names.
pub(super) fn order(references: &[&[Reference]; Field::ALL.len()]) -> Order {
    let mut order = Order::default();
    while order.fields.len() < Field::ALL.len() {
        let waits_for = |field: Field, ordered: &[Field]| {
            captures(&field.look(references)[..])
                .find(|(of, _, _)| !ordered.contains(of))
                .map(|(of, _, reference)| (of, reference))
        };
        let left = || Field::ALL.into_iter().filter(|field| !order.fields.contains(field));
        if let Some(free) = left().find(|field| waits_for(*field, &order.fields).is_none()) {
            order.fields.push(free);
            continue;
        }
        // Everything left waits: to follow any one of them leads into a circle.
        let Some(mut field) = left().next() else { break };
        let mut path = Vec::new();
        while let Some((next, _)) = waits_for(field, &order.fields).filter(|_| !path.contains(&field)) {
            path.push(field);
            field = next;
        }
        let mut circle: Vec<Field> = path.into_iter().skip_while(|passed| *passed != field).collect();
        // Told from its first field on, whichever of them it was found from.
        let least = circle.iter().enumerate().min_by_key(|(_, field)| **field);
        let at = least.map_or(0, |(at, _)| at);
        circle.rotate_left(at);
        let Some(field) = circle.first().copied() else { break };
        if let Some((_, reference)) = waits_for(field, &order.fields) {
            order.circles.push(Circle {
                field,
                at: reference.at.clone(),
                fault: CaptureFault::Circle {
                    variable: reference.variable.clone(),
                    circle: circle.clone(),
                },
            });
        }
        order.fields.append(&mut circle);
    }
    order
}

fn had(groups: usize) -> String {
    match groups {
        0 => "has no group; put what is to be taken in `(…)`".to_owned(),
        1 => "has only one group; name that, or add another in `(…)`".to_owned(),
        _ => format!("has only {groups} groups; name one of them, or add another in `(…)`"),
    }
}

fn path(circle: &[Field]) -> String {
    let around = circle.iter().chain(circle.first());
    around
        .map(|field| format!("`{}`", field.key()))
        .collect::<Vec<_>>()
        .join(" needs ")
}
