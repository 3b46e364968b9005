//! Where PostgreSQL's server programs are.
#![expect(clippy::disallowed_methods, reason = "folders are listed and `postgres --version` is run")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::model::local_server::Installation;
use crate::model::secret::Secret;

/// What a folder must hold to run a server.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// Returns the installed servers, newest first; where `DEVDB_PG_BIN` names a folder, only that one.
pub fn find(shell: &BTreeMap<String, Secret>) -> Vec<Installation> {
    let variable = |name: &str| shell.get(name).map(Secret::reveal).filter(|value| !value.is_empty());
    let named = variable("DEVDB_PG_BIN").map(PathBuf::from);
    let mut found: Vec<Installation> = Vec::new();
    let folders = named.map_or_else(|| folders(&variable), |folder| vec![folder]);
    for folder in folders {
        // `latest`, `17` and `17.2` of one version manager are often one folder.
        let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
        if !found.iter().any(|known| known.bin == folder) {
            found.extend(installation(&folder));
        }
    }
    found.sort_by_key(|it| std::cmp::Reverse(numbers(&it.version)));
    found
}

fn folders<'a>(variable: &impl Fn(&str) -> Option<&'a str>) -> Vec<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let on_path = which::which_in_all("postgres", Some(path), "/").map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let parent = |program: PathBuf| {
        let real = std::fs::canonicalize(&program).unwrap_or(program);
        real.parent().map(Path::to_path_buf)
    };
    let mut folders: Vec<PathBuf> = on_path.into_iter().filter_map(parent).collect();
    folders.extend(under("/usr/lib/postgresql", "", "bin"));
    folders.extend(under("/usr", "pgsql-", "bin"));
    for brew in ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"] {
        folders.extend(under(format!("{brew}/opt"), "postgresql", "bin"));
        folders.push(PathBuf::from(brew).join("bin"));
    }
    folders.extend(under("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    // Arch, Alpine, FreeBSD.
    folders.extend(under("/usr/libexec", "postgresql", ""));
    folders.extend(["/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
    let home = variable("HOME").map(PathBuf::from).unwrap_or_default();
    let asdf = variable("ASDF_DATA_DIR").map_or_else(|| home.join(".asdf"), PathBuf::from);
    let mise = variable("MISE_DATA_DIR").map_or_else(|| home.join(".local/share/mise"), PathBuf::from);
    for manager in [asdf, mise] {
        folders.extend(under(manager.join("installs/postgres"), "", "bin"));
    }
    #[cfg(windows)]
    folders.extend(under(r"C:\Program Files\PostgreSQL", "", "bin"));
    folders
}

/// `<folder>/<prefix>*/<last>`.
fn under(folder: impl AsRef<Path>, prefix: &str, last: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(prefix);
    entries
        .flatten()
        .filter(named)
        .map(|entry| if last.is_empty() { entry.path() } else { entry.path().join(last) })
        .collect()
}

fn installation(bin: &Path) -> Option<Installation> {
    let program = |name: &str| bin.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !PROGRAMS.iter().all(|name| program(name).is_file()) {
        return None;
    }
    let output = Command::new(program("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
    let version = version(&String::from_utf8_lossy(&output.stdout))?;
    let major = version.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()?;
    Some(Installation { bin: bin.to_path_buf(), major, version })
}

/// The number in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(text: &str) -> Option<String> {
    let after = text.split_once("(PostgreSQL)")?.1;
    let word = after.split_whitespace().next()?;
    word.starts_with(|it: char| it.is_ascii_digit()).then(|| word.to_owned())
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// Returns the one command that installs a server on this system.
pub fn install_hint() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    hint_for(&release, cfg!(target_os = "macos"), cfg!(windows))
}

fn hint_for(release: &str, mac: bool, windows: bool) -> String {
    let value = |key: &str| {
        let mut lines = release.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(|text| text.trim_matches('"').to_owned())
    };
    let names = format!("{} {}", value("ID").unwrap_or_default(), value("ID_LIKE").unwrap_or_default());
    let is = |wanted: &[&str]| names.split_whitespace().any(|name| wanted.contains(&name));
    let command = if mac {
        "brew install postgresql@17"
    } else if windows {
        "winget install PostgreSQL.PostgreSQL.17"
    } else if is(&["alpine"]) {
        "sudo apk add postgresql"
    } else if is(&["arch"]) {
        "sudo pacman -S postgresql"
    } else if is(&["fedora", "rhel", "centos"]) {
        "sudo dnf install postgresql-server"
    } else if is(&["suse", "opensuse"]) {
        "sudo zypper install postgresql-server"
    } else if is(&["nixos"]) {
        "nix profile install nixpkgs#postgresql"
    } else if is(&["debian", "ubuntu"]) {
        "sudo apt-get install postgresql"
    } else {
        "install PostgreSQL's server with your system's package manager"
    };
    command.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(version(text).as_deref(), expect, "{text}");
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some("15.18"));
        check("postgres (PostgreSQL) 18beta1\n", Some("18beta1"));
        check("psql: command not found", None);
        assert!(numbers("16.10") > numbers("16.9"));
    }

    #[test]
    fn the_hint_follows_the_system() {
        let check = |release: &str, expect: &str| assert_eq!(hint_for(release, false, false), expect);
        check("NAME=\"Debian\"\nID=debian\n", "sudo apt-get install postgresql");
        check("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "sudo apt-get install postgresql");
        check("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "sudo dnf install postgresql-server");
        check("ID=arch\n", "sudo pacman -S postgresql");
        check("ID=alpine\n", "sudo apk add postgresql");
        assert_eq!(hint_for("", true, false), "brew install postgresql@17");
    }

    #[test]
    fn a_folder_without_a_server_is_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("postgres"), "").unwrap();
        assert_eq!(installation(folder.path()), None);
    }
}
