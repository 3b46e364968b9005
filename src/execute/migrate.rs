//! A database moved along its chain, under the same lock as a reset: two replicas that start at once do not race.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::admin::{Admin, failed};
use super::bridge::Witness;
use super::commands::{Ran, Runner};
use super::sql_chain::SqlRunner;
use super::{Surroundings, Teller, chain};
use crate::error::{Error, Kind, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::{MigratePlan, Move, Moved, SqlMovePlan, SqlTask};
use crate::model::target::Target;
use crate::wire::files::read_text;
use crate::wire::postgres::Session;

const LOGIN: Duration = Duration::from_secs(10);

/// The lock of a target, held while its schema is changed.
pub struct Lock {
    admin: Admin,
    pub(super) witness: Witness,
}

impl Lock {
    /// Waits for another devdb when there is one, and tells who it is.
    pub async fn take(
        target: &Target,
        what: &str,
        cancelled: impl Future<Output = ()>,
        tell: &mut Teller<'_>,
    ) -> Result<Self> {
        let admin = Admin::open_anywhere(target, what).await?;
        let locked = tokio::select! {
            biased;
            () = cancelled => Err(Error::cancelled()),
            locked = admin.lock(tell) => locked,
        };
        match locked {
            Ok(_waited) => {
                let witness = admin.witness().await?;
                Ok(Self { admin, witness })
            }
            Err(error) => {
                admin.close().await;
                Err(error)
            }
        }
    }

    /// Gives the lock back.
    pub async fn release(self) {
        self.admin.close().await;
    }
}

/// Moves the target itself, while the lock is held.
pub async fn along(
    lock: &Lock,
    plan: &Move,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Moved> {
    let done = match plan {
        Move::Alembic(plan) => by_command(lock, plan, surroundings, cancelled, tell).await,
        Move::Sql(plan) => Box::pin(by_files(plan, cancelled, tell)).await,
    };
    let password = plan.workplace().target.password.as_ref().map_or("", |password| password.reveal());
    done.map_err(|error| error.hiding(password))
}

/// Runs files of SQL as their tool would.
async fn by_files(plan: &SqlMovePlan, cancelled: impl Future<Output = ()>, tell: &mut Teller<'_>) -> Result<Moved> {
    let started = Instant::now();
    let session = enter(&plan.workplace.target).await?;
    super::build::unhurried(&session).await?;
    let runner = SqlRunner { session: &session, chain: &plan.chain, live: true };
    let find = |version: &String| plan.chain.migrations.iter().find(|migration| migration.version == *version);
    let which: Vec<_> = plan.versions.iter().filter_map(find).collect();
    let running = async {
        match plan.task {
            SqlTask::Up => runner.up(&which, tell).await,
            SqlTask::Down => runner.down(&which, tell).await,
            SqlTask::Stamp => runner.stamp(&which).await.map(|()| 0),
        }
    };
    let ran = tokio::select! {
        biased;
        () = cancelled => return Err(Error::new(Kind::Cancelled, "the migration was stopped; `devdb migrate status` says how far it came")),
        ran = running => ran?,
    };
    let applied = runner.rows().await?;
    let at = plan.chain.current(&applied).map(|migration| migration.version.clone());
    session.close().await;
    Ok(Moved { ran, rows: at.into_iter().collect(), took: started.elapsed() })
}

/// Runs a command of the project.
async fn by_command(
    lock: &Lock,
    plan: &MigratePlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Moved> {
    let started = Instant::now();
    let runner = Runner {
        workplace: &plan.workplace,
        surroundings,
        database: plan.workplace.target.database(),
        witness: Some(&lock.witness),
    };
    tell(Event::Started { stage: Stage::Migrate, detail: "starting".to_owned() });
    let ran = tokio::select! {
        biased;
        () = cancelled => Err(Error::new(Kind::Cancelled, "the migration was stopped")),
        ran = chain::run_command(&runner, &plan.command, &plan.directory, "migration", tell) => ran,
    };
    match ran {
        Ok(ran) => finished(plan, &ran, started.elapsed()).await,
        // Another database was meant: what state this one is in is not the matter.
        Err(error) if error.kind == Kind::Environment => Err(error),
        Err(error) => Err(told(plan, &runner, error).await),
    }
}

async fn finished(plan: &MigratePlan, ran: &Ran, took: Duration) -> Result<Moved> {
    let rows = versions(&plan.workplace.target, &plan.version_table).await?;
    Ok(Moved { ran: ran.applied, rows, took })
}

/// Adds in what state the database is now.
async fn told(plan: &MigratePlan, runner: &Runner<'_>, error: Error) -> Error {
    let target = &plan.workplace.target;
    let Ok(rows) = versions(target, &plan.version_table).await else {
        return error.detail("state", "unknown: the database did not answer; `devdb migrate status` asks again");
    };
    let at = if rows.is_empty() { "base".to_owned() } else { rows.join(", ") };
    let bare = bare_revision(plan, runner, &error);
    let state = match (rows == plan.before, bare) {
        (true, None) => {
            format!("unchanged: `{}` is at {at}, and what the revision did was rolled back", target.database())
        }
        (true, Some(file)) => format!(
            "`{}` is at {at}; what `{file}` did inside its autocommit_block was not rolled back",
            target.database()
        ),
        (false, _) => format!("`{}` is at {at}; what had run before the failure stays", target.database()),
    };
    error.detail("state", state).hint("mend the file, then: devdb migrate up")
}

/// A revision that the plan would run and that leaves its transaction (`autocommit_block`); such a one is not rolled
/// back as a whole.
fn bare_revision(plan: &MigratePlan, runner: &Runner<'_>, error: &Error) -> Option<String> {
    let steps = plan.steps.as_ref()?;
    // Those behind the one that failed did not run.
    let failed = steps.iter().position(|step| error.message.contains(&format!("`{}`", step.id)));
    let ran = failed.map_or(steps.len(), |at| at + 1);
    let bare = |file: &std::path::Path| {
        read_text(&runner.surroundings.root.join(file)).is_ok_and(|text| text.contains("autocommit_block"))
    };
    steps.iter().take(ran).find(|step| bare(&step.at.file)).map(|step| step.at.file.display().to_string())
}

async fn enter(target: &Target) -> Result<Session> {
    let name = target.database();
    Session::open(target, name, "devdb migrate", LOGIN).await.map_err(|failure| {
        Error::environment(format!("cannot enter `{name}`")).detail("server says", failure.message).hint("devdb doctor")
    })
}

/// Returns the rows of the version table; none when there is no such table.
pub(super) async fn versions(target: &Target, table: &str) -> Result<Vec<String>> {
    let session = enter(target).await?;
    let asked = session.query_typed(&format!("select version_num::text from {table} order by 1"), &[]).await;
    session.close().await;
    match asked {
        Ok(rows) => Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect()),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Vec::new()),
        Err(error) => Err(failed("read the version table", &error)),
    }
}

/// Runs a command of the project that changes no database, and returns what it printed.
pub async fn command(plan: &MigratePlan, surroundings: &Surroundings) -> Result<Vec<String>> {
    quietly(plan, &plan.command, surroundings).await
}

/// Runs a command that prints SQL, and returns that: its log, on the other stream, is left out.
pub async fn statements(plan: &MigratePlan, surroundings: &Surroundings) -> Result<Vec<String>> {
    const MARK: &str = "devdb-sql: ";
    let marked = format!("devdb_sql=$({}) && printf '%s\\n' \"$devdb_sql\" | sed 's/^/{MARK}/'", plan.command);
    let lines = quietly(plan, &marked, surroundings).await?;
    Ok(lines.iter().filter_map(|line| line.strip_prefix(MARK)).map(str::to_owned).collect())
}

async fn quietly(plan: &MigratePlan, command: &str, surroundings: &Surroundings) -> Result<Vec<String>> {
    let workplace = &plan.workplace;
    let runner = Runner { workplace, surroundings, database: workplace.target.database(), witness: None };
    let mut lines = Vec::new();
    let mut take = |event: Event| {
        if let Event::Output { line } = event {
            lines.push(line);
        }
    };
    let ran = runner.run(command, &plan.directory, &mut take).await?;
    if ran.success { Ok(lines) } else { Err(chain::failure(&runner, &plan.command, "command", &ran)) }
}

/// Writes a migration file that is not there yet.
pub fn write_new(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    crate::wire::files::create_new(path, text)
}

/// Removes a file that a failed command has just made.
pub fn remove(path: &std::path::Path) -> std::io::Result<()> {
    crate::wire::files::remove(path)
}

/// Removes such a file, and its folder where that is empty now: tools that have a folder a migration stumble over one.
pub fn remove_with_folder(path: &std::path::Path) -> std::io::Result<()> {
    crate::wire::files::remove(path)?;
    path.parent().map_or(Ok(()), crate::wire::files::remove_if_empty)
}
