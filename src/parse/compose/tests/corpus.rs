//! Real Compose files of public projects against a second reader's answer (podman-compose).
#![expect(clippy::disallowed_methods, reason = "the corpus lies on the disk")]

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::model::compose::{Mount, MountSource, Port};
use crate::parse::env_file;

/// Where the second reader and Docker Compose differ: project, directory, service, fact and why. None so far.
const EXCEPTIONS: &[(&str, &str, &str, &str, &str)] = &[];

/// Finds the corpus in `DEVDB_CORPUS`, else beside the package.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let root = std::env::var_os("DEVDB_CORPUS").map_or_else(beside, PathBuf::from).join("compose");
    if root.join("truth.json").is_file() {
        return Some(root);
    }
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "no corpus at {}: set DEVDB_CORPUS", root.display());
    eprintln!("SKIPPED: no corpus at {}", root.display());
    None
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
}

/// Loads a case as the second reader did: no shell, the `.env` that the case names.
fn load_case(root: &Path, case: &Value) -> Compose {
    let directory = root.join(case["project"].as_str().unwrap()).join(case["dir"].as_str().unwrap());
    let env_file = match case["env_file"].as_str() {
        Some(name) => Some(name),
        None if case["auto_env"] == true => Some(".env"),
        None => None,
    };
    let text = env_file.map(|name| std::fs::read_to_string(directory.join(name)).unwrap()).unwrap_or_default();
    let variables = env_file::compose_variables(&text, &|_| None).unwrap();
    let environment =
        |name: &str| variables.iter().rev().find(|(key, ..)| key == name).map(|(_, value, _)| value.clone());
    load(&ComposeInput {
        directory: Path::new(""),
        absolute_directory_name: "case",
        files: strings(&case["files"]).iter().map(PathBuf::from).collect(),
        environment: &environment,
        read: &|path| std::fs::read_to_string(directory.join(path)).map_err(|error| error.to_string()),
    })
}

fn our_port(port: &Port) -> String {
    match port.published {
        None => port.target.to_string(),
        Some(PublishedPort::One(host)) => format!("{host}:{}", port.target),
        Some(PublishedPort::OneOf(first, last)) => format!("{first}-{last}:{}", port.target),
    }
}

fn their_port(port: &Value) -> String {
    match port.as_object() {
        Some(long) => format!("{}:{}", long["published"].as_str().unwrap(), long["target"]),
        None => port.as_str().map_or_else(|| port.to_string(), str::to_owned),
    }
}

fn our_mount(mount: &Mount) -> String {
    match &mount.source {
        MountSource::Named(name) => format!("{name}:{}", mount.target),
        MountSource::Bind(path) => format!("{}:{}", path.display(), mount.target),
        MountSource::Anonymous | MountSource::Tmpfs => mount.target.clone(),
    }
}

/// Drops the options and writes paths as we do.
fn their_mount(written: &str) -> String {
    let parts: Vec<&str> = written.splitn(3, ':').collect();
    let clean = |part: &str| part.trim_start_matches("./").trim_end_matches('/').to_owned();
    parts.iter().take(2).map(|part| clean(part)).collect::<Vec<_>>().join(":")
}

/// The facts of a case, as `service fact` → value, ours and theirs.
type Facts = BTreeMap<(String, &'static str), String>;

fn ours(compose: &Compose, names: &BTreeSet<String>) -> Facts {
    let mut facts = Facts::new();
    for name in names {
        let found = service(compose, name);
        let mut put = |fact, value: String| facts.insert((name.clone(), fact), value);
        put("image", found.image.as_ref().map(|image| image.value.clone()).unwrap_or_default());
        put("ports", found.ports.iter().map(our_port).collect::<Vec<_>>().join(" "));
        put("expose", found.expose.iter().map(|port| port.value.clone()).collect::<Vec<_>>().join(" "));
        put("profiles", found.profiles.join(" "));
        put("volumes", found.mounts.iter().map(our_mount).collect::<Vec<_>>().join(" "));
        let postgres = found.environment.keys().filter(|key| key.starts_with("POSTGRES_"));
        let shown = postgres.map(|key| format!("{key}={}", variable(found, key).unwrap_or("?")));
        put("env", shown.collect::<Vec<_>>().join(" "));
    }
    facts
}

fn theirs(case: &Value) -> Facts {
    let mut facts = Facts::new();
    for (name, found) in case["postgres"].as_object().unwrap() {
        let mut put = |fact, value: String| facts.insert((name.clone(), fact), value);
        put("image", found["image"].as_str().unwrap().to_owned());
        let ports = found["ports"].as_array().unwrap().iter().map(their_port);
        put("ports", ports.collect::<Vec<_>>().join(" "));
        put("expose", strings(&found["expose"]).join(" "));
        put("profiles", strings(&found["profiles"]).join(" "));
        let volumes = strings(&found["volumes"]);
        put("volumes", volumes.iter().map(|mount| their_mount(mount)).collect::<Vec<_>>().join(" "));
        let env = found["env"].as_object().unwrap().iter();
        let postgres = env.filter(|(key, _)| key.starts_with("POSTGRES_"));
        let shown = postgres.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("?")));
        put("env", shown.collect::<Vec<_>>().join(" "));
    }
    facts
}

#[test]
fn corpus_agrees() {
    let Some(root) = corpus() else { return };
    let truth = std::fs::read_to_string(root.join("truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let mut differences = Vec::new();
    for case in truth["cases"].as_array().unwrap() {
        let (project, dir) = (case["project"].as_str().unwrap(), case["dir"].as_str().unwrap());
        let compose = load_case(&root, case);
        let theirs = theirs(case);
        let names = case["postgres"].as_object().unwrap().keys().cloned().collect();
        let ours = ours(&compose, &names);
        for (key, value) in &theirs {
            let excused =
                EXCEPTIONS.iter().any(|(a, b, c, d, _)| (*a, *b, *c, *d) == (project, dir, key.0.as_str(), key.1));
            if ours[key] != *value && !excused {
                differences.push(format!("{project}/{dir} {key:?}: ours {:?}, theirs {value:?}", ours[key]));
            }
        }
        let active = compose.services.iter().filter(|service| service.is_active(&strings(&case["profiles"]))).count();
        if case["n_services"] != active {
            differences.push(format!("{project}/{dir}: {active} services, not {}", case["n_services"]));
        }
        for url in strings(&case["client_urls"]) {
            let (name, assignment) = url.split_once(':').unwrap();
            let (key, value) = assignment.split_once('=').unwrap();
            if variable(service(&compose, name), key) != Some(value) {
                differences.push(format!("{project}/{dir}: {url}"));
            }
        }
        differences.extend(fatal(&compose).into_iter().map(|problem| format!("{project}/{dir}: {problem}")));
    }
    assert_eq!(differences, Vec::<String>::new());
}

/// The loader's own test data: every file loads without a panic and says something.
#[test]
fn every_compose_file_of_the_corpus_loads() {
    let Some(root) = corpus() else { return };
    let mut directories = vec![root];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                let compose = load(&ComposeInput {
                    directory: Path::new(""),
                    absolute_directory_name: "case",
                    files: vec![PathBuf::from(&name)],
                    environment: &|_| None,
                    read: &|file| std::fs::read_to_string(directory.join(file)).map_err(|error| error.to_string()),
                });
                assert!(!compose.files.is_empty() || !compose.problems.is_empty(), "{}", path.display());
            }
        }
    }
}
