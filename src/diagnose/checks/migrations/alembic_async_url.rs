//! `alembic-async-url`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-async-url",
    title: "`env.py` can use the URL's driver",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Target, Need::Chain],
    follows: &["alembic-url-placeholder", "alembic-percent"],
    explain: "Seen as: `MissingGreenlet: greenlet_spawn has not been called; can't call await_only() here`.\n\
        Cause: the app runs asyncpg, and `env.py` was made by `alembic init` without `-t async`: it makes a plain engine of the same URL.\n\
        Proof: the driver in the URL, the variable's name in `env.py` (or the URL in `alembic.ini`), and that nothing in `env.py` speaks of\n\
        async.\n\
        Fix: by hand: a synchronous driver for Alembic, or the `env.py` of `alembic init -t async`.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.candidates[0].target.driver = Some("asyncpg".to_owned());
        sample::chain(picture).config.plain_engine = vec!["DATABASE_URL".to_owned()];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let (Some(candidate), Some(chain)) = (picture.target(), picture.chain.known()) else { return Ok(Vec::new()) };
    let Some(driver @ ("asyncpg" | "psycopg_async" | "aiopg")) = candidate.target.driver.as_deref() else {
        return Ok(Vec::new());
    };
    let key = candidate.origin.key().to_ascii_uppercase();
    if !chain.config.plain_engine.contains(&key) {
        return Ok(Vec::new());
    }
    let env_py = chain.config.script_directory.join("env.py");
    let finding =
        Finding::new(format!("`{}` makes a plain engine of a URL for `{driver}`, which is async", env_py.display()));
    let finding = facts::leads_there(candidate, finding)
        .seen(format!("the URL says `postgresql+{driver}`"))
        .at(&Place::new(&env_py, 0), "nothing in it is async");
    let has_psycopg = picture.recipe.python_packages.known().is_some_and(|it| it.contains("psycopg"));
    let other = if has_psycopg { "+psycopg" } else { "+psycopg2" };
    let line = format!("url.replace(\"+{driver}\", \"{other}\")   # in {}", env_py.display());
    Ok(vec![finding.manual(
        "give Alembic a synchronous driver, or take the `env.py` that `alembic init -t async` writes",
        &[&line],
    )])
}
