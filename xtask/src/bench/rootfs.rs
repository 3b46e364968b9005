//! Lays out the files of the test image from this machine's own `PostgreSQL`.
//!
//! No registry is asked: an image needs a server, the libraries it is linked with, a shell, and the files in the
//! places the server was compiled to look in. The same absolute paths as on this machine keep all of that true.

use super::Postgres;
use crate::{places, run};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// The programs a developer, an init script or devdb calls in a `PostgreSQL` container.
const SERVER_PROGRAMS: [&str; 13] = [
    "postgres",
    "initdb",
    "pg_ctl",
    "psql",
    "pg_isready",
    "pg_controldata",
    "createdb",
    "dropdb",
    "createuser",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_config",
];

/// `BusyBox`'s `setpriv` cannot change the user, and init scripts are often written for bash.
const OTHER_PROGRAMS: [&str; 2] = ["setpriv", "bash"];

/// Where the server was compiled to find its parts.
struct Layout {
    libraries: PathBuf,
    share: PathBuf,
}

/// Builds the whole tree anew in `root`.
///
/// Programs that the server came without, such as `psql`, are those beside the machine's own server, `own`.
pub(crate) fn build(
    postgres: &Postgres,
    own: &Postgres,
    busybox: &Path,
    entrypoint: &str,
    root: &Path,
) -> Result<(), String> {
    lay_out(postgres, own, busybox, entrypoint, root).map_err(|error| format!("building {}: {error}", root.display()))
}

fn lay_out(postgres: &Postgres, own: &Postgres, busybox: &Path, entrypoint: &str, root: &Path) -> io::Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    directories(root)?;
    shell(busybox, root)?;
    let layout = layout(postgres);
    let mut linked: Vec<PathBuf> = Vec::new();
    for program in SERVER_PROGRAMS {
        let found = [&postgres.bin, &own.bin].map(|bin| bin.join(program)).into_iter().find(|file| file.is_file());
        let target = inside(root, &postgres.bin).join(program);
        linked.extend(found.map(|found| optional_copy(&found, &target)).transpose()?.flatten());
    }
    for program in OTHER_PROGRAMS {
        let found =
            places::program(program).ok_or_else(|| io::Error::other(format!("`{program}` is not installed")))?;
        let target = root.join("usr/bin").join(program);
        // The applet of the same name is a link to `BusyBox`: writing through it would overwrite `BusyBox`.
        remove_if_there(&target)?;
        linked.extend(optional_copy(&found, &target)?);
    }
    linked.extend(server_libraries(&layout.libraries, root)?);
    for library in shared_libraries(&linked)? {
        optional_copy(&library, &inside(root, &library))?;
    }
    share(&layout.share, root)?;
    accounts(root)?;
    let script = root.join("usr/local/bin/docker-entrypoint.sh");
    fs::write(&script, entrypoint)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
}

/// The place of one of this machine's files in the image.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn directories(root: &Path) -> io::Result<()> {
    let plain = [
        "usr/bin",
        "usr/lib",
        "usr/lib64",
        "usr/local/bin",
        "etc",
        "root",
        "proc",
        "sys",
        "dev",
        "run",
        "var/lib/postgresql/data",
        "docker-entrypoint-initdb.d",
    ];
    for directory in plain {
        fs::create_dir_all(root.join(directory))?;
    }
    for directory in ["tmp", "var/tmp", "run/postgresql"] {
        fs::create_dir_all(root.join(directory))?;
        fs::set_permissions(root.join(directory), fs::Permissions::from_mode(0o1777))?;
    }
    // As on every current distribution; the loader looks in both anyway.
    let links = [
        ("usr/bin", "bin"),
        ("usr/bin", "sbin"),
        ("bin", "usr/sbin"),
        ("usr/lib", "lib"),
        ("usr/lib64", "lib64"),
        ("../run", "var/run"),
    ];
    for (target, link) in links {
        symlink(target, root.join(link))?;
    }
    Ok(())
}

