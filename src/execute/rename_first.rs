//! The order for commands whose connections cannot be redirected: the old database is renamed aside, the new one is
//! built under the real name, and on any failure (or by the next run after a kill) the old one gets its name back.

use super::admin::{Admin, comment_statement};
use super::build::Build;
use super::commands::Runner;
use super::create::{PREVIOUS, clean_up, free_name, now};
use super::layers::Layers;
use super::properties::Properties;
use super::reset::{Outcome, StageLog, begin, prune};
use super::swap::{Exchange, set_aside};
use super::tag::{Role, Tag};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::ResetPlan;
use crate::wire::postgres::quote_ident;

pub(super) async fn run(
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
    let comment = old.as_ref().and_then(|old| old.comment.clone());
    let branch = old.as_ref().and_then(|old| old.branch.clone());
    // Created beside and tagged, so that the name never belongs to a database of which nobody knows what it is.
    let layers = Layers::look(admin, &plan.layers, old.as_ref()).await?;
    let begun = begin(admin, plan, &layers, old.as_ref(), tell).await?;
    let exchange = Exchange {
        proof: &plan.proof,
        incoming: &begun.name,
        tag: begun.tag,
        comment: None,
        exists: old.is_some(),
        outgoing_comment: comment.clone(),
    };
    let created = take_name(admin, &exchange, branch.as_deref(), tell).await;
    let mut kept = None;
    let built = match created {
        Err(error) => Err(error),
        Ok(aside) => {
            kept = aside;
            log.finish(Stage::Create, format!("`{target}`; the old one stands aside"), started, tell);
            let runner = Runner { workplace: &plan.workplace, surroundings, database: target, witness: None };
            tokio::select! {
                biased;
                () = cancelled => Err(Error::cancelled()),
                built = build(Build::new(plan, &runner, begun.done), &layers, target, (&mut log, tell)) => built,
            }
        }
    };
    if let Err(error) = built {
        // The same path that mends after a kill.
        if let Err(other) = clean_up(admin, target, tell).await {
            tell(Event::Warning {
                text: format!("{}; run `devdb reset` again to bring the old database back", other.message),
            });
        }
        return Err(error.detail("state", "the old database has its name back and is in use"));
    }
    let standing = Tag::standing(target, comment.as_deref(), branch.as_deref());
    let mut statements = vec![comment_statement(target, standing.as_deref())];
    if let Some(aside) = &kept {
        let tag = Tag { comment, branch, ..Tag::new(Role::Previous, target, now(admin).await) };
        statements.push(comment_statement(aside, Some(&tag.comment())));
    }
    admin.run(&format!("begin; {}; commit", statements.join("; ")), "record what is kept").await?;
    if let Some(old) = &old {
        old.limit(admin, target).await?;
    }
    let kept = prune(admin, target, plan.keep, kept, tell).await?;
    Ok(Outcome { kept, started_from: begun.from, stages: log.stages })
}

/// Fills the database, and lets its commits wait for the disk again before anybody takes it for finished.
async fn build(
    build: Build<'_>,
    layers: &Layers<'_>,
    target: &str,
    (log, tell): (&mut StageLog, &mut Teller<'_>),
) -> Result<()> {
    build.run(log, tell).await?;
    layers.hurry(target, false).await
}

/// Gives the new database the target's name and returns the name that the old one has meanwhile.
async fn take_name(
    admin: &Admin,
    exchange: &Exchange<'_>,
    branch: Option<&str>,
    tell: &mut Teller<'_>,
) -> Result<Option<String>> {
    let target = exchange.proof.database();
    if !exchange.exists {
        let rename = format!("alter database {} rename to {}", quote_ident(exchange.incoming), quote_ident(target));
        return admin.run(&rename, "name the new database").await.map(|()| None);
    }
    let aside = free_name(admin, target, PREVIOUS).await?;
    let aside_tag = Tag {
        comment: exchange.outgoing_comment.clone(),
        branch: branch.map(str::to_owned),
        ..Tag::new(Role::Aside, target, now(admin).await)
    };
    set_aside(admin, exchange, &aside, &aside_tag, tell).await?;
    Ok(Some(aside))
}
