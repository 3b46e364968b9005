//! Runs of devdb that are cut short, one after the other, and what is there afterwards.

use super::faults::{Chance, Fault, Moment, slay, spare_makers, strike};
use super::world::{Bystanders, Kind, State, World};
use super::{durable_server, report};
use crate::reset_common::{fingerprint, oid};
use crate::support::bench;
use crate::support::cluster::Cluster;
use crate::support::sandbox::Output;
use serde::Serialize;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How much is done.
pub(super) struct Size {
    pub(super) resets: u64,
    /// The end, however many there were.
    pub(super) seconds: u64,
    pub(super) seed: u64,
    pub(super) alembic: bool,
}

/// What is run, and cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// Nothing changed since the last one.
    Again,
    EditedSeeds,
    EditedRevision,
    Cold,
    Undo,
    Save,
    Restore,
    /// The detached child that makes a spare, after a reset that was left alone.
    SpareMaker,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    major: u32,
    optimised: bool,
    seed: u64,
    seconds: u64,
    kills: u64,
    /// Runs that were done before anything went wrong; they are not among the kills.
    late: u64,
    bystanders: usize,
    /// Project and operation, fault, outcome.
    outcomes: BTreeMap<String, u64>,
    /// Something was left by the killed run, and cleared away by the next.
    left_over: u64,
    cleaned_said: u64,
    most_layers: usize,
    orphaned_directories: u64,
}

/// It was done before anything went wrong.
const LATE: &str = "late";

/// What this devdb can do.
struct Abilities {
    cold: bool,
    spare: bool,
    snapshots: bool,
}

struct Harness<'cluster> {
    cluster: &'cluster Cluster,
    worlds: Vec<Rc<World<'cluster>>>,
    bystanders: Bystanders<'cluster>,
    abilities: Abilities,
    chance: Chance,
    durations: BTreeMap<String, Duration>,
    counts: Counts,
}

/// One run to be cut short.
struct Round {
    number: u64,
    operation: Operation,
    /// The project and the operation, in words.
    label: String,
    fault: Fault,
    moment: Moment,
    before: State,
    kept: Option<(String, State)>,
    /// The one called `first`.
    snapshot: Option<(String, String)>,
}

impl Round {
    fn said(&self) -> String {
        format!("(round {}: {}, {} after {:?})", self.number, self.label, self.fault.name(), self.moment)
    }
}

pub(super) fn run(size: &Size) {
    let Some(cluster) = durable_server() else { return };
    if size.alembic && bench::venv().is_none() {
        return;
    }
    eprintln!("kills: seed {}, PostgreSQL {}", size.seed, cluster.major());
    let started = Instant::now();
    let mut harness = Harness::new(&cluster, size);
    // On a busy machine a few, however long they take.
    let in_time = |kills: u64| kills < 5 || started.elapsed().as_secs() < size.seconds;
    while harness.counts.kills < size.resets && in_time(harness.counts.kills) {
        harness.round();
    }
    harness.bystanders.assert_untouched("in the end");
    harness.finish(started.elapsed());
}

impl<'cluster> Harness<'cluster> {
    fn new(cluster: &'cluster Cluster, size: &Size) -> Self {
        let owner = cluster.create_role("CREATEDB");
        let mut kinds = vec![Kind::Sql, Kind::Command];
        kinds.extend(size.alembic.then_some(Kind::Alembic));
        let worlds: Vec<_> = kinds.into_iter().map(|kind| Rc::new(World::new(cluster, kind, &owner))).collect();
        let names: Vec<&str> = worlds.iter().map(|world| world.name()).collect();
        let bystanders = Bystanders::new(cluster, &owner, &names);
        let first = worlds.first().unwrap();
        let help = first.devdb(["reset", "--help"]).run();
        let snapshots = first.devdb(["snapshot", "--help"]).run().code == 0;
        let mut harness = Self {
            cluster,
            bystanders,
            worlds,
            abilities: Abilities { cold: help.stdout.contains("--cold"), spare: false, snapshots },
            chance: Chance::new(size.seed),
            durations: BTreeMap::new(),
            counts: Counts {
                major: cluster.major(),
                seed: size.seed,
                optimised: !cfg!(debug_assertions),
                ..Counts::default()
            },
        };
        harness.counts.bystanders = harness.bystanders.count();
        harness.measure();
        harness
    }

