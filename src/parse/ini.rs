//! `.ini` files as Python's `configparser.ConfigParser` reads them with its defaults, which is how Alembic does.
//!
//! Source: `Lib/configparser.py` of Python 3.11 (`_read`, `BasicInterpolation`).

use thiserror::Error;

#[cfg(test)]
mod tests;

/// The section whose entries every other section inherits.
const DEFAULT: &str = "DEFAULT";

/// `MAX_INTERPOLATION_DEPTH` of `configparser`.
const MAX_DEPTH: usize = 10;

/// Ten levels may still refer to each other without end in sight; real files need a handful of steps.
const MAX_REFERENCES: usize = 10_000;
const MAX_LENGTH: usize = 1 << 20;

/// A file's entries in order, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ini {
    /// Section names in order, each once, without `DEFAULT`.
    pub sections: Vec<String>,
    pub entries: Vec<Entry>,
    /// Each of these makes `configparser` refuse the whole file; the entries are read nevertheless.
    pub problems: Vec<Problem>,
}

/// One option. `Debug` shows the value, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub section: String,
    /// Lower-cased.
    pub key: String,
    /// The value as written; continuation lines joined by line feeds.
    pub value: String,
    /// The 1-based line of the key.
    pub line: usize,
}

/// Something that `configparser` refuses, and its 1-based line. The reason shows no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub reason: String,
}

/// Why a value cannot be interpolated: the words of `configparser`, without the value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IniError {
    #[error("'%' must be followed by '%' or '('")]
    BadPercent,
    #[error("a `%(` has no matching `)s`")]
    BadReference,
    #[error("`%({name})s` names no option")]
    UnknownOption { name: String },
    #[error("options refer to each other too deeply")]
    TooDeep,
}

/// Returns what the text holds. Never fails: what `configparser` refuses is in `problems`.
pub fn parse(text: &str) -> Ini {
    let mut reader = Reader::default();
    let without_mark = text.strip_prefix('\u{feff}');
    if without_mark.is_some() {
        reader.problem(1, "the file starts with a byte order mark");
    }
    for (index, line) in without_mark.unwrap_or(text).lines().enumerate() {
        reader.line(index + 1, line);
    }
    for entry in &mut reader.ini.entries {
        entry.value.truncate(entry.value.trim_end().len());
    }
    reader.ini
}

#[derive(Default)]
struct Reader {
    ini: Ini,
    section: Option<String>,
    /// Whether the current section already has an option, which further lines can continue.
    open: bool,
    indentation: usize,
}

impl Reader {
    fn problem(&mut self, line: usize, reason: &str) {
        let reason = reason.to_owned();
        self.ini.problems.push(Problem { line, reason });
    }

    fn line(&mut self, number: usize, line: &str) {
        let value = line.trim();
        if value.starts_with(['#', ';']) {
            return;
        }
        let indentation = line.chars().take_while(|character| character.is_whitespace()).count();
        let current = if self.open { self.ini.entries.last_mut() } else { None };
        match current {
            Some(entry) if value.is_empty() => entry.value.push('\n'),
            Some(entry) if indentation > self.indentation => {
                entry.value.push('\n');
                entry.value.push_str(value);
            }
            _ if value.is_empty() => {}
            _ => {
                self.indentation = indentation;
                self.header_or_option(number, value);
            }
        }
    }

    fn header_or_option(&mut self, number: usize, value: &str) {
        let header = value.strip_prefix('[').and_then(|rest| rest.rsplit_once(']'));
        match (header, &self.section) {
            (Some((name, _)), _) if !name.is_empty() => self.header(number, name),
            (_, None) => self.problem(number, "an option before the first [section]"),
            (_, Some(section)) => {
                let section = section.clone();
                self.option(number, section, value);
            }
        }
    }

