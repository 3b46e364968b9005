//! Whether a data directory is served: `postmaster.pid` may have outlived its server.
#![expect(clippy::disallowed_methods, reason = "the file and the process table are read")]

use std::path::Path;

/// Removes the lock of a unix socket when the process that held it is `pid`, which is known to be gone.
pub(super) fn unlock_socket(folder: &Path, port: u16, pid: u32) -> std::io::Result<()> {
    let lock = folder.join(format!(".s.PGSQL.{port}.lock"));
    let text = std::fs::read_to_string(&lock).unwrap_or_default();
    let held_by = text.lines().next().and_then(|line| line.trim().parse().ok());
    if held_by == Some(pid) { std::fs::remove_file(&lock) } else { Ok(()) }
}

/// What `postmaster.pid` says, held against the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Postmaster {
    /// Nothing was left behind.
    Stopped,
    Running {
        pid: u32,
        port: u16,
    },
    /// The server is gone without having cleaned up.
    Stale {
        pid: Option<u32>,
        /// The pid belongs to another program now, for which PostgreSQL itself would take it.
        reused: bool,
    },
}

/// Returns the state of a data directory.
pub(super) fn look(data: &Path) -> Postmaster {
    let Ok(text) = std::fs::read_to_string(data.join("postmaster.pid")) else { return Postmaster::Stopped };
    // PostgreSQL source, `miscadmin.h`: pid, data directory, start time, port, …
    let mut lines = text.lines().map(str::trim);
    let Some(pid) = lines.next().and_then(|line| line.parse::<u32>().ok()) else {
        return Postmaster::Stale { pid: None, reused: false };
    };
    let port = lines.nth(2).and_then(|line| line.parse().ok()).unwrap_or_default();
    if !exists(pid) {
        return Postmaster::Stale { pid: Some(pid), reused: false };
    }
    if serves(pid, data) {
        Postmaster::Running { pid, port }
    } else {
        Postmaster::Stale { pid: Some(pid), reused: true }
    }
}

#[cfg(unix)]
fn exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0) else { return false };
    matches!(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None), Ok(()) | Err(nix::errno::Errno::EPERM))
}

#[cfg(not(unix))]
fn exists(_pid: u32) -> bool {
    true
}

/// A server works in its data directory; where that cannot be seen, the program's name has to do.
#[cfg(target_os = "linux")]
fn serves(pid: u32, data: &Path) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Ended, and not yet collected by its parent.
    if stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')) {
        return false;
    }
    if let (Ok(works_in), Ok(data)) = (std::fs::read_link(format!("/proc/{pid}/cwd")), std::fs::canonicalize(data)) {
        return works_in == data;
    }
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    matches!(name.trim(), "postgres" | "postmaster")
}

#[cfg(not(target_os = "linux"))]
fn serves(pid: u32, _data: &Path) -> bool {
    let asked = std::process::Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output();
    asked.map_or(true, |output| String::from_utf8_lossy(&output.stdout).trim().ends_with("postgres"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_left_over_file_is_told_from_a_server() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("postmaster.pid");
        assert_eq!(look(data.path()), Postmaster::Stopped);
        let write = |pid: &str| std::fs::write(&file, format!("{pid}\n/data\n1700000000\n5433\n/tmp\n")).unwrap();
        // The largest pid that Linux gives is 4,194,304.
        write("4194399");
        assert_eq!(look(data.path()), Postmaster::Stale { pid: Some(4_194_399), reused: false });
        write(&std::process::id().to_string());
        assert_eq!(look(data.path()), Postmaster::Stale { pid: Some(std::process::id()), reused: true });
        std::fs::write(&file, "").unwrap();
        assert_eq!(look(data.path()), Postmaster::Stale { pid: None, reused: false });
    }
}
