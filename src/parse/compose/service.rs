//! From the merged tree to the model's nouns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::load::{Loader, Scope};
use super::yaml::{Entry, Map, Node, Value};
use crate::model::compose::{EnvFileReference, Mount, MountSource, Port, Protocol, PublishedPort, Service, Volume};
use crate::model::place::{Located, Place};
use crate::model::secret::Secret;
use crate::parse::env_file::compose_variables;

type Environment = BTreeMap<String, Located<Option<Secret>>>;

/// Returns the services of a merged model, in name order.
pub(super) fn services(model: &Node, loader: &mut Loader<'_>, scope: Scope<'_>) -> Vec<Service> {
    let entries = model.get("services").and_then(Node::as_map);
    entries.into_iter().flatten().map(|(name, entry)| service(name, entry, loader, scope)).collect()
}

/// Returns the top-level volumes of a merged model.
pub(super) fn volumes(model: &Node, project: &str) -> BTreeMap<String, Volume> {
    let entries = model.get("volumes").and_then(Node::as_map);
    entries.into_iter().flatten().map(|(key, entry)| (key.clone(), volume(key, entry, project))).collect()
}

fn volume(key: &str, entry: &Entry, project: &str) -> Volume {
    let external = entry.node.get("external");
    let is_external = external.is_some_and(|node| node.is_true() || node.as_map().is_some());
    let named = entry
        .node
        .get("name")
        .or_else(|| external.and_then(|external| external.get("name")))
        .and_then(Node::as_text)
        .filter(|name| !name.is_empty());
    let default = || {
        if is_external { key.to_owned() } else { format!("{project}_{key}") }
    };
    Volume { engine_name: named.map_or_else(default, str::to_owned), external: is_external, at: entry.key_at.place() }
}

fn service(name: &str, entry: &Entry, loader: &mut Loader<'_>, scope: Scope<'_>) -> Service {
    let node = &entry.node;
    let env_files = env_files(node);
    let profiles: Vec<String> = texts(node, "profiles").into_iter().map(|profile| profile.value).collect();
    let environment = environment(node, &env_files, !profiles.is_empty(), loader, scope);
    Service {
        name: name.to_owned(),
        at: entry.key_at.place(),
        image: text(node, "image"),
        build: node.get("build").is_some_and(|build| !build.is_null()),
        container_name: text(node, "container_name"),
        ports: ports(node),
        expose: texts(node, "expose"),
        environment,
        env_files: env_files.into_iter().map(|(file, _)| file).collect(),
        mounts: mounts(node),
        profiles,
        healthcheck: healthcheck(node),
        depends_on: depends_on(node),
        command: words(node, "command"),
        entrypoint: words(node, "entrypoint"),
        extra_hosts: texts(node, "extra_hosts"),
        network_mode: text(node, "network_mode"),
    }
}

fn words(node: &Node, key: &str) -> Option<Located<Vec<String>>> {
    let given = node.get(key).filter(|given| !given.is_null())?;
    Some(Located::new(texts(node, key).into_iter().map(|word| word.value).collect(), given.at.place()))
}

fn text(node: &Node, key: &str) -> Option<Located<String>> {
    let found = node.get(key)?;
    Some(Located::new(found.as_text()?.to_owned(), found.at.place()))
}

fn texts(node: &Node, key: &str) -> Vec<Located<String>> {
    let items = node.get(key).map(Node::items).unwrap_or_default();
    let located = |item: &Node| Some(Located::new(item.as_text()?.to_owned(), item.at.place()));
    items.iter().filter_map(located).collect()
}

fn ports(node: &Node) -> Vec<Port> {
    let items = node.get("ports").map(Node::items).unwrap_or_default();
    items.iter().filter_map(port).collect()
}

