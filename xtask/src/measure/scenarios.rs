//! The chains that are measured, each with everything that can reset it.

use super::case::{self, Case, Expected, Kind, Line, Lines, Outcome, tables};
use super::chain::{self, Ending, LENGTH, LOADED, Layout, OWN_ROWS, TABLES};
use super::options::{Options, Scenario, Size};
use super::ours::{Ours, configure};
use super::peers::{self, SOURCE, Script, script};
use super::place::{self, Place, Project};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a scenario came to.
pub(super) struct Measured {
    pub(super) scenario: Scenario,
    pub(super) title: String,
    /// What the columns are, and how many rounds each had.
    pub(super) sizes: Vec<(String, usize)>,
    pub(super) lines: Lines,
}

type Missing = (Kind, String, String);
type Cases<'a> = Vec<Result<Case<'a>, Missing>>;

const DEVDB_NO_SPARE: &str = "[reset]\nspare = false\n";
/// By default there is none for a database above 2 GB; the report is about what there is with one.
const DEVDB_SPARE: &str = "[reset]\nspare = true\n";

impl Measured {
    fn new(scenario: Scenario, title: String) -> Self {
        Self { scenario, title, sizes: Vec::new(), lines: BTreeMap::new() }
    }

    /// Runs the cases and adds a column of their outcomes.
    fn add(&mut self, place: &Place<'_>, label: &str, (rounds, warm_up): (usize, bool), cases: Cases<'_>) {
        let column = self.sizes.len();
        self.sizes.push((label.to_owned(), rounds));
        let (present, missing): (Vec<_>, Vec<_>) = cases.into_iter().partition(Result::is_ok);
        let done = case::run(place.server, present.into_iter().flatten().collect(), rounds, warm_up, &place.log());
        let missing =
            missing.into_iter().filter_map(Result::err).map(|(kind, name, why)| (kind, name, Outcome::Missing(why)));
        for (kind, name, outcome) in done.into_iter().chain(missing) {
            let line = self.lines.entry(kind).or_insert_with(|| Line { name, outcomes: BTreeMap::new() });
            line.outcomes.insert(column, outcome);
        }
    }
}

/// The SQL chain, at every size that was asked for.
pub(super) fn sql(place: &Place<'_>, options: &Options) -> Result<Measured, String> {
    let title = format!("SQL chain, {LENGTH} files ({TABLES} tables; dbmate's and sqlx' layout)");
    let mut measured = Measured::new(Scenario::Sql, title);
    for size in &options.sizes {
        let rounds = options.rounds(Scenario::Sql, size.bytes);
        eprintln!("bench: SQL chain, {}, {rounds} rounds", size.label);
        sql_at(place, size, rounds, &mut measured)?;
        place.server.drop_all()?;
    }
    Ok(measured)
}

