//! Drift: each object of which the three sources say different things, with the one that is behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::model::drift::{Drift, Drifted, Maker, Models, Position, Sources, Standing, Verdict};
use crate::model::git::Edited;
use crate::model::observed::Observed;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema};

mod makers;
mod remedy;
pub mod table;
#[cfg(test)]
mod tests;

pub use makers::makers;
pub use remedy::remedy as remedied;

/// What is known beside the sources.
#[derive(Debug, Clone, Default)]
pub struct Chronicle {
    /// The revisions in the order in which they run.
    pub order: Vec<String>,
    /// Which revision makes an object, as far as the files tell.
    pub makers: BTreeMap<ObjectId, Maker>,
}

/// Returns the differences of the sources, each with its verdict.
pub fn drift(sources: &Sources, position: &Position, chronicle: &Chronicle) -> Drift {
    let sides = Sides::of(sources, position);
    let ids = sides.ids();
    let mut differences = Vec::new();
    for id in &ids {
        let seen = sides.seen(id);
        let Some(verdict) = seen.verdict(position) else { continue };
        if sides.is_part_of_lone(id, seen) {
            continue;
        }
        differences.push(sides.drifted(id, verdict, chronicle));
    }
    suggest_renames(&mut differences);
    let mut drift = Drift {
        compared: ids.len(),
        position: position.clone(),
        unread: unread(sources),
        reordered: sources.migrations.known().map_or(0, |it| it.head.reordered(&sources.database).len()),
        differences,
        remedy: Vec::new(),
    };
    drift.remedy = remedy::remedy(&drift, chronicle);
    drift
}

/// Returns the drift with what git tells of the revision files: an applied revision that was edited is no change by hand.
#[must_use]
pub fn attributed(mut drift: Drift, chronicle: &Chronicle, edits: &BTreeMap<PathBuf, Edited>) -> Drift {
    for difference in &mut drift.differences {
        let Some(maker) = &mut difference.maker else { continue };
        let Some(edited) = edits.get(&maker.at.file) else { continue };
        maker.edited.clone_from(&edited.commit);
        maker.uncommitted = edited.uncommitted;
        if difference.verdict == Verdict::ChangedByHand && (edited.commit.is_some() || edited.uncommitted) {
            difference.verdict = Verdict::EditedMigration;
        }
    }
    drift.remedy = remedy::remedy(&drift, chronicle);
    drift
}

fn unread(sources: &Sources) -> Vec<(&'static str, String)> {
    let mut unread = Vec::new();
    if let Observed::Unknown(why) = &sources.models {
        unread.push(("models", why.clone()));
    }
    if let Observed::Unknown(why) = &sources.migrations {
        unread.push(("migrations", why.clone()));
    }
    unread
}

/// The sources side by side; the models as they compare with each of the others.
struct Sides<'s> {
    database: &'s Schema,
    head: Option<&'s Schema>,
    applied: Option<&'s Schema>,
    models: Option<&'s Models>,
    /// The models beside the chain's end, and beside the database.
    beside_head: Option<Schema>,
    beside_database: Option<Schema>,
}

/// What the sources say of one object: 0 where it is absent, the same number where they say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    models: Option<u8>,
    head: Option<u8>,
    applied: Option<u8>,
    database: u8,
}

impl<'s> Sides<'s> {
    fn of(sources: &'s Sources, position: &Position) -> Self {
        let database = &sources.database;
        let migrations = sources.migrations.known();
        let head = migrations.map(|it| &it.head);
        let applied = match position {
            Position::AtHead => head,
            Position::Behind(_) => migrations.and_then(|it| it.applied.as_ref()),
            Position::NoChain | Position::Unknown { .. } | Position::Unstamped => None,
        };
        let models = sources.models.known();
        Self {
            database,
            head,
            applied,
            models,
            beside_head: models.zip(head).map(|(models, head)| models.beside(head)),
            beside_database: models.map(|models| models.beside(database)),
        }
    }

    fn ids(&self) -> BTreeSet<&ObjectId> {
        let real = [Some(self.database), self.head, self.applied];
        let mut ids: BTreeSet<&ObjectId> = real.into_iter().flatten().flat_map(|it| it.objects.keys()).collect();
        let models = match (&self.beside_head, &self.beside_database) {
            // What has one name beside the chain and another beside the database is found under those.
            (Some(head), Some(database)) => {
                head.objects.keys().filter(|id| database.objects.contains_key(*id)).collect()
            }
            (None, Some(database)) => database.objects.keys().collect(),
            _ => Vec::new(),
        };
        ids.extend(models);
        ids
    }

