//! Alembic's configuration: a section of `alembic.ini`, or `[tool.alembic]` of `pyproject.toml`.
//!
//! Source: `alembic/config.py` and `coerce_resource_to_filename` of Alembic 1.20.1.

use std::path::{Component, Path, PathBuf};

use thiserror::Error;
use toml_edit::{Document, Item, Value};

use crate::model::chain::AlembicConfig;
use crate::model::place::{Located, Place};
use crate::model::secret::Secret;
use crate::parse::ini::{self, Ini, IniError, Problem};

#[cfg(test)]
mod tests;

/// Why a configuration cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct ConfigError {
    pub at: Place,
    pub fault: ConfigFault,
}

/// What is wrong with a configuration. No message shows a value that may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigFault {
    #[error("no section `[{0}]`")]
    NoSection(String),
    #[error("no `script_location`")]
    NoScriptLocation,
    #[error("`{option}` cannot be interpolated: {source}")]
    Interpolation { option: String, source: IniError },
    #[error("`{option} = {value}` is none of `space`, `newline`, `os`, `:`, `;`")]
    UnknownSeparator { option: String, value: String },
    #[error("`{location}` names a package that was not found")]
    UnknownPackage { location: String },
    #[error("`{option}` is not {expected}")]
    WrongType { option: String, expected: &'static str },
    #[error("invalid TOML: {0}")]
    InvalidToml(String),
}

/// Finds the directory of an importable package (`app.db`), for locations such as `app.db:migrations`.
pub type PackageDirectory<'f> = &'f dyn Fn(&str) -> Option<PathBuf>;

/// Returns what a section of an ini file configures.
///
/// `here` is the absolute directory of `file`; `%(here)s` stands for it. Relative locations are taken from the
/// directory of `file`, where Alembic takes them from the working directory: the two are the same wherever `alembic`
/// finds its file by itself. So paths come out relative when `file` is. `version_table` is the default; see
/// [`super::env::version_table`]. A `sqlalchemy.url` that cannot be interpolated is left out; see [`problems`].
///
/// Fails without the section, without a `script_location`, on one that cannot be interpolated, on an unknown path
/// separator, and on a package that `package_directory` does not find.
pub fn from_ini(
    file: &Path,
    text: &str,
    here: &Path,
    section: &str,
    package_directory: PackageDirectory<'_>,
) -> Result<AlembicConfig, ConfigError> {
    let ini = ini::parse(text);
    let source = IniSource { ini: &ini, file, section, here: here.to_string_lossy().into_owned() };
    if !ini.has_section(section) {
        return Err(source.error(0, ConfigFault::NoSection(section.to_owned())));
    }
    let Some((location, line)) = source.option("script_location")? else {
        return Err(source.error(0, ConfigFault::NoScriptLocation));
    };
    let places = Places { file, here, package_directory };
    let script_directory = places.resolve(&location, line)?;
    let mut version_directories = Vec::new();
    if let Some((locations, line)) = source.option("version_locations")? {
        for location in source.split_locations(&locations)? {
            version_directories.push(places.resolve(&location, line)?);
        }
    }
    if version_directories.is_empty() {
        version_directories.push(script_directory.join("versions"));
    }
    let recursive = source.option("recursive_version_locations")?;
    Ok(AlembicConfig {
        file: file.to_path_buf(),
        section: section.to_owned(),
        script_location: Some(Place::new(file, line)),
        script_directory,
        version_directories,
        recursive: recursive.is_some_and(|(value, _)| value == "true"),
        url: source.url(),
        version_table: "alembic_version".to_owned(),
        ..AlembicConfig::default()
    })
}

