//! Other programs: run them, ask them, install them.

use crate::places;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Builds a command that reads nothing from the terminal.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns what it wrote to stdout; on failure, what it said.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("`{name}` did not start: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.trim().is_empty() {
        said = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    Err(format!("`{name}` failed ({}): {}", output.status, last_lines(&said, 12)))
}

/// Returns the last lines of a text, which is where programs say what went wrong.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// Runs a command with our own output and returns its exit code.
pub(crate) fn shown(command: &mut Command) -> Result<u8, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("`{name}` did not start: {error}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// True where packages can be installed without asking: root on Debian or one of its children.
pub(crate) fn can_install() -> bool {
    Path::new("/etc/debian_version").exists()
        && places::program("apt-get").is_some()
        && output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Only one `apt-get` can run at a time; steps that run side by side queue here.
static APT: Mutex<()> = Mutex::new(());

/// Installs Debian packages, refreshing the list of packages first when the list is too old to know them.
pub(crate) fn install(packages: &[&str]) -> Result<(), String> {
    if !can_install() {
        return Err("it is not installed, and installing needs root on Debian or Ubuntu".to_owned());
    }
    let Ok(_one_at_a_time) = APT.lock() else {
        return Err("another installation was abandoned".to_owned());
    };
    println!("bench: installing {} …", packages.join(" "));
    let attempt = || {
        output(
            command("apt-get")
                .args(["install", "-y", "-q", "--no-install-recommends"])
                .args(packages)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    if attempt().is_ok() {
        return Ok(());
    }
    output(command("apt-get").args(["update", "-q"]))?;
    attempt().map(drop)
}

/// Returns a hash that stays the same across compilers and machines, for cache keys (FNV-1a).
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
