//! The database follows the git branch: the one that is left stands aside, the branch's own takes the name.

use std::time::Duration;

use tokio::time::Instant;

use super::Teller;
use super::admin::{Admin, comment_statement};
use super::clone::size;
use super::clone_live::{Wanted, clone_live};
use super::create::{free_name, now};
use super::properties::Properties;
use super::snapshot::enter;
use super::swap::{Exchange, Marks, swap_marked};
use super::tag::{Role, Tag};
use crate::error::{Error, Result};
use crate::model::branch::{Listed, Live, Parked, Shelf, SwitchPlan, Turn};
use crate::model::disposable::Disposable;
use crate::model::event::Event;
use crate::model::target::Target;

/// What the names of branches' databases say.
const BRANCH: &str = "branch";

/// Returns the databases of a target's branches.
pub async fn list(target: &Target) -> Result<Shelf> {
    let admin = Admin::open(target, "branch list").await?;
    let found = shelf(&admin).await;
    admin.close().await;
    found
}

/// The lock of a target, under which its branches change.
pub struct Switcher {
    admin: Admin,
}

impl Switcher {
    /// Takes the lock; gives up after `patience`, where there is one.
    pub async fn open(
        target: &Target,
        proof: &Disposable,
        patience: Option<Duration>,
        tell: &mut Teller<'_>,
    ) -> Result<Self> {
        let entering = enter(target, "branch", proof, std::future::pending(), tell);
        let Some(patience) = patience else { return Ok(Self { admin: entering.await? }) };
        match tokio::time::timeout(patience, Box::pin(entering)).await {
            Ok(entered) => Ok(Self { admin: entered? }),
            Err(_elapsed) => Err(Error::environment(format!(
                "another devdb has held `{}` for {} s",
                target.database(),
                patience.as_secs()
            ))),
        }
    }

    /// Returns the databases as they are while the lock is held.
    pub async fn shelf(&self) -> Result<Shelf> {
        shelf(&self.admin).await
    }

    /// Carries a change out. `cancelled` resolves when the user gives up: what was copied is then removed.
    pub async fn carry_out(
        &self,
        plan: &SwitchPlan,
        cancelled: impl Future<Output = ()>,
        tell: &mut Teller<'_>,
    ) -> Result<Duration> {
        let started = Instant::now();
        let admin = &self.admin;
        match &plan.turn {
            Turn::Already | Turn::Missing | Turn::InUse { .. } | Turn::Large { .. } => {}
            Turn::Adopt { .. } => adopt(admin, plan).await?,
            Turn::Fork { from } => Box::pin(fork(admin, plan, from, cancelled, tell)).await?,
            Turn::Bring { from, parked } => bring(admin, plan, from.as_deref(), &parked.database, tell).await?,
            Turn::Copy { from, parent } => Box::pin(copy(admin, plan, (from, parent), cancelled, tell)).await?,
        }
        Ok(started.elapsed())
    }

    /// Drops databases of branches, and what resets on those branches had replaced.
    pub async fn remove(&self, chosen: &[Listed]) -> Result<()> {
        let target = self.admin.target.database();
        for database in self.admin.databases().await? {
            let Some(tag) = database.tag.filter(|tag| tag.of == target) else { continue };
            let Some(branch) = tag.branch.as_ref() else { continue };
            let itself = chosen.iter().any(|it| it.database == database.name && it.branch == *branch && !it.live);
            // A branch that still has another database keeps what it can undo.
            let replaced = tag.role == Role::Previous && chosen.iter().any(|it| it.branch == *branch);
            if (tag.role == Role::Branch && itself) || (replaced && !self.has_other(branch, chosen).await?) {
                self.admin.drop_own(&database.name).await?;
            }
        }
        Ok(())
    }

    async fn has_other(&self, branch: &str, chosen: &[Listed]) -> Result<bool> {
        let shelf = self.shelf().await?;
        let live = shelf.live.is_some_and(|live| live.branch.as_deref() == Some(branch));
        let is_chosen = |parked: &Parked| chosen.iter().any(|it| it.database == parked.database);
        Ok(live || shelf.parked.iter().any(|parked| parked.branch == branch && !is_chosen(parked)))
    }

    /// Gives the lock back.
    pub async fn close(self) {
        self.admin.close().await;
    }
}

async fn shelf(admin: &Admin) -> Result<Shelf> {
    let target = admin.target.database();
    let now = now(admin).await;
    let mut parked = Vec::new();
    let mut live = None;
    for database in admin.databases().await? {
        let tag = database.tag.filter(|tag| tag.of == target);
        if database.name == target {
            let branch = tag.filter(|tag| tag.role == Role::Live).and_then(|tag| tag.branch);
            live = Some(Live { branch, bytes: size(admin, target).await });
        } else if let Some(tag) = tag.filter(|tag| tag.role == Role::Branch)
            && let Some(branch) = tag.branch
        {
            let bytes = size(admin, &database.name).await;
            let age_seconds = (now - tag.made).max(0) / 1_000_000;
            parked.push((tag.made, Parked { branch, database: database.name, bytes, age_seconds }));
        }
    }
    parked.sort_by(|(one, _), (other, _)| other.cmp(one));
    Ok(Shelf { live, parked: parked.into_iter().map(|(_, parked)| parked).collect() })
}

