//! A client of the container engine, with the few calls that devdb makes.

use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What an archive may weigh: `pg_control` has 8 kB.
const ARCHIVE_LIMIT: usize = 1 << 20;
const LOG_LIMIT: usize = 256 << 10;
/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// Returns a client for `unix://`, `npipe://`, `tcp://` or `http://`; nothing is sent yet.
pub fn client(address: &str, timeout: Duration) -> Result<Docker, bollard::errors::Error> {
    let seconds = timeout.as_secs().max(1);
    let version = bollard::API_DEFAULT_VERSION;
    if let Some(path) = address.strip_prefix("unix://") {
        return Docker::connect_with_socket(path, seconds, version);
    }
    if address.starts_with("npipe://") {
        return Docker::connect_with_socket(address, seconds, version);
    }
    Docker::connect_with_http(address, seconds, version)
}

/// Returns the bytes of one file inside a container, running or not (Engine API, `GET /containers/{id}/archive`).
pub async fn read_file(docker: &Docker, container: &str, path: &str) -> Result<Vec<u8>, String> {
    let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
    let mut chunks = Box::pin(docker.download_from_container(container, Some(options)));
    let mut archive = Vec::new();
    while let Some(chunk) = chunks.next().await {
        archive.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
        if archive.len() > ARCHIVE_LIMIT {
            return Err(format!("`{path}` is larger than expected"));
        }
    }
    let mut archive = tar::Archive::new(archive.as_slice());
    let mut entries = archive.entries().map_err(|error| error.to_string())?;
    let mut entry = entries.next().ok_or("the archive is empty")?.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut entry, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Returns the last lines of a container's log.
pub async fn log_tail(docker: &Docker, container: &str, lines: usize) -> Result<Vec<String>, String> {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&lines.to_string()).build();
    let mut output = Box::pin(docker.logs(container, Some(options)));
    let mut bytes = Vec::new();
    while let Some(chunk) = output.next().await {
        let chunk = chunk.map_err(|error| error.to_string())?;
        if bytes.len() < LOG_LIMIT {
            bytes.extend_from_slice(&chunk.into_bytes());
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(crate::model::text::visible).collect())
}

/// What a command inside a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    pub exit_code: i64,
    pub stdout: String,
    pub stderr: String,
}

/// A command to run inside a container.
#[derive(Debug, Clone, Default)]
pub struct Command {
    pub arguments: Vec<String>,
    pub environment: Vec<String>,
    pub user: Option<String>,
    pub directory: Option<String>,
    /// Written to its standard input, which is then closed: the way for secrets.
    pub input: String,
}

