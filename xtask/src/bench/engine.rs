//! Finds a container engine and Docker Compose, or installs and starts them.

use super::docker_api::request;
use super::{Missing, Told};
use crate::{places, run};
use serde::Serialize;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
const START_LIMIT: Duration = Duration::from_mins(1);

/// A container engine that answers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Docker {
    pub(crate) host: String,
}

impl Told for Docker {
    fn told(&self) -> String {
        format!("at {}", self.host)
    }
}

/// Returns the engine that a `docker` command would talk to; starts one where that needs no question.
pub(crate) fn find(directory: &Path) -> Result<Docker, Missing> {
    let host = configured_host();
    let missing = |why: String| Missing::new("Docker engine", why, start_command());
    if let Err(why) = ping(&host) {
        // An engine that was chosen on purpose is not ours to start, and not ours to replace by another.
        if host != DEFAULT_HOST || !run::can_install() {
            return Err(missing(why));
        }
        if places::program("dockerd").is_none() {
            run::install(&["docker.io"]).map_err(missing)?;
        }
        // Installing may have started it.
        if ping(&host).is_err() {
            start(&host, directory).map_err(missing)?;
        }
    }
    Ok(Docker { host })
}

/// `DOCKER_HOST`, else the client's current context, else the usual socket.
fn configured_host() -> String {
    if let Ok(host) = std::env::var("DOCKER_HOST")
        && !host.is_empty()
    {
        return host;
    }
    let asked = places::program("docker").and_then(|docker| {
        let format = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
        run::output(run::command(docker).args(format)).ok()
    });
    asked.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty()).unwrap_or_else(|| DEFAULT_HOST.to_owned())
}

/// Says why when the engine does not answer: "permission denied" and "no such file" are mended differently.
fn ping(host: &str) -> Result<(), String> {
    match request(host, "GET /_ping", None) {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(format!("{host} answers with status {}", answer.status)),
        Err(error) => Err(format!("{host}: {error}")),
    }
}

fn start_command() -> &'static str {
    if cfg!(target_os = "macos") {
        "start Docker Desktop, OrbStack or `colima start`"
    } else {
        "sudo apt-get install -y docker.io docker-compose && sudo dockerd &"
    }
}

/// Starts `dockerd` in a session of its own, so that it outlives us and the next run finds it.
fn start(host: &str, directory: &Path) -> Result<(), String> {
    let dockerd = places::program("dockerd").ok_or("it was installed, but `dockerd` is nowhere to be found")?;
    println!("bench: starting dockerd …");
    let log_path = directory.join("dockerd.log");
    let log = File::create(&log_path).map_err(|error| format!("cannot write {}: {error}", log_path.display()))?;
    let also_log = log.try_clone().map_err(|error| error.to_string())?;
    let mut daemon = run::command("setsid")
        .arg(dockerd)
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(also_log))
        .spawn()
        .map_err(|error| format!("`setsid dockerd` did not start: {error}"))?;
    let end = wait_for(host, &mut daemon);
    end.map_err(|why| {
        let said = fs::read_to_string(&log_path).unwrap_or_default();
        format!("{why}; its last words ({}):\n{}", log_path.display(), run::last_lines(&said, 8))
    })
}

fn wait_for(host: &str, daemon: &mut Child) -> Result<(), String> {
    let started = Instant::now();
    while started.elapsed() < START_LIMIT {
        if ping(host).is_ok() {
            return Ok(());
        }
        if let Ok(Some(status)) = daemon.try_wait() {
            return Err(format!("dockerd ended ({status})"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err(format!("dockerd did not answer within {} s", START_LIMIT.as_secs()))
}

/// Returns the command that runs Docker Compose.
pub(crate) fn find_compose() -> Result<Vec<String>, Missing> {
    if let Some(found) = look_for_compose() {
        return Ok(found);
    }
    let missing = |why: String| Missing::new("Docker Compose", why, "sudo apt-get install -y docker-compose");
    run::install(&["docker-compose"]).map_err(missing)?;
    look_for_compose().ok_or_else(|| missing("it was installed, but does not run".to_owned()))
}

fn look_for_compose() -> Option<Vec<String>> {
    let ways: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    ways.iter().find_map(|way| {
        let (program, rest) = way.split_first()?;
        run::output(run::command(places::program(program)?).args(rest).arg("version")).ok()?;
        Some(way.iter().map(|&word| word.to_owned()).collect())
    })
}