fn sql_at(place: &Place<'_>, size: &Size, rounds: usize, measured: &mut Measured) -> Result<(), String> {
    let (seed, rows) = chain::seed(size.bytes);
    let loaded = (size.bytes > 0).then_some(seed.as_str());
    let expected = |layout| Expected {
        head: chain::head(layout, Ending::Plain),
        tables: TABLES + 1,
        rows: loaded.map(|_| (LOADED, rows + OWN_ROWS)),
        column: None,
    };
    let [plain, spare, dbmate] =
        ["plain", "spared", "by_dbmate"].map(|name| chain_project(place, name, Layout::Dbmate, loaded));
    let (plain, spare, dbmate) = (plain?, spare?, dbmate?);
    let sqlx = chain_project(place, "by_sqlx", Layout::Sqlx, loaded)?;
    configure(&plain, "DATABASE_URL", &place.server.url(plain.database), no_spare(place))?;
    configure(&spare, "DATABASE_URL", &place.server.url(spare.database), with_spare(place))?;
    let head = expected(Layout::Dbmate);
    let mut ours =
        Ours { place, plain: &plain, spare: &spare, layout: Some(Layout::Dbmate), head: head.clone(), spareless: None };
    ours.prime()?;
    let snapped = floors_and_snapshot(place, plain.database)?;
    let floor = peers::write_cold_floor(&plain, Layout::Dbmate, loaded.unwrap_or_default())?;
    let mut cases: Cases<'_> = vec![Ok(peers::cold_floor(place, floor, head.clone()))];
    cases.extend(ours.cases(&[Kind::Cold]));
    cases.push(sql_tool(place, &dbmate, Kind::Dbmate, loaded.is_some(), expected(Layout::Dbmate)));
    cases.push(sql_tool(place, &sqlx, Kind::Sqlx, loaded.is_some(), expected(Layout::Sqlx)));
    cases.push(Ok(peers::warm_floor(place, false, head.clone())));
    if loaded.is_some() {
        cases.push(Ok(peers::warm_floor(place, true, head.clone())));
    }
    cases.extend(ours.cases(&[Kind::Warm]));
    cases.push(dslr(place, &snapped, head.clone()));
    cases.push(Ok(peers::spare_floor(place, head.clone())));
    cases.extend(ours.cases(&[Kind::Spare]));
    peers::prepare_unseeded(place, &snapped.root, Layout::Dbmate)?;
    let chain = (Layout::Dbmate, loaded.unwrap_or_default());
    cases.push(Ok(peers::changed_floor(place, &snapped.root, chain, head)));
    cases.extend(ours.cases(&[Kind::Appended, Kind::Edited]));
    let bytes = place.server.ask(SOURCE, &format!("select pg_database_size('{SOURCE}')"))?;
    let megabytes = bytes.parse::<u64>().unwrap_or_default() >> 20;
    let label = format!("{} ({megabytes} MB on disk)", size.label);
    measured.add(place, &label, (rounds, size.bytes == 0), cases);
    Ok(())
}

fn no_spare(place: &Place<'_>) -> &'static str {
    if place.tools.has_layers { DEVDB_NO_SPARE } else { "" }
}

fn with_spare(place: &Place<'_>) -> &'static str {
    if place.tools.has_layers { DEVDB_SPARE } else { "" }
}

fn chain_project(place: &Place<'_>, name: &'static str, layout: Layout, seed: Option<&str>) -> Result<Project, String> {
    let project = place.project(name)?;
    chain::write(&project.root, layout)?;
    seed.map_or(Ok(()), |seed| project.put("seeds/01_rows.sql", seed))?;
    Ok(project)
}

/// Makes the floors' databases, and one that DSLR took a snapshot of.
fn floors_and_snapshot(place: &Place<'_>, head: &str) -> Result<Project, String> {
    peers::prepare_floors(place.server, head)?;
    let snapped = place.project("snapped")?;
    place.server.sql("postgres", &["drop database snapped", &format!("create database snapped template {SOURCE}")])?;
    if let Some(dslr) = &place.tools.dslr {
        let mut snapshot = place.command(dslr, &snapped.root);
        snapshot.args(["snapshot", "head"]).env("DATABASE_URL", place.server.url(snapped.database));
        place.must(&mut snapshot)?;
    }
    Ok(snapped)
}

fn tool(program: Option<&PathBuf>, kind: Kind, name: &str) -> Result<String, Missing> {
    let missing = || (kind, name.to_owned(), "not installed".to_owned());
    program.map(|program| program.display().to_string()).ok_or_else(missing)
}

fn dslr<'a>(place: &'a Place<'_>, project: &'a Project, expected: Expected) -> Result<Case<'a>, Missing> {
    let name = "`dslr restore`";
    let program = tool(place.tools.dslr.as_ref(), Kind::Dslr, name)?;
    let variable = ("DATABASE_URL", place.server.url(project.database));
    let line = format!("exec {program} restore head");
    Ok(script(place, project, Script { kind: Kind::Dslr, name, line, venv: None, variable, more: &[] }, expected))
}

fn sql_tool<'a>(
    place: &'a Place<'_>,
    project: &'a Project,
    kind: Kind,
    seeded: bool,
    expected: Expected,
) -> Result<Case<'a>, Missing> {
    let (program, name) = match kind {
        Kind::Dbmate => (place.tools.dbmate.as_ref(), "`dbmate drop && dbmate up`"),
        _ => (place.tools.sqlx.as_ref(), "`sqlx database reset -y`"),
    };
    let program = tool(program, kind, name)?;
    let line = match kind {
        Kind::Dbmate => format!("{program} drop && {program} --no-dump-schema up"),
        _ => format!("{program} database reset -y"),
    };
    let load = if seeded { " && psql -X -q -v ON_ERROR_STOP=1 -d \"$DATABASE_URL\" -f seeds/01_rows.sql" } else { "" };
    let variable = ("DATABASE_URL", format!("{}?sslmode=disable", place.server.url(project.database)));
    let script_of = Script { kind, name, line: line + load, venv: None, variable, more: &[] };
    Ok(script(place, project, script_of, expected))
}

