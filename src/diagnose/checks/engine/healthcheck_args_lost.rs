//! `healthcheck-args-lost`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "healthcheck-args-lost",
    title: "The health check runs as it is written",
    area: "engine",
    severity: Severity::Warning,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: `role \"root\" does not exist` in the log every few seconds; a service that is never healthy, so that those which wait for it\n\
        do not start.\n\
        Cause: `CMD-SHELL` takes one text and drops what follows it; `CMD` takes one word an entry and finds no program whose name has blanks.\n\
        Proof: `healthcheck.test` in the Compose file.\n\
        Fix: one text after `CMD-SHELL`, with user and database.\n\
        Keeps: the volume; the container is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let service = sample::service(picture);
        let test = ["CMD-SHELL", "pg_isready", "-U", "app"].map(str::to_owned).to_vec();
        service.healthcheck = Some(crate::model::place::Located::new(test, service.at.clone()));
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(service) = picture.database_service() else { return Ok(Vec::new()) };
    let Some(test) = &service.healthcheck else { return Ok(Vec::new()) };
    let words: Vec<&str> = test.value.iter().map(String::as_str).collect();
    let (message, whole) = match words.as_slice() {
        ["CMD-SHELL", first, rest @ ..] if !rest.is_empty() => (
            format!("the health check of service `{}` runs `{first}` alone: `CMD-SHELL` takes one text", service.name),
            joined(words.get(1..).unwrap_or_default()),
        ),
        ["CMD", first, rest @ ..] if first.contains(' ') => (
            format!("the health check of service `{}` looks for a program of the name `{first}`", service.name),
            joined(&std::iter::once(*first).chain(rest.iter().copied()).collect::<Vec<_>>()),
        ),
        ["CMD-SHELL", only] if only.starts_with("CMD-SHELL ") || only.starts_with("CMD ") => (
            format!(
                "the health check of service `{}` is a text that begins with `CMD`, a word for lists",
                service.name
            ),
            only.split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or_default(),
        ),
        _ => return Ok(Vec::new()),
    };
    let mut finding = Finding::new(message).at(&test.at, format!("[{}]", words.join(", ")));
    let container = picture.container_of(&service.name);
    if let Some(health) = container.and_then(|container| container.state.health.as_deref()) {
        finding = finding.seen(format!("its container is {health}"));
    }
    let log = container.and_then(|container| container.log_tail.known()).into_iter().flatten();
    if let Some(line) = log.into_iter().rev().find(|line| line.contains("role \"root\" does not exist")) {
        finding = finding.seen(format!("log: {}", line.trim()));
    }
    // What Compose and YAML take for their own.
    let whole = whole.replace('$', "$$").replace('\\', "\\\\").replace('"', "\\\"");
    let line = format!("test: [\"CMD-SHELL\", \"{whole}\"]");
    Ok(vec![finding.manual("write one text, then recreate the container", &[&line, &facts::recreate_command(picture)])])
}

/// Returns the words as the shell's text that they were meant to be: a statement behind `-c` is one word, all else is as it
/// stands, so that variables and `||` keep their meaning.
fn joined(words: &[&str]) -> String {
    let mut text = String::new();
    let mut before = "";
    for word in words {
        let statement = matches!(before, "-c" | "-tc" | "-Atc" | "--command");
        let word_of_shell = if statement { shell_argument(word) } else { (*word).to_owned() };
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(&word_of_shell);
        before = word;
    }
    text
}
