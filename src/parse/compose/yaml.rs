//! A small YAML tree with the file and line of every node, built from a parser's events.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use crate::model::place::Place;

/// How many nodes a document may have once its aliases are expanded: compose-go's own limit.
const MAX_NODES: usize = 100_000;

/// How deep a document may nest, so that recursion over it cannot exhaust the stack.
const MAX_DEPTH: usize = 100;

/// A file and a line, cheap to copy around.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    file: Rc<Path>,
    line: usize,
}

impl Spot {
    pub(super) fn new(file: &Path, line: usize) -> Self {
        Self { file: Rc::from(file), line }
    }

    pub(super) fn place(&self) -> Place {
        Place::new(&self.file, self.line)
    }
}

#[derive(Clone)]
pub(super) struct Node {
    pub(super) at: Spot,
    pub(super) tag: Option<MergeTag>,
    pub(super) value: Value,
}

#[derive(Clone)]
pub(super) enum Value {
    Null,
    Text(Text),
    List(Vec<Node>),
    Map(Map),
}

/// A scalar.
#[derive(Clone)]
pub(super) struct Text {
    /// What Compose makes of it: numbers in their canonical form.
    pub(super) value: String,
    /// As the file has it, before interpolation.
    pub(super) written: String,
    /// A YAML number or boolean, which Compose neither interpolates nor takes for a string.
    pub(super) typed: bool,
}

pub(super) type Map = BTreeMap<String, Entry>;

/// The value of a mapping, and where its key stands.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key_at: Spot,
    pub(super) node: Node,
}

/// Tags of the Compose Specification ("Merge", "Reset value").
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeTag {
    Reset,
    Override,
}

/// Why a file is no YAML that Compose reads.
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) message: String,
}

impl Node {
    pub(super) fn new(at: Spot, value: Value) -> Self {
        Self { at, tag: None, value }
    }

    pub(super) fn text(at: Spot, text: impl Into<String>) -> Self {
        let text = text.into();
        let written = text.clone();
        let typed = false;
        Self::new(at, Value::Text(Text { value: text, written, typed }))
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(&text.value),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            Value::Null | Value::List(_) | Value::Text(_) => None,
        }
    }

    pub(super) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            Value::Null | Value::List(_) | Value::Text(_) => None,
        }
    }

    /// Returns the elements of a list, and nothing for anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Map(_) | Value::Text(_) => &[],
        }
    }

    /// Returns the value of `key` in a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Returns whether the text reads as YAML's true.
    pub(super) fn is_true(&self) -> bool {
        self.as_text().is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "y" | "on"))
    }
}

/// Returns the documents of a file; aliases and `<<` are expanded.
pub(super) fn documents(text: &str, file: &Path) -> Result<Vec<Node>, YamlError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut builder = Builder::new(file);
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| syntax(&error))?;
        builder.event(event, span.start.line())?;
    }
    Ok(builder.documents)
}

fn syntax(error: &ScanError) -> YamlError {
    YamlError { line: error.marker().line(), message: format!("the file is not valid YAML: {}", error.info()) }
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value is next, in a mapping.
    key: Option<(String, Spot)>,
    /// The values of `<<`.
    merges: Vec<Node>,
    /// Nodes inside, aliases expanded.
    size: usize,
    height: usize,
}

struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

struct Builder {
    file: Rc<Path>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    documents: Vec<Node>,
    size: usize,
}

impl Builder {
    fn new(file: &Path) -> Self {
        Self { file: Rc::from(file), open: Vec::new(), anchors: BTreeMap::new(), documents: Vec::new(), size: 0 }
    }

    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), YamlError> {
        let at = Spot { file: Rc::clone(&self.file), line };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                self.leaf(at, value, tag.as_deref(), anchor)
            }
            Event::SequenceStart(anchor, tag) => self.start(at, Value::List(Vec::new()), tag.as_deref(), anchor),
            Event::MappingStart(anchor, tag) => self.start(at, Value::Map(Map::new()), tag.as_deref(), anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(&at, anchor),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn leaf(&mut self, at: Spot, value: Value, tag: Option<&Tag>, anchor: usize) -> Result<(), YamlError> {
        let mut node = Node::new(at, value);
        node.tag = merge_tag(tag);
        self.room(node.at.line, 1, 0)?;
        self.size += 1;
        self.finished(node, anchor, 1, 0)
    }

    fn start(&mut self, at: Spot, value: Value, tag: Option<&Tag>, anchor: usize) -> Result<(), YamlError> {
        self.room(at.line, 1, 1)?;
        self.size += 1;
        let mut node = Node::new(at, value);
        node.tag = merge_tag(tag);
        self.open.push(Open { node, anchor, key: None, merges: Vec::new(), size: 1, height: 0 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(mut open) = self.open.pop() else {
            return Ok(());
        };
        if let Some(map) = open.node.as_map_mut() {
            for merged in open.merges {
                merge_keys(map, merged);
            }
        }
        self.finished(open.node, open.anchor, open.size, open.height + 1)
    }

    fn alias(&mut self, at: &Spot, anchor: usize) -> Result<(), YamlError> {
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(YamlError { line: at.line, message: "an alias refers to itself".to_owned() });
        };
        let (size, height) = (target.size, target.height);
        self.room(at.line, size, height)?;
        let node = target.node.clone();
        self.size += size;
        self.finished(node, 0, size, height)
    }

    /// Refuses what would make the tree too large before any of it is copied.
    fn room(&self, line: usize, size: usize, height: usize) -> Result<(), YamlError> {
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep(line));
        }
        if self.size + size > MAX_NODES {
            return Err(YamlError {
                line,
                message: format!("the file has more than {MAX_NODES} values once its aliases are expanded"),
            });
        }
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn finished(&mut self, node: Node, anchor: usize, size: usize, height: usize) -> Result<(), YamlError> {
        if anchor > 0 {
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size, height });
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            self.size = 0;
            return Ok(());
        };
        open.size += size;
        open.height = open.height.max(height);
        open.add(node)
    }
}

