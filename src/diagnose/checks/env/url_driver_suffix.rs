//! `url-driver-suffix`

use super::super::prelude::*;
#[cfg(test)]
use crate::model::habits::Call;
use crate::model::sql_chain::SqlTool;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "url-driver-suffix",
    title: "Only SQLAlchemy gets SQLAlchemy's URL",
    area: "env",
    severity: Severity::Warning,
    needs: &[Need::Target],
    follows: &[],
    explain: "Seen as: `missing \"=\" after \"postgresql+asyncpg://…\" in connection info string` of libpq; `psql` takes it for a database's \
        name, and looks for a server on the local socket.\n\
        Cause: `postgresql+asyncpg://` is SQLAlchemy's way to name a driver; libpq's programs and other languages do not know it.\n\
        Proof: the URL has a driver, and a script of the project gives its variable to such a program, or a tool reads it that is not \
        Python's.\n\
        Fix: by hand: a second variable, or `devdb url --for libpq` in the script.\n\
        Keeps: the URL that SQLAlchemy reads.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.candidates[0].target.driver = Some("asyncpg".to_owned());
        picture.habits.calls = vec![Call {
            at: Place::new("Makefile", 3),
            program: "psql".to_owned(),
            variables: vec!["DATABASE_URL".to_owned()],
            revision: None,
            elsewhere: false,
        }];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(candidate) = picture.target() else { return Ok(Vec::new()) };
    let Some(driver) = &candidate.target.driver else { return Ok(Vec::new()) };
    let key = candidate.origin.key();
    let gets = |call: &&crate::model::habits::Call| {
        call.program != "alembic" && !call.elsewhere && call.variables.iter().any(|it| it == key)
    };
    let mut findings = Vec::new();
    let scheme = format!("`{key}` begins with `postgresql+{driver}://`");
    for call in picture.habits.calls.iter().filter(gets) {
        let mut finding = Finding::new(format!("`{}` gets a URL that only SQLAlchemy reads", call.program))
            .at(&call.at, format!("{} gets `{key}`", call.program));
        finding = match candidate.origin.place() {
            Some(at) => finding.at(at, scheme.clone()),
            None => finding.seen(scheme.clone()),
        };
        let line = format!("{} \"$(devdb url --for libpq)\"", call.program);
        findings.push(finding.manual("give it one without the driver", &[&line]));
    }
    // The tools that read this very variable, by their documentation.
    let reads = |tool: SqlTool| matches!(tool, SqlTool::Dbmate | SqlTool::Sqlx | SqlTool::Diesel | SqlTool::Prisma);
    if let Some(chain) = picture.recipe.sql_chain.known().filter(|chain| key == "DATABASE_URL" && reads(chain.tool)) {
        let mut finding = Finding::new(format!("{} does not read a URL with a driver", chain.tool));
        finding = match candidate.origin.place() {
            Some(at) => finding.at(at, scheme),
            None => finding.seen(scheme),
        };
        findings.push(finding.manual("write a second variable for it, without the driver", &["devdb url --for libpq"]));
    }
    Ok(findings)
}
