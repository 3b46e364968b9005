//! `alembic-url-placeholder`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-url-placeholder",
    title: "Alembic is told a database",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &["alembic-percent"],
    explain: "Seen as: `Can't load plugin: sqlalchemy.dialects:driver`, `KeyError: 'url'`.\n\
        Cause: `alembic init` writes `sqlalchemy.url = driver://user:pass@localhost/dbname`, and nobody replaced it.\n\
        Proof: the line, or that there is none, and an `env.py` that makes its engine of the file and sets no URL itself.\n\
        Fix: let `env.py` take the URL from the app's own variable.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let config = &mut sample::chain(picture).config;
        config.engine_from_config = true;
        let url = crate::model::secret::Secret::from("driver://user:pass@localhost/dbname");
        config.url = Some(crate::model::place::Located::new(url, Place::new("alembic.ini", 63)));
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(Chain { config, .. }) = picture.chain.known() else { return Ok(Vec::new()) };
    if !config.engine_from_config || config.env_sets_url || !config.env_urls.is_empty() || !config.problems.is_empty() {
        return Ok(Vec::new());
    }
    let finding = match &config.url {
        None => Finding::new(format!("`{}` names no database for Alembic", config.file.display()))
            .at(&Place::new(&config.file, 0), "has no `sqlalchemy.url`"),
        Some(url) if url.value.is_empty() => {
            Finding::new(format!("`{}` names no database for Alembic", config.file.display()))
                .at(&url.at, "`sqlalchemy.url` is empty")
        }
        Some(url) if url.value.reveal().starts_with("driver://") => {
            Finding::new(format!("`{}` still has the URL of its template", config.file.display()))
                .at(&url.at, "sqlalchemy.url = driver://…")
        }
        Some(_) => return Ok(Vec::new()),
    };
    let env_py = config.script_directory.join("env.py");
    let of_app = picture.target().filter(|it| !matches!(it.origin, Origin::Compose { .. } | Origin::Alembic { .. }));
    let key = of_app.map_or("DATABASE_URL", |candidate| candidate.origin.key());
    let line = format!("config.set_main_option(\"sqlalchemy.url\", os.environ[\"{key}\"].replace(\"%\", \"%%\"))");
    Ok(vec![finding.manual(
        format!("let `{}` read the app's own variable, below `config = context.config`", env_py.display()),
        &["import os", &line],
    )])
}
