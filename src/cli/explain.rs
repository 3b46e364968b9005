//! `devdb explain`: the manual page of a check, or what an error means in this project.

use std::io::{IsTerminal as _, Read as _};

use super::context::{Context, DEADLINE};
use super::drift;
use crate::diagnose;
use crate::diagnose::answer::{answer, numbered};
use crate::discover::{Depth, git};
use crate::error::{Error, Result};
use crate::execute::numbering::numbering;
use crate::model::finding::{Diagnosis, Severity};
use crate::model::picture::Picture;
use crate::model::reported::{Answer, Reported, Trouble};
use crate::model::text::without_secrets;
use crate::parse::error_text;
use crate::render;
use crate::render::style;
use crate::render::ui::Ui;
use crate::wire::files::exists;

/// Explain a check, or an error that a program printed: which of models, migrations and database is behind, since when,
/// and what to run
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A check's id, as `devdb doctor --list` shows it; or the error's text; `-` reads it from standard input
    #[arg(value_name = "ID|TEXT|-")]
    what: Option<String>,
}

/// Of a log, so many bytes at its end are looked at.
const LIMIT: u64 = 1 << 20;

pub(super) async fn run(context: &Context, args: &Args) -> Result<u8> {
    let text = match args.what.as_deref() {
        Some("-") => read()?,
        Some(text) => text.to_owned(),
        None if !std::io::stdin().is_terminal() => read()?,
        None => {
            return Err(Error::usage("what is to be explained?")
                .hint("devdb explain \"column users.username does not exist\"")
                .hint("devdb doctor --list   (the checks)"));
        }
    };
    if let Some(check) = diagnose::find(text.trim()) {
        page(context, check);
        return Ok(0);
    }
    let text = without_secrets(&text);
    let Some(reported) = error_text::parse(&text) else {
        if let Some(check) = diagnose::by_symptom(&text) {
            by_symptom(context, check).await;
            return Ok(0);
        }
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        return Err(if text.trim().len() < 80 && text.trim().chars().all(is_id) && !text.trim().is_empty() {
            unknown(text.trim())
        } else {
            unread()
        });
    };
    explain(context, &context.ui, &reported).await?;
    Ok(0)
}

/// Answers an error that a check's manual page quotes: with what the check finds here, else with the page.
async fn by_symptom(context: &Context, check: &diagnose::Check) {
    let picture = Box::pin(context.look(Depth::All)).await;
    let diagnosis = diagnose::diagnose(&picture, &[check.id.to_owned()]);
    if diagnosis.findings().next().is_some() {
        render::diagnosis::show_findings(&context.ui, &diagnosis);
        return;
    }
    page(context, check);
    context.ui.answer("\nhere the check finds nothing of it now; the whole diagnosis: devdb doctor");
}

fn page(context: &Context, check: &diagnose::Check) {
    context.ui.answer(&format!("{}  {}", style::strong(check.id), check.title));
    // The lines of the source end where its columns do: a paragraph begins with its label.
    let mut paragraphs: Vec<String> = Vec::new();
    for line in check.explain.lines().map(str::trim) {
        let labelled = diagnose::PARTS.iter().any(|label| line.starts_with(label));
        match paragraphs.last_mut().filter(|_| !labelled) {
            Some(paragraph) => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            None => paragraphs.push(line.to_owned()),
        }
    }
    for paragraph in paragraphs {
        context.ui.answer(&context.ui.wrapped(&format!("  {paragraph}"), 4));
    }
}

/// Reads to the end, and keeps the last part of a long log.
fn read() -> Result<String> {
    let failed = |error| Error::environment("cannot read standard input").because(error);
    let (mut kept, mut stdin) = (Vec::new(), std::io::stdin().lock());
    loop {
        let read = stdin.by_ref().take(LIMIT).read_to_end(&mut kept).map_err(failed)?;
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let gone = kept.len().saturating_sub(usize::try_from(LIMIT).unwrap_or(usize::MAX));
        kept.drain(..gone);
    }
}

fn unread() -> Error {
    Error::usage("that is no error of PostgreSQL, one of its drivers, or Alembic, as far as devdb knows")
        .detail("known by", "the text in English, or the SQLSTATE in any language")
        .hint("devdb doctor   (looks for what is wrong without a text)")
}

/// Says what an error means in this project.
pub(super) async fn explain(context: &Context, ui: &Ui, reported: &Reported) -> Result<()> {
    let picture = Box::pin(context.look(Depth::All)).await;
    render::explain::head(ui, reported, &picture);
    if reported.trouble.is_of_schema() && picture.server.known().is_some() {
        match Box::pin(drift::compare(context, &picture, (false, None), true)).await {
            Ok(compared) => {
                let mut told = answer(reported, &compared.sources, &compared.drift, &compared.chronicle);
                if let Some(of) = told.numbered.clone() {
                    match numbering(&compared.plan.target, &of).await {
                        Ok(Some(found)) => numbered(&mut told, &of, reported.key, &found),
                        Ok(None) => {}
                        Err(error) => tracing::debug!(%error, "where the numbers stand is not known"),
                    }
                }
                told.more.extend(committed(context, &told).await);
                render::explain::answer(ui, &told);
                return Ok(());
            }
            Err(error) if error.kind == crate::error::Kind::Cancelled => return Err(error),
            Err(error) => ui.warning(&ui.wrapped(&error.message, 9)),
        }
    }
    by_checks(ui, reported, &picture);
    Ok(())
}

