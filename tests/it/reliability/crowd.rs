//! Several of devdb at once, and others at work on the database that is exchanged.

use super::world::{Bystanders, Kind, World};
use crate::support::bench;
use crate::support::cluster::Cluster;
use crate::support::sandbox::{Output, Running, Sandbox};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn all_at_once(runs: &[Sandbox]) -> Vec<Output> {
    let running: Vec<_> = runs.iter().map(Sandbox::spawn).collect();
    running.into_iter().map(Running::wait).collect()
}

#[track_caller]
fn many_on_one_target(count: usize) {
    let Some(cluster) = Cluster::shared() else { return };
    let owner = cluster.create_role("CREATEDB");
    let world = World::new(cluster, Kind::Sql, &owner);
    let bystanders = Bystanders::around(cluster, &owner, &[world.name()]);
    world.write_by_hand(1);
    let outputs = all_at_once(&vec![world.devdb(["reset", "--yes"]); count]);
    for output in &outputs {
        output.assert_code(0);
    }
    let waited = outputs.iter().filter(|output| output.stderr.contains("waiting for")).count();
    let named = outputs.iter().filter(|output| output.stderr.contains("devdb reset")).count();
    assert!(waited == 0 || named > 0, "they do not say for whom they wait");
    world.wait_for_spare_maker();
    world.assert_new(world.name(), "after resets at once");
    world.assert_tidy(0, "after resets at once");
    bystanders.assert_untouched("by resets at once");
}

#[test]
fn two_resets_at_once_on_one_target() {
    many_on_one_target(2);
}

#[test]
fn eight_resets_at_once_on_one_target() {
    many_on_one_target(8);
}

/// The same files, so the same layers: all of them want to make them, and none is in another's way.
#[test]
fn eight_resets_at_once_on_eight_targets_of_one_server() {
    let Some(cluster) = Cluster::shared() else { return };
    let owner = cluster.create_role("CREATEDB");
    let worlds: Vec<World<'_>> = (0..8).map(|_number| World::new(cluster, Kind::Sql, &owner)).collect();
    for _turn in 0..2 {
        let runs: Vec<Sandbox> = worlds.iter().map(|world| world.devdb(["reset", "--yes"])).collect();
        for output in all_at_once(&runs) {
            output.assert_code(0);
        }
        for world in &worlds {
            world.wait_for_spare_maker();
            world.assert_new(world.name(), "after resets at once");
            world.assert_tidy(0, "after resets at once");
        }
    }
}

/// What is there afterwards is one of the two, whole, and the other is kept.
#[test]
fn resets_and_undos_at_once_leave_two_whole_databases() {
    let Some(cluster) = Cluster::shared() else { return };
    let owner = cluster.create_role("CREATEDB");
    let world = World::new(cluster, Kind::Sql, &owner);
    for _both in 0..2 {
        world.devdb(["reset", "--yes"]).run().assert_code(0);
        world.wait_for_spare_maker();
    }
    let commands: [&[&str]; 6] =
        [&["reset", "--yes"], &["undo"], &["reset", "--yes"], &["undo"], &["reset", "--yes"], &["undo"]];
    for output in all_at_once(&commands.map(|command| world.devdb(command.iter().copied()))) {
        output.assert_code(0);
    }
    world.wait_for_spare_maker();
    world.assert_tidy(0, "after resets and undos at once");
    let kept = world.kept().expect("one is kept");
    world.assert_new(&kept, "the kept one");
    world.assert_new(world.name(), "the target");
}

/// A dump is a session like any other: it is named, and ended; what it read from is kept, whole.
#[test]
fn a_reset_ends_a_dump_by_name_and_what_was_dumped_is_kept() {
    let Some(cluster) = Cluster::shared() else { return };
    let owner = cluster.create_role("CREATEDB");
    let world = World::new(cluster, Kind::Sql, &owner);
    world.write_by_hand(1);
    let before = world.state(world.name());
    // The dump cannot end before: somebody holds a table.
    let holder = Holder::of(&world);
    let dump = Command::new("pg_dump")
        .env("PATH", bench::path())
        .arg(world.database.url())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let dumping =
        "select count(*) from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'";
    let started = Instant::now();
    while cluster.value("postgres", dumping).as_deref() != Some("1") {
        assert!(started.elapsed() < Duration::from_mins(1), "the dump did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = world.devdb(["reset", "--yes"]).run();
    output.assert_code(0).assert_stderr_has("ended the session of pg_dump");
    drop(holder);
    let dump = dump.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&dump.stderr).into_owned();
    assert!(!dump.status.success() && said.contains("terminating connection"), "{said}");
    world.wait_for_spare_maker();
    world.assert_new(world.name(), "after a dump");
    assert_eq!(world.state(&world.kept().unwrap()), before);
}

/// A session that holds a table until it is ended.
struct Holder(std::process::Child);

impl Holder {
    fn of(world: &World<'_>) -> Self {
        let script = "begin; lock table by_hand in access exclusive mode; select pg_sleep(300)";
        let mut command = Command::new("psql");
        command.env("PATH", bench::path()).args(["-qX", "-c", script]).arg(world.database.url());
        let holder = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let held =
            "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
        let started = Instant::now();
        while world.database.value(held).as_deref() != Some("1") {
            assert!(started.elapsed() < Duration::from_mins(1), "the table is not held");
            std::thread::sleep(Duration::from_millis(20));
        }
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It has ended by itself when its session was ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