/// The same chain as Alembic has it.
pub(super) fn alembic(place: &Place<'_>, options: &Options) -> Result<Measured, String> {
    let mut measured = Measured::new(Scenario::Alembic, format!("The same chain as {LENGTH} revisions of Alembic"));
    let venv = place.tools.venv.as_deref().ok_or("the bench has no Python environment")?;
    let rounds = options.rounds(Scenario::Alembic, 0);
    eprintln!("bench: Alembic chain, {rounds} rounds");
    let [plain, spare, scripted] = ["plain", "spared", "by_script"].map(|name| alembic_project(place, name, venv));
    let (plain, spare, scripted) = (plain?, spare?, scripted?);
    let layout = Layout::Alembic;
    let head = Expected { head: chain::head(layout, Ending::Plain), tables: TABLES + 1, rows: None, column: None };
    let mut ours =
        Ours { place, plain: &plain, spare: &spare, layout: Some(layout), head: head.clone(), spareless: None };
    ours.prime()?;
    let snapped = floors_and_snapshot(place, plain.database)?;
    let floor = peers::write_cold_floor(&plain, layout, "")?;
    let mut cases: Cases<'_> = vec![Ok(peers::cold_floor(place, floor, head.clone()))];
    cases.extend(ours.cases(&[Kind::Cold]));
    let name = "`dropdb; createdb; alembic upgrade head`";
    let url = place.server.url(scripted.database);
    let line = recreate(place, &scripted, "alembic upgrade head");
    let variable = ("DATABASE_URL", url);
    let by_hand = Script { kind: Kind::Script, name, line, venv: Some(venv), variable, more: &[] };
    cases.push(Ok(script(place, &scripted, by_hand, head.clone())));
    cases.push(Ok(peers::warm_floor(place, false, head.clone())));
    cases.extend(ours.cases(&[Kind::Warm]));
    cases.push(dslr(place, &snapped, head.clone()));
    cases.push(Ok(peers::spare_floor(place, head.clone())));
    cases.extend(ours.cases(&[Kind::Spare]));
    cases.push(Ok(peers::changed_script(place, &scripted, venv, (layout, head))));
    cases.extend(ours.cases(&[Kind::Appended, Kind::Edited]));
    measured.add(place, "no rows", (rounds, true), cases);
    place.server.drop_all()?;
    Ok(measured)
}

/// Returns a project of Alembic with the generated chain, at no revision yet.
pub(super) fn alembic_project(
    place: &Place<'_>,
    name: &'static str,
    venv: &std::path::Path,
) -> Result<Project, String> {
    let project = place.project(name)?;
    project.take_alembic()?;
    chain::write(&project.root, Layout::Alembic)?;
    project.link(venv)?;
    let more = if name == "spared" { with_spare(place) } else { no_spare(place) };
    configure(&project, "DATABASE_URL", &place.server.url(name), more)?;
    Ok(project)
}

/// The shell script that a project has for this.
fn recreate(place: &Place<'_>, project: &Project, upgrade: &str) -> String {
    let maintenance = place.server.url("postgres");
    let name = project.database;
    format!(
        "dropdb --if-exists --maintenance-db={maintenance} {name} && createdb --maintenance-db={maintenance} {name} && \
         {upgrade}"
    )
}

/// A published application, migrated by its own command.
struct Application<'a> {
    scenario: Scenario,
    title: &'a str,
    venv: Option<&'a PathBuf>,
    variable: &'a str,
    driver: &'a str,
    requirements: &'a str,
    command: &'a str,
    name: &'a str,
    more: &'static [(&'static str, &'static str)],
    least_tables: usize,
}

