//! `python-package-missing`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "python-package-missing",
    title: "The project's environment has Alembic and the driver",
    area: "migrations",
    severity: Severity::Warning,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `ModuleNotFoundError: No module named 'asyncpg'`, `No module named 'psycopg2'`, `alembic: command not found`.\n\
        Cause: the packages were installed into another environment than the project's, or the URL's driver was changed and not installed.\n\
        Proof: the folder of packages of the project's environment (`.venv`, or the active one), and the driver that the URL names.\n\
        Fix: install what is missing into that environment.\n\
        Keeps: what is installed; versions that are pinned stay.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.recipe.python_environment = Some("/home/dev/shop/.venv".into());
        picture.recipe.python_packages = Observed::Known(BTreeSet::from(["sqlalchemy".to_owned()]));
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Observed::Known(packages) = &picture.recipe.python_packages else { return Ok(Vec::new()) };
    let (Some(environment), Some(chain)) = (&picture.recipe.python_environment, picture.chain.known()) else {
        return Ok(Vec::new());
    };
    let shown = environment.strip_prefix(&picture.root).unwrap_or(environment).display();
    let has = |name: &str| packages.contains(name);
    let mut findings = Vec::new();
    let mut missing = |name: &str, finding: Finding| {
        let active = picture.shell.get("VIRTUAL_ENV").filter(|it| std::path::Path::new(it.reveal()) != environment);
        let finding = match active {
            Some(active) => finding.seen(format!("another environment is active: {}", active.reveal())),
            None => finding,
        };
        findings.push(finding.manual("install it there", &[&format!("{shown}/bin/python -m pip install {name}")]));
    };
    if !has("alembic") {
        let finding = Finding::new(format!("`{shown}` has no Alembic"));
        missing("alembic", finding.at(&Place::new(&chain.config.file, 0), "the chain is Alembic's"));
    }
    let Some(candidate) = picture.target() else { return Ok(findings) };
    let driver = candidate.target.driver.as_deref();
    let package = driver.and_then(package);
    if let Some((module, name)) = package.filter(|(module, _)| !has(module)) {
        let driver = driver.unwrap_or_default();
        let finding = Finding::new(format!("`{shown}` has no `{module}`, the driver that the URL names"));
        missing(name, facts::leads_there(candidate, finding).seen(format!("the URL says `postgresql+{driver}`")));
    } else if driver.is_none() && has("sqlalchemy") && !DRIVERS.iter().any(|(_, module, _)| has(module)) {
        let finding = Finding::new(format!("`{shown}` has SQLAlchemy, and no driver for PostgreSQL"));
        missing("psycopg2-binary", finding.seen("none of psycopg2, psycopg, asyncpg, pg8000 is in it"));
    }
    Ok(findings)
}

/// SQLAlchemy's drivers: the name in the URL, the module, and the package.
const DRIVERS: [(&str, &str, &str); 6] = [
    ("psycopg2", "psycopg2", "psycopg2-binary"),
    ("psycopg", "psycopg", "\"psycopg[binary]\""),
    ("psycopg_async", "psycopg", "\"psycopg[binary]\""),
    ("asyncpg", "asyncpg", "asyncpg"),
    ("pg8000", "pg8000", "pg8000"),
    ("psycopg2cffi", "psycopg2cffi", "psycopg2cffi"),
];

fn package(driver: &str) -> Option<(&'static str, &'static str)> {
    DRIVERS.iter().find(|(name, _, _)| *name == driver).map(|(_, module, package)| (*module, *package))
}