    /// Learns how long runs take that nobody cuts short.
    fn measure(&mut self) {
        for world in &self.worlds {
            for operation in [Operation::EditedRevision, Operation::EditedSeeds, Operation::Again, Operation::Again] {
                change(world, operation);
                let label = label(world, operation);
                let output = world.devdb(["reset", "--yes"]).run();
                output.assert_code(0);
                world.wait_for_spare_maker();
                self.abilities.spare |= world.has_spare();
                self.durations.insert(label, output.took);
            }
            if self.abilities.snapshots {
                let saved = world.devdb(["snapshot", "save", "first"]).run();
                saved.assert_code(0);
                self.durations.insert(label(world, Operation::Save), saved.took);
            }
        }
        eprintln!("kills: a run takes {:?}", self.durations);
    }

    fn choose(&mut self) -> (usize, Operation) {
        let last = self.worlds.len() - 1;
        let world = self.chance.weighted(&[(50, 0), (25, 1), (25, last)]);
        let operation = self.chance.weighted(&[
            (35, Operation::Again),
            (18, Operation::EditedSeeds),
            (15, Operation::EditedRevision),
            (if self.abilities.cold { 10 } else { 0 }, Operation::Cold),
            (10, Operation::Undo),
            (if self.abilities.snapshots { 6 } else { 0 }, Operation::Save),
            (if self.abilities.snapshots { 6 } else { 0 }, Operation::Restore),
            (if self.abilities.spare { 10 } else { 0 }, Operation::SpareMaker),
        ]);
        (world, operation)
    }

