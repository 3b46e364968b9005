//! The short syntax of a service's `volumes`.

use super::canonical::put;
use super::paths;
use super::yaml::{Map, Spot};

/// Reads `[SOURCE:]TARGET[:OPTIONS]`, as compose-go's `format.ParseVolume`.
pub(super) fn short_volume(at: &Spot, written: &str) -> Result<Map, &'static str> {
    let mut parts: Vec<String> = Vec::new();
    for piece in written.split(':') {
        match parts.last_mut() {
            // `C:\data` has a colon of its own.
            Some(drive) if is_drive(drive) => *drive = format!("{drive}:{piece}"),
            _ => parts.push(piece.to_owned()),
        }
    }
    if written.is_empty() {
        return Err("is empty");
    }
    if parts.iter().any(String::is_empty) {
        return Err("has an empty part between its colons");
    }
    let mut map = Map::new();
    let mut parts = parts.into_iter();
    let (first, second, options) = (parts.next(), parts.next(), parts.next());
    if parts.next().is_some() {
        return Err("has too many colons");
    }
    let (source, target) = match (first, second) {
        (Some(source), Some(target)) => (Some(source), target),
        (first, _) => (None, first.unwrap_or_default()),
    };
    let kind = match &source {
        Some(source) if paths::is_file_path(source) => "bind",
        _ => "volume",
    };
    put(&mut map, at, "type", kind);
    put(&mut map, at, "target", target);
    if let Some(source) = source {
        put(&mut map, at, "source", source);
    }
    if options.is_some_and(|options| options.split(',').any(|option| option == "ro")) {
        put(&mut map, at, "read_only", "true");
    }
    Ok(map)
}

fn is_drive(part: &str) -> bool {
    let mut letters = part.chars();
    letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
}
