//! The layers of a server: listed, made beforehand, given up.

use super::admin::Admin;
use super::build::Build;
use super::check::only_aside;
use super::commands::Runner;
use super::create::{clean_up, now};
use super::layers::{Layers, largest};
use super::properties::Properties;
use super::reset::{Asks, StageLog, begin};
use super::tag::{Role, Tag};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::layer::{Contents, Listed, Listing};
use crate::model::plan::{LayerPlan, LayerStep, ResetPlan};
use crate::model::target::Target;

/// Returns the layers that the target's role may use, seen from a plan where there is one.
pub async fn list(target: &Target, plan: Option<&LayerPlan>, surroundings: &Surroundings) -> Result<Listing> {
    let admin = Admin::open(target, "cache").await?;
    let listed = listing(&admin, plan, surroundings).await;
    admin.close().await;
    listed
}

async fn listing(admin: &Admin, plan: Option<&LayerPlan>, surroundings: &Surroundings) -> Result<Listing> {
    let target = admin.target.database();
    let mut keys = Vec::new();
    if let Some(plan) = plan {
        let old = Properties::read(admin, target).await?;
        keys = Layers::look(admin, plan, old.as_ref()).await?.keys;
    }
    let now = now(admin).await;
    let databases = admin.databases().await?;
    let tags = || databases.iter().filter(|it| it.owned).filter_map(|it| it.tag.as_ref());
    let layer = |tag: &Tag| {
        let contents = tag.layer.clone().filter(|_| tag.role == Role::Layer)?;
        Some(Listed {
            age_seconds: (now - tag.made) / 1_000_000,
            idle_seconds: (now - contents.used) / 1_000_000,
            current: keys.contains(&Some(contents.key.clone())),
            next: None,
            contents,
        })
    };
    let mut layers: Vec<Listed> = tags().filter_map(layer).collect();
    layers.sort_by_key(|layer| layer.idle_seconds);
    let place = |layer: &Listed| keys.iter().position(|key| key.as_ref() == Some(&layer.contents.key));
    if let Some(next) = layers.iter_mut().filter(|layer| layer.current).max_by_key(|layer| place(layer)) {
        next.next = place(next);
    }
    let is_spare = |tag: &Tag| {
        let fits = tag.layer.as_ref().is_some_and(|contents| keys.contains(&Some(contents.key.clone())));
        tag.role == Role::Spare && tag.of == target && fits
    };
    Ok(Listing {
        layers,
        max: largest(plan.and_then(|plan| plan.max), surroundings),
        open: plan.and_then(LayerPlan::first_open).map(|(step, why)| (step.describe(), why.to_owned())),
        spare: tags().any(is_spare),
    })
}

/// Makes the layers that the next reset would leave, without touching the target. Returns how many there are more.
pub async fn warm(
    plan: &ResetPlan,
    surroundings: &Surroundings,
    asks: Asks<'_, impl Future<Output = ()>, impl Future<Output = Option<usize>>>,
    tell: &mut Teller<'_>,
) -> Result<usize> {
    let admin = Admin::open(&plan.workplace.target, "cache").await?;
    let before = admin.layers().await?.len();
    let mut made = None;
    let done = tokio::select! {
        biased;
        () = asks.cancelled => Err(Error::cancelled()),
        done = Box::pin(warmed(&admin, plan, surroundings, (asks.shared, asks.steps), (&mut made, tell))) => done,
    };
    if let Some(name) = made
        && let Err(error) = admin.drop_own(&name).await
    {
        tell(Event::Warning { text: format!("{}; the next reset removes it", error.message) });
    }
    let after = admin.layers().await;
    admin.close().await;
    done?;
    Ok(after?.len().saturating_sub(before))
}

async fn warmed(
    admin: &Admin,
    plan: &ResetPlan,
    surroundings: &Surroundings,
    (shared, steps): (impl Future<Output = Option<usize>>, &dyn Fn() -> Vec<LayerStep>),
    (made, tell): (&mut Option<String>, &mut Teller<'_>),
) -> Result<()> {
    only_aside(plan)?;
    admin.lock(tell).await?;
    let target = plan.workplace.target.database();
    clean_up(admin, target, tell).await?;
    let old = Properties::read(admin, target).await?;
    let plan = ResetPlan { layers: LayerPlan { spares: false, ..plan.layers.clone() }, ..plan.clone() };
    let layers = Layers::look(admin, &plan.layers, old.as_ref()).await?;
    let stops = layers.missing(plan.layers.kept(shared.await));
    if stops.is_empty() {
        return Ok(());
    }
    let first = stops.first().copied().unwrap_or_default();
    let beyond = layers.start_layer(&admin.databases().await?).is_some_and(|done| done >= first);
    // One that has more than what is to be left is of no use.
    let start = plan.layers.start && !beyond && steps() == plan.layers.steps;
    let plan = ResetPlan { layers: LayerPlan { start, ..plan.layers.clone() }, ..plan.clone() };
    let layers = Layers::look(admin, &plan.layers, old.as_ref()).await?;
    let begun = begin(admin, &plan, &layers, old.as_ref(), tell).await?;
    *made = Some(begun.name.clone());
    let runner = Runner { workplace: &plan.workplace, surroundings, database: &begun.name, witness: None };
    let mut build = Build::new(&plan, &runner, begun.done);
    build.layers = Some(&layers);
    build.stops = stops;
    build.steps = Some(steps);
    build.run(&mut StageLog::default(), tell).await?;
    layers.tidy(surroundings, tell).await.map(drop)
}

/// Drops every layer that the target's role may drop, and the target's spares; returns how many, and their bytes.
pub async fn clear(target: &Target, tell: &mut Teller<'_>) -> Result<(usize, u64)> {
    let admin = Admin::open(target, "cache").await?;
    let done = cleared(&admin, tell).await;
    admin.close().await;
    done
}

async fn cleared(admin: &Admin, tell: &mut Teller<'_>) -> Result<(usize, u64)> {
    admin.lock(tell).await?;
    let target = admin.target.database();
    let layers: Vec<Contents> = admin.layers().await?;
    let mut freed = (0, 0);
    for contents in layers {
        admin.drop_layer(&contents.key).await?;
        freed = (freed.0 + 1, freed.1 + contents.bytes);
    }
    for database in admin.databases().await? {
        let spare = database.tag.filter(|tag| tag.role == Role::Spare && tag.of == target);
        if spare.is_some() {
            admin.drop_own(&database.name).await?;
        }
    }
    Ok(freed)
}
