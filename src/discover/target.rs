//! Which database the app uses, and who says so: every candidate, the winning one first.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::env::EnvFile;
use crate::model::picture::Picture;
use crate::model::place::Place;
use crate::model::secret::Secret;
use crate::model::target::{Candidate, DEFAULT_PORT, Host, Origin, PARTS, Target, URL_KEYS};
use crate::parse::{env_file, pg_url, pgpass};
use crate::wire::files::read_text;

/// A source of variables: the shell, or one file.
struct Source {
    values: BTreeMap<String, (Secret, Origin)>,
}

/// Returns every answer to "which database?". The shell beats the files, because loaders keep what is set already.
pub(super) fn candidates(picture: &Picture) -> Vec<Candidate> {
    let shell = shell_source(picture);
    let files: Vec<Source> = picture.env_files.iter().map(|file| file_source(picture, file)).collect();
    let mut found = Vec::new();
    if let Some(key) = &picture.config.database.url_key {
        let sources = std::iter::once(&shell).chain(&files);
        found.extend(sources.filter_map(|source| url_candidate(source, key)));
    }
    for (file, source) in picture.env_files.iter().zip(&files) {
        // The commonest key wins, wherever it stands: `PGHOST` of the shell does not beat `DATABASE_URL` of the file.
        let both = Source {
            values: source
                .values
                .iter()
                .chain(&shell.values)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        };
        found.extend(url_candidates(&both, true));
        found.extend(part_candidates(&both));
        found.extend(url_candidates(&overlaid(source, &shell), false));
        tracing::debug!(file = %file.path.display(), candidates = found.len(), "looked for a target");
    }
    found.extend(url_candidates(&shell, true));
    found.extend(part_candidates(&shell));
    found.extend(url_candidates(&shell, false));
    found.extend(alembic_candidate(picture));
    let composed = compose_candidates(picture);
    found.retain(|candidate| !fills_service(candidate, &composed));
    found.extend(composed);
    let mut unique: Vec<Candidate> = Vec::new();
    for candidate in found {
        if !unique.iter().any(|known| known.origin == candidate.origin) {
            unique.push(candidate);
        }
    }
    let passwords = password_file(picture);
    for candidate in unique.iter_mut().filter(|candidate| candidate.target.password.is_none()) {
        let target = &candidate.target;
        let host = if target.host().is_loopback() { "localhost".to_owned() } else { target.host().to_string() };
        let found = |host: &str| pgpass::find(&passwords, host, target.port(), target.database(), target.user());
        candidate.target.password = found(&target.host().to_string()).or_else(|| found(&host));
    }
    unique
}

/// Whether the variables are those that Compose fills a published service with, and say neither host nor port: then the
/// service says where it is published.
fn fills_service(candidate: &Candidate, composed: &[Candidate]) -> bool {
    let target = &candidate.target;
    let of_parts = candidate.database_origin.is_some() || candidate.password_origin.is_some();
    let nowhere = candidate.host_origin.is_none() && candidate.port_origin.is_none();
    let same = |other: &Candidate| other.target.database() == target.database() && other.target.user() == target.user();
    // Of several, as those for tests are, nothing tells which.
    of_parts && nowhere && composed.iter().filter(|other| same(other)).count() == 1
}

/// Returns the text of `$PGPASSFILE` or `~/.pgpass`, which libpq's clients read too; empty when there is none.
fn password_file(picture: &Picture) -> String {
    let variable = |name: &str| picture.shell.get(name).map(|value| PathBuf::from(value.reveal()));
    let path = variable("PGPASSFILE").or_else(|| Some(variable("HOME")?.join(".pgpass")));
    path.and_then(|path| read_text(&path).ok()).unwrap_or_default()
}

fn shell_source(picture: &Picture) -> Source {
    let origin = |key: &String| Origin::Shell { key: key.clone() };
    let values = picture.shell.iter().map(|(key, value)| (key.clone(), (value.clone(), origin(key)))).collect();
    Source { values }
}

fn file_source(picture: &Picture, file: &EnvFile) -> Source {
    let shell = |name: &str| picture.shell.get(name).map(|value| value.reveal().to_owned());
    let reading = env_file::effective(file, picture.dialect, &shell);
    let mut values = BTreeMap::new();
    for (key, winner) in reading.keys {
        let (Some(value), Some(entry)) = (winner.value, file.entries.get(winner.entry)) else { continue };
        let origin = Origin::EnvFile { at: Place::new(&file.path, entry.line), key: key.clone() };
        values.insert(key, (value, origin));
    }
    Source { values }
}

/// The file's keys, with the shell's values where both have one.
fn overlaid(file: &Source, shell: &Source) -> Source {
    let pick =
        |(key, value): (&String, &(Secret, Origin))| (key.clone(), shell.values.get(key).unwrap_or(value).clone());
    Source { values: file.values.iter().map(pick).collect() }
}

fn url_candidate(source: &Source, key: &str) -> Option<Candidate> {
    let (value, origin) = source.values.get(key)?;
    let parsed = pg_url::parse(value.reveal()).ok()?;
    Some(Candidate {
        target: parsed.target,
        origin: origin.clone(),
        port_origin: None,
        host_origin: None,
        password_origin: None,
        database_origin: None,
        problems: parsed.problems,
    })
}

