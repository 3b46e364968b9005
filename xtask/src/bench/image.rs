//! The image `devdb-bench/postgres:<major>`: made from this machine's own `PostgreSQL`, over the engine's API.
//!
//! It keeps the contract of the official image (see `image/docker-entrypoint.sh`). A test that wants an idle container
//! gives it another command, such as `sleep infinity`: the entrypoint runs that as it is.

use super::docker_api::{Body, request};
use super::engine::Docker;
use super::{Missing, Postgres, rootfs};
use crate::{places, run};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const ENTRYPOINT: &str = include_str!("../../image/docker-entrypoint.sh");
const LABEL: &str = "devdb.bench.content";

/// Makes sure that the engine has the image of `postgres`, and returns its name; `own` is the machine's own server.
pub(crate) fn ensure(
    (postgres, own): (Option<&Postgres>, Option<&Postgres>),
    docker: Option<&Docker>,
    directory: &Path,
) -> Result<String, Missing> {
    let missing = |why: &str| Missing::new("test image", why, "cargo xtask bench-setup");
    let servers = postgres.zip(own);
    let (postgres, own) = servers.ok_or_else(|| missing("it is made from a PostgreSQL server, which is missing"))?;
    let docker = docker.ok_or_else(|| missing("there is no Docker engine to hold it"))?;
    let name = format!("devdb-bench/postgres:{}", postgres.major);
    let label = label_in_engine(docker, &name);
    // Linux binaries cannot be had elsewhere; there, an official image under our name serves as well.
    if !cfg!(target_os = "linux") {
        let official = format!("postgres:{}", postgres.major);
        let command = format!("docker pull {official} && docker tag {official} {name}");
        return label.map(|_any| name).ok_or_else(|| {
            Missing::new("test image", "it can only be built on Linux, from its own server binaries", command)
        });
    }
    let content = content(postgres);
    if label.as_deref() != Some(content.as_str()) {
        build((postgres, own), docker, &name, directory).map_err(|why| missing(&why))?;
    }
    Ok(name)
}

/// What the image is made of: when any of it changes, it is built again.
fn content(postgres: &Postgres) -> String {
    let bin = postgres.bin.to_string_lossy();
    run::fingerprint([ENTRYPOINT, &postgres.version, &bin, include_str!("rootfs.rs"), include_str!("image.rs")])
}

/// Returns the label of the image that the engine has, empty for an image that we did not build.
fn label_in_engine(docker: &Docker, name: &str) -> Option<String> {
    let answer = request(&docker.host, &format!("GET /images/{name}/json"), None).ok()?;
    if answer.status != 200 {
        return None;
    }
    let image: Value = serde_json::from_slice(&answer.body).ok()?;
    let label = image.pointer("/Config/Labels").and_then(|labels| labels.get(LABEL)).and_then(Value::as_str);
    Some(label.unwrap_or_default().to_owned())
}

fn build((postgres, own): (&Postgres, &Postgres), docker: &Docker, name: &str, directory: &Path) -> Result<(), String> {
    println!("bench: building the image {name} …");
    let place = directory.join("image");
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    rootfs::build(postgres, own, &busybox()?, ENTRYPOINT, &place.join("rootfs"))?;
    fs::write(place.join("Dockerfile"), dockerfile(postgres)).map_err(|error| error.to_string())?;
    let context = directory.join("image.tar");
    let mut tar = run::command("tar");
    tar.args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--file"]).arg(&context);
    run::output(tar.arg("--directory").arg(&place).args(["Dockerfile", "rootfs"]))?;
    let built = send(docker, name, &context);
    // The engine has it now, or never will: 200 MB less in the target directory.
    for leftover in [fs::remove_file(&context), fs::remove_dir_all(&place)] {
        leftover.map_err(|error| format!("cannot clear {}: {error}", place.display()))?;
    }
    built?;
    // The image this one replaces has no name any more; left alone, each change would cost 90 MB for good.
    let filters = format!("%7B%22label%22%3A%5B%22{LABEL}%22%5D%7D");
    request(&docker.host, &format!("POST /images/prune?filters={filters}"), None)
        .map(drop)
        .map_err(|error| format!("removing the image before: {error}"))
}

/// A static `BusyBox`: the image has no other shell tools.
fn busybox() -> Result<PathBuf, String> {
    if let Some(found) = places::program("busybox").filter(|found| is_static(found)) {
        return Ok(found);
    }
    run::install(&["busybox-static"]).map_err(|why| format!("busybox-static: {why}"))?;
    places::program("busybox").ok_or_else(|| "busybox-static was installed, but `busybox` is not there".to_owned())
}

fn is_static(program: &Path) -> bool {
    run::output(run::command("ldd").arg(program)).is_err()
}

fn dockerfile(postgres: &Postgres) -> String {
    let (bin, major, version) = (postgres.bin.display(), postgres.major, &postgres.version);
    let content = content(postgres);
    // Since 18 the official image keeps the data in a folder of the major's own, below the volume.
    let (volume, data) = if postgres.major >= 18 {
        ("/var/lib/postgresql".to_owned(), format!("/var/lib/postgresql/{major}/docker"))
    } else {
        ("/var/lib/postgresql/data".to_owned(), "/var/lib/postgresql/data".to_owned())
    };
    format!(
        "FROM scratch\n\
         COPY rootfs /\n\
         ENV PATH={bin}:/usr/local/bin:/usr/bin:/bin LANG=C.utf8\n\
         ENV PG_MAJOR={major} PG_VERSION={version} PGDATA={data}\n\
         # A new volume takes this over, so that `user: postgres` may write to it.\n\
         RUN chown -R postgres:postgres /var/lib/postgresql && chmod 1777 /var/lib/postgresql/data\n\
         EXPOSE 5432\n\
         VOLUME {volume}\n\
         ENTRYPOINT [\"docker-entrypoint.sh\"]\n\
         CMD [\"postgres\"]\n\
         # As the official image: PostgreSQL's fast shutdown, which does not wait for clients to leave.\n\
         STOPSIGNAL SIGINT\n\
         LABEL {LABEL}={content}\n"
    )
}

/// Hands the directory to the engine's own builder: it needs no client, and `import` could not set a stop signal.
fn send(docker: &Docker, name: &str, context: &Path) -> Result<(), String> {
    let mut file = File::open(context).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let body = Body { kind: "application/x-tar", length, bytes: &mut file };
    let line = format!("POST /build?q=true&rm=true&forcerm=true&t={}", name.replace('/', "%2F"));
    let answer = request(&docker.host, &line, Some(body)).map_err(|error| format!("building the image: {error}"))?;
    let said = String::from_utf8_lossy(&answer.body);
    // Errors after the first byte of the answer come with a status of success.
    if answer.status != 200 || said.contains("\"error\"") {
        return Err(format!("building the image: {} {}", answer.status, run::last_lines(&said, 5)));
    }
    Ok(())
}
