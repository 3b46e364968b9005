//! Who holds a port.

use crate::model::picture::Picture;
use crate::model::server::Listener;

/// Returns the process that listens on a port, as evidence: beside an engine's forwarder, as macOS allows it, the other.
pub(in crate::diagnose) fn holder(picture: &Picture, port: u16) -> Option<String> {
    let listeners = picture.listeners_on(port);
    let other = |listener: &&&Listener| listener.process.as_ref().is_some_and(|it| !forwards(picture, &it.name));
    let named = |listener: &&&Listener| listener.process.is_some();
    let found = listeners.iter().find(other).or_else(|| listeners.iter().find(named));
    found.or_else(|| listeners.first()).map(|listener| held(listener))
}

fn held(listener: &Listener) -> String {
    match &listener.process {
        Some(process) => format!("{} is held by `{}` (pid {})", listener.address, process.name, process.pid),
        None => format!("{} is held by a process of another user", listener.address),
    }
}

/// Returns who holds the very address that is dialled, as evidence, where the engine's forwarder holds the port, too.
pub(in crate::diagnose) fn beside_engine(picture: &Picture, port: u16) -> Option<String> {
    let listeners = picture.listeners_on(port);
    let dialled = |listener: &&&Listener| {
        picture.reach.endpoints.iter().filter_map(|endpoint| endpoint.address).any(|it| it == listener.address)
    };
    let is_engine = |listener: &&&Listener| listener.process.as_ref().is_some_and(|it| forwards(picture, &it.name));
    let other = listeners.iter().filter(dialled).find(|listener| !is_engine(listener))?;
    listeners.iter().any(|listener| is_engine(&listener)).then(|| held(other))
}

/// Returns whether a container engine's forwarder holds the port.
pub(in crate::diagnose) fn held_by_engine(picture: &Picture, port: u16) -> bool {
    let listeners = picture.listeners_on(port);
    listeners.iter().filter_map(|listener| listener.process.as_ref()).any(|it| forwards(picture, &it.name))
}

/// Returns whether a process of this name carries a container's port to the host.
fn forwards(picture: &Picture, name: &str) -> bool {
    const FORWARDERS: [&str; 15] = [
        "docker-proxy",
        "com.docker.backend",
        "com.docker.vpnkit",
        "vpnkit",
        "rootlessport",
        "rootlesskit",
        "OrbStack",
        "OrbStack Helper",
        "limactl",
        // Podman's, and what it leaves the port to.
        "conmon",
        "pasta",
        "slirp4netns",
        "gvproxy",
        // Rancher Desktop's, and WSL's.
        "host-switch",
        "wslrelay",
    ];
    // Lima forwards by OpenSSH, and so may a person: only beside such an engine is it the engine's.
    let lima = [".colima/", ".lima/"].iter().any(|folder| picture.engine.address.contains(folder));
    FORWARDERS.iter().any(|it| name.starts_with(it)) || (lima && name == "ssh")
}

/// Returns what stops a server that was installed on the machine, as the package that it is of says in its version; both
/// usual ways where it does not.
pub(in crate::diagnose) fn stop_commands(version: &str) -> Vec<String> {
    let major = version.split(['.', ' ']).next().unwrap_or_default();
    if version.contains("Homebrew") {
        return vec![format!("brew services stop postgresql@{major}")];
    }
    if version.contains("Postgres.app") {
        return vec!["osascript -e 'quit app \"Postgres\"'".to_owned()];
    }
    if version.contains("Debian") || version.contains("Ubuntu") || version.contains("pgdg") {
        return vec![format!("sudo systemctl stop postgresql@{major}-main   # `pg_lsclusters` names it")];
    }
    ["brew services stop postgresql   # macOS", "sudo systemctl stop postgresql   # Linux"].map(str::to_owned).into()
}