fn port(node: &Node) -> Option<Port> {
    let attribute = |key| node.get(key).and_then(Node::as_text);
    let published = attribute("published").and_then(|published| {
        Some(match published.split_once('-') {
            Some((first, last)) => PublishedPort::OneOf(first.parse().ok()?, last.parse().ok()?),
            None => PublishedPort::One(published.parse().ok()?),
        })
    });
    Some(Port {
        host_ip: attribute("host_ip").map(str::to_owned),
        published,
        target: attribute("target")?.parse().ok()?,
        protocol: match attribute("protocol") {
            Some("udp") => Protocol::Udp,
            Some("sctp") => Protocol::Sctp,
            _ => Protocol::Tcp,
        },
        at: node.at.place(),
        written: attribute("written").unwrap_or_default().to_owned(),
    })
}

fn mounts(node: &Node) -> Vec<Mount> {
    let volumes = node.get("volumes").map(Node::items).unwrap_or_default();
    let tmpfs = node.get("tmpfs").map(Node::items).unwrap_or_default();
    let scratch = tmpfs.iter().filter_map(|item| {
        let target = item.as_text()?.split(':').next()?;
        Some(Mount { source: MountSource::Tmpfs, target: clean(target), read_only: false, at: item.at.place() })
    });
    volumes.iter().filter_map(mount).chain(scratch).collect()
}

fn mount(node: &Node) -> Option<Mount> {
    let attribute = |key| node.get(key).and_then(Node::as_text);
    let source = match (attribute("type"), attribute("source")) {
        (Some("tmpfs"), _) => MountSource::Tmpfs,
        (Some("bind" | "npipe"), Some(source)) => MountSource::Bind(PathBuf::from(source)),
        (Some("volume" | "cluster") | None, Some(source)) if !source.is_empty() => {
            MountSource::Named(source.to_owned())
        }
        _ => MountSource::Anonymous,
    };
    Some(Mount {
        source,
        target: clean(attribute("target")?),
        read_only: node.get("read_only").is_some_and(Node::is_true),
        at: node.at.place(),
    })
}

/// Returns the path inside a container as Compose normalises it: no trailing slash.
fn clean(target: &str) -> String {
    let trimmed = target.trim_end_matches('/');
    let cleaned = if trimmed.is_empty() { target } else { trimmed };
    cleaned.to_owned()
}

fn healthcheck(node: &Node) -> Option<Located<Vec<String>>> {
    let healthcheck = node.get("healthcheck")?;
    let disabled = healthcheck.get("disable");
    if let Some(disabled) = disabled.filter(|disabled| disabled.is_true()) {
        return Some(Located::new(Vec::new(), disabled.at.place()));
    }
    let test = healthcheck.get("test").filter(|test| !test.is_null())?;
    let mut words: Vec<String> = texts(healthcheck, "test").into_iter().map(|word| word.value).collect();
    if words.first().is_some_and(|first| first == "NONE") {
        words.clear();
    }
    Some(Located::new(words, test.at.place()))
}

fn depends_on(node: &Node) -> BTreeMap<String, Located<String>> {
    let entries = node.get("depends_on").and_then(Node::as_map);
    let condition = |entry: &Entry| {
        let written = entry.node.get("condition").and_then(Node::as_text);
        let condition = written.unwrap_or("service_started").to_owned();
        Located::new(condition, entry.key_at.place())
    };
    entries.into_iter().flatten().map(|(name, entry)| (name.clone(), condition(entry))).collect()
}

/// Returns the service's env files, each with whether Compose interpolates it (`format: raw` does not).
fn env_files(node: &Node) -> Vec<(Located<EnvFileReference>, bool)> {
    let items = node.get("env_file").map(Node::items).unwrap_or_default();
    let reference = |item: &Node| {
        let path = PathBuf::from(item.get("path")?.as_text()?);
        let required = item.get("required").is_none_or(Node::is_true);
        let raw = item.get("format").and_then(Node::as_text) == Some("raw");
        let reference = EnvFileReference { path, required };
        Some((Located::new(reference, item.at.place()), !raw))
    };
    items.iter().filter_map(reference).collect()
}