/// With `usual`, the keys known by convention; without, every other key whose value is a PostgreSQL URL, but those
/// that name a test, shadow or read-only database.
fn url_candidates(source: &Source, usual: bool) -> Vec<Candidate> {
    const OTHERS: [&str; 7] = ["TEST", "SHADOW", "REPLICA", "READ", "PROD", "STAGING", "REMOTE"];
    if usual {
        return URL_KEYS.iter().filter_map(|key| url_candidate(source, key)).collect();
    }
    let keys = source.values.keys().filter(|key| {
        let upper = key.to_ascii_uppercase();
        !URL_KEYS.contains(&key.as_str()) && !OTHERS.iter().any(|word| upper.contains(word))
    });
    keys.filter_map(|key| url_candidate(source, key)).collect()
}

fn part_candidates(source: &Source) -> Vec<Candidate> {
    // `DB_HOST` beside a URL of MySQL is MySQL's.
    let other = source.values.values().any(|(value, _)| names_another_product(value.reveal()));
    let own = |keys: &&[&[&str]; 5]| keys.iter().flat_map(|names| names.iter()).all(|name| !name.starts_with("DB_"));
    PARTS.iter().filter(|keys| !other || own(keys)).filter_map(|keys| part_candidate(source, keys)).collect()
}

/// Whether a value is the URL of another database than PostgreSQL.
fn names_another_product(value: &str) -> bool {
    const OTHERS: [&str; 7] = ["mysql", "mariadb", "mongodb", "mssql", "sqlserver", "oracle", "cockroachdb"];
    value.split_once("://").is_some_and(|(scheme, _)| OTHERS.iter().any(|other| scheme.starts_with(other)))
}

fn part_candidate(source: &Source, keys: &[&[&str]; 5]) -> Option<Candidate> {
    let part = |names: &[&str]| {
        let usable = |name: &&str| source.values.get(*name).filter(|(value, _)| !value.is_empty());
        names.iter().find_map(usable)
    };
    let [host, port, user, password, database] = keys.map(part);
    // A password alone configures a container, not a client.
    let origin = host.or(database).or(port)?.1.clone();
    database.or(host).or(user)?;
    let number = port.and_then(|(value, _)| value.reveal().trim().parse().ok()).unwrap_or(DEFAULT_PORT);
    let name = host.map_or("localhost", |(value, _)| value.reveal()).to_owned();
    let address = if name.starts_with('/') { Host::Socket(PathBuf::from(name)) } else { Host::Tcp(name) };
    Some(Candidate {
        target: Target {
            scheme: "postgresql".to_owned(),
            driver: None,
            hosts: vec![(address, number)],
            user: user.map(|(value, _)| value.reveal().to_owned()),
            password: password.map(|(value, _)| value.clone()),
            database: database.map(|(value, _)| value.reveal().to_owned()),
            parameters: Vec::new(),
        },
        origin,
        port_origin: port.map(|(_, origin)| origin.clone()),
        host_origin: host.map(|(_, origin)| origin.clone()),
        password_origin: password.map(|(_, origin)| origin.clone()),
        database_origin: database.map(|(_, origin)| origin.clone()),
        problems: Vec::new(),
    })
}

fn alembic_candidate(picture: &Picture) -> Option<Candidate> {
    let url = picture.chain.known()?.config.url.as_ref()?;
    // What `alembic init` writes is no answer.
    if url.value.reveal().contains("driver://") {
        return None;
    }
    let parsed = pg_url::parse(url.value.reveal()).ok()?;
    Some(Candidate {
        target: parsed.target,
        origin: Origin::Alembic { at: url.at.clone() },
        port_origin: None,
        host_origin: None,
        password_origin: None,
        database_origin: None,
        problems: parsed.problems,
    })
}

/// The databases that Compose services publish: what an app on the host would dial if nothing else says.
fn compose_candidates(picture: &Picture) -> Vec<Candidate> {
    use crate::model::compose::PublishedPort;
    let services = picture.database_services();
    let published = services.into_iter().filter_map(|service| {
        let port = service.ports.iter().find_map(|port| match port.published {
            Some(PublishedPort::One(published)) => Some((published, port)),
            Some(PublishedPort::OneOf(first, _)) => Some((first, port)),
            None => None,
        })?;
        let text = |key: &str| service.variable(key).map(|value| value.reveal().to_owned());
        let user = text("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
        let origin = Origin::Compose { at: port.1.at.clone(), service: service.name.clone() };
        Some(Candidate {
            target: Target {
                scheme: "postgresql".to_owned(),
                driver: None,
                hosts: vec![(Host::Tcp("localhost".to_owned()), port.0)],
                database: Some(text("POSTGRES_DB").unwrap_or_else(|| user.clone())),
                user: Some(user),
                password: service.variable("POSTGRES_PASSWORD").cloned(),
                parameters: Vec::new(),
            },
            origin,
            port_origin: None,
            host_origin: None,
            password_origin: None,
            database_origin: None,
            problems: Vec::new(),
        })
    });
    published.collect()
}
