//! What follows a reset and nobody waits for: clearing away, and a clone made ahead of the next reset. It runs in a process
//! of its own, under the target's lock only as long as it drops, and under a lock of its own while it clones.

use super::admin::{Admin, Listed};
use super::build::{Build, look_at};
use super::clone::{copy, size};
use super::commands::Runner;
use super::create::{close, create_untagged, free_name, now};
use super::layers::{Layers, Start, note_use};
use super::properties::Properties;
use super::reset::{StageLog, prune};
use super::tag::{Role, Tag, is_beside};
use super::{Surroundings, Teller};
use crate::error::Result;
use crate::model::plan::{LayerStep, Order, ResetPlan};

/// What the names of spares say.
pub(super) const SPARE: &str = "spare";

/// From this size on there is no spare unless it is asked for.
pub(super) const LARGE: u64 = 2_000_000_000;

/// What is asked of those who call [`after_reset`]; see [`super::Asks`].
pub struct Later<'a, S> {
    pub shared: S,
    pub steps: &'a dyn Fn() -> Vec<LayerStep>,
}

/// Clears away after a reset of this plan, leaves the layers that it put off, and makes a spare for the next one.
pub async fn after_reset(
    plan: &ResetPlan,
    surroundings: &Surroundings,
    asks: Later<'_, impl Future<Output = Option<usize>>>,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let admin = Admin::open(&plan.workplace.target, SPARE).await?;
    admin.lock(tell).await?;
    let current = Properties::read(&admin, plan.proof.database()).await?;
    let mut layers = Layers::look(&admin, &plan.layers, current.as_ref()).await?;
    // Its own lock keeps others from what is unfinished under that name.
    layers.unfinished = SPARE;
    let done = clear(&admin, plan, &layers, surroundings, tell).await;
    admin.run("select pg_advisory_unlock_all()", "give the lock back").await?;
    let done = match done {
        Ok(()) => make(&admin, plan, &layers, (surroundings, asks), tell).await,
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

/// Makes what the next reset will take, unless somebody does that already: a clone of its layer, or, where the reset had no
/// time for layers, those layers and then the rest.
async fn make(
    admin: &Admin,
    plan: &ResetPlan,
    layers: &Layers<'_>,
    (surroundings, asks): (&Surroundings, Later<'_, impl Future<Output = Option<usize>>>),
    tell: &mut Teller<'_>,
) -> Result<()> {
    let target = plan.proof.database();
    if !plan.layers.start || !try_lock(admin, target).await? {
        return Ok(());
    }
    let databases = admin.databases().await?;
    let start = layers.start(&databases, target);
    let (done, bytes) = match &start {
        Start::Spare { .. } => return Ok(()),
        Start::Empty => (0, size(admin, target).await),
        Start::Layer { done, contents } => {
            note_use(admin, contents).await;
            (*done, contents.bytes)
        }
    };
    let known = plan.layers.known();
    // Without the whole chain, half of the work is not worth a copy of everything.
    let reachable = done == known || (known >= plan.layers.head && plan.order == Order::Aside);
    let wanted = plan.layers.spare != Some(false) && (bytes <= LARGE || plan.layers.spare == Some(true));
    if !reachable || !wanted || known < 2 {
        return Ok(());
    }
    let name = free_name(admin, target, SPARE).await?;
    let made = async {
        begin(admin, &start, &name, target, tell).await?;
        if done < known {
            let rest = upto(plan, known);
            let runner = Runner { workplace: &plan.workplace, surroundings, database: &name, witness: None };
            let mut build = Build::new(&rest, &runner, done);
            build.layers = Some(layers);
            build.stops = layers.missing(plan.layers.kept(asks.shared.await));
            build.steps = Some(asks.steps);
            layers.hurry(&name, true).await?;
            build.run(&mut StageLog::default(), tell).await?;
            layers.hurry(&name, false).await?;
            layers.tidy(surroundings, tell).await?;
        } else {
            look_at(plan, &name, tell).await?;
        }
        // Without its layer nobody could say what it holds, and nobody could when files changed meanwhile.
        let same = (asks.steps)().get(..known) == plan.layers.steps.get(..known);
        let contents = layers.contents(&admin.databases().await?, known).filter(|_| same);
        let Some(contents) = contents else { return admin.drop_own(&name).await };
        // Nobody may write into what the next reset serves; the swap opens it.
        close(admin, &name).await?;
        let tag = Tag { layer: Some(contents), ..Tag::new(Role::Spare, target, now(admin).await) };
        admin.comment(&name, Some(&tag.comment())).await
    };
    let made = Box::pin(made).await;
    if made.is_err() {
        admin.drop_own(&name).await?;
    }
    made
}

/// Makes the database that becomes the spare, without a tag: one that has none is not finished.
async fn begin(admin: &Admin, start: &Start, name: &str, target: &str, tell: &mut Teller<'_>) -> Result<()> {
    if let Start::Layer { contents, .. } = start {
        let layer = contents.key.database();
        copy(admin, (&layer, contents.bytes), name).await?;
        let properties = Properties::read(admin, &layer).await?.unwrap_or_default();
        return properties.give(admin, name, admin.target.user(), tell).await;
    }
    let old = Properties::read(admin, target).await?;
    create_untagged(admin, name, old.as_ref(), tell).await
}

/// Returns the plan without the steps that run at every reset.
fn upto(plan: &ResetPlan, known: usize) -> ResetPlan {
    let mut plan = plan.clone();
    plan.layers.steps.truncate(known);
    plan.seeds.truncate(known.saturating_sub(plan.layers.head));
    plan
}

/// Takes the lock of those who make spares of a target; returns whether it was free.
async fn try_lock(admin: &Admin, target: &str) -> Result<bool> {
    const LOCK: &str = "select pg_try_advisory_lock(hashtextextended('devdb spare ' || $1, 0))";
    let rows = admin.rows(LOCK, &[target], "take the lock of the spares").await?;
    Ok(rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)))
}

/// Drops what killed runs began as spares. A tag says that a spare is finished; one without it is still being made as long
/// as somebody holds the lock.
pub(super) async fn clean(admin: &Admin, target: &str, databases: &[Listed]) -> Result<Vec<String>> {
    const UNLOCK: &str = "select pg_advisory_unlock(hashtextextended('devdb spare ' || $1, 0))";
    let unfinished = |it: &&Listed| it.is_blank() && is_beside(&it.name, target, SPARE);
    let mut dropped = Vec::new();
    if !databases.iter().any(|it| unfinished(&it)) || !try_lock(admin, target).await? {
        return Ok(dropped);
    }
    // Listed again: until the lock was taken, one of them may have been finished.
    for left in admin.databases().await?.iter().filter(unfinished) {
        admin.drop_own(&left.name).await?;
        dropped.push(left.name.clone());
    }
    admin.rows(UNLOCK, &[target], "give the lock of the spares back").await?;
    Ok(dropped)
}
