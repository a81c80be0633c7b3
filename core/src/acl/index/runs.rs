//! Sorting in bounded steps: short runs are sorted as they come, and two runs at a time become one.

use std::collections::VecDeque;

use crate::piecemeal::Progress;

/// The longest piece that is sorted, moved or freed at once.
const PIECE: usize = 64;

/// So many pieces two runs bring forward in one step.
const PIECES: usize = 4;

/// What is being sorted.
pub(super) struct Runs<T> {
    open: Vec<T>,
    sorted: VecDeque<Run<T>>,
    merge: Option<Merge<T>>,
}

/// Sorted values, in pieces that are neither empty nor long.
pub(super) struct Run<T>(VecDeque<Vec<T>>);

/// Sorted values that are taken one by one.
pub(super) struct Front<T> {
    piece: std::vec::IntoIter<T>,
    rest: Run<T>,
}

struct Merge<T> {
    left: Front<T>,
    right: Front<T>,
    merged: Run<T>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            sorted: VecDeque::new(),
            merge: None,
        }
    }
}

impl<T: Ord> Runs<T> {
    pub(super) fn push(&mut self, item: T) {
        if self.open.capacity() == 0 {
            self.open.reserve_exact(PIECE);
        }
        self.open.push(item);
        if self.open.len() >= PIECE {
            self.close();
        }
    }

    /// What comes in order already, as it mostly does when a list comes again, stays one run.
    fn close(&mut self) {
        let mut piece = std::mem::take(&mut self.open);
        piece.sort_unstable();
        let Some(first) = piece.first() else { return };
        match self.sorted.back_mut() {
            Some(run) if run.last().is_none_or(|last| last <= first) => run.0.push_back(piece),
            _ => self.sorted.push_back(Run(VecDeque::from([piece]))),
        }
    }

    /// Brings two runs a little further together.
    pub(super) fn step(&mut self) -> Progress {
        if !self.open.is_empty() {
            self.close();
            return Progress::More;
        }
        if let Some(merge) = &mut self.merge {
            if merge.step() == Progress::Done {
                self.sorted.extend(self.merge.take().map(|merge| merge.merged));
            }
            return Progress::More;
        }
        if self.sorted.len() < 2 {
            return Progress::Done;
        }
        if let (Some(left), Some(right)) = (self.sorted.pop_front(), self.sorted.pop_front()) {
            self.merge = Some(Merge {
                left: Front::of(left),
                right: Front::of(right),
                merged: Run(VecDeque::new()),
            });
        }
        Progress::More
    }

    /// What was sorted, after the last step.
    pub(super) fn finish(mut self) -> Front<T> {
        while self.step() == Progress::More {}
        Front::of(self.sorted.pop_front().unwrap_or(Run(VecDeque::new())))
    }
}

impl<T> Runs<T> {
    /// All values in any order, in pieces.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Vec<T>> {
        let merge = self.merge.into_iter().flat_map(|merge| {
            let fronts = [merge.left, merge.right].into_iter().flat_map(Front::into_pieces);
            fronts.chain(merge.merged.0)
        });
        let runs = self.sorted.into_iter().flat_map(|run| run.0);
        std::iter::once(self.open).chain(runs).chain(merge)
    }
}

impl<T> Run<T> {
    fn last(&self) -> Option<&T> {
        self.0.back()?.last()
    }
}

impl<T> Front<T> {
    fn of(run: Run<T>) -> Self {
        let mut front = Self {
            piece: Vec::new().into_iter(),
            rest: run,
        };
        front.refill();
        front
    }

    fn refill(&mut self) {
        if self.piece.as_slice().is_empty()
            && let Some(piece) = self.rest.0.pop_front()
        {
            self.piece = piece.into_iter();
        }
    }

    fn peek(&self) -> Option<&T> {
        self.piece.as_slice().first()
    }

    fn take_piece(&mut self) -> Vec<T> {
        let piece = std::mem::take(&mut self.piece).collect();
        self.refill();
        piece
    }

    pub(super) fn into_pieces(self) -> impl Iterator<Item = Vec<T>> {
        std::iter::once(self.piece.collect()).chain(self.rest.0)
    }
}

impl<T> Iterator for Front<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.piece.next();
        self.refill();
        item
    }
}

impl<T: Ord> Merge<T> {
    fn step(&mut self) -> Progress {
        for _ in 0..PIECES {
            let (Some(left), Some(right)) = (self.left.piece.as_slice().last(), self.right.peek()) else {
                break;
            };
            // Where one run goes on for long, its pieces are moved as they are.
            if left <= right {
                self.merged.0.push_back(self.left.take_piece());
            } else if self
                .right
                .piece
                .as_slice()
                .last()
                .zip(self.left.peek())
                .is_some_and(|(right, left)| right < left)
            {
                self.merged.0.push_back(self.right.take_piece());
            } else {
                self.merge_piece();
            }
        }
        // Of the one that is left alone nothing needs to be looked at.
        if self.left.peek().is_some() && self.right.peek().is_some() {
            return Progress::More;
        }
        for front in [&mut self.left, &mut self.right] {
            let piece: Vec<T> = std::mem::take(&mut front.piece).collect();
            self.merged.0.extend((!piece.is_empty()).then_some(piece));
            self.merged.0.append(&mut front.rest.0);
        }
        Progress::Done
    }

    fn merge_piece(&mut self) {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            let (Some(left), Some(right)) = (self.left.peek(), self.right.peek()) else {
                break;
            };
            let next = if left <= right { &mut self.left } else { &mut self.right };
            piece.extend(next.next());
        }
        self.merged.0.push_back(piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(items: &[u32]) -> Vec<u32> {
        let mut runs = Runs::default();
        for item in items {
            runs.push(*item);
        }
        while runs.step() == Progress::More {}
        runs.finish().collect()
    }

    proptest! {
        #[test]
        fn what_is_sorted_in_steps_is_sorted(
            mut items in prop::collection::vec(0..1_000_u32, 0..2_000),
            in_order in 0..2_000_usize,
        ) {
            let in_order = in_order.min(items.len());
            items[..in_order].sort_unstable();
            let found = sorted(&items);
            items.sort_unstable();
            prop_assert_eq!(found, items);
        }

        #[test]
        fn all_that_was_given_can_be_had_back_at_any_time(
            mut items in prop::collection::vec(0..1_000_u32, 0..1_000),
            steps in 0..60_usize,
        ) {
            let mut runs = Runs::default();
            for item in &items {
                runs.push(*item);
            }
            for _ in 0..steps {
                runs.step();
            }
            let mut found: Vec<u32> = runs.into_pieces().flatten().collect();
            found.sort_unstable();
            items.sort_unstable();
            prop_assert_eq!(found, items);
        }
    }
}