/// The live database is the branch's from now on.
async fn adopt(admin: &Admin, plan: &SwitchPlan) -> Result<()> {
    let target = plan.proof.database();
    let comment = live(admin, target).await?.comment;
    admin.comment(target, Tag::standing(target, comment.as_deref(), Some(&plan.to)).as_deref()).await
}

/// A copy of the live database stays for the branch that is left: both are equal, so nothing is renamed.
async fn fork(
    admin: &Admin,
    plan: &SwitchPlan,
    from: &str,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let target = plan.proof.database();
    let properties = live(admin, target).await?;
    let copied = copied(admin, target, &properties, cancelled, tell).await?;
    let tag = Tag {
        branch: Some(from.to_owned()),
        comment: properties.comment.clone(),
        ..Tag::new(Role::Branch, target, now(admin).await)
    };
    let standing = Tag::standing(target, properties.comment.as_deref(), Some(&plan.to));
    let statements = format!(
        "begin; {}; {}; commit",
        comment_statement(&copied, Some(&tag.comment())),
        comment_statement(target, standing.as_deref())
    );
    let done = admin.run(&statements, "write down whose database is whose").await;
    discarded(admin, done, &copied, tell).await
}

/// A copy of another branch's database takes the name.
async fn copy(
    admin: &Admin,
    plan: &SwitchPlan,
    (from, parent): (&str, &Parked),
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let tag = tag_of(admin, &parent.database).await?;
    let missing = || Error::environment(format!("the database of `{}` is gone", parent.branch));
    let properties = Properties::read(admin, &parent.database).await?.ok_or_else(missing)?;
    let copied = copied(admin, &parent.database, &properties, cancelled, tell).await?;
    let building = Tag::new(Role::Building, plan.proof.database(), now(admin).await);
    let done = exchange(admin, plan, Some(from), (&copied, building, tag.comment), tell).await;
    discarded(admin, done, &copied, tell).await
}

/// The branch's own database takes the name.
async fn bring(
    admin: &Admin,
    plan: &SwitchPlan,
    from: Option<&str>,
    parked: &str,
    tell: &mut Teller<'_>,
) -> Result<()> {
    let tag = tag_of(admin, parked).await?;
    let comment = tag.comment.clone();
    exchange(admin, plan, from, (parked, tag, comment), tell).await
}

async fn exchange(
    admin: &Admin,
    plan: &SwitchPlan,
    from: Option<&str>,
    (incoming, tag, comment): (&str, Tag, Option<String>),
    tell: &mut Teller<'_>,
) -> Result<()> {
    let target = plan.proof.database();
    let old = Properties::read(admin, target).await?;
    let outgoing_comment = old.as_ref().and_then(|old| old.comment.clone());
    let marks = Marks {
        kind: BRANCH,
        outgoing: Tag {
            branch: from.map(str::to_owned),
            comment: outgoing_comment.clone(),
            ..Tag::new(Role::Branch, target, now(admin).await)
        },
        comment: Tag::standing(target, comment.as_deref(), Some(&plan.to)),
    };
    let exchange = Exchange { proof: &plan.proof, incoming, tag, comment, exists: old.is_some(), outgoing_comment };
    swap_marked(admin, &exchange, &marks, tell).await.map(drop)
}

/// Makes a copy beside the target, unfinished by its tag until it has its place.
async fn copied(
    admin: &Admin,
    source: &str,
    properties: &Properties,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<String> {
    let target = admin.target.database().to_owned();
    let name = free_name(admin, &target, BRANCH).await?;
    let tag = Tag::new(Role::Building, &target, now(admin).await);
    let bytes = size(admin, source).await;
    let wanted = Wanted { source, bytes, name: &name, tag: &tag, properties };
    clone_live(admin, &wanted, cancelled, tell).await?;
    let limited = properties.limit(admin, &name).await;
    discarded(admin, limited, &name, tell).await.map(|()| name)
}

/// Drops a copy that came to nothing.
async fn discarded(admin: &Admin, done: Result<()>, copy: &str, tell: &mut Teller<'_>) -> Result<()> {
    if done.is_err()
        && let Err(error) = admin.drop_own(copy).await
    {
        tell(Event::Warning { text: format!("{}; the next run removes it", error.message) });
    }
    done
}

async fn live(admin: &Admin, target: &str) -> Result<Properties> {
    let missing = || Error::environment(format!("the server has no database `{target}` any more"));
    Properties::read(admin, target).await?.ok_or_else(missing)
}

async fn tag_of(admin: &Admin, database: &str) -> Result<Tag> {
    let found = admin.databases().await?.into_iter().find(|it| it.name == database).and_then(|it| it.tag);
    found.ok_or_else(|| Error::environment(format!("the database `{database}` is gone")).hint("devdb branch list"))
}
