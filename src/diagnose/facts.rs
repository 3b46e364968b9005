//! What several checks ask of the picture.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::model::chain::Chain;
use crate::model::compose::{Port, PublishedPort, Service};
use crate::model::engine::Container;
use crate::model::env::{EnvEntry, EnvFile};
use crate::model::finding::Finding;
use crate::model::health::Health;
use crate::model::observed::Unknown;
use crate::model::operation::{Action, MigrationOperations, Operation};
use crate::model::picture::Picture;
use crate::model::place::Place;
use crate::model::plan::Step;
use crate::model::server::{Database, Listener, LoginFailure, Reply, Server};
use crate::model::sql_chain::{AppliedMigration, SqlChain};
use crate::model::target::{Candidate, Host, Origin};
use crate::model::text::{shell_argument, shell_word};
use crate::parse::{pg_url, sql_ddl};

/// Returns the assignment that an origin points to.
pub(super) fn entry<'a>(picture: &'a Picture, origin: &Origin) -> Option<(&'a EnvFile, &'a EnvEntry)> {
    let Origin::EnvFile { at, key } = origin else { return None };
    let file = picture.env_files.iter().find(|file| file.path == at.file)?;
    let entry = file.entries.iter().find(|entry| entry.line == at.line && entry.key == *key)?;
    Some((file, entry))
}

/// Returns where the target's port is written, and how it reads there.
pub(super) fn port_line(candidate: &Candidate) -> (Option<Place>, String) {
    let port = candidate.target.port();
    match &candidate.port_origin {
        Some(origin) => (origin.place().cloned(), format!("{}={port}", origin.key())),
        None => (candidate.origin.place().cloned(), format!("{} says port {port}", candidate.origin.key())),
    }
}

/// Adds the line that names the target.
pub(super) fn leads_there(candidate: &Candidate, finding: Finding) -> Finding {
    match candidate.origin.place() {
        Some(at) => finding.at(at, format!("leads to {}", candidate.target)),
        None => finding.seen(format!("{} leads to {}", candidate.origin, candidate.target)),
    }
}

/// Returns the step that makes the target's own line name another port; nothing when that line is in no `.env` file.
pub(super) fn set_port(picture: &Picture, candidate: &Candidate, port: u16) -> Option<Step> {
    if let Some(origin) = &candidate.port_origin {
        return set_value(picture, origin, &port.to_string(), format!("`{port}`"));
    }
    edit_url(picture, candidate, |url| pg_url::replace_port(url, port))
}

/// Returns the steps that make the target's own lines name another host and port.
pub(super) fn set_host_and_port(picture: &Picture, candidate: &Candidate, host: &str, port: u16) -> Option<Vec<Step>> {
    if let Some(origin) = &candidate.host_origin {
        let mut steps = vec![set_value(picture, origin, host, format!("`{host}`"))?];
        if candidate.target.port() != port {
            steps.push(set_port(picture, candidate, port)?);
        }
        return Some(steps);
    }
    let edited = edit_url(picture, candidate, |url| pg_url::replace_port(&pg_url::replace_host(url, host)?, port))?;
    Some(vec![edited])
}

/// Returns the step that replaces the target's URL by what `change` makes of it.
pub(super) fn edit_url(
    picture: &Picture,
    candidate: &Candidate,
    change: impl Fn(&str) -> Option<String>,
) -> Option<Step> {
    let (_, entry) = entry(picture, &candidate.origin)?;
    let changed = change(entry.raw.reveal())?;
    let shown = pg_url::parse(&changed).map_or_else(|_error| "a new URL".to_owned(), |url| format!("`{}`", url.target));
    set_value(picture, &candidate.origin, &changed, shown)
}

/// Returns the step that replaces one value.
pub(super) fn set_value(picture: &Picture, origin: &Origin, value: &str, shown: String) -> Option<Step> {
    let (file, entry) = entry(picture, origin)?;
    Some(Step::SetEnvValue {
        file: file.path.clone(),
        line: entry.line,
        key: entry.key.clone(),
        value: value.into(),
        shown,
    })
}

/// Returns whether the target is dialled on this machine's loopback.
pub(super) fn on_loopback(candidate: &Candidate) -> bool {
    matches!(candidate.target.host(), Host::Tcp(_)) && candidate.target.host().is_loopback()
}

/// Returns the file that an example is one of: `.env.dev` for `.env.dev-sample`, `.env` for `env.sample`.
pub(super) fn of_example(example: &Path) -> PathBuf {
    const ENDINGS: [&str; 6] = [".example", ".sample", ".template", ".dist", "-example", "-sample"];
    let name = example.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let bare = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(".env");
    example.with_file_name(if bare == "env" { ".env" } else { bare })
}

