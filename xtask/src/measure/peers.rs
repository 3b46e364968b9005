//! The floors, in one `psql` each, and the peers.

use super::case::{Case, Expected, Kind, verify};
use super::chain::{self, Ending, Layout};
use super::place::{Place, Project};
use super::server::Server;
use std::path::{Path, PathBuf};

/// Databases of the floors.
const BARE: &str = "floor_bare";
pub(super) const SOURCE: &str = "floor_source";
const CLONE: &str = "floor_clone";
const CHANGED: &str = "floor_changed";
const UNSEEDED: &str = "floor_unseeded";

/// Returns the floor of a reset from nothing: every statement of the chain, in one session.
pub(super) fn cold_floor<'a>(place: &'a Place<'a>, script: PathBuf, expected: Expected) -> Case<'a> {
    let name = "floor: one `psql` with `DROP`, `CREATE` and every statement".to_owned();
    let command = move || {
        let mut psql = place.server.psql(&place.server.url("postgres"));
        psql.arg("-f").arg(&script);
        psql
    };
    let check = move |_| verify(place.server, BARE, &expected);
    Case { kind: Kind::ColdFloor, name, prepare: nothing(), command: Box::new(command), check: Box::new(check) }
}

/// Writes what [`cold_floor`] runs.
pub(super) fn write_cold_floor(project: &Project, layout: Layout, seed: &str) -> Result<PathBuf, String> {
    project.put("floor.sql", &(chain::whole_script(BARE, layout) + seed))?;
    Ok(project.root.join("floor.sql"))
}

/// Makes the databases that the other floors work on, as copies of one that is at the head.
pub(super) fn prepare_floors(server: &Server, head: &str) -> Result<(), String> {
    let copies = [(SOURCE, head), (CLONE, SOURCE)];
    copies.iter().try_for_each(|(name, of)| server.sql("postgres", &[&format!("create database {name} template {of}")]))
}

fn nothing<'a>() -> Box<dyn Fn(usize) -> Result<(), String> + 'a> {
    Box::new(|_| Ok(()))
}

/// Returns the floor of a reset to what is known already: drop, and copy.
pub(super) fn warm_floor<'a>(place: &'a Place<'a>, files: bool, expected: Expected) -> Case<'a> {
    let (kind, strategy, name) = if files {
        (Kind::WarmFloorFiles, " strategy file_copy", "floor: the same with `STRATEGY file_copy`")
    } else {
        (Kind::WarmFloor, "", "floor: `DROP`, `CREATE … TEMPLATE` in one `psql`")
    };
    let create = format!("create database {CLONE} template {SOURCE}{strategy}");
    let command = move || {
        let mut psql = place.server.psql(&place.server.url("postgres"));
        psql.args(["-c", &format!("drop database {CLONE}"), "-c", &create]);
        psql
    };
    let check = move |_| verify(place.server, CLONE, &expected);
    Case { kind, name: name.to_owned(), prepare: nothing(), command: Box::new(command), check: Box::new(check) }
}

/// Returns the floor of a reset with a spare: two renames, in one transaction.
pub(super) fn spare_floor<'a>(place: &'a Place<'a>, expected: Expected) -> Case<'a> {
    let renames = |first: &str, second: &str, third: &str| {
        format!("begin; alter database {first} rename to {second}; alter database {third} rename to {first}; commit")
    };
    let (there, aside) = (renames(CLONE, "floor_previous", SOURCE), "floor_previous");
    let back =
        [format!("alter database {CLONE} rename to {SOURCE}"), format!("alter database {aside} rename to {CLONE}")];
    let command = move || {
        let mut psql = place.server.psql(&place.server.url("postgres"));
        psql.args(["-c", &there]);
        psql
    };
    let check = move |_| {
        verify(place.server, CLONE, &expected)?;
        place.server.sql("postgres", &[&back[0], &back[1]])
    };
    let name = "floor: the two renames in one `psql`".to_owned();
    Case { kind: Kind::SpareFloor, name, prepare: nothing(), command: Box::new(command), check: Box::new(check) }
}

