//! The container engine: found as the `docker` command would find it, asked what runs, and what each server's
//! data directory is.

mod address;
mod container;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptions};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Depth, Scope};
use crate::model::engine::{Container, Engine, EngineOutcome, EngineProbe, InsideLook, InsideRole, TaggedImage};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::text::visible;
use crate::wire::engine as wire;

/// How many lines of a log are read.
const LOG_LINES: usize = 200;
/// What the server and the system say of a full disk (ENOSPC).
const NO_SPACE: &str = "No space left on device";
/// How many containers are inspected at most.
const CONTAINERS: usize = 60;

/// Returns what the engine says, or why it says nothing.
pub(super) async fn look(scope: &Scope, picture: &Picture) -> EngineProbe {
    let (address, named_by) = match address::resolve(&scope.shell) {
        Ok(found) => found,
        Err(misconfigured) => return *misconfigured,
    };
    let outcome = match timeout(scope.deadline, Box::pin(ask(&address, picture, scope))).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => EngineOutcome::NoAnswer { why: format!("nothing within {} s", scope.deadline.as_secs_f32()) },
    };
    EngineProbe { address, named_by, outcome }
}

/// Reads the log and asks inside, where a check will need it: a database container that is not well, a login that was
/// refused, or `always` the log, which may tell of what went wrong while the server runs.
pub(super) async fn look_closer(scope: &Scope, picture: &mut Picture, login_refused: bool, always: bool) {
    let Some(container) = picture.database_container() else { return };
    let state = &container.state;
    let restarts = state.restart_count > 0 && picture.login_failure.is_some();
    let failed = picture.login_failure.is_some();
    let well = container.is_running() && state.health.as_deref() != Some("unhealthy") && !restarts;
    if well && !login_refused && !always {
        return;
    }
    let (id, superuser, running) = (container.id.clone(), container.superuser().to_owned(), container.is_running());
    let data = container.data_directory().to_owned();
    let image = container.image.clone();
    let address = picture.engine.address.clone();
    let Ok(docker) = wire::client(&address, scope.deadline) else { return };
    let closer = async {
        let docker = docker.negotiate_version().await.map_err(|error| error.to_string())?;
        let look = async { tokio::join!(wire::log_tail(&docker, &id, LOG_LINES), tag_of(&docker, &image, always)) };
        let (log, tagged) = look.await;
        let log = log?;
        let inside =
            if running && login_refused { look_inside(&docker, &id, &superuser).await } else { Observed::Absent };
        let was_full = log.iter().any(|line| line.contains(NO_SPACE));
        let free =
            if running && (was_full || failed) { data_free(&docker, &id, &data).await } else { Observed::Absent };
        Ok::<_, String>((log, inside, free, tagged))
    };
    let looked = match timeout(scope.deadline, Box::pin(closer)).await {
        Ok(looked) => looked,
        Err(_elapsed) => Err("the engine took too long".to_owned()),
    };
    if let EngineOutcome::Answered(engine) = &mut picture.engine.outcome
        && let Some(container) = engine.containers.iter_mut().find(|container| container.id == id)
    {
        match looked {
            Ok((log, inside, free, tagged)) => {
                container.log_tail = Observed::Known(log);
                container.inside = inside;
                container.data_free = free;
                container.tagged = tagged;
            }
            Err(why) => container.log_tail = Observed::Unknown(why),
        }
    }
}

/// Asks which image a tag names today, where a diagnosis wants it.
async fn tag_of(docker: &Docker, image: &str, wanted: bool) -> Observed<TaggedImage> {
    if !wanted || image.starts_with("sha256:") {
        return Observed::Absent;
    }
    match docker.inspect_image(image).await {
        Ok(image) => Observed::Known(container::tagged(image)),
        // The tag is gone; the container goes on with what it has.
        Err(_absent) => Observed::Absent,
    }
}

/// Asks `df` inside, in POSIX's format (`df -P`, blocks of 1024 bytes).
async fn data_free(docker: &Docker, id: &str, data: &str) -> Observed<u64> {
    let arguments = ["df", "-Pk", data].map(str::to_owned).to_vec();
    let command = wire::Command { arguments, ..wire::Command::default() };
    match wire::execute(docker, id, command, &mut |_piece| {}).await {
        Ok(done) => {
            let line = done.stdout.lines().nth(1).unwrap_or_default();
            match line.split_whitespace().nth(3).and_then(|blocks| blocks.parse::<u64>().ok()) {
                Some(blocks) => Observed::Known(blocks * 1024),
                None => Observed::Unknown(visible(done.stderr.trim())),
            }
        }
        Err(why) => Observed::Unknown(why),
    }
}

/// Asks `psql` inside, where the image trusts the local socket.
async fn look_inside(docker: &Docker, id: &str, superuser: &str) -> Observed<InsideLook> {
    // `pg_` is the system's.
    let script = "select 'role', rolcanlogin, case when rolvaliduntil < now() then rolvaliduntil end, rolname from pg_roles\n\
                    where rolname !~ '^pg_' order by rolname;\n\
                  select 'database', datname from pg_database where not datistemplate;\n\
                  select 'hba', current_setting('hba_file');\n";
    let mut refused = String::new();
    // A volume that was made with another POSTGRES_USER does not know today's; most have `postgres`.
    for name in [superuser, "postgres"] {
        let command = wire::psql(name, "template1", script.to_owned());
        match wire::execute(docker, id, command, &mut |_piece| {}).await {
            Ok(done) if done.exit_code == 0 => {
                return Observed::Known(InsideLook { superuser: name.to_owned(), ..inside(&done.stdout) });
            }
            Ok(done) if refused.is_empty() => refused = visible(done.stderr.trim()),
            Ok(_other) => {}
            Err(why) => return Observed::Unknown(why),
        }
    }
    Observed::Unknown(refused)
}

