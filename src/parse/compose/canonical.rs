//! One form for everything that a service may write in several: what Compose's `transform` package does.
//! Relative paths are resolved here, while it is still known which file they stand in.

use std::path::Path;

use super::paths;
use super::ports::{LongPort, PortMapping, parse_long, parse_short};
use super::volumes::short_volume;
use super::words;
use super::yaml::{Entry, Map, Node, Spot, Text, Value};
use crate::model::compose::{Protocol, PublishedPort};

/// How many port mappings a project may have, ranges expanded.
const MAX_PORTS: usize = 100_000;

/// Something that Compose refuses.
pub(super) struct Complaint {
    pub(super) at: Spot,
    pub(super) message: String,
}

/// Brings the services of a document into their canonical form.
pub(super) struct Canonical<'a> {
    /// Where relative paths of the document start.
    pub(super) directory: &'a Path,
    pub(super) home: Option<String>,
    /// Port mappings that the project may still have.
    pub(super) ports_left: usize,
    pub(super) complaints: Vec<Complaint>,
}

impl<'a> Canonical<'a> {
    pub(super) fn new(directory: &'a Path, home: Option<String>) -> Self {
        Self { directory, home, ports_left: MAX_PORTS, complaints: Vec::new() }
    }

    pub(super) fn document(&mut self, document: &mut Node) {
        let services =
            document.as_map_mut().and_then(|map| map.get_mut("services")).and_then(|entry| entry.node.as_map_mut());
        for entry in services.into_iter().flat_map(Map::values_mut) {
            if let Some(fields) = entry.node.as_map_mut() {
                self.service(fields);
            }
        }
    }

    fn service(&mut self, fields: &mut Map) {
        for (key, entry) in fields.iter_mut() {
            let node = std::mem::replace(&mut entry.node, Node::new(entry.key_at.clone(), Value::Null));
            let tag = node.tag;
            entry.node = match key.as_str() {
                _ if node.is_null() => node,
                "build" => text_as(node, "context"),
                "command" | "entrypoint" => word_list(node),
                "depends_on" => keys_of_list(node),
                "env_file" => self.env_files(node),
                "environment" => self.environment(node),
                "extends" => self.extends(node),
                "extra_hosts" => pairs(node),
                "healthcheck" => healthcheck(node),
                "ports" => self.each(node, "ports", |this, item, name| this.port(&item, name)),
                "volumes" => self.each(node, "volumes", Self::volume),
                "profiles" | "expose" | "tmpfs" => list_of(node),
                _ => node,
            };
            entry.node.tag = tag;
        }
    }

    fn complain(&mut self, at: &Spot, message: String) {
        let at = at.clone();
        self.complaints.push(Complaint { at, message });
    }

    fn resolve(&self, path: &str) -> String {
        paths::resolve(self.directory, path, self.home.as_deref())
    }

