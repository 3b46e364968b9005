//! The proof that a database may be destroyed. Without the value, nothing that destroys can be called.

use super::engine::Container;
use super::picture::Picture;
use super::secret::Secret;
use super::server::Listener;
use super::target::{Candidate, Host};

/// Processes that forward a port to somewhere else.
const TUNNELS: [&str; 24] = [
    "ssh",
    "sshd",
    "autossh",
    "kubectl",
    "cloud-sql-proxy",
    "cloud_sql_proxy",
    "cloudsqlproxy",
    "flyctl",
    "fly",
    "session-manager-plugin",
    "socat",
    "tsh",
    "teleport",
    "boundary",
    "k9s",
    "oc",
    "aws",
    "gcloud",
    "ncat",
    "nc",
    "stunnel",
    "stunnel4",
    "haproxy",
    "chisel",
];

/// Variables by which projects say where they run.
const ENVIRONMENT_KEYS: [&str; 12] = [
    "APP_ENV",
    "RAILS_ENV",
    "RACK_ENV",
    "NODE_ENV",
    "ENVIRONMENT",
    "ENV",
    "FLASK_ENV",
    "FASTAPI_ENV",
    "DJANGO_ENV",
    "DEPLOY_ENV",
    "PYTHON_ENV",
    "GO_ENV",
];

const PRODUCTION: [&str; 5] = ["production", "prod", "live", "staging", "stage"];

/// Permission to replace one database of one server, made only by [`Disposable::prove`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposable {
    database: String,
    system_identifier: Option<u64>,
    how: String,
    typed_name_needed: bool,
}

/// Why a database may not be touched, and what would make it pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule's id, as the README lists it.
    pub rule: &'static str,
    /// What is in the way, naming database and evidence.
    pub message: String,
    /// What would make it pass.
    pub remedy: String,
}

impl Disposable {
    /// Returns how it is known that the server is this machine's, without any claim on its databases: enough to make a
    /// database of devdb's own beside them.
    pub fn server_is_ours(picture: &Picture) -> Result<String, Refusal> {
        let candidate = picture.target().ok_or_else(no_target)?;
        own_server(picture, candidate)?;
        Ok(locality(picture, candidate)?.0)
    }

    /// Returns the proof for the picture's target, or the first rule that stands against it.
    pub fn prove(picture: &Picture) -> Result<Self, Refusal> {
        let candidate = picture.target().ok_or_else(no_target)?;
        name_is_ordinary(picture, candidate)?;
        no_production_marker(picture)?;
        stored_marker_agrees(picture, candidate)?;
        own_server(picture, candidate)?;
        let (how, typed_name_needed) = locality(picture, candidate)?;
        Ok(Self {
            database: candidate.target.database().to_owned(),
            system_identifier: picture.server.known().and_then(|server| server.system_identifier),
            how,
            typed_name_needed,
        })
    }

    /// Returns whether the marker that a database carries (`devdb.environment`) lets it be replaced.
    pub fn marker_allows(database: &str, marker: Option<&str>) -> Result<(), Refusal> {
        match marker {
            None | Some("development" | "test" | "local") => Ok(()),
            Some(other) => Err(Refusal {
                rule: "marker",
                message: format!("the database itself says `devdb.environment = {other}`"),
                remedy: format!(
                    "if that is wrong, a superuser (before PostgreSQL 15, its owner too) runs: ALTER DATABASE \"{}\" SET devdb.environment = 'development'",
                    database.replace('"', "\"\"")
                ),
            }),
        }
    }

    /// Returns the name of the database that may be replaced.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Returns the identifier of the server that it was proven for; `execute` reads it again.
    pub fn system_identifier(&self) -> Option<u64> {
        self.system_identifier
    }

    /// Returns how locality was proven, as a phrase.
    pub fn how(&self) -> &str {
        &self.how
    }

    /// Returns whether the database's name must be typed (a remote host that `devdb.toml` allows).
    pub fn typed_name_needed(&self) -> bool {
        self.typed_name_needed
    }
}