impl Open {
    fn add(&mut self, node: Node) -> Result<(), YamlError> {
        let map = match &mut self.node.value {
            Value::List(items) => {
                items.push(node);
                return Ok(());
            }
            Value::Map(map) => map,
            Value::Null | Value::Text(_) => return Ok(()),
        };
        let Some((key, key_at)) = self.key.take() else {
            self.key = Some(key_of(node)?);
            return Ok(());
        };
        if key == "<<" {
            match node.value {
                Value::List(items) => self.merges.extend(items),
                Value::Map(_) | Value::Null | Value::Text(_) => self.merges.push(node),
            }
            return Ok(());
        }
        if let Some(first) = map.get(&key) {
            return Err(YamlError {
                line: key_at.line,
                message: format!("the key `{key}` is already defined at line {}", first.key_at.line),
            });
        }
        map.insert(key, Entry { key_at, node });
        Ok(())
    }
}

fn key_of(node: Node) -> Result<(String, Spot), YamlError> {
    match node.value {
        Value::Text(text) => Ok((text.written, node.at)),
        Value::Null => Ok(("null".to_owned(), node.at)),
        Value::List(_) | Value::Map(_) => {
            Err(YamlError { line: node.at.line, message: "a key is not a text".to_owned() })
        }
    }
}

/// Adds the keys of a `<<` value; what the mapping has itself wins.
fn merge_keys(map: &mut Map, merged: Node) {
    if let Value::Map(merged) = merged.value {
        for (key, entry) in merged {
            map.entry(key).or_insert(entry);
        }
    }
}

fn too_deep(line: usize) -> YamlError {
    YamlError { line, message: format!("the file nests more than {MAX_DEPTH} levels deep") }
}

fn merge_tag(tag: Option<&Tag>) -> Option<MergeTag> {
    let tag = tag.filter(|tag| tag.handle == "!")?;
    match tag.suffix.as_str() {
        "reset" => Some(MergeTag::Reset),
        "override" => Some(MergeTag::Override),
        _ => None,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let written = text.to_owned();
    if style != ScalarStyle::Plain || is_string {
        return Value::Text(Text { value: written.clone(), written, typed: false });
    }
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    let canonical = canonical_number(text).or_else(|| canonical_boolean(text));
    Value::Text(Text { typed: canonical.is_some(), value: canonical.unwrap_or_else(|| written.clone()), written })
}

fn canonical_boolean(text: &str) -> Option<String> {
    match text {
        "true" | "True" | "TRUE" => Some("true".to_owned()),
        "false" | "False" | "FALSE" => Some("false".to_owned()),
        _ => None,
    }
}

/// Returns a number as Go prints it: `0x10` is 16, `0600` is 384, `1.10` is 1.1.
///
/// `22:22` stays a text: the YAML library of Compose dropped the base-60 numbers of YAML 1.1.
fn canonical_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let plain = digits.replace('_', "");
    let radix = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let octal = |prefix: &str| prefix != "0" || plain.len() > 1;
    let based = radix.iter().find_map(|(prefix, radix)| {
        let digits = plain.strip_prefix(prefix).filter(|_| octal(prefix))?;
        u64::from_str_radix(digits, *radix).ok()
    });
    if let Some(number) = based.or_else(|| plain.parse::<u64>().ok()) {
        let sign = if number == 0 { "" } else { sign };
        return Some(format!("{sign}{number}"));
    }
    let is_float = plain.chars().all(|next| next.is_ascii_digit() || ".eE+-".contains(next));
    let number = plain.parse::<f64>().ok().filter(|_| is_float)?;
    // Go switches to an exponent here; such a value is no setting of a database.
    let printable = number == 0.0 || (1e-4..1e21).contains(&number);
    Some(if printable { format!("{sign}{number}") } else { text.to_owned() })
}