    fn seen(&self, id: &ObjectId) -> Seen {
        let database = self.database.objects.get(id);
        let head = self.head.map(|head| head.objects.get(id));
        let of_head = match head {
            Some(Some(head)) if Some(head) == database => Some(1),
            Some(Some(_)) => Some(2),
            Some(None) => Some(0),
            None => None,
        };
        let applied = self.applied.map(|applied| match applied.objects.get(id) {
            None => 0,
            there if there == database => 1,
            there if Some(there) == head => 2,
            Some(_) => 3,
        });
        let models = self.of_models(id).map(|said| match said {
            (None, None) => 0,
            (Some(ours), _) if Some(Some(ours)) == head => of_head.unwrap_or(4),
            (_, Some(ours)) if Some(ours) == database => 1,
            _ => 4,
        });
        Seen { models, head: of_head, applied, database: u8::from(database.is_some()) }
    }

    /// Returns what the models say beside the chain and beside the database; nothing where they do not speak of it.
    fn of_models(&self, id: &ObjectId) -> Option<(Option<&Properties>, Option<&Properties>)> {
        let models = self.models?;
        let beside_head = self.beside_head.as_ref().and_then(|it| it.objects.get(id));
        let beside_database = self.beside_database.as_ref().and_then(|it| it.objects.get(id));
        let real = [self.head, Some(self.database), self.applied].into_iter().flatten();
        let silent = real.filter(|schema| schema.objects.contains_key(id)).any(|schema| !models.speaks_in(id, schema));
        (!silent).then_some((beside_head, beside_database))
    }

    /// Whether an object is missing just where its table is: the table's line says it all. A sequence belongs to its
    /// column like that.
    fn is_part_of_lone(&self, id: &ObjectId, seen: Seen) -> bool {
        let same = |whole: &ObjectId| {
            let whole = self.seen(whole);
            let there = |one: u8, other: u8| (one == 0) == (other == 0);
            let both = |one: Option<u8>, other: Option<u8>| one.zip(other).is_none_or(|(one, other)| there(one, other));
            let lone =
                whole.database == 0 || whole.head == Some(0) || whole.applied == Some(0) || whole.models == Some(0);
            lone && there(whole.database, seen.database)
                && both(whole.head, seen.head)
                && both(whole.applied, seen.applied)
                && both(whole.models, seen.models)
        };
        let table = |name: &str| ObjectId {
            kind: ObjectKind::Table,
            schema: id.schema.clone(),
            parent: None,
            name: name.to_owned(),
        };
        if let Some(parent) = &id.parent {
            return same(&table(parent));
        }
        let schemas = [Some(self.database), self.head, self.applied];
        let owner = schemas.into_iter().flatten().find_map(|it| it.objects.get(id)?.get(&Property::OwnedBy));
        let Some((owner, column)) = owner.and_then(|owner| owner.rsplit_once('.')) else { return false };
        let column = ObjectId {
            kind: ObjectKind::Column,
            schema: id.schema.clone(),
            parent: Some(owner.to_owned()),
            name: column.to_owned(),
        };
        same(&table(owner)) || same(&column)
    }

    fn drifted(&self, id: &ObjectId, verdict: Verdict, chronicle: &Chronicle) -> Drifted {
        let standing = |properties: Option<&Properties>| {
            properties.map_or(Standing::Absent, |properties| Standing::Present(properties.clone()))
        };
        let models = match self.of_models(id) {
            None => Standing::Unsaid,
            Some((beside_head, beside_database)) => standing(beside_head.or(beside_database)),
        };
        // Where a revision is not applied yet, what differs from the database is what its end makes.
        let migrations = self.head.map_or(Standing::Unsaid, |head| standing(head.objects.get(id)));
        let database = standing(self.database.objects.get(id));
        let differing = differing([&models, &migrations, &database]);
        Drifted {
            object: id.clone(),
            verdict,
            differing,
            maker: chronicle.makers.get(id).cloned(),
            renamed_from: None,
            models,
            migrations,
            database,
        }
    }
}

