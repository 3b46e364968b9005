//! `devdb setup`: from a fresh clone to a working database. Safe to run again: it does only what is missing.

use super::context::Context;
use super::{fix, migrate, reset};
use crate::diagnose;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::execute;
use crate::execute::server::wait::DEADLINE;
use crate::model::env::{EnvEntry, EnvFile};
use crate::model::finding::Severity;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::plan::Step;
use crate::model::secret::Secret;
use crate::model::sql_chain::AppliedMigration;
use crate::model::text::counted;
use crate::parse::env_file;
use crate::plan::server;
use crate::render::progress::Progress;
use crate::render::{self, prompt, style};

/// From a fresh clone to a working database: .env, server, role, database, migrations, seeds
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Load the seeds of this profile too
    #[arg(long, value_name = "PROFILE")]
    seed: Option<String>,
    /// Load no seeds
    #[arg(long, conflicts_with = "seed")]
    no_seed: bool,
    /// Ask nothing: take the example's values, make passwords up
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let ui = &context.ui;
    env_files(context, args.yes).await?;
    let picture = context.look(Depth::All).await;
    let Some(candidate) = picture.target() else {
        return Err(Error::environment("nothing names a database yet")
            .hint("write DATABASE_URL=postgresql://USER:PASSWORD@localhost:5432/NAME into `.env`, then run it again"));
    };
    done(context, &format!("target {} ({})", candidate.target, candidate.origin));
    let picture = bring_up(context, picture).await?;
    match state(&picture) {
        State::Empty => {
            Box::pin(reset::run(context, reset::Args::for_setup(args.seed, args.no_seed))).await?;
        }
        State::Current => done(context, "the database is there and at the chain's head"),
        State::Behind(pending) => {
            fix::allowed(&picture, &Step::Upgrade)?;
            Box::pin(migrate::up_all(context)).await?;
            done(context, &format!("{} applied; data stays", counted(pending, "pending migration")));
        }
        State::Unclear(why) => {
            ui.warning(&why);
            ui.hint("devdb doctor   (says what it is)");
            ui.hint("devdb reset    (a new database; the old one is kept)");
        }
    }
    finish(context).await
}

async fn finish(context: &Context) -> Result<u8> {
    let picture = context.look(Depth::All).await;
    let diagnosis = diagnose::diagnose(&picture, &[]);
    let ui = &context.ui;
    ui.answer("");
    render::picture::show_status(ui, &picture);
    if diagnosis.is_ok() {
        ui.answer("");
        ui.answer(&format!(
            "{} ready. Start your app; when the database breaks: {}",
            style::good("✓"),
            style::command("devdb doctor")
        ));
        return Ok(0);
    }
    let errors: Vec<&str> = diagnosis.findings().filter(|it| it.1 == Severity::Error).map(|it| it.0.id).collect();
    ui.warning(&format!("still wrong: {}", errors.join(", ")));
    ui.hint("devdb doctor");
    Ok(1)
}

fn done(context: &Context, text: &str) {
    context.ui.say(&format!("{} {}", style::good("✓"), crate::model::text::visible(text)));
}

/// Copies examples to files that are missing, with values for what has no usable default.
async fn env_files(context: &Context, yes: bool) -> Result<()> {
    let picture = context.look(Depth::Files).await;
    for example in &picture.env_examples {
        let path = example.path.with_file_name(".env");
        if picture.env_files.iter().any(|file| file.path == path)
            || picture.unread.iter().any(|(file, _)| *file == path)
        {
            continue;
        }
        let text = filled(context, &picture, example, yes)?;
        execute::create_private(&context.root.join(&path), &text)
            .map_err(|error| Error::environment(format!("cannot write `{}`", path.display())).because(error))?;
        done(context, &format!("`{}` from `{}`", path.display(), example.path.display()));
    }
    Ok(())
}

/// Returns the example's text with every placeholder replaced: by the Compose file's own value, an answer, or a
/// password made up.
fn filled(context: &Context, picture: &Picture, example: &EnvFile, yes: bool) -> Result<String> {
    let mut text = example.text.reveal().to_owned();
    for entry in &example.entries {
        let Some(placeholder) = placeholder(entry) else { continue };
        let value = answer(context, picture, entry, &placeholder, yes);
        let parsed = env_file::parse(&example.path, &text);
        let index = parsed.entries.iter().position(|it| it.key == entry.key && it.line == entry.line);
        let changed = index.and_then(|index| env_file::replace_value(&parsed, index, &value).ok());
        text = changed.ok_or_else(|| Error::failed(format!("cannot fill in `{}`", entry.key)))?;
    }
    Ok(text)
}

