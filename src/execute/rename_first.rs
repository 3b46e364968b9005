//! The order for commands whose connections cannot be redirected: the old database is renamed aside, the new one is
//! built under the real name, and on any failure (or by the next run after a kill) the old one gets its name back.

use super::admin::{Admin, comment_statement};
use super::commands::Runner;
use super::create::{clean_up, create, free_name, now};
use super::properties::Properties;
use super::reset::{Outcome, StageLog, build, prune};
use super::swap::set_aside;
use super::tag::{Role, Tag};
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::event::{Event, Stage};
use crate::model::plan::ResetPlan;

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
    let mut kept = None;
    if old.is_some() {
        let aside = free_name(admin, target, "previous").await?;
        let tag = tag(Role::Aside, target, comment.clone(), now(admin).await);
        set_aside(admin, &plan.proof, &aside, &tag, tell).await?;
        kept = Some(aside);
    }
    let built = match create(admin, target, target, old.as_ref(), tell).await {
        Err(error) => Err(error),
        Ok(()) => {
            log.finish(Stage::Create, format!("`{target}`; the old one stands aside"), started, tell);
            let runner = Runner { plan, surroundings, building: target };
            tokio::select! {
                biased;
                () = cancelled => Err(Error::cancelled()),
                built = build(&runner, &mut log, tell) => built,
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
    let mut statements = vec![comment_statement(target, comment.as_deref())];
    if let Some(aside) = &kept {
        let tag = tag(Role::Previous, target, comment, now(admin).await);
        statements.push(comment_statement(aside, Some(&tag.comment())));
    }
    admin.run(&format!("begin; {}; commit", statements.join("; ")), "record what is kept").await?;
    let kept = prune(admin, target, plan.keep, kept, tell).await?;
    Ok(Outcome { kept, stages: log.stages })
}

fn tag(role: Role, of: &str, comment: Option<String>, made: i64) -> Tag {
    Tag { role, of: of.to_owned(), comment, swapping: false, made }
}
