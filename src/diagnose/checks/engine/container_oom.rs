//! `container-oom`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "container-oom",
    title: "The database's container has memory enough",
    area: "engine",
    severity: Severity::Error,
    needs: &[Need::Engine],
    follows: &[],
    explain: "Seen as: `server closed the connection unexpectedly`, `terminated by signal 9: Killed`, a container that exited with 137.\n\
        Cause: the kernel ended it, as it took more than `mem_limit` (or Docker's own machine) has.\n\
        Proof: the engine says `OOMKilled` of a container that does not run.\n\
        Fix: a higher `mem_limit`, or smaller `shared_buffers` and `work_mem`; then start it again.\n\
        Keeps: the volume; what was not committed when it was killed is lost already.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let state = &mut sample::container(picture).state;
        state.status = "exited".to_owned();
        state.exit_code = 137;
        state.oom_killed = true;
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(container) = picture.database_container().filter(|it| it.state.oom_killed && !it.is_running()) else {
        return Ok(Vec::new());
    };
    let mut finding = Finding::new(format!("{} was killed for want of memory", facts::container_name(container)))
        .seen(format!("the engine says: OOMKilled, exit code {}", container.state.exit_code));
    if let Some(service) = picture.database_service() {
        finding = finding.at(&service.at, format!("service `{}`", service.name));
    }
    Ok(vec![finding.manual("give it more memory (`mem_limit`), or Docker's machine; then start it", &["devdb up"])])
}
