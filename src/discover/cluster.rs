//! The project's own cluster: what `devdb up` recorded, and what its `postmaster.pid` says.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::local_server::ExistingCluster;
use crate::wire::files::read_text;

#[derive(Deserialize)]
struct Record {
    data: PathBuf,
    port: u16,
    major: u32,
}

/// Returns the cluster of the project at `root`. Whether its server lives is the socket table's to say.
pub(super) fn read(root: &Path) -> Option<ExistingCluster> {
    let text = read_text(&root.join(".devdb/cluster.json")).ok()?;
    let record: Record = serde_json::from_str(&text).ok()?;
    // PostgreSQL source, `miscadmin.h`: pid, data directory, start time, port, …
    let pid_file = read_text(&record.data.join("postmaster.pid")).ok();
    let port = pid_file.as_ref().and_then(|text| text.lines().nth(3)?.trim().parse().ok());
    let running = pid_file.is_some();
    Some(ExistingCluster { data: record.data, major: record.major, port: port.unwrap_or(record.port), running })
}
