//! Cycles of a graph: which revisions are each other's ancestors.

use std::collections::VecDeque;

use super::graph::{Marks, edges, reach, reversed};

/// Returns one shortest cycle per knot of revisions that are each other's ancestors, starting at its first member.
pub(super) fn cycles(below: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let knotted = knotted(below);
    let above = reversed(below);
    let mut told = Marks::new(below.len());
    let mut found = Vec::new();
    for start in 0..below.len() {
        if !knotted.has(start) || told.has(start) {
            continue;
        }
        let Some(cycle) = shortest(below, start) else {
            continue;
        };
        let down = reach(below, [start]);
        let up = reach(&above, [start]);
        for member in (0..below.len()).filter(|&other| down.has(other) && up.has(other)) {
            told.add(member);
        }
        found.push(cycle);
    }
    found
}

/// Returns what is left after taking away, again and again, what has nothing below or nothing above it.
fn knotted(below: &[Vec<usize>]) -> Marks {
    let above = reversed(below);
    let mut left = Marks::new(below.len());
    for position in 0..below.len() {
        left.add(position);
    }
    peel(below, &above, &mut left);
    peel(&above, below, &mut left);
    left
}

fn peel(below: &[Vec<usize>], above: &[Vec<usize>], left: &mut Marks) {
    let standing =
        |position: &usize, left: &Marks| edges(below, *position).iter().filter(|&&other| left.has(other)).count();
    let mut counts: Vec<usize> = (0..below.len()).map(|position| standing(&position, left)).collect();
    let bare = |&position: &usize| left.has(position) && counts.get(position) == Some(&0);
    let mut todo: Vec<usize> = (0..below.len()).filter(bare).collect();
    while let Some(position) = todo.pop() {
        left.remove(position);
        for &other in edges(above, position) {
            let Some(count) = counts.get_mut(other) else {
                continue;
            };
            *count = count.saturating_sub(1);
            if *count == 0 && left.has(other) {
                todo.push(other);
            }
        }
    }
}

/// Returns the shortest way from `start` down to itself.
fn shortest(below: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![usize::MAX; below.len()];
    let mut todo = VecDeque::from([start]);
    while let Some(position) = todo.pop_front() {
        for &next in edges(below, position) {
            if next == start {
                return Some(way_back(&came_from, start, position));
            }
            if let Some(from) = came_from.get_mut(next).filter(|from| **from == usize::MAX) {
                *from = position;
                todo.push_back(next);
            }
        }
    }
    None
}

fn way_back(came_from: &[usize], start: usize, end: usize) -> Vec<usize> {
    let mut way = vec![end];
    let mut position = end;
    while position != start {
        let Some(&before) = came_from.get(position) else {
            break;
        };
        way.push(before);
        position = before;
    }
    way.reverse();
    way
}
