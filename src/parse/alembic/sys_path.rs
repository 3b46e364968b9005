//! `prepend_sys_path`: the folders that Alembic puts first where Python looks for modules.

use std::path::PathBuf;

use toml_edit::Document;

use crate::parse::ini;

/// Returns the folders that a section of an ini file names, as they stand there; `here` is the file's folder.
///
/// How they are separated depends on the version of Alembic and on `path_separator`; here, each way of reading them
/// counts, since a folder too many does no harm.
pub fn from_ini(text: &str, section: &str, here: &str) -> Vec<PathBuf> {
    let ini = ini::parse(text);
    let value = ini.interpolated(section, "prepend_sys_path", &[("here", here)]);
    value.and_then(Result::ok).map(|(value, _)| split(&value)).unwrap_or_default()
}

/// Returns the same for `[tool.alembic]` of a `pyproject.toml`.
pub fn from_pyproject(text: &str, here: &str) -> Vec<PathBuf> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let value = document.get("tool").and_then(|tool| tool.get("alembic")?.get("prepend_sys_path"));
    let Some(value) = value else { return Vec::new() };
    let list = value.as_array().into_iter().flatten().filter_map(toml_edit::Value::as_str);
    list.chain(value.as_str()).flat_map(|text| split(&text.replace("%(here)s", here))).collect()
}

fn split(value: &str) -> Vec<PathBuf> {
    let pieces = value.split([' ', ',', ':', ';', '\n']).chain(value.split([',', ':', ';', '\n'])).map(str::trim);
    let mut folders: Vec<PathBuf> = pieces.filter(|piece| !piece.is_empty()).map(PathBuf::from).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Returns the text of `[tool.alembic]`, which is all of a `pyproject.toml` that Alembic reads; the whole where there is
/// no such table.
pub fn own_table(text: &str) -> String {
    let document = Document::parse(text).ok();
    let table = document.as_ref().and_then(|document| document.get("tool")?.get("alembic"));
    table.map_or_else(|| text.to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::{from_ini, from_pyproject, own_table};

    #[track_caller]
    fn check(value: &str, expected: &[&str]) {
        let found = from_ini(&format!("[alembic]\nprepend_sys_path = {value}\n"), "alembic", "/p q");
        assert_eq!(found.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn folders_are_separated_in_every_way() {
        check(".", &["."]);
        check(".:src", &[".", "src"]);
        check("a, b;c", &["a", "b", "c"]);
        check("%(here)s/src", &["/p", "/p q/src", "q/src"]);
        check("", &[]);
        assert!(from_ini("[alembic]\n", "alembic", "/p").is_empty());
    }

    #[test]
    fn pyproject_has_a_list_or_a_text() {
        let found = from_pyproject("[tool.alembic]\nprepend_sys_path = ['.', '%(here)s/src']\n", "/p");
        assert_eq!(found, [".", "/p/src"].map(std::path::PathBuf::from));
        assert_eq!(from_pyproject("[tool.alembic]\nprepend_sys_path = 'a'\n", "/p"), [std::path::PathBuf::from("a")]);
        assert!(from_pyproject("[tool.alembic", "/p").is_empty());
    }

    #[test]
    fn only_the_own_table_counts() {
        let one = own_table("[project]\nversion = '1'\n[tool.alembic]\nscript_location = 'a'\n[tool.x]\ny = 1\n");
        assert_eq!(one, own_table("[project]\nversion = '2'\n[tool.alembic]\nscript_location = 'a'\n"));
        assert_ne!(one, own_table("[tool.alembic]\nscript_location = 'b'\n"));
        assert_eq!(own_table("[project]"), "[project]");
    }
}
