//! `locale-missing`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "locale-missing",
    title: "The image has the locale that its cluster is made with",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &["pgdata-major-mismatch", "pg18-mount", "container-oom", "disk-full"],
    explain: "Seen as: `initdb: error: invalid locale name \"de_DE.UTF-8\"`, and a container that ends at once; with an old volume \
        `database locale is incompatible with operating system` (22023).\n\
        Cause: `POSTGRES_INITDB_ARGS` or `LANG` names a locale that the image lacks: Debian's has `en_US.utf8` and `C.UTF-8` alone; \
        or the volume was made with an image of another distribution.\n\
        Proof: the container's log.\n\
        Fix: by hand: a locale that the image has, or an image with more.\n\
        Keeps: everything: there is no cluster yet, or its files stay as they are.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let container = sample::container(picture);
        container.state.status = "exited".to_owned();
        container.state.exit_code = 1;
        container.log_tail = Observed::Known(vec!["initdb: error: invalid locale name \"de_DE.UTF-8\"".to_owned()]);
        picture.server = Observed::Unknown("the login failed".to_owned());
        for endpoint in &mut picture.reach.endpoints {
            endpoint.reply = Reply::Refused;
        }
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    const SAID: [&str; 4] = [
        "invalid locale name",
        "invalid locale settings",
        "database locale is incompatible with operating system",
        "not recognized by setlocale()",
    ];
    let Some(container) = picture.database_container().filter(|_| !facts::logged_in(picture)) else {
        return Ok(Vec::new());
    };
    // A server that runs had its locale.
    if facts::answers(picture) {
        return Ok(Vec::new());
    }
    let log = container.log_tail.known().map_or(&[][..], Vec::as_slice);
    let Some(line) = log.iter().rev().find(|line| SAID.iter().any(|said| line.contains(said))) else {
        return Ok(Vec::new());
    };
    let name = facts::container_name(container);
    let mut finding =
        Finding::new(format!("{name} has not the locale that it is told to use")).seen(format!("log: {line}"));
    let service = picture.database_service();
    for key in ["POSTGRES_INITDB_ARGS", "LANG", "LC_ALL"] {
        let entry = service.and_then(|service| service.environment.get(key));
        if let Some((entry, value)) = entry.and_then(|entry| Some((entry, entry.value.as_ref()?))) {
            finding = finding.at(&entry.at, format!("{key}: {}", value.reveal()));
        }
    }
    let summary = if line.contains("incompatible") {
        "run an image of the distribution that made the volume (Alpine and Debian have other locales)"
    } else {
        "name a locale that the image has; `C.UTF-8` and, in Debian's, `en_US.utf8`"
    };
    let list = format!("docker run --rm --entrypoint locale {} -a", container.image);
    let (set, again) = ("POSTGRES_INITDB_ARGS: --locale=C.UTF-8", facts::recreate_command(picture));
    let mut commands = vec![set, again.as_str()];
    // Alpine has no such program, and takes every name.
    if !container.image.contains("alpine") {
        commands.insert(0, &list);
    }
    Ok(vec![finding.manual(summary, &commands)])
}
