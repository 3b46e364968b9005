//! A revision file: the variables that Alembic would read from it once imported.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;

use ruff_python_ast::{ModModule, Stmt};
use ruff_text_size::TextRange;

use crate::model::chain::{Revision, UnreadableRevision};
use crate::model::place::Place;
use crate::parse::python::encoding::UNTOLD;
use crate::parse::python::names::{Names, Untold, Value, Why};
use crate::parse::python::{self, Unusable, encoding, excerpt, line_of};

/// How far imports are followed from one module to the next, and how many are looked up for one revision.
const MAX_IMPORTS: usize = 8;
const MAX_LOOKUPS: usize = 100;

/// Returns a module's bytes by its dotted name, when it is a file of the same chain.
pub type FindModule<'f> = &'f dyn Fn(&str) -> Option<Vec<u8>>;

/// The modules that a revision may import its header from.
struct Imports<'f> {
    find: FindModule<'f>,
    lookups: Cell<usize>,
}

impl Imports<'_> {
    /// Returns what `name` of `module` holds, as far as that module's text tells.
    fn value(&self, module: &str, name: &str, depth: usize) -> Option<Value> {
        self.lookups.set(self.lookups.get() + 1);
        if depth > MAX_IMPORTS || self.lookups.get() > MAX_LOOKUPS {
            return None;
        }
        let bytes = (self.find)(module)?;
        let source = encoding::decode(&bytes).ok()?;
        let module = python::parse(&source).ok()?;
        let names = Names::of(&module.body);
        names.value_with(name, &|module, name| self.value(module, name, depth + 1))?.ok()
    }
}

/// Characters that Alembic allows in no id: they mean something on its command line.
const ILLEGAL: [char; 4] = ['@', '-', '+', ':'];

/// Returns the revision that `source`, the text of `file`, declares.
///
/// Follows `Script._from_path` of Alembic 1.20.1. A file that Alembic does not load (`__init__.py`, editor locks
/// `.#…`, anything but `.py`) is none: `Ok(None)`. Any other file must be a revision, because Alembic itself stops at
/// one without a `revision` variable; only a file named by a hexadecimal id alone may leave it out.
///
/// Fails when Alembic would fail (invalid Python, no `revision` or `down_revision`, an id with `@-+:`), or when a
/// variable is not literal and so cannot be told without running the file. Ids in the docstring count for nothing,
/// as in Alembic; its first line is the message.
pub fn parse(file: &Path, source: &str) -> Result<Option<Revision>, UnreadableRevision> {
    parse_with(file, source, &|_module| None)
}

/// Returns the same of a file's bytes, decoded as Python does; imported names are looked up in the modules that `find`
/// knows.
pub fn read(file: &Path, bytes: &[u8], find: FindModule<'_>) -> Result<Option<Revision>, UnreadableRevision> {
    match encoding::decode(bytes) {
        Ok(source) => parse_with(file, &source, find),
        Err(unusable) => Err(UnreadableRevision { at: Place::new(file, unusable.line), reason: unusable.reason }),
    }
}

/// Returns the text of a revision file as Python decodes it; nothing when Python would refuse it.
pub fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    encoding::decode(bytes).ok()
}

/// Returns whether Alembic loads files of this name.
pub fn is_loaded(name: &str) -> bool {
    loaded_stem(name).is_some()
}

fn parse_with(file: &Path, source: &str, find: FindModule<'_>) -> Result<Option<Revision>, UnreadableRevision> {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let Some(stem) = loaded_stem(&name) else {
        return Ok(None);
    };
    let revision = python::parse(source)
        .and_then(|module| declared(file, source, stem, &module, &Imports { find, lookups: Cell::new(0) }));
    revision
        .map(Some)
        .map_err(|unusable| UnreadableRevision { at: Place::new(file, unusable.line), reason: unusable.reason })
}

/// Returns the name without its `.py`, when Alembic loads files of this name.
fn loaded_stem(name: &str) -> Option<&str> {
    let skipped = name.starts_with(".#") || name.starts_with("__init__");
    name.strip_suffix(".py").filter(|_| !skipped)
}

