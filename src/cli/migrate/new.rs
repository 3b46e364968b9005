//! `devdb migrate new`: a revision file, from the project's own template.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Context, look, surroundings};
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute;
use crate::execute::migrate::command;
use crate::model::chain::{Chain, Revision};
use crate::model::picture::Picture;
use crate::model::plan::MigratePlan;
use crate::model::sql_chain::SqlChain;
use crate::parse::sql_chain::new_file;
use crate::plan::migrate::{self, NewRequest};
use crate::plan::scratch;
use crate::render;
use crate::render::progress::Progress;

/// Write a new migration
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What it does, in a few words
    #[arg(value_name = "MESSAGE", required_unless_present = "message_option")]
    message: Option<String>,
    /// The same, as Alembic's users type it
    #[arg(short = 'm', long = "message", id = "message_option", value_name = "MESSAGE", conflicts_with = "message")]
    message_option: Option<String>,
    /// Fill it with what the models have and the chain has not
    #[arg(long)]
    autogenerate: bool,
    /// Put it behind this head
    #[arg(long, value_name = "REVISION")]
    head: Option<String>,
    /// Let it follow a revision that is no head
    #[arg(long)]
    splice: bool,
    /// Its id, instead of a random one
    #[arg(long, value_name = "ID")]
    rev_id: Option<String>,
    /// Give its branch a label
    #[arg(long, value_name = "LABEL")]
    branch_label: Option<String>,
    /// Revisions that have to run before it
    #[arg(long, value_name = "REVISION")]
    depends_on: Vec<String>,
    /// The version folder, when there are several
    #[arg(long, value_name = "FOLDER")]
    version_path: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = if args.autogenerate { Box::pin(context.look(Depth::Chain)).await } else { look(context).await };
    let request = NewRequest {
        message: args.message.or(args.message_option).unwrap_or_default(),
        head: args.head,
        splice: args.splice,
        rev_id: args.rev_id,
        branch_label: args.branch_label,
        depends_on: args.depends_on,
        version_path: args.version_path,
        autogenerate: args.autogenerate,
    };
    if let Some(chain) = migrate::sql_chain(&picture)? {
        return files(context, chain, &request);
    }
    let plan = migrate::new(&picture, &request)?;
    let before = written(migrate::chain(&picture)?);
    if request.autogenerate {
        return autogenerate(context, &picture, &plan, &before).await;
    }
    let ran = command(&plan, &surroundings(context)).await;
    show(context, &plan, &before, ran).await
}

/// Lets Alembic write a file from the project's template, and returns where it is.
pub(super) async fn empty(context: &Context, picture: &Picture, message: &str) -> Result<PathBuf> {
    let plan = migrate::new(picture, &NewRequest { message: message.to_owned(), ..NewRequest::default() })?;
    let before = written(migrate::chain(picture)?);
    let ran = command(&plan, &surroundings(context)).await;
    let new = new_files(context, &plan, &before, ran).await?;
    new.into_iter().next().map(|(file, _)| file).ok_or_else(|| Error::failed("no revision file was written"))
}

/// Writes the file, or the two files, that the chain's tool would make.
fn files(context: &Context, chain: &SqlChain, request: &NewRequest) -> Result<u8> {
    if *request != (NewRequest { message: request.message.clone(), ..NewRequest::default() }) {
        return Err(Error::usage(format!(
            "a file of {} has a message only; the other options are Alembic's",
            chain.tool
        )));
    }
    let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    for (file, text) in new_file(chain, &request.message, &now) {
        execute::migrate::write_new(&context.root.join(&file), &text)
            .map_err(|error| Error::environment(format!("cannot write `{}`", file.display())).because(error))?;
        render::migrate::written(&context.ui, &file, None);
    }
    Ok(0)
}

/// The models are compared with a scratch database at the head: autogenerate on the developer's own would refuse when
/// that is behind, and take over what was changed in it by hand.
async fn autogenerate(
    context: &Context,
    picture: &Picture,
    plan: &MigratePlan,
    before: &BTreeSet<PathBuf>,
) -> Result<u8> {
    let head = scratch::scratch(picture)?;
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let surroundings = surroundings(context);
    let compared = execute::compare(&head, plan, &surroundings, context.cancelled(), &mut tell);
    let compared = Box::pin(compared).await;
    drop(progress);
    let found = compared.as_ref().ok().cloned().unwrap_or_default();
    let code = show(context, plan, before, compared.map(|_compared| Vec::new())).await?;
    render::migrate::generated(&context.ui, &found);
    Ok(code)
}

/// Returns the files that the chain has.
pub(super) fn written(chain: &Chain) -> BTreeSet<PathBuf> {
    let readable = chain.revisions.iter().map(|revision| revision.at.file.clone());
    readable.chain(chain.unreadable.iter().map(|file| file.at.file.clone())).collect()
}

/// Shows the revision file that is there now and was not before. Of a command that failed nothing is left: a torn file
/// would stand in the way of every later one.
pub(super) async fn show(
    context: &Context,
    plan: &MigratePlan,
    before: &BTreeSet<PathBuf>,
    ran: Result<Vec<String>>,
) -> Result<u8> {
    for (file, revision) in new_files(context, plan, before, ran).await? {
        render::migrate::written(&context.ui, &file, revision.as_ref());
    }
    Ok(0)
}

/// Returns the revision files that are there now and were not before, as far as they can be read.
async fn new_files(
    context: &Context,
    plan: &MigratePlan,
    before: &BTreeSet<PathBuf>,
    ran: Result<Vec<String>>,
) -> Result<Vec<(PathBuf, Option<Revision>)>> {
    let picture = context.look(Depth::Files).await;
    let chain = migrate::chain(&picture)?;
    let new: Vec<PathBuf> = written(chain).difference(before).cloned().collect();
    let printed = match ran {
        Ok(printed) => printed,
        Err(error) => {
            let torn = new.iter().filter(|file| chain.unreadable.iter().any(|it| it.at.file == **file));
            let removed: Vec<String> = torn
                .filter(|file| execute::migrate::remove(&context.root.join(file)).is_ok())
                .map(|file| file.display().to_string())
                .collect();
            return Err(error.detail("removed", removed.join("\n")));
        }
    };
    if new.is_empty() {
        return Err(
            Error::failed(format!("`{}` wrote no revision file", plan.command)).detail("output", printed.join("\n"))
        );
    }
    let read = |file: &PathBuf| chain.revisions.iter().find(|revision| revision.at.file == *file).cloned();
    Ok(new.into_iter().map(|file| (file.clone(), read(&file))).collect())
}
