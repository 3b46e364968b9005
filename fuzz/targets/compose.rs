//! Compose projects: loading, merging, includes, `extends`, interpolation.
#![no_main]

use std::path::{Path, PathBuf};

use devdb::parse::compose::{ComposeInput, interpolate, load, ports};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["compose.yaml", "compose.override.yaml", "b.yaml", "a.env"];

// The files of a project, separated by NUL.
fuzz_target!(|text: &str| {
    let texts: Vec<&str> = text.split('\0').take(NAMES.len()).collect();
    let read = |path: &Path| {
        let at = NAMES.iter().position(|name| Path::new(name) == path);
        at.and_then(|at| texts.get(at)).map(|&text| text.to_owned()).ok_or_else(|| "not there".to_owned())
    };
    let environment = |name: &str| match name {
        "A" => Some("5432".to_owned()),
        "B" => Some(String::new()),
        _ => None,
    };
    let files = NAMES.iter().zip(&texts).take(2).map(|(name, _)| PathBuf::from(name)).collect();
    let compose = load(&ComposeInput {
        directory: Path::new(""),
        absolute_directory_name: "app",
        files,
        environment: &environment,
        read: &read,
    });
    for problem in &compose.problems {
        assert!(!problem.message.is_empty());
    }
    if let Some(first) = texts.first() {
        drop(interpolate::interpolate(first, &environment));
        drop(ports::parse_short(first));
    }
});
