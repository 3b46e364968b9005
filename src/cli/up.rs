//! `devdb up`: the server that the app's URL needs, started, and a login that works.

use std::time::Duration;

use super::context::Context;
use crate::discover::Depth;
use crate::error::{Error, Kind, Result};
use crate::execute::server::{self, Up, wait::DatabaseState};
use crate::model::local_server::{ServerPlan, UpPlan, Way};
use crate::plan::server::{UpRequest, up as plan_up};
use crate::render;
use crate::render::progress::Progress;
use crate::render::style;
use crate::render::ui::took;

/// Start the project's server, and wait until a login works
///
/// The Compose service when the project has one, else a container, else a private cluster in `.devdb/`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the way
    #[arg(long, value_enum, value_name = "WAY")]
    with: Option<WayName>,
    /// The image of a new container; it must be in the engine already
    #[arg(long)]
    image: Option<String>,
    /// How long a login is tried
    #[arg(long, value_name = "SECONDS", default_value_t = server::wait::DEADLINE.as_secs())]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum WayName {
    /// The service of the Compose file
    Compose,
    /// A container of devdb's own
    Container,
    /// A private server of this project, run by installed programs
    Cluster,
}

impl From<WayName> for Way {
    fn from(name: WayName) -> Self {
        match name {
            WayName::Compose => Self::Compose,
            WayName::Container => Self::Container,
            WayName::Cluster => Self::Cluster,
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = Box::pin(context.look(Depth::All)).await;
    let tools = Box::pin(server::tools(&picture)).await;
    // Naming an image is asking for a container.
    let with = args.with.map(Way::from).or_else(|| args.image.as_ref().map(|_| Way::Container));
    let plan = plan_up(&picture, &tools, &UpRequest { with, image: args.image })?;
    let mut progress = Progress::new(&context.ui, args.json);
    if !args.json && !matches!(plan.server, ServerPlan::AlreadyUp { .. }) {
        context.ui.say(&format!(
            "starting {}  {}",
            style::strong(name(&plan)),
            style::faint(format!("({})", plan.why))
        ));
    }
    let tell = &mut |event| progress.tell(&event);
    let up = tokio::select! {
        up = Box::pin(server::up(&plan, Duration::from_secs(args.timeout), tell)) => up?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Error::new(Kind::Cancelled, "cancelled; the server may be starting still")
                .hint("devdb down stops it"));
        }
    };
    progress.clear();
    drop(progress);
    if args.json {
        context.ui.answer(&render::json::text(&json(&plan, &up)));
    } else {
        show(context, &plan, &up);
    }
    Ok(0)
}

fn name(plan: &UpPlan) -> String {
    match &plan.server {
        ServerPlan::AlreadyUp { who, .. } => who.clone(),
        ServerPlan::Compose(service) => format!("Compose service `{}`", service.service),
        ServerPlan::Start { name, .. } => format!("container `{name}`"),
        ServerPlan::Container(container) => format!("container `{}` from {}", container.name, container.image),
        ServerPlan::Cluster(cluster) => format!("a private PostgreSQL {} cluster", cluster.installation.version),
    }
}

fn show(context: &Context, plan: &UpPlan, up: &Up) {
    let what = match &plan.server {
        ServerPlan::AlreadyUp { .. } => "up already",
        _ => "up",
    };
    context.ui.answer(&format!("{} {what}: {}  {}", style::good("✓"), plan.target, style::faint(&up.described)));
    let time = took(context.elapsed());
    let login = match (&up.entered.database, &up.entered.version) {
        (DatabaseState::Entered, Some(version)) => format!("logged in to PostgreSQL {version} after {time}"),
        (DatabaseState::Entered, None) => format!("logged in after {time}"),
        (DatabaseState::Missing, _) => {
            format!("the server answers after {time}; it has no database `{}` yet", plan.target.database())
        }
        (DatabaseState::Closed, _) => {
            format!("the server answers after {time}; database `{}` is closed to new sessions", plan.target.database())
        }
    };
    context.ui.answer(&format!("  {login}"));
    context.ui.say(&format!("next: {}", style::command(next(up))));
}

fn next(up: &Up) -> &'static str {
    match up.entered.database {
        DatabaseState::Missing => "devdb reset",
        DatabaseState::Entered => "devdb",
        DatabaseState::Closed => "devdb doctor",
    }
}

fn json(plan: &UpPlan, up: &Up) -> serde_json::Value {
    let way = match &plan.server {
        ServerPlan::AlreadyUp { .. } => "already",
        ServerPlan::Compose(_) => "compose",
        ServerPlan::Start { .. } | ServerPlan::Container(_) => "container",
        ServerPlan::Cluster(_) => "cluster",
    };
    serde_json::json!({
        "version": 1,
        "way": way,
        "server": up.described,
        "why": plan.why,
        "url": plan.target.to_string(),
        "server_version": up.entered.version,
        "database_exists": server::has_database(up),
        "login_ms": u64::try_from(up.entered.took.as_millis()).unwrap_or(u64::MAX),
    })
}
