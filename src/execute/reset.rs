//! A reset, carried out: built aside, verified, swapped. Until the swap, nothing of the old database is touched.

use std::time::Duration;

use tokio::time::Instant;

use super::admin::{Admin, failed};
use super::commands::Runner;
use super::create::{BUILDING, clean_up, create, free_name, now, prove_again};
use super::properties::Properties;
use super::swap::{Exchange, live_branch, swap};
use super::tag::{Role, Tag};
use super::{Surroundings, Teller, chain, in_place, rename_first, seed, verify};
use crate::error::{Error, Kind, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::{Order, ResetPlan, SchemaPlan};
use crate::wire::files::read_text;
use crate::wire::postgres::Session;

const LOGIN: Duration = Duration::from_secs(10);

/// What a reset made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The name under which the old database is kept.
    pub kept: Option<String>,
    pub stages: Vec<(Stage, String, Duration)>,
}

/// Carries the plan out. `cancelled` resolves when the user gives up: what was built is then removed.
pub async fn reset(
    plan: &ResetPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let admin = Admin::open(&plan.workplace.target, "reset").await?;
    tokio::pin!(cancelled);
    let locked = tokio::select! {
        biased;
        () = &mut cancelled => Err(Error::cancelled()),
        locked = admin.lock(tell) => locked,
    };
    let done = match locked {
        Err(error) => Err(error),
        Ok(()) => Box::pin(locked_reset(&admin, plan, surroundings, cancelled, tell)).await,
    };
    admin.close().await;
    let password = plan.workplace.target.password.as_ref().map_or("", |password| password.reveal());
    done.map_err(|error| error.hiding(password))
}

async fn locked_reset(
    admin: &Admin,
    plan: &ResetPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let target = plan.proof.database();
    prove_again(admin, &plan.proof).await?;
    clean_up(admin, target, tell).await?;
    match plan.order {
        Order::Aside => aside(admin, plan, surroundings, cancelled, tell).await,
        Order::RenameFirst => Box::pin(rename_first::run(admin, plan, surroundings, cancelled, tell)).await,
        Order::InPlace => Box::pin(in_place::run(admin, plan, surroundings, cancelled, tell)).await,
    }
}

async fn aside(
    admin: &Admin,
    plan: &ResetPlan,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let target = plan.proof.database();
    let mut log = StageLog::default();
    let started = log.start(Stage::Create, "", tell);
    let old = Properties::read(admin, target).await?;
    let building = free_name(admin, target, BUILDING).await?;
    let created = create(admin, &building, target, old.as_ref(), tell).await;
    let built = match created {
        Err(error) => Err(error),
        Ok(tag) => {
            log.finish(Stage::Create, format!("`{building}`"), started, tell);
            let runner = Runner { workplace: &plan.workplace, surroundings, database: &building, witness: None };
            let build = build(plan, &runner, &mut log, tell);
            tokio::select! {
                biased;
                () = cancelled => Err(Error::cancelled()),
                built = build => built.map(|()| tag),
            }
        }
    };
    let tag = match built {
        Ok(tag) => tag,
        Err(error) => return Err(discard(admin, plan, &building, error, tell).await),
    };
    let started = log.start(Stage::Swap, "", tell);
    if let Some(old) = &old
        && let Err(error) = old.limit(admin, &building).await
    {
        return Err(discard(admin, plan, &building, error, tell).await);
    }
    let exchange = Exchange {
        proof: &plan.proof,
        incoming: &building,
        tag,
        comment: old.as_ref().and_then(|old| old.comment.clone()),
        exists: old.is_some(),
        outgoing_comment: old.and_then(|old| old.comment),
    };
    let kept = match swap(admin, &exchange, tell).await {
        Ok(kept) => kept,
        Err(error) => return Err(discard(admin, plan, &building, error, tell).await),
    };
    log.finish(Stage::Swap, format!("`{target}` is the new one"), started, tell);
    let kept = prune(admin, target, plan.keep, kept, tell).await?;
    Ok(Outcome { kept, stages: log.stages })
}

/// Fills the database: init files, bootstrap, chain, seeds, and the last look.
pub(super) async fn build(
    plan: &ResetPlan,
    runner: &Runner<'_>,
    log: &mut StageLog,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let session = enter(runner).await?;
    schema(runner, &plan.schema, &session, log, tell).await?;
    if !plan.seeds.is_empty() {
        let started = log.start(Stage::Seed, "", tell);
        let tables = seed::run(runner, &plan.seeds, &session, tell).await?;
        log.finish(Stage::Seed, seed::describe(&session, &tables).await?, started, tell);
    }
    let started = log.start(Stage::Verify, "", tell);
    let said = verify::run(plan, &session, &runner.surroundings.root, tell).await?;
    log.finish(Stage::Verify, said, started, tell);
    session.close().await;
    Ok(())
}