/// Makes the database that [`changed_floor`] copies: at the head, and before the rows, which come after the chain.
pub(super) fn prepare_unseeded(place: &Place<'_>, folder: &Path, layout: Layout) -> Result<(), String> {
    chain::put(folder, &("unseeded.sql".to_owned(), chain::whole_script(UNSEEDED, layout)))?;
    let mut psql = place.server.psql(&place.server.url("postgres"));
    psql.arg("-f").arg(folder.join("unseeded.sql"));
    place.must(&mut psql)
}

/// Returns the floor of a reset after one revision was appended: copy what was before it, run it, and load the rows.
pub(super) fn changed_floor<'a>(
    place: &'a Place<'a>,
    folder: &'a Path,
    (layout, seed): (Layout, &'a str),
    expected: Expected,
) -> Case<'a> {
    let script = move |round: usize| {
        let step = chain::step(Ending::Appended(round), chain::LENGTH, layout);
        let create = format!("drop database if exists {CHANGED};\ncreate database {CHANGED} template {UNSEEDED};\n");
        let text = format!("{create}\\connect {CHANGED}\n{step}{seed}");
        chain::put(folder, &("changed.sql".to_owned(), text))
    };
    let command = move || {
        let mut psql = place.server.psql(&place.server.url("postgres"));
        psql.arg("-f").arg(folder.join("changed.sql"));
        psql
    };
    let check = move |round| {
        let ending = Ending::Appended(round);
        let expected = Expected { head: chain::head(layout, ending), column: ending.column(), ..expected.clone() };
        verify(place.server, CHANGED, &expected)
    };
    let name = "floor: `DROP`, `CREATE … TEMPLATE`, that revision, the rows, in one `psql`".to_owned();
    Case {
        kind: Kind::ChangedFloor,
        name,
        prepare: Box::new(script),
        command: Box::new(command),
        check: Box::new(check),
    }
}

/// Returns that floor where only Alembic can run the revision: copy, and its upgrade.
pub(super) fn changed_script<'a>(
    place: &'a Place<'a>,
    project: &'a Project,
    venv: &'a Path,
    (layout, expected): (Layout, Expected),
) -> Case<'a> {
    let (name, maintenance) = (project.database, place.server.url("postgres"));
    let line = format!(
        "psql -X -q -d '{maintenance}' -c 'drop database if exists {name}' \
         -c 'create database {name} template {SOURCE}' && alembic upgrade head"
    );
    let variable = ("DATABASE_URL", place.server.url(name));
    let title = "floor: `DROP`, `CREATE … TEMPLATE` in one `psql`, `alembic upgrade head`";
    let upgrade = Script { kind: Kind::ChangedFloor, name: title, line, venv: Some(venv), variable, more: &[] };
    let case = script(place, project, upgrade, expected.clone());
    let check = move |round| {
        let ending = Ending::Appended(round);
        let expected = Expected { head: chain::head(layout, ending), column: ending.column(), ..expected.clone() };
        let verified = verify(place.server, name, &expected);
        chain::end(&project.root, layout, Ending::Plain)?;
        verified
    };
    let prepare = move |round| chain::end(&project.root, layout, Ending::Appended(round));
    Case { prepare: Box::new(prepare), check: Box::new(check), ..case }
}

/// A line of shell that somebody resets by.
pub(super) struct Script<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) line: String,
    /// The environment whose programs it finds.
    pub(super) venv: Option<&'a Path>,
    /// The variable that names the database.
    pub(super) variable: (&'a str, String),
    pub(super) more: &'a [(&'a str, &'a str)],
}

/// Returns the case of a script, run in a project.
pub(super) fn script<'a>(
    place: &'a Place<'a>,
    project: &'a Project,
    script: Script<'a>,
    expected: Expected,
) -> Case<'a> {
    let Script { kind, name, line, venv, variable, more } = script;
    let command = move || {
        let mut shell = place.command("sh", &project.root);
        shell.args(["-c", &line]).env(variable.0, &variable.1).envs(more.iter().copied());
        if let Some(venv) = venv {
            let path = shell.get_envs().find(|(key, _)| *key == "PATH").and_then(|(_, path)| path).unwrap_or_default();
            let path = format!("{}:{}", venv.join("bin").display(), path.to_string_lossy());
            shell.env("PATH", path);
        }
        shell
    };
    let check = move |_| verify(place.server, project.database, &expected);
    Case { kind, name: name.to_owned(), prepare: nothing(), command: Box::new(command), check: Box::new(check) }
}
