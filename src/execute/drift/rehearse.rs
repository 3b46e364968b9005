//! A script run on a scratch database that is made of the same objects, without their rows, before anybody runs it where
//! rows are.

use super::super::{Surroundings, Teller};
use crate::error::{Error, Kind, Result};
use crate::execute::scratch::Scratch;
use crate::model::ddl::{Rehearsal, Script, Statement, Weighed};
use crate::model::drift::DriftPlan;
use crate::model::event::Event;
use crate::model::schema::Schema;
use crate::model::text::{shortened, visible};
use crate::wire::catalog::Options;
use crate::wire::postgres::{Session, message};

/// More objects than these are not made for it: it would take longer than it is worth.
const MOST: usize = 30_000;
/// Statements that are sent together.
const TOGETHER: usize = 200;

/// A script, and between which schemas it stands.
#[derive(Clone, Copy)]
pub struct Play<'a> {
    pub from: &'a Schema,
    pub to: &'a Schema,
    pub weighed: &'a Weighed,
    /// Writes the statements that make one schema of another.
    pub writer: fn(&Schema, &Schema) -> Script,
}

/// Makes `from` in a scratch database, and of that `to` by the script: once without what stands behind dashes, which is
/// taken back, and once with it. That it cannot be tried is no error.
pub async fn rehearse(
    (plan, surroundings): (&DriftPlan, &Surroundings),
    play: Play<'_>,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Rehearsal> {
    let scratch = match &plan.scratch {
        Ok(scratch) => scratch,
        Err(why) => return Ok(Rehearsal::Untried(why.clone())),
    };
    if play.from.objects.len() > MOST {
        return Ok(Rehearsal::Untried(format!("it is made of {} objects", play.from.objects.len())));
    }
    tokio::pin!(cancelled);
    tell(Event::Note { text: "trying the statements in a scratch database".to_owned() });
    let made = tokio::select! {
        biased;
        () = &mut cancelled => Err(Error::cancelled()),
        made = Scratch::create(scratch, surroundings, tell) => made,
    };
    let scratch = match made {
        Ok(scratch) => scratch,
        Err(error) if error.kind == Kind::Cancelled => return Err(error),
        Err(error) => return Ok(Rehearsal::Untried(super::chain::in_words(&error))),
    };
    let stage = Stage { scratch: &scratch, options: Options { privileges: plan.privileges } };
    let done = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        done = Box::pin(stage.play(play)) => done,
    };
    scratch.remove(tell).await;
    let password = plan.target.password.as_ref().map_or("", |password| password.reveal());
    done.map(|done| done.hiding(password)).map_err(|error| error.hiding(password))
}

struct Stage<'a, 'p> {
    scratch: &'a Scratch<'p>,
    options: Options,
}

impl Stage<'_, '_> {
    async fn play(&self, Play { from, to, weighed, writer }: Play<'_>) -> Result<Rehearsal> {
        let session = self.scratch.session()?;
        let set = writer(&self.scratch.schema(self.options).await?, from);
        if let Some(what) = set.by_hand.first() {
            return Ok(Rehearsal::Untried(what.clone()));
        }
        run(session, "SET check_function_bodies = off").await.map_err(Error::failed)?;
        // A new label can be used when it is committed.
        let (first, rest) = (each(session, &all_of(&set.before)).await, all_of(&set.statements));
        let made = match first {
            Err(Rehearsal::Refused { why, .. }) => Err(why),
            _ => together(session, &rest).await,
        };
        if let Err(why) = made {
            return Ok(Rehearsal::Untried(format!("a copy of the schema cannot be made: {why}")));
        }
        let script = &weighed.script;
        let all = all_of(&script.statements);
        let open: Vec<&Statement> =
            all.iter().enumerate().filter(|(index, _)| !weighed.is_aside(*index)).map(|(_, it)| *it).collect();
        if let Err(refused) = each(session, &all_of(&script.before)).await {
            return Ok(refused);
        }
        if open.len() < all.len() {
            run(session, "BEGIN").await.map_err(Error::failed)?;
            let played = each(session, &open).await;
            run(session, "ROLLBACK").await.map_err(Error::failed)?;
            if let Err(refused) = played {
                return Ok(refused);
            }
        }
        run(session, "BEGIN").await.map_err(Error::failed)?;
        if let Err(refused) = each(session, &all).await {
            return Ok(refused);
        }
        if let Err(why) = run(session, "COMMIT").await {
            return Ok(Rehearsal::Refused { statement: "COMMIT".to_owned(), why });
        }
        let left = self.scratch.schema(self.options).await?.differences(to);
        Ok(match left.first() {
            Some(first) if script.by_hand.is_empty() => Rehearsal::Lacks(first.to_string(), left.len()),
            Some(_) => Rehearsal::ByHand,
            None => Rehearsal::Passed,
        })
    }
}

fn all_of(statements: &[Statement]) -> Vec<&Statement> {
    statements.iter().collect()
}

async fn together(session: &Session, statements: &[&Statement]) -> Result<(), String> {
    for part in statements.chunks(TOGETHER) {
        let texts: Vec<&str> = part.iter().map(|it| it.text.as_str()).collect();
        run(session, &texts.join(";\n")).await?;
    }
    Ok(())
}

async fn each(session: &Session, statements: &[&Statement]) -> Result<(), Rehearsal> {
    for statement in statements {
        let ran = run(session, &statement.text).await;
        ran.map_err(|why| Rehearsal::Refused { statement: shortened(&visible(&statement.text), 200), why })?;
    }
    Ok(())
}

/// Runs statements, or returns the server's words.
async fn run(session: &Session, statements: &str) -> Result<(), String> {
    session.batch_execute(statements).await.map_err(|error| message(&error))
}
