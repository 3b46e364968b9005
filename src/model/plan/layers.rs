//! The steps from an empty database to a seeded one, each with what it depends on: what layers are keyed by.

use super::SeedPlan;
use crate::model::layer::{Digest, Input, Key};

/// How a reset uses layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPlan {
    /// In the order in which a cold reset takes them; the first is the foundation.
    pub steps: Vec<LayerStep>,
    /// How many of the steps come before the seeds.
    pub head: usize,
    /// Whether a reset may start from what is there.
    pub start: bool,
    /// Whether it may start from a spare.
    pub spares: bool,
    /// Whether it leaves layers.
    pub keep: bool,
    /// Bytes that all layers of the server may take; nothing leaves it to the free space.
    pub max: Option<u64>,
    /// Whether a clone is made ahead; nothing leaves it to the size.
    pub spare: Option<bool>,
    pub profile: Option<String>,
    /// The name of the project's folder.
    pub project: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerStep {
    pub kind: LayerStepKind,
    pub input: Input,
    /// Whether the rest of the chain runs the same from here as it does in one go.
    pub whole: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerStepKind {
    /// An empty database, its init files, and the command that comes before the chain.
    Foundation,
    Revision {
        id: String,
        message: String,
    },
    /// The whole chain, by a command whose revisions are not known.
    Command(String),
    Seed(SeedPlan),
}

impl LayerStep {
    /// Returns what the step is, for people.
    pub fn describe(&self) -> String {
        match &self.kind {
            LayerStepKind::Foundation => "the empty database".to_owned(),
            LayerStepKind::Revision { id, message } if message.is_empty() => format!("revision `{id}`"),
            LayerStepKind::Revision { id, message } => format!("revision `{id}` ({message})"),
            LayerStepKind::Command(command) => format!("`{command}`"),
            LayerStepKind::Seed(seed) => format!("seed `{}`", seed.name()),
        }
    }
}

impl LayerPlan {
    /// Returns the key of each state, by the number of steps that made it, on a server that is known by its digest.
    /// Nothing stands for no steps, and for those behind an open input.
    pub fn keys(&self, server: Digest) -> Vec<Option<Key>> {
        let mut keys = vec![None];
        let mut so_far = Some(server);
        for step in &self.steps {
            so_far = so_far.and_then(|digest| Some(digest.then(step.input.digest()?)));
            keys.push(so_far.filter(|_| step.whole).map(Key::new));
        }
        keys
    }

    /// Returns after how many steps exactly these revisions are done; nothing where that is no place of the run.
    pub fn after(&self, revisions: &[String]) -> Option<usize> {
        let ids = self.steps.iter().take(self.head).filter_map(|step| match &step.kind {
            LayerStepKind::Revision { id, .. } => Some(id),
            _ => None,
        });
        let first: Vec<&String> = ids.take(revisions.len()).collect();
        (first.len() == revisions.len() && first.iter().all(|id| revisions.contains(id))).then_some(revisions.len() + 1)
    }

    /// Returns how many steps, from the first on, are known by what they read.
    pub fn known(&self) -> usize {
        self.steps.iter().take_while(|step| step.input.digest().is_some()).count()
    }

    /// Returns the first step that runs at every reset, and why.
    pub fn first_open(&self) -> Option<(&LayerStep, &str)> {
        self.steps.iter().find_map(|step| match &step.input {
            Input::Open(why) => Some((step, why.as_str())),
            Input::Known(_) => None,
        })
    }

    /// Returns after how many steps layers are worth keeping, ascending: the last revision that the default branch has
    /// as it is here (`shared`), or the one before the head; the head; and the seeds.
    pub fn kept(&self, shared: Option<usize>) -> Vec<usize> {
        let known = self.known();
        let revisions = self.head.saturating_sub(1);
        let below = match shared {
            Some(shared) if shared < revisions => shared + 1,
            _ => self.head.saturating_sub(1),
        };
        let mut kept = vec![below.min(known), self.head.min(known), known];
        // An empty database is made as fast as it is cloned.
        kept.retain(|position| *position > 1);
        for position in &mut kept {
            while *position > 1 && !self.steps.get(*position - 1).is_some_and(|step| step.whole) {
                *position -= 1;
            }
        }
        kept.retain(|position| *position > 1);
        if self.steps.len() == 1 && known == 1 {
            kept.push(1);
        }
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(revisions: usize, seeds: &[bool], open: Option<usize>) -> LayerPlan {
        let known = |name: String| Input::Known(Digest::of([name]));
        let foundation = LayerStep { kind: LayerStepKind::Foundation, input: known("base".into()), whole: true };
        let mut steps = vec![foundation];
        for number in 0..revisions {
            let kind = LayerStepKind::Revision { id: number.to_string(), message: String::new() };
            let input =
                if open == Some(number) { Input::Open("why".into()) } else { known(format!("revision {number}")) };
            steps.push(LayerStep { kind, input, whole: true });
        }
        let head = steps.len();
        for (number, cached) in seeds.iter().enumerate() {
            let kind = LayerStepKind::Seed(SeedPlan::File(format!("{number}.sql").into()));
            let input = if *cached { known(format!("seed {number}")) } else { Input::Open("runs".into()) };
            steps.push(LayerStep { kind, input, whole: true });
        }
        let (max, spare, profile, project) = (None, None, None, String::new());
        LayerPlan { steps, head, start: true, spares: true, keep: true, max, spare, profile, project }
    }

    #[test]
    fn the_head_the_seeds_and_what_is_shared_are_kept() {
        assert_eq!(plan(5, &[true, true], None).kept(None), [5, 6, 8]);
        assert_eq!(plan(5, &[true, true], None).kept(Some(2)), [3, 6, 8]);
        assert_eq!(plan(5, &[true, true], None).kept(Some(5)), [5, 6, 8]);
        assert_eq!(plan(5, &[], None).kept(Some(0)), [6]);
        assert_eq!(plan(1, &[], None).kept(None), [2]);
    }

    #[test]
    fn nothing_behind_an_open_step_is_kept() {
        assert_eq!(plan(5, &[true, false, true], None).kept(None), [5, 6, 7]);
        assert_eq!(plan(5, &[true], Some(3)).kept(None), [4]);
        assert_eq!(plan(5, &[true], Some(0)).kept(None), [0_usize; 0]);
        let open = plan(5, &[true], Some(3));
        assert!(open.keys(Digest::of(["server"])).iter().skip(5).all(Option::is_none));
        assert_eq!(open.first_open().map(|(step, why)| (step.describe(), why)), Some(("revision `3`".into(), "why")));
    }

    #[test]
    fn keys_are_those_of_the_prefix() {
        let server = Digest::of(["server"]);
        let (short, long) = (plan(3, &[], None).keys(server), plan(5, &[], None).keys(server));
        assert_eq!(short.as_slice(), long.get(..short.len()).unwrap_or_default());
        assert_ne!(short, plan(3, &[], None).keys(Digest::of(["another"])));
    }
}
