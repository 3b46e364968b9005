//! On what it was measured, and how busy that was.

use super::place::Place;
use std::fs;

/// What the numbers depend on.
pub(super) struct Machine {
    processors: usize,
    model: Option<String>,
    memory: Option<String>,
    load: Option<String>,
    server: String,
    versions: Vec<String>,
}

/// Settings that decide what a commit and a copy cost.
const SETTINGS: &str = "select string_agg(name || ' = ' || current_setting(name), ', ' order by name) from pg_settings
    where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'shared_buffers', 'max_wal_size', 'wal_level')";

pub(super) fn look(place: &Place<'_>) -> Result<Machine, String> {
    Ok(Machine {
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        model: field("/proc/cpuinfo", "model name"),
        memory: field("/proc/meminfo", "MemTotal"),
        load: load(),
        server: format!("PostgreSQL {} ({})", place.tools.server_version, place.server.ask("postgres", SETTINGS)?),
        versions: place.tools.versions(),
    })
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The load averages, as the kernel writes them.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

impl Machine {
    pub(super) fn lines(&self) -> Vec<String> {
        let memory = self.memory.as_deref().and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let memory =
            memory.map_or_else(String::new, |kilobytes| format!(", {} GB of memory", kilobytes.div_ceil(1 << 20)));
        let model = self.model.as_deref().map_or_else(String::new, |model| format!(" ({model})"));
        let before = self.load.as_deref().unwrap_or("unknown");
        let after = load().unwrap_or_else(|| "unknown".to_owned());
        vec![
            format!(
                "Machine: {} processors{model}{memory}; load average {before} before, {after} after.",
                self.processors
            ),
            format!("Server: {}.", self.server),
            format!("Versions: {}.", self.versions.join(", ")),
        ]
    }
}
