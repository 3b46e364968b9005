//! The graph of a chain: which revisions stand on which, in what order they run, what is wrong with them.
//!
//! Everything works on positions in one list and keeps its own stack, so that no chain is too long or too deep.

use std::collections::HashMap;

use super::{ChainFault, Revision};

/// The edges of a chain. Of several revisions with one id the last file wins, as in Alembic, which only warns.
pub(super) struct Graph<'a> {
    /// One revision per id, in file order.
    pub(super) revisions: Vec<&'a Revision>,
    positions: HashMap<&'a str, usize>,
    labels: HashMap<&'a str, usize>,
    /// `down_revision`, as far as there are such files.
    parents: Vec<Vec<usize>>,
    /// `depends_on`, as far as there are such files or labels.
    dependencies: Vec<Vec<usize>>,
}

/// A set of positions.
pub(super) struct Marks(Vec<bool>);

impl Marks {
    pub(super) fn new(length: usize) -> Self {
        Self(vec![false; length])
    }

    /// Adds the position; returns whether it was new.
    pub(super) fn add(&mut self, position: usize) -> bool {
        self.set(position, true)
    }

    pub(super) fn remove(&mut self, position: usize) {
        self.set(position, false);
    }

    pub(super) fn has(&self, position: usize) -> bool {
        self.0.get(position).copied().unwrap_or(false)
    }

    fn set(&mut self, position: usize, to: bool) -> bool {
        self.0.get_mut(position).is_some_and(|mark| {
            let changed = *mark != to;
            *mark = to;
            changed
        })
    }
}

/// Returns what an adjacency list holds for a position.
pub(super) fn edges(list: &[Vec<usize>], position: usize) -> &[usize] {
    list.get(position).map_or(&[], Vec::as_slice)
}

/// Returns the edges turned around.
pub(super) fn reversed(list: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut turned = vec![Vec::new(); list.len()];
    for (from, targets) in list.iter().enumerate() {
        for &to in targets {
            if let Some(back) = turned.get_mut(to) {
                back.push(from);
            }
        }
    }
    turned
}

/// Returns the positions that can be reached from `from`, itself included.
pub(super) fn reach(list: &[Vec<usize>], from: impl IntoIterator<Item = usize>) -> Marks {
    let mut seen = Marks::new(list.len());
    let mut todo: Vec<usize> = from.into_iter().collect();
    while let Some(position) = todo.pop() {
        if seen.add(position) {
            todo.extend(edges(list, position));
        }
    }
    seen
}

impl<'a> Graph<'a> {
    pub(super) fn new(all: &'a [Revision]) -> Self {
        let mut revisions: Vec<&'a Revision> = Vec::with_capacity(all.len());
        let mut positions: HashMap<&'a str, usize> = HashMap::with_capacity(all.len());
        for revision in all {
            let position = *positions.entry(&revision.id).or_insert(revisions.len());
            match revisions.get_mut(position) {
                Some(earlier) => *earlier = revision,
                None => revisions.push(revision),
            }
        }
        let mut labels = HashMap::new();
        for (position, revision) in revisions.iter().enumerate() {
            for label in &revision.branch_labels {
                labels.entry(label.as_str()).or_insert(position);
            }
        }
        let mut graph = Self { revisions, positions, labels, parents: Vec::new(), dependencies: Vec::new() };
        graph.parents = graph.resolve(|revision| &revision.down_revisions, Self::by_id);
        graph.dependencies = graph.resolve(|revision| &revision.depends_on, Self::by_id_or_label);
        graph
    }

    fn resolve(
        &self,
        names: impl Fn(&'a Revision) -> &'a [String],
        find: impl Fn(&Self, &str) -> Option<usize>,
    ) -> Vec<Vec<usize>> {
        let one = |revision: &&'a Revision| {
            let mut found = Vec::new();
            for position in names(revision).iter().filter_map(|name| find(self, name)) {
                if !found.contains(&position) {
                    found.push(position);
                }
            }
            found
        };
        self.revisions.iter().map(one).collect()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }

