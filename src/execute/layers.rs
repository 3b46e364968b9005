//! Layers on the server: found by their keys, started from, left for the next reset, and given up when they take too much.
//!
//! A layer is a template database that nobody may connect to. It appears whole or not at all: a copy is made under the name
//! of an unfinished database, and only then renamed and tagged, in one transaction.

mod base;
mod evict;

use std::sync::atomic::Ordering;
use std::time::Duration;

use base::digest;
pub(super) use base::{Site, site};
use evict::evict;
pub(super) use evict::largest;

use super::admin::{Admin, Listed, comment_statement};
use super::clone::{clone, copy, size};
use super::create::{BUILDING, free_name, now};
use super::properties::Properties;
use super::swap::{bound, gone};
use super::tag::{Role, Tag};
use super::{Surroundings, Teller};
use tokio_postgres::error::SqlState;

use crate::error::Result;
use crate::model::event::Event;
use crate::model::layer::{Contents, Key};
use crate::model::plan::{LayerPlan, LayerStep};
use crate::wire::postgres::quote_ident;

/// Whether commits wait for the disk.
const WAIT: &str = "synchronous_commit";

/// How long the sessions of what built a database may take to be gone from it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The keys of a reset's states, and which of them exist on the server.
pub(super) struct Layers<'a> {
    pub admin: &'a Admin,
    pub plan: &'a LayerPlan,
    /// By the number of steps done.
    pub keys: Vec<Option<Key>>,
    /// Which layers there are.
    present: Vec<Key>,
    /// What the name of a copy says that is no layer yet.
    pub unfinished: &'static str,
    /// The old database says itself how long its commits wait.
    patient: bool,
}

/// From where a reset starts.
#[derive(Debug, Clone)]
pub(super) enum Start {
    Empty,
    Layer {
        done: usize,
        contents: Contents,
    },
    /// A clone that was made ahead.
    Spare {
        done: usize,
        name: String,
        tag: Tag,
    },
}

impl<'a> Layers<'a> {
    /// Returns the keys of a plan's states in a database with the properties of the old one.
    pub(super) async fn look(admin: &'a Admin, plan: &'a LayerPlan, old: Option<&Properties>) -> Result<Self> {
        Self::on(admin, plan, old, &site(admin).await?).await
    }

    /// Returns the same where the server was looked at already.
    pub(super) async fn on(
        admin: &'a Admin,
        plan: &'a LayerPlan,
        old: Option<&Properties>,
        site: &Site,
    ) -> Result<Self> {
        let (digest, present) = tokio::join!(digest(admin, site, old), admin.layers());
        let (digest, present) = (digest?, present?.into_iter().map(|contents| contents.key).collect());
        let patient = old.is_some_and(|old| old.settings.iter().any(|(_, name, _)| name == WAIT));
        Ok(Self { admin, plan, keys: plan.keys(digest), present, unfinished: BUILDING, patient })
    }

    /// Returns those of the positions whose layer is not there yet.
    pub(super) fn missing(&self, mut positions: Vec<usize>) -> Vec<usize> {
        let wanted = |key: &Option<Key>| key.as_ref().is_some_and(|key| !self.present.contains(key));
        positions.retain(|position| self.keys.get(*position).is_some_and(wanted));
        positions
    }

    /// Returns what is there after `done` steps, for people.
    pub(super) fn describe(&self, done: usize) -> String {
        let step = done.checked_sub(1).and_then(|at| self.plan.steps.get(at));
        step.map_or_else(String::new, LayerStep::describe)
    }

    /// Spares a database that is worthless until it is finished the wait for the disk (`on`), and takes that back: the
    /// commit of the swap, which does wait, waits for everything before it.
    pub(super) async fn hurry(&self, database: &str, on: bool) -> Result<()> {
        if self.patient {
            return Ok(());
        }
        let how = if on { format!("set {WAIT} = off") } else { format!("reset {WAIT}") };
        self.admin.run(&format!("alter database {} {how}", quote_ident(database)), "prepare the new database").await
    }

    /// Gives up what takes too much, but for what this plan needs.
    pub(super) async fn tidy(&self, surroundings: &Surroundings, tell: &mut Teller<'_>) -> Result<usize> {
        let needed = self.keys.iter().flatten().filter(|_| self.plan.keep).cloned().collect::<Vec<_>>();
        evict(self.admin, &needed, largest(self.plan.max, surroundings), tell).await
    }

    /// Returns the start that leaves the fewest steps: a spare before a layer, as it is there already.
    pub(super) fn start(&self, databases: &[Listed], target: &str) -> Start {
        if !self.plan.start {
            return Start::Empty;
        }
        let tagged = |role: Role, key: &Key| {
            databases.iter().find_map(|it| {
                let tag = it.tag.as_ref().filter(|tag| tag.role == role)?;
                let contents = tag.layer.as_ref().filter(|contents| contents.key == *key)?;
                let ours = role == Role::Layer || tag.of == target;
                ours.then(|| (it.name.clone(), tag.clone(), contents.clone()))
            })
        };
        for (done, key) in self.keys.iter().enumerate().rev() {
            let Some(key) = key else { continue };
            if self.plan.spares
                && let Some((name, tag, _)) = tagged(Role::Spare, key)
            {
                return Start::Spare { done, name, tag };
            }
            if let Some((_, _, contents)) = tagged(Role::Layer, key) {
                return Start::Layer { done, contents };
            }
        }
        Start::Empty
    }

