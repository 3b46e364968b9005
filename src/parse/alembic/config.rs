//! Alembic's configuration: a section of `alembic.ini`, or `[tool.alembic]` of `pyproject.toml`.
//!
//! Source: `alembic/config.py` and `coerce_resource_to_filename` of Alembic 1.20.1.

use std::path::{Path, PathBuf};

use thiserror::Error;
use toml_edit::Document;

use crate::model::chain::AlembicConfig;
use crate::model::place::{Located, Place};
use crate::model::secret::Secret;
use crate::parse::ini::{self, Ini, IniError, Problem};

mod places;
mod table;
#[cfg(test)]
mod tests;

use places::Places;
use table::TomlSource;

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

/// The section that `alembic` reads unless `-n` names another.
pub const MAIN_SECTION: &str = "alembic";

/// Finds the directory of an importable package (`app.db`), for locations such as `app.db:migrations`.
pub type PackageDirectory<'f> = &'f dyn Fn(&str) -> Option<PathBuf>;

/// A configuration file, and what its locations are taken from.
pub struct ConfigFile<'f> {
    pub file: &'f Path,
    pub text: &'f str,
    /// The absolute directory of `file`; `%(here)s` stands for it.
    pub here: &'f Path,
    /// The directory in which `alembic` runs: relative locations start here. That of `file`, wherever `alembic` finds
    /// its file by itself.
    pub directory: &'f Path,
    pub package_directory: PackageDirectory<'f>,
    /// The script directory of an ini file that names none, as Flask-Migrate writes it.
    pub script_directory: Option<&'f Path>,
}

/// Returns what a section of an ini file configures. Paths come out relative when `file` and `directory` are.
///
/// `version_table` is the default; see [`super::env::version_table`]. A `sqlalchemy.url` that cannot be interpolated is
/// left out; see [`problems`].
///
/// Fails without the section, without a `script_location`, on an option that cannot be interpolated or is of a wrong
/// type, on an unknown path separator, and on a package that `package_directory` does not find.
pub fn from_ini(input: &ConfigFile<'_>, section: &str) -> Result<AlembicConfig, ConfigError> {
    let ini = ini::parse(input.text);
    let source = IniSource { ini: &ini, file: input.file, section, here: input.here.to_string_lossy().into_owned() };
    if !ini.has_section(section) {
        return Err(source.error(0, ConfigFault::NoSection(section.to_owned())));
    }
    let places = input.places();
    let (script_directory, script_location) = match (source.option("script_location")?, input.script_directory) {
        (Some((location, line)), _) => (places.resolve(&location, line)?, Some(Place::new(input.file, line))),
        (None, Some(directory)) => (directory.to_path_buf(), None),
        (None, None) => return Err(source.error(0, ConfigFault::NoScriptLocation)),
    };
    let mut version_directories = Vec::new();
    if let Some((locations, line)) = source.option("version_locations")? {
        for location in source.split_locations(&locations)? {
            version_directories.push(places.resolve(&location, line)?);
        }
    }
    Ok(AlembicConfig {
        section: section.to_owned(),
        script_location,
        version_directories: or_default(version_directories, &script_directory),
        script_directory,
        recursive: source.boolean("recursive_version_locations")?,
        url: source.url(),
        file_template: source.text("file_template")?,
        timezone: source.text("timezone")?,
        truncate_slug_length: source.number("truncate_slug_length")?,
        revision_environment: source.boolean("revision_environment")?,
        ..input.start()
    })
}

/// Returns what `[tool.alembic]` of a `pyproject.toml` configures; nothing when there is no such table.
///
/// Paths as in [`from_ini`]. There is never a URL: Alembic reads it from an ini file only, see [`url_from_ini`].
///
/// Fails on invalid TOML and on values of a wrong type, else as [`from_ini`].
pub fn from_pyproject(input: &ConfigFile<'_>) -> Result<Option<AlembicConfig>, ConfigError> {
    let (file, text) = (input.file, input.text);
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_of(text, span.start));
        ConfigError { at: Place::new(file, line), fault: ConfigFault::InvalidToml(error.message().to_owned()) }
    })?;
    let tool = document.get("tool").and_then(|tool| tool.get("alembic"));
    let Some(table) = tool else { return Ok(None) };
    let source = TomlSource { table, file, text, here: input.here.to_string_lossy().into_owned() };
    let Some((location, line)) = source.string("script_location")? else {
        return Err(source.error(table, ConfigFault::NoScriptLocation));
    };
    let places = input.places();
    let script_directory = places.resolve(&location, line)?;
    let mut version_directories = Vec::new();
    for (location, line) in source.strings("version_locations")? {
        version_directories.push(places.resolve(&location, line)?);
    }
    let text = |option| source.string(option).map(|found| found.map(|(value, _)| value));
    Ok(Some(AlembicConfig {
        // Alembic knows no other name for it; its ini file, when there is one beside it, has this section.
        section: MAIN_SECTION.to_owned(),
        script_location: Some(Place::new(file, line)),
        version_directories: or_default(version_directories, &script_directory),
        script_directory,
        recursive: source.boolean("recursive_version_locations")?,
        file_template: text("file_template")?,
        timezone: text("timezone")?,
        truncate_slug_length: source.number("truncate_slug_length")?,
        revision_environment: source.boolean("revision_environment")?,
        ..input.start()
    }))
}

impl ConfigFile<'_> {
    fn places(&self) -> Places<'_> {
        let (file, here) = (self.file, self.here);
        Places { file, here, directory: self.directory, package_directory: self.package_directory }
    }

    fn start(&self) -> AlembicConfig {
        AlembicConfig {
            file: self.file.to_path_buf(),
            working_directory: self.directory.to_path_buf(),
            version_table: "alembic_version".to_owned(),
            ..AlembicConfig::default()
        }
    }
}

fn or_default(mut version_directories: Vec<PathBuf>, script_directory: &Path) -> Vec<PathBuf> {
    if version_directories.is_empty() {
        version_directories.push(script_directory.join("versions"));
    }
    version_directories
}

/// Returns the sections that have a `script_location`, in order: several mean several chains, as `alembic -n` selects
/// them. The `alembic` section may inherit it from `[DEFAULT]`.
pub fn sections(text: &str) -> Vec<String> {
    let ini = ini::parse(text);
    let has_location = |section: &String| {
        let entry = ini.get(section, "script_location");
        entry.is_some_and(|entry| entry.section == *section || section == MAIN_SECTION)
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

    fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        Ok(self.option(name)?.map(|(value, _)| value))
    }

    /// Alembic compares with this word; `True` is false to it.
    fn boolean(&self, name: &str) -> Result<bool, ConfigError> {
        Ok(self.option(name)?.is_some_and(|(value, _)| value == "true"))
    }

    fn number(&self, name: &str) -> Result<Option<usize>, ConfigError> {
        let Some((value, line)) = self.option(name)? else { return Ok(None) };
        let wrong = |_| ConfigFault::WrongType { option: name.to_owned(), expected: "a number" };
        value.trim().parse().map(Some).map_err(|error| self.error(line, wrong(error)))
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

fn line_of(text: &str, offset: usize) -> usize {
    crate::parse::sql::line_of(text, offset)
}
