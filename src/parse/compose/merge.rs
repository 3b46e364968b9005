//! How two Compose files become one: a port of compose-go's `override` package, over services in their
//! canonical form. (Compose Specification, "Merge".)

use std::collections::BTreeMap;

use super::yaml::{Map, MergeTag, Node, Value};

/// A path of keys from the top.
pub(super) type KeyPath = Vec<String>;

/// Takes out what is tagged `!reset`, and returns the paths at which earlier files lose their value
/// (`!reset` and `!override`).
pub(super) fn take_resets(node: &mut Node) -> Vec<KeyPath> {
    let mut paths = Vec::new();
    take(node, &mut Vec::new(), &mut paths);
    paths
}

fn take(node: &mut Node, path: &mut KeyPath, paths: &mut Vec<KeyPath>) {
    match &mut node.value {
        Value::Map(map) => {
            map.retain(|key, entry| {
                path.push(key.clone());
                if entry.node.tag.is_some() {
                    paths.push(path.clone());
                } else {
                    take(&mut entry.node, path, paths);
                }
                path.pop();
                entry.node.tag != Some(MergeTag::Reset)
            });
        }
        Value::List(items) => items.retain(|item| item.tag != Some(MergeTag::Reset)),
        Value::Null | Value::Text(_) => {}
    }
}

/// Removes what stands at `paths`.
pub(super) fn apply_resets(node: &mut Node, paths: &[KeyPath]) {
    for path in paths {
        remove(node, path);
    }
}

fn remove(node: &mut Node, path: &[String]) {
    let (Some(map), Some((key, rest))) = (node.as_map_mut(), path.split_first()) else {
        return;
    };
    if rest.is_empty() {
        map.remove(key);
    } else if let Some(entry) = map.get_mut(key) {
        remove(&mut entry.node, rest);
    }
}

/// Returns `base` overridden by `over`: mappings are merged, lists appended, anything else replaced.
pub(super) fn merge(base: Node, over: Node) -> Node {
    merge_at(base, over, &mut Vec::new())
}

/// Returns the service `base` overridden by the service `over`, as `extends` has it.
pub(super) fn merge_service(base: Node, over: Node) -> Node {
    merge_at(base, over, &mut vec!["services".into(), "x".into()])
}

fn merge_at(base: Node, over: Node, path: &mut KeyPath) -> Node {
    if replaces(path) {
        return over;
    }
    match (base.value, over.value) {
        (value, Value::Null) => Node { value, ..base_of(base.at, base.tag) },
        (Value::Map(base_map), Value::Map(over_map)) => {
            let value = Value::Map(merge_maps(base_map, over_map, path));
            Node::new(base.at, value)
        }
        (Value::List(mut items), Value::List(more)) => {
            items.extend(more);
            Node::new(base.at, Value::List(items))
        }
        (_, value) => Node::new(over.at, value),
    }
}

fn base_of(at: super::yaml::Spot, tag: Option<MergeTag>) -> Node {
    Node { at, tag, value: Value::Null }
}

fn merge_maps(mut base: Map, over: Map, path: &mut KeyPath) -> Map {
    for (key, entry) in over {
        let merged = match base.remove(&key) {
            None => entry,
            Some(mut earlier) => {
                path.push(key.clone());
                let takes_value = is_variable(path);
                earlier.node = if takes_value { entry.node } else { merge_at(earlier.node, entry.node, path) };
                path.pop();
                earlier
            }
        };
        base.insert(key, merged);
    }
    base
}

/// Returns whether a later value replaces an earlier one whole.
fn replaces(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path.as_slice(), ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"])
}

/// Returns whether the path is one variable: there, even a missing value replaces.
fn is_variable(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path.as_slice(), ["services", _, "environment", _])
}

/// Lets later elements of the services' lists take the place of earlier ones with the same identity:
/// ports by address, ports and protocol, volumes by target, other lists by their text.
pub(super) fn enforce_unicity(model: &mut Node) {
    let services = model.as_map_mut().and_then(|map| map.get_mut("services")).and_then(|entry| entry.node.as_map_mut());
    for service in services.into_iter().flat_map(BTreeMap::values_mut) {
        let Some(fields) = service.node.as_map_mut() else {
            continue;
        };
        for (key, entry) in fields.iter_mut() {
            if let (Some(identity), Value::List(items)) = (identity_of(key), &mut entry.node.value) {
                unique(items, identity);
            }
        }
    }
}

type Identity = fn(&Node) -> String;

fn identity_of(list: &str) -> Option<Identity> {
    Some(match list {
        "ports" => port_identity,
        "volumes" => target_identity,
        "env_file" => path_identity,
        "expose" | "profiles" | "extra_hosts" => text_identity,
        _ => return None,
    })
}

fn unique(items: &mut Vec<Node>, identity: Identity) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<Node> = Vec::new();
    for item in items.drain(..) {
        let key = identity(&item);
        if let Some(earlier) = seen.get(&key).and_then(|index| kept.get_mut(*index)) {
            *earlier = item;
        } else {
            seen.insert(key, kept.len());
            kept.push(item);
        }
    }
    *items = kept;
}

fn attribute<'a>(node: &'a Node, key: &str, default: &'a str) -> &'a str {
    node.get(key).and_then(Node::as_text).unwrap_or(default)
}

fn port_identity(node: &Node) -> String {
    format!(
        "{}:{}:{}/{}",
        attribute(node, "host_ip", "0.0.0.0"),
        attribute(node, "published", ""),
        attribute(node, "target", ""),
        attribute(node, "protocol", "tcp"),
    )
}

fn target_identity(node: &Node) -> String {
    attribute(node, "target", "").to_owned()
}

fn path_identity(node: &Node) -> String {
    attribute(node, "path", "").to_owned()
}

fn text_identity(node: &Node) -> String {
    node.as_text().unwrap_or_default().to_owned()
}
