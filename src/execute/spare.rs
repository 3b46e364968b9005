//! What follows a reset and nobody waits for: clearing away, and a clone made ahead of the next reset. It runs in a process
//! of its own, under the target's lock only as long as it drops, and under a lock of its own while it clones.

use super::admin::Admin;
use super::build::look_at;
use super::clone::copy;
use super::create::{free_name, now};
use super::layers::{Layers, Start, note_use};
use super::properties::Properties;
use super::reset::prune;
use super::tag::{Role, Tag, is_beside};
use super::{Surroundings, Teller};
use crate::error::Result;
use crate::model::plan::ResetPlan;

/// What the names of spares say.
pub(super) const SPARE: &str = "spare";

/// From this size on there is no spare unless it is asked for.
const LARGE: u64 = 2_000_000_000;

/// Clears away after a reset of this plan, and makes a spare for the next one where there is none.
pub async fn after_reset(plan: &ResetPlan, surroundings: &Surroundings, tell: &mut Teller<'_>) -> Result<()> {
    let admin = Admin::open(&plan.workplace.target, SPARE).await?;
    admin.lock(tell).await?;
    let current = Properties::read(&admin, plan.proof.database()).await?;
    let layers = Layers::look(&admin, &plan.layers, current.as_ref()).await?;
    let done = clear(&admin, plan, &layers, surroundings, tell).await;
    admin.run("select pg_advisory_unlock_all()", "give the lock back").await?;
    let done = match done {
        Ok(()) => make(&admin, plan, &layers, tell).await,
        Err(error) => Err(error),
    };
    admin.close().await;
    done
}

async fn clear(
    admin: &Admin,
    plan: &ResetPlan,
    layers: &Layers<'_>,
    surroundings: &Surroundings,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let target = plan.proof.database();
    let databases = admin.databases().await?;
    let newest = databases
        .iter()
        .filter_map(|it| {
            Some((it.tag.as_ref().filter(|tag| tag.role == Role::Previous && tag.of == target)?.made, &it.name))
        })
        .max()
        .map(|(_, name)| name.clone());
    prune(admin, target, plan.keep, newest, tell).await?;
    for stale in databases.iter().filter(|it| is_spare(it.tag.as_ref(), target)) {
        let key = stale.tag.as_ref().and_then(|tag| tag.layer.as_ref()).map(|contents| &contents.key);
        if plan.layers.spare == Some(false) || !layers.keys.iter().flatten().any(|known| Some(known) == key) {
            admin.drop_own(&stale.name).await?;
        }
    }
    layers.tidy(surroundings, tell).await.map(drop)
}

fn is_spare(tag: Option<&Tag>, target: &str) -> bool {
    tag.is_some_and(|tag| tag.role == Role::Spare && tag.of == target)
}

/// Clones the layer that the next reset will start from, unless somebody does that already.
async fn make(admin: &Admin, plan: &ResetPlan, layers: &Layers<'_>, tell: &mut Teller<'_>) -> Result<()> {
    let target = plan.proof.database();
    if plan.layers.spare == Some(false) || !plan.layers.start || !try_lock(admin, target).await? {
        return Ok(());
    }
    let databases = admin.databases().await?;
    let Start::Layer { done, contents } = layers.start(&databases, target) else { return Ok(()) };
    note_use(admin, &contents).await;
    // Half of the work is not worth a copy of everything.
    if done < plan.layers.known() || (contents.bytes > LARGE && plan.layers.spare.is_none()) {
        return Ok(());
    }
    let name = free_name(admin, target, SPARE).await?;
    let layer = contents.key.database();
    copy(admin, (&layer, contents.bytes), &name).await?;
    let properties = Properties::read(admin, &layer).await?.unwrap_or_default();
    let made = async {
        properties.give(admin, &name, admin.target.user(), tell).await?;
        look_at(plan, &name, tell).await?;
        let tag = Tag { layer: Some(contents), ..Tag::new(Role::Spare, target, now(admin).await) };
        admin.comment(&name, Some(&tag.comment())).await
    };
    let made = made.await;
    if made.is_err() {
        admin.drop_own(&name).await?;
    }
    made
}

/// Takes the lock of those who make spares of a target; returns whether it was free.
async fn try_lock(admin: &Admin, target: &str) -> Result<bool> {
    const LOCK: &str = "select pg_try_advisory_lock(hashtextextended('devdb spare ' || $1, 0))";
    let rows = admin.rows(LOCK, &[target], "take the lock of the spares").await?;
    Ok(rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)))
}

/// Drops what killed runs began as spares. A tag says that a spare is finished; one without it is still being made as long
/// as somebody holds the lock.
pub(super) async fn clean(admin: &Admin, target: &str) -> Result<Vec<String>> {
    const UNLOCK: &str = "select pg_advisory_unlock(hashtextextended('devdb spare ' || $1, 0))";
    let databases = admin.databases().await?;
    let unfinished: Vec<&str> = databases
        .iter()
        .filter(|it| it.is_blank() && is_beside(&it.name, target, SPARE))
        .map(|it| it.name.as_str())
        .collect();
    let mut dropped = Vec::new();
    if unfinished.is_empty() || !try_lock(admin, target).await? {
        return Ok(dropped);
    }
    for name in unfinished {
        admin.drop_own(name).await?;
        dropped.push(name.to_owned());
    }
    admin.rows(UNLOCK, &[target], "give the lock of the spares back").await?;
    Ok(dropped)
}
