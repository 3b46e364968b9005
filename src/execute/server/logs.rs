//! What a project's server has logged.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;

use super::container;
use crate::error::{Error, Result};
use crate::model::local_server::LogSource;
use crate::model::text::visible;

/// How much of the end of a file is looked at.
const TAIL_BYTES: u64 = 1 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Hands the last lines to `line`, and with `follow` those that come, until the future is dropped.
pub async fn show(source: &LogSource, lines: usize, follow: bool, line: &mut dyn FnMut(&str)) -> Result<()> {
    match source {
        LogSource::Container { engine, id, .. } => Box::pin(of_container(engine, id, (lines, follow), line)).await,
        LogSource::File(path) => {
            let read = of_file(path, lines, follow, line).await;
            read.map_err(|error| Error::environment(format!("cannot read `{}`", path.display())).because(error))
        }
    }
}

async fn of_container(
    engine: &str,
    id: &str,
    (lines, follow): (usize, bool),
    line: &mut dyn FnMut(&str),
) -> Result<()> {
    let docker = container::client(engine).await?;
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow).tail(&lines.to_string()).build();
    let mut pieces = Box::pin(docker.logs(id, Some(options)));
    let mut rest = String::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Error::environment("the engine gives no log").because(error))?;
        rest.push_str(&String::from_utf8_lossy(&piece.into_bytes()));
        rest = whole_lines(rest, line);
    }
    if !rest.is_empty() {
        line(&visible(&rest));
    }
    Ok(())
}

async fn of_file(path: &Path, lines: usize, follow: bool, line: &mut dyn FnMut(&str)) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = visible(&String::from_utf8_lossy(&bytes));
    let all: Vec<&str> = text.lines().collect();
    for shown in all.iter().skip(all.len().saturating_sub(lines)) {
        line(shown);
    }
    let mut rest = String::new();
    if !follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        rest.push_str(&String::from_utf8_lossy(&bytes));
        rest = whole_lines(rest, line);
    }
}

/// Hands over the lines that are complete and returns what is left.
fn whole_lines(text: String, line: &mut dyn FnMut(&str)) -> String {
    let Some((complete, rest)) = text.rsplit_once('\n') else { return text };
    for shown in complete.lines() {
        line(&visible(shown));
    }
    rest.to_owned()
}