    /// Replaces each element of a list by what `change` makes of it.
    fn each(&mut self, node: Node, name: &str, change: fn(&mut Self, Node, &str) -> Vec<Node>) -> Node {
        let Value::List(items) = node.value else {
            self.complain(&node.at, format!("`{name}` is not a list"));
            return Node::new(node.at, Value::Null);
        };
        let mut changed = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            changed.extend(change(self, item, &format!("{name}[{index}]")));
        }
        Node::new(node.at, Value::List(changed))
    }

    fn port(&mut self, item: &Node, name: &str) -> Vec<Node> {
        let at = item.at.clone();
        let (mappings, written) = match &item.value {
            Value::Text(text) => (parse_short(&text.value), text.written.clone()),
            Value::Map(map) => {
                let port = LongPort {
                    host_ip: text_of(map, "host_ip"),
                    published: text_of(map, "published"),
                    target: text_of(map, "target"),
                    protocol: text_of(map, "protocol"),
                };
                (parse_long(&port).map(|port| vec![port]), long_written(map))
            }
            // An element that was not interpolated has its own problem.
            Value::Null => return Vec::new(),
            Value::List(_) => {
                self.complain(&at, format!("`{name}` is a list"));
                return Vec::new();
            }
        };
        match mappings {
            Ok(mappings) if mappings.len() <= self.ports_left => {
                self.ports_left -= mappings.len();
                let node = |mapping| port_node(&at, &mapping, &written);
                mappings.into_iter().map(node).collect()
            }
            Ok(_) => {
                self.complain(&at, format!("`{name}` is one port range too many"));
                Vec::new()
            }
            Err(error) => {
                self.complain(&at, format!("`{name}` {error}"));
                Vec::new()
            }
        }
    }

    fn volume(&mut self, item: Node, name: &str) -> Vec<Node> {
        let mut volume = match item.value {
            Value::Text(text) => match short_volume(&item.at, &text.value) {
                Ok(map) => map,
                Err(reason) => {
                    self.complain(&item.at, format!("`{name}` {reason}"));
                    return Vec::new();
                }
            },
            Value::Map(map) => map,
            Value::Null => return Vec::new(),
            Value::List(_) => {
                self.complain(&item.at, format!("`{name}` is a list"));
                return Vec::new();
            }
        };
        if text_of(&volume, "target").is_none() && text_of(&volume, "type") != Some("cluster") {
            self.complain(&item.at, format!("`{name}` has no target"));
            return Vec::new();
        }
        let bound = text_of(&volume, "source").filter(|_| text_of(&volume, "type") == Some("bind"));
        if let Some(source) = bound.map(|source| self.resolve(source)) {
            put(&mut volume, &item.at, "source", source);
        }
        vec![Node::new(item.at, Value::Map(volume))]
    }

    fn env_files(&mut self, node: Node) -> Node {
        let node = list_of(node);
        self.each(node, "env_file", |this, item, name| {
            let mut map = match item.value {
                Value::Map(map) => map,
                Value::Text(text) => {
                    let mut map = Map::new();
                    put(&mut map, &item.at, "path", text.value);
                    map
                }
                Value::Null | Value::List(_) => return Vec::new(),
            };
            let Some(path) = text_of(&map, "path").map(|path| this.resolve(path)) else {
                this.complain(&item.at, format!("`{name}` has no path"));
                return Vec::new();
            };
            put(&mut map, &item.at, "path", path);
            vec![Node::new(item.at, Value::Map(map))]
        })
    }

    /// A list of `KEY=value` becomes a mapping; every value stands where its key does.
    fn environment(&mut self, node: Node) -> Node {
        let mut variables = Map::new();
        match node.value {
            Value::Map(map) => {
                for (key, entry) in map {
                    let at = entry.key_at;
                    let value = match entry.node.value {
                        value @ (Value::Text(_) | Value::Null) => value,
                        Value::List(_) | Value::Map(_) => {
                            self.complain(&at, format!("the variable `{key}` is not a text"));
                            continue;
                        }
                    };
                    let node = Node::new(at.clone(), value);
                    variables.insert(key, Entry { key_at: at, node });
                }
            }
            Value::List(items) => {
                for item in items {
                    self.variable(item, &mut variables);
                }
            }
            Value::Null | Value::Text(_) => {
                self.complain(&node.at, "`environment` is neither a list nor a mapping".into());
            }
        }
        Node::new(node.at, Value::Map(variables))
    }

    fn variable(&mut self, item: Node, variables: &mut Map) {
        let Value::Text(text) = item.value else {
            return;
        };
        let (key, value) = match text.value.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text.value.as_str(), None),
        };
        if key.ends_with(char::is_whitespace) {
            let key = key.trim_end();
            self.complain(&item.at, format!("the variable `{key}` has a space before its `=`"));
            return;
        }
        let node = match value {
            Some(value) => Node::text(item.at.clone(), value),
            None => Node::new(item.at.clone(), Value::Null),
        };
        let key_at = item.at;
        variables.insert(key.to_owned(), Entry { key_at, node });
    }

    fn extends(&mut self, node: Node) -> Node {
        let mut node = text_as(node, "service");
        let at = node.at.clone();
        if let Some(map) = node.as_map_mut()
            && let Some(file) = text_of(map, "file").map(|file| self.resolve(file))
        {
            put(map, &at, "file", file);
        }
        node
    }
}

