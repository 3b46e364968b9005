//! A reset, carried out: built aside, verified, swapped. Until the swap, nothing of the old database is touched.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::admin::Admin;
use super::build::Build;
use super::commands::Runner;
use super::create::{BUILDING, clean_up, create, free_name, now, prove_again, reopen};
use super::layers::{Layers, Site, Start, note_use, site};
use super::properties::Properties;
use super::swap::{Exchange, live_branch, swap};
use super::tag::{Role, Tag};
use super::{Surroundings, Teller, in_place, rename_first};
use crate::error::{Error, Kind, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::{LayerPlan, LayerStep, Order, ResetPlan};
use crate::model::target::Target;
use crate::model::text::shell_word;

/// What a reset made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The name under which the old database is kept.
    pub kept: Option<String>,
    /// What the layer or the spare held that it started from.
    pub started_from: Option<String>,
    pub stages: Vec<(Stage, String, Duration)>,
}

/// What a reset asks of those who call it.
pub struct Asks<'a, C, S> {
    /// Resolves when the user gives up: what was built is then removed.
    pub cancelled: C,
    /// Resolves to how many revisions, from the first on, are as the default branch has them; awaited only where layers
    /// are left.
    pub shared: S,
    /// Returns the steps of the plan with what they read now: a file that was edited since makes a layer of something else.
    pub steps: &'a dyn Fn() -> Vec<LayerStep>,
    /// A session that was begun while the plan was made.
    pub ahead: Option<Ahead>,
}

/// For how long what was read and seen before the lock may be taken for what is there.
const FRESH: Duration = Duration::from_millis(250);

/// A session that is being opened.
pub struct Ahead {
    opening: JoinHandle<Result<(Admin, Site)>>,
    begun: Instant,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.opening.abort();
    }
}

/// Begins to open the session of a reset that nobody is asked about, where it costs nobody anything; it is not used before
/// the plan is made and proven.
#[must_use]
pub fn ahead(target: &Target) -> Option<Ahead> {
    let target = target.clone();
    let near = target.hosts.iter().all(|(host, _)| host.is_loopback());
    near.then(|| {
        let opening = tokio::spawn(async move {
            let admin = Admin::open(&target, "reset").await?;
            let site = site(&admin).await?;
            Ok((admin, site))
        });
        Ahead { opening, begun: Instant::now() }
    })
}

/// Returns the session that was begun where it is one on this target, else a new one.
async fn open(target: &Target, ahead: Option<Ahead>) -> Result<(Admin, Option<Site>)> {
    if let Some(mut ahead) = ahead
        && let Ok(Ok((admin, site))) = (&mut ahead.opening).await
        && admin.target == *target
    {
        // So that the session's own task can notice that the server is gone.
        tokio::task::yield_now().await;
        if !admin.is_lost() {
            return Ok((admin, site.is_known().then_some(site).filter(|_| ahead.begun.elapsed() < FRESH)));
        }
    }
    Ok((Admin::open(target, "reset").await?, None))
}

/// Carries the plan out.
pub async fn reset(
    plan: &ResetPlan,
    surroundings: &Surroundings,
    asks: Asks<'_, impl Future<Output = ()>, impl Future<Output = Option<usize>>>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let Asks { cancelled, shared, steps, ahead } = asks;
    let (admin, site) = open(&plan.workplace.target, ahead).await?;
    tokio::pin!(cancelled);
    let locked = tokio::select! {
        biased;
        () = &mut cancelled => Err(Error::cancelled()),
        locked = admin.lock(tell) => locked,
    };
    let done = match locked {
        Err(error) => Err(error),
        Ok(waited) => {
            let asks = Asks { cancelled, shared, steps, ahead: None };
            // What was seen before somebody else's whole reset is too old.
            let site = site.filter(|_| !waited);
            Box::pin(locked_reset((&admin, site), plan, surroundings, asks, tell)).await
        }
    };
    admin.leave().await;
    let password = plan.workplace.target.password.as_ref().map_or("", |password| password.reveal());
    done.map_err(|error| error.hiding(password))
}

