//! A scratch database beside the target: made, filled, and dropped at the end. It is alive as long as a session is on
//! it, so that tests which run at once leave each other alone, and the next run clears away what a killed one left.

use std::time::Duration;

use super::admin::{Admin, Listed, failed};
use super::build::{init_file, unhurried};
use super::clone::clone;
use super::commands::Runner;
use super::create::{create_tagged, free_name, now};
use super::properties::Properties;
use super::tag::{Role, Tag, is_beside};
use super::{Surroundings, Teller, chain};
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::layer::Contents;
use crate::model::schema::Schema;
use crate::model::scratch::ScratchPlan;
use crate::wire::catalog::{self, Options};
use crate::wire::postgres::{Session, quote_ident};

const SCRATCH: &str = "scratch";
const LOGIN: Duration = Duration::from_secs(10);

/// A scratch database, with the session that keeps it.
pub(super) struct Scratch<'a> {
    plan: &'a ScratchPlan,
    surroundings: &'a Surroundings,
    admin: Admin,
    pub name: String,
    session: Option<Session>,
}

impl<'a> Scratch<'a> {
    /// Makes an empty one, like the target in locale and settings.
    pub(super) async fn create(
        plan: &'a ScratchPlan,
        surroundings: &'a Surroundings,
        tell: &mut Teller<'_>,
    ) -> Result<Self> {
        Self::create_from(plan, surroundings, None, tell).await
    }

    /// Makes one that holds what a layer does, or an empty one.
    pub(super) async fn create_from(
        plan: &'a ScratchPlan,
        surroundings: &'a Surroundings,
        layer: Option<&Contents>,
        tell: &mut Teller<'_>,
    ) -> Result<Self> {
        let target = &plan.workplace.target;
        let admin = Admin::open(target, SCRATCH).await?;
        // Held until a session is on it: others would take it for a left-over.
        admin.lock(tell).await?;
        clean(&admin, target.database(), &admin.databases().await?, tell).await?;
        let name = free_name(&admin, target.database(), SCRATCH).await?;
        let mut scratch = Self { plan, surroundings, admin, name, session: None };
        scratch.make(layer, tell).await?;
        scratch.admin.run("select pg_advisory_unlock_all()", "give the lock back").await?;
        Ok(scratch)
    }

    async fn make(&mut self, layer: Option<&Contents>, tell: &mut Teller<'_>) -> Result<()> {
        let target = &self.plan.workplace.target;
        let old = Properties::read(&self.admin, target.database()).await?;
        // It belongs to the role that makes it, whoever owns the target.
        let like = old.map(|old| Properties { owner: target.user().to_owned(), ..old });
        let tag = Tag::new(Role::Scratch, target.database(), now(&self.admin).await);
        match layer {
            Some(contents) => {
                let layer = contents.key.database();
                let like = like.unwrap_or_default();
                clone(&self.admin, (&layer, contents.bytes), (&self.name, &tag), &like, tell).await?;
            }
            None => create_tagged(&self.admin, &self.name, &tag, like.as_ref(), tell).await?,
        }
        let session = Session::open(target, &self.name, "devdb scratch", LOGIN).await.map_err(|failure| {
            Error::environment("cannot enter the scratch database").detail("server says", failure.message)
        })?;
        unhurried(&session).await?;
        self.session = Some(session);
        Ok(())
    }

    /// Runs what comes before the chain: files, the command that makes the first tables, its stamp.
    pub(super) async fn prepare(&self, tell: &mut Teller<'_>) -> Result<()> {
        let runner = self.runner();
        for path in &self.plan.init {
            init_file(&runner, self.session()?, path).await?;
        }
        if let Some(command) = &self.plan.bootstrap {
            chain::run_command(&runner, command, std::path::Path::new(""), "bootstrap", tell).await?;
            if let Some(revision) = &self.plan.stamp {
                let stamp = format!("alembic stamp {revision}");
                chain::run_command(&runner, &stamp, &self.plan.directory, "stamp", tell).await?;
            }
        }
        Ok(())
    }

    /// Drops it and makes an empty one of the same name.
    pub(super) async fn renew(&mut self, tell: &mut Teller<'_>) -> Result<()> {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        self.admin.drop_own(&self.name).await?;
        self.make(None, tell).await?;
        self.prepare(tell).await
    }

    /// Returns what it is made of, without the chain's own version table.
    pub(super) async fn schema(&self, options: Options) -> Result<Schema> {
        let read = catalog::read(self.session()?, options).await;
        let schema = read.map_err(|error| failed("read the catalog of the scratch database", &error))?;
        let (space, table) = &self.plan.version_table;
        Ok(schema.without_table(space, table))
    }

    /// Returns how the project's commands are run with their connections pointed here.
    pub(super) fn runner(&self) -> Runner<'_> {
        Runner { workplace: &self.plan.workplace, surroundings: self.surroundings, database: &self.name, witness: None }
    }

    /// Returns the server's major version.
    pub(super) fn major(&self) -> i32 {
        self.admin.major()
    }

    /// Returns what it is for.
    pub(super) fn plan(&self) -> &'a ScratchPlan {
        self.plan
    }

    /// Returns the project's root.
    pub(super) fn root(&self) -> &std::path::Path {
        &self.surroundings.root
    }

    pub(super) fn session(&self) -> Result<&Session> {
        self.session.as_ref().ok_or_else(|| Error::environment("nobody is on the scratch database"))
    }

    /// Drops it, with whoever is still on it.
    pub(super) async fn remove(mut self, tell: &mut Teller<'_>) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        if let Err(error) = self.admin.drop_own(&self.name).await {
            tell(Event::Warning { text: format!("{}; the next run removes it", error.message) });
        }
        self.admin.close().await;
    }
}

/// Drops scratch databases of killed runs: those that nobody is on. The lock is held.
pub(super) async fn clean(admin: &Admin, target: &str, databases: &[Listed], tell: &mut Teller<'_>) -> Result<()> {
    const SESSIONS: &str = "select count(*)::int8 from pg_stat_activity where datname = $1";
    for database in databases {
        let tagged = database.tag.as_ref().is_some_and(|tag| tag.role == Role::Scratch && tag.of == target);
        let unfinished = database.is_blank() && is_beside(&database.name, target, SCRATCH);
        if !tagged && !unfinished {
            continue;
        }
        let rows = admin.rows(SESSIONS, &[&database.name], "ask who is on a scratch database").await?;
        if rows.first().is_none_or(|row| row.try_get::<_, i64>(0).unwrap_or(1) > 0) {
            continue;
        }
        match admin.attempt(&format!("drop database if exists {}", quote_ident(&database.name))).await {
            Ok(()) => tell(Event::Cleaned { what: format!("the scratch database `{}`", database.name) }),
            Err(error) => tracing::debug!(%error, "a scratch database stays"),
        }
    }
    Ok(())
}