/// Returns whether an example's value only says that one is wanted.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 9] = ["<", "your", "xxx", "changeme", "change-me", "change_me", "todo", "replace", "..."];
    let lower = value.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Returns whether a login succeeded.
pub(super) fn logged_in(picture: &Picture) -> bool {
    picture.server.known().is_some()
}

/// Returns what the role meets in its database; nothing when that could not be entered.
pub(super) fn health(picture: &Picture) -> Result<Option<(&Server, &Database, &Health)>, Unknown> {
    let Some(server) = picture.server.known() else { return Ok(None) };
    let Some(database) = server.database.known() else { return Ok(None) };
    Ok(server.health.look()?.map(|health| (server, database, health)))
}

/// Returns the running container that holds the server which let the role in.
pub(super) fn own_container<'a>(picture: &'a Picture, server: &Server) -> Option<&'a Container> {
    picture.database_container().filter(|container| {
        container.is_running() && container.system_identifier.known() == server.system_identifier.as_ref()
    })
}

/// Returns the running container that answers on the target's port.
pub(super) fn answering_container(picture: &Picture) -> Option<&Container> {
    let candidate = picture.target().filter(|candidate| on_loopback(candidate))?;
    let serves = |it: &&Container| it.is_running() && it.database_ports().contains(&candidate.target.port());
    picture.database_container().filter(serves)
}

/// Returns who is superuser inside: who was found there, else who should be.
pub(super) fn superuser(container: &Container) -> &str {
    container.inside.known().map_or_else(|| container.superuser(), |inside| inside.superuser.as_str())
}

/// Returns the step that runs a statement as the container's superuser.
pub(super) fn as_superuser(container: &Container, statement: String, shown: String) -> Step {
    Step::AsSuperuser {
        container: container.name.clone(),
        superuser: superuser(container).to_owned(),
        statement,
        shown,
    }
}

/// Returns the command by which a superuser runs statements on the very server that was asked: inside of its container, else
/// as the system's user of that name, over the socket of its port.
pub(super) fn superuser_command(picture: &Picture, database: &str, statements: &[&str]) -> String {
    let container = answering_container(picture).or_else(|| own_container(picture, picture.server.known()?));
    let target = picture.target().map(|candidate| &candidate.target);
    let port = target.map_or(crate::model::target::DEFAULT_PORT, crate::model::target::Target::port);
    let command = match (container, target.map(crate::model::target::Target::host)) {
        (Some(container), _) => {
            format!("docker exec {} psql -U {}", container.name, shell_argument(superuser(container)))
        }
        (None, Some(Host::Socket(folder))) => {
            format!("psql -h {} -p {port} -U postgres", shell_argument(&folder.display().to_string()))
        }
        (None, Some(host @ Host::Tcp(_))) if !host.is_loopback() => format!("psql -h {host} -p {port} -U postgres"),
        // Where Homebrew made it, the superuser is the system's user.
        (None, _) if cfg!(target_os = "macos") => format!("psql -p {port}"),
        (None, _) => format!("sudo -u postgres psql -p {port}"),
    };
    let statements: Vec<String> = statements.iter().map(|statement| format!(" -c {}", shell_word(statement))).collect();
    format!("{command} -d {}{}", shell_argument(database), statements.concat())
}

/// Returns the command that makes the database's container anew after its Compose file was changed, running or not.
pub(super) fn recreate_command(picture: &Picture) -> String {
    match picture.database_service() {
        Some(service) => format!("docker compose up -d {}", shell_argument(&service.name)),
        None => "devdb up".to_owned(),
    }
}

/// Returns the SQLSTATE of a refusal in parentheses.
pub(super) fn code(failure: &LoginFailure) -> String {
    failure.sqlstate.as_deref().map(|code| format!(" ({code})")).unwrap_or_default()
}

/// Returns whether any address of the target speaks PostgreSQL.
pub(super) fn answers(picture: &Picture) -> bool {
    picture.reach.endpoints.iter().any(|endpoint| matches!(endpoint.reply, Reply::Postgres { .. }))
}

/// Returns the major that an image's tag says: 18 of `postgres:18.1-alpine`, `pgvector/pgvector:pg18`, `postgis/postgis:18-3.6`.
pub(super) fn image_major(image: &str) -> Option<u32> {
    let tag = tag(image)?;
    let digits: String = tag.strip_prefix("pg").unwrap_or(tag).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|major| (9..100).contains(major))
}

/// Returns the image with another major in its tag, `postgres` of that major where its tag says none.
pub(super) fn with_major(image: &str, major: u32, wanted: u32) -> String {
    match tag(image).filter(|_| image_major(image) == Some(major)) {
        Some(tag) if tag == major.to_string() || tag == format!("pg{major}") => {
            let name = image.strip_suffix(tag).unwrap_or(image);
            format!("{name}{}", tag.replace(&major.to_string(), &wanted.to_string()))
        }
        // A minor, or a distribution's name, is that major's own.
        Some(tag) => format!("{}{wanted}", image.strip_suffix(tag).unwrap_or("postgres:")),
        None => format!("postgres:{wanted}"),
    }
}

fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or_default();
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

/// Returns the mapping of a service's database port (5432, or `PGPORT`).
pub(super) fn database_port(service: &Service) -> Option<&Port> {
    let inner = service.inner_port();
    service.ports.iter().find(|port| port.target == inner)
}

/// Returns the one host port that a service's file asks for.
pub(super) fn fixed_port(service: &Service) -> Option<(u16, &Port)> {
    let port = database_port(service)?;
    match port.published {
        Some(PublishedPort::One(published)) => Some((published, port)),
        _ => None,
    }
}

/// Returns how a container is named to the user: its service, when it has one.
pub(super) fn container_name(container: &Container) -> String {
    match &container.compose_service {
        Some(service) => format!("container `{}` (service `{service}`)", container.name),
        None => format!("container `{}`", container.name),
    }
}

/// Returns whether a password or a token stands in an `.env` file: a value of such a key, or a URL with one.
pub(super) fn has_secrets(picture: &Picture, path: &Path) -> bool {
    const WORDS: [&str; 5] = ["PASS", "PWD", "SECRET", "TOKEN", "API_KEY"];
    let secret = |entry: &EnvEntry| {
        let (key, value) = (entry.key.to_ascii_uppercase(), entry.raw.reveal());
        let named = WORDS.iter().any(|word| key.contains(word)) && !value.starts_with("${");
        let in_url = || pg_url::parse(value).is_ok_and(|url| url.target.password.is_some()) && !value.contains("${");
        !value.is_empty() && (named || in_url())
    };
    picture.env_files.iter().any(|file| file.path == path && file.entries.iter().any(secret))
}

/// Returns whether the image runs a file of this name at its first start (the official image's documentation,
/// "Initialization scripts").
pub(super) fn runs_at_init(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [".sh", ".sql", ".sql.gz", ".sql.xz", ".sql.zst"].iter().any(|ending| name.ends_with(ending))
}

/// Returns the engine's error without the words that say nothing: the driver's name and the endpoint's long id.
pub(super) fn engine_says(error: &str) -> String {
    let after = error.split_once("external connectivity on endpoint ").and_then(|(_, rest)| rest.split_once("): "));
    let said = after.map_or(error, |(_, said)| said);
    format!("the engine says: {}", said.strip_prefix("Error starting userland proxy: ").unwrap_or(said))
}