    fn world(&self, index: usize) -> Rc<World<'cluster>> {
        Rc::clone(self.worlds.get(index).expect("one of those that were made"))
    }

    fn round(&mut self) {
        let number = self.counts.kills + self.counts.late;
        let (index, operation) = self.choose();
        let world = self.world(index);
        world.write_by_hand(number);
        let before = world.state(world.name());
        let kept = world.kept().map(|kept| (kept.clone(), world.state(&kept)));
        let snapshot = world.snapshot();
        if operation != Operation::SpareMaker {
            change(&world, operation);
        }
        let label = label(&world, operation);
        let builds = match operation {
            Operation::EditedRevision | Operation::Cold => world.kind != Kind::Sql,
            Operation::EditedSeeds => world.kind == Kind::Command,
            _ => false,
        };
        let child = if builds { 40 } else { 0 };
        let fault = self.chance.weighted(&[
            (60, Fault::Devdb),
            (child, Fault::Child),
            (15, Fault::Server),
            (8, Fault::Backend),
        ]);
        let whole = self.durations.get(&label).copied().unwrap_or(Duration::from_millis(500));
        let moment = self.chance.moment(whole, sign(operation, &label));
        let round = Round { number, operation, label, fault, moment, before, kept, snapshot };
        let outcome = if operation == Operation::SpareMaker {
            self.cut_the_spare_maker_short(index, &round)
        } else {
            self.cut_short(index, &round)
        };
        let key = format!("{} | {} | {outcome}", round.label, fault.name());
        if outcome == LATE {
            self.counts.late += 1;
        } else {
            *self.counts.outcomes.entry(key).or_default() += 1;
            self.counts.kills += 1;
        }
        self.next_run(index, &round, outcome);
    }

    fn cut_short(&self, index: usize, round: &Round) -> &'static str {
        let world = self.world(index);
        let arguments: &[&str] = match round.operation {
            Operation::Undo => &["undo"],
            Operation::Save => &["snapshot", "save", "first", "--force"],
            Operation::Restore => &["snapshot", "restore", "first", "--yes"],
            Operation::Cold => &["reset", "--yes", "--cold"],
            _ => &["reset", "--yes"],
        };
        let mut running = world.devdb(arguments.iter().copied()).spawn();
        let struck = strike(round.fault, self.cluster, &mut running, round.moment);
        let output = running.wait();
        self.settle(&world);
        let what = format!("{}{output}", round.said());
        let ended_well = output.code == 0;
        match round.operation {
            Operation::Undo => return self.judge_undo(&world, round, &output),
            Operation::Save => return judge_save(&world, round, &what),
            Operation::Restore => return judge_restore(&world, round, &what),
            _ => {}
        }
        let outcome = judge_reset(&world, &round.before, &output, &what);
        if struck && !ended_well { outcome } else { LATE }
    }

    fn judge_undo(&self, world: &World<'_>, round: &Round, output: &Output) -> &'static str {
        let what = format!("{}{output}", round.said());
        let Some((_, kept)) = &round.kept else { return LATE };
        if world.is_closed() {
            assert_eq!(oid(self.cluster, world.name()), round.before.0, "{what}");
            return "old, closed until the next run";
        }
        let now = world.state(world.name());
        let beside = world.kept().map(|name| world.state(&name));
        assert!([&round.before, kept].contains(&&now), "half of one of the two: {what}");
        let expected = if now == round.before { kept } else { &round.before };
        assert_eq!(beside.as_ref(), Some(expected), "one of the two was lost {what}");
        if now == round.before { "old" } else { "new" }
    }

    fn cut_the_spare_maker_short(&self, index: usize, round: &Round) -> &'static str {
        let world = self.world(index);
        let output = world.devdb(["reset", "--yes"]).run();
        output.assert_code(0);
        std::thread::sleep(round.moment.delay / 3);
        let makers = spare_makers(world.project.path());
        match round.fault {
            Fault::Devdb | Fault::Child => {
                for maker in &makers {
                    slay(*maker);
                }
            }
            Fault::Server | Fault::Backend => {
                self.cluster.crash();
                self.cluster.resume();
            }
        }
        self.settle(&world);
        world.assert_new(world.name(), &round.said());
        if makers.is_empty() { LATE } else { "new" }
    }

    /// Waits until the server has seen that nobody is there any more.
    fn settle(&self, world: &World<'_>) {
        self.cluster.wait_until_it_answers();
        world.wait_for_spare_maker();
        let owner = &world.database.owner.name;
        let query = format!("select count(*) from pg_stat_activity where usename = '{owner}'");
        let started = Instant::now();
        while self.cluster.value("postgres", &query).as_deref() != Some("0") {
            assert!(started.elapsed() < Duration::from_secs(30), "sessions of a killed run stay");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next run finishes, and leaves nothing of the one before.
    fn next_run(&mut self, index: usize, round: &Round, outcome: &'static str) {
        let world = self.world(index);
        let what = round.said();
        let left = world.beside();
        let unfinished = left.keys().any(|role| !matches!(role.as_str(), "previous" | "spare" | "snapshot"));
        self.counts.left_over += u64::from(unfinished);
        let standing = oid(self.cluster, world.name());
        let closed = world.is_closed();
        let next = label(&world, Operation::Again);
        let mut devdb = world.devdb(["reset", "--yes"]);
        // Now and then without the child, so that the one after it finds no spare.
        if self.chance.percent(40) {
            devdb = devdb.env("CI", "true");
        }
        let output = devdb.run();
        output.assert_code(0);
        self.settle(&world);
        self.counts.cleaned_said += u64::from(output.stderr.contains("cleaned up"));
        self.durations.insert(next, output.took);
        world.assert_new(world.name(), &format!("after the next run {what}"));
        world.assert_tidy(1, &format!("after the next run {what}"));
        if round.operation != Operation::Save {
            assert_eq!(world.snapshot(), round.snapshot, "the snapshot changed {what}");
        }
        let kept = world.kept().unwrap_or_else(|| panic!("nothing is kept {what}{output}"));
        assert_eq!(oid(self.cluster, &kept), standing, "what stood there is what is kept {what}{output}");
        if closed || outcome.starts_with("old") || round.operation == Operation::Save {
            assert_eq!(fingerprint(self.cluster, &kept), round.before.1, "the old one changed {what}");
        }
        if round.number.is_multiple_of(10) {
            self.bystanders.assert_untouched(&what);
        }
        let layers =
            "select count(*) from pg_database where shobj_description(oid, 'pg_database') like 'devdb: {%layer\"%'
                      and datname like 'devdb\\_layer%'";
        let layers = self.cluster.value("postgres", layers).and_then(|count| count.parse().ok()).unwrap_or(0);
        self.counts.most_layers = self.counts.most_layers.max(layers);
    }

    fn finish(mut self, took: Duration) {
        self.counts.seconds = took.as_secs();
        // PostgreSQL itself leaves the files of a `CREATE DATABASE` that a crash interrupted; only it could remove them.
        let known = "select count(*) from pg_database";
        let known: usize = self.cluster.value("postgres", known).unwrap().parse().unwrap();
        let directories = std::fs::read_dir(self.cluster.data().join("base")).unwrap().flatten();
        let numbered = |name: &str| name.chars().all(|letter| letter.is_ascii_digit());
        let found = directories.filter(|entry| entry.file_name().to_str().is_some_and(numbered)).count();
        self.counts.orphaned_directories = u64::try_from(found.saturating_sub(known)).unwrap();
        eprintln!("kills: {}", serde_json::to_string_pretty(&self.counts).unwrap());
        report(&format!("kills-{}-{}", self.counts.major, self.counts.seed), &self.counts);
    }
}

/// Fails unless the target is wholly the old or wholly the new one, and devdb said no more than what is true.
fn judge_reset(world: &World<'_>, before: &State, output: &Output, what: &str) -> &'static str {
    if world.is_closed() {
        assert_eq!(oid(world.cluster, world.name()), before.0, "{what}");
        assert_ne!(output.code, 0, "it is closed, and devdb content {what}");
        return "old, closed until the next run";
    }
    let now = oid(world.cluster, world.name());
    assert!(now.is_some(), "the database is gone {what}");
    if now == before.0 {
        assert_eq!(fingerprint(world.cluster, world.name()), before.1, "half of the old one {what}");
        assert_ne!(output.code, 0, "it is the old one, and devdb content {what}");
        return "old";
    }
    world.assert_new(world.name(), what);
    assert!(!output.stderr.contains("old database was not touched"), "it is the new one {what}");
    "new"
}

/// A snapshot is a copy: the database stays what it was, and there is the old snapshot or the new one.
fn judge_save(world: &World<'_>, round: &Round, what: &str) -> &'static str {
    assert_eq!(world.state(world.name()), round.before, "it was only to be copied {what}");
    let Some((database, content)) = world.snapshot() else { panic!("both snapshots are gone {what}") };
    if round.snapshot.as_ref().is_some_and(|(old, _)| *old == database) {
        assert_eq!(round.snapshot, Some((database, content)), "the old snapshot changed {what}");
        return "old";
    }
    assert_eq!(content, round.before.1, "half of a copy {what}");
    "new"
}

fn judge_restore(world: &World<'_>, round: &Round, what: &str) -> &'static str {
    if world.is_closed() {
        assert_eq!(oid(world.cluster, world.name()), round.before.0, "{what}");
        return "old, closed until the next run";
    }
    let (now, content) = world.state(world.name());
    if now == round.before.0 {
        assert_eq!(content, round.before.1, "half of the old one {what}");
        return "old";
    }
    assert_eq!(Some(&content), round.snapshot.as_ref().map(|(_, content)| content), "half of a copy {what}");
    "new"
}

/// What a run says just before its swap.
fn sign(operation: Operation, label: &str) -> Option<&'static str> {
    match operation {
        Operation::Again if label.ends_with("a spare is there") => Some("create  "),
        Operation::Again | Operation::EditedSeeds | Operation::EditedRevision | Operation::Cold => Some("verify  "),
        Operation::Restore => Some("copy  "),
        Operation::Undo | Operation::Save | Operation::SpareMaker => None,
    }
}

fn change(world: &World<'_>, operation: Operation) {
    match operation {
        Operation::EditedSeeds => world.edit_seeds(),
        Operation::EditedRevision => world.edit_revision(),
        _ => {}
    }
}

fn label(world: &World<'_>, operation: Operation) -> String {
    let project = match world.kind {
        Kind::Sql => "SQL",
        Kind::Command => "SQL and a command",
        Kind::Alembic => "Alembic",
    };
    let what = match operation {
        Operation::Again if world.has_spare() => "reset, a spare is there",
        Operation::Again => "reset, nothing changed",
        Operation::EditedSeeds => "reset, seeds changed",
        Operation::EditedRevision => "reset, last revision changed",
        Operation::Cold => "reset --cold",
        Operation::Undo => "undo",
        Operation::Save => "snapshot save",
        Operation::Restore => "snapshot restore",
        Operation::SpareMaker => "the child that makes a spare",
    };
    format!("{project} | {what}")
}