fn declared(
    file: &Path,
    source: &str,
    stem: &str,
    module: &ModModule,
    imports: &Imports<'_>,
) -> Result<Revision, Unusable> {
    let names = Names::of(&module.body);
    let variables = Variables { source, names: &names, imports };
    let id = variables.id(stem)?;
    if variables.line("down_revision") == 0 {
        return Err(Unusable { line: variables.line("revision"), reason: "no `down_revision` variable".to_owned() });
    }
    Ok(Revision {
        id,
        down_revisions: variables.list("down_revision")?,
        depends_on: variables.list("depends_on")?,
        branch_labels: variables.list("branch_labels")?,
        message: message(&module.body, &names),
        at: Place::new(file, variables.line("revision")),
        down_revision_line: variables.line("down_revision"),
    })
}

/// Returns the first line of the docstring, else the literal `message` variable.
fn message(body: &[Stmt], names: &Names<'_>) -> String {
    let docstring = match body.first() {
        Some(Stmt::Expr(it)) => it.value.as_string_literal_expr(),
        _ => None,
    };
    let text = match (docstring, names.value("message")) {
        (Some(docstring), _) => docstring.value.to_str().to_owned(),
        (None, Some(Ok(Value::Text(text)))) => text,
        _ => String::new(),
    };
    text.trim().lines().next().unwrap_or_default().trim_end().to_owned()
}

struct Variables<'s, 'n> {
    source: &'s str,
    names: &'n Names<'n>,
    imports: &'n Imports<'n>,
}

impl Variables<'_, '_> {
    fn value(&self, name: &str) -> Option<Result<Value, Untold>> {
        self.names.value_with(name, &|module, name| self.imports.value(module, name, 0))
    }

    /// Returns the line on which a variable gets its value; 0 when it has none.
    fn line(&self, name: &str) -> usize {
        let place = self.names.place(name);
        place.map_or(0, |range| line_of(self.source, range.start()))
    }

    fn id(&self, stem: &str) -> Result<String, Unusable> {
        let refuse = |reason: String| Unusable { line: self.line("revision"), reason };
        let id = match self.value("revision") {
            Some(Ok(Value::Text(id))) => id,
            Some(Ok(_)) => return Err(refuse("`revision` is not a string".to_owned())),
            Some(Err(untold)) => return Err(self.explain("revision", untold)),
            None if is_legacy_id(stem) => stem.to_owned(),
            None => return Err(refuse("no `revision` variable".to_owned())),
        };
        match id.chars().find(|character| ILLEGAL.contains(character)) {
            Some(character) => Err(refuse(format!("`revision` holds `{character}`, which Alembic refuses: `{id}`"))),
            None if id.is_empty() => Err(refuse("`revision` is empty".to_owned())),
            None if id.contains(UNTOLD) => Err(refuse(untold_characters("revision"))),
            None => Ok(id),
        }
    }

    /// Returns the names that a variable holds: none, one, or several.
    fn list(&self, name: &str) -> Result<Vec<String>, Unusable> {
        let values = match self.value(name) {
            None | Some(Ok(Value::None)) => Vec::new(),
            Some(Ok(Value::Text(text))) => vec![Value::Text(text)],
            Some(Ok(Value::Many(values))) => values,
            Some(Err(untold)) => return Err(self.explain(name, untold)),
        };
        // Alembic takes `(None,)` for `None`.
        if values == [Value::None] {
            return Ok(Vec::new());
        }
        let texts = values.into_iter().map(|value| match value {
            Value::Text(text) if text.contains(UNTOLD) => {
                Err(Unusable { line: self.line(name), reason: untold_characters(name) })
            }
            Value::Text(text) => Ok(text),
            Value::None | Value::Many(_) => {
                Err(Unusable { line: self.line(name), reason: format!("`{name}` holds something else than strings") })
            }
        });
        texts.collect()
    }

    fn explain(&self, name: &str, untold: Untold) -> Unusable {
        let piece = |range: TextRange| excerpt(self.source, range);
        let reason = match untold.why {
            Why::Computed | Why::Unbound => {
                format!("`{name}` is computed: `{}`", piece(untold.range))
            }
            Why::Conditional => format!("`{name}` depends on a condition"),
            Why::Imported => format!("`{name}` is imported: `{}`", piece(untold.range)),
            Why::NotText => format!("`{name}` is not a string: `{}`", piece(untold.range)),
        };
        Unusable { line: line_of(self.source, untold.range.start()), reason }
    }
}

fn untold_characters(name: &str) -> String {
    format!("`{name}` holds characters of an encoding that devdb does not read; save the file as UTF-8")
}

/// Returns whether Alembic takes the file's name for an id when there is no `revision` variable.
fn is_legacy_id(stem: &str) -> bool {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    !stem.is_empty() && stem.bytes().all(hexadecimal)
}
