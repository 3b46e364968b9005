//! `container-restarting`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "container-restarting",
    title: "The database's container stays up",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: connections that work for a second, or never; `docker ps` says `Restarting`.\n\
        Cause: the server ends at once: another major's data directory, a missing password on a new volume, no permission on a bind mount.\n\
        Proof: the state, the count of restarts, and the end of its log.\n\
        Fix: what the log says.",
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
    if state.status != "restarting" && !crashed {
        return Ok(Vec::new());
    }
    let name = facts::container_name(container);
    let what = if crashed { "ended" } else { "restarts again and again" };
    let mut finding = Finding::new(format!("{name} {what} (exit code {})", state.exit_code));
    if state.restart_count > 0 {
        finding = finding.seen(counted(usize::try_from(state.restart_count).unwrap_or_default(), "restart"));
    }
    let log = container.log_tail.known().map_or(&[][..], Vec::as_slice);
    let telling: Vec<&String> = log.iter().filter(|line| is_telling(line)).collect();
    let shown = if telling.is_empty() { log.iter().rev().take(3).rev().collect() } else { telling };
    for line in shown.iter().rev().take(4).rev() {
        finding = finding.seen(format!("log: {line}"));
    }
    Ok(vec![
        finding
            .manual("read its log, mend what it names, start it again", &[&format!("docker logs {}", container.name)]),
    ])
}

/// 128 + SIGINT, SIGKILL, SIGTERM: stopped by a person or by the engine.
const STOPPED: [i64; 3] = [130, 137, 143];

fn is_telling(line: &str) -> bool {
    const WORDS: [&str; 7] = ["FATAL", "PANIC", "Error:", "ERROR", "incompatible", "denied", "not specified"];
    WORDS.iter().any(|word| line.contains(word))
}
