//! `devdb doctor`: the diagnosis, and `--fix`.

mod deep;

use super::context::Context;
use super::explain::unknown;
use super::fix;
use std::path::{Path, PathBuf};

use crate::diagnose;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::model::finding::Severity;
use crate::model::picture::Picture;
use crate::model::text::{shell_argument, visible};
use crate::render;
use crate::render::style;
use crate::wire::files::{exists, read_text, write_private};

/// Say what is wrong, prove it, and offer the fix
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Show the plan, ask, back up, mend, and look again
    #[arg(long)]
    fix: bool,
    /// With --fix: agree to every step that loses no data
    #[arg(short, long, requires = "fix")]
    yes: bool,
    /// Only these checks
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Run the project's own code, too: the migrations in a scratch database, and the models; say where they differ
    #[arg(long, conflicts_with_all = ["fix", "list", "watch", "from"])]
    deep: bool,
    /// List the checks
    #[arg(long, conflicts_with_all = ["fix", "only"])]
    list: bool,
    /// Print JSON (docs/doctor.schema.json)
    #[arg(long)]
    pub json: bool,
    /// Print the XML of `JUnit`
    #[arg(long, conflicts_with = "json")]
    junit: bool,
    /// Print annotations for a workflow of GitHub's
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["json", "junit"])]
    format: Option<Format>,
    /// Write the whole picture, without secrets, to a file that another machine can judge
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "list", "watch"])]
    report: Option<PathBuf>,
    /// Judge the picture of a report instead of this machine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "list", "watch", "report"])]
    from: Option<PathBuf>,
    /// Look again every two seconds, and show what changed, until Ctrl-C
    #[arg(long, conflicts_with_all = ["fix", "json", "junit", "format", "list"])]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
    Github,
    Junit,
}

/// How long nobody looks.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

impl Args {
    fn format(&self) -> Format {
        match self.format {
            Some(format) => format,
            None if self.json => Format::Json,
            None if self.junit => Format::Junit,
            None => Format::Human,
        }
    }

    /// Returns the arguments of fixes that were agreed to.
    pub(super) fn agreed_fix() -> Self {
        Self { fix: true, yes: true, ..Self::default() }
    }
}

/// Fails where `[doctor] ignore` names no check, or an error.
fn may_ignore(context: &Context) -> Result<()> {
    for id in &context.config.doctor.ignore {
        let check = diagnose::find(id).ok_or_else(|| unknown(id).detail("named by", "devdb.toml: `doctor.ignore`"))?;
        if check.severity == Severity::Error {
            return Err(Error::usage(format!("`{id}` is an error, which cannot be ignored"))
                .detail("named by", "devdb.toml: `doctor.ignore`")
                .hint(format!("devdb explain {id}")));
        }
    }
    Ok(())
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    if args.list {
        return Ok(list(context));
    }
    if let Some(id) = args.only.iter().find(|id| diagnose::find(id).is_none()) {
        return Err(unknown(id));
    }
    may_ignore(context)?;
    if args.watch {
        return watch(context, &args.only).await;
    }
    let (picture, diagnosis) = if let Some(file) = &args.from {
        let picture = read_report(&context.path(file))?;
        let diagnosis = diagnose::diagnose(&picture, &args.only);
        (picture, diagnosis)
    } else if args.fix {
        Box::pin(fix::run(context, &args.only, args.yes)).await?
    } else {
        let mut picture = context.look(Depth::All).await;
        if args.deep {
            picture.deep = Box::pin(deep::look(context, &picture, args.format() != Format::Human)).await?;
        }
        let diagnosis = diagnose::diagnose(&picture, &args.only);
        (picture, diagnosis)
    };
    let ui = &context.ui;
    if let Some(file) = &args.report {
        write_report(&picture, &context.path(file))?;
    }
    if let Some(file) = args.report.as_ref().filter(|_| args.format() == Format::Human) {
        let shown = visible(&file.display().to_string());
        ui.say(&format!(
            "the picture is in `{shown}`; devdb doctor --from {} judges it anywhere",
            shell_argument(&shown)
        ));
    }
    match args.format() {
        Format::Human => render::diagnosis::show(ui, &picture, &diagnosis, context.elapsed()),
        Format::Json => {
            let report = render::json::doctor(&picture, &diagnosis, context.elapsed());
            ui.answer(&render::json::text(&report));
        }
        Format::Github => ui.print(&render::ci::github(&diagnosis)),
        Format::Junit => ui.print(&render::ci::junit(&diagnosis, context.elapsed().as_secs_f32())),
    }
    Ok(u8::from(!diagnosis.is_ok()))
}

/// Writes a report that only its owner reads.
fn write_report(picture: &Picture, file: &Path) -> Result<()> {
    let failed =
        |error: std::io::Error| Error::environment(format!("cannot write `{}`", file.display())).because(error);
    // A slip of the hand is not to cost an `.env`.
    if exists(file) && read_text(file).map_or(true, |text| diagnose::report::replay(&text).is_err()) {
        return Err(Error::usage(format!("`{}` is there already, and is no report", file.display()))
            .hint("name another file: devdb doctor --report report.json"));
    }
    let salt = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), file);
    let report = diagnose::report::report(picture, salt)
        .map_err(|why| Error::environment("the picture cannot be written down").detail("why", why))?;
    let text = render::json::text(&report);
    write_private(file, &text).map_err(failed)
}

fn read_report(file: &Path) -> Result<Picture> {
    let failed = |why: String| {
        Error::usage(format!("cannot judge `{}`", file.display()))
            .detail("why", why)
            .hint("devdb doctor --report FILE   # where the trouble is")
    };
    let text = read_text(file).map_err(failed)?;
    diagnose::report::replay(&text).map_err(failed)
}

/// Shows the diagnosis whenever it is another one.
async fn watch(context: &Context, only: &[String]) -> Result<u8> {
    let mut interrupt = Box::pin(context.cancelled());
    let mut before = String::new();
    loop {
        let started = tokio::time::Instant::now();
        let picture = tokio::select! {
            biased;
            () = &mut interrupt => return Ok(0),
            picture = Box::pin(context.look(Depth::All)) => picture,
        };
        let diagnosis = diagnose::diagnose(&picture, only);
        let now = render::json::text(&render::json::doctor(&picture, &diagnosis, std::time::Duration::ZERO));
        if now != before {
            context.ui.page(!before.is_empty());
            render::diagnosis::show(&context.ui, &picture, &diagnosis, started.elapsed());
            before = now;
        }
        tokio::select! {
            () = &mut interrupt => return Ok(0),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn list(context: &Context) -> u8 {
    let width = diagnose::checks().iter().map(|check| check.id.len()).max().unwrap_or(0);
    let mut area = "";
    for check in diagnose::checks() {
        if check.area != area {
            area = check.area;
        }
        let line = format!("{} {:<width$}  {}", style::faint(format!("{:<11}", check.area)), check.id, check.title);
        context.ui.answer(&context.ui.wrapped(&line, 14 + width));
    }
    0
}
