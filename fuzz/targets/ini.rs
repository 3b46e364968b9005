//! `alembic.ini` and `[tool.alembic]`.
#![no_main]

use std::path::{Path, PathBuf};

use devdb::parse::alembic::config::{ConfigFile, from_ini, from_pyproject, problems, sections, url_from_ini};
use devdb::parse::ini;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let here = Path::new("/home/100%/app");
    let lines = text.lines().count().max(1);
    let packages = |name: &str| (name == "app").then(|| PathBuf::from("src/app"));
    let parsed = ini::parse(text);
    for entry in &parsed.entries {
        assert!((1..=lines).contains(&entry.line));
        let found = parsed.interpolated(&entry.section, &entry.key, &[("here", "/home/100%")]);
        assert!(found.is_some(), "an entry that was read cannot be found");
    }
    drop(problems(text, here, "alembic"));
    drop(url_from_ini(Path::new("alembic.ini"), text, here, "alembic"));
    let mut input = ConfigFile {
        file: Path::new("db/alembic.ini"),
        text,
        here,
        directory: Path::new("db"),
        package_directory: &packages,
        script_directory: None,
    };
    for section in sections(text).iter().map(String::as_str).chain(["alembic"]) {
        if let Ok(config) = from_ini(&input, section) {
            assert!(!config.version_directories.is_empty());
        }
    }
    input.file = Path::new("pyproject.toml");
    if let Ok(Some(config)) = from_pyproject(&input) {
        assert!(!config.version_directories.is_empty());
    }
});
