//! `devdb doctor`: the diagnosis, and `--fix`.

use super::context::Context;
use super::explain::unknown;
use super::fix;
use crate::diagnose;
use crate::discover::Depth;
use crate::error::Result;
use crate::render;
use crate::render::style;

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
    /// List the checks
    #[arg(long, conflicts_with_all = ["fix", "only"])]
    list: bool,
    /// Print JSON (docs/doctor.schema.json)
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Returns the arguments of fixes that were agreed to.
    pub(super) fn agreed_fix() -> Self {
        Self { fix: true, yes: true, ..Self::default() }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    if args.list {
        return Ok(list(context));
    }
    if let Some(id) = args.only.iter().find(|id| diagnose::find(id).is_none()) {
        return Err(unknown(id));
    }
    let (picture, diagnosis) = if args.fix {
        Box::pin(fix::run(context, &args.only, args.yes)).await?
    } else {
        let picture = context.look(Depth::All).await;
        let diagnosis = diagnose::diagnose(&picture, &args.only);
        (picture, diagnosis)
    };
    if args.json {
        let report = render::json::doctor(&picture, &diagnosis, context.elapsed());
        context.ui.answer(&render::json::text(&report));
    } else {
        render::diagnosis::show(&context.ui, &picture, &diagnosis, context.elapsed());
    }
    Ok(u8::from(!diagnosis.is_ok()))
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