pub(super) fn text_of<'a>(map: &'a Map, key: &str) -> Option<&'a str> {
    map.get(key).and_then(|entry| entry.node.as_text())
}

pub(super) fn put(map: &mut Map, at: &Spot, key: &str, text: impl Into<String>) {
    let entry = Entry { key_at: at.clone(), node: Node::text(at.clone(), text) };
    map.insert(key.to_owned(), entry);
}

/// A text stands for a mapping with that one attribute.
fn text_as(node: Node, attribute: &str) -> Node {
    match node.value {
        Value::Text(text) => {
            let mut map = Map::new();
            put(&mut map, &node.at, attribute, text.value);
            Node::new(node.at, Value::Map(map))
        }
        _ => node,
    }
}

/// A text stands for a list of that one element.
pub(super) fn list_of(node: Node) -> Node {
    match node.value {
        Value::Text(_) | Value::Map(_) => {
            let at = node.at.clone();
            Node::new(at, Value::List(vec![node]))
        }
        _ => node,
    }
}

/// A list of names becomes a mapping without values.
fn keys_of_list(node: Node) -> Node {
    let Value::List(items) = &node.value else {
        return node;
    };
    let entry = |item: &Node| {
        let name = item.as_text()?.to_owned();
        let key_at = item.at.clone();
        let mut condition = Map::new();
        put(&mut condition, &item.at, "condition", "service_started");
        let node = Node::new(item.at.clone(), Value::Map(condition));
        Some((name, Entry { key_at, node }))
    };
    let map = items.iter().filter_map(entry).collect();
    Node::new(node.at, Value::Map(map))
}

/// A mapping becomes a list of `key:value`.
fn pairs(node: Node) -> Node {
    let Value::Map(map) = node.value else {
        return list_of(node);
    };
    let mut items = Vec::new();
    for (key, entry) in map {
        for value in list_of(entry.node).items() {
            if let Some(text) = value.as_text() {
                items.push(Node::text(entry.key_at.clone(), format!("{key}:{text}")));
            }
        }
    }
    Node::new(node.at, Value::List(items))
}

fn word_list(node: Node) -> Node {
    let Value::Text(text) = &node.value else {
        return node;
    };
    let words = words::split(&text.value);
    let node_of = |word| Node::text(node.at.clone(), word);
    let items = words.into_iter().map(node_of).collect();
    Node::new(node.at.clone(), Value::List(items))
}

fn healthcheck(mut node: Node) -> Node {
    if let Some(entry) = node.as_map_mut().and_then(|map| map.get_mut("test"))
        && let Value::Text(text) = &entry.node.value
    {
        let at = entry.node.at.clone();
        let words = ["CMD-SHELL", text.value.as_str()];
        let items = words.map(|word| Node::text(at.clone(), word)).to_vec();
        entry.node = Node::new(at, Value::List(items));
    }
    node
}

fn port_node(at: &Spot, mapping: &PortMapping, written: &str) -> Node {
    let mut map = Map::new();
    if let Some(ip) = &mapping.host_ip {
        put(&mut map, at, "host_ip", ip);
    }
    match mapping.published {
        None => {}
        Some(PublishedPort::One(port)) => put(&mut map, at, "published", port.to_string()),
        Some(PublishedPort::OneOf(first, last)) => {
            put(&mut map, at, "published", format!("{first}-{last}"));
        }
    }
    put(&mut map, at, "target", mapping.target.to_string());
    let protocol = match mapping.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    };
    put(&mut map, at, "protocol", protocol);
    put(&mut map, at, "written", written);
    Node::new(at.clone(), Value::Map(map))
}

/// Returns the long syntax in the words of the short one.
fn long_written(map: &Map) -> String {
    let written = |key| match map.get(key).map(|entry| &entry.node.value) {
        Some(Value::Text(Text { written, .. })) => Some(written.as_str()),
        _ => None,
    };
    ["host_ip", "published", "target"].into_iter().filter_map(written).collect::<Vec<_>>().join(":")
}
