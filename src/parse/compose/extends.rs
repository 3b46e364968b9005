//! `extends`: a service that starts from another one, of the same file or of another.

use std::path::{Path, PathBuf};

use super::canonical::text_of;
use super::load::{Loader, MAX_CHAIN, Scope, empty};
use super::merge::{self, KeyPath};
use super::paths;
use super::yaml::{Map, Node};

/// A service that extends another one, and the file that it stands in.
struct Extending<'a> {
    file: &'a Path,
    services: &'a Map,
    resets: &'a [KeyPath],
}

impl Loader<'_> {
    /// Merges into each service of the document what it extends.
    pub(super) fn extend_all(&mut self, document: &mut Node, file: &Path, resets: &[KeyPath], scope: Scope<'_>) {
        let Some(services) = document.get("services").and_then(Node::as_map).cloned() else {
            return;
        };
        let extending = Extending { file, services: &services, resets };
        for name in services.keys() {
            let extended = self.extended(name, &extending, scope, &mut Vec::new());
            let services =
                document.as_map_mut().and_then(|map| map.get_mut("services")).and_then(|entry| entry.node.as_map_mut());
            let entry = services.and_then(|services| services.get_mut(name));
            if let (Some(entry), Some(extended)) = (entry, extended) {
                entry.node = extended;
            }
        }
    }

    /// Returns the service with what it extends merged in; nothing when it extends nothing.
    fn extended(
        &mut self,
        name: &str,
        within: &Extending<'_>,
        scope: Scope<'_>,
        chain: &mut Vec<(PathBuf, String)>,
    ) -> Option<Node> {
        let mut service = within.services.get(name)?.node.clone();
        let extends = service.as_map_mut()?.remove("extends")?.node;
        let at = extends.at.place();
        let link = (within.file.to_path_buf(), name.to_owned());
        if chain.contains(&link) || chain.len() >= MAX_CHAIN {
            self.report(at, format!("the service `{name}` extends itself"), true);
            return Some(service);
        }
        let reference = extends.as_map().and_then(|map| text_of(map, "service"));
        let Some(reference) = reference.map(str::to_owned) else {
            self.report(at, format!("`extends` of `{name}` names no service"), true);
            return Some(service);
        };
        chain.push(link);
        let other = extends.as_map().and_then(|map| text_of(map, "file"));
        let base = match other {
            Some(other) => self.base_in_file(&reference, Path::new(other), scope, chain),
            None => self.base(&reference, within, scope, chain),
        };
        chain.pop();
        let Some(base) = base else {
            let message = format!("`{name}` extends the service `{reference}`, which does not exist");
            self.report(at, message, true);
            return Some(service);
        };
        let base = without(base, name, within.resets);
        Some(merge::merge_service(base, service))
    }

    /// Returns the service `name` of the file, whatever it extends merged in.
    fn base(
        &mut self,
        name: &str,
        within: &Extending<'_>,
        scope: Scope<'_>,
        chain: &mut Vec<(PathBuf, String)>,
    ) -> Option<Node> {
        let plain = within.services.get(name)?.node.clone();
        Some(self.extended(name, within, scope, chain).unwrap_or(plain))
    }

    fn base_in_file(
        &mut self,
        name: &str,
        file: &Path,
        scope: Scope<'_>,
        chain: &mut Vec<(PathBuf, String)>,
    ) -> Option<Node> {
        let directory = paths::parent(file);
        let inner = Scope { directory: &directory, environment: scope.environment };
        let mut model = empty(file);
        for (document, resets) in self.documents(file, inner) {
            merge::apply_resets(&mut model, &resets);
            model = merge::merge(model, document);
        }
        let services = model.get("services")?.as_map()?;
        let within = Extending { file, services, resets: &[] };
        self.base(name, &within, inner, chain)
    }
}

/// Returns `base` without what the service `name` resets.
fn without(base: Node, name: &str, resets: &[KeyPath]) -> Node {
    let mut base = base;
    let paths: Vec<KeyPath> = resets
        .iter()
        .filter_map(|path| match path.split_first_chunk() {
            Some(([top, service], rest)) if top == "services" && service == name => {
                (!rest.is_empty()).then(|| rest.to_vec())
            }
            _ => None,
        })
        .collect();
    merge::apply_resets(&mut base, &paths);
    base
}
