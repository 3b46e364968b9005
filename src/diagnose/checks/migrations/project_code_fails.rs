//! `project-code-fails`

use super::super::prelude::*;
use crate::model::deep::Fault;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "project-code-fails",
    title: "The migrations run from empty, and the models can be imported",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Deep],
    follows: &[
        "wrong-server",
        "db-missing",
        "extension-unavailable",
        "extension-not-created",
        "enum-new-value",
        "alembic-percent",
        "alembic-url-placeholder",
        "alembic-async-url",
        "alembic-sync-url",
        "alembic-concurrently",
        "alembic-unreadable-revision",
        "alembic-missing-parent",
        "alembic-cycle",
        "alembic-duplicate-id",
        "alembic-multiple-heads",
        "alembic-order",
        "sql-chain-fault",
    ],
    explain: "Seen as: `ModuleNotFoundError: No module named 'app'`, `KeyError: 'SECRET_KEY'`, pydantic's `Field required`, or a \
        revision that ends with an error in a new database.\n\
        Cause: `env.py` imports the app, which is not on Python's path, asks for a setting that is absent, or does not start; or \
        the chain does not make a database from nothing.\n\
        Proof: with `--deep` alone, which runs the project's own code: the migrations in a scratch database, which is dropped \
        afterwards, and `env.py` for its models.\n\
        Fix: by hand; the last line of its traceback is named, and what it asks for.\n\
        Keeps: the database: the code runs beside it.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let why = "KeyError: 'SECRET_KEY' (app/settings.py:7)".to_owned();
        let fault = Fault { source: "models".to_owned(), why, own: None };
        picture.deep = Observed::Known(crate::model::deep::Deep { faults: vec![fault], ..Default::default() });
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(deep) = picture.deep.known() else { return Ok(Vec::new()) };
    if deep.faults.is_empty() && !deep.untold.is_empty() {
        return Err(Unknown(deep.untold.join("; ")));
    }
    // What fails before the first revision keeps both from running: the models' error says where.
    let by_revision = |fault: &Fault| fault.why.starts_with("revision `");
    let both = deep.faults.len() > 1 && !deep.faults.iter().any(by_revision);
    let told = deep.faults.iter().filter(|fault| !both || fault.source == "models");
    let finding = |fault: &Fault| {
        let message = match (both, fault.source.as_str()) {
            (true, _) => "the project's migrations and models cannot be run",
            (_, "models") => "the project's models cannot be read",
            _ => "the project's migrations do not run from empty",
        };
        let finding = Finding::new(message).seen(fault.why.clone());
        mended(picture, finding, fault.own.as_deref(), &fault.why)
    };
    Ok(told.map(finding).collect())
}

/// Adds what to do about it.
fn mended(picture: &Picture, finding: Finding, own: Option<&str>, why: &str) -> Finding {
    let config = picture.chain.known().map(|chain| &chain.config);
    match (own, config) {
        (Some(folder), Some(config)) => finding.manual(
            format!("the module is in the project: let `{}` put it on Python's path", config.file.display()),
            &[&format!("prepend_sys_path = {folder}")],
        ),
        (Some(_), None) => finding.manual("the module is in the project: install that as a package", &[]),
        (None, _) if why.contains("No module named") => {
            finding.manual("install the project's dependencies into its virtual environment", &[])
        }
        (None, _) if why.contains("KeyError") || why.contains("Field required") => finding
            .manual("set what it asks for in the `.env` that it reads, then look again", &["devdb doctor --deep"]),
        (None, _) => finding.manual("mend what it says, then look again", &["devdb doctor --deep"]),
    }
}