/// Returns the container's variables: `environment` over its env files, the later file over the earlier.
fn environment(
    node: &Node,
    env_files: &[(Located<EnvFileReference>, bool)],
    optional: bool,
    loader: &mut Loader<'_>,
    scope: Scope<'_>,
) -> Environment {
    let written = node.get("environment").and_then(Node::as_map);
    let own = own_environment(written, scope);
    let lookup = |name: &str| {
        (scope.environment)(name).or_else(|| {
            let value = own.get(name)?.value.as_ref()?;
            Some(value.reveal().to_owned())
        })
    };
    let mut environment = Environment::new();
    for (file, interpolated) in env_files {
        let path = file.value.path.as_path();
        let text = match (loader.read)(path) {
            Ok(text) => text,
            Err(reason) => {
                if file.value.required {
                    let message = format!("the env file `{}` cannot be read: {reason}", path.display());
                    // A service with profiles may never start, and then Compose does not look.
                    loader.report(file.at.clone(), message, !optional);
                }
                continue;
            }
        };
        let variables = if *interpolated { compose_variables(&text, &lookup) } else { Ok(raw_variables(&text)) };
        match variables {
            Ok(variables) => environment.extend(located(variables, path)),
            Err(line) => loader.bad_env_file(path, line),
        }
    }
    environment.extend(own);
    environment
}

fn located(
    variables: Vec<(String, String, usize)>,
    file: &Path,
) -> impl Iterator<Item = (String, Located<Option<Secret>>)> {
    variables.into_iter().map(move |(key, value, line)| {
        let value = Some(Secret::new(value));
        (key, Located::new(value, Place::new(file, line)))
    })
}

/// Returns the variables of `environment`; a key without value takes the one that Compose itself has.
fn own_environment(written: Option<&Map>, scope: Scope<'_>) -> Environment {
    let entry = |(key, entry): (&String, &Entry)| {
        let value = match &entry.node.value {
            Value::Text(text) => Some(text.value.clone()),
            _ => (scope.environment)(key),
        };
        let value = value.map(Secret::new);
        (key.clone(), Located::new(value, entry.node.at.place()))
    };
    written.into_iter().flatten().map(entry).collect()
}

/// Reads `format: raw`: every line `KEY=value` as it is, as `docker run --env-file` does.
fn raw_variables(text: &str) -> Vec<(String, String, usize)> {
    let line = |(number, line): (usize, &str)| {
        let line = line.trim_start();
        let (key, value) = line.split_once('=')?;
        (!line.starts_with('#')).then(|| (key.to_owned(), value.to_owned(), number))
    };
    (1..).zip(text.lines()).filter_map(line).collect()
}

/// Reports what Compose refuses in the merged project.
pub(super) fn check(model: &Node, services: &[Service], volumes: &BTreeMap<String, Volume>, loader: &mut Loader<'_>) {
    for service in services {
        let name = &service.name;
        let node = model.get("services").and_then(|services| services.get(name));
        let attribute = |key: &str| node.and_then(|node| node.get(key));
        if service.image.is_none() && !service.build && attribute("provider").is_none() {
            let message = format!("the service `{name}` has neither an image nor a build context");
            loader.report(service.at.clone(), message, true);
        }
        for (other, condition) in &service.depends_on {
            let required = attribute("depends_on").and_then(|all| all.get(other)?.get("required"));
            let optional = required.is_some_and(|required| !required.is_true());
            if !optional && !services.iter().any(|service| service.name == *other) {
                let message = format!("the service `{name}` depends on `{other}`, which does not exist");
                loader.report(condition.at.clone(), message, true);
            }
        }
        for mount in &service.mounts {
            let MountSource::Named(volume) = &mount.source else {
                continue;
            };
            if !volumes.contains_key(volume) {
                let message = format!("the service `{name}` mounts the volume `{volume}`, which is not declared");
                loader.report(mount.at.clone(), message, true);
            }
        }
    }
}

/// Returns the last `name:` of the documents, before interpolation.
pub(super) fn written_name(documents: &[Node]) -> Option<Node> {
    let named = |document: &Node| {
        let name = document.get("name")?;
        name.as_text().filter(|name| !name.is_empty())?;
        Some(name.clone())
    };
    documents.iter().rev().find_map(named)
}
