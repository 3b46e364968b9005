//! Which steps a reset takes from an empty database on, what each depends on, and how layers are used.

use crate::model::chain::{Chain, Revision};
use crate::model::layer::{Digest, Input, Inputs};
use crate::model::picture::Picture;
use crate::model::plan::{ChainPlan, LayerPlan, LayerStep, LayerStepKind, SchemaPlan, SeedPlan};

/// In a chain with branches, so many of the newest revisions are looked at as places for a layer.
const BRANCHED: usize = 40;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerRequest {
    /// Start from an empty database, whatever is there.
    pub cold: bool,
    /// The new database is built beside the old one, by commands that can be pointed there.
    pub aside: bool,
    pub profile: Option<String>,
    /// Stop the chain at this revision.
    pub to: Option<String>,
}

/// Returns the steps of a reset that gives a new database `schema` and the chosen `seeds`.
pub(super) fn layers(
    picture: &Picture,
    inputs: &Inputs,
    schema: &SchemaPlan,
    seeds: &[(usize, SeedPlan)],
    request: &LayerRequest,
) -> LayerPlan {
    let mut steps = vec![foundation(inputs)];
    steps.extend(chain(picture, inputs, schema, request.to.as_deref()));
    let head = steps.len();
    // What comes before the chain may have stamped it, and what a session sets ends with it: then the chain runs in one go.
    let prepared = schema.bootstrap.is_some() || !schema.init.is_empty();
    let alone = if prepared && matches!(schema.chain, ChainPlan::Command { .. }) { Some(0) } else { inputs.session };
    for step in steps.iter_mut().take(head.saturating_sub(1)).skip(alone.map_or(usize::MAX, |index| index + 1)) {
        step.whole = false;
    }
    steps.extend(seeds.iter().map(|(index, seed)| LayerStep {
        kind: LayerStepKind::Seed(seed.clone()),
        input: inputs.seeds.get(*index).cloned().unwrap_or_else(unread),
        whole: true,
    }));
    let max = picture.config.cache.max;
    let project = picture.root.file_name().map(|name| name.to_string_lossy().into_owned());
    LayerPlan {
        steps,
        head,
        start: !request.cold && max != Some(0) && request.aside,
        spares: true,
        keep: max != Some(0) && request.aside,
        max,
        spare: picture.config.reset.spare,
        profile: request.profile.clone(),
        project: project.unwrap_or_default(),
    }
}

fn foundation(inputs: &Inputs) -> LayerStep {
    let before = inputs.init.iter().cloned().chain(inputs.bootstrap.clone());
    let input = before.fold(inputs.tool.clone(), Input::and);
    LayerStep { kind: LayerStepKind::Foundation, input, whole: true }
}

fn unread() -> Input {
    Input::Open("it was not read".to_owned())
}

fn chain(picture: &Picture, inputs: &Inputs, schema: &SchemaPlan, to: Option<&str>) -> Vec<LayerStep> {
    match (&schema.chain, picture.chain.known()) {
        (ChainPlan::None, _) => Vec::new(),
        (ChainPlan::Sql { chain }, _) => {
            let mut steps = Vec::new();
            // Several may carry one version; they are told apart by their place.
            for (index, migration) in chain.migrations.iter().enumerate() {
                let read = inputs.revisions.get(index).filter(|(id, _)| *id == migration.version);
                let input = read.map_or_else(unread, |(_, input)| input.clone());
                let (id, message) = (migration.version.clone(), migration.message.clone());
                steps.push(LayerStep { kind: LayerStepKind::Revision { id, message }, input, whole: true });
            }
            steps
        }
        (ChainPlan::Command { command, .. }, Some(chain)) if to.is_some_and(|to| chain.find(to).is_none()) => {
            let why = "how far `--to` goes is known to Alembic alone".to_owned();
            vec![LayerStep { kind: LayerStepKind::Command(command.clone()), input: Input::Open(why), whole: true }]
        }
        (ChainPlan::Command { .. }, Some(chain)) => {
            let order = order(chain, to);
            let whole = whole(chain, &order);
            let by_id: std::collections::BTreeMap<&str, &Input> =
                inputs.revisions.iter().map(|(id, input)| (id.as_str(), input)).collect();
            let step = |(revision, whole): (&&Revision, bool)| LayerStep {
                kind: LayerStepKind::Revision { id: revision.id.clone(), message: revision.message.clone() },
                input: by_id.get(revision.id.as_str()).map_or_else(unread, |input| (*input).clone()),
                whole,
            };
            order.iter().zip(whole).map(step).collect()
        }
        (ChainPlan::Command { command, .. }, None) => vec![LayerStep {
            kind: LayerStepKind::Command(command.clone()),
            // What the command reads is the tool's.
            input: Input::Known(Digest::of([command])),
            whole: true,
        }],
    }
}

/// The revisions that an upgrade of an empty database runs, in order; up to one when it is named.
fn order<'a>(chain: &'a Chain, to: Option<&str>) -> Vec<&'a Revision> {
    let all = chain.pending(&[]);
    let Some(last) = to.and_then(|to| chain.find(to)) else { return all };
    let mut wanted: std::collections::BTreeSet<&str> =
        chain.ancestors(&last.id).iter().map(|revision| revision.id.as_str()).collect();
    wanted.insert(&last.id);
    all.into_iter().filter(|revision| wanted.contains(revision.id.as_str())).collect()
}

/// After which revisions an upgrade that starts there runs the rest in the same order as one from the beginning.
fn whole(chain: &Chain, order: &[&Revision]) -> Vec<bool> {
    let follows = |(index, revision): (usize, &&Revision)| {
        let before = index.checked_sub(1).and_then(|index| order.get(index)).map(|before| &before.id);
        revision.depends_on.is_empty() && revision.down_revisions.iter().eq(before)
    };
    let complete = order.len() == chain.pending(&[]).len();
    if order.iter().enumerate().all(follows) {
        return vec![true; order.len()];
    }
    let newest = order.len().saturating_sub(BRANCHED);
    let same = |done: usize| {
        if done == order.len() {
            return true;
        }
        let Some((first, rest)) = order.split_at_checked(done).filter(|_| done > newest && complete) else {
            return false;
        };
        let stood_on =
            |id: &str| first.iter().any(|it| it.down_revisions.iter().chain(&it.depends_on).any(|parent| parent == id));
        let rows: Vec<String> = first.iter().filter(|it| !stood_on(&it.id)).map(|it| it.id.clone()).collect();
        chain.pending(&rows).iter().map(|it| &it.id).eq(rest.iter().map(|it| &it.id))
    };
    (1..=order.len()).map(same).collect()
}