    pub(super) fn by_id_or_label(&self, name: &str) -> Option<usize> {
        self.by_id(name).or_else(|| self.labels.get(name).copied())
    }

    /// Returns the revisions at the positions that `keep` accepts, in file order.
    pub(super) fn pick(&self, keep: impl Fn(usize) -> bool) -> Vec<&'a Revision> {
        let kept = |(position, revision): (usize, &&'a Revision)| keep(position).then_some(*revision);
        self.revisions.iter().enumerate().filter_map(kept).collect()
    }

    /// Returns the parents of every revision, without dependencies.
    pub(super) fn parents(&self) -> &[Vec<usize>] {
        &self.parents
    }

    /// Returns parents and dependencies of every revision.
    pub(super) fn everything_below(&self) -> Vec<Vec<usize>> {
        let joined = |(parents, dependencies): (&Vec<usize>, &Vec<usize>)| {
            let mut all = parents.clone();
            all.extend(dependencies.iter().filter(|&position| !parents.contains(position)));
            all
        };
        self.parents.iter().zip(&self.dependencies).map(joined).collect()
    }

    /// Returns parents and dependencies, without the dependencies that an ancestor already has: the edges that
    /// Alembic walks (`Revision._normalized_down_revisions`).
    pub(super) fn normalized(&self) -> Vec<Vec<usize>> {
        let mut below = self.parents.clone();
        let mut seen_for = vec![usize::MAX; self.revisions.len()];
        for (position, dependencies) in self.dependencies.iter().enumerate() {
            let mut left = dependencies.clone();
            let mut todo = edges(&self.parents, position).to_vec();
            while let (false, Some(ancestor)) = (left.is_empty(), todo.pop()) {
                let Some(seen) = seen_for.get_mut(ancestor) else {
                    continue;
                };
                if *seen == position || ancestor == position {
                    continue;
                }
                *seen = position;
                let inherited = edges(&self.dependencies, ancestor);
                left.retain(|dependency| !inherited.contains(dependency));
                todo.extend(edges(&self.parents, ancestor));
            }
            if let Some(all) = below.get_mut(position) {
                left.retain(|dependency| !all.contains(dependency));
                all.extend(left);
            }
        }
        below
    }

    /// Returns the names in `down_revision` and `depends_on` that resolve to nothing.
    pub(super) fn missing(&self) -> Vec<ChainFault> {
        let mut faults = Vec::new();
        for revision in &self.revisions {
            let fault = |name: &String, at| ChainFault::MissingParent {
                revision: revision.id.clone(),
                parent: name.clone(),
                at,
            };
            for parent in &revision.down_revisions {
                if self.by_id(parent).is_none() {
                    let mut at = revision.at.clone();
                    at.line = revision.down_revision_line;
                    faults.push(fault(parent, at));
                }
            }
            for dependency in &revision.depends_on {
                if self.by_id_or_label(dependency).is_none() {
                    faults.push(fault(dependency, revision.at.clone()));
                }
            }
        }
        faults
    }

    /// Returns the labels that two revisions claim, or that are another revision's id; Alembic refuses both.
    pub(super) fn clashing_labels(&self) -> Vec<ChainFault> {
        let mut faults = Vec::new();
        let mut told: Vec<&str> = Vec::new();
        for (position, revision) in self.revisions.iter().enumerate() {
            for label in &revision.branch_labels {
                let owner = self.by_id(label).or_else(|| self.labels.get(label.as_str()).copied());
                let Some(owner) = owner.filter(|&owner| owner != position || self.by_id(label).is_some()) else {
                    continue;
                };
                if told.contains(&label.as_str()) {
                    continue;
                }
                told.push(label);
                let holders = self.pick(|other| other == owner || self.claims(other, label));
                faults.push(ChainFault::DuplicateLabel {
                    label: label.clone(),
                    files: holders.iter().map(|holder| holder.at.clone()).collect(),
                });
            }
        }
        faults
    }

    fn claims(&self, position: usize, label: &String) -> bool {
        self.revisions.get(position).is_some_and(|revision| revision.branch_labels.contains(label))
    }
}