/// Returns the part of an example's value that stands for something else.
fn placeholder(entry: &EnvEntry) -> Option<String> {
    const WORDS: [&str; 10] = [
        "changeme",
        "change_me",
        "change-me",
        "changethis",
        "your_password",
        "your-password",
        "yourpassword",
        "<password>",
        "xxxxxx",
        "replace_me",
    ];
    let value = entry.raw.reveal();
    let lower = value.to_ascii_lowercase();
    let found = WORDS.iter().find_map(|word| lower.find(word).map(|at| (at, word.len())));
    if let Some((at, length)) = found {
        return value.get(at..at + length).map(str::to_owned);
    }
    let secret = ["PASSWORD", "SECRET", "PASS"].iter().any(|word| entry.key.contains(word));
    (value.is_empty() && secret).then(String::new)
}

fn answer(context: &Context, picture: &Picture, entry: &EnvEntry, placeholder: &str, yes: bool) -> String {
    let whole = |secret: &str| {
        let raw = entry.raw.reveal();
        if placeholder.is_empty() { secret.to_owned() } else { raw.replacen(placeholder, &encoded(raw, secret), 1) }
    };
    let literal = picture.database_service().and_then(|service| service.variable("POSTGRES_PASSWORD"));
    let from_compose = literal.map(Secret::reveal).filter(|value| !value.is_empty());
    if let Some(password) = from_compose.filter(|_| is_database(entry)) {
        return whole(password);
    }
    if context.ui.interactive && !yes {
        let question = format!("{} (nothing: one is made up)", entry.key);
        if let Some(typed) = prompt::secret(&question).filter(|typed| !typed.is_empty()) {
            return whole(&typed);
        }
    }
    whole(&made_up(context, entry))
}

fn is_database(entry: &EnvEntry) -> bool {
    let key = entry.key.as_str();
    crate::parse::pg_url::looks_like(entry.raw.reveal())
        || ["POSTGRES", "DB_", "PGPASS", "DATABASE"].iter().any(|word| key.contains(word))
}

/// A password inside a URL is percent-encoded.
fn encoded(raw: &str, secret: &str) -> String {
    if raw.contains("://") { crate::parse::pg_url::encode_password(secret) } else { secret.to_owned() }
}

/// One password for every placeholder of the project, so that `POSTGRES_PASSWORD` and the URL agree.
fn made_up(context: &Context, entry: &EnvEntry) -> String {
    let kind = if is_database(entry) { "database" } else { entry.key.as_str() };
    execute::password_for(&context.root, kind)
}

async fn bring_up(context: &Context, picture: Picture) -> Result<Picture> {
    let tools = execute::server::tools(&picture).await;
    let plan = server::up(&picture, &tools, &server::UpRequest::default())?;
    let up = {
        let mut progress = Progress::new(&context.ui, false);
        Box::pin(execute::server::up(&plan, DEADLINE, &mut |event| progress.tell(&event))).await?
    };
    done(context, &format!("server: {}", up.described));
    Ok(context.look(Depth::All).await)
}

enum State {
    /// Not there, or without a table: nothing can be lost.
    Empty,
    Current,
    Behind(usize),
    Unclear(String),
}

fn state(picture: &Picture) -> State {
    let Some(server) = picture.server.known() else {
        let why = picture.login_failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
        return State::Unclear(format!("the server is up and does not let the app in: {why}"));
    };
    let Some(database) = server.database.known() else { return State::Empty };
    if database.tables == Observed::Known(0) {
        return State::Empty;
    }
    let rows = database.versions.known().map(Vec::as_slice);
    match (&picture.chain, rows) {
        (Observed::Known(chain), Some(rows)) if !rows.is_empty() => {
            if !chain.unknown(rows).is_empty() {
                return State::Unclear(format!("the database is at `{}`, which no revision file has", rows.join(", ")));
            }
            match chain.pending(rows).len() {
                0 => State::Current,
                pending => State::Behind(pending),
            }
        }
        (Observed::Known(_), _) => State::Unclear("the database has tables that no migration made".to_owned()),
        _ => sql_state(picture, database.history.known().map(Vec::as_slice)),
    }
}

/// The state of a chain of SQL files.
fn sql_state(picture: &Picture, rows: Option<&[AppliedMigration]>) -> State {
    let (Observed::Known(chain), Some(rows)) = (&picture.recipe.sql_chain, rows) else {
        return State::Current;
    };
    match chain.pending(rows).len() {
        0 => State::Current,
        pending => State::Behind(pending),
    }
}
