//! What a Python source reads besides itself: the modules that it imports, and what no text can tell.
//!
//! A name too many does no harm here, a name too few would: imports count wherever they stand, and so does everything
//! that looks as if it could read a file or the environment.

use std::collections::BTreeSet;

use super::sql::line_of;

#[cfg(test)]
mod tests;
mod tokens;

use tokens::{Kind, Token, tokens};

/// A module, or a name inside of one: `import a.b`, `from a import b` and `a.b.c` in an expression are all looked up
/// part by part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Import {
    /// How many dots stand before the name; 0 for an absolute one.
    pub level: usize,
    pub path: Vec<String>,
    /// `from … import *`, which takes every module of a package that its `__all__` names.
    pub everything: bool,
}

/// Something that reads what no text can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// As it is written: `open`, `os.environ`.
    pub what: String,
    /// 1-based.
    pub line: usize,
}

/// What a source reads besides itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// In order, each once.
    pub imports: Vec<Import>,
    /// The first of them.
    pub reach: Option<Reach>,
}

/// How many parts of `a.b.c.d` are looked up as modules.
const MAX_PARTS: usize = 8;

/// Names that reach out wherever they stand.
fn is_reaching(name: &str) -> bool {
    matches!(
        name,
        "BaseSettings"
            | "SourceFileLoader"
            | "__file__"
            | "__import__"
            | "dotenv_values"
            | "environ"
            | "environb"
            | "getcwd"
            | "getenv"
            | "gethostname"
            | "getuser"
            | "import_module"
            | "iterdir"
            | "listdir"
            | "load_dotenv"
            | "popen"
            | "read_bytes"
            | "read_csv"
            | "read_excel"
            | "read_fwf"
            | "read_json"
            | "read_parquet"
            | "read_pickle"
            | "read_table"
            | "read_text"
            | "read_xml"
            | "rglob"
            | "run_module"
            | "run_path"
            | "scandir"
            | "spec_from_file_location"
            | "spec_from_loader"
            | "urlopen"
    )
}

/// Functions that do, called by themselves or as a method.
fn is_reaching_call(name: &str) -> bool {
    matches!(name, "glob" | "iglob" | "open")
}

/// Functions that do, called by themselves: `session.exec(…)` is a query.
fn is_reaching_own_call(name: &str) -> bool {
    matches!(name, "eval" | "exec" | "execfile")
}

/// What does as an attribute of the module before it.
fn is_reaching_attribute(owner: &str, name: &str) -> bool {
    matches!((owner, name), ("os", "system" | "walk") | ("sys", "argv" | "modules" | "path"))
}

/// Modules whose import says that something is read.
const MODULES: [&str; 41] = [
    "PIL",
    "aiohttp",
    "boto3",
    "bz2",
    "configparser",
    "dbm",
    "decouple",
    "dotenv",
    "dynaconf",
    "environs",
    "fileinput",
    "ftplib",
    "getpass",
    "gzip",
    "http.client",
    "httpx",
    "importlib.resources",
    "importlib_resources",
    "linecache",
    "lxml",
    "lzma",
    "mailbox",
    "netrc",
    "openpyxl",
    "pkg_resources",
    "pkgutil",
    "polars",
    "pydantic_settings",
    "requests",
    "runpy",
    "shelve",
    "socket",
    "sqlite3",
    "subprocess",
    "tarfile",
    "toml",
    "urllib.request",
    "urllib3",
    "xlrd",
    "xml",
    "zipfile",
];