async fn locked_reset(
    (admin, seen): (&Admin, Option<Site>),
    plan: &ResetPlan,
    surroundings: &Surroundings,
    asks: Asks<'_, impl Future<Output = ()>, impl Future<Output = Option<usize>>>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let target = plan.proof.database();
    let ready = async {
        prove_again(admin, &plan.proof).await?;
        clean_up(admin, target, tell).await
    };
    match plan.order {
        Order::Aside => {
            let at_once = seen.is_some();
            let look = async {
                match seen {
                    Some(seen) => Ok(seen),
                    None => site(admin).await,
                }
            };
            let (ready, site) = tokio::join!(ready, look);
            ready?;
            aside((admin, &site?, at_once), plan, surroundings, asks, tell).await
        }
        Order::RenameFirst => {
            ready.await?;
            Box::pin(rename_first::run(admin, plan, surroundings, asks.cancelled, tell)).await
        }
        Order::InPlace => {
            ready.await?;
            Box::pin(in_place::run(admin, plan, surroundings, asks.cancelled, tell)).await
        }
    }
}

async fn aside(
    (admin, site, at_once): (&Admin, &Site, bool),
    plan: &ResetPlan,
    surroundings: &Surroundings,
    asks: Asks<'_, impl Future<Output = ()>, impl Future<Output = Option<usize>>>,
    tell: &mut Teller<'_>,
) -> Result<Outcome> {
    let target = plan.proof.database();
    let mut log = StageLog::default();
    let started = log.start(Stage::Create, "", tell);
    let old = Properties::read(admin, target).await?;
    let edited;
    let mut plan = plan;
    // Somebody was asked since the files were read, or another run was waited for.
    if !at_once && (asks.steps)() != plan.layers.steps {
        edited = ResetPlan { layers: LayerPlan { start: false, keep: false, ..plan.layers.clone() }, ..plan.clone() };
        plan = &edited;
    }
    let layers = Layers::on(admin, &plan.layers, old.as_ref(), site).await?;
    let begun = begin(admin, plan, &layers, old.as_ref(), tell).await?;
    log.finish(Stage::Create, begun.said.clone(), started, tell);
    let runner = Runner { workplace: &plan.workplace, surroundings, database: &begun.name, witness: None };
    let built = async {
        if let Some(old) = old.as_ref().filter(|_| begun.from.is_some()) {
            old.give_marks(admin, &begun.name, tell).await?;
        }
        if begun.finished {
            return Ok(());
        }
        let mut build = Build::new(plan, &runner, begun.done);
        build.steps = Some(asks.steps);
        build.put_off = plan.later;
        if plan.layers.keep {
            let shared = if begun.done < plan.layers.head { asks.shared.await } else { None };
            build.layers = Some(&layers);
            build.stops = layers.missing(plan.layers.kept(shared));
        }
        build.run(&mut log, tell).await?;
        layers.hurry(&begun.name, false).await
    };
    let built = tokio::select! {
        biased;
        () = asks.cancelled => Err(Error::cancelled()),
        built = Box::pin(built) => built,
    };
    if let Err(error) = built {
        return Err(discard(admin, plan, &begun.name, error, tell).await);
    }
    let started = log.start(Stage::Swap, "", tell);
    let kept = match take_place(admin, plan, &begun, old, tell).await {
        Ok(kept) => kept,
        Err(error) => return Err(discard(admin, plan, &begun.name, error, tell).await),
    };
    log.finish(Stage::Swap, format!("`{target}` is the new one"), started, tell);
    let kept = if plan.later {
        kept.filter(|_| plan.keep > 0)
    } else {
        if let Err(error) = layers.tidy(surroundings, tell).await {
            tell(Event::Warning { text: error.message });
        }
        prune(admin, target, plan.keep, kept, tell).await?
    };
    Ok(Outcome { kept, started_from: begun.from, stages: log.stages })
}

/// Gives the finished database the target's name; returns the name under which the old one is kept.
async fn take_place(
    admin: &Admin,
    plan: &ResetPlan,
    begun: &Begun,
    old: Option<Properties>,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    if let Some(old) = &old {
        old.limit(admin, &begun.name).await?;
    }
    let exchange = Exchange {
        proof: &plan.proof,
        incoming: &begun.name,
        tag: Tag { comment: None, ..begun.tag.clone() },
        comment: old.as_ref().and_then(|old| old.comment.clone()),
        exists: old.is_some(),
        outgoing_comment: old.and_then(|old| old.comment),
    };
    swap(admin, &exchange, tell).await
}

