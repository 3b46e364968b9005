//! Alembic's other commands: those that write files, print SQL, or change the version table alone.

use std::path::PathBuf;

use super::{Direction, applied, chain, database, no_revision, rows, sql_chain, version_table};
use crate::error::Error;
use crate::model::chain::Chain;
use crate::model::config::MigrationsConfig;
use crate::model::picture::Picture;
use crate::model::plan::MigratePlan;
use crate::model::text::counted;
use crate::plan::workplace::{runnable, workplace};

/// Returns the plan of a stamp.
pub(super) fn stamp(picture: &Picture, revisions: &[String], purge: bool) -> Result<MigratePlan, Error> {
    let chain = chain(picture)?;
    runnable(chain)?;
    let before = applied(database(picture)?)?;
    if !purge && !chain.unknown(&before).is_empty() {
        return Err(Error::usage(format!(
            "the version table holds `{}`, which no revision file has",
            before.join("`, `")
        ))
        .hint(format!("devdb migrate stamp {} --purge   (empties the table first)", revisions.join(" "))));
    }
    let goal = |revision: &String| match revision.as_str() {
        "head" | "heads" | "base" => Ok(revision.clone()),
        name => chain.find(name).map(|found| quoted(&found.id)).ok_or_else(|| no_revision(chain, name)),
    };
    let goals: Vec<String> = revisions.iter().map(goal).collect::<Result<_, _>>()?;
    let (program, directory) = program(chain, &picture.config.migrations);
    let purge = if purge { " --purge" } else { "" };
    Ok(MigratePlan {
        workplace: workplace(picture)?,
        command: format!("{program} stamp{purge} {}", goals.join(" ")),
        directory,
        version_table: version_table(&chain.config),
        before,
        steps: None,
    })
}

/// Returns the command that prints the SQL of a range; nothing is executed by it.
pub fn script(picture: &Picture, direction: Direction, range: Option<&str>) -> Result<MigratePlan, Error> {
    let chain = chain(picture)?;
    runnable(chain)?;
    let rows = rows(picture);
    let odd = |c: char| !c.is_alphanumeric() && !"._@+-:".contains(c);
    if let Some(range) = range.filter(|range| range.contains(odd) || range.matches(':').count() > 1) {
        return Err(Error::usage(format!("`{range}` is no range of revisions")).hint("devdb migrate sql base:heads"));
    }
    let whole = match (direction, range) {
        (_, Some(range)) if range.contains(':') => range.to_owned(),
        (Direction::Down, _) => {
            let from = rows.as_deref().and_then(|rows| chain.find(rows.first()?)).or(chain.heads().first().copied());
            let to = from.and_then(|it| it.down_revisions.first()).map_or("base", String::as_str);
            let from = from.map_or("head", |it| it.id.as_str());
            return Err(Error::usage("the SQL of a downgrade needs a range, FROM:TO")
                .hint(format!("devdb migrate sql --down {from}:{to}")));
        }
        (Direction::Up, to) => {
            let to = to.unwrap_or("heads");
            match rows.as_deref() {
                None | Some([]) => to.to_owned(),
                Some([one]) => format!("{one}:{to}"),
                Some(several) => {
                    return Err(Error::usage("the database is on several branches, so the range has to be named")
                        .detail("it is at", several.join("\n"))
                        .hint("devdb migrate sql FROM:TO"));
                }
            }
        }
    };
    let (program, directory) = program(chain, &picture.config.migrations);
    let verb = if direction == Direction::Up { "upgrade" } else { "downgrade" };
    Ok(MigratePlan {
        workplace: workplace(picture)?,
        command: format!("{program} {verb} --sql {}", quoted(&whole)),
        directory,
        version_table: version_table(&chain.config),
        before: rows.unwrap_or_default(),
        steps: None,
    })
}

/// Returns the command that joins heads.
pub fn merge(picture: &Picture, revisions: &[String], message: &str) -> Result<MigratePlan, Error> {
    if let Some(chain) = sql_chain(picture)? {
        return Err(Error::usage(format!(
            "files of {} follow each other by their names: there is nothing to merge",
            chain.tool
        )));
    }
    let chain = chain(picture)?;
    runnable(chain)?;
    let heads: Vec<String> = chain.heads().iter().map(|head| head.id.clone()).collect();
    let chosen = if revisions.is_empty() {
        heads.clone()
    } else {
        let find = |name: &String| chain.find(name).map(|it| it.id.clone()).ok_or_else(|| no_revision(chain, name));
        revisions.iter().map(find).collect::<Result<_, _>>()?
    };
    stands_in_docstring(message)?;
    if chosen.len() < 2 {
        return Err(Error::usage(format!("the chain has {}: there is nothing to merge", counted(heads.len(), "head")))
            .detail("head", heads.join("\n")));
    }
    let ids: Vec<String> = chosen.iter().map(|id| quoted(id)).collect();
    other(picture, chain, &format!("merge -m {} {}", quoted(message), ids.join(" ")))
}

/// What a new revision is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRequest {
    pub message: String,
    pub head: Option<String>,
    pub splice: bool,
    pub rev_id: Option<String>,
    pub branch_label: Option<String>,
    pub depends_on: Vec<String>,
    pub version_path: Option<String>,
    pub autogenerate: bool,
}

