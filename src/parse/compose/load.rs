//! The files of a project, read one after the other: documents, `include`, overrides.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::canonical::{Canonical, list_of};
use super::interpolate::{InterpolationError, Use, interpolate};
use super::merge::{self, KeyPath};
use super::paths;
use super::yaml::{self, Map, Node, Spot, Value};
use crate::model::compose::{ComposeProblem, VariableUse};
use crate::model::place::Place;
use crate::parse::env_file::compose_variables;

/// How many times one project may open a file: includes can multiply without being a cycle.
const MAX_FILES: usize = 2_000;

/// How long a chain of `extends` or `include` may be, so that recursion cannot exhaust the stack.
pub(super) const MAX_CHAIN: usize = 50;

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;
type Read<'a> = dyn Fn(&Path) -> Result<String, String> + 'a;

/// What holds for the files of one model: the project's own, or those of one `include`.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Where relative paths start.
    pub(super) directory: &'a Path,
    pub(super) environment: &'a Lookup<'a>,
}

/// Reads files and remembers what it came across.
pub(super) struct Loader<'a> {
    pub(super) read: &'a Read<'a>,
    pub(super) files: Vec<PathBuf>,
    pub(super) variables: BTreeMap<(Place, String), VariableUse>,
    problems: Vec<ComposeProblem>,
    reported: BTreeSet<(Place, String)>,
    opened: usize,
    ports_left: Option<usize>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(read: &'a Read<'a>) -> Self {
        Self {
            read,
            files: Vec::new(),
            variables: BTreeMap::new(),
            problems: Vec::new(),
            reported: BTreeSet::new(),
            opened: 0,
            ports_left: None,
        }
    }

    pub(super) fn into_problems(self) -> Vec<ComposeProblem> {
        self.problems
    }

    /// Adds a problem, once.
    pub(super) fn report(&mut self, at: Place, message: impl Into<String>, fatal: bool) {
        let message = message.into();
        if self.reported.insert((at.clone(), message.clone())) {
            self.problems.push(ComposeProblem { at, message, fatal });
        }
    }

    /// Returns the merged model of `files`; `including` are the files that led here.
    pub(super) fn model(&mut self, files: &[PathBuf], scope: Scope<'_>, including: &[PathBuf]) -> Node {
        let mut model = empty(files.first().map_or(Path::new(""), PathBuf::as_path));
        for file in files {
            for (mut document, resets) in self.documents(file, scope) {
                self.include(&mut document, &resets, scope, &chain(including, file));
                merge::apply_resets(&mut model, &resets);
                self.extend_all(&mut document, file, &resets, scope);
                model = merge::merge(model, document);
                merge::enforce_unicity(&mut model);
            }
        }
        model
    }

    /// Returns the documents of a file, interpolated and canonical, each with the paths that it resets.
    pub(super) fn documents(&mut self, file: &Path, scope: Scope<'_>) -> Vec<(Node, Vec<KeyPath>)> {
        let whole = Place::new(file, 0);
        self.opened += 1;
        if self.opened > MAX_FILES {
            let message = format!("the project opens more than {MAX_FILES} files");
            self.report(whole, message, true);
            return Vec::new();
        }
        let text = match (self.read)(file) {
            Ok(text) => text,
            Err(reason) => {
                self.report(whole, format!("the file cannot be read: {reason}"), true);
                return Vec::new();
            }
        };
        if !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_path_buf());
        }
        let documents = match yaml::documents(&text, file) {
            Ok(documents) => documents,
            Err(error) => {
                self.report(Place::new(file, error.line), error.message, true);
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for mut document in documents {
            if document.as_map().is_none() {
                if !document.is_null() {
                    let message = "the top level is not a mapping";
                    self.report(document.at.place(), message, true);
                }
                continue;
            }
            let resets = merge::take_resets(&mut document);
            self.interpolate(&mut document, scope);
            self.canonical(&mut document, scope);
            found.push((document, resets));
        }
        found
    }

    fn canonical(&mut self, document: &mut Node, scope: Scope<'_>) {
        let mut canonical = Canonical::new(scope.directory, (scope.environment)("HOME"));
        if let Some(left) = self.ports_left {
            canonical.ports_left = left;
        }
        canonical.document(document);
        self.ports_left = Some(canonical.ports_left);
        for complaint in canonical.complaints {
            self.report(complaint.at.place(), complaint.message, true);
        }
    }

    /// Replaces the variables in every text; keys, numbers and booleans stay.
    pub(super) fn interpolate(&mut self, node: &mut Node, scope: Scope<'_>) {
        match &mut node.value {
            Value::Null => {}
            Value::List(items) => {
                for item in items {
                    self.interpolate(item, scope);
                }
            }
            Value::Map(map) => {
                for entry in map.values_mut() {
                    self.interpolate(&mut entry.node, scope);
                }
            }
            Value::Text(text) if text.typed || !text.value.contains('$') => {}
            Value::Text(text) => match interpolate(&text.value, scope.environment) {
                Ok((replaced, uses)) => {
                    text.value = replaced;
                    for used in uses {
                        self.used(used, &node.at.place());
                    }
                }
                Err(error) => {
                    self.refused(&error, &node.at.place());
                    node.value = Value::Null;
                }
            },
        }
    }

    fn used(&mut self, used: Use, at: &Place) {
        if used.blank {
            let message = format!("`{}` is not set: an empty text takes its place", used.name);
            self.report(at.clone(), message, false);
        }
        let key = (at.clone(), used.name.clone());
        self.variables.entry(key).or_insert(VariableUse {
            name: used.name,
            at: at.clone(),
            default: used.default,
            required: used.required,
            defined: used.defined,
        });
    }

    fn refused(&mut self, error: &InterpolationError, at: &Place) {
        match error {
            InterpolationError::Missing { variable, .. } => {
                self.report(at.clone(), error.to_string(), true);
                let used = Use { name: variable.clone(), default: None, required: true, defined: false, blank: false };
                self.used(used, at);
            }
            // The template may hold a password, so it is not repeated.
            InterpolationError::InvalidTemplate(_) => {
                let message = "an invalid `${…}`: a plain dollar is written `$$`";
                self.report(at.clone(), message, true);
            }
        }
    }

    fn include(&mut self, document: &mut Node, resets: &[KeyPath], scope: Scope<'_>, including: &[PathBuf]) {
        let Some(entry) = document.as_map_mut().and_then(|map| map.remove("include")) else {
            return;
        };
        if !matches!(entry.node.value, Value::List(_) | Value::Null) {
            self.report(entry.key_at.place(), "`include` is not a list", true);
        }
        for item in entry.node.items() {
            if let Some(mut included) = self.included(item, scope, including) {
                merge::apply_resets(&mut included, resets);
                import(included, document);
            }
        }
    }

    /// Returns the model that one element of `include` stands for.
    fn included(&mut self, item: &Node, scope: Scope<'_>, including: &[PathBuf]) -> Option<Node> {
        let attribute = |key: &str| match &item.value {
            Value::Text(_) if key == "path" => texts(item.clone()),
            _ => item.get(key).cloned().map(texts).unwrap_or_default(),
        };
        let seen_from = |path: &String| PathBuf::from(paths::resolve(scope.directory, path, None));
        let files: Vec<PathBuf> = attribute("path").iter().map(seen_from).collect();
        let Some(main) = files.first() else {
            self.report(item.at.place(), "an element of `include` has no path", true);
            return None;
        };
        if including.contains(main) || including.len() > MAX_CHAIN {
            let message = format!("`{}` includes itself", main.display());
            self.report(item.at.place(), message, true);
            return None;
        }
        let directory = match attribute("project_directory").first() {
            Some(directory) => seen_from(directory),
            None => paths::parent(main),
        };
        let env_files: Vec<PathBuf> = attribute("env_file").iter().map(seen_from).collect();
        let defaults = self.include_environment(&env_files, &directory, item, scope);
        let environment = |name: &str| (scope.environment)(name).or_else(|| defaults.get(name).cloned());
        let inner = Scope { directory: &directory, environment: &environment };
        Some(self.model(&files, inner, including))
    }

    /// Returns the variables of an include's own `.env` files, which the outer environment overrides.
    fn include_environment(
        &mut self,
        files: &[PathBuf],
        directory: &Path,
        item: &Node,
        scope: Scope<'_>,
    ) -> BTreeMap<String, String> {
        let default = [directory.join(".env")];
        let required = !files.is_empty();
        let files = if required { files } else { &default };
        let mut variables = BTreeMap::new();
        for file in files.iter().filter(|file| *file != Path::new("/dev/null")) {
            let text = match (self.read)(file) {
                Ok(text) => text,
                Err(reason) => {
                    if required {
                        let message = format!("`{}` cannot be read: {reason}", file.display());
                        self.report(item.at.place(), message, true);
                    }
                    continue;
                }
            };
            let lookup = |name: &str| (scope.environment)(name).or_else(|| variables.get(name).cloned());
            match compose_variables(&text, &lookup) {
                Ok(found) => variables.extend(found.into_iter().map(|(key, value, _)| (key, value))),
                Err(line) => self.bad_env_file(file, line),
            }
        }
        variables
    }

    pub(super) fn bad_env_file(&mut self, file: &Path, line: usize) {
        let message = "Compose cannot read this line of the env file";
        self.report(Place::new(file, line), message, true);
    }
}

pub(super) fn empty(file: &Path) -> Node {
    Node::new(Spot::new(file, 0), Value::Map(Map::new()))
}

fn chain(including: &[PathBuf], file: &Path) -> Vec<PathBuf> {
    let mut chain = including.to_vec();
    chain.push(file.to_path_buf());
    chain
}

/// Returns the texts of a list, or the one text.
fn texts(node: Node) -> Vec<String> {
    let list = list_of(node);
    let texts = list.items().iter().filter_map(Node::as_text);
    texts.map(str::to_owned).collect()
}

/// Adds the resources of an included model; what the document defines itself overrides them.
fn import(included: Node, document: &mut Node) {
    let local = std::mem::replace(document, Node::new(document.at.clone(), Value::Null));
    let at = local.at.clone();
    let Value::Map(resources) = included.value else {
        *document = local;
        return;
    };
    let resources = resources.into_iter().filter(|(key, _)| matches!(key.as_str(), "services" | "volumes")).collect();
    *document = merge::merge(Node::new(at, Value::Map(resources)), local);
}
