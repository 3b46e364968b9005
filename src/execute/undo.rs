//! `devdb undo`: the database that the last reset replaced gets its name back, by the same swap; so it can be undone too.

use std::time::Duration;

use tokio::time::Instant;

use super::Teller;
use super::admin::Admin;
use super::create::{clean_up, now, prove_again};
use super::properties::Properties;
use super::swap::{Exchange, swap};
use super::tag::{Role, Tag};
use crate::error::{Error, Result};
use crate::model::disposable::Disposable;
use crate::model::target::Target;

/// What an undo did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Seconds since the database that is back was replaced.
    pub age_seconds: i64,
    pub took: Duration,
}

/// Brings back the newest database that a reset of this target replaced.
pub async fn undo(target: &Target, proof: &Disposable, tell: &mut Teller<'_>) -> Result<Undone> {
    let admin = Admin::open(target, "undo").await?;
    admin.lock(tell).await?;
    let done = bring_back(&admin, proof, tell).await;
    admin.close().await;
    done
}

async fn bring_back(admin: &Admin, proof: &Disposable, tell: &mut Teller<'_>) -> Result<Undone> {
    let started = Instant::now();
    let name = proof.database();
    prove_again(admin, proof).await?;
    if clean_up(admin, name, tell).await? {
        // The reset to be undone was never finished: its database is back already.
        return Ok(Undone { age_seconds: 0, took: started.elapsed() });
    }
    let current = Properties::read(admin, name).await?;
    // What was replaced on another git branch is that branch's.
    let branch = current.as_ref().and_then(|current| current.branch.clone());
    let kept = admin.databases().await?.into_iter().filter_map(|database| {
        let ours = |tag: &Tag| tag.role == Role::Previous && tag.of == name && tag.branch == branch;
        let tag = database.tag.filter(ours)?;
        Some((database.name, tag))
    });
    let Some((incoming, tag)) = kept.max_by_key(|(_, tag)| tag.made) else {
        return Err(Error::environment(format!("no replaced `{name}` is kept on this server"))
            .detail("why", "there was no reset yet, or `[reset] keep = 0`"));
    };
    let exchange = Exchange {
        proof,
        incoming: &incoming,
        comment: tag.comment.clone(),
        tag: tag.clone(),
        exists: current.is_some(),
        outgoing_comment: current.and_then(|current| current.comment),
    };
    swap(admin, &exchange, tell).await?;
    Ok(Undone { age_seconds: (now(admin).await - tag.made) / 1_000_000, took: started.elapsed() })
}