    /// Returns what the layer of the first `done` steps holds, where there is one.
    pub(super) fn contents(&self, databases: &[Listed], done: usize) -> Option<Contents> {
        let key = self.keys.get(done)?.as_ref()?;
        let tags = databases.iter().filter_map(|it| it.tag.as_ref()).filter(|tag| tag.role == Role::Layer);
        tags.filter_map(|tag| tag.layer.as_ref()).find(|contents| contents.key == *key).cloned()
    }

    /// Returns how many steps the best layer has done; nothing without one.
    pub(super) fn start_layer(&self, databases: &[Listed]) -> Option<usize> {
        let there = |key: &Key| {
            let is = |tag: &Tag| tag.role == Role::Layer && tag.layer.as_ref().is_some_and(|it| it.key == *key);
            databases.iter().any(|it| it.tag.as_ref().is_some_and(is))
        };
        self.keys.iter().rposition(|key| key.as_ref().is_some_and(there))
    }

    /// Keeps a copy of `building` as the layer of the first `done` steps, unless there is one; `took` is what they cost.
    /// Returns what it holds; nothing when it cannot be kept, which is told.
    pub(super) async fn leave(
        &self,
        (building, target): (&str, &str),
        done: usize,
        took: Duration,
        tell: &mut Teller<'_>,
    ) -> Result<Option<Contents>> {
        let (Some(Some(key)), Some(step)) =
            (self.keys.get(done), done.checked_sub(1).and_then(|at| self.plan.steps.get(at)))
        else {
            return Ok(None);
        };
        let name = key.database();
        if let Some(there) = self.admin.databases().await?.into_iter().find(|it| it.name == name) {
            if there.tag.is_none_or(|tag| tag.role != Role::Building) {
                return Ok(None);
            }
            self.admin.drop_own(&name).await?;
        }
        if self.admin.bare.load(Ordering::Relaxed) {
            let text = "no layer is kept: `template1` was in use, so the database was made without what is in it";
            tell(Event::Note { text: text.to_owned() });
            return Ok(None);
        }
        if let Some(what) = bound(self.admin, building).await? {
            tell(Event::Warning { text: format!("no layer is kept of {}: a copy has no {what}", step.describe()) });
            return Ok(None);
        }
        if let Some(who) = gone(self.admin, building, PATIENCE).await? {
            let what = step.describe();
            tell(Event::Warning { text: format!("no layer is kept of {what}: {who} stays on the new database") });
            return Ok(None);
        }
        let contents = Contents {
            key: key.clone(),
            last: step.describe(),
            profile: self.plan.profile.clone().filter(|_| done > self.plan.head),
            project: self.plan.project.clone(),
            bytes: size(self.admin, building).await,
            took: u64::try_from(took.as_millis()).unwrap_or_default(),
            used: now(self.admin).await,
            hits: 0,
        };
        let unfinished = free_name(self.admin, target, self.unfinished).await?;
        copy(self.admin, (building, contents.bytes), &unfinished).await?;
        let done = self.name(building, &unfinished, &contents, tell).await;
        if done.is_err() {
            self.admin.drop_own(&unfinished).await?;
        }
        done.map(|named| named.then_some(contents))
    }

    /// Makes a finished copy the layer; returns whether it is, which it is not where another run was faster.
    async fn name(&self, building: &str, unfinished: &str, contents: &Contents, tell: &mut Teller<'_>) -> Result<bool> {
        if let Some(mut properties) = Properties::read(self.admin, building).await? {
            let own = |name: &str| name.starts_with("devdb.") || (name == WAIT && !self.patient);
            properties.settings.retain(|(_, name, _)| !own(name));
            properties.give(self.admin, unfinished, self.admin.target.user(), tell).await?;
        }
        let tag = Tag { layer: Some(contents.clone()), ..Tag::new(Role::Layer, "", contents.used) };
        let name = contents.key.database();
        let quoted = quote_ident(&name);
        let statements = format!(
            "begin; alter database {} rename to {quoted}; alter database {quoted} is_template true; \
             alter database {quoted} allow_connections false; {}; commit",
            quote_ident(unfinished),
            comment_statement(&name, Some(&tag.comment())),
        );
        let Err(error) = self.admin.attempt(&statements).await else { return Ok(true) };
        self.admin.run("rollback", "roll back").await?;
        // The second when both commit at once.
        let faster = [&SqlState::DUPLICATE_DATABASE, &SqlState::UNIQUE_VIOLATION];
        if !error.code().is_some_and(|code| faster.contains(&code)) {
            return Err(super::admin::failed("name a layer", &error));
        }
        self.admin.drop_own(unfinished).await?;
        Ok(false)
    }

    /// Makes `name` a clone of a layer, tagged and with the layer's own properties.
    pub(super) async fn clone(
        &self,
        contents: &Contents,
        (name, tag): (&str, &Tag),
        tell: &mut Teller<'_>,
    ) -> Result<()> {
        let layer = contents.key.database();
        let properties = Properties::read(self.admin, &layer).await?.unwrap_or_default();
        clone(self.admin, (&layer, contents.bytes), (name, tag), &properties, tell).await
    }
}

/// Writes down that a layer was used; that it could not be does not matter.
pub(super) async fn note_use(admin: &Admin, contents: &Contents) {
    let used = Contents { used: now(admin).await, hits: contents.hits + 1, ..contents.clone() };
    let name = contents.key.database();
    let tag = Tag { layer: Some(used.clone()), ..Tag::new(Role::Layer, "", used.used) };
    let comment = comment_statement(&name, Some(&tag.comment()));
    let statements = format!("begin; set local synchronous_commit = off; {comment}; commit");
    if let Err(error) = admin.attempt(&statements).await {
        tracing::debug!(%error, "the use of a layer was not written down");
        if let Err(error) = admin.attempt("rollback").await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }
}
