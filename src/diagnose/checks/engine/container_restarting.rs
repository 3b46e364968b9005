//! `container-restarting`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "container-restarting",
    title: "The database's container stays up",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[
        "pgdata-major-mismatch",
        "pg18-mount",
        "container-oom",
        "disk-full",
        "bind-mount-permissions",
        "password-empty",
        "locale-missing",
    ],
    explain: "Seen as: connections that work for a second, or never; `docker ps` says `Restarting`.\n\
        Cause: the server ends at once: another major's data directory, a missing password on a new volume, no permission on a bind mount.\n\
        Proof: the state, the count of restarts, and the end of its log.\n\
        Fix: what the log says.\n\
        Keeps: everything until you act: the log is only read.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let state = &mut sample::container(picture).state;
        state.status = "restarting".to_owned();
        state.restart_count = 7;
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container() else { return Ok(Vec::new()) };
    let state = &container.state;
    let crashed = state.status == "exited" && state.exit_code != 0 && !STOPPED.contains(&state.exit_code);
    // Between two ends it runs for a moment.
    let silent = !facts::logged_in(picture) && !facts::answers(picture);
    let briefly = container.is_running() && state.restart_count > 0 && silent;
    if state.status != "restarting" && !crashed && !briefly {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let what = if crashed { "ended" } else { "restarts again and again" };
    let mut finding = Finding::new(format!("{name} {what} (exit code {})", state.exit_code));
    if state.restart_count > 0 {
        finding = finding.seen(counted(usize::try_from(state.restart_count).unwrap_or_default(), "restart"));
    }
    let log = container.log_tail.known().map_or(&[][..], Vec::as_slice);
    for line in telling(log) {
        finding = finding.seen(format!("log: {line}"));
    }
    Ok(vec![
        finding
            .manual("read its log, mend what it names, start it again", &[&format!("docker logs {}", container.name)]),
    ])
}

/// 128 + SIGINT, SIGKILL, SIGTERM: stopped by a person or by the engine.
const STOPPED: [i64; 3] = [130, 137, 143];

/// Returns the last lines of the log that say why, each once; its very last lines when none does.
fn telling(log: &[String]) -> Vec<&str> {
    const WORDS: [&str; 9] =
        ["FATAL", "PANIC", "Error:", "ERROR", "DETAIL", "HINT", "incompatible", "denied", "not specified"];
    let says = |line: &&str| WORDS.iter().any(|word| line.contains(word));
    let mut shown: Vec<&str> = Vec::new();
    for line in log.iter().rev().map(|line| without_time(line)).filter(says) {
        if !shown.contains(&line) && shown.len() < LINES {
            shown.push(line);
        }
    }
    if shown.is_empty() {
        shown = log.iter().rev().map(|line| without_time(line)).filter(|line| !line.is_empty()).take(LINES).collect();
    }
    shown.reverse();
    shown
}

const LINES: usize = 4;

/// PostgreSQL's lines start with time and process, which differ in each round: `2026-11-21 11:57:50.515 UTC [1] FATAL: …`
fn without_time(line: &str) -> &str {
    let stamped = line.starts_with(|first: char| first.is_ascii_digit());
    line.split_once("] ").filter(|(head, _)| stamped && head.contains('[')).map_or(line, |(_, rest)| rest).trim()
}
