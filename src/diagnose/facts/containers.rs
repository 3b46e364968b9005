//! The database's container: which it is, what may be said to it, and what its image and ports are.

use std::path::Path;

use super::on_loopback;
use crate::model::compose::{Port, PublishedPort, Service};
use crate::model::engine::Container;
use crate::model::picture::Picture;
use crate::model::plan::Step;
use crate::model::server::Server;
use crate::model::target::Host;
use crate::model::text::{shell_argument, shell_word};

/// Returns the running container that holds the server which let the role in.
pub(in crate::diagnose) fn own_container<'a>(picture: &'a Picture, server: &Server) -> Option<&'a Container> {
    picture.database_container().filter(|container| {
        container.is_running() && container.system_identifier.known() == server.system_identifier.as_ref()
    })
}

/// Returns the running container that answers on the target's port.
pub(in crate::diagnose) fn answering_container(picture: &Picture) -> Option<&Container> {
    let candidate = picture.target().filter(|candidate| on_loopback(candidate))?;
    let serves = |it: &&Container| it.is_running() && it.database_ports().contains(&candidate.target.port());
    picture.database_container().filter(serves)
}

/// Returns who is superuser inside: who was found there, else who should be.
pub(in crate::diagnose) fn superuser(container: &Container) -> &str {
    container.inside.known().map_or_else(|| container.superuser(), |inside| inside.superuser.as_str())
}

/// Returns the step that runs a statement as the container's superuser.
pub(in crate::diagnose) fn as_superuser(container: &Container, statement: String, shown: String) -> Step {
    Step::AsSuperuser {
        container: container.name.clone(),
        superuser: superuser(container).to_owned(),
        statement,
        shown,
    }
}

/// Returns the command by which a superuser runs statements on the very server that was asked: inside of its container, else
/// as the system's user of that name, over the socket of its port.
pub(in crate::diagnose) fn superuser_command(picture: &Picture, database: &str, statements: &[&str]) -> String {
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
pub(in crate::diagnose) fn recreate_command(picture: &Picture) -> String {
    match picture.database_service() {
        Some(service) => format!("docker compose up -d {}", shell_argument(&service.name)),
        None => "devdb up".to_owned(),
    }
}

/// Returns the major that an image's tag says: 18 of `postgres:18.1-alpine`, `pgvector/pgvector:pg18`, `postgis/postgis:18-3.6`.
pub(in crate::diagnose) fn image_major(image: &str) -> Option<u32> {
    let tag = tag(image)?;
    let digits: String = tag.strip_prefix("pg").unwrap_or(tag).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|major| (9..100).contains(major))
}

/// Returns the image with another major in its tag, `postgres` of that major where its tag says none.
pub(in crate::diagnose) fn with_major(image: &str, major: u32, wanted: u32) -> String {
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
pub(in crate::diagnose) fn database_port(service: &Service) -> Option<&Port> {
    let inner = service.inner_port();
    service.ports.iter().find(|port| port.target == inner)
}

/// Returns the one host port that a service's file asks for.
pub(in crate::diagnose) fn fixed_port(service: &Service) -> Option<(u16, &Port)> {
    let port = database_port(service)?;
    match port.published {
        Some(PublishedPort::One(published)) => Some((published, port)),
        _ => None,
    }
}

/// Returns how a container is named to the user: its service, when it has one.
pub(in crate::diagnose) fn container_name(container: &Container) -> String {
    match &container.compose_service {
        Some(service) => format!("container `{}` (service `{service}`)", container.name),
        None => format!("container `{}`", container.name),
    }
}

/// Returns whether the image runs a file of this name at its first start (the official image's documentation,
/// "Initialization scripts").
pub(in crate::diagnose) fn runs_at_init(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [".sh", ".sql", ".sql.gz", ".sql.xz", ".sql.zst"].iter().any(|ending| name.ends_with(ending))
}

/// Returns the engine's error without the words that say nothing: the driver's name and the endpoint's long id.
pub(in crate::diagnose) fn engine_says(error: &str) -> String {
    let after = error.split_once("external connectivity on endpoint ").and_then(|(_, rest)| rest.split_once("): "));
    let said = after.map_or(error, |(_, said)| said);
    format!("the engine says: {}", said.strip_prefix("Error starting userland proxy: ").unwrap_or(said))
}

/// Returns the host port that the database's container asks for: in the Compose file, else where it was made.
pub(in crate::diagnose) fn wanted_port(picture: &Picture) -> Option<u16> {
    let from_file = picture.database_service().and_then(fixed_port).map(|(port, _)| port);
    let from_container = || {
        let container = picture.database_container()?;
        let inner = container.inner_port();
        let wanted = container.wanted_ports.iter().find(|binding| binding.container_port == inner)?;
        Some(wanted.host_port).filter(|port| *port > 0)
    };
    from_file.or_else(from_container)
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
