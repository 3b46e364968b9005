mod conformance;
mod corpus;
mod files;
mod merging;
mod robustness;

use std::collections::BTreeMap;

use super::*;
use crate::model::compose::{Compose, PublishedPort, Service};
use crate::model::secret::Secret;

/// Loads a project from texts: `files` are merged in order, `others` can only be read.
fn project(files: &[(&str, &str)], others: &[(&str, &str)], environment: &[(&str, &str)]) -> Compose {
    let texts: BTreeMap<&Path, &str> =
        files.iter().chain(others).map(|(name, text)| (Path::new(*name), *text)).collect();
    let lookup = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let read = |path: &Path| match texts.get(path) {
        Some(text) => Ok((*text).to_owned()),
        None => Err("no such file".to_owned()),
    };
    load(&ComposeInput {
        directory: Path::new(""),
        absolute_directory_name: "My.Project",
        files: files.iter().map(|(name, _)| PathBuf::from(name)).collect(),
        environment: &lookup,
        read: &read,
    })
}

/// Loads one file.
fn one(text: &str) -> Compose {
    project(&[("compose.yaml", text)], &[], &[])
}

/// Loads one file and its override.
fn two(base: &str, over: &str) -> Compose {
    project(&[("compose.yaml", base), ("compose.override.yaml", over)], &[], &[])
}

#[track_caller]
fn service<'a>(compose: &'a Compose, name: &str) -> &'a Service {
    match compose.services.iter().find(|service| service.name == name) {
        Some(service) => service,
        None => panic!("no service {name}; problems: {:?}", compose.problems),
    }
}

/// The ports in a readable form: `127.0.0.1:5433->5432/tcp`, `?` for one that the engine chooses.
fn shown_ports(service: &Service) -> Vec<String> {
    let port = |port: &crate::model::compose::Port| {
        let ip = port.host_ip.as_ref().map(|ip| format!("{ip}:")).unwrap_or_default();
        let published = match port.published {
            None => "?".to_owned(),
            Some(PublishedPort::One(port)) => port.to_string(),
            Some(PublishedPort::OneOf(first, last)) => format!("{first}-{last}"),
        };
        format!("{ip}{published}->{}/{}", port.target, format!("{:?}", port.protocol).to_lowercase())
    };
    service.ports.iter().map(port).collect()
}

fn variable<'a>(service: &'a Service, key: &str) -> Option<&'a str> {
    service.variable(key).map(Secret::reveal)
}

fn fatal(compose: &Compose) -> Vec<String> {
    let fatal = compose.problems.iter().filter(|problem| problem.fatal);
    fatal.map(|problem| format!("{}: {}", problem.at, problem.message)).collect()
}
