//! `devdb doctor --deep`: what running the project's own code tells.

use crate::cli::context::Context;
use crate::cli::drift;
use crate::error::{Kind, Result};
use crate::model::deep::{Deep, Difference, Fault};
use crate::model::drift::{Drifted, ModelsSource};
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::wire::files::exists;

/// Runs the migrations and reads the models in a scratch database, and compares both with the database. What stands in the
/// way is the answer, too; only Ctrl-C is an error.
pub(super) async fn look(context: &Context, picture: &Picture, quiet: bool) -> Result<Observed<Deep>> {
    if picture.chain.is_absent() && picture.recipe.sql_chain.is_absent() && picture.config.models.metadata.is_none() {
        return Ok(Observed::Absent);
    }
    if !quiet && picture.server.known().is_some() {
        context.ui.say("running the project's own code, in a scratch database");
    }
    let compared = match Box::pin(drift::compare(context, picture, (false, None), quiet)).await {
        Ok(compared) => compared,
        Err(error) if error.kind == Kind::Cancelled => return Err(error),
        Err(error) => return Ok(Observed::Unknown(error.message)),
    };
    let plan = &compared.plan;
    let inside = plan.scratch.as_ref().is_ok_and(|scratch| scratch.workplace.inside.is_some());
    let asked = |source: &str| match source {
        "models" => matches!(plan.models, Observed::Known(_)) && !(inside && of_env_py(&plan.models)),
        _ => plan.chain.known().is_some(),
    };
    let mut deep = Deep::default();
    for (source, why) in &compared.drift.unread {
        // A tool that is not on this machine may be in a container: `[migrations] service` says in which.
        let elsewhere = why.contains("` was not found");
        if plan.scratch.is_err() || !asked(source) || elsewhere {
            deep.untold.push(format!("the {source}: {why}"));
        } else {
            deep.faults.push(Fault { source: (*source).to_owned(), why: why.clone(), own: own(context, picture, why) });
        }
    }
    deep.differences = compared.drift.differences.iter().map(difference).collect();
    deep.command = compared.drift.remedy.first().map(|it| it.command.clone());
    Ok(Observed::Known(deep))
}

fn of_env_py(models: &Observed<ModelsSource>) -> bool {
    matches!(models, Observed::Known(ModelsSource::EnvPy))
}

/// Returns where the module that Python did not find stands in the project, as seen from where Alembic runs. A module inside
/// of a package that was found is another matter.
fn own(context: &Context, picture: &Picture, why: &str) -> Option<String> {
    let (_, rest) = why.split_once("No module named '")?;
    let module = rest.split_once('\'')?.0;
    let start = picture.chain.known().map(|chain| context.root.join(&chain.config.working_directory))?;
    [".", "src"].into_iter().filter(|_| !module.contains('.')).find_map(|folder| {
        let beside = |name: &str| start.join(folder).join(name);
        (exists(&beside(&format!("{module}.py"))) || beside(module).is_dir()).then(|| folder.to_owned())
    })
}

fn difference(drifted: &Drifted) -> Difference {
    let id = &drifted.object;
    Difference { object: format!("{} {}", id.kind.name(), id.path()), verdict: drifted.verdict.name().to_owned() }
}