/// Runs a command inside a container and waits for it; every piece of output is handed to `piece` as it comes.
pub async fn execute(
    docker: &Docker,
    container: &str,
    command: Command,
    piece: &mut dyn FnMut(&str),
) -> Result<Executed, String> {
    let text = |error: bollard::errors::Error| error.to_string();
    let options = CreateExecOptions {
        cmd: Some(command.arguments),
        env: Some(command.environment),
        user: command.user,
        working_dir: command.directory,
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(container, options).await.map_err(text)?;
    let StartExecResults::Attached { mut output, mut input } = docker.start_exec(&exec.id, None).await.map_err(text)?
    else {
        return Err("the engine detached from the command".to_owned());
    };
    input.write_all(command.input.as_bytes()).await.map_err(|error| error.to_string())?;
    input.shutdown().await.map_err(|error| error.to_string())?;
    let mut done = Executed { exit_code: -1, stdout: String::new(), stderr: String::new() };
    while let Some(chunk) = output.next().await {
        match chunk.map_err(text)? {
            LogOutput::StdErr { message } => {
                let message = String::from_utf8_lossy(&message);
                piece(&message);
                done.stderr.push_str(&message);
            }
            other => {
                let message = String::from_utf8_lossy(&other.into_bytes()).into_owned();
                piece(&message);
                done.stdout.push_str(&message);
            }
        }
    }
    done.exit_code = docker.inspect_exec(&exec.id).await.map_err(text)?.exit_code.unwrap_or(-1);
    Ok(done)
}

/// Why a command's bytes did not come through.
#[derive(Debug)]
pub enum PipeFailure {
    /// The file here could not be read or written.
    File(std::io::Error),
    /// The engine, or the way to it.
    Engine(String),
}

/// Runs a command inside a container as [`execute`] does, with one file for its standard input and one for its output:
/// nothing but its last words is held in memory.
pub async fn pipe(
    docker: &Docker,
    container: &str,
    command: Command,
    from: Option<&mut tokio::fs::File>,
    into: Option<&mut tokio::fs::File>,
) -> Result<Executed, PipeFailure> {
    let text = |error: bollard::errors::Error| PipeFailure::Engine(error.to_string());
    let options = CreateExecOptions {
        cmd: Some(command.arguments),
        env: Some(command.environment),
        attach_stdin: Some(from.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(container, options).await.map_err(text)?;
    let started = docker.start_exec(&exec.id, None).await.map_err(text)?;
    let StartExecResults::Attached { output, mut input } = started else {
        return Err(PipeFailure::Engine("the engine detached from the command".to_owned()));
    };
    let feeding = async {
        if let Some(file) = from {
            feed(file, &mut input).await?;
        }
        input.shutdown().await.map_err(|error| PipeFailure::Engine(error.to_string()))
    };
    let taking = take(output, into);
    // A command that failed reads no further: what it said counts more than that its input was not taken.
    let (fed, taken) = tokio::join!(feeding, taking);
    let stderr = taken?;
    let exit_code = docker.inspect_exec(&exec.id).await.map_err(text)?.exit_code.unwrap_or(-1);
    if exit_code == 0 {
        fed?;
    }
    Ok(Executed { exit_code, stdout: String::new(), stderr })
}

async fn feed(file: &mut tokio::fs::File, input: &mut (impl tokio::io::AsyncWrite + Unpin)) -> Result<(), PipeFailure> {
    let mut buffer = vec![0; PIECE];
    loop {
        let length = file.read(&mut buffer).await.map_err(PipeFailure::File)?;
        if length == 0 {
            return Ok(());
        }
        let piece = buffer.get(..length).unwrap_or_default();
        input.write_all(piece).await.map_err(|error| PipeFailure::Engine(error.to_string()))?;
    }
}

type Output = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// Writes what a command prints into a file, and returns the end of what it says on the other stream.
async fn take(mut output: Output, mut into: Option<&mut tokio::fs::File>) -> Result<String, PipeFailure> {
    let mut said = Vec::new();
    while let Some(chunk) = output.next().await {
        match chunk.map_err(|error| PipeFailure::Engine(error.to_string()))? {
            LogOutput::StdErr { message } if said.len() < LOG_LIMIT => said.extend_from_slice(&message),
            LogOutput::StdErr { .. } => {}
            other => {
                if let Some(file) = into.as_mut() {
                    file.write_all(&other.into_bytes()).await.map_err(PipeFailure::File)?;
                }
            }
        }
    }
    if let Some(file) = into {
        file.flush().await.map_err(PipeFailure::File)?;
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Returns a `psql` command that reads its script from standard input, as the superuser over the local socket.
pub fn psql(superuser: &str, database: &str, script: String) -> Command {
    let arguments =
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", superuser, "-d", database, "-f", "-"];
    Command {
        arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        user: Some("postgres".to_owned()),
        input: script,
        ..Command::default()
    }
}

/// Writes one text file into a container, folders included (Engine API, `PUT /containers/{id}/archive`).
pub async fn put_file(docker: &Docker, container: &str, path: &std::path::Path, text: &str) -> Result<(), String> {
    use bollard::query_parameters::UploadToContainerOptionsBuilder;
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    let inside = path.strip_prefix("/").unwrap_or(path);
    archive.append_data(&mut header, inside, text.as_bytes()).map_err(|error| error.to_string())?;
    let bytes = archive.into_inner().map_err(|error| error.to_string())?;
    let options = UploadToContainerOptionsBuilder::default().path("/").build();
    let body = bollard::body_full(bytes.into());
    docker.upload_to_container(container, Some(options), body).await.map_err(|error| error.to_string())
}
