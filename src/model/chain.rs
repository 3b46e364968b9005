//! A chain of migrations: revisions, their graph, and its faults.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::Place;

mod cycles;
mod graph;
mod order;
#[cfg(test)]
mod tests;

use graph::{Graph, edges, reach};

/// An Alembic chain as its files say, without running Python.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Chain {
    /// The configuration it was found through (`alembic.ini`, `pyproject.toml`).
    pub config: AlembicConfig,
    /// Readable revisions, in file-name order; duplicates of an id included.
    pub revisions: Vec<Revision>,
    /// Files in the version folders that are no readable revision, and why.
    pub unreadable: Vec<UnreadableRevision>,
    /// Further chains of the same repository, which nothing else is read of.
    pub others: Vec<OtherChain>,
}

/// A chain that was found and not chosen; `[migrations] config` and `section` of `devdb.toml` choose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherChain {
    /// The configuration that names it.
    pub file: PathBuf,
    /// The section of `file`, `alembic` by default.
    pub section: String,
    pub version_directories: Vec<PathBuf>,
}

impl std::fmt::Display for OtherChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.section != "alembic" {
            write!(f, " [{}]", self.section)?;
        }
        match self.version_directories.first() {
            Some(folder) => write!(f, " ({})", folder.display()),
            None => Ok(()),
        }
    }
}

/// What `alembic.ini` or `[tool.alembic]` says. Paths are relative to the devdb project's root when inside.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AlembicConfig {
    pub file: PathBuf,
    /// The section read, `alembic` by default and in a `pyproject.toml`.
    pub section: String,
    /// Where `alembic` has to run for relative locations to be right; mostly the folder of `file`.
    pub working_directory: PathBuf,
    pub script_location: Option<Place>,
    /// The folder with `env.py`.
    pub script_directory: PathBuf,
    pub version_directories: Vec<PathBuf>,
    pub recursive: bool,
    /// How the files of new revisions are named, as Alembic formats it; see `parse::alembic::template`.
    pub file_template: Option<String>,
    /// The time zone of the dates in new files and their names; local time without one.
    pub timezone: Option<String>,
    /// How many characters of the message a file's name holds; 40 without it.
    pub truncate_slug_length: Option<usize>,
    /// `env.py` runs for every new revision, with `--autogenerate` or not.
    pub revision_environment: bool,
    /// `sqlalchemy.url`, interpolated, with its line.
    pub url: Option<super::place::Located<super::secret::Secret>>,
    /// The table that holds the version; `alembic_version` unless `env.py` says otherwise in literals.
    pub version_table: String,
    /// The schema of that table, when `env.py` names one in literals.
    pub version_table_schema: Option<String>,
    /// `env.py` sets the URL itself: from the environment, from settings, or by making its own engine.
    pub env_sets_url: bool,
    /// URLs that stand in `env.py` as literals.
    pub env_urls: Vec<super::place::Located<super::secret::Secret>>,
    /// `env.py` replaces `postgres://` by `postgresql://`.
    pub rewrites_scheme: bool,
    /// `env.py` makes its engine of the configuration's section (`engine_from_config`).
    pub engine_from_config: bool,
    /// Flask-Migrate's: `env.py` asks the running app, and the ini says nothing of where the revisions are.
    #[serde(default)]
    pub of_flask: bool,
    /// The variables, in capitals, of which an `env.py` makes a plain engine, and rewrites no URL; empty where it does or speaks of
    /// async. The ini's own key is one of them, where it counts.
    #[serde(default)]
    pub plain_engine: Vec<String>,
    /// The same of an `env.py` that makes an async engine.
    #[serde(default)]
    pub async_engine: Vec<String>,
    /// `env.py` runs everything outside of transactions.
    #[serde(default)]
    pub autocommits: bool,
    /// What `env.py` may do, by its words.
    #[serde(default)]
    pub env_may: EnvMay,
    /// Where `env.py` says `target_metadata = None`.
    #[serde(default)]
    pub no_metadata: Option<Place>,
    /// Where `env.py` sets `sqlalchemy.url` without doubling `%`, which `configparser` takes for its own.
    pub sets_unescaped: Option<Place>,
    /// The options that `configparser` cannot interpolate, each with its reason; see `parse::alembic::config::problems`.
    pub problems: Vec<super::place::Located<String>>,
}