/// Returns what a source reads. Of absolute imports only those whose first part `wanted` knows are told, since most
/// revisions import nothing but packages.
pub fn reads(source: &str, wanted: &dyn Fn(&str) -> bool) -> Reads {
    let tokens = tokens(source);
    let mut reads = Reads::default();
    let mut bound = Vec::new();
    let mut outside = None;
    let mut seen = BTreeSet::new();
    for found in statements(&tokens) {
        if found.level == 0 && outside.is_none() && reaches_out(&found.path) {
            outside = Some((found.start, found.path.join(".")));
        }
        if found.level == 0 && !found.path.first().is_some_and(|top| wanted(top)) {
            continue;
        }
        if let Some((name, parts)) = found.binds {
            bound.push((name, found.level, found.path.get(..parts).unwrap_or_default().to_vec()));
        }
        let path = found.path.iter().map(|part| (*part).to_owned()).collect();
        let import = Import { level: found.level, path, everything: found.everything };
        if seen.insert(import.clone()) {
            reads.imports.push(import);
        }
    }
    // A module that another has imported is an attribute of its package: `import app`, then `app.models.User`.
    let attributes = if bound.is_empty() { BTreeSet::new() } else { attributes(source, &tokens, &bound) };
    for import in attributes {
        if seen.insert(import.clone()) {
            reads.imports.push(import);
        }
    }
    let first = [reached(&tokens), outside].into_iter().flatten().min_by_key(|(start, _)| *start);
    reads.reach = first.map(|(start, what)| Reach { what, line: line_of(source, start) });
    reads
}

/// Returns whether a source uses one of these names, comments and strings aside.
pub fn uses(source: &str, names: &[&str]) -> bool {
    tokens(source).iter().any(|token| token.kind == Kind::Name && names.contains(&token.text))
}

/// Returns the plain strings of a source.
pub fn strings(source: &str) -> Vec<&str> {
    let strings = tokens(source).into_iter().filter(|token| token.kind == Kind::Text);
    strings.map(|token| token.text).collect()
}

fn reaches_out(path: &[&str]) -> bool {
    let first = path.first().copied().unwrap_or_default();
    let begins =
        |text: &str, with: &str| text.strip_prefix(with).is_some_and(|it| it.is_empty() || it.starts_with('.'));
    // Seldom true, and cheaper to say than what follows.
    if first != "urllib" && !MODULES.iter().any(|module| begins(module, first)) {
        return false;
    }
    let path = path.join(".");
    path == "urllib" || MODULES.iter().any(|module| begins(&path, module))
}

/// An import as it is written.
struct Statement<'s> {
    start: usize,
    level: usize,
    path: Vec<&'s str>,
    /// The name that the module knows it by, and for how many parts of the path it stands.
    binds: Option<(&'s str, usize)>,
    everything: bool,
}

/// Returns every import, one for each name that `from` takes.
fn statements<'s>(tokens: &[Token<'s>]) -> Vec<Statement<'s>> {
    let mut found = Vec::new();
    let mut cursor = Cursor { tokens, position: 0 };
    while let Some(token) = cursor.next() {
        match token.text {
            "from" if token.kind == Kind::Name => cursor.from(token.start, &mut found),
            "import" if token.kind == Kind::Name => cursor.import(token.start, &mut found),
            _ => {}
        }
    }
    found
}

struct Cursor<'t, 's> {
    tokens: &'t [Token<'s>],
    position: usize,
}