/// Returns the properties in which those differ that have the object.
fn differing(standings: [&Standing; 3]) -> Vec<Property> {
    let there: Vec<&Properties> = standings.into_iter().filter_map(Standing::properties).collect();
    let all: BTreeSet<Property> = there.iter().flat_map(|properties| properties.keys().copied()).collect();
    let differs = |property: &Property| {
        let mut values = there.iter().map(|properties| properties.get(property));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    all.into_iter().filter(differs).collect()
}

impl Seen {
    /// Returns who is behind; nothing where all agree. The table in docs/drift.md, row by row.
    fn verdict(self, position: &Position) -> Option<Verdict> {
        let Self { models, head, applied, database } = self;
        let by_models = models == Some(database) && database != 0;
        let Some(head) = head else {
            return match models {
                Some(models) if models == database => None,
                None => None,
                Some(_) if *position != Position::NoChain => Some(Verdict::Undecided),
                Some(0) => Some(Verdict::MadeByHand),
                Some(_) => Some(Verdict::StaleVolume),
            };
        };
        if head == database {
            return match models {
                _ if applied.is_some_and(|applied| applied != head) => Some(Verdict::Early),
                Some(0) if head != 0 => Some(Verdict::RemovedFromModels),
                Some(models) if models != head => Some(Verdict::NotMigrated),
                _ => None,
            };
        }
        let in_database_alone = if by_models { Verdict::CreatedByModels } else { Verdict::MadeByHand };
        Some(match (position, applied) {
            (Position::Unknown { .. }, _) => Verdict::OtherBranch,
            (Position::Unstamped, _) if head == 0 => in_database_alone,
            (Position::Unstamped, _) if by_models => Verdict::CreatedByModels,
            (Position::Unstamped, _) => Verdict::StaleVolume,
            (_, Some(applied)) if applied == database => Verdict::Pending,
            (_, Some(0)) if head == 0 => in_database_alone,
            (_, Some(0)) => Verdict::Early,
            (_, Some(_)) => Verdict::ChangedByHand,
            (Position::Behind(_), None) if database == 0 => Verdict::Pending,
            (_, None) if head == 0 => in_database_alone,
            (_, None) => Verdict::Undecided,
        })
    }
}

/// Marks columns that look like another one of the same table under a new name: one gone, one come, of the same type.
fn suggest_renames(differences: &mut [Drifted]) {
    let present = |standing: &Standing| matches!(standing, Standing::Present(_));
    let absent = |standing: &Standing| *standing == Standing::Absent;
    let columns: Vec<usize> = (0..differences.len())
        .filter(|at| differences.get(*at).is_some_and(|it| it.object.kind == ObjectKind::Column))
        .collect();
    let mut pairs: Vec<(usize, String)> = Vec::new();
    for (source, reference) in [
        (Source::Models, Source::Migrations),
        (Source::Database, Source::Migrations),
        (Source::Models, Source::Database),
    ] {
        let side = |at: &usize, new: bool| {
            let it = differences.get(*at)?;
            let (here, other) = (source.of(it), reference.of(it));
            let fits = if new { present(here) && absent(other) } else { absent(here) && present(other) };
            // With migrations beside them, models and database are compared with those.
            let fits = fits && (!matches!(reference, Source::Database) || it.migrations == Standing::Unsaid);
            let properties = if new { here.properties() } else { other.properties() };
            fits.then(|| properties.map(|properties| (it, properties.get(&Property::Type)))).flatten()
        };
        for at in &columns {
            let Some((new, kind)) = side(at, true) else { continue };
            let alike = |other: &(&Drifted, Option<&String>)| {
                other.0.object.parent == new.object.parent
                    && other.0.object.schema == new.object.schema
                    && other.1 == kind
            };
            let gone: Vec<_> = columns.iter().filter_map(|other| side(other, false)).filter(alike).collect();
            let come = columns.iter().filter_map(|other| side(other, true)).filter(alike).count();
            if let ([(old, _)], 1) = (gone.as_slice(), come) {
                pairs.push((*at, old.object.name.clone()));
            }
        }
    }
    for (at, old) in pairs {
        if let Some(difference) = differences.get_mut(at) {
            difference.renamed_from.get_or_insert(old);
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    Models,
    Migrations,
    Database,
}

impl Source {
    fn of(self, difference: &Drifted) -> &Standing {
        match self {
            Self::Models => &difference.models,
            Self::Migrations => &difference.migrations,
            Self::Database => &difference.database,
        }
    }
}