/// Returns the process that listens on a port, as evidence: beside an engine's forwarder, as macOS allows it, the other.
pub(super) fn holder(picture: &Picture, port: u16) -> Option<String> {
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
pub(super) fn beside_engine(picture: &Picture, port: u16) -> Option<String> {
    let listeners = picture.listeners_on(port);
    let dialled = |listener: &&&Listener| {
        picture.reach.endpoints.iter().filter_map(|endpoint| endpoint.address).any(|it| it == listener.address)
    };
    let is_engine = |listener: &&&Listener| listener.process.as_ref().is_some_and(|it| forwards(picture, &it.name));
    let other = listeners.iter().filter(dialled).find(|listener| !is_engine(listener))?;
    listeners.iter().any(|listener| is_engine(&listener)).then(|| held(other))
}

/// Returns whether a container engine's forwarder holds the port.
pub(super) fn held_by_engine(picture: &Picture, port: u16) -> bool {
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
pub(super) fn stop_commands(version: &str) -> Vec<String> {
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

/// Returns the host port that the database's container asks for: in the Compose file, else where it was made.
pub(super) fn wanted_port(picture: &Picture) -> Option<u16> {
    let from_file = picture.database_service().and_then(fixed_port).map(|(port, _)| port);
    let from_container = || {
        let container = picture.database_container()?;
        let inner = container.inner_port();
        let wanted = container.wanted_ports.iter().find(|binding| binding.container_port == inner)?;
        Some(wanted.host_port).filter(|port| *port > 0)
    };
    from_file.or_else(from_container)
}

/// Returns the chain and the version table's rows; nothing when the database has no such table.
pub(super) fn applied(picture: &Picture) -> Result<Option<(&Chain, &[String])>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(None) };
    let Some(database) = picture.server.known().and_then(|server| server.database.known()) else { return Ok(None) };
    Ok(database.versions.look()?.map(|rows| (chain, rows.as_slice())))
}

/// Returns the chain of SQL files and the rows of its tool's table; nothing when the database is not there to ask. A
/// database without the table has no rows.
pub(super) fn sql_applied(picture: &Picture) -> Result<Option<(&SqlChain, &[AppliedMigration])>, Unknown> {
    let Some(chain) = picture.recipe.sql_chain.known() else { return Ok(None) };
    let Some(database) = picture.server.known().and_then(|server| server.database.known()) else { return Ok(None) };
    Ok(Some((chain, database.history.look()?.map_or(&[][..], Vec::as_slice))))
}

/// Returns whether the file that names the target may be that of the project with the chain: it lies above or below it, and not in
/// another part of the repository.
pub(super) fn is_beside_chain(picture: &Picture, candidate: &Candidate) -> bool {
    let (Some(at), Some(chain)) = (candidate.origin.place(), picture.chain.known()) else { return true };
    let folder = at.file.parent().unwrap_or(Path::new(""));
    let chain = &chain.config.working_directory;
    chain.starts_with(folder) || folder.starts_with(chain)
}

/// Returns the target's driver where it is one that is not async; without one SQLAlchemy takes psycopg2, and since 2.1
/// psycopg, which is both.
pub(super) fn sync_driver(picture: &Picture) -> Option<&str> {
    let packages = picture.recipe.python_packages.known();
    match picture.target()?.target.driver.as_deref() {
        Some(driver @ ("psycopg2" | "pg8000")) => Some(driver),
        None if packages.is_some_and(|it| !it.contains("psycopg")) => Some("psycopg2"),
        _ => None,
    }
}

/// Adds the mend that makes the target's URL name an async driver that is installed.
pub(super) fn with_async_driver(picture: &Picture, candidate: &Candidate, finding: Finding) -> Finding {
    let has = |name: &str| picture.recipe.python_packages.known().is_some_and(|it| it.contains(name));
    let wanted = if has("psycopg") && !has("asyncpg") { "psycopg" } else { "asyncpg" };
    let edited = edit_url(picture, candidate, |url| {
        let (_, rest) = url.split_once("://")?;
        Some(format!("postgresql+{wanted}://{rest}"))
    });
    let summary = format!("write `postgresql+{wanted}://`");
    match edited {
        Some(step) => finding.confirm(summary, vec![step]),
        None => finding.manual(summary, &[]),
    }
}

/// Returns each extension that a migration creates, with its first place.
pub(super) fn created_extensions(picture: &Picture) -> BTreeMap<String, Place> {
    let mut found = Vec::new();
    for migration in picture.operations.known().into_iter().flatten() {
        found.extend(migration.up.iter().filter_map(|it| created(&migration.file, it)));
    }
    let files = picture.recipe.sql_chain.known().map_or(&[][..], |chain| chain.migrations.as_slice());
    for section in files.iter().flat_map(|migration| &migration.up) {
        found.extend(sql_ddl::of_sql(&section.text, section.line).iter().filter_map(|it| created(&section.file, it)));
    }
    // The first place of each.
    found.into_iter().rev().collect()
}

fn created(file: &Path, operation: &Operation) -> Option<(String, Place)> {
    let Action::CreateExtension { name } = &operation.action else { return None };
    Some((name.clone(), Place::new(file, operation.line)))
}

/// What a chain's revisions do, in the order in which they run.
pub(super) type Ordered<'p> = (&'p Chain, Vec<&'p MigrationOperations>);

/// Returns the chain with what its revisions do; nothing when there is no chain, or no order.
pub(super) fn in_order(picture: &Picture) -> Result<Option<Ordered<'_>>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(None) };
    let Some(operations) = picture.operations.look()? else { return Ok(None) };
    let Ok(order) = chain.run_order() else { return Ok(None) };
    let by_file: HashMap<&Path, &MigrationOperations> = operations.iter().map(|it| (it.file.as_path(), it)).collect();
    let ordered = order.iter().filter_map(|revision| by_file.get(revision.at.file.as_path()).copied());
    Ok(Some((chain, ordered.collect())))
}

#[cfg(test)]
mod tests {
    use super::{image_major, with_major};

    #[test]
    fn an_images_tag_says_its_major() {
        for (image, major) in [
            ("postgres:18", Some(18)),
            ("postgres:15.4-alpine3.18", Some(15)),
            ("registry:5000/pgvector/pgvector:pg17", Some(17)),
            ("postgis/postgis:16-3.4@sha256:abc", Some(16)),
            ("timescale/timescaledb:latest-pg16", None),
            ("registry:5000/postgres", None),
            ("postgres", None),
            ("postgres:latest", None),
        ] {
            assert_eq!(image_major(image), major, "{image}");
        }
        assert_eq!(with_major("postgres:18", 18, 17), "postgres:17");
        assert_eq!(with_major("pgvector/pgvector:pg18", 18, 16), "pgvector/pgvector:pg16");
        assert_eq!(with_major("postgres:18.1-bookworm", 18, 17), "postgres:17");
        assert_eq!(with_major("postgres:latest", 18, 17), "postgres:17");
    }
}