/// Who added the revision that makes what the error names.
async fn committed(context: &Context, told: &Answer) -> Option<String> {
    let file = told.maker.as_ref()?.at.file.clone();
    let known = git::edits(&context.root, std::slice::from_ref(&file), DEADLINE).await;
    let Some(commit) = known.get(&file).and_then(|edited| edited.added.clone()) else {
        return Some(format!("`{}` is not committed yet", file.display()))
            .filter(|_| exists(&context.root.join(".git")));
    };
    Some(format!("the revision came with {} by {} on {}: {}", commit.id, commit.author, commit.date, commit.subject))
}

/// Answers from the checks that concern the error; where they find nothing, says what is so here, and what would tell.
fn by_checks(ui: &Ui, reported: &Reported, picture: &Picture) {
    let mut only: Vec<String> = reported.trouble.checks().iter().map(|id| (*id).to_owned()).collect();
    if only.is_empty() {
        only.extend(diagnose::by_symptom(&reported.said).map(|check| check.id.to_owned()));
    }
    if reported.trouble.is_of_schema() {
        // Without a login, the picture cannot tell; why there is none can be told.
        only = Trouble::Refused { port: None }.checks().iter().map(|id| (*id).to_owned()).collect();
        only.extend(Trouble::Authentication.checks().iter().map(|id| (*id).to_owned()));
    }
    let diagnosis = if only.is_empty() { Diagnosis::default() } else { diagnose::diagnose(picture, &only) };
    // What is a warning to a project may be the very cause of an error.
    let by_warnings = reported.trouble.is_told_by_warnings() && diagnosis.count(Severity::Warning) > 0;
    if diagnosis.count(Severity::Error) > 0 || by_warnings {
        render::diagnosis::show_findings(ui, &diagnosis);
        return;
    }
    let (means, command) = reported.trouble.in_general();
    let mut told = Answer {
        message: if means.is_empty() { "what it says is what devdb knows of it".to_owned() } else { means.to_owned() },
        ..Answer::default()
    };
    told.more.extend(facts(picture, reported));
    told.commands.push((command.to_owned(), ""));
    render::explain::answer(ui, &told);
}

/// What was seen here that bears on it.
fn facts(picture: &Picture, reported: &Reported) -> Vec<String> {
    let Some(candidate) = picture.target() else { return vec!["nothing here names a database".to_owned()] };
    let target = &candidate.target;
    let Some(server) = picture.server.known() else {
        let why = picture.login_failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
        return vec![format!("devdb cannot log in to {} either: {why}", target.address())];
    };
    let now = format!("devdb logs in to {} as `{}` now", target.address(), server.role.name);
    let says = |what: &str, theirs: &str, ours: &str| {
        if theirs == ours {
            format!("{now}: it was not so when the app tried, or the app dialled another server")
        } else {
            format!("the app {what} `{theirs}`; {} says `{ours}`", candidate.origin)
        }
    };
    let mut facts = vec![match &reported.trouble {
        Trouble::MissingRole(role) => says("logged in as", role, target.user()),
        Trouble::MissingDatabase(name) => says("wants the database", name, target.database()),
        Trouble::Authentication | Trouble::NoPassword => {
            format!("{now}: the app sent another role or password, or dialled another server")
        }
        Trouble::Refused { port: Some(port) } if *port == target.port() => {
            format!("{now}: the server was not up when the app tried")
        }
        _ => format!("{now}, so the app dialled another address, or at another time"),
    }];
    if let Trouble::Refused { port: Some(port) } = reported.trouble
        && port != target.port()
    {
        facts = vec![format!("the app dialled port {port}; {} says {}", candidate.origin, target.port())];
    }
    match &reported.trouble {
        Trouble::TooManyClients => {
            facts = vec![format!("{} of {} connections are open now", server.connections, server.max_connections)];
        }
        Trouble::InUse | Trouble::LockTimeout => {
            let sessions = server.database.known().map(|database| database.sessions.as_slice()).unwrap_or_default();
            let who = |it: &crate::model::server::Session| {
                let state = it.state.as_deref().unwrap_or("state hidden");
                format!("{} as `{}` (pid {}, {state})", it.application(), it.user, it.pid)
            };
            facts = sessions.iter().take(8).map(who).collect();
            if facts.is_empty() {
                facts.push("nobody else is on it now".to_owned());
            }
        }
        Trouble::DiskFull | Trouble::Collation | Trouble::MissingExtension(_) | Trouble::BadValue | Trouble::Other => {
            facts = vec![format!("the server is PostgreSQL {} at {}", server.version, target.address())];
        }
        _ => {}
    }
    facts
}

/// Returns the error for an id that no check has, with the nearest one.
pub(super) fn unknown(id: &str) -> Error {
    let alike = |known: &str| strsim::jaro_winkler(known, id);
    let nearest = diagnose::checks().iter().max_by(|one, other| alike(one.id).total_cmp(&alike(other.id)));
    let nearest = nearest.filter(|check| alike(check.id) > 0.7);
    let error = Error::usage(format!("there is no check `{id}`"));
    match nearest {
        Some(check) => error.hint(format!("devdb explain {}", check.id)),
        None => error.hint("devdb doctor --list"),
    }
}