impl<'s> Cursor<'_, 's> {
    fn peek(&self) -> Option<Token<'s>> {
        self.tokens.get(self.position).copied()
    }

    fn next(&mut self) -> Option<Token<'s>> {
        let token = self.peek();
        self.position += 1;
        token
    }

    /// Takes the next token when it is this name or sign.
    fn takes(&mut self, text: &str) -> bool {
        let is = self.peek().is_some_and(|token| token.text == text && token.kind != Kind::Text);
        self.position += usize::from(is);
        is
    }

    fn name(&mut self) -> Option<&'s str> {
        let name = self.peek().filter(|token| token.kind == Kind::Name && !["import", "as"].contains(&token.text))?;
        self.position += 1;
        Some(name.text)
    }

    /// Reads `a.b.c`.
    fn dotted(&mut self) -> Vec<&'s str> {
        let mut parts: Vec<&str> = self.name().into_iter().collect();
        while !parts.is_empty() && self.takes(".") {
            parts.extend(self.name());
        }
        parts
    }

    /// Reads what follows `from`; `yield from x` and `raise A from b` have no `import`.
    fn from(&mut self, start: usize, found: &mut Vec<Statement<'s>>) {
        let mut level = 0;
        while self.takes(".") {
            level += 1;
        }
        let module = self.dotted();
        if !self.takes("import") {
            return;
        }
        let bracket = self.takes("(");
        loop {
            self.skip_lines(bracket);
            let mut path = module.clone();
            if self.takes("*") {
                found.push(Statement { start, level, path, binds: None, everything: true });
                return;
            }
            let Some(name) = self.name() else { return };
            path.push(name);
            let bound = if self.takes("as") { self.name().unwrap_or(name) } else { name };
            let binds = Some((bound, path.len()));
            found.push(Statement { start, level, path, binds, everything: false });
            self.skip_lines(bracket);
            if !self.takes(",") {
                return;
            }
        }
    }

    fn skip_lines(&mut self, inside: bool) {
        while inside && self.peek().is_some_and(|token| token.kind == Kind::NewLine) {
            self.position += 1;
        }
    }

    /// Reads what follows `import`.
    fn import(&mut self, start: usize, found: &mut Vec<Statement<'s>>) {
        loop {
            let path = self.dotted();
            let Some(first) = path.first().copied() else { return };
            let alias = if self.takes("as") { self.name() } else { None };
            let binds = Some(alias.map_or((first, 1), |alias| (alias, path.len())));
            found.push(Statement { start, level: 0, path, binds, everything: false });
            if !self.takes(",") {
                return;
            }
        }
    }
}

/// Returns `a.b.c` of expressions, as modules, where `a` is an import's name.
fn attributes(source: &str, tokens: &[Token<'_>], bound: &[(&str, usize, Vec<&str>)]) -> BTreeSet<Import> {
    let mut written = BTreeSet::new();
    let mut cursor = Cursor { tokens, position: 0 };
    let mut after_dot = false;
    while let Some(token) = cursor.next() {
        let starts = token.kind == Kind::Name && !after_dot;
        after_dot = token.text == "." && token.kind == Kind::Sign;
        if !starts || !bound.iter().any(|(name, ..)| *name == token.text) {
            continue;
        }
        let first = token.start + token.text.len();
        let mut end = first;
        while cursor.takes(".") {
            let Some(name) = cursor.peek().filter(|token| token.kind == Kind::Name) else { break };
            cursor.position += 1;
            end = name.start + name.text.len();
        }
        if end > first {
            written.insert((token.text, source.get(first..end).unwrap_or_default()));
        }
    }
    let import = |(name, rest): (&str, &str)| {
        let named: Vec<Import> = bound
            .iter()
            .filter(|(bound, ..)| *bound == name)
            .map(|(_, level, path)| {
                let rest = rest.split('.').map(str::trim).filter(|part| !part.is_empty());
                let parts = path.iter().copied().chain(rest).take(MAX_PARTS);
                Import { level: *level, path: parts.map(str::to_owned).collect(), everything: false }
            })
            .collect();
        named
    };
    written.into_iter().flat_map(import).collect()
}

/// Returns the first token that reaches out of the text, and how it is written.
fn reached(tokens: &[Token<'_>]) -> Option<(usize, String)> {
    let text = |position: Option<usize>| {
        let token = position.and_then(|position| tokens.get(position));
        token.filter(|token| token.kind != Kind::Text).map_or("", |token| token.text)
    };
    let names = tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Name);
    for (position, token) in names {
        let name = token.text;
        let always = is_reaching(name);
        let call = is_reaching_call(name) || is_reaching_own_call(name);
        if !always && !call && !matches!(name, "system" | "walk" | "argv" | "modules" | "path") {
            continue;
        }
        let before = text(position.checked_sub(1));
        let dotted = before == ".";
        let is_called = text(Some(position + 1)) == "(" && before != "def";
        let owner = if dotted { text(position.checked_sub(2)) } else { "" };
        let called = is_called && call && (!dotted || is_reaching_call(name));
        if always || called || is_reaching_attribute(owner, name) {
            let shown = if owner.is_empty() || owner == ")" { name.to_owned() } else { format!("{owner}.{name}") };
            return Some((token.start, shown));
        }
    }
    None
}