/// Returns the command that writes a revision.
pub fn new(picture: &Picture, request: &NewRequest) -> Result<MigratePlan, Error> {
    let chain = chain(picture)?;
    runnable(chain)?;
    let heads = chain.heads();
    if heads.len() > 1 && request.head.is_none() {
        let list: Vec<String> = heads.iter().map(|head| format!("{}  {}", head.id, head.at.file.display())).collect();
        return Err(Error::usage(format!(
            "the chain has {} heads, so it is not clear which one to follow",
            heads.len()
        ))
        .detail("heads", list.join("\n"))
        .hint("devdb migrate merge   or   devdb migrate rebase")
        .hint("devdb migrate new --head REVISION …"));
    }
    if let Some(taken) = request.rev_id.as_ref().and_then(|id| chain.revisions.iter().find(|it| it.id == *id)) {
        return Err(Error::usage(format!("the id `{}` is taken", taken.id)).detail("where", taken.at.to_string()));
    }
    stands_in_docstring(&request.message)?;
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"._".contains(c);
    if let Some(id) = request.rev_id.as_ref().filter(|id| id.contains(odd) || id.is_empty()) {
        return Err(Error::usage(format!("`{id}` can be no id of a revision")).hint("letters, digits, `_` and `.`"));
    }
    let mut command = format!("revision -m {}", quoted(&request.message));
    let options = [
        ("--head", &request.head),
        ("--rev-id", &request.rev_id),
        ("--branch-label", &request.branch_label),
        ("--version-path", &request.version_path),
    ];
    let given = options.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    for (name, value) in given.chain(request.depends_on.iter().map(|value| ("--depends-on", value))) {
        command = format!("{command} {name} {}", quoted(value));
    }
    if request.splice {
        command.push_str(" --splice");
    }
    if request.autogenerate {
        command.push_str(" --autogenerate");
    }
    other(picture, chain, &command)
}

/// Alembic's template puts the message into the file's docstring as it is.
fn stands_in_docstring(message: &str) -> Result<(), Error> {
    if !message.contains("\"\"\"") && !message.ends_with(['"', '\\']) && !message.contains(char::is_control) {
        return Ok(());
    }
    Err(Error::usage("the message would end the docstring that it stands in")
        .hint("leave out quotes at the end, three quotes in a row, backslashes at the end and line breaks"))
}

/// Returns the command that compares the models with a database; a chain of SQL files has none.
pub fn comparison(picture: &Picture) -> Result<Option<MigratePlan>, Error> {
    if sql_chain(picture)?.is_some() {
        return Ok(None);
    }
    let chain = chain(picture)?;
    runnable(chain)?;
    other(picture, chain, "check").map(Some)
}

/// A command of Alembic on the chain as it is.
fn other(picture: &Picture, chain: &Chain, command: &str) -> Result<MigratePlan, Error> {
    let (program, directory) = program(chain, &picture.config.migrations);
    Ok(MigratePlan {
        workplace: workplace(picture)?,
        command: format!("{program} {command}"),
        directory,
        version_table: version_table(&chain.config),
        before: rows(picture).unwrap_or_default(),
        steps: None,
    })
}

/// Returns how Alembic's own commands are started, and in which folder, relative to the root.
///
/// A configured `flask db upgrade`, or the layout of Flask-Migrate, says that the others are `flask db downgrade`, `flask db stamp`…
pub fn program(chain: &Chain, config: &MigrationsConfig) -> (String, PathBuf) {
    let configured = config.upgrade.as_deref().map(str::trim);
    let prefix = configured.and_then(|command| {
        let prefix = ["heads", "head"].iter().find_map(|end| command.strip_suffix(end)).unwrap_or(command);
        prefix.trim_end().strip_suffix("upgrade").map(str::trim_end)
    });
    let ours = |prefix: &&str| {
        let mut words = prefix.split_whitespace();
        words.clone().any(|word| word == "alembic") || words.next_back() == Some("db")
    };
    if let Some(prefix) = prefix.filter(ours) {
        return (prefix.to_owned(), PathBuf::new());
    }
    if chain.config.of_flask {
        // Alembic alone does not know where the revisions are (Flask-Migrate's documentation, "Command Reference").
        let scripts = &chain.config.script_directory;
        let folder = scripts.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let name = scripts.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let directory = if name == "migrations" { String::new() } else { format!(" --directory {}", quoted(&name)) };
        return (format!("flask db{directory}"), folder);
    }
    let folder = chain.config.working_directory.clone();
    let file = chain.config.file.strip_prefix(&folder).unwrap_or(&chain.config.file).display().to_string();
    let usual = ["alembic.ini", "pyproject.toml", ""].contains(&file.as_str());
    let section = &chain.config.section;
    let mut program = "alembic".to_owned();
    if !usual {
        program = format!("{program} -c {}", quoted(&file));
    }
    if !section.is_empty() && section != "alembic" {
        program = format!("{program} -n {}", quoted(section));
    }
    (program, folder)
}

/// Returns `text` as one word of a POSIX shell.
pub fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/@+:=".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