fn shell(busybox: &Path, root: &Path) -> io::Result<()> {
    let bin = root.join("usr/bin");
    fs::copy(busybox, bin.join("busybox"))?;
    let applets = run::output(run::command(busybox).arg("--list")).map_err(io::Error::other)?;
    for applet in applets.lines().filter(|&applet| applet != "busybox" && !applet.is_empty()) {
        symlink("busybox", bin.join(applet))?;
    }
    // BusyBox's own shell prefers its applets to the programs in PATH, whatever those are.
    remove_if_there(&bin.join("sh"))?;
    symlink("bash", bin.join("sh"))
}

/// Asks `pg_config`; without it, the layout of a folder of its own, or of Debian's packages.
fn layout(postgres: &Postgres) -> Layout {
    let ask = |what: &str| {
        let said = run::output(run::command(postgres.bin.join("pg_config")).arg(what)).ok()?;
        Some(PathBuf::from(said.trim())).filter(|path| path.is_dir())
    };
    let above = postgres.bin.parent().unwrap_or(&postgres.bin);
    let beside = |folder: &str| Some(above.join(folder).join("postgresql")).filter(|path| path.is_dir());
    Layout {
        libraries: ask("--pkglibdir").or_else(|| beside("lib")).unwrap_or_else(|| above.join("lib")),
        share: ask("--sharedir")
            .or_else(|| beside("share"))
            .unwrap_or_else(|| format!("/usr/share/postgresql/{}", postgres.major).into()),
    }
}

/// Copies the server's loadable modules, except the JIT compiler: it alone would triple the image.
fn server_libraries(libraries: &Path, root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut copied = Vec::new();
    for entry in fs::read_dir(libraries)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|ending| ending == "so") && !name.starts_with("llvmjit") {
            copied.extend(optional_copy(&path, &inside(root, &path))?);
        }
    }
    Ok(copied)
}

/// Returns every library that `files` are linked with, the loader included.
fn shared_libraries(files: &[PathBuf]) -> io::Result<BTreeSet<PathBuf>> {
    let said = run::output(run::command("ldd").args(files)).map_err(io::Error::other)?;
    Ok(said
        .lines()
        .filter(|line| line.starts_with(char::is_whitespace))
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect())
}

fn share(share: &Path, root: &Path) -> io::Result<()> {
    let locale = PathBuf::from("/usr/lib/locale/C.utf8");
    for directory in [share, Path::new("/usr/share/zoneinfo"), &locale] {
        if directory.is_dir() {
            let target = inside(root, directory);
            fs::create_dir_all(target.parent().unwrap_or(root))?;
            run::output(run::command("cp").args(["-a", "-T"]).arg(directory).arg(&target)).map_err(io::Error::other)?;
        }
    }
    let share = inside(root, share);
    let manual = share.join("man");
    if manual.exists() {
        fs::remove_dir_all(manual)?;
    }
    // A container's server is reached from outside, or it is of no use: every new data directory says so.
    let sample = share.join("postgresql.conf.sample");
    let mut text = fs::read_to_string(&sample)?;
    text.push_str("\nlisten_addresses = '*'\nunix_socket_directories = '/var/run/postgresql'\n");
    fs::write(&sample, text)
}

fn accounts(root: &Path) -> io::Result<()> {
    let etc = root.join("etc");
    fs::write(
        etc.join("passwd"),
        "root:x:0:0:root:/root:/bin/sh\n\
         postgres:x:999:999::/var/lib/postgresql:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    )?;
    fs::write(etc.join("group"), "root:x:0:\npostgres:x:999:\nnogroup:x:65534:\n")?;
    fs::write(etc.join("nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n")
}

/// Copies a file, following links, and returns where it came from; a file that is not there is left out.
fn optional_copy(from: &Path, to: &Path) -> io::Result<Option<PathBuf>> {
    if !from.is_file() {
        return Ok(None);
    }
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to)?;
    Ok(Some(from.to_owned()))
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