fn name_is_ordinary(picture: &Picture, candidate: &Candidate) -> Result<(), Refusal> {
    let name = candidate.target.database();
    let system = name == "postgres" || name.starts_with("template");
    if system {
        return Err(Refusal {
            rule: "name",
            message: format!("`{name}` is a database of the server itself ({})", candidate.origin),
            remedy: "name a database of the app's own in the URL".to_owned(),
        });
    }
    let protected = &picture.config.database.protected;
    if let Some(pattern) = protected.iter().find(|pattern| matches_pattern(pattern, name)) {
        return Err(Refusal {
            rule: "protected",
            message: format!("`{name}` is protected by the pattern `{pattern}`"),
            remedy: "remove the pattern from `[database] protected` in `devdb.toml`, or name another database"
                .to_owned(),
        });
    }
    Ok(())
}

fn no_target() -> Refusal {
    Refusal {
        rule: "target",
        message: "no file and no variable names a database".to_owned(),
        remedy: "set `DATABASE_URL` in `.env`".to_owned(),
    }
}

fn no_production_marker(picture: &Picture) -> Result<(), Refusal> {
    for key in ENVIRONMENT_KEYS {
        let from_shell = picture.shell.get(key).map(|value| (value, format!("${key} of the shell")));
        let from_file = || {
            let file = picture.main_env_file()?;
            let entry = file.entries.iter().rev().find(|entry| entry.key == key)?;
            Some((&entry.raw, format!("{}:{} {key}", file.path.display(), entry.line)))
        };
        let Some((value, origin)) = from_shell.or_else(from_file) else { continue };
        if is_production(value) {
            return Err(Refusal {
                rule: "production",
                message: format!("{origin} says `{}`", value.reveal()),
                remedy: format!("set `{key}` to `development` where the app runs on your machine"),
            });
        }
    }
    Ok(())
}

fn is_production(value: &Secret) -> bool {
    let value = value.reveal().trim().to_ascii_lowercase();
    // `${STAGE:-production}`: what a loader would make of it is not known here, so the word alone is enough.
    let unexpanded = value.contains('$') && PRODUCTION.iter().any(|word| value.contains(word));
    unexpanded || PRODUCTION.contains(&value.as_str())
}

fn stored_marker_agrees(picture: &Picture, candidate: &Candidate) -> Result<(), Refusal> {
    let marker = picture.server.known().and_then(|server| server.database.known()).and_then(|it| it.marker.as_deref());
    Disposable::marker_allows(candidate.target.database(), marker)
}

