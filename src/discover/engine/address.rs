//! Where the engine is: `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context, then the usual sockets.
//!
//! Source: Docker CLI documentation, "Docker contexts": a context's endpoint stands in
//! `contexts/meta/<sha256 of its name>/meta.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::engine::{EngineOutcome, EngineProbe};
use crate::model::secret::Secret;
use crate::wire::files::{exists, read_text};

const DEFAULT: &str = "/var/run/docker.sock";

/// Returns the engine's address and who named it.
pub(super) fn resolve(shell: &BTreeMap<String, Secret>) -> Result<(String, String), Box<EngineProbe>> {
    let variable = |name: &str| shell.get(name).map(Secret::reveal).filter(|value| !value.is_empty());
    if let Some(host) = variable("DOCKER_HOST") {
        return Ok((host.to_owned(), "DOCKER_HOST".to_owned()));
    }
    let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from).unwrap_or_default();
    let config = variable("DOCKER_CONFIG").map_or_else(|| home.join(".docker"), PathBuf::from);
    let chosen = variable("DOCKER_CONTEXT").map(|name| (name.to_owned(), "DOCKER_CONTEXT"));
    let chosen = chosen.or_else(|| current_context(&config).map(|name| (name, "the current context")));
    if let Some((name, by)) = chosen.filter(|(name, _)| name != "default") {
        let named_by = format!("{by} `{name}`");
        return match endpoint(&config, &name) {
            Ok(host) => Ok((host, named_by)),
            Err(why) => {
                let outcome = EngineOutcome::Misconfigured { why };
                Err(Box::new(EngineProbe { address: String::new(), named_by, outcome }))
            }
        };
    }
    let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let found = usual(&home, runtime.as_deref()).into_iter().find(|(path, _)| exists(path));
    let (path, by) = found.unwrap_or_else(|| (PathBuf::from(DEFAULT), "the default socket"));
    Ok((format!("unix://{}", path.display()), by.to_owned()))
}

fn usual(home: &Path, runtime: Option<&Path>) -> Vec<(PathBuf, &'static str)> {
    let mut sockets = vec![(PathBuf::from(DEFAULT), "the default socket")];
    sockets.extend(runtime.map(|folder| (folder.join("docker.sock"), "the rootless socket")));
    sockets.push((home.join(".docker/run/docker.sock"), "Docker Desktop's socket"));
    sockets.push((home.join(".orbstack/run/docker.sock"), "OrbStack's socket"));
    sockets.push((home.join(".colima/default/docker.sock"), "Colima's socket"));
    sockets.extend(runtime.map(|folder| (folder.join("podman/podman.sock"), "Podman's socket")));
    sockets.push((PathBuf::from("/run/podman/podman.sock"), "Podman's socket"));
    sockets
}

fn current_context(config: &Path) -> Option<String> {
    let text = read_text(&config.join("config.json")).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    value.get("currentContext")?.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn endpoint(config: &Path, name: &str) -> Result<String, String> {
    let digest = Sha256::digest(name.as_bytes());
    let folder = digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(hex, "{byte:02x}");
        hex
    });
    let path = config.join("contexts/meta").join(folder).join("meta.json");
    let text = read_text(&path).map_err(|why| format!("there is no context `{name}`: `{}`: {why}", path.display()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let host = value.pointer("/Endpoints/docker/Host").and_then(Value::as_str);
    host.map(str::to_owned).ok_or_else(|| format!("the context `{name}` has no Docker endpoint"))
}

/// Returns why a unix socket does not let us in; nothing when it does, or for other kinds of address.
#[cfg(unix)]
pub(super) async fn knock(address: &str) -> Option<EngineOutcome> {
    if address.starts_with("ssh://") {
        let why = "engines over ssh:// are not asked".to_owned();
        return Some(EngineOutcome::NoAnswer { why });
    }
    let path = address.strip_prefix("unix://")?;
    let error = tokio::net::UnixStream::connect(path).await.err()?;
    Some(match error.kind() {
        io::ErrorKind::PermissionDenied => EngineOutcome::PermissionDenied,
        io::ErrorKind::NotFound => EngineOutcome::NotRunning { why: format!("there is no socket `{path}`") },
        io::ErrorKind::ConnectionRefused => EngineOutcome::NotRunning { why: format!("nobody listens on `{path}`") },
        _ => EngineOutcome::NoAnswer { why: error.to_string() },
    })
}

#[cfg(not(unix))]
pub(super) async fn knock(_address: &str) -> Option<EngineOutcome> {
    None
}