/// What an `env.py` may do, as its text has the words for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvMay {
    /// It sets options of the configuration, to which others may refer.
    pub set_options: bool,
    pub create_extensions: bool,
}

/// One revision file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub id: String,
    /// Empty for a base; two or more for a merge.
    pub down_revisions: Vec<String>,
    pub depends_on: Vec<String>,
    pub branch_labels: Vec<String>,
    /// The first line of the docstring, or the `message` variable; may be empty.
    pub message: String,
    /// The file, and the line of `revision = …`.
    pub at: Place,
    /// The line of `down_revision = …`, when there is one.
    pub down_revision_line: usize,
}

/// A file that could not be read as a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRevision {
    pub at: Place,
    /// A fragment: "`down_revision` is computed: `get_parent()`", "invalid Python: …".
    pub reason: String,
}

/// What is wrong with the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChainFault {
    /// `revision` names a parent (or dependency) that no file has.
    MissingParent { revision: String, parent: String, at: Place },
    /// These revisions are each other's ancestors: each names the next, and the last the first.
    Cycle { revisions: Vec<String> },
    /// Several files carry the same id.
    DuplicateId { id: String, files: Vec<Place> },
    /// Several files claim the same branch label, or a label is another revision's id.
    DuplicateLabel { label: String, files: Vec<Place> },
}