/// Returns what `[tool.alembic]` of a `pyproject.toml` configures; nothing when there is no such table.
///
/// Paths as in [`from_ini`]. There is never a URL: Alembic reads it from an ini file only, see [`url_from_ini`].
///
/// Fails on invalid TOML and on values of a wrong type, else as [`from_ini`].
pub fn from_pyproject(
    file: &Path,
    text: &str,
    here: &Path,
    package_directory: PackageDirectory<'_>,
) -> Result<Option<AlembicConfig>, ConfigError> {
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_of(text, span.start));
        ConfigError { at: Place::new(file, line), fault: ConfigFault::InvalidToml(error.message().to_owned()) }
    })?;
    let tool = document.get("tool").and_then(|tool| tool.get("alembic"));
    let Some(table) = tool else { return Ok(None) };
    let source = TomlSource { table, file, text, here: here.to_string_lossy().into_owned() };
    let Some((location, line)) = source.string("script_location")? else {
        return Err(source.error(table, ConfigFault::NoScriptLocation));
    };
    let places = Places { file, here, package_directory };
    let script_directory = places.resolve(&location, line)?;
    let mut version_directories = Vec::new();
    for (location, line) in source.strings("version_locations")? {
        version_directories.push(places.resolve(&location, line)?);
    }
    if version_directories.is_empty() {
        version_directories.push(script_directory.join("versions"));
    }
    Ok(Some(AlembicConfig {
        file: file.to_path_buf(),
        section: "tool.alembic".to_owned(),
        script_location: Some(Place::new(file, line)),
        script_directory,
        version_directories,
        recursive: source.boolean("recursive_version_locations")?,
        url: None,
        version_table: "alembic_version".to_owned(),
        ..AlembicConfig::default()
    }))
}

/// Returns the sections that have a `script_location`, in order: several mean several chains, as `alembic -n` selects
/// them. The `alembic` section may inherit it from `[DEFAULT]`.
pub fn sections(text: &str) -> Vec<String> {
    let ini = ini::parse(text);
    let has_location = |section: &String| {
        let entry = ini.get(section, "script_location");
        entry.is_some_and(|entry| entry.section == *section || section == "alembic")
    };
    ini.sections.iter().filter(|section| has_location(section)).cloned().collect()
}

/// Returns the `sqlalchemy.url` of a section, when it is there and can be interpolated: for projects that keep the
/// rest in `pyproject.toml`.
pub fn url_from_ini(file: &Path, text: &str, here: &Path, section: &str) -> Option<Located<Secret>> {
    let source = IniSource { ini: &ini::parse(text), file, section, here: here.to_string_lossy().into_owned() };
    source.url()
}

/// Returns what makes Alembic stop at an ini file: what `configparser` refuses, then each option of `section` that
/// cannot be interpolated (a password with a single `%`). No reason shows a value.
pub fn problems(text: &str, here: &Path, section: &str) -> Vec<Problem> {
    let ini = ini::parse(text);
    let here = here.to_string_lossy();
    let mut problems = ini.problems.clone();
    for entry in &ini.entries {
        let inherited = entry.section == "DEFAULT" && ini.has_section(section);
        if entry.section != section && !inherited {
            continue;
        }
        if let Some(Err(error)) = ini.interpolated(section, &entry.key, &[("here", &here)]) {
            problems
                .push(Problem { line: entry.line, reason: format!("`{}` cannot be interpolated: {error}", entry.key) });
        }
    }
    problems
}

struct IniSource<'i> {
    ini: &'i Ini,
    file: &'i Path,
    section: &'i str,
    here: String,
}

impl IniSource<'_> {
    fn error(&self, line: usize, fault: ConfigFault) -> ConfigError {
        ConfigError { at: Place::new(self.file, line), fault }
    }

    fn option(&self, name: &str) -> Result<Option<(String, usize)>, ConfigError> {
        let value = self.ini.interpolated(self.section, name, &[("here", &self.here)]);
        value.transpose().map_err(|source| {
            let line = self.ini.get(self.section, name).map_or(0, |entry| entry.line);
            let option = name.to_owned();
            self.error(line, ConfigFault::Interpolation { option, source })
        })
    }

    fn url(&self) -> Option<Located<Secret>> {
        let (url, line) = self.option("sqlalchemy.url").ok()??;
        Some(Located::new(Secret::new(url), Place::new(self.file, line)))
    }

    fn split_locations(&self, locations: &str) -> Result<Vec<String>, ConfigError> {
        let mut separator = None;
        for name in ["path_separator", "version_path_separator"] {
            if let Some((value, line)) = self.option(name)? {
                let unknown = || {
                    let option = name.to_owned();
                    self.error(line, ConfigFault::UnknownSeparator { option, value: value.clone() })
                };
                separator = Some(separator_named(&value).ok_or_else(unknown)?);
                break;
            }
        }
        let pieces: Vec<&str> = match separator {
            Some(separator) => locations.split(separator).collect(),
            None => locations.split([' ', ',']).collect(),
        };
        let pieces = pieces.into_iter().map(str::trim).filter(|piece| !piece.is_empty());
        Ok(pieces.map(str::to_owned).collect())
    }
}

