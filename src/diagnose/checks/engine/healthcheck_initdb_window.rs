//! `healthcheck-initdb-window`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "healthcheck-initdb-window",
    title: "The health check waits for the server that the app will meet",
    area: "engine",
    severity: Severity::Info,
    needs: &[Need::Compose],
    follows: &[],
    explain: "Seen as: a service that starts when the database is healthy, and is refused; at the first `docker compose up` only.\n\
        Cause: while the image runs its scripts for an empty volume, a server for them alone answers on the socket; `pg_isready` without `-h` \
        asks the socket. Then that server is stopped and the real one started.\n\
        Proof: a health check without a host, scripts in `/docker-entrypoint-initdb.d`, and a service that waits for `service_healthy`.\n\
        Fix: by hand: the host in the check.\n\
        Keeps: the volume; the container is made anew.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        sample::add_dependent(picture);
        if let Observed::Known(compose) = &mut picture.compose {
            for wait in compose.services.iter_mut().filter_map(|it| it.depends_on.get_mut("db")) {
                wait.value = "service_healthy".to_owned();
            }
        }
        let service = sample::service(picture);
        let test = ["CMD-SHELL", "pg_isready -U app"].map(str::to_owned).to_vec();
        service.healthcheck = Some(crate::model::place::Located::new(test, service.at.clone()));
        picture.init_scripts = vec![crate::model::picture::InitScript {
            service: "db".to_owned(),
            file: "init.sql".into(),
            inside: "/docker-entrypoint-initdb.d/init.sql".to_owned(),
            changed: 0,
            named: false,
        }];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(compose) = picture.compose.known() else { return Ok(Vec::new()) };
    let Some(service) = picture.database_service() else { return Ok(Vec::new()) };
    let scripts: Vec<_> =
        picture.init_scripts.iter().filter(|it| it.service == service.name && facts::runs_at_init(&it.file)).collect();
    let waits = compose.services.iter().find_map(|it| {
        let wait = it.depends_on.get(&service.name).filter(|wait| wait.value == "service_healthy")?;
        Some((it, &wait.at))
    });
    let (Some(test), Some(first), Some((waiter, at))) = (&service.healthcheck, scripts.first(), waits) else {
        return Ok(Vec::new());
    };
    let text = test.value.join(" ");
    let Some((head, rest)) = text.split_once("pg_isready") else { return Ok(Vec::new()) };
    let asks_host = rest.split_whitespace().any(|word| word.starts_with("-h") || word.starts_with("--host"));
    if asks_host || test.value.iter().any(|word| word.contains("PGHOST")) {
        return Ok(Vec::new());
    }
    let list = !head.contains("CMD-SHELL");
    let words = if list { "\"pg_isready\", \"-h\", \"127.0.0.1\"" } else { "pg_isready -h 127.0.0.1" };
    Ok(vec![
        Finding::new(format!("the health check of `{}` passes while its init scripts still run", service.name))
            .at(&test.at, "asks the socket, on which the server for the scripts answers")
            .seen(format!("{}, as `{}`, in an empty volume", counted(scripts.len(), "script"), first.file.display()))
            .at(at, format!("service `{}` starts then", waiter.name))
            .manual(
                "ask over TCP, where only the real server listens",
                &[&format!("{words}   # instead of pg_isready")],
            ),
    ])
}