    fn header(&mut self, number: usize, name: &str) {
        if self.ini.sections.iter().any(|known| known == name) {
            self.problem(number, &format!("section [{name}] stands here a second time"));
        } else if name != DEFAULT {
            self.ini.sections.push(name.to_owned());
        }
        self.section = Some(name.to_owned());
        self.open = false;
    }

    fn option(&mut self, number: usize, section: String, line: &str) {
        let Some((key, value)) = line.split_once(['=', ':']) else {
            return self.problem(number, "neither a [section] nor an option with `=` or `:`");
        };
        let key = key.trim_end().to_lowercase();
        if key.is_empty() {
            return self.problem(number, "an option without a name");
        }
        let same = |entry: &Entry| entry.section == section && entry.key == key;
        if self.ini.entries.iter().any(same) {
            self.problem(number, &format!("option `{key}` stands here a second time in [{section}]"));
        }
        self.open = true;
        self.ini.entries.push(Entry { section, key, value: value.trim().to_owned(), line: number });
    }
}

impl Ini {
    /// Returns whether the file has the section; `DEFAULT` is none.
    pub fn has_section(&self, section: &str) -> bool {
        self.sections.iter().any(|known| known == section)
    }

    /// Returns an option as written, from the section or inherited from `[DEFAULT]`; the last one counts.
    pub fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        let key = key.to_lowercase();
        if section != DEFAULT && !self.has_section(section) {
            return None;
        }
        let own = self.own(section, &key);
        own.or_else(|| self.own(DEFAULT, &key))
    }

    /// Returns an option with its `%(name)s` filled in, and its line. Names are looked up in the section, in
    /// `[DEFAULT]`, then among `defaults` (Alembic: `here`).
    pub fn interpolated(
        &self,
        section: &str,
        key: &str,
        defaults: &[(&str, &str)],
    ) -> Option<Result<(String, usize), IniError>> {
        let entry = self.get(section, key)?;
        let find = |name: &str| {
            let written = self.get(section, name).map(|entry| entry.value.as_str());
            written.or_else(|| defaults.iter().find(|(known, _)| *known == name).map(|&(_, value)| value))
        };
        Some(expand(&entry.value, &find).map(|value| (value, entry.line)))
    }

    fn own(&self, section: &str, key: &str) -> Option<&Entry> {
        let same = |entry: &&Entry| entry.section == section && entry.key == key;
        self.entries.iter().rev().find(same)
    }
}

/// Returns `text` with every `%(name)s` replaced by what `find` knows of the lower-cased name, and `%%` by `%`.
pub(super) fn expand<'t>(text: &'t str, find: &dyn Fn(&str) -> Option<&'t str>) -> Result<String, IniError> {
    let mut expanded = String::new();
    let mut references = 0;
    // What is left of each text around the one being read.
    let mut rests = vec![text];
    while let Some(rest) = rests.pop() {
        let Some((before, after)) = rest.split_once('%') else {
            expanded.push_str(rest);
            continue;
        };
        expanded.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            expanded.push('%');
            rests.push(after);
        } else if let Some(after) = after.strip_prefix('(') {
            let (name, after) = reference(after)?;
            let name = name.to_lowercase();
            let value = find(&name).ok_or(IniError::UnknownOption { name })?;
            references += 1;
            rests.push(after);
            rests.push(value);
            let too_deep = value.contains('%') && rests.len() > MAX_DEPTH;
            if too_deep || references > MAX_REFERENCES || expanded.len() > MAX_LENGTH {
                return Err(IniError::TooDeep);
            }
        } else {
            return Err(IniError::BadPercent);
        }
    }
    Ok(expanded)
}

fn reference(text: &str) -> Result<(&str, &str), IniError> {
    let (name, after) = text.split_once(')').ok_or(IniError::BadReference)?;
    let after = after.strip_prefix('s').ok_or(IniError::BadReference)?;
    if name.is_empty() {
        return Err(IniError::BadReference);
    }
    Ok((name, after))
}
