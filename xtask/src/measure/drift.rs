//! `devdb drift` beside `migra` and `alembic check`, on databases that are as they should be.

use super::case::timed;
use super::ours::configure;
use super::place::{Place, Project};
use super::small::peak;
use super::stats::Times;
use crate::places;
use std::fmt::Write as _;
use std::process::Command;

/// What was measured at one size.
pub(super) struct Drift {
    pub(super) tables: usize,
    pub(super) rounds: usize,
    /// One `psql` with the query of the catalog.
    pub(super) floor: Times,
    pub(super) devdb: Times,
    pub(super) migra: Option<Times>,
    /// With models, and the peer that compares them; at the smaller size.
    pub(super) models: Option<(Times, Times)>,
    /// KiB.
    pub(super) memory: Option<u64>,
}

/// A file of devdb says where the project begins.
const SETTINGS: &str = "[reset]\nspare = false\n";

/// Columns of each table.
pub(super) const COLUMNS: usize = 12;

pub(super) fn measure(place: &Place<'_>, rounds: usize) -> Result<Vec<Drift>, String> {
    let sizes = [(100, rounds), (5_000, rounds.min(3))];
    sizes.iter().map(|(tables, rounds)| at(place, *tables, *rounds)).collect()
}

fn at(place: &Place<'_>, tables: usize, rounds: usize) -> Result<Drift, String> {
    eprintln!("bench: drift, {tables} tables, {rounds} rounds");
    let project = place.project("drifting")?;
    // One transaction has no locks for all of them.
    for (number, first) in (0..tables).step_by(100).enumerate() {
        let text = format!("-- migrate:up\n{}\n-- migrate:down\n", statements(first..tables.min(first + 100)));
        project.put(&format!("db/migrations/{:03}_tables.sql", number + 1), &text)?;
    }
    configure(&project, "DATABASE_URL", &place.server.url(project.database), SETTINGS)?;
    place.must(&mut place.devdb(&project, &["migrate", "up"]))?;
    place.server.sql("postgres", &["create database drifting_copy template drifting"])?;
    let with_models = (tables == 100).then(|| of_models(place, tables)).transpose()?;
    let query = std::fs::read_to_string(places::root().join("src/wire/catalog/catalog.sql"))
        .map_err(|error| format!("cannot read the query of the catalog: {error}"))?;
    project
        .put("catalog.sql", &format!("set search_path = ''; set jit = off;\n{};\n", query.replace("$1", "false")))?;
    let mut drift = Drift {
        tables,
        rounds,
        floor: Times::default(),
        devdb: Times::default(),
        migra: place.tools.migra.as_ref().map(|_| Times::default()),
        models: with_models.as_ref().map(|_| (Times::default(), Times::default())),
        memory: None,
    };
    for round in 0..=rounds {
        let mut psql = place.server.psql(&place.server.url(project.database));
        psql.arg("-f").arg(project.root.join("catalog.sql"));
        let mut runs: Vec<(Command, &mut Times)> =
            vec![(psql, &mut drift.floor), (place.devdb(&project, &["drift"]), &mut drift.devdb)];
        if let (Some(program), Some(times)) = (&place.tools.migra, &mut drift.migra) {
            let mut migra = place.command(program, &project.root);
            migra.arg("--unsafe").args([project.database, "drifting_copy"].map(|name| place.server.url(name)));
            runs.push((migra, times));
        }
        if let (Some((models, venv)), Some((ours, theirs))) = (&with_models, &mut drift.models) {
            let mut check = place.command(venv.join("bin/alembic"), &models.root);
            check.arg("check");
            runs.push((place.devdb(models, &["drift"]), ours));
            runs.push((check, theirs));
        }
        for (mut command, times) in runs {
            let took = timed(&mut command, &place.log())?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    drift.memory = peak(place, &project, &["drift"])?;
    place.server.drop_all()?;
    Ok(drift)
}

/// An Alembic project whose models and whose one revision make as many tables.
fn of_models(place: &Place<'_>, tables: usize) -> Result<(Project, std::path::PathBuf), String> {
    let venv = place.tools.venv.clone().ok_or("the bench has no Python environment")?;
    let project = place.project("modelled")?;
    project.take_alembic()?;
    project.link(&venv)?;
    let mut models = "from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text, func, text\n\
                      from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n\n\n"
        .to_owned();
    for table in 0..tables {
        write!(models, "Table('t{table}', Base.metadata, Column('id', Integer, primary_key=True), ")
            .map_err(infallible)?;
        models += "Column('owner', Integer, nullable=False, index=True)";
        for column in 0..COLUMNS - 2 {
            let kind = match column % 4 {
                0 => "Text",
                1 => "Integer, nullable=False, server_default=text('0')",
                2 => "DateTime(timezone=True), server_default=func.now()",
                _ => "String(40)",
            };
            write!(models, ", Column('c{column}', {kind})").map_err(infallible)?;
        }
        models += ")\n";
    }
    project.put("app/models.py", &models)?;
    let revision = "\"\"\"all\"\"\"\nfrom alembic import op\nfrom app.models import Base\n\nrevision = \"aaaa00000001\"\n\
                    down_revision = None\n\n\ndef upgrade():\n    Base.metadata.create_all(op.get_bind())\n\n\n\
                    def downgrade():\n    pass\n";
    project.put("alembic/versions/aaaa00000001_all.py", revision)?;
    configure(&project, "DATABASE_URL", &place.server.url(project.database), SETTINGS)?;
    place.must(&mut place.devdb(&project, &["migrate", "up"]))?;
    Ok((project, venv))
}

fn infallible(error: std::fmt::Error) -> String {
    error.to_string()
}

fn statements(tables: std::ops::Range<usize>) -> String {
    let column = |number: usize| {
        let kind = match number % 4 {
            0 => "text",
            1 => "int not null default 0",
            2 => "timestamptz default now()",
            _ => "varchar(40)",
        };
        format!("c{number} {kind}")
    };
    let columns: Vec<String> = (0..COLUMNS - 2).map(column).collect();
    let columns = columns.join(",\n  ");
    let table = |number: usize| {
        format!(
            "create table t{number} (id int generated always as identity primary key, owner int not null,\n  {columns});\n\
             create index on t{number} (owner);\n"
        )
    };
    tables.map(table).collect()
}