/// A server that is proven not to be the project's own is nobody's to write to.
fn own_server(picture: &Picture, candidate: &Candidate) -> Result<(), Refusal> {
    let container = picture.database_container().filter(|container| container.is_running());
    let expected = container.and_then(|container| container.system_identifier.known());
    let answered = picture.server.known().and_then(|server| server.system_identifier);
    match (container, expected, answered) {
        (Some(container), Some(expected), Some(answered)) if *expected != answered => Err(Refusal {
            rule: "identity",
            message: format!(
                "the server at {} is not the project's container `{}` (system identifiers differ)",
                candidate.target.address(),
                container.name
            ),
            remedy: "devdb doctor   (says which line to change)".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Returns how it is known that the server is this machine's, and whether the name must be typed all the same.
fn locality(picture: &Picture, candidate: &Candidate) -> Result<(String, bool), Refusal> {
    let target = &candidate.target;
    if matches!(target.host(), Host::Socket(_)) {
        return Ok(("unix socket".to_owned(), false));
    }
    if target.hosts.len() > 1 && !target.hosts.iter().all(|(host, _)| host.is_loopback()) {
        return allowed_remote(picture, candidate);
    }
    if let Some(container) = answering_container(picture) {
        return Ok((format!("container `{}`, same system identifier", container.name), false));
    }
    if !target.host().is_loopback() {
        return allowed_remote(picture, candidate);
    }
    let listeners = picture.listeners_on(target.port());
    if let Some((listener, tunnel)) = listeners.iter().find_map(|listener| Some((listener, tunnel(listener)?))) {
        return Err(Refusal {
            rule: "tunnel",
            message: format!("{} is held by `{tunnel}`, which leads to another machine", listener.address),
            remedy: "stop the tunnel, or point the URL at a local server".to_owned(),
        });
    }
    forwarded(picture, candidate)?;
    let process = listeners.iter().find_map(|listener| listener.process.as_ref());
    Ok(match process {
        Some(process) => (format!("loopback, served by `{}` (pid {})", process.name, process.pid), false),
        None => ("loopback, no tunnel on the port".to_owned(), false),
    })
}

/// Returns the local engine's container whose data directory carries the identifier that the server reports.
fn answering_container(picture: &Picture) -> Option<&Container> {
    if !picture.engine.address.starts_with("unix://") && !picture.engine.address.starts_with("npipe://") {
        return None;
    }
    let identifier = picture.server.known()?.system_identifier?;
    let engine = picture.engine().ok()?;
    engine
        .containers
        .iter()
        .find(|container| container.is_running() && container.system_identifier.known() == Some(&identifier))
}

/// A container that publishes the port and holds no server's data may be a proxy to anywhere (`cloud-sql-proxy` in a
/// Compose file). A pooler before a local server passes: that server's container answers with its identifier.
fn forwarded(picture: &Picture, candidate: &Candidate) -> Result<(), Refusal> {
    let port = candidate.target.port();
    let Ok(engine) = picture.engine() else { return Ok(()) };
    let publishes = |container: &&Container| container.published_ports.iter().any(|it| it.host_port == port);
    let holder = engine.containers.iter().filter(|container| container.is_running()).find(publishes);
    match holder {
        Some(container) if !container.is_postgres() => Err(Refusal {
            rule: "tunnel",
            message: format!(
                "{} is held by the container `{}` (image `{}`), which may lead to another machine",
                candidate.target.address(),
                container.name,
                container.image
            ),
            remedy: "point the URL at the server's own container, or at a local server".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn tunnel(listener: &Listener) -> Option<&str> {
    let name = listener.process.as_ref()?.name.as_str();
    let base = name.rsplit('/').next().unwrap_or(name).trim_end_matches(':').trim_end_matches(".exe");
    // Linux cuts a process's name to 15 bytes (proc(5), `comm`).
    let cut = |known: &str| known.get(..15).unwrap_or(known) == base.get(..15).unwrap_or(base);
    TUNNELS.iter().any(|known| cut(known)).then_some(name)
}

fn allowed_remote(picture: &Picture, candidate: &Candidate) -> Result<(String, bool), Refusal> {
    let target = &candidate.target;
    let allowed = |host: &Host| {
        let with_database = format!("{host}/{}", target.database());
        picture.config.database.remote.iter().any(|entry| *entry == host.to_string() || *entry == with_database)
    };
    if target.hosts.iter().all(|(host, _)| host.is_loopback() || allowed(host)) {
        return Ok((format!("`{}` is listed in devdb.toml", target.host()), true));
    }
    let strangers = target.hosts.iter().map(|(host, _)| host).filter(|host| !host.is_loopback());
    let stranger = strangers.map(ToString::to_string).next().unwrap_or_else(|| target.host().to_string());
    Err(Refusal {
        rule: "remote",
        message: format!("`{stranger}` is not this machine ({})", candidate.origin),
        remedy: format!(
            "if it is a development server, list it in `devdb.toml`: [database] remote = [\"{}/{}\"]",
            target.host(),
            target.database()
        ),
    })
}

/// Returns whether `name` matches a pattern in which `*` stands for any text.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches_pattern;

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches_pattern("shared", "shared"));
        assert!(!matches_pattern("shared", "shared2"));
        assert!(matches_pattern("*_prod", "shop_prod"));
        assert!(!matches_pattern("*_prod", "shop_prod2"));
        assert!(matches_pattern("a*b*c", "a1b2c"));
        assert!(!matches_pattern("a*b*c", "acb"));
        assert!(matches_pattern("*", ""));
    }
}