/// Gives a new database its schema: init files, bootstrap, chain.
async fn schema(
    runner: &Runner<'_>,
    plan: &SchemaPlan,
    session: &Session,
    log: &mut StageLog,
    tell: &mut Teller<'_>,
) -> Result<()> {
    if !plan.init.is_empty() {
        let started = log.start(Stage::Init, "", tell);
        for path in &plan.init {
            init(runner, session, path).await?;
        }
        log.finish(Stage::Init, crate::model::text::counted(plan.init.len(), "file"), started, tell);
    }
    let folder = match &plan.chain {
        crate::model::plan::ChainPlan::Command { directory, .. } => directory.clone(),
        _ => std::path::PathBuf::new(),
    };
    if let Some(command) = &plan.bootstrap {
        let started = log.start(Stage::Bootstrap, command, tell);
        chain::run_command(runner, command, std::path::Path::new(""), "bootstrap", tell).await?;
        if let Some(revision) = &plan.stamp {
            let stamp = format!("alembic stamp {revision}");
            chain::run_command(runner, &stamp, &folder, "stamp", tell).await?;
        }
        log.finish(Stage::Bootstrap, format!("`{command}`"), started, tell);
    }
    let started = log.start(Stage::Migrate, "starting", tell);
    let said = chain::run(runner, &plan.chain, session, tell).await?;
    log.finish(Stage::Migrate, said, started, tell);
    Ok(())
}

/// Logs in to the new database as the app would.
async fn enter(runner: &Runner<'_>) -> Result<Session> {
    let session =
        Session::open(&runner.workplace.target, runner.database, "devdb reset", LOGIN).await.map_err(|failure| {
            Error::environment(format!("role `{}` cannot enter the new database", runner.workplace.target.user()))
                .detail("server says", failure.message)
        })?;
    unhurried(&session).await?;
    Ok(session)
}

/// Takes the role's and the database's time limits from a session, which waits while commands run beside it.
pub(super) async fn unhurried(session: &Session) -> Result<()> {
    const LIMITS: &str = "select set_config(name, '0', false) from pg_settings where name in
        ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
         'transaction_timeout')";
    session.query_typed(LIMITS, &[]).await.map_err(|error| failed("prepare the session", &error))?;
    Ok(())
}

pub(super) async fn init(runner: &Runner<'_>, session: &Session, path: &std::path::Path) -> Result<()> {
    let text = read_text(&runner.surroundings.root.join(path))
        .map_err(|why| Error::failed(format!("cannot read `{}`", path.display())).detail("why", why))?;
    super::script::Script { path, text: &text, offset: 0 }.run(session, "", "init file").await
}

/// Removes what was built, or keeps it where that was asked for, and says so in the error.
async fn discard(admin: &Admin, plan: &ResetPlan, building: &str, error: Error, tell: &mut Teller<'_>) -> Error {
    let unchanged =
        if plan.exists { "the old database was not touched and is in use" } else { "nothing was left behind" };
    if plan.keep_failed && error.kind == Kind::Failed {
        let tag = Tag::new(Role::Failed, plan.proof.database(), now(admin).await);
        if let Err(other) = admin.comment(building, Some(&tag.comment())).await {
            tell(Event::Warning { text: other.message });
        }
        let address = plan.workplace.target.host();
        return error
            .detail("kept", format!("the failed database, as `{building}`"))
            .hint(format!(
                "psql -h {address} -p {} -U {} -d {}",
                plan.workplace.target.port(),
                shell_quoted(plan.workplace.target.user()),
                shell_quoted(building)
            ))
            .hint(format!("{unchanged}; the next reset removes the failed one"));
    }
    if let Err(other) = admin.drop_own(building).await {
        tell(Event::Warning { text: format!("{}; the next reset removes it", other.message) });
    }
    if error.kind == Kind::Cancelled { error } else { error.detail("state", unchanged) }
}

/// Returns `text` as one word of a POSIX shell.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Drops replaced databases beyond `keep`, and failed ones that were kept; returns the newest kept one.
pub(super) async fn prune(
    admin: &Admin,
    target: &str,
    keep: usize,
    newest: Option<String>,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    let mut previous = Vec::new();
    let branch = live_branch(admin, target).await?;
    for database in admin.databases().await? {
        let Some(tag) = database.tag.filter(|tag| tag.of == target) else { continue };
        match tag.role {
            // Every git branch keeps its own.
            Role::Previous if tag.branch != branch => {}
            Role::Failed => admin.drop_own(&database.name).await?,
            Role::Previous => previous.push((tag.made, Some(&database.name) == newest.as_ref(), database.name)),
            Role::Building
            | Role::Aside
            | Role::Scratch
            | Role::Layer
            | Role::Spare
            | Role::Snapshot
            | Role::Branch
            | Role::Live => {}
        }
    }
    previous.sort_by_key(|(made, newest, _)| std::cmp::Reverse((*newest, *made)));
    for (_, _, name) in previous.iter().skip(keep) {
        if let Err(error) = admin.drop_own(name).await {
            tell(Event::Warning { text: error.message });
        }
    }
    Ok(newest.filter(|_| keep > 0))
}

/// The stages of a run, timed.
#[derive(Debug, Default)]
pub(super) struct StageLog {
    pub stages: Vec<(Stage, String, Duration)>,
}

impl StageLog {
    #[expect(clippy::unused_self, reason = "a stage is started on the log that it is finished on")]
    pub(super) fn start(&self, stage: Stage, detail: &str, tell: &mut Teller<'_>) -> Instant {
        tell(Event::Started { stage, detail: detail.to_owned() });
        Instant::now()
    }

    pub(super) fn finish(&mut self, stage: Stage, detail: String, started: Instant, tell: &mut Teller<'_>) {
        let took = started.elapsed();
        self.stages.push((stage, detail.clone(), took));
        tell(Event::Finished { stage, detail, took });
    }
}
