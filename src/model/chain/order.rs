//! The order in which Alembic runs revisions.

use super::graph::{Marks, edges, reversed};

/// Returns the positions in `wanted` in the order in which `alembic upgrade` runs them, or nothing when they go in
/// a circle.
///
/// This is `RevisionMap._topological_sort`: it walks down from the heads, stays on a branch as long as it can, leaves
/// it when another head still needs the revision, and is then turned around. Where Alembic takes several new
/// dependencies out of a Python set, in no order, the declared order is used.
pub(super) fn run_order(below: &[Vec<usize>], wanted: &Marks, heads: &[usize]) -> Option<Vec<usize>> {
    let mut walk = Walk::new(below, wanted, heads);
    while let Some(&candidate) = walk.heads.get(walk.current) {
        if walk.waiting.get(candidate).is_some_and(|above| *above > 0) {
            walk.current = walk.head_above(candidate)?;
        } else {
            walk.take(candidate);
        }
    }
    let complete = walk.order.len() == walk.size;
    walk.order.reverse();
    complete.then_some(walk.order)
}

struct Walk<'g> {
    below: &'g [Vec<usize>],
    above: Vec<Vec<usize>>,
    /// Wanted and not yet taken.
    todo: Marks,
    size: usize,
    /// How many wanted revisions above each are not yet taken.
    waiting: Vec<usize>,
    heads: Vec<usize>,
    current: usize,
    order: Vec<usize>,
}

impl<'g> Walk<'g> {
    fn new(below: &'g [Vec<usize>], wanted: &Marks, heads: &[usize]) -> Self {
        let above = reversed(below);
        let mut todo = Marks::new(below.len());
        let mut size = 0;
        for position in (0..below.len()).filter(|&position| wanted.has(position)) {
            todo.add(position);
            size += 1;
        }
        let wanted_above = |list: &Vec<usize>| list.iter().filter(|&&position| wanted.has(position)).count();
        Self {
            below,
            waiting: above.iter().map(wanted_above).collect(),
            above,
            todo,
            size,
            heads: heads.iter().copied().filter(|&head| wanted.has(head)).collect(),
            current: 0,
            order: Vec::with_capacity(size),
        }
    }

    /// Returns the first other head that stands on `candidate`.
    fn head_above(&self, candidate: usize) -> Option<usize> {
        let mut seen = Marks::new(self.below.len());
        let mut search = vec![candidate];
        while let Some(position) = search.pop() {
            if seen.add(position) {
                let left = edges(&self.above, position).iter().filter(|&&up| self.todo.has(up));
                search.extend(left);
            }
        }
        let stands_on = |(index, head): (usize, &usize)| index != self.current && seen.has(*head);
        let mut heads = self.heads.iter().enumerate();
        heads.find(|&entry| stands_on(entry)).map(|(index, _)| index)
    }

    fn take(&mut self, candidate: usize) {
        if self.todo.has(candidate) {
            self.todo.remove(candidate);
            self.order.push(candidate);
        }
        let mut next = Vec::new();
        for &position in edges(self.below, candidate) {
            if let Some(above) = self.waiting.get_mut(position) {
                *above = above.saturating_sub(1);
            }
            if self.todo.has(position) && !self.heads.contains(&position) {
                next.push(position);
            }
        }
        let mut next = next.into_iter();
        if let (Some(first), Some(head)) = (next.next(), self.heads.get_mut(self.current)) {
            *head = first;
        } else {
            self.heads.remove(self.current);
            self.current = self.current.saturating_sub(1);
        }
        self.heads.extend(next);
    }
}