fn separator_named(name: &str) -> Option<char> {
    match name {
        "space" => Some(' '),
        "newline" => Some('\n'),
        "os" if cfg!(windows) => Some(';'),
        "os" | ":" => Some(':'),
        ";" => Some(';'),
        _ => None,
    }
}

struct TomlSource<'d> {
    table: &'d Item,
    file: &'d Path,
    text: &'d str,
    here: String,
}

impl TomlSource<'_> {
    fn error(&self, item: &Item, fault: ConfigFault) -> ConfigError {
        let line = item.span().map_or(0, |span| line_of(self.text, span.start));
        ConfigError { at: Place::new(self.file, line), fault }
    }

    fn wrong(&self, item: &Item, option: &str, expected: &'static str) -> ConfigError {
        let option = option.to_owned();
        self.error(item, ConfigFault::WrongType { option, expected })
    }

    fn string(&self, option: &str) -> Result<Option<(String, usize)>, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(None);
        };
        let text = item.as_str().ok_or_else(|| self.wrong(item, option, "a string"))?;
        let line = item.span().map_or(0, |span| line_of(self.text, span.start));
        Ok(Some((self.expand(item, option, text)?, line)))
    }

    fn strings(&self, option: &str) -> Result<Vec<(String, usize)>, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(Vec::new());
        };
        let wrong = || self.wrong(item, option, "a list of strings");
        let mut strings = Vec::new();
        for value in item.as_array().ok_or_else(wrong)? {
            let text = value.as_str().ok_or_else(wrong)?;
            let line = Value::span(value).map_or(0, |span| line_of(self.text, span.start));
            strings.push((self.expand(item, option, text)?, line));
        }
        Ok(strings)
    }

    fn boolean(&self, option: &str) -> Result<bool, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(false);
        };
        item.as_bool().ok_or_else(|| self.wrong(item, option, "true or false"))
    }

    /// Python's `text % {"here": …}`, for the one conversion that makes sense there.
    fn expand(&self, item: &Item, option: &str, text: &str) -> Result<String, ConfigError> {
        // Python does not look for further `%` in what it has put in.
        let here = self.here.replace('%', "%%");
        let find = |name: &str| (name == "here").then_some(here.as_str());
        ini::expand(text, &find).map_err(|source| {
            let option = option.to_owned();
            self.error(item, ConfigFault::Interpolation { option, source })
        })
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    crate::parse::sql::line_of(text, offset)
}

/// What locations are resolved against.
struct Places<'p> {
    file: &'p Path,
    here: &'p Path,
    package_directory: PackageDirectory<'p>,
}

impl Places<'_> {
    fn resolve(&self, location: &str, line: usize) -> Result<PathBuf, ConfigError> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let path = Path::new(location);
        if !path.has_root() && !path.is_absolute() && location.contains(':') {
            return self.resolve_package(location, line);
        }
        let path = match path.strip_prefix(self.here) {
            Ok(inside) => folder.join(inside),
            Err(_) => folder.join(path),
        };
        Ok(without_dots(&path))
    }

    fn resolve_package(&self, location: &str, line: usize) -> Result<PathBuf, ConfigError> {
        let mut tokens = location.split(':');
        let package = tokens.next().unwrap_or_default();
        let directory = (self.package_directory)(package).ok_or_else(|| ConfigError {
            at: Place::new(self.file, line),
            fault: ConfigFault::UnknownPackage { location: location.to_owned() },
        })?;
        Ok(without_dots(&tokens.fold(directory, |path, token| path.join(token))))
    }
}

/// Returns the path without `.` and, as far as the text allows, without `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir if plain.has_root() => {}
            part => plain.push(part),
        }
    }
    plain
}