pub(super) fn prefect(place: &Place<'_>, options: &Options) -> Result<Measured, String> {
    application(
        place,
        options,
        &Application {
            scenario: Scenario::Prefect,
            title: "Prefect",
            venv: place.tools.prefect.as_ref(),
            variable: "PREFECT_API_DATABASE_CONNECTION_URL",
            driver: "postgresql+asyncpg",
            requirements: "requirements-prefect.txt",
            command: "prefect server database upgrade -y",
            name: "`dropdb; createdb; prefect server database upgrade -y`",
            more: &[("PREFECT_LOGGING_LEVEL", "WARNING")],
            least_tables: 30,
        },
    )
}

pub(super) fn airflow(place: &Place<'_>, options: &Options) -> Result<Measured, String> {
    application(
        place,
        options,
        &Application {
            scenario: Scenario::Airflow,
            title: "Airflow",
            venv: place.tools.airflow.as_ref(),
            variable: "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            driver: "postgresql+psycopg2",
            requirements: "requirements-airflow.txt",
            command: "airflow db migrate",
            name: "`dropdb; createdb; airflow db migrate`",
            more: &[("AIRFLOW__CORE__LOAD_EXAMPLES", "False")],
            least_tables: 50,
        },
    )
}

fn application(place: &Place<'_>, options: &Options, what: &Application<'_>) -> Result<Measured, String> {
    let venv = what.venv.ok_or_else(|| format!("the bench has no Python environment for {}", what.title))?;
    let rounds = options.rounds(what.scenario, 0);
    eprintln!("bench: {}, {rounds} rounds", what.title);
    let url = |name: &str| place.server.url(name).replacen("postgresql", what.driver, 1);
    // The chain is the package's, and the package is pinned.
    let pins = place::fixture(what.requirements)?;
    let cached = if place.tools.has_layers { "[cache]\ninputs = [\"requirements.txt\"]\n" } else { "" };
    let project = |name: &'static str, more: &str| {
        let mut project = place.project(name)?;
        project.variables = what.more;
        project.put("requirements.txt", &pins)?;
        project.link(venv)?;
        let read = format!(
            "[database]\nurl_key = \"{}\"\n[migrations]\nupgrade = \"{}\"\n{cached}{more}",
            what.variable, what.command
        );
        configure(&project, what.variable, &url(name), &read)?;
        Ok::<Project, String>(project)
    };
    let (plain, spare) = (project("plain", no_spare(place))?, project("spared", with_spare(place))?);
    let scripted = project("by_script", "")?;
    let by_hand = || Script {
        kind: Kind::Script,
        name: what.name,
        line: recreate(place, &scripted, what.command),
        venv: Some(venv),
        variable: (what.variable, url(scripted.database)),
        more: what.more,
    };
    // What the application's own command makes is what everything else has to make.
    let unknown = Expected { head: ("select 1", "1".to_owned()), tables: 0, rows: None, column: None };
    place.must(&mut (script(place, &scripted, by_hand(), unknown).command)())?;
    let query = "select string_agg(version_num, ' ' order by version_num) from alembic_version";
    let head = Expected {
        head: (query, place.server.ask(scripted.database, query)?),
        tables: tables(place.server, scripted.database)?,
        rows: None,
        column: None,
    };
    if head.tables < what.least_tables {
        return Err(format!("{} made only {} tables", what.title, head.tables));
    }
    let title = format!("{}, its own command ({} tables)", what.title, head.tables);
    let mut measured = Measured::new(what.scenario, title);
    let mut ours = Ours { place, plain: &plain, spare: &spare, layout: None, head: head.clone(), spareless: None };
    ours.prime()?;
    let snapped = floors_and_snapshot(place, scripted.database)?;
    let mut cases: Cases<'_> = ours.cases(&[Kind::Cold]);
    cases.push(Ok(script(place, &scripted, by_hand(), head.clone())));
    cases.push(Ok(peers::warm_floor(place, false, head.clone())));
    cases.extend(ours.cases(&[Kind::Warm]));
    cases.push(dslr(place, &snapped, head.clone()));
    cases.push(Ok(peers::spare_floor(place, head)));
    cases.extend(ours.cases(&[Kind::Spare]));
    measured.add(place, "no rows", (rounds, false), cases);
    place.server.drop_all()?;
    Ok(measured)
}
