//! Where things are: the workspace, Cargo's target directory, the bench.

use std::path::{Path, PathBuf};

/// Returns the root of the workspace.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns Cargo's target directory, wherever it was configured to be.
///
/// This program itself lies in it, which holds for `CARGO_TARGET_DIR`, `build.target-dir` and `--target-dir` alike.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    // <target>/<profile>/xtask; Cargo marks the top, which tells it from <target>/<triple>.
    let marked = program.ancestors().find(|place| place.join(".rustc_info.json").is_file());
    marked.or_else(|| program.ancestors().nth(2)).map_or_else(|| root().join("target"), Path::to_owned)
}

/// Returns the directory that holds everything the tests need and no test writes to.
pub(crate) fn bench() -> PathBuf {
    target().join("bench")
}

/// Looks a program up in `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Administrators' directories are not in every user's PATH, but Debian puts `dockerd` and `ldconfig` there.
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(extra).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// True in continuous integration, where what cannot be prepared is a failure instead of a warning.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
