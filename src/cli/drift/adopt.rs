//! `devdb drift --adopt`: what was made by hand becomes a migration, which is proven, and recorded as applied.

use std::path::PathBuf;

use super::{Compared, Context, Reading, compare_without_models};
use crate::cli::migrate as commands;
use crate::cli::reset::surroundings;
use crate::discover::Depth;
use crate::error::{Error, Kind, Result};
use crate::execute;
use crate::execute::chain_test::chain_test;
use crate::execute::migrate::{remove_with_folder, write_new};
use crate::model::drift::{AdoptPlan, Tried, WayBack};
use crate::model::picture::Picture;
use crate::model::sql_chain::{SqlChain, SqlMigration};
use crate::parse::alembic::edit;
use crate::parse::sql_chain::filled_file;
use crate::plan::{self, migrate};
use crate::render;
use crate::render::progress::Progress;
use crate::wire::files::{read_text, write_whole};

/// A migration on disk: its files, and its version.
struct Written {
    files: Vec<PathBuf>,
    version: String,
    back: Tried,
}

pub(super) async fn run(context: &Context, picture: &Picture, reading: Reading, message: &str) -> Result<u8> {
    // Which of the differences somebody's hands made, and which `create_all`, is the same to a migration.
    let privileges = reading.0;
    // What is run in between may take Ctrl-C for itself: it is asked for again before anything stays.
    let mut interrupt = Box::pin(context.cancelled());
    stopped(&mut interrupt).await?;
    let compared = Box::pin(compare_without_models(context, picture, reading, false)).await?;
    let granted = execute::drift::granted(&compared.plan.target).await?;
    let plan = plan::adopt::adopt(&compared.sources, &compared.drift, message, &granted)?;
    stopped(&mut interrupt).await?;
    let mut files = Vec::new();
    let proven = Box::pin(prove(context, picture, &plan, privileges, &mut files)).await;
    let proven = match proven {
        Ok(written) => stopped(&mut interrupt).await.map(|()| written),
        Err(error) => Err(error),
    };
    let written = match proven {
        Ok(written) => written,
        Err(error) => {
            let removed = files.iter().filter(|file| remove_with_folder(&context.root.join(file)).is_ok());
            let removed: Vec<String> = removed.map(|file| file.display().to_string()).collect();
            return Err(error.detail("removed", removed.join("\n")));
        }
    };
    render::drift::adopted(&context.ui, &plan, &written.files, &written.back);
    if !picture.chain.is_absent() {
        context.ui.hint("add it to the models, too: what they lack, the next `--autogenerate` drops");
    }
    let stamped = Box::pin(commands::stamp_at(context, &written.version)).await;
    stamped.map_err(|error| {
        let files: Vec<String> = written.files.iter().map(|file| file.display().to_string()).collect();
        error
            .detail("state", format!("the migration stays, and is not recorded as applied: {}", files.join(", ")))
            .hint(format!("devdb migrate stamp {}   (before anything migrates this database)", written.version))
    })
}

/// Fails when the user gave up meanwhile.
async fn stopped(interrupt: &mut (impl Future<Output = ()> + Unpin)) -> Result<()> {
    match tokio::time::timeout(std::time::Duration::ZERO, interrupt).await {
        Ok(()) => Err(Error::cancelled()),
        Err(_elapsed) => Ok(()),
    }
}

/// Writes the migration, and runs the chain with it on a scratch database: it must make what the database is. Then it is
/// taken back there, and applied again.
async fn prove(
    context: &Context,
    picture: &Picture,
    plan: &AdoptPlan,
    privileges: bool,
    files: &mut Vec<PathBuf>,
) -> Result<Written> {
    let draft = Box::pin(Draft::begin(context, picture, plan, files)).await?;
    let picture = Box::pin(context.look(Depth::Chain)).await;
    let version = version(&picture, files)?;
    let compared = Box::pin(compare_without_models(context, &picture, (privileges, None), false)).await?;
    same(&compared, plan)?;
    let back = Box::pin(taken_back(context, &picture, &version)).await?;
    if let Tried::Refused(why) = &back {
        draft.write(WayBack::Refused(why))?;
    }
    Ok(Written { files: files.clone(), version, back })
}

/// What is written of a migration, of which the way back may change.
enum Draft<'a> {
    Sql { context: &'a Context, plan: &'a AdoptPlan, chain: &'a SqlChain, now: String },
    Alembic { context: &'a Context, plan: &'a AdoptPlan, file: PathBuf, source: String },
}