/// The database that becomes the new one, as it is when the run begins.
pub(super) struct Begun {
    pub name: String,
    pub tag: Tag,
    /// How many steps are done in it.
    pub done: usize,
    /// Nothing is left to do, and it was looked at.
    finished: bool,
    said: String,
    pub from: Option<String>,
}

/// Takes the spare, or clones the nearest layer, or creates an empty database.
pub(super) async fn begin(
    admin: &Admin,
    plan: &ResetPlan,
    layers: &Layers<'_>,
    old: Option<&Properties>,
    tell: &mut Teller<'_>,
) -> Result<Begun> {
    let target = plan.proof.database();
    let all = plan.layers.steps.len();
    let start = layers.start(&admin.databases().await?, target);
    if let Start::Spare { done, name, tag } = start {
        let tag = Tag { layer: None, ..Tag { role: Role::Building, ..tag } };
        if done < all {
            // From here on it is no spare any more.
            admin.comment(&name, Some(&tag.comment())).await?;
            reopen(admin, &name).await?;
            layers.hurry(&name, true).await?;
        }
        let from = layers.describe(done);
        let said = format!("a spare with {from}");
        return Ok(Begun { name, tag, done, finished: done == all, said, from: Some(from) });
    }
    let name = free_name(admin, target, BUILDING).await?;
    let tag = Tag::new(Role::Building, target, now(admin).await);
    if let Start::Layer { done, contents } = &start {
        match layers.clone(contents, (&name, &tag), tell).await {
            Ok(()) => {
                if !plan.later {
                    note_use(admin, contents).await;
                }
                if *done < all {
                    layers.hurry(&name, true).await?;
                }
                let from = layers.describe(*done);
                let said = format!("from the layer of {from}");
                return Ok(Begun { name, tag, done: *done, finished: false, said, from: Some(from) });
            }
            // Another run may have given it up meanwhile, or somebody is on it.
            Err(error) => {
                discard_own(admin, &name, tell).await;
                tell(Event::Note { text: format!("started from nothing: {}", error.message) });
            }
        }
    }
    let created = create(admin, &name, target, old, tell).await;
    let done = match created {
        Ok(_tag) => layers.hurry(&name, true).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(Begun { said: format!("`{name}`"), name, tag, done: 0, finished: false, from: None }),
        Err(error) => Err(discard(admin, plan, &name, error, tell).await),
    }
}

/// Removes a database that was begun.
async fn discard_own(admin: &Admin, name: &str, tell: &mut Teller<'_>) {
    if let Err(other) = admin.drop_own(name).await {
        tell(Event::Warning { text: format!("{}; the next reset removes it", other.message) });
    }
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
                shell_word(plan.workplace.target.user()),
                shell_word(building)
            ))
            .hint(format!("{unchanged}; the next reset removes the failed one"));
    }
    discard_own(admin, building, tell).await;
    if error.kind == Kind::Cancelled { error } else { error.state(unchanged) }
}

/// Drops replaced databases beyond `keep`, and failed ones that were kept; returns the newest kept one.
pub(super) async fn prune(
    admin: &Admin,
    target: &str,
    keep: usize,
    newest: Option<String>,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    let (mut previous, mut failed) = (Vec::new(), Vec::new());
    let branch = live_branch(admin, target).await?;
    for database in admin.databases().await? {
        let Some(tag) = database.tag.filter(|tag| tag.of == target) else { continue };
        match tag.role {
            // Every git branch keeps its own.
            Role::Previous if tag.branch != branch => {}
            Role::Failed => failed.push((tag.made, database.name)),
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
    // One that failed after the last reset is still to be looked at.
    let last = previous.iter().map(|(made, _, _)| *made).max().unwrap_or(i64::MAX);
    for (_, name) in failed.iter().filter(|(made, _)| *made < last) {
        if let Err(error) = admin.drop_own(name).await {
            tell(Event::Warning { text: error.message });
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