/// The rules are those of Alembic's `alembic/script/revision.py` (1.20.1). Lists are in file order unless said
/// otherwise; of several files with one id, the last stands for all.
impl Chain {
    /// Returns the revisions that no other names as its `down_revision`, as `alembic heads` counts them.
    pub fn heads(&self) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let mut named = graph::Marks::new(graph.revisions.len());
        for &parent in graph.parents().iter().flatten() {
            named.add(parent);
        }
        graph.pick(|position| !named.has(position))
    }

    /// Returns the revisions whose ids `alembic_version` holds after `alembic upgrade heads`: a head that another
    /// revision depends on has no row of its own.
    pub fn version_rows_at_head(&self) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let heads = real_heads(&graph.everything_below());
        graph.pick(|position| heads.binary_search(&position).is_ok())
    }

    /// Returns the revisions without a `down_revision`.
    pub fn bases(&self) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let mut bases = graph.revisions;
        bases.retain(|revision| revision.down_revisions.is_empty());
        bases
    }

    /// Returns the revisions with several `down_revision`s.
    pub fn merges(&self) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let mut merges = graph.revisions;
        merges.retain(|revision| revision.down_revisions.len() > 1);
        merges
    }

    /// Returns the revisions that several others name as their `down_revision`.
    pub fn branch_points(&self) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let children = graph::reversed(graph.parents());
        graph.pick(|position| edges(&children, position).len() > 1)
    }

    /// Returns all revisions in the order in which `alembic upgrade heads` runs them on an empty database.
    ///
    /// Parents and dependencies come first; between branches, Alembic's own order is followed, which starts from the
    /// order of the files. Fails with the first fault for which Alembic would refuse to run anything.
    pub fn run_order(&self) -> Result<Vec<&Revision>, ChainFault> {
        let stops = |fault: &ChainFault| !matches!(fault, ChainFault::DuplicateId { .. });
        match self.faults().into_iter().find(stops) {
            Some(fault) => Err(fault),
            None => Ok(self.pending(&[])),
        }
    }

    /// Returns everything that is wrong with the graph: duplicate ids, missing parents, duplicate labels, cycles.
    ///
    /// Alembic finds a `down_revision` by its full id only, and a `depends_on` by its full id or a branch label; an
    /// abbreviated id, which its command line would take, is missing here as well.
    pub fn faults(&self) -> Vec<ChainFault> {
        let graph = Graph::new(&self.revisions);
        let mut faults = self.duplicate_ids(&graph);
        faults.extend(graph.missing());
        faults.extend(graph.clashing_labels());
        for cycle in cycles::cycles(&graph.everything_below()) {
            let id = |&position: &usize| graph.revisions.get(position).map(|it| it.id.clone());
            faults.push(ChainFault::Cycle { revisions: cycle.iter().filter_map(id).collect() });
        }
        faults
    }

    /// Returns the revision that Alembic's command line means by `name`: a full id, a branch label, or the beginning
    /// of exactly one of the ids and labels that are longer than three characters.
    pub fn find(&self, name: &str) -> Option<&Revision> {
        let graph = Graph::new(&self.revisions);
        if let Some(position) = graph.by_id_or_label(name) {
            return graph.revisions.get(position).copied();
        }
        let begins = |text: &String| text.chars().count() > 3 && text.starts_with(name);
        let mut found = graph
            .revisions
            .into_iter()
            .filter(|revision| !name.is_empty() && (begins(&revision.id) || revision.branch_labels.iter().any(begins)));
        found.next().filter(|_| found.next().is_none())
    }

    /// Returns the revisions that must have run before the one with this full id: its parents, its dependencies,
    /// and theirs.
    pub fn ancestors(&self, id: &str) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let below = graph.everything_below();
        let Some(start) = graph.by_id(id) else {
            return Vec::new();
        };
        let reached = reach(&below, edges(&below, start).iter().copied());
        graph.pick(|position| position != start && reached.has(position))
    }

    /// Returns what `alembic upgrade heads` would still run, in its order, on a database whose `alembic_version`
    /// holds `applied`. Ids that no file has count for nothing; see [`Chain::unknown`].
    ///
    /// With a cycle there is no order; then they come in file order.
    pub fn pending(&self, applied: &[String]) -> Vec<&Revision> {
        let graph = Graph::new(&self.revisions);
        let below = graph.normalized();
        let rows = applied.iter().filter_map(|id| graph.by_id(id));
        let done = reach(&below, rows);
        let mut wanted = graph::Marks::new(below.len());
        for position in (0..below.len()).filter(|&position| !done.has(position)) {
            wanted.add(position);
        }
        match order::run_order(&below, &wanted, &real_heads(&below)) {
            Some(order) => {
                let revision = |position| graph.revisions.get(position).copied();
                order.into_iter().filter_map(revision).collect()
            }
            None => graph.pick(|position| wanted.has(position)),
        }
    }

    /// Returns the ids among `applied` that no file has.
    pub fn unknown<'a>(&self, applied: &'a [String]) -> Vec<&'a str> {
        let graph = Graph::new(&self.revisions);
        let ids = applied.iter().map(String::as_str);
        ids.filter(|id| graph.by_id(id).is_none()).collect()
    }

    /// Returns a row that another row already stands on, and the rows that would be enough. Alembic refuses to go
    /// anywhere from such rows ("overlaps with other requested revisions").
    pub fn overlapping(&self, applied: &[String]) -> Option<(String, Vec<String>)> {
        let below = |id: &String| -> Vec<String> { self.ancestors(id).iter().map(|it| it.id.clone()).collect() };
        let covered: std::collections::BTreeSet<String> = applied.iter().flat_map(below).collect();
        let (covered, enough): (Vec<String>, Vec<String>) =
            applied.iter().cloned().partition(|row| covered.contains(row));
        covered.first().map(|row| (row.clone(), enough))
    }

    /// Returns whether a database with these rows in `alembic_version` needs nothing more: all are known, and nothing
    /// is pending.
    pub fn is_at_head(&self, applied: &[String]) -> bool {
        self.unknown(applied).is_empty() && self.pending(applied).is_empty()
    }

    fn duplicate_ids(&self, graph: &Graph<'_>) -> Vec<ChainFault> {
        let mut files: Vec<Vec<Place>> = vec![Vec::new(); graph.revisions.len()];
        for revision in &self.revisions {
            let position = graph.by_id(&revision.id);
            if let Some(places) = position.and_then(|position| files.get_mut(position)) {
                places.push(revision.at.clone());
            }
        }
        let fault = |(revision, files): (&&Revision, Vec<Place>)| {
            (files.len() > 1).then(|| ChainFault::DuplicateId { id: revision.id.clone(), files })
        };
        graph.revisions.iter().zip(files).filter_map(fault).collect()
    }
}

/// Returns the positions that nothing stands on, ascending.
fn real_heads(below: &[Vec<usize>]) -> Vec<usize> {
    let above = graph::reversed(below);
    (0..below.len()).filter(|&position| edges(&above, position).is_empty()).collect()
}