/// Reads what `psql -A -t` printed.
fn inside(text: &str) -> InsideLook {
    let mut look = InsideLook::default();
    for line in text.lines() {
        match line.split_once('|') {
            Some(("role", rest)) => {
                let mut columns = rest.splitn(3, '|');
                let (can_login, expired) = (columns.next() == Some("t"), columns.next().unwrap_or_default());
                let expired = Some(visible(expired)).filter(|since| !since.is_empty());
                let name = visible(columns.next().unwrap_or_default());
                look.roles.push(InsideRole { name, can_login, expired });
            }
            Some(("database", name)) => look.databases.push(visible(name)),
            Some(("hba", file)) => look.hba_file = visible(file),
            _ => {}
        }
    }
    look
}

async fn ask(address: &str, picture: &Picture, scope: &Scope) -> EngineOutcome {
    if let Some(refused) = address::knock(address).await {
        return refused;
    }
    let no_answer = |error: bollard::errors::Error| EngineOutcome::NoAnswer {
        why: match error {
            bollard::errors::Error::RequestTimeoutError => "it took too long".to_owned(),
            other => visible(&other.to_string()),
        },
    };
    let docker = match wire::client(address, scope.deadline) {
        Ok(docker) => docker,
        Err(error) => return no_answer(error),
    };
    let docker = match docker.negotiate_version().await {
        Ok(docker) => docker,
        Err(error) => return no_answer(error),
    };
    let options = ListContainersOptionsBuilder::default().all(true).build();
    // Only a diagnosis asks how old the volumes are, and whose.
    let volumes = async {
        match scope.depth {
            Depth::All => docker.list_volumes(None::<ListVolumesOptions>).await.ok().and_then(|listed| listed.volumes),
            _ => None,
        }
    };
    let (version, listed, volumes) = tokio::join!(docker.version(), docker.list_containers(Some(options)), volumes);
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return no_answer(error),
    };
    let concerned = listed.iter().filter(|summary| container::concerns(summary, picture)).take(CONTAINERS);
    let inspected = concerned.map(|summary| inspect(&docker, summary.id.clone().unwrap_or_default()));
    let mut containers: Vec<Container> = join_all(inspected).await.into_iter().flatten().collect();
    containers.sort_by(|left, right| left.name.cmp(&right.name));
    let version = version.unwrap_or_default();
    EngineOutcome::Answered(Engine {
        product: product(&version),
        version: version.version.unwrap_or_default(),
        api_version: docker.client_version().to_string(),
        containers,
        volumes: volumes.unwrap_or_default().into_iter().map(container::volume).collect(),
    })
}

fn product(version: &bollard::models::SystemVersion) -> String {
    let platform = version.platform.iter().map(|platform| platform.name.clone());
    let components = version.components.iter().flatten().map(|component| component.name.clone());
    let names: Vec<String> = platform.chain(components).filter(|name| !name.is_empty()).collect();
    visible(&names.join(", "))
}

async fn inspect(docker: &Docker, id: String) -> Option<Container> {
    let response = docker.inspect_container(&id, None).await.ok()?;
    let mut container = container::read(response);
    if container.is_postgres() {
        container.system_identifier = identifier(docker, &container).await;
        // A server that starts has data of its own major.
        if !container.is_running() || container.state.restart_count > 0 {
            container.data_major = data_major(docker, &container).await;
        }
    }
    Some(container)
}

/// `PG_VERSION` holds the major that made the data directory (PostgreSQL documentation, "Database File Layout").
async fn data_major(docker: &Docker, container: &Container) -> Observed<u32> {
    // An image since 18 finds what an older one wrote at the place where those look.
    for folder in [container.data_directory(), "/var/lib/postgresql/data"] {
        let path = format!("{}/PG_VERSION", folder.trim_end_matches('/'));
        let bytes = match wire::read_file(docker, &container.id, &path).await {
            Ok(bytes) => bytes,
            // 404 is the engine's word for a path that is not there; what else went wrong leaves it open.
            Err(why) if why.contains("404") => continue,
            Err(why) => return Observed::Unknown(visible(&why)),
        };
        return match String::from_utf8_lossy(&bytes).trim().parse() {
            Ok(major) => Observed::Known(major),
            Err(_other) => Observed::Unknown(format!("`{path}` is no number")),
        };
    }
    Observed::Absent
}

/// The first eight bytes of `global/pg_control` are the system identifier (`ControlFileData`, `pg_control.h`).
async fn identifier(docker: &Docker, container: &Container) -> Observed<u64> {
    let path = format!("{}/global/pg_control", container.data_directory().trim_end_matches('/'));
    match wire::read_file(docker, &container.id, &path).await {
        Ok(bytes) => match bytes.first_chunk::<8>() {
            Some(eight) => Observed::Known(u64::from_le_bytes(*eight)),
            None => Observed::Unknown(format!("`{path}` is empty")),
        },
        Err(_absent) => Observed::Absent,
    }
}