impl<'a> Draft<'a> {
    /// Writes new files, each of which is named before it can be left behind.
    async fn begin(
        context: &'a Context,
        picture: &'a Picture,
        plan: &'a AdoptPlan,
        files: &mut Vec<PathBuf>,
    ) -> Result<Self> {
        if let Some(chain) = migrate::sql_chain(picture)? {
            let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
            for (file, text) in filled_file(chain, &plan.message, &now, &plan.up, WayBack::By(&plan.down)) {
                write_new(&context.root.join(&file), &text).map_err(|error| unwritten(&file, error))?;
                files.push(file);
            }
            return Ok(Self::Sql { context, plan, chain, now });
        }
        let file = Box::pin(commands::new_revision(context, picture, &plan.message)).await?;
        files.push(file.clone());
        let source = read_text(&context.root.join(&file))
            .map_err(|why| Error::environment(format!("cannot read `{}`", file.display())).detail("why", why))?;
        let draft = Self::Alembic { context, plan, file, source };
        draft.write(WayBack::By(&plan.down))?;
        Ok(draft)
    }

    /// Writes the files again.
    fn write(&self, back: WayBack<'_>) -> Result<()> {
        match self {
            Self::Sql { context, plan, chain, now } => {
                for (file, text) in filled_file(chain, &plan.message, now, &plan.up, back) {
                    write_whole(&context.root.join(&file), &text).map_err(|error| unwritten(&file, error))?;
                }
            }
            Self::Alembic { context, plan, file, source } => {
                let text = edit::bodies(file, source, &plan.up, back)
                    .map_err(|unusable| Error::failed(format!("{}: {}", unusable.at, unusable.reason)))?;
                write_whole(&context.root.join(file), &text).map_err(|error| unwritten(file, error))?;
            }
        }
        Ok(())
    }
}

/// Applies the new migration on a scratch database, takes it back, and applies it again.
async fn taken_back(context: &Context, picture: &Picture, version: &str) -> Result<Tried> {
    if let Some(chain) = migrate::sql_chain(picture)?
        && chain.find(version).is_some_and(|it| it.down.is_empty())
    {
        return Ok(Tried::HasNone);
    }
    let plan = match plan::scratch::chain_test(picture, Some(version)) {
        Ok(plan) => plan,
        Err(error) => return Ok(Tried::Untried(error.message)),
    };
    let mut progress = Progress::new(&context.ui, false);
    let mut tell = |event| progress.tell(&event);
    let tested = Box::pin(chain_test(&plan, &surroundings(context), context.cancelled(), &mut tell)).await;
    progress.clear();
    let tested = match tested {
        Ok(tested) => tested,
        Err(error) if error.kind == Kind::Cancelled => return Err(error),
        Err(error) => return Ok(Tried::Untried(error.message)),
    };
    let Some(one) = tested.iter().find(|it| it.id == version) else {
        return Ok(Tried::Untried("the test did not come to it".to_owned()));
    };
    Ok(one.verdict.why().map_or(Tried::ComesBack, Tried::Refused))
}

fn unwritten(file: &std::path::Path, error: std::io::Error) -> Error {
    Error::environment(format!("cannot write `{}`", file.display())).because(error)
}

/// Returns the version of the migration that stands in the new files.
fn version(picture: &Picture, files: &[PathBuf]) -> Result<String> {
    let version = if let Some(chain) = migrate::sql_chain(picture)? {
        let mut migrations = chain.migrations.iter();
        let of_files = |it: &&SqlMigration| it.up.iter().any(|section| files.contains(&section.file));
        migrations.find(|it| files.contains(&it.file) || of_files(it)).map(|it| it.version.clone())
    } else {
        let chain = migrate::chain(picture)?;
        chain.revisions.iter().find(|it| files.contains(&it.at.file)).map(|it| it.id.clone())
    };
    version.ok_or_else(|| Error::failed("the new migration cannot be read back"))
}

fn same(compared: &Compared, plan: &AdoptPlan) -> Result<()> {
    let Some(made) = compared.sources.migrations.known() else {
        let why = compared.drift.unread.iter().map(|(_, why)| why.clone()).collect::<Vec<_>>().join("\n");
        return Err(Error::failed("the new migration does not run").detail("why", why));
    };
    if compared.sources.database.objects != plan.after.objects {
        return Err(Error::failed("the database was changed while it was looked at").hint("devdb drift --adopt"));
    }
    let differences = made.head.differences(&plan.after);
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        differences.iter().take(20).map(|it| it.describe("by the migrations", "in the database")).collect();
    Err(Error::failed("the new migration does not make what the database is").detail("differences", lines.join("\n")))
}
