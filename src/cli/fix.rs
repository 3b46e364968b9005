//! `devdb doctor --fix`: the plan, the question, the steps, and another look, until nothing more can be mended.

use std::collections::BTreeSet;
use std::path::Path;

use super::consent;
use super::context::Context;
use crate::diagnose;
use crate::discover::Depth;
use crate::error::{Error, Kind, Result};
use crate::execute::{self, Fixer, Surroundings};
use crate::model::disposable::Disposable;
use crate::model::finding::{Diagnosis, Finding, Safety};
use crate::model::local_server::UpPlan;
use crate::model::picture::Picture;
use crate::model::plan::Step;
use crate::plan::{self, server};
use crate::render::progress::Progress;
use crate::render::{self, prompt, style};

/// The snapshot that is taken before data are lost.
const BEFORE: &str = "before-fix";
/// Rounds after which what is left needs a person.
const ROUNDS: usize = 5;

/// Mends what can be mended and returns the last picture and its diagnosis.
pub(super) async fn run(context: &Context, only: &[String], yes: bool) -> Result<(Picture, Diagnosis)> {
    let mut tried: BTreeSet<String> = BTreeSet::new();
    for _round in 0..ROUNDS {
        let picture = context.look(Depth::All).await;
        let diagnosis = diagnose::diagnose(&picture, only);
        let fresh: Vec<(&str, &Finding)> = diagnosis
            .findings()
            .map(|(check, _, finding)| (check.id, finding))
            .filter(|(id, finding)| offers_steps(finding) && !tried.contains(&key(id, finding)))
            .collect();
        if fresh.is_empty() {
            return Ok((picture, diagnosis));
        }
        let chosen = choose(context, &fresh, yes)?;
        tried.extend(fresh.iter().map(|(id, finding)| key(id, finding)));
        if !chosen.is_empty() {
            apply(context, &picture, &chosen).await?;
        }
    }
    let picture = context.look(Depth::All).await;
    let diagnosis = diagnose::diagnose(&picture, only);
    Ok((picture, diagnosis))
}

fn offers_steps(finding: &Finding) -> bool {
    finding.fix.as_ref().is_some_and(|fix| fix.safety != Safety::Manual)
}

fn key(id: &str, finding: &Finding) -> String {
    format!("{id} {}", finding.message)
}

fn choose<'a>(context: &Context, fresh: &[(&str, &'a Finding)], yes: bool) -> Result<Vec<&'a Finding>> {
    let ui = &context.ui;
    for (id, finding) in fresh {
        let Some(fix) = &finding.fix else { continue };
        ui.say(&format!(
            "{}  {}",
            style::strong(crate::model::text::visible(&finding.message)),
            style::faint(format!("[{id}]"))
        ));
        render::plan::show_steps(ui, &fix.steps.iter().collect::<Vec<_>>());
    }
    let loses = |finding: &Finding| finding.fix.iter().flat_map(|fix| &fix.steps).any(Step::loses_data);
    let (lossy, harmless): (Vec<&Finding>, Vec<&Finding>) =
        fresh.iter().map(|(_, finding)| *finding).partition(|finding| loses(finding));
    // What loses data is for a person at the terminal, who was asked about that very step.
    let person = ui.interactive && consent::agent(context).is_none();
    if !person && !lossy.is_empty() {
        for finding in &lossy {
            ui.warning(&format!("not done, since data would be lost: {}", finding.message));
        }
        ui.hint("run `devdb doctor --fix` in a terminal, which asks");
    }
    let lossy = if person { lossy } else { Vec::new() };
    if harmless.is_empty() && lossy.is_empty() {
        return Ok(Vec::new());
    }
    if yes {
        return Ok(harmless.into_iter().chain(asked_one_by_one(lossy)).collect());
    }
    if !ui.interactive {
        return Err(Error::refused("nobody can be asked whether this may be done")
            .detail("rule", "consent")
            .hint("add `--yes`, or run it in a terminal"));
    }
    let automatic = |finding: &Finding| finding.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Auto);
    let (automatic, asked): (Vec<&Finding>, Vec<&Finding>) =
        harmless.into_iter().partition(|finding| automatic(finding));
    let mut chosen = Vec::new();
    if !automatic.is_empty() && prompt::confirm("Do it? (files are backed up first)") {
        chosen.extend(automatic);
    }
    chosen.extend(asked_one_by_one(asked.into_iter().chain(lossy)));
    Ok(chosen)
}

fn asked_one_by_one<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<&'a Finding> {
    let agreed = |finding: &&Finding| {
        let summary = finding.fix.as_ref().map(|fix| fix.summary.clone()).unwrap_or_default();
        prompt::confirm(&format!("{summary}?"))
    };
    findings.into_iter().filter(agreed).collect()
}

async fn apply(context: &Context, picture: &Picture, chosen: &[&Finding]) -> Result<()> {
    let surroundings = Surroundings { root: context.root.clone(), shell: context.shell.clone() };
    let tools = execute::server::tools(picture).await;
    let start = server::up(picture, &tools, &server::UpRequest::default()).ok();
    let mut fixer = fixer(picture, &surroundings, start.as_ref());
    let mut progress = Progress::new(&context.ui, false);
    for finding in chosen {
        let Some(fix) = &finding.fix else { continue };
        if fix.steps.iter().any(Step::loses_data) {
            keep(context).await?;
        }
        for step in &fix.steps {
            allowed(picture, step)?;
            fixer.apply(step, &mut |event| progress.tell(&event)).await?;
            context.ui.say(&format!("  {} {}", style::good("✓"), crate::model::text::visible(&step.describe())));
        }
    }
    context.ui.say("");
    Ok(())
}

/// Takes a snapshot before data are lost. The loss was agreed to, so that a server that takes none stops nothing.
async fn keep(context: &Context) -> Result<()> {
    match Box::pin(super::snapshot::keep(context, BEFORE)).await {
        Err(error) if error.kind == Kind::Cancelled => Err(error),
        Err(error) => {
            context.ui.warning(&format!("no snapshot could be taken first: {}", error.message));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Returns what carries out the steps of fixes for this picture.
pub(super) fn fixer<'a>(picture: &'a Picture, surroundings: &'a Surroundings, start: Option<&'a UpPlan>) -> Fixer<'a> {
    let config = picture.chain.known().map(|chain| chain.config.file.as_path());
    Fixer {
        surroundings,
        target: picture.target().map(|candidate| &candidate.target),
        engine: &picture.engine.address,
        python_environment: picture.recipe.python_environment.as_deref(),
        workplace: plan::workplace(picture).ok(),
        chain_folder: config.and_then(Path::parent).unwrap_or(Path::new("")),
        start,
        backed_up: BTreeSet::new(),
    }
}

/// What is written to a server, is written to one that is proven to be the developer's own.
pub(super) fn allowed(picture: &Picture, step: &Step) -> Result<()> {
    let writes = matches!(
        step,
        Step::CreateDatabase { .. }
            | Step::EndSessions { .. }
            | Step::Sql { .. }
            | Step::Upgrade
            | Step::DowngradeElsewhere(_)
    );
    if !writes {
        return Ok(());
    }
    match Disposable::prove(picture) {
        Ok(_proof) => Ok(()),
        Err(refusal) => Err(Error::refused(format!("not done: {}; {}", step.describe(), refusal.message))
            .detail("rule", refusal.rule)
            .hint(refusal.remedy)),
    }
}
